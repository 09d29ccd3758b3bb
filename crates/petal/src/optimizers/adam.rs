use petal_kernels::AdamStep;
use serde::{Deserialize, Serialize};

use super::{Algorithm, LearningRate, Optimizer, Step, at_least_0, below_1};
use crate::Result;

/// Adam (Kingma and Ba 2014), as Keras computes it:
///
/// `m += (g - m)(1 - β₁)`, `v += (g² - v)(1 - β₂)`,
/// `w -= m · rate · √(1 - β₂ᵗ) / (1 - β₁ᵗ) / (√v + ε)`.
///
/// Defaults: β₁ 0.9, β₂ 0.999, ε 1e-7, no AMSGrad.
///
/// ```
/// use petal::training::{Adam, OptimizerSettings};
/// let optimizer = Adam::new(1e-3).beta_1(0.8).clipnorm(1.0);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Adam {
    learning_rate: LearningRate,
    moments: Moments,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Moments {
    beta_1: f32,
    beta_2: f32,
    epsilon: f32,
    amsgrad: bool,
}

impl Adam {
    /// Adam with this learning rate (Keras' default is 0.001).
    pub fn new(learning_rate: impl Into<LearningRate>) -> Self {
        let moments = Moments { beta_1: 0.9, beta_2: 0.999, epsilon: 1e-7, amsgrad: false };
        Adam { learning_rate: learning_rate.into(), moments }
    }

    /// The decay of the gradients' running mean.
    pub fn beta_1(mut self, beta_1: f32) -> Self {
        self.moments.beta_1 = beta_1;
        self
    }

    /// The decay of the squared gradients' running mean.
    pub fn beta_2(mut self, beta_2: f32) -> Self {
        self.moments.beta_2 = beta_2;
        self
    }

    /// What is added to `√v`, against division by 0.
    pub fn epsilon(mut self, epsilon: f32) -> Self {
        self.moments.epsilon = epsilon;
        self
    }

    /// Divides by the largest `v` so far instead of the last (Reddi et al. 2018).
    pub fn amsgrad(mut self, amsgrad: bool) -> Self {
        self.moments.amsgrad = amsgrad;
        self
    }
}

impl From<Adam> for Optimizer {
    fn from(adam: Adam) -> Self {
        Optimizer::new(Algorithm::Adam(adam.moments), adam.learning_rate)
    }
}

/// Adam with decoupled weight decay (Loshchilov and Hutter 2017), by default 0.004.
///
/// ```
/// use petal::training::AdamW;
/// let optimizer = AdamW::new(1e-3);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct AdamW(Adam);

impl AdamW {
    /// AdamW with this learning rate and a weight decay of 0.004; another by
    /// [`weight_decay`](super::OptimizerSettings::weight_decay).
    pub fn new(learning_rate: impl Into<LearningRate>) -> Self {
        AdamW(Adam::new(learning_rate))
    }
}

impl From<AdamW> for Optimizer {
    fn from(adam: AdamW) -> Self {
        Optimizer { weight_decay: Some(0.004), ..adam.0.into() }
    }
}

impl Moments {
    pub(super) fn check(&self) -> Result<()> {
        below_1("beta_1", self.beta_1)?;
        below_1("beta_2", self.beta_2)?;
        at_least_0("epsilon", self.epsilon)
    }

    pub(super) fn slots(&self) -> usize {
        2 + usize::from(self.amsgrad)
    }

    pub(super) fn step<'a>(
        &self,
        step: &Step,
        weights: &mut [f32],
        gradient: &[f32],
        mut slots: impl Iterator<Item = &'a mut [f32]>,
    ) {
        let t = step.iteration.min(i32::MAX as u64) as i32;
        let alpha = step.learning_rate * (1.0 - self.beta_2.powi(t)).sqrt() / (1.0 - self.beta_1.powi(t));
        let kernel = AdamStep {
            alpha,
            beta_1: self.beta_1,
            beta_2: self.beta_2,
            epsilon: self.epsilon,
            decay: step.decay,
            gradient_scale: step.gradient_scale,
            clip: step.clip,
            amsgrad: self.amsgrad,
        };
        let (Some(m), Some(v)) = (slots.next(), slots.next()) else { unreachable!("Adam has two slots") };
        kernel.apply(weights, gradient, m, v, slots.next());
    }
}
