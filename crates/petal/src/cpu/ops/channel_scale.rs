use petal_kernels as kernels;
use smallvec::SmallVec;

use super::two_gradients;
use crate::cpu::{Backward, Forward, Needs, Operation, Param};

/// `x · gamma + beta` with weights for each of the last values of a sample, over and over.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ChannelScale {
    pub rows: usize,
    pub channels: usize,
    pub gamma: Option<Param>,
    pub beta: Option<Param>,
}

impl ChannelScale {
    /// `y = x · gamma`, or `x` without a gamma.
    fn scale(&self, weights: &[f32], x: &[f32], y: &mut [f32]) {
        match self.gamma {
            Some(gamma) => kernels::channel_scale(x, gamma.of(weights), y),
            None => y.copy_from_slice(x),
        }
    }
}

impl Operation for ChannelScale {
    fn forward(&self, call: Forward<'_>) {
        self.scale(call.weights, call.inputs[0], call.output);
        if let Some(beta) = self.beta {
            kernels::channel_offset(beta.of(call.weights), call.output);
        }
    }

    fn backward(&self, mut call: Backward<'_>) {
        let [gamma, beta] = [self.gamma, self.beta].map(|p| p.map_or(0..0, |param| param.gradient_range()));
        let [d_gamma, d_beta] = two_gradients(call.gradients, gamma, beta);
        let (x, dy) = (call.inputs[0], &*call.d_output);
        if !d_gamma.is_empty() {
            kernels::channel_scale_gradient(x, dy, d_gamma, call.scratch);
        }
        if !d_beta.is_empty() {
            kernels::channel_offset_gradient(dy, d_beta, call.scratch);
        }
        if let Some(d_input) = call.d_inputs[0].take() {
            self.scale(call.weights, dy, d_input);
        }
    }

    fn needs(&self) -> Needs {
        Needs { inputs: self.gamma.is_some_and(|gamma| gamma.gradient.is_some()), output: false }
    }

    fn params(&self) -> SmallVec<[Param; 2]> {
        [self.gamma, self.beta].into_iter().flatten().collect()
    }

    fn scratch_len(&self, batch: usize) -> [usize; 2] {
        let len = batch * self.rows * self.channels;
        [0, kernels::channel_scale_gradient_scratch(len, self.channels)]
    }
}
