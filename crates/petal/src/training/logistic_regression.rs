//! Multinomial logistic regression on features, by L-BFGS (Nocedal and Wright 2006, algorithm 7.5).

use std::collections::VecDeque;

use petal_kernels::{Activation, Dense, Precision};

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
        let total: f32 = weights.iter().sum();
        let mut objective = Objective {
            regression: self,
            weights,
            total: total.max(f32::MIN_POSITIVE),
            l2,
            logits: vec![0.0; self.labels.len() * self.classes],
            scratch: Vec::new(),
            held_out: (0.0, 0.0),
        };
        let parameters = lbfgs(start, |parameters, gradient| objective.at(parameters, gradient));
        objective.at(&parameters, &mut self.zeros());
        let held_out = weights.iter().filter(|&&weight| weight == 0.0).count() as f64;
        let (loss, right) = objective.held_out;
        let held_out = (held_out > 0.0).then_some((loss / held_out, right / held_out));
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
    weights: &'a [f32],
    total: f32,
    l2: f32,
    /// `[samples, classes]`: logits, then their gradient.
    logits: Vec<f32>,
    scratch: Vec<f32>,
    /// Sums over the samples held out: cross-entropy, right answers.
    held_out: (f64, f64),
}

impl Objective<'_> {
    /// The value at `parameters`; its gradient replaces `gradient`.
    fn at(&mut self, parameters: &[f32], gradient: &mut [f32]) -> f64 {
        let Regression { width, classes, features, labels, .. } = self.regression;
        let dense =
            Dense { rows: labels.len(), inputs: *width, units: *classes, precision: Precision::Float32 };
        let (kernel, bias) = parameters.split_at(width * classes);
        let scratch = dense.forward_scratch().max(dense.backward_kernel_scratch());
        self.scratch.resize(scratch, 0.0);
        dense.forward(features, kernel, Some(bias), Activation::Linear, &mut self.logits, &mut self.scratch);
        let mut loss = 0.0;
        self.held_out = (0.0, 0.0);
        for ((row, &label), &weight) in self.logits.chunks_exact_mut(*classes).zip(labels).zip(self.weights) {
            let largest = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let is_right = row[label] == largest;
            let of_label = row[label] - largest;
            row.iter_mut().for_each(|logit| *logit = (*logit - largest).exp());
            let sum: f32 = row.iter().sum();
            let cross_entropy = f64::from(sum.ln() - of_label);
            loss += cross_entropy * f64::from(weight);
            if weight == 0.0 {
                self.held_out.0 += cross_entropy;
                self.held_out.1 += f64::from(u8::from(is_right));
            }
            let share = weight / self.total;
            row.iter_mut().for_each(|value| *value *= share / sum);
            row[label] -= share;
        }
        let (kernel_gradient, bias_gradient) = gradient.split_at_mut(kernel.len());
        let scratch = &mut self.scratch;
        dense.backward_kernel(features, &self.logits, kernel_gradient, Some(bias_gradient), scratch);
        kernel_gradient.iter_mut().zip(kernel).for_each(|(gradient, weight)| *gradient += self.l2 * weight);
        loss / f64::from(self.total) + 0.5 * f64::from(self.l2) * dot(kernel, kernel)
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
        let mut objective = Objective {
            regression: &regression,
            weights: &weights,
            total: 300.0,
            l2: 0.01,
            logits: vec![0.0; 900],
            scratch: Vec::new(),
            held_out: (0.0, 0.0),
        };
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
