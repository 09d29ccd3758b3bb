use serde::{Deserialize, Serialize};

use super::{Definition, Lowering, only};
use crate::program::{Op, Value};
use crate::shape::Shape;

/// The mean of each channel over the whole image.
///
/// Input `[batch, height, width, channels]`, output `[batch, channels]`, or `[batch, 1, 1, channels]` with
/// `keepdims`, which is off by default.
///
/// ```
/// use petal::layers::{GlobalAveragePooling2D, Input, Layer};
/// let y = GlobalAveragePooling2D::new().on(&Input::image(6, 6, 1280))?;
/// assert_eq!(y.shape()[..], [1280]);
/// # Ok::<(), petal::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct GlobalAveragePooling2D {
    keepdims: bool,
}

impl GlobalAveragePooling2D {
    /// Without height and width in the output's shape.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether the output keeps height and width, both 1.
    pub fn keepdims(self, keepdims: bool) -> Self {
        Self { keepdims }
    }
}

impl Definition for GlobalAveragePooling2D {
    fn output_shape(&self, inputs: &[Shape]) -> Result<Shape, String> {
        let [_, _, channels] = only(inputs)?.image()?;
        Ok(if self.keepdims { [1, 1, channels].into() } else { [channels].into() })
    }

    fn lower(&self, node: &mut Lowering<'_>) -> Value {
        node.emit(Op::GlobalAveragePool)
    }
}
