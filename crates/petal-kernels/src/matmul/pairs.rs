//! Factors of products as pairs of bfloat16 numbers.

use std::mem::MaybeUninit;

use crate::simd::{Kernel, MAX_LANES, Simd};

/// Whole vectors of pairs, whatever vectors there are.
pub(super) const ALIGNED: usize = MAX_LANES / 2;

/// Rows of a left factor as pairs of neighbouring terms, side by side; the last pair's second number may be zero.
pub(super) struct Rows<'a> {
    pub values: &'a [f32],
    /// Distance of rows.
    pub row: usize,
    pub rows: usize,
    pub terms: usize,
    /// All are written: a row takes whole vectors, of zeros beyond the last term.
    pub pairs: &'a mut [MaybeUninit<f32>],
    /// `terms` in whole vectors of `ALIGNED` pairs.
    pub pair_row: usize,
}

impl Kernel for Rows<'_> {
    #[inline(always)]
    fn run<S: Simd>(self) {
        let Rows { values, row, rows, terms, pairs, pair_row } = self;
        assert!(rows == 0 || terms == 0 || (rows - 1) * row + terms <= values.len());
        assert!(pair_row == terms.div_ceil(2 * ALIGNED) * ALIGNED && pairs.len() >= rows * pair_row);
        for i in 0..rows {
            for term in (0..2 * pair_row).step_by(S::LANES) {
                let n = terms.saturating_sub(term).min(S::LANES);
                // SAFETY: `n` terms of the row are left, and room for a vector of pairs, as asserted.
                unsafe {
                    let from = values.as_ptr().wrapping_add(i * row + term);
                    let value = if n == S::LANES { S::load(from) } else { S::load_partial(from, n) };
                    S::store_pairs(pairs.as_mut_ptr().add(i * pair_row + term / 2).cast(), value);
                }
            }
        }
    }
}

/// Pairs of `n` neighbouring numbers, at most two vectors of them, and of zeros.
///
/// # Safety
/// They are valid, and the vectors are for pairs.
#[inline(always)]
pub(super) unsafe fn neighbours<S: Simd>(from: *const f32, n: usize) -> S::V {
    let mut pairs = [0.0; MAX_LANES];
    // SAFETY: the caller's promise; two half vectors of pairs have room in the array.
    unsafe {
        for half in 0..2 {
            let start = half * S::LANES;
            let value = S::load_partial(from.wrapping_add(start), n.saturating_sub(start).min(S::LANES));
            S::store_pairs(pairs.as_mut_ptr().add(start / 2), value);
        }
        S::load(pairs.as_ptr())
    }
}

/// Pairs of `n` numbers, at most a vector of them, of a row and of the next one, if there is one.
///
/// # Safety
/// They are valid, and the vectors are for pairs.
#[inline(always)]
pub(super) unsafe fn rows<S: Simd>(from: *const f32, next: Option<*const f32>, n: usize) -> S::V {
    // SAFETY: the caller's promise.
    unsafe {
        let odd = next.map_or(S::splat(0.0), |next| S::load_partial(next, n));
        S::pair(S::load_partial(from, n), odd)
    }
}
