use serde::{Deserialize, Serialize};

use super::{Definition, Lowering, only};
use crate::program::{Op, Value};
use crate::shape::Shape;

/// `x · scale + offset`, in training and in inference: `Rescaling::new(1.0 / 255.0)` brings colours to `[0, 1]`,
/// `Rescaling::new(1.0 / 127.5).offset(-1.0)` to `[-1, 1]`.
///
/// Both may be lists with a number for each channel (the last axis).
///
/// ```
/// use petal::layers::{Input, Layer, Rescaling};
/// let y = Rescaling::new(1.0 / 255.0).on(&Input::image(180, 180, 3))?;
/// # Ok::<(), petal::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rescaling {
    scale: PerChannel,
    #[serde(default = "zero")]
    offset: PerChannel,
}

impl Rescaling {
    /// Multiplies by `scale`.
    pub fn new(scale: impl Into<PerChannel>) -> Self {
        Rescaling { scale: scale.into(), offset: zero() }
    }

    /// What is added after the multiplication; 0 by default.
    pub fn offset(self, offset: impl Into<PerChannel>) -> Self {
        Rescaling { offset: offset.into(), ..self }
    }
}

/// One number for all channels, or a number for each.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum PerChannel {
    /// For all.
    All(f64),
    /// For each.
    Each(Vec<f64>),
}

impl From<f64> for PerChannel {
    fn from(all: f64) -> Self {
        PerChannel::All(all)
    }
}

impl<const N: usize> From<[f64; N]> for PerChannel {
    fn from(each: [f64; N]) -> Self {
        PerChannel::Each(each.to_vec())
    }
}

impl PerChannel {
    pub(super) fn check(&self, what: &str, input: &Shape) -> Result<(), String> {
        match self {
            PerChannel::Each(each) if input.last() != Some(&each.len()) => Err(format!(
                "its {what} has {} numbers, but its input of shape {input} has {} channels",
                each.len(),
                input.last().unwrap_or(&1)
            )),
            _ => Ok(()),
        }
    }

    pub(super) fn values(&self, channels: usize) -> Vec<f32> {
        match self {
            PerChannel::All(all) => vec![*all as f32; channels],
            PerChannel::Each(each) => each.iter().map(|&value| value as f32).collect(),
        }
    }
}

fn zero() -> PerChannel {
    PerChannel::All(0.0)
}

impl Definition for Rescaling {
    fn output_shape(&self, inputs: &[Shape]) -> Result<Shape, String> {
        let input = only(inputs)?;
        self.scale.check("scale", input)?;
        self.offset.check("offset", input)?;
        Ok(input.clone())
    }

    fn lower(&self, node: &mut Lowering<'_>) -> Value {
        node.emit(match (&self.scale, &self.offset) {
            (&PerChannel::All(scale), &PerChannel::All(offset)) => {
                Op::Scale { scale: scale as f32, offset: offset as f32 }
            }
            (scale, offset) => {
                let channels = node.output_shape().last().copied().unwrap_or(1);
                Op::ChannelAffine { scale: scale.values(channels), offset: offset.values(channels) }
            }
        })
    }
}
