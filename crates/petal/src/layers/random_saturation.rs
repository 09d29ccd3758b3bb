use serde::{Deserialize, Serialize};

use super::random_brightness::{check_range, colours};
use super::random_grayscale::check_colours;
use super::{Definition, Factor, Lowering, only};
use crate::program::{Changing, Value};
use crate::shape::Shape;

/// Changes the saturation of images in training, each by a number of its own.
///
/// It is multiplied by `factor / (1 - factor)`: 0 and less make images grey, 0.5 leaves them as they are. Factors lie in
/// `[-1, 1]`; Keras draws those of a number `f` from `[-f, f)`, so that half of all images become grey: give a pair. What
/// is more than full is full, where Keras goes on with colours out of their range unless that is 0 to 1. Gradients don't
/// pass. Default: value range 0 to 255.
///
/// ```
/// use petal::layers::{Input, Layer, RandomSaturation};
/// let y = RandomSaturation::new((0.4, 0.6)).on(&Input::image(180, 180, 3))?;
/// # Ok::<(), petal::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RandomSaturation {
    factor: Factor,
    #[serde(default = "colours")]
    value_range: [f32; 2],
}

impl RandomSaturation {
    /// With factors drawn from this range.
    pub fn new(factor: impl Into<Factor>) -> Self {
        RandomSaturation { factor: factor.into(), value_range: colours() }
    }

    /// The range of colours.
    pub fn value_range(self, low: f32, high: f32) -> Self {
        RandomSaturation { value_range: [low, high], ..self }
    }

    pub(super) fn changing(&self) -> Changing {
        Changing::Saturation { factors: self.factor.bounds(), range: self.value_range }
    }
}

impl Definition for RandomSaturation {
    fn output_shape(&self, inputs: &[Shape]) -> Result<Shape, String> {
        self.factor.check("factor", -1.0, 1.0)?;
        check_range(self.value_range)?;
        let input = only(inputs)?;
        check_colours(input)?;
        Ok(input.clone())
    }

    fn lower(&self, node: &mut Lowering<'_>) -> Value {
        if !node.mode.augments() {
            return node.input();
        }
        node.emit_changes(vec![self.changing()], None)
    }
}
