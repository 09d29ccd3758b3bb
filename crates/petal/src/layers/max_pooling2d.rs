use serde::{Deserialize, Serialize};

use super::window::{Window, pooling_setters};
use super::{Definition, Lowering, Padding, Pair, only};
use crate::program::{Op, Value};
use crate::shape::Shape;

/// The largest value of each window, channel by channel.
///
/// Input `[batch, height, width, channels]`. Defaults: windows of 2×2 ([`Default`]), the window's step is its size,
/// [`Padding::Valid`] (a last incomplete row or column is dropped: 45 becomes 22).
///
/// ```
/// use petal::layers::{Input, Layer, MaxPooling2D};
/// let y = MaxPooling2D::new(2).on(&Input::image(45, 45, 64))?;
/// assert_eq!(y.shape()[..], [22, 22, 64]);
/// # Ok::<(), petal::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct MaxPooling2D {
    pool_size: Pair,
    padding: Padding,
    /// By default the window's size.
    strides: Option<Pair>,
}

impl MaxPooling2D {
    pooling_setters!();
}

impl Default for MaxPooling2D {
    /// Windows of 2×2.
    fn default() -> Self {
        Self::new(2)
    }
}

impl Definition for MaxPooling2D {
    fn output_shape(&self, inputs: &[Shape]) -> Result<Shape, String> {
        self.window().pooled_shape(only(inputs)?)
    }

    fn inputs_per_output(&self) -> usize {
        let [height, width] = self.pool_size.0;
        height.saturating_mul(width)
    }

    fn lower(&self, node: &mut Lowering<'_>) -> Value {
        node.emit(Op::MaxPool(self.window().of(node.input_image())))
    }
}
