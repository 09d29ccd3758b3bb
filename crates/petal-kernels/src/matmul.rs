//! Matrix products of dense layers and of 1×1 convolutions, on the `gemm` crate.
//!
//! Strategies, chosen by shape alone; each piece is one single-threaded product:
//! - many rows: the output is cut into blocks of rows, and for the kernel's gradient the sum over rows into parts;
//! - few rows: forward cuts the sum over inputs into parts, the input's gradient is cut into blocks of columns, the
//!   kernel's into blocks of its rows.

use gemm::Parallelism;
use rayon::prelude::*;

use crate::Activation;

/// Rows of one piece; fewer rows than this are "few".
const ROWS: usize = 512;
/// Inputs of one piece when there are few rows.
const INPUTS: usize = 512;
/// Rows of one part of the kernel's gradient.
const PART_ROWS: usize = 2048;
/// Bound for the floats of all parts of the kernel's gradient.
const PART_FLOATS: usize = 1 << 22;

/// `[rows, inputs] × [inputs, units]`.
#[derive(Clone, Copy)]
pub(crate) struct Matmul {
    pub rows: usize,
    pub inputs: usize,
    pub units: usize,
}

impl Matmul {
    pub fn forward_scratch(&self) -> usize {
        if self.rows < ROWS && self.inputs > INPUTS {
            self.inputs.div_ceil(INPUTS) * self.rows * self.units
        } else {
            0
        }
    }

    /// `y = activation(x × kernel + bias)`.
    pub fn forward(
        &self,
        x: &[f32],
        kernel: &[f32],
        bias: Option<&[f32]>,
        activation: Activation,
        y: &mut [f32],
        scratch: &mut [f32],
    ) {
        let Matmul { rows, inputs, units } = *self;
        self.check(x, kernel, y);
        assert!(bias.is_none_or(|bias| bias.len() == units));
        if y.is_empty() {
            return;
        }
        let finish = |y: &mut [f32]| {
            if let Some(bias) = bias {
                for y in y.chunks_exact_mut(units) {
                    y.iter_mut().zip(bias).for_each(|(y, bias)| *y += bias);
                }
            }
            activation.apply(y);
        };
        let parts = &mut scratch[..self.forward_scratch()];
        if parts.is_empty() {
            y.par_chunks_mut(ROWS * units).enumerate().for_each(|(i, y)| {
                let m = y.len() / units;
                gemm(
                    [m, units, inputs],
                    view(&x[i * ROWS * inputs..], inputs, 1),
                    view(kernel, units, 1),
                    y,
                    units,
                );
                finish(y);
            });
        } else {
            parts.par_chunks_mut(rows * units).enumerate().for_each(|(i, part)| {
                let start = i * INPUTS;
                let k = INPUTS.min(inputs - start);
                gemm(
                    [rows, units, k],
                    view(&x[start..], inputs, 1),
                    view(&kernel[start * units..], units, 1),
                    part,
                    units,
                );
            });
            sum_parts(parts, y);
            finish(y);
        }
    }

    /// `dx = dy × kernelᵀ`.
    pub fn backward_input(&self, dy: &[f32], kernel: &[f32], dx: &mut [f32]) {
        let Matmul { rows, inputs, units } = *self;
        self.check(dx, kernel, dy);
        if dx.is_empty() {
            return;
        }
        if rows >= ROWS {
            dx.par_chunks_mut(ROWS * inputs).enumerate().for_each(|(i, dx)| {
                let m = dx.len() / inputs;
                gemm(
                    [m, inputs, units],
                    view(&dy[i * ROWS * units..], units, 1),
                    view(kernel, 1, units),
                    dx,
                    inputs,
                );
            });
        } else {
            let shared = SharedMut(dx.as_mut_ptr());
            (0..inputs.div_ceil(INPUTS)).into_par_iter().for_each(|i| {
                let start = i * INPUTS;
                let n = INPUTS.min(inputs - start);
                let kernel = &kernel[start * units..];
                assert!(dy.len() >= rows * units && kernel.len() >= n * units);
                let dx = shared;
                // SAFETY: the assertion bounds what is read; columns `start..start + n` of the `rows × inputs`
                // elements of dx belong to this task alone.
                unsafe {
                    let dx = dx.pointer().add(start);
                    raw_gemm(
                        [rows, n, units],
                        (dy.as_ptr(), units, 1),
                        (kernel.as_ptr(), 1, units),
                        dx,
                        inputs,
                    );
                }
            });
        }
    }

    fn parts(&self) -> usize {
        let limit = (PART_FLOATS / (self.inputs * self.units).max(1)).clamp(1, 32);
        self.rows.div_ceil(PART_ROWS).clamp(1, limit)
    }

    pub fn backward_kernel_scratch(&self) -> usize {
        match self.parts() {
            1 => 0,
            parts => parts * self.inputs * self.units,
        }
    }

    /// `dkernel = xᵀ × dy`.
    pub fn backward_kernel(&self, x: &[f32], dy: &[f32], dkernel: &mut [f32], scratch: &mut [f32]) {
        let Matmul { rows, inputs, units } = *self;
        self.check(x, dkernel, dy);
        if dkernel.is_empty() {
            return;
        }
        if self.parts() == 1 {
            dkernel.par_chunks_mut(INPUTS * units).enumerate().for_each(|(i, dkernel)| {
                let m = dkernel.len() / units;
                let x = x.get(i * INPUTS..).unwrap_or_default();
                gemm([m, units, rows], view(x, 1, inputs), view(dy, units, 1), dkernel, units);
            });
        } else {
            let part_rows = rows.div_ceil(self.parts());
            let parts = &mut scratch[..self.backward_kernel_scratch()];
            parts.par_chunks_mut(inputs * units).enumerate().for_each(|(i, part)| {
                let start = (i * part_rows).min(rows);
                let k = part_rows.min(rows - start);
                gemm(
                    [inputs, units, k],
                    view(&x[start * inputs..], 1, inputs),
                    view(&dy[start * units..], units, 1),
                    part,
                    units,
                );
            });
            sum_parts(parts, dkernel);
        }
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

/// A matrix in a slice, with the distance between rows and between columns.
#[derive(Clone, Copy)]
struct View<'a> {
    values: &'a [f32],
    row: usize,
    column: usize,
}

fn view(values: &[f32], row: usize, column: usize) -> View<'_> {
    View { values, row, column }
}

/// `c = a × b` on the calling thread; `[m, n, k]`: c is m × n, the sum has k terms.
fn gemm([m, n, k]: [usize; 3], a: View, b: View, c: &mut [f32], c_row: usize) {
    if m == 0 || n == 0 {
        return;
    }
    let last =
        |rows: usize, columns: usize, row: usize, column: usize| (rows - 1) * row + (columns - 1) * column;
    assert!(k == 0 || last(m, k, a.row, a.column) < a.values.len());
    assert!(k == 0 || last(k, n, b.row, b.column) < b.values.len());
    assert!(last(m, n, c_row, 1) < c.len());
    let (a, b) = ((a.values.as_ptr(), a.row, a.column), (b.values.as_ptr(), b.row, b.column));
    // SAFETY: the assertions keep every element within its slice.
    unsafe { raw_gemm([m, n, k], a, b, c.as_mut_ptr(), c_row) }
}

/// # Safety
/// All elements of the three matrices (pointer, distance between rows, between columns) are valid, and those of `c` are
/// no other's.
unsafe fn raw_gemm(
    [m, n, k]: [usize; 3],
    (a, a_row, a_column): (*const f32, usize, usize),
    (b, b_row, b_column): (*const f32, usize, usize),
    c: *mut f32,
    c_row: usize,
) {
    // SAFETY: the caller's promise.
    unsafe {
        gemm::gemm(
            m,
            n,
            k,
            c,
            1,
            c_row as isize,
            false,
            a,
            a_column as isize,
            a_row as isize,
            b,
            b_column as isize,
            b_row as isize,
            0.0,
            1.0,
            false,
            false,
            false,
            Parallelism::None,
        );
    }
}

/// A pointer that tasks write disjoint elements through.
#[derive(Clone, Copy)]
struct SharedMut(*mut f32);

impl SharedMut {
    fn pointer(self) -> *mut f32 {
        self.0
    }
}

// SAFETY: only used to write elements that belong to one task.
unsafe impl Send for SharedMut {}
// SAFETY: as above.
unsafe impl Sync for SharedMut {}
