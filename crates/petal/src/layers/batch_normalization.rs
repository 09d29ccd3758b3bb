use serde::{Deserialize, Serialize};

use super::{Definition, Initializer, Lowering, WeightSpec, only};
use crate::program::{BatchNorm, Op, Value};
use crate::shape::Shape;

/// Brings each channel to mean 0 and variance 1, then scales it by `gamma` and shifts it by `beta` (Ioffe and
/// Szegedy 2015).
///
/// `y = gamma · (x - mean) / √(variance + epsilon) + beta`, on the last axis. In training, mean and (population)
/// variance are those of the batch, and moving averages of them are kept:
/// `moving = momentum · moving + (1 - momentum) · batch`. In inference, and while the layer is not trainable, the
/// moving averages are used and stay as they are.
///
/// Weights, each `[channels]`: `gamma`, `beta`, `moving_mean`, `moving_variance`. Defaults: momentum 0.99, epsilon
/// 0.001, center and scale.
///
/// ```
/// use petal::layers::{BatchNormalization, Input, Layer};
/// let y = BatchNormalization::new().on(&Input::image(90, 90, 32))?;
/// # Ok::<(), petal::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct BatchNormalization {
    momentum: f32,
    epsilon: f32,
    center: bool,
    scale: bool,
}

impl Default for BatchNormalization {
    fn default() -> Self {
        Self::new()
    }
}

impl BatchNormalization {
    /// The layer with Keras' defaults.
    pub fn new() -> Self {
        BatchNormalization { momentum: 0.99, epsilon: 1e-3, center: true, scale: true }
    }

    /// The share of the moving averages that a batch leaves as it is.
    pub fn momentum(self, momentum: f32) -> Self {
        BatchNormalization { momentum, ..self }
    }

    /// What is added to the variance, against division by 0.
    pub fn epsilon(self, epsilon: f32) -> Self {
        BatchNormalization { epsilon, ..self }
    }

    /// Whether `beta` is added.
    pub fn center(self, center: bool) -> Self {
        BatchNormalization { center, ..self }
    }

    /// Whether the result is multiplied by `gamma`.
    pub fn scale(self, scale: bool) -> Self {
        BatchNormalization { scale, ..self }
    }
}

impl Definition for BatchNormalization {
    fn output_shape(&self, inputs: &[Shape]) -> Result<Shape, String> {
        let input = only(inputs)?;
        if input.is_empty() {
            return Err(format!("got an input of shape {input}; expected at least (None, channels)"));
        }
        Ok(input.clone())
    }

    fn weights(&self, inputs: &[Shape]) -> Vec<WeightSpec> {
        let channels = [inputs[0][inputs[0].len() - 1]];
        let statistic = |name, initializer: Initializer| WeightSpec {
            trainable: false,
            ..WeightSpec::new(name, channels, &initializer)
        };
        let mut weights = Vec::with_capacity(4);
        if self.scale {
            weights.push(WeightSpec::new("gamma", channels, &Initializer::Ones {}));
        }
        if self.center {
            weights.push(WeightSpec::new("beta", channels, &Initializer::Zeros {}));
        }
        weights.push(statistic("moving_mean", Initializer::Zeros {}));
        weights.push(statistic("moving_variance", Initializer::Ones {}));
        weights
    }

    fn lower(&self, node: &mut Lowering<'_>) -> Value {
        let statistics = usize::from(self.scale) + usize::from(self.center);
        node.emit(Op::BatchNorm(BatchNorm {
            epsilon: self.epsilon,
            momentum: (node.mode.trains() && node.trainable).then_some(self.momentum),
            fixed: !node.trainable,
            gamma: self.scale.then(|| node.weight(0)),
            beta: self.center.then(|| node.weight(usize::from(self.scale))),
            mean: node.weight(statistics),
            variance: node.weight(statistics + 1),
        }))
    }
}
