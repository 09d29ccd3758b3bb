use serde::{Deserialize, Serialize};

use super::random_brightness::{check_range, colours};
use super::{Definition, Factor, Lowering, only};
use crate::program::{Op, RandomRecolor, Recoloring, Value};
use crate::shape::Shape;

/// Turns colours above a threshold into their negatives in training, after adding a number; both are drawn for each image.
///
/// On a scale of 0 to 255 for the value range: `z = min(x + addition, 255)`, then `z` below the threshold and `255 - z` from
/// it on. Both factors lie in `[0, 1]`, and a pair `(a, b)` draws from `[a, 255 b)`: Keras scales only the upper bound.
/// Defaults: factors 0, which makes negatives of all images; value range 0 to 255.
///
/// ```
/// use petal::layers::{Input, Layer, Solarization};
/// let y = Solarization::new(0.3, 0.5).on(&Input::image(180, 180, 3))?;
/// # Ok::<(), petal::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Solarization {
    #[serde(deserialize_with = "super::factor::from_zero")]
    addition_factor: Factor,
    #[serde(deserialize_with = "super::factor::from_zero")]
    threshold_factor: Factor,
    value_range: [f32; 2],
}

impl Solarization {
    /// With these factors of the addition and of the threshold; a number `f` stands for 0 and `f`.
    pub fn new(addition_factor: impl Into<Factor>, threshold_factor: impl Into<Factor>) -> Self {
        Solarization {
            addition_factor: addition_factor.into().at_least(0.0),
            threshold_factor: threshold_factor.into().at_least(0.0),
            value_range: colours(),
        }
    }

    /// The range of colours.
    pub fn value_range(self, low: f32, high: f32) -> Self {
        Solarization { value_range: [low, high], ..self }
    }
}

impl Default for Solarization {
    fn default() -> Self {
        Solarization::new(0.0, 0.0)
    }
}

impl Definition for Solarization {
    fn output_shape(&self, inputs: &[Shape]) -> Result<Shape, String> {
        self.addition_factor.check("addition factor", 0.0, 1.0)?;
        self.threshold_factor.check("threshold factor", 0.0, 1.0)?;
        check_range(self.value_range)?;
        let input = only(inputs)?;
        input.image()?;
        Ok(input.clone())
    }

    fn lower(&self, node: &mut Lowering<'_>) -> Value {
        if !node.mode.augments() {
            return node.input();
        }
        let draws = |factor: Factor| {
            let [low, high] = factor.bounds();
            [low, high * 255.0]
        };
        let kind = Recoloring::Solarize {
            addition: draws(self.addition_factor),
            threshold: draws(self.threshold_factor),
            range: self.value_range,
        };
        node.emit(Op::RandomRecolor(RandomRecolor { kind, stream: node.stream() }))
    }
}
