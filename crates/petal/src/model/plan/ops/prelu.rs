use petal_kernels as kernels;
use smallvec::{SmallVec, smallvec};

use crate::model::plan::{Backward, Forward, Needs, Operation, Param};

/// ReLU whose slopes below 0 are weights.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Prelu {
    pub alpha: Param,
    /// For each of the last values of a sample, over and over, the number of its slope.
    pub places: Vec<usize>,
    /// How often they come in a sample.
    pub rows: usize,
}

impl Prelu {
    /// The slopes at their places.
    fn slopes(&self, weights: &[f32], slopes: &mut [f32]) {
        let alpha = self.alpha.of(weights);
        slopes.iter_mut().zip(&self.places).for_each(|(slope, &place)| *slope = alpha[place]);
    }
}

impl Operation for Prelu {
    fn forward(&self, call: Forward<'_>) {
        let slopes = &mut call.scratch[..self.places.len()];
        self.slopes(call.weights, slopes);
        kernels::prelu_forward(call.inputs[0], slopes, call.output);
    }

    fn backward(&self, mut call: Backward<'_>) {
        let (slopes, scratch) = call.scratch.split_at_mut(self.places.len());
        let (x, dy) = (call.inputs[0], &*call.d_output);
        let d_alpha = &mut call.gradients[self.alpha.gradient_range()];
        if !d_alpha.is_empty() {
            kernels::prelu_gradient(x, dy, slopes, scratch);
            d_alpha.fill(0.0);
            slopes.iter().zip(&self.places).for_each(|(gradient, &place)| d_alpha[place] += gradient);
        }
        if let Some(d_input) = call.d_inputs[0].take() {
            self.slopes(call.weights, slopes);
            kernels::prelu_backward(x, slopes, dy, d_input);
        }
    }

    fn needs(&self) -> Needs {
        Needs { inputs: true, output: false }
    }

    fn params(&self) -> SmallVec<[Param; 2]> {
        smallvec![self.alpha]
    }

    fn scratch_len(&self, batch: usize) -> [usize; 2] {
        let slopes = self.places.len();
        let len = batch * self.rows * slopes;
        [slopes, slopes + kernels::channel_scale_gradient_scratch(len, slopes)]
    }
}
