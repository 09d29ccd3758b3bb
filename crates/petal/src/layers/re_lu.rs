use serde::{Deserialize, Serialize};

use super::{Definition, Lowering, only};
use crate::program::{Op, Unary, Value};
use crate::shape::Shape;

/// Rectified linear unit: `x` above `threshold` but at most `max_value`, `negative_slope · (x - threshold)` below.
///
/// Defaults: no largest value, slope 0, threshold 0, so `max(x, 0)`.
///
/// ```
/// use petal::layers::{Input, Layer, ReLU};
/// let y = ReLU::new().max_value(6.0).on(&Input::image(90, 90, 32))?;
/// # Ok::<(), petal::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ReLU {
    max_value: Option<f32>,
    negative_slope: f32,
    threshold: f32,
}

impl ReLU {
    /// `max(x, 0)`.
    pub fn new() -> Self {
        ReLU::default()
    }

    /// The largest output.
    pub fn max_value(self, max_value: f32) -> Self {
        ReLU { max_value: Some(max_value), ..self }
    }

    /// The slope below the threshold.
    pub fn negative_slope(self, negative_slope: f32) -> Self {
        ReLU { negative_slope, ..self }
    }

    /// The value below which inputs are damped.
    pub fn threshold(self, threshold: f32) -> Self {
        ReLU { threshold, ..self }
    }

    pub(super) fn unary(self) -> Unary {
        let ReLU { max_value, negative_slope, threshold } = self;
        Unary::Relu { max_value, negative_slope, threshold }
    }
}

impl Definition for ReLU {
    fn output_shape(&self, inputs: &[Shape]) -> Result<Shape, String> {
        for (what, value) in [
            ("largest value", self.max_value.unwrap_or(0.0)),
            ("negative slope", self.negative_slope),
            ("threshold", self.threshold),
        ] {
            if value.is_nan() || value < 0.0 {
                return Err(format!("its {what} is {value}; expected at least 0"));
            }
        }
        Ok(only(inputs)?.clone())
    }

    fn lower(&self, node: &mut Lowering<'_>) -> Value {
        node.emit(Op::Unary(self.unary()))
    }
}
