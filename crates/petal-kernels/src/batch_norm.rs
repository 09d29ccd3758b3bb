//! Batch normalisation over the last axis.
//!
//! Strategies:
//! - sums over rows: parallel chunks of rows cut by the number of channels, combined in order. A chunk's variance is
//!   centred on the chunk's own mean and combined by Chan, Golub and LeVeque (1979), so one pass over memory keeps
//!   the accuracy of two.
//! - elementwise passes: per-channel coefficients are computed for blocks of channels on the stack.

use rayon::prelude::*;

use crate::parallel::chunk_rows;
use crate::simd::{Kernel, Simd, dispatch};

/// Normalises `[rows, channels]` for each channel; for images rows are all pixels of the batch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BatchNorm {
    /// Values of one channel: batch × height × width.
    pub rows: usize,
    /// Channels.
    pub channels: usize,
    /// Added to the variance.
    pub epsilon: f32,
}

impl BatchNorm {
    /// Scratch of [`statistics`](Self::statistics).
    pub fn statistics_scratch(&self) -> usize {
        self.partials() * 2 * self.channels
    }

    /// Mean and population variance of each channel.
    pub fn statistics(&self, x: &[f32], mean: &mut [f32], variance: &mut [f32], scratch: &mut [f32]) {
        let channels = self.channels;
        assert_eq!(x.len(), self.rows * channels);
        assert_eq!(mean.len(), channels);
        assert_eq!(variance.len(), channels);
        if x.is_empty() {
            return;
        }
        let rows = self.partial_rows();
        let partials = &mut scratch[..self.statistics_scratch()];
        partials.par_chunks_mut(2 * channels).zip(x.par_chunks(rows * channels)).for_each(|(partial, x)| {
            let (mean, squares) = partial.split_at_mut(channels);
            dispatch(Statistics { x, mean, squares });
        });
        for c in 0..channels {
            let (mut count, mut total_mean, mut total_squares) = (0.0f64, 0.0f64, 0.0f64);
            for (i, partial) in partials.chunks_exact(2 * channels).enumerate() {
                let n = (self.rows - i * rows).min(rows) as f64;
                let delta = f64::from(partial[c]) - total_mean;
                total_squares += f64::from(partial[channels + c]) + delta * delta * count * n / (count + n);
                total_mean += delta * n / (count + n);
                count += n;
            }
            mean[c] = total_mean as f32;
            variance[c] = (total_squares / count) as f32;
        }
    }

    /// `y = x * inv + (beta - mean * inv)` with `inv = gamma / sqrt(variance + epsilon)`, with batch or moving
    /// statistics.
    pub fn normalize(
        &self,
        x: &[f32],
        mean: &[f32],
        variance: &[f32],
        gamma: Option<&[f32]>,
        beta: Option<&[f32]>,
        y: &mut [f32],
    ) {
        self.blocks([x, x], y, |c| {
            let inv = gamma.map_or(1.0, |gamma| gamma[c]) * self.inverse(variance[c]);
            [inv, 0.0, beta.map_or(0.0, |beta| beta[c]) - mean[c] * inv]
        });
    }

    /// Scratch of [`backward_batch`](Self::backward_batch) and [`backward_fixed`](Self::backward_fixed).
    pub fn backward_scratch(&self) -> usize {
        (self.partials() + 1) * 2 * self.channels
    }

    /// Gradients through the batch's own statistics:
    /// `dx = gamma / sqrt(variance + epsilon) * (dy - mean(dy) - xhat * mean(dy * xhat))`.
    ///
    /// Where these rows are a part of the batch, `of_all` makes of the sums of `dy * xhat` and `dy`, one after the other,
    /// those over all rows, and returns their number. `dgamma` and `dbeta` are the part's own.
    #[expect(clippy::too_many_arguments, reason = "inputs, outputs and scratch of one formula")]
    pub fn backward_batch(
        &self,
        x: &[f32],
        dy: &[f32],
        mean: &[f32],
        variance: &[f32],
        gamma: Option<&[f32]>,
        dx: Option<&mut [f32]>,
        dgamma: Option<&mut [f32]>,
        dbeta: Option<&mut [f32]>,
        scratch: &mut [f32],
        of_all: impl FnOnce(&mut [f32]) -> usize,
    ) {
        let sums = self.backward_sums(x, dy, mean, variance, scratch);
        let (sum_dy_xhat, sum_dy) = sums.split_at(self.channels);
        dgamma.into_iter().for_each(|dgamma| dgamma.copy_from_slice(sum_dy_xhat));
        dbeta.into_iter().for_each(|dbeta| dbeta.copy_from_slice(sum_dy));
        if let Some(dx) = dx {
            let n = of_all(sums) as f32;
            let (sum_dy_xhat, sum_dy) = sums.split_at(self.channels);
            self.blocks([dy, x], dx, |c| {
                let inverse = self.inverse(variance[c]);
                let scale = gamma.map_or(1.0, |gamma| gamma[c]) * inverse;
                let of_x = -scale * inverse * sum_dy_xhat[c] / n;
                [scale, of_x, -scale * sum_dy[c] / n - of_x * mean[c]]
            });
        }
    }

    /// Gradients with constant statistics: `dx = gamma / sqrt(variance + epsilon) * dy`.
    #[expect(clippy::too_many_arguments, reason = "inputs, outputs and scratch of one formula")]
    pub fn backward_fixed(
        &self,
        x: &[f32],
        dy: &[f32],
        mean: &[f32],
        variance: &[f32],
        gamma: Option<&[f32]>,
        dx: Option<&mut [f32]>,
        dgamma: Option<&mut [f32]>,
        dbeta: Option<&mut [f32]>,
        scratch: &mut [f32],
    ) {
        if dgamma.is_some() || dbeta.is_some() {
            let sums = self.backward_sums(x, dy, mean, variance, scratch);
            let (sum_dy_xhat, sum_dy) = sums.split_at(self.channels);
            dgamma.into_iter().for_each(|dgamma| dgamma.copy_from_slice(sum_dy_xhat));
            dbeta.into_iter().for_each(|dbeta| dbeta.copy_from_slice(sum_dy));
        }
        if let Some(dx) = dx {
            self.blocks([dy, dy], dx, |c| {
                [gamma.map_or(1.0, |gamma| gamma[c]) * self.inverse(variance[c]), 0.0, 0.0]
            });
        }
    }

    /// Rows of one partial sum: few enough to be found in the second cache when they are read again.
    fn partial_rows(&self) -> usize {
        4 * chunk_rows(self.channels)
    }

    fn partials(&self) -> usize {
        self.rows.div_ceil(self.partial_rows())
    }

    fn inverse(&self, variance: f32) -> f32 {
        1.0 / (variance + self.epsilon).sqrt()
    }

    /// Sums of `dy * xhat` and of `dy` over the rows, at the front of `scratch`.
    fn backward_sums<'a>(
        &self,
        x: &[f32],
        dy: &[f32],
        mean: &[f32],
        variance: &[f32],
        scratch: &'a mut [f32],
    ) -> &'a mut [f32] {
        let channels = self.channels;
        assert_eq!(x.len(), self.rows * channels);
        assert_eq!(dy.len(), self.rows * channels);
        assert_eq!(mean.len(), channels);
        assert_eq!(variance.len(), channels);
        let (sums, partials) = scratch[..self.backward_scratch()].split_at_mut(2 * channels);
        sums.fill(0.0);
        if x.is_empty() {
            return sums;
        }
        let chunk = self.partial_rows() * channels;
        let inputs = x.par_chunks(chunk).zip(dy.par_chunks(chunk));
        partials.par_chunks_mut(2 * channels).zip(inputs).for_each(|(partial, (x, dy))| {
            let (dot, sum) = partial.split_at_mut(channels);
            dispatch(BackwardSums { x, dy, mean, dot, sum });
        });
        for partial in partials.chunks_exact(2 * channels) {
            sums.iter_mut().zip(partial).for_each(|(sum, partial)| *sum += partial);
        }
        sums.iter_mut().zip(variance).for_each(|(sum, variance)| *sum *= self.inverse(*variance));
        sums
    }

    /// `out = a * coefficients[0] + b * coefficients[1] + coefficients[2]`, the coefficients being each channel's.
    fn blocks(&self, [a, b]: [&[f32]; 2], out: &mut [f32], coefficients: impl Fn(usize) -> [f32; 3] + Sync) {
        const BLOCK: usize = 512;
        let channels = self.channels;
        assert_eq!(a.len(), self.rows * channels);
        assert_eq!(b.len(), self.rows * channels);
        assert_eq!(out.len(), self.rows * channels);
        if out.is_empty() {
            return;
        }
        let chunk = chunk_rows(channels) * channels;
        let inputs = a.par_chunks(chunk).zip(b.par_chunks(chunk));
        out.par_chunks_mut(chunk).zip(inputs).for_each(|(out, (a, b))| {
            for start in (0..channels).step_by(BLOCK) {
                let range = start..(start + BLOCK).min(channels);
                let (mut of_a, mut of_b, mut offset) = ([0.0; BLOCK], [0.0; BLOCK], [0.0; BLOCK]);
                for (i, c) in range.clone().enumerate() {
                    [of_a[i], of_b[i], offset[i]] = coefficients(c);
                }
                let rows = a.chunks_exact(channels).zip(b.chunks_exact(channels));
                for (out, (a, b)) in out.chunks_exact_mut(channels).zip(rows) {
                    let inputs = a[range.clone()].iter().zip(&b[range.clone()]);
                    let coefficients = of_a.iter().zip(&of_b).zip(&offset);
                    for ((out, (a, b)), ((of_a, of_b), offset)) in
                        out[range.clone()].iter_mut().zip(inputs).zip(coefficients)
                    {
                        *out = a * of_a + b * of_b + offset;
                    }
                }
            }
        });
    }
}

/// Mean of some rows, and sum of the squared differences from it.
struct Statistics<'a> {
    x: &'a [f32],
    mean: &'a mut [f32],
    squares: &'a mut [f32],
}

impl Kernel for Statistics<'_> {
    #[inline(always)]
    fn run<S: Simd>(self) {
        let Statistics { x, mean, squares } = self;
        let channels = mean.len();
        mean.fill(0.0);
        squares.fill(0.0);
        for x in x.chunks_exact(channels) {
            for (mean, x) in mean.iter_mut().zip(x) {
                *mean += x;
            }
        }
        let scale = 1.0 / (x.len() / channels) as f32;
        for mean in mean.iter_mut() {
            *mean *= scale;
        }
        for x in x.chunks_exact(channels) {
            for ((squares, mean), x) in squares.iter_mut().zip(mean.iter()).zip(x) {
                *squares += (x - mean) * (x - mean);
            }
        }
    }
}

/// Sums of `dy * (x - mean)` and of `dy` over some rows.
struct BackwardSums<'a> {
    x: &'a [f32],
    dy: &'a [f32],
    mean: &'a [f32],
    dot: &'a mut [f32],
    sum: &'a mut [f32],
}

impl Kernel for BackwardSums<'_> {
    #[inline(always)]
    fn run<S: Simd>(self) {
        let BackwardSums { x, dy, mean, dot, sum } = self;
        let channels = mean.len();
        dot.fill(0.0);
        sum.fill(0.0);
        for (x, dy) in x.chunks_exact(channels).zip(dy.chunks_exact(channels)) {
            let sums = dot.iter_mut().zip(sum.iter_mut());
            for ((((dot, sum), x), dy), mean) in sums.zip(x).zip(dy).zip(mean) {
                *dot += dy * (x - mean);
                *sum += dy;
            }
        }
    }
}
