//! Functions of values at one place, with or without weights, and of rows.

use super::Affine;
use super::step::{Call, Derivatives};
use crate::program::WeightNumber;

impl Call<'_> {
    /// `x · scale + offset` with the numbers taken over and over.
    pub(super) fn channel_affine(&self, scale: &[f64], offset: &[f64]) -> Affine {
        let mut map = Affine::gather(self.outputs(), |i| (i, scale[i % scale.len()]));
        (0..self.outputs()).for_each(|i| map.add_constant(i, offset[i % offset.len()]));
        map
    }

    /// The place in an input of the product's value number `i`: those of a small one are taken over and over.
    fn factor_place(&self, input: usize, i: usize) -> usize {
        let (elements, own) = (self.output.elements(), self.shapes[input].elements());
        i / elements * own + i % elements % own
    }

    pub(super) fn product(&self) -> Vec<f64> {
        let value = |i: usize| {
            let factors = self.inputs.iter().enumerate();
            factors.map(|(input, values)| values[self.factor_place(input, i)]).product()
        };
        (0..self.outputs()).map(value).collect()
    }

    pub(super) fn product_backward(&self, dy: &[f64]) -> Derivatives {
        let mut gradients: Vec<Vec<f64>> = self.inputs.iter().map(|input| vec![0.0; input.len()]).collect();
        for (i, dy) in dy.iter().enumerate() {
            for (input, gradient) in gradients.iter_mut().enumerate() {
                let others = self.inputs.iter().enumerate().filter(|(other, _)| *other != input);
                let rest: f64 = others.map(|(other, values)| values[self.factor_place(other, i)]).product();
                gradient[self.factor_place(input, i)] += dy * rest;
            }
        }
        Derivatives { inputs: gradients, weights: Vec::new() }
    }

    pub(super) fn channel_scale(&self, gamma: Option<WeightNumber>, beta: Option<WeightNumber>) -> Vec<f64> {
        let (gamma, beta) = (self.weight_or(gamma, 1.0, 1), self.weight_or(beta, 0.0, 1));
        let value = |(i, x): (usize, &f64)| x * gamma[i % gamma.len()] + beta[i % beta.len()];
        self.inputs[0].iter().enumerate().map(value).collect()
    }

    pub(super) fn channel_scale_backward(
        &self,
        gamma: Option<WeightNumber>,
        beta: Option<WeightNumber>,
        dy: &[f64],
    ) -> Derivatives {
        let values = self.weight_or(gamma, 1.0, 1);
        let d_input = dy.iter().enumerate().map(|(i, dy)| dy * values[i % values.len()]).collect();
        let mut weights = Vec::new();
        for (weight, of_gamma) in [(gamma, true), (beta, false)] {
            let Some(weight) = weight else { continue };
            let mut sums = vec![0.0; self.weight(weight).len()];
            let len = sums.len();
            for (i, (x, dy)) in self.inputs[0].iter().zip(dy).enumerate() {
                sums[i % len] += if of_gamma { x * dy } else { *dy };
            }
            weights.push((weight, sums));
        }
        Derivatives { inputs: vec![d_input], weights }
    }

    pub(super) fn prelu(&self, alpha: WeightNumber) -> Vec<f64> {
        let alpha = self.weight(alpha);
        let value = |(i, &x): (usize, &f64)| if x < 0.0 { x * alpha[i % alpha.len()] } else { x };
        self.inputs[0].iter().enumerate().map(value).collect()
    }

    /// At 0 nothing passes.
    pub(super) fn prelu_backward(&self, alpha: WeightNumber, dy: &[f64]) -> Derivatives {
        let slopes = self.weight(alpha);
        let mut d_slopes = vec![0.0; slopes.len()];
        let mut d_input = vec![0.0; dy.len()];
        for (i, (&x, &dy)) in self.inputs[0].iter().zip(dy).enumerate() {
            let slope = i % slopes.len();
            if x > 0.0 {
                d_input[i] = dy;
            } else if x < 0.0 {
                d_input[i] = dy * slopes[slope];
                d_slopes[slope] += dy * x;
            }
        }
        Derivatives { inputs: vec![d_input], weights: vec![(alpha, d_slopes)] }
    }

    pub(super) fn softmax(&self, features: usize) -> Vec<f64> {
        self.log_softmax(features).into_iter().map(f64::exp).collect()
    }

    /// With the largest value subtracted first, so that no exponential is too large.
    pub(super) fn log_softmax(&self, features: usize) -> Vec<f64> {
        let row = |row: &[f64]| {
            let largest = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let log_sum = row.iter().map(|x| (x - largest).exp()).sum::<f64>().ln();
            row.iter().map(|x| x - largest - log_sum).collect::<Vec<_>>()
        };
        self.inputs[0].chunks(features).flat_map(row).collect()
    }
}
