use petal_kernels::SgdStep;
use serde::{Deserialize, Serialize};

use super::{Algorithm, LearningRate, Optimizer, Step, momentum_in_range};
use crate::Result;

/// Gradient descent: `w -= rate · g`; with momentum `m = momentum · m - rate · g`, `w += m`; with Nesterov momentum
/// `w += momentum · m - rate · g`.
///
/// Defaults: no momentum, no Nesterov.
///
/// ```
/// use petal::training::SGD;
/// let optimizer = SGD::new(0.01).momentum(0.9).nesterov(true);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct SGD {
    learning_rate: LearningRate,
    velocity: Velocity,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Velocity {
    momentum: f32,
    nesterov: bool,
}

impl SGD {
    /// Gradient descent with this learning rate (Keras' default is 0.01).
    pub fn new(learning_rate: impl Into<LearningRate>) -> Self {
        SGD { learning_rate: learning_rate.into(), velocity: Velocity { momentum: 0.0, nesterov: false } }
    }

    /// The share of the last step that is taken again.
    pub fn momentum(mut self, momentum: f32) -> Self {
        self.velocity.momentum = momentum;
        self
    }

    /// Looks ahead along the momentum.
    pub fn nesterov(mut self, nesterov: bool) -> Self {
        self.velocity.nesterov = nesterov;
        self
    }
}

impl From<SGD> for Optimizer {
    fn from(sgd: SGD) -> Self {
        Optimizer::new(Algorithm::SGD(sgd.velocity), sgd.learning_rate)
    }
}

impl Velocity {
    pub(super) fn check(&self) -> Result<()> {
        momentum_in_range(self.momentum)
    }

    pub(super) fn slots(&self) -> usize {
        usize::from(self.momentum != 0.0)
    }

    pub(super) fn step<'a>(
        &self,
        step: &Step,
        weights: &mut [f32],
        gradient: &[f32],
        mut slots: impl Iterator<Item = &'a mut [f32]>,
    ) {
        let kernel = SgdStep {
            learning_rate: step.learning_rate,
            momentum: self.momentum,
            nesterov: self.nesterov,
            decay: step.decay,
            gradient_scale: step.gradient_scale,
            clip: step.clip,
        };
        kernel.apply(weights, gradient, slots.next());
    }
}
