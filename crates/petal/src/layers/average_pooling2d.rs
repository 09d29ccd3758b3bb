use serde::{Deserialize, Serialize};

use super::window::{Window, pooling_setters};
use super::{Definition, Lowering, Padding, Pair, only};
use crate::program::{Op, Value};
use crate::shape::Shape;

/// The mean of each window, channel by channel; cells of padding don't count.
///
/// Input `[batch, height, width, channels]`. Defaults: windows of 2×2 ([`Default`]), the window's step is its size,
/// [`Padding::Valid`] (a last incomplete row or column is dropped: 45 becomes 22).
///
/// ```
/// use petal::layers::{AveragePooling2D, Input, Layer};
/// let y = AveragePooling2D::new(3).strides(2).same().on(&Input::image(45, 45, 64))?;
/// assert_eq!(y.shape()[..], [23, 23, 64]);
/// # Ok::<(), petal::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct AveragePooling2D {
    pool_size: Pair,
    padding: Padding,
    /// By default the window's size.
    strides: Option<Pair>,
}

impl AveragePooling2D {
    pooling_setters!();
}

impl Default for AveragePooling2D {
    /// Windows of 2×2.
    fn default() -> Self {
        Self::new(2)
    }
}

impl Definition for AveragePooling2D {
    fn output_shape(&self, inputs: &[Shape]) -> Result<Shape, String> {
        self.window().pooled_shape(only(inputs)?)
    }

    fn inputs_per_output(&self) -> usize {
        let [height, width] = self.pool_size.0;
        height.saturating_mul(width)
    }

    fn lower(&self, node: &mut Lowering<'_>) -> Value {
        node.emit(Op::AveragePool(self.window().of(node.input_image())))
    }
}
