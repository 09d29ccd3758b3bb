use petal_kernels as kernels;
use smallvec::SmallVec;

use super::two_gradients;
use crate::model::plan::{Backward, Forward, Needs, Operation, Param};

/// Convolution, bias and a cheap activation.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Conv2d {
    /// With batch 0: the run says how many.
    pub convolution: kernels::Conv2d,
    pub kernel: Param,
    pub bias: Option<Param>,
    pub activation: kernels::Activation,
}

impl Conv2d {
    fn at(&self, batch: usize) -> kernels::Conv2d {
        kernels::Conv2d { batch, ..self.convolution }
    }
}

impl Operation for Conv2d {
    fn forward(&self, call: Forward<'_>) {
        let bias = self.bias.map(|bias| bias.of(call.weights));
        let kernel = self.kernel.of(call.weights);
        self.at(call.run.batch()).forward(
            call.inputs[0],
            kernel,
            bias,
            self.activation,
            call.output,
            call.scratch,
        );
    }

    fn backward(&self, mut call: Backward<'_>) {
        super::activation_backward(self.activation, call.output, call.d_output);
        let convolution = self.at(call.run.batch());
        if self.kernel.gradient.is_some() {
            let bias = self.bias.map_or(0..0, |bias| bias.gradient_range());
            let [d_kernel, d_bias] = two_gradients(call.gradients, self.kernel.gradient_range(), bias);
            let d_bias = (!d_bias.is_empty()).then_some(d_bias);
            convolution.backward_kernel(call.inputs[0], call.d_output, d_kernel, d_bias, call.scratch);
        }
        if let Some(d_input) = call.d_inputs[0].take() {
            convolution.backward_input(call.d_output, self.kernel.of(call.weights), d_input, call.scratch);
        }
    }

    fn needs(&self) -> Needs {
        Needs {
            inputs: self.kernel.gradient.is_some(),
            output: self.activation != kernels::Activation::Linear,
        }
    }

    fn params(&self) -> SmallVec<[Param; 2]> {
        [Some(self.kernel), self.bias].into_iter().flatten().collect()
    }

    fn scratch_len(&self, batch: usize) -> [usize; 2] {
        let convolution = self.at(batch);
        let backward = convolution.backward_input_scratch().max(convolution.backward_kernel_scratch());
        [convolution.forward_scratch(), backward]
    }
}
