use petal_kernels::RmspropStep;
use serde::{Deserialize, Serialize};

use super::{Algorithm, LearningRate, Optimizer, Step, at_least_0, below_1, momentum_in_range};
use crate::Result;

/// RMSprop (Hinton 2012), as Keras computes it: `v = ρ v + (1 - ρ) g²`, `w -= rate · g / √(v + ε)`.
///
/// Defaults: ρ 0.9, no momentum, ε 1e-7, not centered.
///
/// ```
/// use petal::training::RMSprop;
/// let optimizer = RMSprop::new(1e-5);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct RMSprop {
    learning_rate: LearningRate,
    averages: Averages,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Averages {
    rho: f32,
    momentum: f32,
    epsilon: f32,
    centered: bool,
}

impl RMSprop {
    /// RMSprop with this learning rate (Keras' default is 0.001).
    pub fn new(learning_rate: impl Into<LearningRate>) -> Self {
        let averages = Averages { rho: 0.9, momentum: 0.0, epsilon: 1e-7, centered: false };
        RMSprop { learning_rate: learning_rate.into(), averages }
    }

    /// The decay of the running means.
    pub fn rho(mut self, rho: f32) -> Self {
        self.averages.rho = rho;
        self
    }

    /// The share of the last step that is taken again.
    pub fn momentum(mut self, momentum: f32) -> Self {
        self.averages.momentum = momentum;
        self
    }

    /// What is added under the root, against division by 0.
    pub fn epsilon(mut self, epsilon: f32) -> Self {
        self.averages.epsilon = epsilon;
        self
    }

    /// Divides by the gradients' estimated standard deviation instead of their root mean square.
    pub fn centered(mut self, centered: bool) -> Self {
        self.averages.centered = centered;
        self
    }
}

impl From<RMSprop> for Optimizer {
    fn from(rmsprop: RMSprop) -> Self {
        Optimizer::new(Algorithm::RMSprop(rmsprop.averages), rmsprop.learning_rate)
    }
}

impl Averages {
    pub(super) fn check(&self) -> Result<()> {
        below_1("rho", self.rho)?;
        momentum_in_range(self.momentum)?;
        at_least_0("epsilon", self.epsilon)
    }

    pub(super) fn slots(&self) -> usize {
        1 + usize::from(self.momentum > 0.0) + usize::from(self.centered)
    }

    /// Slots in Keras' order: velocities, momentums, average gradients.
    pub(super) fn step<'a>(
        &self,
        step: &Step,
        weights: &mut [f32],
        gradient: &[f32],
        mut slots: impl Iterator<Item = &'a mut [f32]>,
    ) {
        let kernel = RmspropStep {
            learning_rate: step.learning_rate,
            rho: self.rho,
            momentum: self.momentum,
            epsilon: self.epsilon,
            decay: step.decay,
            gradient_scale: step.gradient_scale,
            clip: step.clip,
            centered: self.centered,
        };
        let Some(velocity) = slots.next() else { unreachable!("RMSprop has a slot") };
        let momentum = if self.momentum > 0.0 { slots.next() } else { None };
        kernel.apply(weights, gradient, velocity, momentum, slots.next());
    }
}
