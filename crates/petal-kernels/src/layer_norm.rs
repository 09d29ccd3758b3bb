//! Layer normalisation over the last axis, with or without its mean.
//!
//! Strategy: rows in parallel; the gradients of gamma and beta from chunks of rows cut by the number of features,
//! combined in order.

use rayon::prelude::*;

use crate::parallel::chunk_rows;

/// Normalises each row of `[rows, features]` by its own mean and population variance, or by its mean square alone.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LayerNorm {
    /// Rows, normalised independently.
    pub rows: usize,
    /// Values in a row.
    pub features: usize,
    /// Added to the variance, or to the mean square.
    pub epsilon: f32,
    /// Whether the mean is subtracted; without it, the mean counts as 0 (root mean square normalisation).
    pub centered: bool,
}

/// The largest factor: what makes of a row of zeros without epsilon zeros, not NaN.
const LARGEST_INVERSE: f32 = 1e12;

impl LayerNorm {
    /// `y = (x - mean) / sqrt(variance + epsilon) * gamma + beta`.
    pub fn forward(&self, x: &[f32], gamma: Option<&[f32]>, beta: Option<&[f32]>, y: &mut [f32]) {
        self.check(x, y, gamma);
        if y.is_empty() {
            return;
        }
        let min_len = chunk_rows(self.features);
        let rows = y.par_chunks_mut(self.features).zip(x.par_chunks(self.features)).with_min_len(min_len);
        rows.for_each(|(y, x)| {
            let (mean, inverse) = self.statistics(x);
            y.iter_mut().zip(x).for_each(|(y, x)| *y = (x - mean) * inverse);
            if let Some(gamma) = gamma {
                y.iter_mut().zip(gamma).for_each(|(y, gamma)| *y *= gamma);
            }
            if let Some(beta) = beta {
                y.iter_mut().zip(beta).for_each(|(y, beta)| *y += beta);
            }
        });
    }

    /// Scratch of [`backward`](Self::backward).
    pub fn backward_scratch(&self) -> usize {
        self.rows.div_ceil(chunk_rows(self.features)) * 2 * self.features
    }

    /// Gradients by input, gamma and beta.
    #[expect(clippy::too_many_arguments, reason = "inputs, outputs and scratch of one formula")]
    pub fn backward(
        &self,
        x: &[f32],
        dy: &[f32],
        gamma: Option<&[f32]>,
        dx: Option<&mut [f32]>,
        dgamma: Option<&mut [f32]>,
        dbeta: Option<&mut [f32]>,
        scratch: &mut [f32],
    ) {
        self.check(x, dy, gamma);
        let features = self.features;
        if let Some(dx) = dx {
            assert_eq!(dx.len(), x.len());
            if !dx.is_empty() {
                let inputs = x.par_chunks(features).zip(dy.par_chunks(features));
                let rows = dx.par_chunks_mut(features).zip(inputs).with_min_len(chunk_rows(features));
                rows.for_each(|(dx, (x, dy))| self.backward_row(x, dy, gamma, dx));
            }
        }
        if dgamma.is_none() && dbeta.is_none() {
            return;
        }
        let partials = &mut scratch[..self.backward_scratch()];
        if !x.is_empty() {
            let chunk = chunk_rows(features) * features;
            let inputs = x.par_chunks(chunk).zip(dy.par_chunks(chunk));
            partials.par_chunks_mut(2 * features).zip(inputs).for_each(|(partial, (x, dy))| {
                partial.fill(0.0);
                let (dot, sum) = partial.split_at_mut(features);
                for (x, dy) in x.chunks_exact(features).zip(dy.chunks_exact(features)) {
                    let (mean, inverse) = self.statistics(x);
                    for (((dot, sum), x), dy) in dot.iter_mut().zip(sum.iter_mut()).zip(x).zip(dy) {
                        *dot += dy * (x - mean) * inverse;
                        *sum += dy;
                    }
                }
            });
        }
        for (out, offset) in [(dgamma, 0), (dbeta, features)] {
            let Some(out) = out else { continue };
            out.fill(0.0);
            for partial in partials.chunks_exact(2 * features) {
                out.iter_mut().zip(&partial[offset..]).for_each(|(out, partial)| *out += partial);
            }
        }
    }

    fn backward_row(&self, x: &[f32], dy: &[f32], gamma: Option<&[f32]>, dx: &mut [f32]) {
        let (mean, inverse) = self.statistics(x);
        match gamma {
            Some(gamma) => dx.iter_mut().zip(dy).zip(gamma).for_each(|((dx, dy), gamma)| *dx = dy * gamma),
            None => dx.copy_from_slice(dy),
        }
        let n = self.features as f64;
        let mean_gradient = if self.centered { (sum(dx.iter().copied()) / n) as f32 } else { 0.0 };
        let dot = (sum(dx.iter().zip(x).map(|(g, x)| g * (x - mean) * inverse)) / n) as f32;
        dx.iter_mut()
            .zip(x)
            .for_each(|(dx, x)| *dx = inverse * (*dx - mean_gradient - (x - mean) * inverse * dot));
    }

    fn statistics(&self, x: &[f32]) -> (f32, f32) {
        let n = self.features as f64;
        let mean = if self.centered { (sum(x.iter().copied()) / n) as f32 } else { 0.0 };
        let variance = (sum(x.iter().map(|x| (x - mean) * (x - mean))) / n) as f32;
        let inverse = 1.0 / (variance + self.epsilon).sqrt();
        (mean, if inverse > LARGEST_INVERSE { LARGEST_INVERSE } else { inverse })
    }

    fn check(&self, x: &[f32], y: &[f32], gamma: Option<&[f32]>) {
        assert_eq!(x.len(), self.rows * self.features);
        assert_eq!(y.len(), x.len());
        assert!(gamma.is_none_or(|gamma| gamma.len() == self.features));
    }
}

/// In f64, since a row may be a whole image.
fn sum(values: impl Iterator<Item = f32>) -> f64 {
    values.map(f64::from).sum()
}
