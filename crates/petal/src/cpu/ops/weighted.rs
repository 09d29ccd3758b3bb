use std::ops::Range;
use std::sync::Arc;

use petal_kernels as kernels;
use smallvec::SmallVec;

use super::activations::Activations;
use super::batch_norm::BatchNorm;
use super::fold::{Fold, Folded};
use super::two_gradients;
use crate::cpu::packed::Packed;
use crate::cpu::{Backward, Forward, Needs, Operation, Param};

/// A convolution or a matrix product, with a bias, a folded normalization and a cheap activation.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Weighted<K> {
    /// The kernel for one sample.
    pub shape: K,
    pub kernel: Param,
    /// The kernel as it is multiplied, where it stays as it is.
    pub packed: Option<Range<usize>>,
    pub bias: Option<Param>,
    /// Applied before the activation; its statistics are fixed.
    pub norm: Option<BatchNorm>,
    pub activations: Activations,
}

/// What the kernels with weights have in common.
pub(crate) trait WeightedKernel {
    /// The same for a batch.
    fn at(&self, batch: usize) -> Self;
    fn forward_scratch(&self) -> usize;
    fn backward_scratch(&self) -> usize;
    /// Floats of the packed kernel; 0 if it is never packed.
    fn packed_len(&self) -> usize {
        0
    }
    fn pack(&self, _kernel: &[f32], _packed: &mut [f32]) {}
    fn forward(
        &self,
        x: &[f32],
        kernel: kernels::KernelWeights<'_>,
        bias: Option<&[f32]>,
        activation: kernels::Activation,
        y: &mut [f32],
        scratch: &mut [f32],
    );
    fn backward_input(
        &self,
        dy: &[f32],
        kernel: &[f32],
        input_activation: Option<kernels::ActivationGradient<'_>>,
        dx: &mut [f32],
        scratch: &mut [f32],
    );
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
    (@ packs) => {
        fn packed_len(&self) -> usize {
            self.packed_len()
        }

        fn pack(&self, kernel: &[f32], packed: &mut [f32]) {
            self.pack(kernel, packed);
        }
    };
    (@ plain) => {};
    (@ packs $weights:ident) => {
        $weights
    };
    (@ plain $weights:ident) => {
        $weights.plain()
    };
    ($kernel:ident, $packs:ident, |$one:ident, $batch:ident| $at:expr) => {
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

            weighted_kernel!(@ $packs);

            fn forward(
                &self,
                x: &[f32],
                kernel: kernels::KernelWeights<'_>,
                bias: Option<&[f32]>,
                activation: kernels::Activation,
                y: &mut [f32],
                scratch: &mut [f32],
            ) {
                self.forward(x, weighted_kernel!(@ $packs kernel), bias, activation, y, scratch);
            }

            fn backward_input(
                &self,
                dy: &[f32],
                kernel: &[f32],
                input_activation: Option<kernels::ActivationGradient<'_>>,
                dx: &mut [f32],
                scratch: &mut [f32],
            ) {
                self.backward_input(dy, kernel, input_activation, dx, scratch);
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

weighted_kernel!(Conv2d, packs, |one, batch| kernels::Conv2d { batch, ..one });
weighted_kernel!(DepthwiseConv2d, plain, |one, batch| kernels::DepthwiseConv2d { batch, ..one });
weighted_kernel!(Dense, packs, |one, batch| kernels::Dense { rows: one.rows * batch, ..one });

impl<K> Weighted<K> {
    /// The layer without activation and normalization.
    pub(crate) fn new(shape: K, kernel: Param, bias: Option<Param>) -> Self {
        Weighted { shape, kernel, packed: None, bias, norm: None, activations: Activations::default() }
    }

    /// What the kernel computes with: the weights, or in `folded` those with the normalization folded in.
    pub(super) fn effective<'a>(
        &self,
        weights: &'a [f32],
        packed: &'a [f32],
        folded: &'a mut [f32],
    ) -> kernels::BlockWeights<'a> {
        let activation = self.activations.output;
        match self.fold(weights) {
            Some(fold) => {
                let mut folded = Folded::of(folded, fold.norm.channels);
                fold.apply(&mut folded);
                kernels::BlockWeights {
                    kernel: (&*folded.kernel).into(),
                    bias: Some(folded.bias),
                    activation,
                }
            }
            None => {
                let bias = self.bias.map(|bias| bias.of(weights));
                let kernel = match &self.packed {
                    Some(place) => kernels::KernelWeights::Packed(&packed[place.clone()]),
                    None => self.kernel.of(weights).into(),
                };
                kernels::BlockWeights { kernel, bias, activation }
            }
        }
    }

    /// Makes the normalization part of `weights`: the kernel takes its own place, the bias that of the means, which nobody
    /// reads after that.
    pub(crate) fn fold_constants(&mut self, weights: &mut Arc<Vec<f32>>) {
        let Some(norm) = self.norm.take() else { return };
        let weights = Arc::make_mut(weights);
        let mut folded = vec![0.0; Folded::len(self.kernel.len, norm.channels)];
        let mut folded = Folded::of(&mut folded, norm.channels);
        Fold { norm: &norm, kernel: self.kernel, bias: self.bias, weights }.apply(&mut folded);
        weights[self.kernel.range()].copy_from_slice(folded.kernel);
        weights[norm.mean.range()].copy_from_slice(folded.bias);
        self.bias = Some(norm.mean);
    }

    /// Floats that [`pack_constants`](Self::pack_constants) adds.
    pub(crate) fn packed_len(&self) -> usize
    where
        K: WeightedKernel,
    {
        self.shape.packed_len()
    }

    /// Packs the kernel, which doesn't change any more.
    pub(crate) fn pack_constants(&mut self, weights: &[f32], packed: &mut Packed)
    where
        K: WeightedKernel,
    {
        let (shape, len) = (&self.shape, self.packed_len());
        if len > 0 {
            self.packed = Some(packed.add(len, |packed| shape.pack(self.kernel.of(weights), packed)));
        }
    }

    fn fold<'a>(&'a self, weights: &'a [f32]) -> Option<Fold<'a>> {
        self.norm.as_ref().map(|norm| Fold { norm, kernel: self.kernel, bias: self.bias, weights })
    }

    /// Floats of the weights with the normalization folded in.
    fn folded_len(&self) -> usize {
        self.norm.as_ref().map_or(0, |norm| Folded::len(self.kernel.len, norm.channels))
    }

    fn trains(&self) -> bool {
        let norm = self.norm.iter().flat_map(|norm| [norm.gamma, norm.beta]);
        [Some(self.kernel), self.bias].into_iter().chain(norm).flatten().any(|param| param.gradient.is_some())
    }
}

impl<K: WeightedKernel> Operation for Weighted<K> {
    fn forward(&self, call: Forward<'_>) {
        let shape = self.shape.at(call.run.batch());
        let (x, y, scratch) = (call.inputs[0], call.output, call.scratch);
        let kernels::BlockWeights { kernel, bias, activation } =
            self.effective(call.weights, call.packed, call.saved);
        shape.forward(x, kernel, bias, activation, y, scratch);
    }

    fn backward(&self, mut call: Backward<'_>) {
        self.activations.backward_output(call.output, call.d_output);
        let shape = self.shape.at(call.run.batch());
        let (x, dy) = (call.inputs[0], &*call.d_output);
        if let Some(fold) = self.fold(call.weights).filter(|_| self.trains()) {
            let (channels, kernel) = (fold.norm.channels, self.kernel.len);
            let (d_kernel, rest) = call.scratch.split_at_mut(kernel);
            let (d_bias, scratch) = rest.split_at_mut(channels);
            shape.backward_kernel(x, dy, d_kernel, Some(d_bias), scratch);
            fold.backward(&call.saved[kernel + channels..], d_kernel, d_bias, call.gradients, scratch);
        } else if self.kernel.gradient.is_some() {
            let bias = self.bias.map_or(0..0, |bias| bias.gradient_range());
            let [d_kernel, d_bias] = two_gradients(call.gradients, self.kernel.gradient_range(), bias);
            let d_bias = (!d_bias.is_empty()).then_some(d_bias);
            shape.backward_kernel(x, dy, d_kernel, d_bias, call.scratch);
        }
        if let Some(d_input) = call.d_inputs[0].take() {
            let kernel = match self.norm {
                Some(_) => &call.saved[..self.kernel.len],
                None => self.kernel.of(call.weights),
            };
            shape.backward_input(dy, kernel, self.activations.input_gradient(x), d_input, call.scratch);
        }
    }

    fn needs(&self) -> Needs {
        self.activations.needs(self.trains())
    }

    fn params(&self) -> SmallVec<[Param; 2]> {
        let norm = self.norm.iter().flat_map(|norm| norm.params());
        [Some(self.kernel), self.bias].into_iter().flatten().chain(norm).collect()
    }

    fn saved_len(&self, _batch: usize) -> usize {
        self.folded_len()
    }

    fn scratch_len(&self, batch: usize) -> [usize; 2] {
        let shape = self.shape.at(batch);
        let fold = self.norm.as_ref().map_or(0, |norm| Fold::scratch_len(self.kernel.len, norm.channels));
        [shape.forward_scratch(), self.folded_len() + shape.backward_scratch().max(fold)]
    }
}
