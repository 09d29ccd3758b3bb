use serde::{Deserialize, Serialize};

use super::random_brightness::{check_range, colours};
use super::{Definition, Lowering, only};
use crate::program::{Changing, Value};
use crate::shape::Shape;

/// Spreads the values of each channel of an image evenly over their range in training, by its histogram.
///
/// Keras counts those of all images of a batch in one. Gradients don't pass. Defaults: 256 bins, value range 0 to 255.
///
/// ```
/// use petal::layers::{Equalization, Input, Layer};
/// let y = Equalization::new().on(&Input::image(180, 180, 3))?;
/// # Ok::<(), petal::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Equalization {
    bins: usize,
    value_range: [f32; 2],
}

impl Equalization {
    /// With 256 bins.
    pub fn new() -> Self {
        Equalization { bins: 256, value_range: colours() }
    }

    /// The number of parts that the range is cut into, 2 to 65536.
    pub fn bins(self, bins: usize) -> Self {
        Equalization { bins, ..self }
    }

    /// The range of colours.
    pub fn value_range(self, low: f32, high: f32) -> Self {
        Equalization { value_range: [low, high], ..self }
    }
}

impl Default for Equalization {
    fn default() -> Self {
        Equalization::new()
    }
}

impl Definition for Equalization {
    fn output_shape(&self, inputs: &[Shape]) -> Result<Shape, String> {
        if !(2..=65536).contains(&self.bins) {
            return Err(format!("it has {} bins; expected 2 to 65536", self.bins));
        }
        check_range(self.value_range)?;
        let input = only(inputs)?;
        input.image()?;
        Ok(input.clone())
    }

    fn lower(&self, node: &mut Lowering<'_>) -> Value {
        if !node.mode.augments() {
            return node.input();
        }
        node.emit_changes(vec![Changing::Equalize { bins: self.bins, range: self.value_range }], None)
    }
}
