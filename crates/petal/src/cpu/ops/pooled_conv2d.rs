use std::ops::Range;

use petal_kernels as kernels;
use smallvec::SmallVec;

use super::activations::Activations;
use super::two_gradients;
use crate::cpu::packed::Packed;
use crate::cpu::{Backward, Forward, Needs, Operation, Param};

/// A convolution with bias, activation and max pooling; keeps where each maximum was.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct PooledConv2d {
    /// The kernel for one sample.
    pub shape: kernels::PooledConv2d,
    pub kernel: Param,
    /// The kernel as it is multiplied, where it stays as it is.
    pub packed: Option<Range<usize>>,
    pub bias: Option<Param>,
    pub activations: Activations,
}

impl PooledConv2d {
    /// Packs the kernel, which doesn't change any more.
    pub(crate) fn pack_constants(&mut self, weights: &[f32], packed: &mut Packed) {
        let pack = |packed: &mut [f32]| self.shape.pack(self.kernel.of(weights), packed);
        self.packed = Some(packed.add(self.shape.packed_len(), pack));
    }

    fn at(&self, batch: usize) -> kernels::PooledConv2d {
        kernels::PooledConv2d { conv: kernels::Conv2d { batch, ..self.shape.conv } }
    }
}

impl Operation for PooledConv2d {
    fn forward(&self, call: Forward<'_>) {
        let shape = self.at(call.run.batch());
        let arg = &mut call.mask[..shape.arg_bytes()];
        let kernel = match &self.packed {
            Some(place) => kernels::KernelWeights::Packed(&call.packed[place.clone()]),
            None => self.kernel.of(call.weights).into(),
        };
        let bias = self.bias.map(|bias| bias.of(call.weights));
        let (x, activation) = (call.inputs[0], self.activations.output);
        shape.forward(x, kernel, bias, activation, call.output, arg, call.scratch);
    }

    fn backward(&self, mut call: Backward<'_>) {
        // The maximum of activated values is the activated maximum: its gradient passes where the pooled output says.
        self.activations.backward_output(call.output, call.d_output);
        let shape = self.at(call.run.batch());
        let (dy, arg) = (&*call.d_output, &call.mask[..shape.arg_bytes()]);
        if self.kernel.gradient.is_some() {
            let bias = self.bias.map_or(0..0, |bias| bias.gradient_range());
            let [d_kernel, d_bias] = two_gradients(call.gradients, self.kernel.gradient_range(), bias);
            let d_bias = (!d_bias.is_empty()).then_some(d_bias);
            shape.backward_kernel(call.inputs[0], dy, arg, d_kernel, d_bias, call.scratch);
        }
        if let Some(d_input) = call.d_inputs[0].take() {
            let activation = self.activations.input_gradient(call.inputs[0]);
            let kernel = self.kernel.of(call.weights);
            shape.backward_input(dy, arg, kernel, activation, d_input, call.scratch);
        }
    }

    fn needs(&self) -> Needs {
        self.activations.needs(self.kernel.gradient.is_some())
    }

    fn params(&self) -> SmallVec<[Param; 2]> {
        [Some(self.kernel), self.bias].into_iter().flatten().collect()
    }

    fn mask_len(&self, batch: usize) -> usize {
        self.at(batch).arg_bytes()
    }

    fn scratch_len(&self, batch: usize) -> [usize; 2] {
        let shape = self.at(batch);
        [shape.forward_scratch(), shape.backward_input_scratch().max(shape.backward_kernel_scratch())]
    }
}
