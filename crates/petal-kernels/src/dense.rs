//! Fully connected layers.
//!
//! Strategy: matrix products cut by shape (see `matmul`), bias and activation applied as a tile is stored.

use crate::matmul::Matmul;
use crate::{Activation, ActivationGradient, KernelWeights, Precision};

/// `y = activation(x × kernel + bias)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dense {
    /// Rows of `x` and `y`.
    pub rows: usize,
    /// Columns of `x`.
    pub inputs: usize,
    /// Columns of `y`.
    pub units: usize,
    /// Of the factors of products.
    pub precision: Precision,
}

impl Dense {
    /// Scratch of [`forward`](Self::forward).
    pub fn forward_scratch(&self) -> usize {
        self.matmul().forward_scratch()
    }

    /// `x` `[rows, inputs]`, `kernel` `[inputs, units]`, `bias` `[units]`, `y` `[rows, units]`.
    pub fn forward<'a>(
        &self,
        x: &[f32],
        kernel: impl Into<KernelWeights<'a>>,
        bias: Option<&[f32]>,
        activation: Activation,
        y: &mut [f32],
        scratch: &mut [f32],
    ) {
        self.matmul().forward(x, kernel.into(), bias, activation, y, scratch);
    }

    /// Floats of the packed kernel.
    pub fn packed_len(&self) -> usize {
        self.matmul().packed_len()
    }

    /// Packs a kernel for any number of rows.
    pub fn pack(&self, kernel: &[f32], packed: &mut [f32]) {
        self.matmul().pack(kernel, packed);
    }

    /// Scratch of [`backward_input`](Self::backward_input).
    pub fn backward_input_scratch(&self) -> usize {
        self.matmul().backward_input_scratch()
    }

    /// `dx = dy × kernelᵀ`, or the gradient before the activation that made the input, if that is given; `dy` is the
    /// gradient before this layer's activation.
    pub fn backward_input(
        &self,
        dy: &[f32],
        kernel: &[f32],
        input_activation: Option<ActivationGradient<'_>>,
        dx: &mut [f32],
        scratch: &mut [f32],
    ) {
        self.matmul().backward_input(dy, kernel, input_activation, dx, scratch);
    }

    /// Scratch of [`backward_kernel`](Self::backward_kernel).
    pub fn backward_kernel_scratch(&self) -> usize {
        self.matmul().backward_kernel_scratch()
    }

    /// `dkernel = xᵀ × dy`, `dbias` = sum of `dy` over rows.
    pub fn backward_kernel(
        &self,
        x: &[f32],
        dy: &[f32],
        dkernel: &mut [f32],
        dbias: Option<&mut [f32]>,
        scratch: &mut [f32],
    ) {
        self.matmul().backward_kernel(x, dy, dkernel, dbias, scratch);
    }

    fn matmul(&self) -> Matmul {
        Matmul { rows: self.rows, inputs: self.inputs, units: self.units, precision: self.precision }
    }
}
