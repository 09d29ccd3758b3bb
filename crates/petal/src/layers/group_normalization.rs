use serde::{Deserialize, Serialize};

use super::axes::{self, Axes};
use super::{Definition, Initializer, Lowering, WeightSpec, only};
use crate::program::{LayerNorm, Op, Value};
use crate::shape::Shape;

/// Brings each sample's groups of channels to mean 0 and variance 1 over all pixels, then scales each channel by `gamma`
/// and shifts it by `beta` (Wu and He 2018).
///
/// `y = gamma · (x - mean) / √(variance + epsilon) + beta`, in training and in inference; the channels are the last axis.
/// Weights, each `[channels]`: `gamma`, `beta`. Defaults: 32 groups, epsilon 0.001, center and scale. One group for each
/// channel, -1, is instance normalization.
///
/// ```
/// use petal::layers::{GroupNormalization, Input, Layer};
/// let y = GroupNormalization::new().groups(8).on(&Input::image(90, 90, 32))?;
/// # Ok::<(), petal::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct GroupNormalization {
    groups: isize,
    axis: Axes,
    epsilon: f32,
    center: bool,
    scale: bool,
    beta_initializer: Initializer,
    gamma_initializer: Initializer,
}

impl GroupNormalization {
    /// The layer with Keras' defaults.
    pub fn new() -> Self {
        GroupNormalization {
            groups: 32,
            axis: Axes::last(),
            epsilon: 1e-3,
            center: true,
            scale: true,
            beta_initializer: Initializer::Zeros {},
            gamma_initializer: Initializer::Ones {},
        }
    }

    /// The number of groups; -1 for as many as channels.
    pub fn groups(self, groups: isize) -> Self {
        GroupNormalization { groups, ..self }
    }

    /// What is added to the variance, against division by 0.
    pub fn epsilon(self, epsilon: f32) -> Self {
        GroupNormalization { epsilon, ..self }
    }

    /// Whether `beta` is added.
    pub fn center(self, center: bool) -> Self {
        GroupNormalization { center, ..self }
    }

    /// Whether the result is multiplied by `gamma`.
    pub fn scale(self, scale: bool) -> Self {
        GroupNormalization { scale, ..self }
    }

    /// The number of groups of this many channels.
    fn count(&self, channels: usize) -> Result<usize, String> {
        let groups = if self.groups == -1 { Some(channels) } else { usize::try_from(self.groups).ok() };
        groups.filter(|&groups| groups > 0 && channels.is_multiple_of(groups)).ok_or_else(|| {
            format!(
                "it has {} groups for {channels} channels; expected a divisor of them, or -1",
                self.groups
            )
        })
    }
}

impl Default for GroupNormalization {
    fn default() -> Self {
        GroupNormalization::new()
    }
}

impl Definition for GroupNormalization {
    fn output_shape(&self, inputs: &[Shape]) -> Result<Shape, String> {
        let input = only(inputs)?;
        self.axis.check_last(input)?;
        self.count(input[input.len() - 1])?;
        Ok(input.clone())
    }

    fn weights(&self, inputs: &[Shape]) -> Vec<WeightSpec> {
        let channels = inputs[0].last().copied().unwrap_or(1);
        let weight =
            |wanted: bool, name, initializer| wanted.then(|| WeightSpec::new(name, [channels], initializer));
        let gamma = weight(self.scale, "gamma", &self.gamma_initializer);
        let beta = weight(self.center, "beta", &self.beta_initializer);
        gamma.into_iter().chain(beta).collect()
    }

    fn lower(&self, node: &mut Lowering<'_>) -> Value {
        let shape = node.output_shape();
        let channels = shape.last().copied().unwrap_or(1);
        let groups = self.count(channels).expect("shape inference has accepted the groups");
        let grouped = Shape::from([shape.elements() / channels, groups, channels / groups]);
        let x = node.emit_as(Op::Reshape, &grouped);
        // A group's pixels and channels side by side make it a row.
        let y = axes::along(node, x, &grouped, &[0, 2], |features| {
            Op::LayerNorm(LayerNorm {
                features,
                epsilon: self.epsilon,
                centered: true,
                gamma: None,
                beta: None,
            })
        });
        let y = node.step(Op::Reshape, &[y], shape);
        if !self.scale && !self.center {
            return y;
        }
        let gamma = self.scale.then(|| node.weight(0));
        let beta = self.center.then(|| node.weight(usize::from(self.scale)));
        node.step(Op::ChannelScale { gamma, beta }, &[y], shape)
    }
}
