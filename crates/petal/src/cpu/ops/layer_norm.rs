use petal_kernels as kernels;
use smallvec::SmallVec;

use super::two_gradients;
use crate::cpu::{Backward, Forward, Needs, Operation, Param};

/// Layer normalization of `rows` rows a sample, with or without their mean.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct LayerNorm {
    pub rows: usize,
    pub features: usize,
    pub epsilon: f32,
    pub centered: bool,
    pub gamma: Option<Param>,
    pub beta: Option<Param>,
}

impl LayerNorm {
    fn at(&self, batch: usize) -> kernels::LayerNorm {
        let LayerNorm { rows, features, epsilon, centered, .. } = *self;
        kernels::LayerNorm { rows: rows * batch, features, epsilon, centered }
    }
}

impl Operation for LayerNorm {
    fn forward(&self, call: Forward<'_>) {
        let [gamma, beta] = [self.gamma, self.beta].map(|param| param.map(|param| param.of(call.weights)));
        self.at(call.run.batch()).forward(call.inputs[0], gamma, beta, call.output);
    }

    fn backward(&self, mut call: Backward<'_>) {
        let [gamma, beta] = [self.gamma, self.beta].map(|p| p.map_or(0..0, |param| param.gradient_range()));
        let [d_gamma, d_beta] = two_gradients(call.gradients, gamma, beta);
        let d_gamma = (!d_gamma.is_empty()).then_some(d_gamma);
        let d_beta = (!d_beta.is_empty()).then_some(d_beta);
        let gamma = self.gamma.map(|param| param.of(call.weights));
        let (x, dy, dx) = (call.inputs[0], &*call.d_output, call.d_inputs[0].take());
        self.at(call.run.batch()).backward(x, dy, gamma, dx, d_gamma, d_beta, call.scratch);
    }

    fn needs(&self) -> Needs {
        Needs { inputs: true, output: false }
    }

    fn params(&self) -> SmallVec<[Param; 2]> {
        [self.gamma, self.beta].into_iter().flatten().collect()
    }

    fn scratch_len(&self, batch: usize) -> [usize; 2] {
        [0, self.at(batch).backward_scratch()]
    }
}
