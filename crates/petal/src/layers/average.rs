use serde::{Deserialize, Serialize};

use super::add::same_shape;
use super::{Definition, Lowering};
use crate::program::{Op, Value};
use crate::shape::Shape;

/// The mean of several inputs of one shape, value by value.
///
/// ```
/// use petal::layers::{Average, Conv2D, Input, Layer};
/// let x = Input::image(8, 8, 16);
/// let y = Conv2D::new(16, 3).same().on(&x)?;
/// let mean = Average::new().on([&x, &y])?;
/// # Ok::<(), petal::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Average {}

impl Average {
    /// The layer; it has no settings.
    pub fn new() -> Self {
        Average {}
    }
}

impl Definition for Average {
    fn output_shape(&self, inputs: &[Shape]) -> Result<Shape, String> {
        same_shape(inputs)
    }

    fn lower(&self, node: &mut Lowering<'_>) -> Value {
        let (inputs, shape) = (node.inputs().len(), node.output_shape());
        let sum = node.emit(Op::Add);
        node.step(Op::Scale { scale: 1.0 / inputs as f32, offset: 0.0 }, &[sum], shape)
    }
}
