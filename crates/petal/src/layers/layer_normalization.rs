use serde::{Deserialize, Serialize};

use super::axes::Axes;
use super::{Definition, Initializer, Lowering, WeightSpec, only};
use crate::program::{LayerNorm, Op, Value};
use crate::shape::Shape;

/// Brings each sample's values along the last axis to mean 0 and variance 1, then scales them by `gamma` and shifts
/// them by `beta` (Ba et al. 2016).
///
/// `y = gamma · (x - mean) / √(variance + epsilon) + beta`, in training and in inference. Weights: `gamma`, `beta`, of
/// the shape of the normalized axes. Defaults: the last axis, epsilon 0.001, center and scale.
///
/// ```
/// use petal::layers::{Input, Layer, LayerNormalization};
/// let y = LayerNormalization::new().on(&Input::new([128]))?;
/// # Ok::<(), petal::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct LayerNormalization {
    axis: Axes,
    epsilon: f32,
    center: bool,
    scale: bool,
    rms_scaling: bool,
    beta_initializer: Initializer,
    gamma_initializer: Initializer,
}

impl LayerNormalization {
    /// The layer with Keras' defaults.
    pub fn new() -> Self {
        LayerNormalization {
            axis: Axes::last(),
            epsilon: 1e-3,
            center: true,
            scale: true,
            rms_scaling: false,
            beta_initializer: Initializer::Zeros {},
            gamma_initializer: Initializer::Ones {},
        }
    }

    /// The axes that are normalized together: the last ones, `[1, 2, 3]` or `[-3, -2, -1]` for whole images.
    pub fn axis(self, axis: impl Into<Vec<isize>>) -> Self {
        LayerNormalization { axis: Axes(axis.into()), ..self }
    }

    /// What is added to the variance, against division by 0.
    pub fn epsilon(self, epsilon: f32) -> Self {
        LayerNormalization { epsilon, ..self }
    }

    /// Whether `beta` is added.
    pub fn center(self, center: bool) -> Self {
        LayerNormalization { center, ..self }
    }

    /// Whether the result is multiplied by `gamma`.
    pub fn scale(self, scale: bool) -> Self {
        LayerNormalization { scale, ..self }
    }
}

impl Default for LayerNormalization {
    fn default() -> Self {
        LayerNormalization::new()
    }
}

impl Definition for LayerNormalization {
    fn output_shape(&self, inputs: &[Shape]) -> Result<Shape, String> {
        let input = only(inputs)?;
        self.axis.trailing(input)?;
        if self.rms_scaling {
            return Err("it has rms_scaling, which Keras has deprecated; expected it to be off".into());
        }
        Ok(input.clone())
    }

    fn weights(&self, inputs: &[Shape]) -> Vec<WeightSpec> {
        let features = self.axis.trailing(&inputs[0]).expect("shape inference has accepted the axes");
        let weight =
            |wanted: bool, name, initializer| wanted.then(|| WeightSpec::new(name, features, initializer));
        let gamma = weight(self.scale, "gamma", &self.gamma_initializer);
        let beta = weight(self.center, "beta", &self.beta_initializer);
        gamma.into_iter().chain(beta).collect()
    }

    fn lower(&self, node: &mut Lowering<'_>) -> Value {
        let features =
            self.axis.trailing(node.output_shape()).expect("shape inference has accepted the axes");
        node.emit(Op::LayerNorm(LayerNorm {
            features: features.iter().product(),
            epsilon: self.epsilon,
            centered: true,
            gamma: self.scale.then(|| node.weight(0)),
            beta: self.center.then(|| node.weight(usize::from(self.scale))),
        }))
    }
}
