use serde::{Deserialize, Serialize};

use super::random_brightness::{check_range, colours};
use super::{Definition, Factor, Lowering, only};
use crate::program::{Changing, Value};
use crate::shape::Shape;

/// Blurs or sharpens images in training, each by a number of its own.
///
/// Factors lie in `[0, 1]`: 0 blurs by a kernel of 3×3, 0.5 leaves the image as it is, 1 takes as much away as 0 adds. A
/// number `f` draws them from `[0, f)`. Zeros lie around the image. Gradients don't pass. Default: value range 0 to 255.
///
/// ```
/// use petal::layers::{Input, Layer, RandomSharpness};
/// let y = RandomSharpness::new((0.2, 0.8)).on(&Input::image(180, 180, 3))?;
/// # Ok::<(), petal::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RandomSharpness {
    #[serde(deserialize_with = "super::factor::from_zero")]
    factor: Factor,
    #[serde(default = "colours")]
    value_range: [f32; 2],
}

impl RandomSharpness {
    /// With factors drawn from this range.
    pub fn new(factor: impl Into<Factor>) -> Self {
        RandomSharpness { factor: factor.into().at_least(0.0), value_range: colours() }
    }

    /// The range that values are clipped to.
    pub fn value_range(self, low: f32, high: f32) -> Self {
        RandomSharpness { value_range: [low, high], ..self }
    }
}

impl Definition for RandomSharpness {
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
        let sharpness = Changing::Sharpness { factors: self.factor.bounds(), range: self.value_range };
        node.emit_changes(vec![sharpness], None)
    }
}
