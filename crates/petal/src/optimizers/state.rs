//! What an optimizer remembers from step to step, and how it moves the weights.

use std::ops::Range;

use super::{Algorithm, Clipping, Optimizer};
use crate::layers::graph::ModelWeight;

/// A weight in the arenas of weights and gradients.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Tensor {
    pub weights: Range<usize>,
    pub gradients: Range<usize>,
    /// The learning rate as a share of the optimizer's.
    pub rate: f32,
}

/// An optimizer's memory: the number of steps, and arrays parallel to the gradients' arena.
#[derive(Clone, Debug)]
pub(crate) struct State {
    pub iterations: u64,
    pub slots: Vec<Vec<f32>>,
    pub(super) tensors: Vec<Tensor>,
}

impl State {
    /// The state before the first step, for these weights.
    pub(crate) fn new(optimizer: &Optimizer, weights: &[ModelWeight<'_>]) -> Self {
        let mut len = 0;
        let mut tensors: Vec<Tensor> = Vec::new();
        for weight in weights.iter().filter(|weight| weight.trainable) {
            let weights = weight.weight.range();
            let gradients = len..len + weights.len();
            len = gradients.end;
            tensors.push(Tensor { weights, gradients, rate: 1.0 });
        }
        if let Some(factor) = optimizer.layer_decay {
            let layer =
                |weight: &ModelWeight<'_>| weight.path.rsplit_once('/').map(|(layer, _)| layer.to_owned());
            let layers = weights.iter().filter(|weight| weight.trainable).map(layer);
            let (mut rate, mut after) = (1.0, None);
            for (tensor, layer) in tensors.iter_mut().zip(layers.collect::<Vec<_>>()).rev() {
                if after.as_ref().is_some_and(|after| *after != layer) {
                    rate *= factor;
                }
                (tensor.rate, after) = (rate, Some(layer));
            }
        }
        State { iterations: 0, slots: vec![vec![0.0; len]; optimizer.slots()], tensors }
    }

    /// The number of values kept, Keras' "Optimizer params": the slots, the iteration and the learning rate.
    pub(crate) fn count_params(&self) -> usize {
        self.slots.iter().map(Vec::len).sum::<usize>() + 2
    }

    /// Goes on by one step.
    pub(crate) fn step(&mut self, optimizer: &Optimizer, weights: &mut [f32], gradients: &[f32]) {
        match optimizer.gradient_accumulation_steps {
            None => self.update(optimizer, self.iterations, weights, gradients),
            Some(steps) => {
                let place = optimizer.algorithm_slots();
                let accumulated = &mut self.slots[place];
                petal_kernels::add_assign(accumulated, gradients);
                if (self.iterations + 1).is_multiple_of(steps) {
                    let mut mean = std::mem::take(accumulated);
                    mean.iter_mut().for_each(|gradient| *gradient /= steps as f32);
                    self.update(optimizer, self.iterations / steps, weights, &mean);
                    mean.fill(0.0);
                    self.slots[place] = mean;
                }
            }
        }
        if let Some(ema) = optimizer.ema {
            let updates = self.iterations / optimizer.gradient_accumulation_steps.unwrap_or(1);
            // The first average is the weight itself.
            let momentum = if updates == 0 { 0.0 } else { ema.momentum };
            let averages = self.slots.last_mut().expect("the averages are the last slot");
            for tensor in &self.tensors {
                let averages = averages[tensor.gradients.clone()].iter_mut();
                for (average, weight) in averages.zip(&weights[tensor.weights.clone()]) {
                    *average = momentum * *average + (1.0 - momentum) * weight;
                }
            }
            if ema.overwrite_frequency.is_some_and(|steps| (updates + 1).is_multiple_of(steps)) {
                self.take_averages(weights);
            }
        }
        self.iterations += 1;
    }

    /// Replaces the weights by their averages, if there are some: at the end of a training.
    pub(crate) fn finish(&self, optimizer: &Optimizer, weights: &mut [f32]) {
        if optimizer.ema.is_some() && self.iterations > 0 {
            self.take_averages(weights);
        }
    }

    fn take_averages(&self, weights: &mut [f32]) {
        let averages = self.slots.last().expect("the averages are the last slot");
        for tensor in &self.tensors {
            weights[tensor.weights.clone()].copy_from_slice(&averages[tensor.gradients.clone()]);
        }
    }

    /// Moves the weights, for the time `updates + 1`.
    fn update(&mut self, optimizer: &Optimizer, updates: u64, weights: &mut [f32], gradients: &[f32]) {
        let optimizer_rate = optimizer.learning_rate.at(self.iterations);
        let global_scale = match optimizer.clipping {
            Some(Clipping::GlobalNorm(limit)) => scale_to(limit, petal_kernels::sum_of_squares(gradients)),
            _ => 1.0,
        };
        for tensor in &self.tensors {
            let gradient = &gradients[tensor.gradients.clone()];
            let learning_rate = tensor.rate * optimizer_rate;
            let step = Step {
                learning_rate,
                iteration: updates + 1,
                decay: optimizer.weight_decay.map_or(0.0, |decay| decay * learning_rate),
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
            let slots = self.slots.iter_mut().take(optimizer.algorithm_slots());
            let slots = slots.map(|slot| &mut slot[tensor.gradients.clone()]);
            match &optimizer.algorithm {
                Algorithm::Adam(adam) => adam.step(&step, weights, gradient, slots),
                Algorithm::RMSprop(rmsprop) => rmsprop.step(&step, weights, gradient, slots),
                Algorithm::SGD(sgd) => sgd.step(&step, weights, gradient, slots),
            }
        }
    }
}

/// What is common to all algorithms in one step.
pub(super) struct Step {
    pub learning_rate: f32,
    /// From 1.
    pub iteration: u64,
    /// The share of each weight that is taken away first.
    pub decay: f32,
    pub gradient_scale: f32,
    pub clip: Option<f32>,
}

fn scale_to(limit: f32, sum_of_squares: f32) -> f32 {
    let norm = sum_of_squares.sqrt();
    if norm > limit { limit / norm } else { 1.0 }
}
