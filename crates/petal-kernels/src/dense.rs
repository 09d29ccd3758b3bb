//! Fully connected layers: products by the `gemm` crate.
//!
//! Strategy: the larger side of the result is cut into pieces by its shape, one product a piece, in parallel. With few
//! rows the kernel is read once, column piece by column piece.

use rayon::prelude::*;

use crate::Activation;
use crate::elementwise::{channel_sum, channel_sum_scratch};
use crate::matrix::{Matrix, multiply};

/// `y[rows, units] = activation(x[rows, inputs] · kernel[inputs, units] + bias[units])`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dense {
    /// The number of rows, at least that of samples.
    pub rows: usize,
    /// The length of an input row.
    pub inputs: usize,
    /// The length of an output row.
    pub units: usize,
}

/// Rows of a result that make a piece worth a task.
const PIECE: usize = 64;

impl Dense {
    /// Floats of scratch for [`Dense::forward`].
    pub fn forward_scratch(&self) -> usize {
        // Partial products over pieces of the inputs, where there are many inputs and few results.
        if self.pieces() > 1 { self.pieces() * self.rows * self.units } else { 0 }
    }

    /// The output.
    pub fn forward(
        &self,
        x: &[f32],
        kernel: &[f32],
        bias: Option<&[f32]>,
        activation: Activation,
        y: &mut [f32],
        scratch: &mut [f32],
    ) {
        let &Dense { rows, inputs, units } = self;
        self.check(x, kernel, y);
        let pieces = self.pieces();
        if pieces > 1 {
            let partial = rows * units;
            let scratch = &mut scratch[..pieces * partial];
            scratch.par_chunks_mut(partial).enumerate().for_each(|(piece, out)| {
                let at = crate::lanes::units_of(piece, pieces, inputs);
                let a = Matrix::rows(&x[at.start..], inputs);
                let b = Matrix::rows(&kernel[at.start * units..], units);
                multiply([rows, units, at.len()], a, b, out, units, false);
            });
            y.copy_from_slice(&scratch[..partial]);
            for other in scratch[partial..].chunks_exact(partial) {
                y.iter_mut().zip(other).for_each(|(y, other)| *y += other);
            }
            activation.apply_with_bias(bias, y);
            return;
        }
        if y.is_empty() {
            return;
        }
        y.par_chunks_mut(PIECE * units).enumerate().for_each(|(piece, y)| {
            let a = Matrix::rows(&x[piece * PIECE * inputs..], inputs);
            multiply([y.len() / units, units, inputs], a, Matrix::rows(kernel, units), y, units, false);
            activation.apply_with_bias(bias, y);
        });
    }

    /// Floats of scratch for [`Dense::backward_input`].
    pub fn backward_input_scratch(&self) -> usize {
        0
    }

    /// The gradient of the input: `dx = dy · kernelᵀ`.
    pub fn backward_input(&self, dy: &[f32], kernel: &[f32], dx: &mut [f32], _scratch: &mut [f32]) {
        let &Dense { rows, inputs, units } = self;
        self.check(dx, kernel, dy);
        if dx.is_empty() {
            return;
        }
        // A few rows at a time: each piece reads the whole kernel.
        let piece = rows.div_ceil(2).clamp(1, PIECE);
        dx.par_chunks_mut(piece * inputs).enumerate().for_each(|(number, dx)| {
            let a = Matrix::rows(&dy[number * piece * units..], units);
            let b = Matrix::rows(kernel, units).transposed();
            multiply([dx.len() / inputs, inputs, units], a, b, dx, inputs, false);
        });
    }

    /// Floats of scratch for [`Dense::backward_kernel`].
    pub fn backward_kernel_scratch(&self) -> usize {
        channel_sum_scratch(self.rows, self.units)
    }

    /// The gradients of kernel and bias: `dkernel = xᵀ · dy`, `dbias = Σ dy`.
    pub fn backward_kernel(
        &self,
        x: &[f32],
        dy: &[f32],
        dkernel: &mut [f32],
        dbias: Option<&mut [f32]>,
        scratch: &mut [f32],
    ) {
        let &Dense { rows, inputs, units } = self;
        self.check(x, dkernel, dy);
        if dkernel.is_empty() {
            return;
        }
        dkernel.par_chunks_mut(PIECE * units).enumerate().for_each(|(piece, dkernel)| {
            let a = Matrix::rows(&x[(piece * PIECE).min(x.len())..], inputs).transposed();
            multiply([dkernel.len() / units, units, rows], a, Matrix::rows(dy, units), dkernel, units, false);
        });
        if let Some(dbias) = dbias {
            channel_sum(rows, units, dy, dbias, scratch);
        }
    }

    /// Pieces of the inputs in the forward product: more than one where only the sum over them is long.
    fn pieces(&self) -> usize {
        if self.rows <= PIECE && self.inputs >= 4096 { (self.inputs / 2048).min(8) } else { 1 }
    }

    fn check(&self, x: &[f32], kernel: &[f32], y: &[f32]) {
        assert_eq!(x.len(), self.rows * self.inputs, "input of {self:?}");
        assert_eq!(kernel.len(), self.inputs * self.units, "kernel of {self:?}");
        assert_eq!(y.len(), self.rows * self.units, "output of {self:?}");
    }
}
