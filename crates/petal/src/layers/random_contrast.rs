use serde::{Deserialize, Serialize};

use super::{Definition, Factor, Lowering, only};
use crate::program::{Op, RandomShift, Shift, Value};
use crate::shape::Shape;

/// Changes the contrast of images in training, each by a factor of its own.
///
/// `(x - mean) · factor + mean`, clipped to the value range, where the mean is that of the image's channel. A pair of
/// numbers `(a, b)` in `[0, 1]` draws the factor from `[1 - a, 1 + b)`; one number `b` draws it from `[1, 1 + b)`, which
/// only ever adds contrast: that is what Keras 3 does, though its documentation promises `[1 - b, 1 + b)`. Default: value
/// range 0 to 255.
///
/// ```
/// use petal::layers::{Input, Layer, RandomContrast};
/// let y = RandomContrast::new((0.2, 0.2)).on(&Input::image(180, 180, 3))?;
/// # Ok::<(), petal::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RandomContrast {
    #[serde(deserialize_with = "super::factor::from_zero")]
    factor: Factor,
    #[serde(default = "super::random_brightness::colours")]
    value_range: [f32; 2],
}

impl RandomContrast {
    /// Takes contrast away by up to the first number of a pair, adds up to the second.
    pub fn new(factor: impl Into<Factor>) -> Self {
        let factor = factor.into().at_least(0.0);
        RandomContrast { factor, value_range: super::random_brightness::colours() }
    }

    /// The range that values are clipped to.
    pub fn value_range(self, low: f32, high: f32) -> Self {
        RandomContrast { value_range: [low, high], ..self }
    }
}

impl Definition for RandomContrast {
    fn output_shape(&self, inputs: &[Shape]) -> Result<Shape, String> {
        self.factor.check("factor", 0.0, 1.0)?;
        super::random_brightness::check_range(self.value_range)?;
        let input = only(inputs)?;
        input.image()?;
        Ok(input.clone())
    }

    fn lower(&self, node: &mut Lowering<'_>) -> Value {
        if !node.mode.augments() {
            return node.input();
        }
        let [less, more] = self.factor.bounds();
        node.emit(Op::RandomShift(RandomShift {
            kind: Shift::Contrast,
            amounts: [1.0 - less, 1.0 + more],
            range: self.value_range,
            stream: node.stream(),
        }))
    }
}
