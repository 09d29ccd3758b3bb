use serde::{Deserialize, Serialize};

use super::random_brightness::{check_range, colours};
use super::random_grayscale::check_colours;
use super::{Definition, Factor, Lowering, only};
use crate::program::{Changing, Value};
use crate::shape::Shape;

/// Turns the hues of images in training, each by a number of its own, forwards or backwards.
///
/// The hue moves by `factor / 2` of the whole circle; factors lie in `[0, 1]`, and a number `f` draws them from `[0, f)`.
/// Gradients don't pass. Default: value range 0 to 255.
///
/// ```
/// use petal::layers::{Input, Layer, RandomHue};
/// let y = RandomHue::new(0.1).on(&Input::image(180, 180, 3))?;
/// # Ok::<(), petal::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RandomHue {
    #[serde(deserialize_with = "super::factor::from_zero")]
    factor: Factor,
    #[serde(default = "colours")]
    value_range: [f32; 2],
}

impl RandomHue {
    /// With factors drawn from this range.
    pub fn new(factor: impl Into<Factor>) -> Self {
        RandomHue { factor: factor.into().at_least(0.0), value_range: colours() }
    }

    /// The range of colours.
    pub fn value_range(self, low: f32, high: f32) -> Self {
        RandomHue { value_range: [low, high], ..self }
    }

    pub(super) fn changing(&self) -> Changing {
        Changing::Hue { factors: self.factor.bounds(), range: self.value_range }
    }
}

impl Definition for RandomHue {
    fn output_shape(&self, inputs: &[Shape]) -> Result<Shape, String> {
        self.factor.check("factor", 0.0, 1.0)?;
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
