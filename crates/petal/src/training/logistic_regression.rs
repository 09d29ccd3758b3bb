//! Multinomial logistic regression on features, by L-BFGS (Nocedal and Wright 2006, algorithm 7.5).

use std::collections::VecDeque;

use petal_kernels::{Activation, Dense, Precision, sparse_softmax_cross_entropy};

use crate::metrics::arg_max;

/// Features of samples, each column with mean 0 and deviation 1, and the samples' classes.
pub(super) struct Regression {
    width: usize,
    classes: usize,
    /// `[samples, width]`.
    features: Vec<f32>,
    labels: Vec<usize>,
    mean: Vec<f32>,
    deviation: Vec<f32>,
}

/// The matrix `[width, classes]`, and after it one number a class.
pub(super) type Parameters = Vec<f32>;

/// What a choice of parameters gives.
pub(super) struct Fitted {
    pub parameters: Parameters,
    /// The mean cross-entropy of the samples that were held out, and the share of them that is right.
    pub held_out: Option<(f64, f64)>,
}

impl Regression {
    /// Of features `[samples, width]`, which it standardizes in place.
    pub fn new(mut features: Vec<f32>, labels: Vec<usize>, classes: usize) -> Self {
        let width = features.len() / labels.len().max(1);
        let rows = labels.len().max(1) as f32;
        let mut mean = vec![0.0; width];
        for row in features.chunks_exact(width.max(1)) {
            mean.iter_mut().zip(row).for_each(|(sum, x)| *sum += x / rows);
        }
        let mut deviation = vec![0.0; width];
        for row in features.chunks_exact(width.max(1)) {
            let columns = deviation.iter_mut().zip(&mean).zip(row);
            columns.for_each(|((sum, mean), x)| *sum += (x - mean) * (x - mean) / rows);
        }
        // A feature that is always the same tells nothing: it becomes 0, whatever it is divided by.
        deviation.iter_mut().for_each(|variance| *variance = variance.sqrt().max(1e-6));
        for row in features.chunks_exact_mut(width.max(1)) {
            let columns = row.iter_mut().zip(&mean).zip(&deviation);
            columns.for_each(|((x, mean), deviation)| *x = (*x - mean) / deviation);
        }
        Regression { width, classes, features, labels, mean, deviation }
    }

    /// Parameters that give each class the same probability.
    pub fn zeros(&self) -> Parameters {
        vec![0.0; (self.width + 1) * self.classes]
    }

    /// The kernel `[width, classes]` and the bias `[classes]` for features as they were given.
    pub fn unstandardized(&self, parameters: &Parameters) -> (Vec<f32>, Vec<f32>) {
        let (kernel, bias) = parameters.split_at(self.width * self.classes);
        let (mut kernel, mut bias) = (kernel.to_vec(), bias.to_vec());
        for ((row, mean), deviation) in
            kernel.chunks_exact_mut(self.classes).zip(&self.mean).zip(&self.deviation)
        {
            for (weight, bias) in row.iter_mut().zip(&mut bias) {
                *weight /= deviation;
                *bias -= *weight * mean;
            }
        }
        (kernel, bias)
    }

    /// The parameters with the least mean cross-entropy of samples, each times its weight in `weights`, plus
    /// `l2 / 2 · ‖kernel‖²`; the search begins at `start`. Samples of weight 0 are held out.
    pub fn fit(&self, weights: &[f32], l2: f32, start: Parameters) -> Fitted {
        let mut objective = Objective::new(self, weights, l2);
        let parameters = lbfgs(start, |parameters, gradient| objective.at(parameters, gradient));
        let held_out = objective.held_out(&parameters, weights);
        Fitted { parameters, held_out }
    }

    /// The number of the part, out of `folds`, to which each sample belongs: equally many of each class in all.
    pub fn folds(&self, folds: usize) -> Vec<usize> {
        let mut seen = vec![0; self.classes];
        let mut fold = |&class: &usize| {
            let place: &mut usize = &mut seen[class];
            *place += 1;
            // Classes begin with different parts, so that the parts are equally large where classes are small.
            (*place + class) % folds
        };
        self.labels.iter().map(&mut fold).collect()
    }
}

struct Objective<'a> {
    regression: &'a Regression,
    dense: Dense,
    /// The classes, as the kernels of losses take them.
    targets: Vec<f32>,
    /// The weights of samples, with mean 1.
    weights: Vec<f32>,
    l2: f32,
    /// `[samples, classes]`, and their gradient.
    logits: Vec<f32>,
    logits_gradient: Vec<f32>,
    /// A number a sample.
    losses: Vec<f32>,
    scratch: Vec<f32>,
}

impl<'a> Objective<'a> {
    fn new(regression: &'a Regression, weights: &[f32], l2: f32) -> Self {
        let Regression { width, classes, labels, .. } = regression;
        let (rows, total) = (labels.len(), weights.iter().sum::<f32>().max(f32::MIN_POSITIVE));
        let dense = Dense { rows, inputs: *width, units: *classes, precision: Precision::Float32 };
        Objective {
            regression,
            dense,
            targets: labels.iter().map(|&label| label as f32).collect(),
            weights: weights.iter().map(|weight| weight * (rows as f32 / total)).collect(),
            l2,
            logits: vec![0.0; rows * classes],
            logits_gradient: vec![0.0; rows * classes],
            losses: vec![0.0; rows],
            scratch: vec![0.0; dense.forward_scratch().max(dense.backward_kernel_scratch())],
        }
    }

    /// The value at `parameters`; its gradient replaces `gradient`.
    fn at(&mut self, parameters: &[f32], gradient: &mut [f32]) -> f64 {
        self.compute_logits(parameters);
        sparse_softmax_cross_entropy(
            self.dense.rows,
            self.dense.units,
            &self.logits,
            &self.targets,
            Some(&self.weights),
            &mut self.losses,
            Some(&mut self.logits_gradient),
        );
        let kernel = &parameters[..self.dense.inputs * self.dense.units];
        let (kernel_gradient, bias_gradient) = gradient.split_at_mut(kernel.len());
        let (features, scratch) = (&self.regression.features, &mut self.scratch);
        self.dense.backward_kernel(
            features,
            &self.logits_gradient,
            kernel_gradient,
            Some(bias_gradient),
            scratch,
        );
        kernel_gradient.iter_mut().zip(kernel).for_each(|(gradient, weight)| *gradient += self.l2 * weight);
        let loss: f64 = self.losses.iter().map(|&loss| f64::from(loss)).sum();
        loss / self.dense.rows.max(1) as f64 + 0.5 * f64::from(self.l2) * dot(kernel, kernel)
    }

    /// The mean cross-entropy of the samples of weight 0, and the share of them that is right; none without such.
    fn held_out(&mut self, parameters: &[f32], weights: &[f32]) -> Option<(f64, f64)> {
        let samples: Vec<usize> = (0..weights.len()).filter(|&sample| weights[sample] == 0.0).collect();
        if samples.is_empty() {
            return None;
        }
        self.compute_logits(parameters);
        let Objective { logits, targets, losses, dense, .. } = self;
        sparse_softmax_cross_entropy(dense.rows, dense.units, logits, targets, None, losses, None);
        let loss: f64 = samples.iter().map(|&sample| f64::from(losses[sample])).sum();
        let is_right = |sample: usize| {
            arg_max(&logits[sample * dense.units..][..dense.units]) == self.regression.labels[sample]
        };
        let right = samples.iter().filter(|&&sample| is_right(sample)).count();
        let count = samples.len() as f64;
        Some((loss / count, right as f64 / count))
    }

    fn compute_logits(&mut self, parameters: &[f32]) {
        let (kernel, bias) = parameters.split_at(self.dense.inputs * self.dense.units);
        let (features, scratch) = (&self.regression.features, &mut self.scratch);
        self.dense.forward(features, kernel, Some(bias), Activation::Linear, &mut self.logits, scratch);
    }
}

/// Where `f` has its minimum; `f` gives its value at a place and replaces the gradient there.
fn lbfgs(mut x: Vec<f32>, mut f: impl FnMut(&[f32], &mut [f32]) -> f64) -> Vec<f32> {
    const MEMORY: usize = 10;
    const MOST_STEPS: usize = 200;
    // Of the loss, far below what a sample more or less changes.
    const TOLERANCE: f64 = 1e-5;
    let mut gradient = vec![0.0; x.len()];
    let mut value = f(&x, &mut gradient);
    let (mut next, mut next_gradient) = (x.clone(), gradient.clone());
    let mut pairs: VecDeque<(Vec<f32>, Vec<f32>, f64)> = VecDeque::with_capacity(MEMORY);
    for _ in 0..MOST_STEPS {
        let mut direction = gradient.clone();
        let mut shares = Vec::with_capacity(pairs.len());
        for (step, change, product) in pairs.iter().rev() {
            let share = dot(step, &direction) / product;
            add(&mut direction, -share, change);
            shares.push(share);
        }
        let scale = match pairs.back() {
            Some((_, change, product)) => product / dot(change, change),
            None => 1.0 / dot(&gradient, &gradient).sqrt().max(f64::MIN_POSITIVE),
        };
        direction.iter_mut().for_each(|value| *value *= scale as f32);
        for ((step, change, product), share) in pairs.iter().zip(shares.iter().rev()) {
            let correction = share - dot(change, &direction) / product;
            add(&mut direction, correction, step);
        }
        let slope = -dot(&gradient, &direction);
        if !slope.is_finite() || slope >= 0.0 {
            break;
        }
        // Halved until the value falls enough (Armijo's rule).
        let mut length = 1.0;
        let new_value = loop {
            next.copy_from_slice(&x);
            add(&mut next, -length, &direction);
            let new_value = f(&next, &mut next_gradient);
            if new_value <= value + 1e-4 * length * slope {
                break Some(new_value);
            }
            length /= 2.0;
            if length < 1e-6 {
                break None;
            }
        };
        let Some(new_value) = new_value else { break };
        let step: Vec<f32> = next.iter().zip(&x).map(|(next, x)| next - x).collect();
        let change: Vec<f32> = next_gradient.iter().zip(&gradient).map(|(next, old)| next - old).collect();
        let product = dot(&step, &change);
        if product > 1e-12 {
            if pairs.len() == MEMORY {
                pairs.pop_front();
            }
            pairs.push_back((step, change, product));
        }
        std::mem::swap(&mut x, &mut next);
        std::mem::swap(&mut gradient, &mut next_gradient);
        let fell = value - new_value;
        value = new_value;
        if fell < TOLERANCE * value.abs().max(0.1) {
            break;
        }
    }
    x
}

fn dot(a: &[f32], b: &[f32]) -> f64 {
    let products = a.chunks(1024).zip(b.chunks(1024));
    let product = |(a, b): (&[f32], &[f32])| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
    products.map(|chunks| f64::from(product(chunks))).sum()
}

/// `a += factor · b`.
fn add(a: &mut [f32], factor: f64, b: &[f32]) {
    a.iter_mut().zip(b).for_each(|(a, b)| *a += factor as f32 * b);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Key;

    /// Three classes around three corners, far from 0 and of different scales.
    fn clouds() -> (Vec<f32>, Vec<usize>) {
        let mut random = Key::new(3).generator();
        let corners = [[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]];
        let labels: Vec<usize> = (0..300).map(|sample| sample % 3).collect();
        let features = labels.iter().flat_map(|&class| {
            let corner: [f32; 2] = corners[class];
            [500.0 + 100.0 * (corner[0] + random.normal() * 0.3), corner[1] + random.normal() * 0.3, 7.0]
        });
        (features.collect(), labels)
    }

    #[test]
    fn the_gradient_is_that_of_the_value_and_vanishes_at_the_minimum() {
        let (features, labels) = clouds();
        let regression = Regression::new(features, labels, 3);
        let weights = vec![1.0; 300];
        let parameters = regression.fit(&weights, 0.01, regression.zeros()).parameters;
        let mut objective = Objective::new(&regression, &weights, 0.01);
        let mut gradient = regression.zeros();
        let least = objective.at(&parameters, &mut gradient);
        assert!(dot(&gradient, &gradient).sqrt() < 0.01, "{gradient:?}");
        for place in 0..parameters.len() {
            let mut aside = parameters.clone();
            aside[place] += 0.3;
            let mut there = regression.zeros();
            assert!(objective.at(&aside, &mut there) > least - 1e-6, "parameter {place}");
            let mut further = aside.clone();
            further[place] += 0.01;
            aside[place] -= 0.01;
            let mut unused = regression.zeros();
            let slope = (objective.at(&further, &mut unused) - objective.at(&aside, &mut unused)) / 0.02;
            assert!((slope - f64::from(there[place])).abs() < 2e-3, "parameter {place}: {slope}, {there:?}");
        }
    }

    #[test]
    fn the_kernel_is_one_for_the_features_as_they_were() {
        let (features, labels) = clouds();
        let regression = Regression::new(features.clone(), labels.clone(), 3);
        let fitted = regression.fit(&[1.0; 300], 1e-3, regression.zeros());
        let (kernel, bias) = regression.unstandardized(&fitted.parameters);
        let right = features.chunks_exact(3).zip(&labels).filter(|&(row, &label)| {
            let logit = |class: usize| {
                bias[class]
                    + row.iter().zip(kernel[class..].iter().step_by(3)).map(|(x, w)| x * w).sum::<f32>()
            };
            (0..3).all(|class| logit(label) >= logit(class))
        });
        let right = right.count();
        assert!(right > 260, "{right} of 300");
        assert!(fitted.held_out.is_none());
    }

    #[test]
    fn samples_that_are_held_out_change_nothing() {
        let (features, mut labels) = clouds();
        let regression = Regression::new(features.clone(), labels.clone(), 3);
        let folds = regression.folds(3);
        assert_eq!((0..3).map(|fold| folds.iter().filter(|&&of| of == fold).count()).max(), Some(100));
        let weights: Vec<f32> = folds.iter().map(|&fold| f32::from(u8::from(fold != 0))).collect();
        let fitted = regression.fit(&weights, 0.01, regression.zeros());
        let (_, accuracy) = fitted.held_out.unwrap();
        assert!(accuracy > 0.85, "{accuracy}");
        for (label, fold) in labels.iter_mut().zip(&folds) {
            *label = if *fold == 0 { (*label + 1) % 3 } else { *label };
        }
        let other = Regression::new(features, labels, 3).fit(&weights, 0.01, regression.zeros());
        assert_eq!(other.parameters, fitted.parameters);
        assert!(other.held_out.unwrap().1 < 0.2);
    }
}
