use petal_kernels as kernels;
use smallvec::SmallVec;

use super::two_gradients;
use crate::cpu::joined::Joined;
use crate::cpu::{Backward, Forward, Needs, Operation, Param};

/// Batch normalization of `rows` rows a sample.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct BatchNorm {
    pub rows: usize,
    pub channels: usize,
    pub epsilon: f32,
    /// Given for batch statistics; without it the moving ones are used and stay as they are.
    pub momentum: Option<f32>,
    pub gamma: Option<Param>,
    pub beta: Option<Param>,
    pub mean: Param,
    pub variance: Param,
}

impl BatchNorm {
    /// Moves the statistics among the weights towards those of the batch, which the forward call has saved.
    pub(crate) fn move_statistics(&self, saved: &[f32], weights: &mut [f32]) {
        let Some(momentum) = self.momentum else { return };
        for (param, batch) in [self.mean, self.variance].into_iter().zip(saved.chunks(self.channels)) {
            for (moving, batch) in weights[param.range()].iter_mut().zip(batch) {
                *moving = *moving * momentum + *batch * (1.0 - momentum);
            }
        }
    }

    /// Makes of the statistics of some rows those of the rows of all ranks.
    fn share_statistics(&self, joined: &Joined, rows: usize, mean: &mut [f32], variance: &mut [f32]) {
        let mut sums = vec![0.0; 1 + 2 * self.channels];
        let of_rows = |mean: f32, variance: f32| {
            let (mean, rows) = (f64::from(mean), rows as f64);
            [rows * mean, rows * (f64::from(variance) + mean * mean)]
        };
        if rows > 0 {
            sums[0] = rows as f64;
            let own = mean.iter().zip(&*variance);
            for (sums, (mean, variance)) in sums[1..].chunks_exact_mut(2).zip(own) {
                sums.copy_from_slice(&of_rows(*mean, *variance));
            }
        }
        joined.sum(&mut sums);
        let all = sums[0];
        if all == 0.0 {
            return;
        }
        let shared = mean.iter_mut().zip(variance);
        for (sums, (mean, variance)) in sums[1..].chunks_exact(2).zip(shared) {
            let of_all = sums[0] / all;
            *mean = of_all as f32;
            *variance = (sums[1] / all - of_all * of_all).max(0.0) as f32;
        }
    }

    fn at(&self, batch: usize) -> kernels::BatchNorm {
        kernels::BatchNorm { rows: self.rows * batch, channels: self.channels, epsilon: self.epsilon }
    }
}

impl Operation for BatchNorm {
    fn forward(&self, call: Forward<'_>) {
        let norm = self.at(call.run.batch());
        let x = call.inputs[0];
        if self.momentum.is_some() {
            let (mean, variance) = call.saved.split_at_mut(self.channels);
            norm.statistics(x, mean, variance, call.scratch);
            if let Some(joined) = call.joined {
                self.share_statistics(joined, norm.rows, mean, variance);
            }
        }
        let (mean, variance) = match self.momentum {
            Some(_) => call.saved.split_at(self.channels),
            None => (self.mean.of(call.weights), self.variance.of(call.weights)),
        };
        let [gamma, beta] = [self.gamma, self.beta].map(|param| param.map(|param| param.of(call.weights)));
        norm.normalize(x, mean, variance, gamma, beta, call.output);
    }

    fn backward(&self, mut call: Backward<'_>) {
        let norm = self.at(call.run.batch());
        let [gamma, beta] = [self.gamma, self.beta].map(|p| p.map_or(0..0, |param| param.gradient_range()));
        let [d_gamma, d_beta] = two_gradients(call.gradients, gamma, beta);
        let d_gamma = (!d_gamma.is_empty()).then_some(d_gamma);
        let d_beta = (!d_beta.is_empty()).then_some(d_beta);
        let gamma = self.gamma.map(|param| param.of(call.weights));
        let (x, dy, dx) = (call.inputs[0], &*call.d_output, call.d_inputs[0].take());
        if self.momentum.is_some() {
            let (mean, variance) = call.saved.split_at(self.channels);
            let of_all = |sums: &mut [f32]| {
                let Some(joined) = call.joined else { return norm.rows };
                let own = sums.iter().map(|&sum| f64::from(sum));
                let mut shared: Vec<f64> = own.chain([norm.rows as f64]).collect();
                joined.sum(&mut shared);
                sums.iter_mut().zip(&shared).for_each(|(sum, of_all)| *sum = *of_all as f32);
                shared[sums.len()] as usize
            };
            norm.backward_batch(x, dy, mean, variance, gamma, dx, d_gamma, d_beta, call.scratch, of_all);
        } else {
            let (mean, variance) = (self.mean.of(call.weights), self.variance.of(call.weights));
            norm.backward_fixed(x, dy, mean, variance, gamma, dx, d_gamma, d_beta, call.scratch);
        }
    }

    fn needs(&self) -> Needs {
        let trains = self.params().iter().any(|param| param.gradient.is_some());
        Needs { inputs: self.momentum.is_some() || trains, output: false }
    }

    fn params(&self) -> SmallVec<[Param; 2]> {
        [self.gamma, self.beta].into_iter().flatten().collect()
    }

    fn saved_len(&self, _batch: usize) -> usize {
        if self.momentum.is_some() { 2 * self.channels } else { 0 }
    }

    fn scratch_len(&self, batch: usize) -> [usize; 2] {
        let norm = self.at(batch);
        [norm.statistics_scratch(), norm.backward_scratch()]
    }
}
