use serde::{Deserialize, Serialize};

use super::Definition;
use super::add::same_shape;
use crate::model::Shape;
use crate::model::plan::{Lowering, Op, Value};

/// The product of several inputs of one shape, value by value.
///
/// ```
/// use petal::layers::{Conv2D, Function, Input, Layer, Multiply};
/// let x = Input::image(8, 8, 16);
/// let gate = Conv2D::new(16, 1).activation(Function::Sigmoid).on(&x)?;
/// let y = Multiply::new().on([&x, &gate])?;
/// # Ok::<(), petal::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Multiply {}

impl Multiply {
    /// The layer; it has no settings.
    pub fn new() -> Self {
        Multiply {}
    }
}

impl Definition for Multiply {
    fn output_shape(&self, inputs: &[Shape]) -> Result<Shape, String> {
        same_shape(inputs)
    }

    fn lower(&self, node: &mut Lowering<'_>) -> Value {
        node.emit(Op::Multiply, &node.inputs(), node.output_shape())
    }
}
