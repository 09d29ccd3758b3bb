use petal_kernels as kernels;
use smallvec::SmallVec;

use super::two_gradients;
use crate::model::plan::{Backward, Forward, Needs, Operation, Param};

/// A convolution or a matrix product, with a bias and a cheap activation.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Weighted<K> {
    /// The kernel for one sample.
    pub shape: K,
    pub kernel: Param,
    pub bias: Option<Param>,
    pub activation: kernels::Activation,
}

/// What the kernels with weights have in common.
pub(crate) trait WeightedKernel {
    /// The same for a batch.
    fn at(&self, batch: usize) -> Self;
    fn forward_scratch(&self) -> usize;
    fn backward_scratch(&self) -> usize;
    fn forward(
        &self,
        x: &[f32],
        kernel: &[f32],
        bias: Option<&[f32]>,
        activation: kernels::Activation,
        y: &mut [f32],
        scratch: &mut [f32],
    );
    fn backward_input(&self, dy: &[f32], kernel: &[f32], dx: &mut [f32], scratch: &mut [f32]);
    fn backward_kernel(
        &self,
        x: &[f32],
        dy: &[f32],
        dkernel: &mut [f32],
        dbias: Option<&mut [f32]>,
        scratch: &mut [f32],
    );
}

macro_rules! weighted_kernel {
    ($kernel:ident, |$one:ident, $batch:ident| $at:expr) => {
        impl WeightedKernel for kernels::$kernel {
            fn at(&self, $batch: usize) -> Self {
                let $one = *self;
                $at
            }

            fn forward_scratch(&self) -> usize {
                self.forward_scratch()
            }

            fn backward_scratch(&self) -> usize {
                self.backward_input_scratch().max(self.backward_kernel_scratch())
            }

            fn forward(
                &self,
                x: &[f32],
                kernel: &[f32],
                bias: Option<&[f32]>,
                activation: kernels::Activation,
                y: &mut [f32],
                scratch: &mut [f32],
            ) {
                self.forward(x, kernel, bias, activation, y, scratch);
            }

            fn backward_input(&self, dy: &[f32], kernel: &[f32], dx: &mut [f32], scratch: &mut [f32]) {
                self.backward_input(dy, kernel, dx, scratch);
            }

            fn backward_kernel(
                &self,
                x: &[f32],
                dy: &[f32],
                dkernel: &mut [f32],
                dbias: Option<&mut [f32]>,
                scratch: &mut [f32],
            ) {
                self.backward_kernel(x, dy, dkernel, dbias, scratch);
            }
        }
    };
}

weighted_kernel!(Conv2d, |one, batch| kernels::Conv2d { batch, ..one });
weighted_kernel!(DepthwiseConv2d, |one, batch| kernels::DepthwiseConv2d { batch, ..one });
weighted_kernel!(Dense, |one, batch| kernels::Dense { rows: one.rows * batch, ..one });

impl<K: WeightedKernel> Operation for Weighted<K> {
    fn forward(&self, call: Forward<'_>) {
        let bias = self.bias.map(|bias| bias.of(call.weights));
        let kernel = self.kernel.of(call.weights);
        let shape = self.shape.at(call.run.batch());
        shape.forward(call.inputs[0], kernel, bias, self.activation, call.output, call.scratch);
    }

    fn backward(&self, mut call: Backward<'_>) {
        super::activation_backward(self.activation, call.output, call.d_output);
        let shape = self.shape.at(call.run.batch());
        if self.kernel.gradient.is_some() {
            let bias = self.bias.map_or(0..0, |bias| bias.gradient_range());
            let [d_kernel, d_bias] = two_gradients(call.gradients, self.kernel.gradient_range(), bias);
            let d_bias = (!d_bias.is_empty()).then_some(d_bias);
            shape.backward_kernel(call.inputs[0], call.d_output, d_kernel, d_bias, call.scratch);
        }
        if let Some(d_input) = call.d_inputs[0].take() {
            shape.backward_input(call.d_output, self.kernel.of(call.weights), d_input, call.scratch);
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
        let shape = self.shape.at(batch);
        [shape.forward_scratch(), shape.backward_scratch()]
    }
}
