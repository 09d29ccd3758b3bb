//! `dkernel = xᵀ × dy`: the sum over rows of the outer products of `x` and `dy`.
//!
//! A tile (`register_tile.rs`) of inputs × units stays in registers over 128 rows, for which its columns of `dy` are
//! packed, and in wide layers `x` too. Pairs of rounded rows are packed always. The rows are cut into parts with a
//! gradient each, summed in order at the end, and each part's inputs into tasks. The first task of a part sums `dy`
//! over its rows too, while that is at hand.

use std::mem::MaybeUninit;
use std::ops::Range;

use rayon::prelude::*;

use super::{Matmul, pairs, sum_parts};
use crate::Precision;
use crate::register_tile::{self, for_tile, multiply_add};
use crate::simd::{Kernel, MAX_LANES, Simd, dispatch, dispatch_pairs};

/// Units of one tile, at most.
const PANEL: usize = register_tile::MAX_COLUMNS;
/// Rows of one pass over a tile.
const CHUNK: usize = 128;
/// Rows of one part.
const PART_ROWS: usize = 2048;
/// Bound for the floats of all parts.
const PART_FLOATS: usize = 1 << 22;
/// Inputs of one task when there are few parts.
const TASK_INPUTS: usize = 8 * register_tile::ROWS;
/// So many parts keep all threads busy by themselves.
const MANY_PARTS: usize = 8;
/// Fewer units than this use `x` too rarely to pack it.
const PACK_UNITS: usize = 128;
/// Fewer inputs than this use `dy` too rarely to pack it.
const PACK_INPUTS: usize = 32;

fn parts(matmul: &Matmul) -> usize {
    let limit = (PART_FLOATS / (matmul.inputs * matmul.units).max(1)).clamp(1, 32);
    matmul.rows.div_ceil(PART_ROWS).clamp(1, limit)
}

pub(super) fn scratch(matmul: &Matmul) -> usize {
    match parts(matmul) {
        1 => 0,
        parts => parts * (matmul.inputs + 1) * matmul.units,
    }
}

pub(super) fn run(
    matmul: &Matmul,
    x: &[f32],
    dy: &[f32],
    dkernel: &mut [f32],
    dbias: Option<&mut [f32]>,
    scratch: &mut [f32],
) {
    let Matmul { rows, inputs, units, precision } = *matmul;
    if dkernel.is_empty() {
        // Without inputs a bias has its gradient all the same.
        if let Some(dbias) = dbias.filter(|dbias| !dbias.is_empty()) {
            dbias.fill(0.0);
            let rows = dy.chunks_exact(units);
            rows.for_each(|dy| dbias.iter_mut().zip(dy).for_each(|(sum, dy)| *sum += dy));
        }
        return;
    }
    let parts = parts(matmul);
    let part_rows = rows.div_ceil(parts);
    let is_wide = parts >= MANY_PARTS && precision == Precision::Float32;
    let task_inputs = if is_wide { inputs } else { TASK_INPUTS };
    let run_part = |i: usize, dkernel: &mut [f32], dbias: Option<&mut [f32]>| {
        let rows = (i * part_rows).min(rows)..((i + 1) * part_rows).min(rows);
        let tasks = dkernel.par_chunks_mut(task_inputs * units);
        // The first task's.
        let none = (0..tasks.len()).into_par_iter().map(|_| <&mut [f32]>::default());
        let dbias = dbias.unwrap_or_default().par_chunks_mut(units).chain(none);
        tasks.zip(dbias).enumerate().for_each(|(i, (dkernel, dbias))| {
            let first = i * task_inputs;
            let sum = Sum { rows: rows.clone(), inputs, units, first, x, dy, dkernel, dbias };
            match precision {
                Precision::Float32 => dispatch(Add::<false>(sum)),
                Precision::Bfloat16 => dispatch_pairs(Add::<true>(sum)),
            }
        });
    };
    if parts == 1 {
        return run_part(0, dkernel, dbias);
    }
    let (kernels, biases) = scratch.split_at_mut(parts * inputs * units);
    let biases = &mut biases[..parts * units];
    kernels
        .par_chunks_mut(inputs * units)
        .zip(biases.par_chunks_mut(units))
        .enumerate()
        .for_each(|(i, (kernel, bias))| run_part(i, kernel, dbias.is_some().then_some(bias)));
    sum_parts(kernels, dkernel);
    if let Some(dbias) = dbias {
        sum_parts(biases, dbias);
    }
}

/// The sum over some rows, for the inputs from `first` on that `dkernel` has room for, and that of `dy` unless `dbias`
/// is empty.
struct Sum<'a> {
    rows: Range<usize>,
    inputs: usize,
    units: usize,
    first: usize,
    x: &'a [f32],
    dy: &'a [f32],
    dkernel: &'a mut [f32],
    dbias: &'a mut [f32],
}

/// Computes a sum, of products of pairs of rows if `PAIRS`.
struct Add<'a, const PAIRS: bool>(Sum<'a>);

impl<const PAIRS: bool> Kernel for Add<'_, PAIRS> {
    #[inline(always)]
    fn run<S: Simd>(self) {
        let Sum { rows, inputs, units, first, x, dy, dkernel, dbias } = self.0;
        let count = dkernel.len() / units;
        assert!(first + count <= inputs && rows.end * inputs <= x.len() && rows.end * units <= dy.len());
        assert!(!PAIRS || count <= TASK_INPUTS);
        if rows.is_empty() {
            dkernel.fill(0.0);
            dbias.fill(0.0);
        }
        let (slot, panel) = (if PAIRS { 2 } else { 1 }, 2 * S::LANES);
        let mut packed_dy = [const { MaybeUninit::<f32>::uninit() }; CHUNK * PANEL];
        let mut packed_x = [const { MaybeUninit::<f32>::uninit() }; CHUNK * TASK_INPUTS + MAX_LANES];
        for start in rows.clone().step_by(CHUNK) {
            let chunk = CHUNK.min(rows.end - start);
            // Rows, or pairs of them.
            let slots = chunk.div_ceil(slot);
            let pack_x = PAIRS || units >= PACK_UNITS && count <= TASK_INPUTS;
            if pack_x {
                for i in (0..count).step_by(S::ROWS) {
                    let width = S::ROWS.min(count - i);
                    for r in 0..slots {
                        // SAFETY: `width` inputs from `first + i` on of a row of `x`, whose length was asserted; a
                        // vector from the tile's row on is within `packed_x`, and what they overwrite comes later.
                        unsafe {
                            let to =
                                packed_x.as_mut_ptr().add((i / S::ROWS * slots + r) * S::ROWS).cast::<f32>();
                            let from = x.as_ptr().add((start + slot * r) * inputs + first + i);
                            let next = (slot * r + 1 < chunk).then_some(from.wrapping_add(inputs));
                            let values = match PAIRS {
                                true => pairs::rows::<S>(from, next, width),
                                false => S::load_partial(from, width),
                            };
                            S::store(to, values);
                        }
                    }
                }
            }
            for unit in (0..units).step_by(panel) {
                let width = panel.min(units - unit);
                let mut dy = Rows { values: dy[start * units + unit..].as_ptr(), distance: units };
                let add = start > rows.start;
                if PAIRS || count >= PACK_INPUTS || !width.is_multiple_of(S::LANES) || !dbias.is_empty() {
                    let widths = [width.min(S::LANES), width.saturating_sub(S::LANES)];
                    // SAFETY: `width` units from `unit` on of a row of `dy`, whose length was asserted; lanes beyond
                    // them are zero.
                    let sums = unsafe {
                        let mut sums = [S::splat(0.0); 2];
                        for r in 0..slots {
                            let to = packed_dy.as_mut_ptr().add(r * panel).cast::<f32>();
                            let from = dy.values.add(slot * r * units);
                            for (v, sum) in sums.iter_mut().enumerate() {
                                let from = from.wrapping_add(S::LANES * v);
                                let mut values = S::load_partial(from, widths[v]);
                                *sum = S::add(*sum, values);
                                if PAIRS {
                                    let next = match slot * r + 1 < chunk {
                                        true => S::load_partial(from.wrapping_add(units), widths[v]),
                                        false => S::splat(0.0),
                                    };
                                    *sum = S::add(*sum, next);
                                    values = S::pair(values, next);
                                }
                                S::store(to.add(S::LANES * v), values);
                            }
                        }
                        sums
                    };
                    if let Some(dbias) = dbias.get_mut(unit..unit + width) {
                        let dbias = dbias.as_mut_ptr();
                        for (v, sum) in sums.into_iter().enumerate() {
                            // SAFETY: `widths[v]` elements of the slice are left.
                            unsafe { store::<S, true>(dbias.wrapping_add(S::LANES * v), sum, add, widths[v]) }
                        }
                    }
                    dy = Rows { values: packed_dy.as_ptr().cast(), distance: panel };
                }
                let mut i = 0;
                while i < count {
                    let x = if pack_x {
                        Rows { values: packed_x[i * slots..].as_ptr().cast(), distance: S::ROWS }
                    } else {
                        Rows { values: x[start * inputs + first + i..].as_ptr(), distance: inputs }
                    };
                    let tile = Tile {
                        rows: slots,
                        x,
                        dy,
                        out: dkernel[i * units + unit..].as_mut_ptr(),
                        units,
                        width,
                        add,
                    };
                    // SAFETY: inputs `first + i..` and units `unit..` of the chunk's rows are valid by the assertion,
                    // and `count - i` rows of `dkernel` are left.
                    unsafe {
                        for_tile!(S, count - i, width, |P, V| tile.run::<S, P, V, PAIRS>());
                    }
                    i += S::ROWS;
                }
            }
        }
    }
}

/// Rows of a matrix, from some column on.
#[derive(Clone, Copy)]
struct Rows {
    values: *const f32,
    distance: usize,
}

struct Tile {
    /// Or pairs of them.
    rows: usize,
    x: Rows,
    dy: Rows,
    out: *mut f32,
    units: usize,
    width: usize,
    add: bool,
}

impl Tile {
    /// `P` inputs × `V` vectors of units, of which `width` are stored.
    ///
    /// # Safety
    /// All rows have `P` inputs and `V` vectors of units; `P` rows of `out` have `width`.
    #[inline(always)]
    unsafe fn run<S: Simd, const P: usize, const V: usize, const PAIRS: bool>(&self) {
        // SAFETY: the caller's promise; wrapping arithmetic because pointers past the last row are not read.
        unsafe {
            let (mut x, mut dy) = (self.x.values, self.dy.values);
            let mut sums = [[S::splat(0.0); V]; P];
            for _ in 0..self.rows {
                let mut gradients = [S::splat(0.0); V];
                for (v, gradients) in gradients.iter_mut().enumerate() {
                    *gradients = S::load(dy.add(S::LANES * v));
                }
                for (p, sums) in sums.iter_mut().enumerate() {
                    let value = S::splat(*x.add(p));
                    for (sum, gradients) in sums.iter_mut().zip(&gradients) {
                        *sum = multiply_add::<S, PAIRS>(value, *gradients, *sum);
                    }
                }
                x = x.wrapping_add(self.x.distance);
                dy = dy.wrapping_add(self.dy.distance);
            }
            for (p, sums) in sums.iter().enumerate() {
                for (v, sum) in sums.iter().enumerate() {
                    let out = self.out.add(p * self.units + S::LANES * v);
                    let n = self.width - S::LANES * v;
                    if n >= S::LANES {
                        store::<S, false>(out, *sum, self.add, n);
                    } else {
                        store::<S, true>(out, *sum, self.add, n);
                    }
                }
            }
        }
    }
}

/// # Safety
/// `n` elements of `out` are valid, a vector unless `PARTIAL`.
#[inline(always)]
unsafe fn store<S: Simd, const PARTIAL: bool>(out: *mut f32, mut sum: S::V, add: bool, n: usize) {
    // SAFETY: the caller's promise.
    unsafe {
        if add {
            sum = S::add(S::load_lanes::<PARTIAL>(out, n), sum);
        }
        S::store_lanes::<PARTIAL>(out, sum, n);
    }
}
