use serde::{Deserialize, Serialize};

use super::add::same_shape;
use super::{Definition, Lowering};
use crate::program::{Op, Value};
use crate::shape::Shape;

/// The first of two inputs of one shape less the second, value by value.
///
/// ```
/// use petal::layers::{Conv2D, Input, Layer, Subtract};
/// let x = Input::image(8, 8, 16);
/// let y = Conv2D::new(16, 3).same().on(&x)?;
/// let difference = Subtract::new().on([&x, &y])?;
/// # Ok::<(), petal::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Subtract {}

impl Subtract {
    /// The layer; it has no settings.
    pub fn new() -> Self {
        Subtract {}
    }
}

/// The one shape of two inputs.
pub(super) fn two_of_one_shape(inputs: &[Shape]) -> Result<Shape, String> {
    if inputs.len() != 2 {
        return Err(format!("got {} inputs; expected 2", inputs.len()));
    }
    same_shape(inputs)
}

/// Emits the first of two inputs plus `scale` times the second.
pub(super) fn scaled_sum(node: &mut Lowering<'_>, scale: f32) -> Value {
    let shape = node.output_shape();
    let [first, second] = node.inputs()[..] else { unreachable!("shape inference accepts only two inputs") };
    let scaled = node.step(Op::Scale { scale, offset: 0.0 }, &[second], shape);
    node.step(Op::Add, &[first, scaled], shape)
}

impl Definition for Subtract {
    fn output_shape(&self, inputs: &[Shape]) -> Result<Shape, String> {
        two_of_one_shape(inputs)
    }

    fn lower(&self, node: &mut Lowering<'_>) -> Value {
        scaled_sum(node, -1.0)
    }
}
