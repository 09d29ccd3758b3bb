use serde::{Deserialize, Serialize};

use super::{Definition, Lowering, only};
use crate::program::{Op, Value};
use crate::shape::Shape;

/// Lays the values of a sample in one row: `[batch, height, width, channels]` becomes
/// `[batch, height · width · channels]`, channels fastest.
///
/// ```
/// use petal::layers::{Flatten, Input, Layer};
/// let y = Flatten::new().on(&Input::image(22, 22, 64))?;
/// assert_eq!(y.shape()[..], [30976]);
/// # Ok::<(), petal::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Flatten {}

impl Flatten {
    /// The layer; it has no settings.
    pub fn new() -> Self {
        Flatten {}
    }
}

impl Definition for Flatten {
    fn output_shape(&self, inputs: &[Shape]) -> Result<Shape, String> {
        Ok([only(inputs)?.elements()].into())
    }

    fn lower(&self, node: &mut Lowering<'_>) -> Value {
        node.emit(Op::Reshape)
    }
}
