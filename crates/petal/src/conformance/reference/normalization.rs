//! Normalizations of channels over the batch, and of rows.

use super::Affine;
use super::step::{Call, Derivatives};
use crate::program::{BatchNorm, LayerNorm, WeightNumber};

/// The largest factor: what makes of a row of zeros without epsilon zeros.
const LARGEST_INVERSE: f64 = 1e12;

impl Call<'_> {
    /// Mean and population variance of each channel: those of the batch, or the moving ones.
    fn statistics(&self, norm: &BatchNorm, x: &[f64]) -> [Vec<f64>; 2] {
        if norm.momentum.is_none() {
            return [norm.mean, norm.variance].map(|weight| self.weight(weight));
        }
        let channels = self.output.last().copied().unwrap_or(1);
        let count = (x.len() / channels) as f64;
        let mut mean = vec![0.0; channels];
        x.iter().enumerate().for_each(|(i, x)| mean[i % channels] += x / count);
        let mut variance = vec![0.0; channels];
        x.iter()
            .enumerate()
            .for_each(|(i, x)| variance[i % channels] += (x - mean[i % channels]).powi(2) / count);
        [mean, variance]
    }

    /// The moving statistics after a batch.
    pub(super) fn moved_statistics(&self, norm: &BatchNorm) -> Vec<(WeightNumber, Vec<f32>)> {
        let Some(momentum) = norm.momentum.map(f64::from) else { return Vec::new() };
        let moved = |(weight, batch): (WeightNumber, Vec<f64>)| {
            let moving = self.weight(weight);
            let moved = moving
                .iter()
                .zip(&batch)
                .map(|(moving, batch)| (moving * momentum + batch * (1.0 - momentum)) as f32);
            (weight, moved.collect())
        };
        let statistics = self.statistics(norm, self.inputs[0]);
        [norm.mean, norm.variance].into_iter().zip(statistics).map(moved).collect()
    }

    pub(super) fn batch_norm(&self, norm: &BatchNorm, x: &[f64]) -> Vec<f64> {
        let [mean, variance] = self.statistics(norm, x);
        let channels = mean.len();
        let gamma = self.weight_or(norm.gamma, 1.0, channels);
        let beta = self.weight_or(norm.beta, 0.0, channels);
        let value = |(i, x): (usize, &f64)| {
            let c = i % channels;
            gamma[c] * (x - mean[c]) / (variance[c] + f64::from(norm.epsilon)).sqrt() + beta[c]
        };
        x.iter().enumerate().map(value).collect()
    }

    pub(super) fn batch_norm_backward(&self, norm: &BatchNorm, x: &[f64], dy: &[f64]) -> Derivatives {
        let [mean, variance] = self.statistics(norm, x);
        let channels = mean.len();
        let count = (x.len() / channels) as f64;
        let gamma = self.weight_or(norm.gamma, 1.0, channels);
        let inverse = |c: usize| 1.0 / (variance[c] + f64::from(norm.epsilon)).sqrt();
        let normalized = |i: usize| (x[i] - mean[i % channels]) * inverse(i % channels);
        let (mut d_gamma, mut d_beta) = (vec![0.0; channels], vec![0.0; channels]);
        for (i, dy) in dy.iter().enumerate() {
            d_gamma[i % channels] += dy * normalized(i);
            d_beta[i % channels] += dy;
        }
        let d_input = |(i, dy): (usize, &f64)| {
            let c = i % channels;
            // The batch's own statistics depend on each of its values.
            let through_statistics = match norm.momentum {
                Some(_) => (d_beta[c] + normalized(i) * d_gamma[c]) / count,
                None => 0.0,
            };
            gamma[c] * inverse(c) * (dy - through_statistics)
        };
        let d_input = dy.iter().enumerate().map(d_input).collect();
        Derivatives { inputs: vec![d_input], weights: given([(norm.gamma, d_gamma), (norm.beta, d_beta)]) }
    }

    pub(super) fn layer_norm(&self, norm: &LayerNorm) -> Vec<f64> {
        let gamma = self.weight_or(norm.gamma, 1.0, norm.features);
        let beta = self.weight_or(norm.beta, 0.0, norm.features);
        let mut output = Vec::with_capacity(self.inputs[0].len());
        for row in self.inputs[0].chunks(norm.features) {
            let (normalized, _) = normalize_row(norm, row);
            output.extend(
                normalized.iter().zip(gamma.iter().zip(&beta)).map(|(x, (gamma, beta))| x * gamma + beta),
            );
        }
        output
    }

    pub(super) fn layer_norm_backward(&self, norm: &LayerNorm, dy: &[f64]) -> Derivatives {
        let count = norm.features as f64;
        let gamma = self.weight_or(norm.gamma, 1.0, norm.features);
        let (mut d_gamma, mut d_beta) = (vec![0.0; norm.features], vec![0.0; norm.features]);
        let mut d_input = Vec::with_capacity(dy.len());
        for (x, dy) in self.inputs[0].chunks(norm.features).zip(dy.chunks(norm.features)) {
            let (normalized, inverse) = normalize_row(norm, x);
            for i in 0..norm.features {
                d_gamma[i] += dy[i] * normalized[i];
                d_beta[i] += dy[i];
            }
            let scaled: Vec<f64> = dy.iter().zip(&gamma).map(|(dy, gamma)| dy * gamma).collect();
            let mean = if norm.centered { scaled.iter().sum::<f64>() / count } else { 0.0 };
            let dot = scaled.iter().zip(&normalized).map(|(dy, x)| dy * x).sum::<f64>() / count;
            d_input.extend(scaled.iter().zip(&normalized).map(|(dy, x)| inverse * (dy - mean - x * dot)));
        }
        Derivatives { inputs: vec![d_input], weights: given([(norm.gamma, d_gamma), (norm.beta, d_beta)]) }
    }

    /// `(x - mean) / max(√variance, 1e-7)`, or the way back.
    pub(super) fn normalize_by_weights(
        &self,
        mean: WeightNumber,
        variance: WeightNumber,
        places: &[usize],
        invert: bool,
    ) -> Affine {
        let (mean, variance) = (self.weight(mean), self.weight(variance));
        let affine = |&place: &usize| {
            let deviation = variance[place].sqrt().max(1e-7);
            if invert { (deviation, mean[place]) } else { (1.0 / deviation, -mean[place] / deviation) }
        };
        let (scale, offset): (Vec<f64>, Vec<f64>) = places.iter().map(affine).unzip();
        self.channel_affine(&scale, &offset)
    }
}

/// The row with mean 0 and variance 1, and the factor that made it.
fn normalize_row(norm: &LayerNorm, row: &[f64]) -> (Vec<f64>, f64) {
    let count = row.len() as f64;
    let mean = if norm.centered { row.iter().sum::<f64>() / count } else { 0.0 };
    let variance = row.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / count;
    let inverse = (1.0 / (variance + f64::from(norm.epsilon)).sqrt()).min(LARGEST_INVERSE);
    (row.iter().map(|x| (x - mean) * inverse).collect(), inverse)
}

/// The gradients of those weights that there are.
fn given<const N: usize>(weights: [(Option<WeightNumber>, Vec<f64>); N]) -> Vec<(WeightNumber, Vec<f64>)> {
    weights.into_iter().filter_map(|(weight, gradient)| Some((weight?, gradient))).collect()
}
