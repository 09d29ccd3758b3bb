use serde::{Deserialize, Serialize};

use super::{Definition, Lowering, only};
use crate::program::Value;
use crate::shape::Shape;

/// Gives its input as it is. In Keras' training it adds `l1 · Σ|x| + l2 · Σx²`, the mean over the batch, to the loss, which
/// Petal's training doesn't: [`Model::fit`](crate::model::Model::fit) refuses a model with it, unless both are 0 (the
/// default) or the layer is called in inference mode.
///
/// ```
/// use petal::layers::{ActivityRegularization, Input, Layer};
/// let y = ActivityRegularization::new(0.0, 0.01).on(&Input::new([128]))?;
/// # Ok::<(), petal::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ActivityRegularization {
    l1: f32,
    l2: f32,
}

impl ActivityRegularization {
    /// With these factors of the sums of absolute values and of squares.
    pub fn new(l1: f32, l2: f32) -> Self {
        ActivityRegularization { l1, l2 }
    }
}

impl Definition for ActivityRegularization {
    fn output_shape(&self, inputs: &[Shape]) -> Result<Shape, String> {
        Ok(only(inputs)?.clone())
    }

    fn check_training(&self) -> Result<(), String> {
        if self.l1 == 0.0 && self.l2 == 0.0 {
            return Ok(());
        }
        Err(format!(
            "it adds its activations to the loss (l1 {}, l2 {}), which Petal's training doesn't; build the model without \
             this layer",
            self.l1, self.l2
        ))
    }

    fn lower(&self, node: &mut Lowering<'_>) -> Value {
        node.input()
    }
}
