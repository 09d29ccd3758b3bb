use serde::{Deserialize, Serialize};

use super::graph::Tensor;
use super::{AnyLayer, Definition, LayerSpec, Lowering};
use crate::program::Value;
use crate::shape::Shape;

/// The place where data enters a model; Keras' `InputLayer`.
///
/// ```
/// use petal::layers::Input;
/// let x = Input::image(180, 180, 3);
/// assert_eq!(x.shape().to_string(), "(None, 180, 180, 3)");
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Input {
    shape: Shape,
}

impl Input {
    /// Images, `[batch, height, width, channels]`.
    pub fn image(height: usize, width: usize, channels: usize) -> Tensor {
        Self::new([height, width, channels])
    }

    /// Samples of any shape; the batch axis is not part of it.
    #[expect(clippy::new_ret_no_self, reason = "a call of Keras' `Input` gives a tensor, not a layer")]
    pub fn new(shape: impl Into<Shape>) -> Tensor {
        Self::named(shape, None)
    }

    /// Samples of any shape, for an input with a name of its own.
    pub fn with_name(shape: impl Into<Shape>, name: impl Into<String>) -> Tensor {
        Self::named(shape, Some(name.into()))
    }

    fn named(shape: impl Into<Shape>, name: Option<String>) -> Tensor {
        let layer = AnyLayer::Input(Input { shape: shape.into() });
        Tensor::new(LayerSpec { name, ..layer.into() }, Vec::new()).expect("an input takes any shape")
    }
}

impl Definition for Input {
    fn output_shape(&self, _inputs: &[Shape]) -> Result<Shape, String> {
        Ok(self.shape.clone())
    }

    fn lower(&self, _node: &mut Lowering<'_>) -> Value {
        unreachable!("the graph's input is a value before any step")
    }
}
