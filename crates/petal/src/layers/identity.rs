use serde::{Deserialize, Serialize};

use super::{Definition, Lowering, only};
use crate::program::Value;
use crate::shape::Shape;

/// Gives its input as it is: a place with a name.
///
/// ```
/// use petal::layers::{Identity, Input, Layer};
/// let y = Identity::new().name("features").on(&Input::image(90, 90, 32))?;
/// # Ok::<(), petal::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Identity {}

impl Identity {
    /// The layer; it has no settings.
    pub fn new() -> Self {
        Identity {}
    }
}

impl Definition for Identity {
    fn output_shape(&self, inputs: &[Shape]) -> Result<Shape, String> {
        Ok(only(inputs)?.clone())
    }

    fn lower(&self, node: &mut Lowering<'_>) -> Value {
        node.input()
    }
}
