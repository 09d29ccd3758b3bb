use serde::{Deserialize, Serialize};

use super::{Definition, Padding, Pair, only};
use crate::model::Shape;
use crate::model::plan::{Lowering, Op, Value};

/// The largest value of each window, channel by channel.
///
/// Input `[batch, height, width, channels]`. Defaults: the window's step is its size, [`Padding::Valid`] (a last
/// incomplete row or column is dropped: 45 becomes 22).
///
/// ```
/// use petal::layers::{Input, Layer, MaxPooling2D};
/// let y = MaxPooling2D::new(2).on(&Input::image(45, 45, 64))?;
/// assert_eq!(y.shape()[..], [22, 22, 64]);
/// # Ok::<(), petal::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MaxPooling2D {
    pool_size: Pair,
    padding: Padding,
    strides: Pair,
}

impl MaxPooling2D {
    /// Windows of this size, side by side.
    pub fn new(pool_size: impl Into<Pair>) -> Self {
        let pool_size = pool_size.into();
        MaxPooling2D { pool_size, padding: Padding::Valid, strides: pool_size }
    }

    /// The window's step.
    pub fn strides(self, strides: impl Into<Pair>) -> Self {
        MaxPooling2D { strides: strides.into(), ..self }
    }

    /// Lets windows hang over the border: `ceil(size / stride)` of them an axis.
    pub fn same(self) -> Self {
        MaxPooling2D { padding: Padding::Same, ..self }
    }
}

impl Definition for MaxPooling2D {
    fn output_shape(&self, inputs: &[Shape]) -> Result<Shape, String> {
        pooled_shape(only(inputs)?, self.pool_size, self.strides, self.padding)
    }

    fn lower(&self, node: &mut Lowering<'_>) -> Value {
        let op = Op::max_pool(window(node.input_image(0), self.pool_size, self.strides, self.padding));
        node.emit(op, &[node.input()], node.output_shape())
    }
}

pub(crate) fn pooled_shape(
    input: &Shape,
    pool: Pair,
    strides: Pair,
    padding: Padding,
) -> Result<Shape, String> {
    let [height, width, channels] = input.image()?;
    super::conv2d::check_window(pool, strides, 1.into())?;
    let [height, width] = padding.output([height, width], pool.0, strides)?;
    Ok([height, width, channels].into())
}

pub(crate) fn window(
    input: [usize; 3],
    pool: Pair,
    strides: Pair,
    padding: Padding,
) -> petal_kernels::Pool2d {
    petal_kernels::Pool2d {
        batch: 0,
        input,
        window: pool.0,
        strides: strides.0,
        padding: padding.cells([input[0], input[1]], pool.0, strides),
    }
}
