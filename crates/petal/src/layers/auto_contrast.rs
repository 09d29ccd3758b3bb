use serde::{Deserialize, Serialize};

use super::random_brightness::{check_range, colours};
use super::{Definition, Lowering, only};
use crate::program::{Op, Value};
use crate::shape::Shape;

/// Stretches each channel of each image so that its smallest value becomes the low end of the value range and its largest
/// the high one, in training and in inference; a channel of one value stays as it is.
///
/// Default: value range 0 to 255.
///
/// ```
/// use petal::layers::{AutoContrast, Input, Layer};
/// let y = AutoContrast::new().on(&Input::image(180, 180, 3))?;
/// # Ok::<(), petal::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct AutoContrast {
    value_range: [f32; 2],
}

impl AutoContrast {
    /// For colours from 0 to 255.
    pub fn new() -> Self {
        AutoContrast { value_range: colours() }
    }

    /// The range that channels are stretched to.
    pub fn value_range(self, low: f32, high: f32) -> Self {
        AutoContrast { value_range: [low, high] }
    }
}

impl Default for AutoContrast {
    fn default() -> Self {
        AutoContrast::new()
    }
}

impl Definition for AutoContrast {
    fn output_shape(&self, inputs: &[Shape]) -> Result<Shape, String> {
        check_range(self.value_range)?;
        let input = only(inputs)?;
        input.image()?;
        Ok(input.clone())
    }

    fn lower(&self, node: &mut Lowering<'_>) -> Value {
        node.emit(Op::AutoContrast { range: self.value_range })
    }
}
