//! Optimizers with Keras' formulas; each step is one pass over the flat arenas, in place.

mod adam;
mod rmsprop;
mod sgd;

use serde::{Deserialize, Serialize};

pub use adam::{Adam, AdamW};
pub use rmsprop::RMSprop;
pub use sgd::SGD;

use super::LearningRate;
use crate::model::ModelWeight;
use crate::{Error, Result};

/// How weights follow their gradients.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Optimizer {
    algorithm: Algorithm,
    learning_rate: LearningRate,
    weight_decay: Option<f32>,
    clipping: Option<Clipping>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Algorithm {
    Adam(adam::Moments),
    RMSprop(rmsprop::Averages),
    SGD(sgd::Velocity),
}

/// What is done to large gradients; Keras allows one of these.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Clipping {
    /// Each weight's gradient is scaled down to this Euclidean norm.
    Norm(f32),
    /// All gradients together are scaled down to this Euclidean norm.
    GlobalNorm(f32),
    /// Each value is brought into ± this.
    Value(f32),
}

/// Settings that every optimizer has.
pub trait OptimizerSettings: Into<Optimizer> {
    /// Before each step, weights are multiplied by `1 - learning rate · weight_decay`. None by default, but for
    /// [`AdamW`].
    fn weight_decay(self, weight_decay: f32) -> Optimizer {
        Optimizer { weight_decay: Some(weight_decay), ..self.into() }
    }

    /// Scales each weight's gradient down to this Euclidean norm. Replaces any other clipping.
    fn clipnorm(self, norm: f32) -> Optimizer {
        Optimizer { clipping: Some(Clipping::Norm(norm)), ..self.into() }
    }

    /// Scales all gradients together down to this Euclidean norm. Replaces any other clipping.
    fn global_clipnorm(self, norm: f32) -> Optimizer {
        Optimizer { clipping: Some(Clipping::GlobalNorm(norm)), ..self.into() }
    }

    /// Brings each value of the gradients into ± `value`. Replaces any other clipping.
    fn clipvalue(self, value: f32) -> Optimizer {
        Optimizer { clipping: Some(Clipping::Value(value)), ..self.into() }
    }
}

impl<O: Into<Optimizer>> OptimizerSettings for O {}

impl Optimizer {
    fn new(algorithm: Algorithm, learning_rate: LearningRate) -> Self {
        Optimizer { algorithm, learning_rate, weight_decay: None, clipping: None }
    }

    /// Keras' name: `adam`, `rmsprop`, `sgd`.
    pub fn name(&self) -> &'static str {
        match self.algorithm {
            Algorithm::Adam(_) => "adam",
            Algorithm::RMSprop(_) => "rmsprop",
            Algorithm::SGD(_) => "sgd",
        }
    }

    /// The learning rate or its schedule.
    pub fn learning_rate(&self) -> &LearningRate {
        &self.learning_rate
    }

    pub(crate) fn set_learning_rate(&mut self, learning_rate: LearningRate) {
        self.learning_rate = learning_rate;
    }

    /// Arrays of the trainable weights' size that the algorithm keeps.
    pub(crate) fn slots(&self) -> usize {
        match &self.algorithm {
            Algorithm::Adam(adam) => adam.slots(),
            Algorithm::RMSprop(rmsprop) => rmsprop.slots(),
            Algorithm::SGD(sgd) => sgd.slots(),
        }
    }

    pub(crate) fn check(&self) -> Result<()> {
        let rate = self.learning_rate.at(0);
        if !rate.is_finite() || rate < 0.0 {
            return Err(Error::argument("learning_rate", rate, "a finite number of at least 0"));
        }
        if let LearningRate::PiecewiseConstant { boundaries, values } = &self.learning_rate
            && values.len() != boundaries.len() + 1
        {
            let found = format!("{} values for {} boundaries", values.len(), boundaries.len());
            return Err(Error::argument("learning_rate", found, "one value more than boundaries"));
        }
        Ok(())
    }
}

/// A weight in the arenas of weights and gradients.
#[derive(Clone, Debug, PartialEq)]
struct Tensor {
    weights: std::ops::Range<usize>,
    gradients: std::ops::Range<usize>,
}

/// An optimizer's memory: the number of steps, and arrays parallel to the gradients' arena.
#[derive(Clone, Debug)]
pub(crate) struct State {
    pub iterations: u64,
    pub slots: Vec<Vec<f32>>,
    tensors: Vec<Tensor>,
}

impl State {
    /// The state before the first step, for these weights.
    pub(crate) fn new(optimizer: &Optimizer, weights: &[ModelWeight<'_>]) -> Self {
        let mut len = 0;
        let tensors = weights
            .iter()
            .filter(|weight| weight.trainable)
            .map(|weight| {
                let weights = weight.weight.range();
                let gradients = len..len + weights.len();
                len = gradients.end;
                Tensor { weights, gradients }
            })
            .collect();
        State { iterations: 0, slots: vec![vec![0.0; len]; optimizer.slots()], tensors }
    }

    /// The number of values kept, Keras' "Optimizer params": the slots, the iteration and the learning rate.
    pub(crate) fn count_params(&self) -> usize {
        self.slots.iter().map(Vec::len).sum::<usize>() + 2
    }

    /// Moves the weights by one step.
    pub(crate) fn step(&mut self, optimizer: &Optimizer, weights: &mut [f32], gradients: &[f32]) {
        let learning_rate = optimizer.learning_rate.at(self.iterations);
        self.iterations += 1;
        let decay = optimizer.weight_decay.map_or(0.0, |decay| decay * learning_rate);
        let global_scale = match optimizer.clipping {
            Some(Clipping::GlobalNorm(limit)) => scale_to(limit, petal_kernels::sum_of_squares(gradients)),
            _ => 1.0,
        };
        for tensor in &self.tensors {
            let gradient = &gradients[tensor.gradients.clone()];
            let step = Step {
                learning_rate,
                iteration: self.iterations,
                decay,
                gradient_scale: match optimizer.clipping {
                    Some(Clipping::Norm(limit)) => scale_to(limit, petal_kernels::sum_of_squares(gradient)),
                    _ => global_scale,
                },
                clip: match optimizer.clipping {
                    Some(Clipping::Value(limit)) => Some(limit),
                    _ => None,
                },
            };
            let weights = &mut weights[tensor.weights.clone()];
            let slots = self.slots.iter_mut().map(|slot| &mut slot[tensor.gradients.clone()]);
            match &optimizer.algorithm {
                Algorithm::Adam(adam) => adam.step(&step, weights, gradient, slots),
                Algorithm::RMSprop(rmsprop) => rmsprop.step(&step, weights, gradient, slots),
                Algorithm::SGD(sgd) => sgd.step(&step, weights, gradient, slots),
            }
        }
    }
}

/// What is common to all algorithms in one step.
struct Step {
    learning_rate: f32,
    /// From 1.
    iteration: u64,
    /// The share of each weight that is taken away first.
    decay: f32,
    gradient_scale: f32,
    clip: Option<f32>,
}

fn scale_to(limit: f32, sum_of_squares: f32) -> f32 {
    let norm = sum_of_squares.sqrt();
    if norm > limit { limit / norm } else { 1.0 }
}
