use serde::{Deserialize, Serialize};

use super::add::same_shape;
use super::{Definition, Lowering};
use crate::program::{Op, Value};
use crate::shape::Shape;

/// The largest of several inputs of one shape, value by value. Where several inputs have it, the first takes the gradient.
///
/// ```
/// use petal::layers::{Conv2D, Input, Layer, Maximum};
/// let x = Input::image(8, 8, 16);
/// let y = Conv2D::new(16, 3).same().on(&x)?;
/// let largest = Maximum::new().on([&x, &y])?;
/// # Ok::<(), petal::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Maximum {}

impl Maximum {
    /// The layer; it has no settings.
    pub fn new() -> Self {
        Maximum {}
    }
}

impl Definition for Maximum {
    fn output_shape(&self, inputs: &[Shape]) -> Result<Shape, String> {
        same_shape(inputs)
    }

    fn lower(&self, node: &mut Lowering<'_>) -> Value {
        node.emit(Op::Maximum)
    }
}
