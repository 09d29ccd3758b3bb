use serde::{Deserialize, Serialize};

use super::{Definition, only};
use crate::model::Shape;
use crate::model::plan::{Lowering, Op, Value};

/// `x · scale + offset`, in training and in inference: `Rescaling::new(1.0 / 255.0)` brings colours to `[0, 1]`,
/// `Rescaling::new(1.0 / 127.5).offset(-1.0)` to `[-1, 1]`.
///
/// ```
/// use petal::layers::{Input, Layer, Rescaling};
/// let y = Rescaling::new(1.0 / 255.0).on(&Input::image(180, 180, 3))?;
/// # Ok::<(), petal::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rescaling {
    scale: f64,
    offset: f64,
}

impl Rescaling {
    /// Multiplies by `scale`.
    pub fn new(scale: f64) -> Self {
        Rescaling { scale, offset: 0.0 }
    }

    /// What is added after the multiplication; 0 by default.
    pub fn offset(self, offset: f64) -> Self {
        Rescaling { offset, ..self }
    }
}

impl Definition for Rescaling {
    fn output_shape(&self, inputs: &[Shape]) -> Result<Shape, String> {
        Ok(only(inputs)?.clone())
    }

    fn lower(&self, node: &mut Lowering<'_>) -> Value {
        let op = Op::Scale { scale: self.scale as f32, offset: self.offset as f32 };
        node.emit(op, &[node.input()], node.output_shape())
    }
}
