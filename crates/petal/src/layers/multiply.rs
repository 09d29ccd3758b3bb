use serde::{Deserialize, Serialize};

use super::{Definition, Lowering};
use crate::program::{Op, Value};
use crate::shape::Shape;

/// The product of several inputs, value by value.
///
/// An input may have size 1 along its first axes: it counts as if it were repeated there, so that a gate
/// `[batch, 1, 1, channels]` scales the channels of `[batch, height, width, channels]`.
///
/// ```
/// use petal::layers::{Conv2D, Function, GlobalAveragePooling2D, Input, Layer, Multiply};
/// let x = Input::image(8, 8, 16);
/// let mean = GlobalAveragePooling2D::new().keepdims(true).on(&x)?;
/// let gate = Conv2D::new(16, 1).activation(Function::Sigmoid).on(&mean)?;
/// let y = Multiply::new().on([&x, &gate])?;
/// assert_eq!(y.shape()[..], [8, 8, 16]);
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

/// Whether repeating an input of shape `small` along its first axes gives the shape `large`.
fn repeats_to(small: &Shape, large: &Shape) -> bool {
    let ones = small.iter().take_while(|&&size| size == 1).count();
    small.len() == large.len() && small[ones..] == large[ones..]
}

impl Definition for Multiply {
    fn output_shape(&self, inputs: &[Shape]) -> Result<Shape, String> {
        let largest = inputs.iter().max_by_key(|shape| shape.elements());
        let (Some(largest), true) = (largest, inputs.len() > 1) else {
            return Err(format!("got {} inputs; expected at least 2", inputs.len()));
        };
        match inputs.iter().find(|shape| !repeats_to(shape, largest)) {
            None => Ok(largest.clone()),
            Some(other) => Err(format!(
                "got inputs of shapes {largest} and {other}; expected the same shape, or sizes of 1 along the first axes"
            )),
        }
    }

    fn lower(&self, node: &mut Lowering<'_>) -> Value {
        node.emit(Op::Multiply)
    }
}
