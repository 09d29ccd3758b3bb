use petal_kernels as kernels;
use smallvec::{SmallVec, smallvec};

use crate::cpu::{Backward, Forward, Needs, Operation, Param};

/// ReLU whose slopes below 0 are weights, one for each of the last values of a sample, over and over.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Prelu {
    pub rows: usize,
    pub alpha: Param,
}

impl Operation for Prelu {
    fn forward(&self, call: Forward<'_>) {
        kernels::prelu_forward(call.inputs[0], self.alpha.of(call.weights), call.output);
    }

    fn backward(&self, mut call: Backward<'_>) {
        let (x, dy) = (call.inputs[0], &*call.d_output);
        let d_alpha = &mut call.gradients[self.alpha.gradient_range()];
        if !d_alpha.is_empty() {
            kernels::prelu_gradient(x, dy, d_alpha, call.scratch);
        }
        if let Some(d_input) = call.d_inputs[0].take() {
            kernels::prelu_backward(x, self.alpha.of(call.weights), dy, d_input);
        }
    }

    fn needs(&self) -> Needs {
        Needs { inputs: true, output: false }
    }

    fn params(&self) -> SmallVec<[Param; 2]> {
        smallvec![self.alpha]
    }

    fn scratch_len(&self, batch: usize) -> [usize; 2] {
        let slopes = self.alpha.len;
        [0, kernels::channel_scale_gradient_scratch(batch * self.rows * slopes, slopes)]
    }
}
