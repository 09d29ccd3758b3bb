//! Matrix products of dense layers and of 1×1 convolutions.
//!
//! An element of `x × kernel` and of the input's gradient is one sum in the order of its terms (cut every 1024 terms),
//! whichever tile it falls into: a row's result doesn't depend on how many rows there are, by not one bit, so a sample
//! has the same result in any batch. `product.rs` has these two, `turned.rs` the input's gradient of few
//! rows, `gradient.rs` the gradient by the kernel. With [`Precision::Bfloat16`] the factors are packed as pairs of
//! neighbouring terms (`pairs.rs`), each in the place of one `f32`, and all else is as with half the terms. `panels.rs`
//! packs right factors.

mod gradient;
mod pairs;
mod panels;
mod product;
mod turned;

use rayon::prelude::*;

use crate::{Activation, ActivationGradient, KernelWeights, Precision};
use product::{Epilogue, FEW, Product, Right, TERMS};

/// `[rows, inputs] × [inputs, units]`.
#[derive(Clone, Copy)]
pub(crate) struct Matmul {
    pub rows: usize,
    pub inputs: usize,
    pub units: usize,
    pub precision: Precision,
}

impl Matmul {
    pub fn forward_scratch(&self) -> usize {
        self.forward_product().scratch()
    }

    /// `y = activation(x × kernel + bias)`.
    pub fn forward(
        &self,
        x: &[f32],
        kernel: KernelWeights<'_>,
        bias: Option<&[f32]>,
        activation: Activation,
        y: &mut [f32],
        scratch: &mut [f32],
    ) {
        let epilogue = Epilogue { bias, activation, gradient: None };
        match kernel {
            KernelWeights::Plain(kernel) => {
                self.check(x, kernel, y);
                let kernel = Right { values: kernel, row: self.units, column: 1 };
                self.forward_product().run(x, kernel, epilogue, y, scratch);
            }
            KernelWeights::Packed(packed) => {
                self.forward_product().run_with(x, packed, epilogue, y, scratch);
            }
        }
    }

    /// Floats of the packed kernel.
    pub fn packed_len(&self) -> usize {
        self.forward_product().packed_len()
    }

    /// Packs the kernel for [`KernelWeights::Packed`] and [`forward_packed`](Self::forward_packed).
    pub fn pack(&self, kernel: &[f32], packed: &mut [f32]) {
        assert_eq!(kernel.len(), self.inputs * self.units);
        self.forward_product().pack_all(Right { values: kernel, row: self.units, column: 1 }, packed);
    }

    /// [`forward`](Self::forward) with a packed kernel on this thread, for rows that a task has at hand; the same bits.
    pub fn forward_packed(
        &self,
        x: &[f32],
        packed: &[f32],
        bias: Option<&[f32]>,
        activation: Activation,
        y: &mut [f32],
    ) {
        self.forward_product().run_packed(x, packed, Epilogue { bias, activation, gradient: None }, y);
    }

    pub fn backward_input_scratch(&self) -> usize {
        if self.turns() {
            turned::scratch(&self.backward_product())
        } else {
            self.backward_product().scratch()
        }
    }

    /// `dx = dy × kernelᵀ`, or the gradient before the activation that made the input.
    pub fn backward_input(
        &self,
        dy: &[f32],
        kernel: &[f32],
        input_activation: Option<ActivationGradient<'_>>,
        dx: &mut [f32],
        scratch: &mut [f32],
    ) {
        self.check(dx, kernel, dy);
        if self.turns() {
            turned::run(&self.backward_product(), dy, kernel, dx, scratch);
            return input_activation.into_iter().for_each(|activation| activation.apply(dx));
        }
        let kernel = Right { values: kernel, row: 1, column: self.units };
        let epilogue = Epilogue { gradient: input_activation, ..Epilogue::default() };
        self.backward_product().run(dy, kernel, epilogue, dx, scratch);
    }

    pub fn backward_kernel_scratch(&self) -> usize {
        gradient::scratch(self)
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
        self.check(x, dkernel, dy);
        gradient::run(self, x, dy, dkernel, dbias, scratch);
    }

    /// Whether the input's gradient of few rows is computed as that of many columns.
    fn turns(&self) -> bool {
        self.rows < FEW && (1..=TERMS).contains(&self.units)
    }

    fn forward_product(&self) -> Product {
        Product { rows: self.rows, terms: self.inputs, columns: self.units, precision: self.precision }
    }

    fn backward_product(&self) -> Product {
        Product { rows: self.rows, terms: self.units, columns: self.inputs, precision: self.precision }
    }

    fn check(&self, x: &[f32], kernel: &[f32], y: &[f32]) {
        assert_eq!(x.len(), self.rows * self.inputs);
        assert_eq!(kernel.len(), self.inputs * self.units);
        assert_eq!(y.len(), self.rows * self.units);
    }
}

/// `out` = sum of the parts, each of `out.len()` elements, in order.
pub(crate) fn sum_parts(parts: &[f32], out: &mut [f32]) {
    const BLOCK: usize = 1024;
    let len = out.len();
    out.par_chunks_mut(BLOCK).enumerate().for_each(|(i, out)| {
        out.fill(0.0);
        for part in parts.chunks_exact(len) {
            out.iter_mut().zip(&part[i * BLOCK..]).for_each(|(out, part)| *out += part);
        }
    });
}
