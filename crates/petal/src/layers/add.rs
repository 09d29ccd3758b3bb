use serde::{Deserialize, Serialize};

use super::{Definition, Lowering};
use crate::program::{Op, Value};
use crate::shape::Shape;

/// The sum of several inputs of one shape, value by value.
///
/// ```
/// use petal::layers::{Add, Conv2D, Input, Layer};
/// let x = Input::image(8, 8, 16);
/// let y = Conv2D::new(16, 3).same().on(&x)?;
/// let sum = Add::new().on([&x, &y])?;
/// # Ok::<(), petal::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Add {}

impl Add {
    /// The layer; it has no settings.
    pub fn new() -> Self {
        Add {}
    }
}

/// The one shape of two or more inputs.
pub(super) fn same_shape(inputs: &[Shape]) -> Result<Shape, String> {
    match inputs {
        [] | [_] => Err(format!("got {} inputs; expected at least 2", inputs.len())),
        [first, others @ ..] => match others.iter().find(|shape| *shape != first) {
            None => Ok(first.clone()),
            Some(other) => Err(format!("got inputs of shapes {first} and {other}; expected the same shape")),
        },
    }
}

impl Definition for Add {
    fn output_shape(&self, inputs: &[Shape]) -> Result<Shape, String> {
        same_shape(inputs)
    }

    fn lower(&self, node: &mut Lowering<'_>) -> Value {
        node.emit(Op::Add)
    }
}
