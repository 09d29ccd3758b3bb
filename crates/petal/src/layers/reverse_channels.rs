use serde::{Deserialize, Serialize};

use super::{Definition, Lowering, only};
use crate::program::{Op, Value};
use crate::shape::Shape;

/// The channels (the last axis) in the reverse order: RGB to BGR and back. In Keras it is `x[..., ::-1]`.
///
/// ```
/// use petal::layers::{Input, Layer, ReverseChannels};
/// let bgr = ReverseChannels::new().on(&Input::image(180, 180, 3))?;
/// # Ok::<(), petal::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ReverseChannels {}

impl ReverseChannels {
    /// The layer; it has no settings.
    pub fn new() -> Self {
        ReverseChannels {}
    }
}

impl Definition for ReverseChannels {
    fn output_shape(&self, inputs: &[Shape]) -> Result<Shape, String> {
        Ok(only(inputs)?.clone())
    }

    fn lower(&self, node: &mut Lowering<'_>) -> Value {
        node.emit(Op::ReverseChannels)
    }
}
