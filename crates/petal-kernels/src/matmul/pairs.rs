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
        // Whole vectors of pairs, and a half one if there is no room for them.
        let whole = pair_row / S::LANES * S::LANES;
        for i in 0..rows {
            let from = values.as_ptr().wrapping_add(i * row);
            let to = pairs.as_mut_ptr().wrapping_add(i * pair_row).cast::<f32>();
            let left = |term: usize| terms.saturating_sub(term);
            // SAFETY: the terms that are left of the row, and room for its pairs, as asserted.
            unsafe {
                for pair in (0..whole).step_by(S::LANES) {
                    S::store(to.add(pair), neighbours::<S>(from.wrapping_add(2 * pair), left(2 * pair)));
                }
                for pair in (whole..pair_row).step_by(S::LANES / 2) {
                    let n = left(2 * pair).min(S::LANES);
                    S::store_pairs(to.add(pair), S::load_partial(from.wrapping_add(2 * pair), n));
                }
            }
        }
    }
}

/// Pairs of neighbouring numbers, of `n` of them and zeros, or of two vectors of them where there are more.
///
/// # Safety
/// They are valid, and the vectors are for pairs.
#[inline(always)]
pub(super) unsafe fn neighbours<S: Simd>(from: *const f32, n: usize) -> S::V {
    // SAFETY: the caller's promise.
    unsafe {
        let second = from.wrapping_add(S::LANES);
        if n >= 2 * S::LANES {
            return S::neighbours(S::load(from), S::load(second));
        }
        let first = S::load_partial(from, n.min(S::LANES));
        S::neighbours(first, S::load_partial(second, n.saturating_sub(S::LANES)))
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
