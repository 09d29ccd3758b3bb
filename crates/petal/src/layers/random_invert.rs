use serde::{Deserialize, Serialize};

use super::random_brightness::{check_range, colours};
use super::{Definition, Factor, Lowering, only};
use crate::program::{Op, RandomRecolor, Recoloring, Value};
use crate::shape::Shape;

/// Turns images into their negatives in training, each with a probability of its own.
///
/// `high - x`, with the high end of the value range. The factor's bounds lie in `[0, 1]`: a number `f` draws each image's
/// probability from `[0, f)`, as Keras does. Defaults: factor 1, so half of all images; value range 0 to 255.
///
/// ```
/// use petal::layers::{Input, Layer, RandomInvert};
/// let y = RandomInvert::new(0.4).on(&Input::image(180, 180, 3))?;
/// # Ok::<(), petal::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct RandomInvert {
    #[serde(deserialize_with = "super::factor::from_zero")]
    factor: Factor,
    value_range: [f32; 2],
}

impl RandomInvert {
    /// With probabilities drawn from this range.
    pub fn new(factor: impl Into<Factor>) -> Self {
        RandomInvert { factor: factor.into().at_least(0.0), value_range: colours() }
    }

    /// The range of colours.
    pub fn value_range(self, low: f32, high: f32) -> Self {
        RandomInvert { value_range: [low, high], ..self }
    }
}

impl Default for RandomInvert {
    fn default() -> Self {
        RandomInvert::new(1.0)
    }
}

impl Definition for RandomInvert {
    fn output_shape(&self, inputs: &[Shape]) -> Result<Shape, String> {
        self.factor.check("factor", 0.0, 1.0)?;
        check_range(self.value_range)?;
        let input = only(inputs)?;
        input.image()?;
        Ok(input.clone())
    }

    fn lower(&self, node: &mut Lowering<'_>) -> Value {
        if !node.mode.augments() {
            return node.input();
        }
        let kind = Recoloring::Invert { probability: self.factor.bounds(), high: self.value_range[1] };
        node.emit(Op::RandomRecolor(RandomRecolor { kind, stream: node.stream() }))
    }
}
