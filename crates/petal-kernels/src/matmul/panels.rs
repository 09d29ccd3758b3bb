//! The right factor of a product, packed to panels.

use std::mem::MaybeUninit;
use std::ops::Range;

use super::pairs;
use super::product::{Product, Right};
use crate::Precision;
use crate::simd::{Kernel, MAX_LANES, Simd, dispatch, dispatch_pairs};

impl Product {
    /// Packs some terms of a panel, with zeros beyond the last column.
    pub fn pack<'a>(
        &self,
        b: Right,
        terms: Range<usize>,
        panel: usize,
        packed: &'a mut [MaybeUninit<f32>],
    ) -> &'a [f32] {
        let (width, rounds) = (self.width(), self.precision == Precision::Bfloat16);
        let start = panel * width;
        let columns = width.min(self.columns - start);
        let from = if b.column == 1 { terms.start * b.row + start } else { start * b.column + terms.start };
        let values = b.values.get(from..).unwrap_or_default();
        let terms = terms.len();
        match (b, rounds) {
            (Right { column: 1, row, .. }, false) => {
                dispatch(Lines::<false> { values, row, columns, terms, packed })
            }
            (Right { column: 1, row, .. }, true) => {
                dispatch_pairs(Lines::<true> { values, row, columns, terms, packed })
            }
            (Right { row: 1, column, .. }, false) => {
                dispatch(Transpose::<false> { values, distance: column, columns, terms, packed });
            }
            (Right { row: 1, column, .. }, true) => {
                dispatch_pairs(Transpose::<true> { values, distance: column, columns, terms, packed });
            }
            _ => unreachable!("neither rows nor columns of the right factor are contiguous"),
        }
        // SAFETY: all elements have been written: `width` for each term or pair of terms.
        unsafe { &*(std::ptr::from_mut(packed) as *const [f32]) }
    }
}

/// Packs a panel of rows, each a term, or as pairs of neighbouring rows if `PAIRS`.
struct Lines<'a, const PAIRS: bool> {
    values: &'a [f32],
    /// Distance of rows.
    row: usize,
    columns: usize,
    terms: usize,
    packed: &'a mut [MaybeUninit<f32>],
}

impl<const PAIRS: bool> Kernel for Lines<'_, PAIRS> {
    #[inline(always)]
    fn run<S: Simd>(self) {
        let Lines { values, row, columns, terms, packed } = self;
        let (slot, width) = (if PAIRS { 2 } else { 1 }, 2 * S::LANES);
        assert!(terms == 0 || (terms - 1) * row + columns <= values.len());
        assert_eq!(packed.len(), terms.div_ceil(slot) * width);
        for (i, packed) in packed.chunks_exact_mut(width).enumerate() {
            for first in (0..width).step_by(S::LANES) {
                let n = columns.saturating_sub(first).min(S::LANES);
                let from = values.as_ptr().wrapping_add(slot * i * row + first);
                let next = (slot * i + 1 < terms).then_some(from.wrapping_add(row));
                // SAFETY: `n` columns of the rows are left, and a vector of the panel.
                unsafe {
                    let values =
                        if PAIRS { pairs::rows::<S>(from, next, n) } else { S::load_partial(from, n) };
                    S::store(packed.as_mut_ptr().add(first).cast(), values);
                }
            }
        }
    }
}

/// Packs a panel of columns, `distance` apart, of which one is a row of a panel, as pairs of terms if `PAIRS`.
struct Transpose<'a, const PAIRS: bool> {
    values: &'a [f32],
    distance: usize,
    columns: usize,
    terms: usize,
    packed: &'a mut [MaybeUninit<f32>],
}

impl<const PAIRS: bool> Kernel for Transpose<'_, PAIRS> {
    #[inline(always)]
    fn run<S: Simd>(self) {
        let Transpose { values, distance, columns, terms, packed } = self;
        let (slot, width) = (if PAIRS { 2 } else { 1 }, 2 * S::LANES);
        assert!(0 < columns && (columns - 1) * distance + terms <= values.len());
        assert_eq!(packed.len(), terms.div_ceil(slot) * width);
        for term in (0..terms).step_by(slot * S::LANES) {
            let count = (terms - term).min(slot * S::LANES);
            for first in (0..width).step_by(S::LANES) {
                let columns = columns.saturating_sub(first).min(S::LANES);
                // SAFETY: the assertions bound both; columns that aren't there are zero.
                unsafe {
                    let mut vectors = [S::splat(0.0); MAX_LANES];
                    let vectors = &mut vectors[..S::LANES];
                    for (column, vector) in vectors.iter_mut().enumerate().take(columns) {
                        let from = values.as_ptr().add((first + column) * distance + term);
                        *vector = match count == S::LANES {
                            _ if PAIRS => pairs::neighbours::<S>(from, count),
                            true => S::load(from),
                            false => S::load_partial(from, count),
                        };
                    }
                    S::transpose(vectors);
                    for (i, vector) in vectors.iter().enumerate().take(count.div_ceil(slot)) {
                        S::store(packed.as_mut_ptr().add((term / slot + i) * width + first).cast(), *vector);
                    }
                }
            }
        }
    }
}
