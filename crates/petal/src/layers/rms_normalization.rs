use serde::{Deserialize, Serialize};

use super::axes::Axes;
use super::{Definition, Initializer, Lowering, WeightSpec, only};
use crate::program::{LayerNorm, Op, Value};
use crate::shape::Shape;

/// Divides each sample's values along the last axis by the root of their mean square, then scales them (Zhang and
/// Sennrich 2019).
///
/// `y = scale · x / √(mean(x²) + epsilon)`, in training and in inference. Weight: `scale`, of the shape of the normalized
/// axes. Defaults: the last axis, epsilon 0.000001.
///
/// ```
/// use petal::layers::{Input, Layer, RMSNormalization};
/// let y = RMSNormalization::new().on(&Input::new([128]))?;
/// # Ok::<(), petal::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct RMSNormalization {
    axis: Axes,
    epsilon: f32,
}

impl RMSNormalization {
    /// The layer with Keras' defaults.
    pub fn new() -> Self {
        RMSNormalization { axis: Axes::last(), epsilon: 1e-6 }
    }

    /// The axes that are normalized together: the last ones, `[1, 2, 3]` or `[-3, -2, -1]` for whole images.
    pub fn axis(self, axis: impl Into<Vec<isize>>) -> Self {
        RMSNormalization { axis: Axes(axis.into()), ..self }
    }

    /// What is added to the mean square, against division by 0.
    pub fn epsilon(self, epsilon: f32) -> Self {
        RMSNormalization { epsilon, ..self }
    }
}

impl Default for RMSNormalization {
    fn default() -> Self {
        RMSNormalization::new()
    }
}

impl Definition for RMSNormalization {
    fn output_shape(&self, inputs: &[Shape]) -> Result<Shape, String> {
        let input = only(inputs)?;
        self.axis.trailing(input)?;
        Ok(input.clone())
    }

    fn weights(&self, inputs: &[Shape]) -> Vec<WeightSpec> {
        let features = self.axis.trailing(&inputs[0]).expect("shape inference has accepted the axes");
        vec![WeightSpec::new("scale", features, &Initializer::Ones {})]
    }

    fn lower(&self, node: &mut Lowering<'_>) -> Value {
        let features =
            self.axis.trailing(node.output_shape()).expect("shape inference has accepted the axes");
        node.emit(Op::LayerNorm(LayerNorm {
            features: features.iter().product(),
            epsilon: self.epsilon,
            centered: false,
            gamma: Some(node.weight(0)),
            beta: None,
        }))
    }
}
