use serde::{Deserialize, Serialize};

use super::{Definition, Initializer, Lowering, WeightSpec, only};
use crate::program::{Op, Value};
use crate::shape::Shape;

/// Multiplies each channel by a number that it learns, `gamma` (Touvron et al. 2021): what Keras' ConvNeXt does at the end
/// of a block.
///
/// The channels are the last axis. Weight: `gamma` `[channels]`.
///
/// ```
/// use petal::layers::{Input, Layer, LayerScale};
/// let y = LayerScale::new(1e-6, 96).on(&Input::image(56, 56, 96))?;
/// # Ok::<(), petal::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LayerScale {
    init_values: f32,
    projection_dim: usize,
}

impl LayerScale {
    /// For this many channels, whose factors all start at `init_values`.
    pub fn new(init_values: f32, projection_dim: usize) -> Self {
        LayerScale { init_values, projection_dim }
    }
}

impl Definition for LayerScale {
    fn output_shape(&self, inputs: &[Shape]) -> Result<Shape, String> {
        let input = only(inputs)?;
        if input.last() != Some(&self.projection_dim) {
            let channels = self.projection_dim;
            return Err(format!(
                "got an input of shape {input}; expected {channels} channels, its projection_dim"
            ));
        }
        Ok(input.clone())
    }

    fn weights(&self, _inputs: &[Shape]) -> Vec<WeightSpec> {
        let initializer = Initializer::Constant { value: self.init_values };
        vec![WeightSpec::new("gamma", [self.projection_dim], &initializer)]
    }

    fn lower(&self, node: &mut Lowering<'_>) -> Value {
        node.emit(Op::ChannelScale { gamma: Some(node.weight(0)), beta: None })
    }
}
