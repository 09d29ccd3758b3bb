//! What convolutions and matrix products have in common: a tile of up to 6 rows × 16 columns of sums, of 12 rows × 32
//! columns with AVX-512, stays in registers over all terms. The right factor has its columns side by side for each
//! term. Numbers are `f32`, or pairs of bfloat16 numbers in the place of one: two neighbouring terms of a sum.

use crate::Precision;
use crate::simd::{MAX_LANES, Simd, lanes};

/// Rows of a tile ([`Simd::ROWS`]) divide this.
pub(crate) const ROWS: usize = 12;
/// Columns of the packed factor where they are the same for all vectors: one or two of these.
pub(crate) const COLUMNS: usize = 16;
/// The most columns of a tile.
pub(crate) const MAX_COLUMNS: usize = 2 * MAX_LANES;

/// Columns of a tile, two vectors.
pub(crate) fn columns(precision: Precision) -> usize {
    2 * lanes(precision)
}

/// `a * b + sum`, of the two products of pairs if `PAIRS`.
///
/// # Safety
/// As of [`Simd`].
#[inline(always)]
pub(crate) unsafe fn multiply_add<S: Simd, const PAIRS: bool>(a: S::V, b: S::V, sum: S::V) -> S::V {
    // SAFETY: the caller's promise.
    unsafe { if PAIRS { S::add_products(a, b, sum) } else { S::mul_add(a, b, sum) } }
}

/// `sums[row][column] +=` the sum over terms of `values[row * value_row + term] * columns[term * column_row + column]`;
/// a term is a pair of bfloat16 numbers if `PAIRS`.
///
/// # Safety
/// `R` rows of `terms` values and `V` vectors of columns of each term are valid.
#[inline(always)]
pub(crate) unsafe fn accumulate<S: Simd, const R: usize, const V: usize, const PAIRS: bool>(
    sums: &mut [[S::V; V]; R],
    mut values: *const f32,
    value_row: usize,
    mut columns: *const f32,
    column_row: usize,
    terms: usize,
) {
    // A copy that no loop over rows indexes later: else the compiler keeps a large tile in memory.
    let mut tile = *sums;
    // SAFETY: the caller's promise; wrapping arithmetic because pointers past the last term are not read.
    unsafe {
        for _ in 0..terms {
            let mut vectors = [S::splat(0.0); V];
            for (v, vector) in vectors.iter_mut().enumerate() {
                *vector = S::load(columns.add(S::LANES * v));
            }
            for (row, sums) in tile.iter_mut().enumerate() {
                let value = S::splat(*values.add(row * value_row));
                for (sum, vector) in sums.iter_mut().zip(&vectors) {
                    *sum = multiply_add::<S, PAIRS>(value, *vector, *sum);
                }
            }
            values = values.wrapping_add(1);
            columns = columns.wrapping_add(column_row);
        }
    }
    *sums = tile;
}

/// Calls `$call` for a tile of `$rows` rows, at most `S::ROWS`, and of one or two vectors of `$columns` columns, which
/// `$R` and `$V` name as constants.
macro_rules! for_tile {
    ($S:ident, $rows:expr, $columns:expr, |$R:ident, $V:ident| $call:expr) => {
        if $columns <= $S::LANES {
            const $V: usize = 1;
            for_tile!(@ $S, $rows, $R, $call, 1 2 3 4 5 6 7 8 9 10 11 12)
        } else {
            const $V: usize = 2;
            for_tile!(@ $S, $rows, $R, $call, 1 2 3 4 5 6 7 8 9 10 11 12)
        }
    };
    (@ $S:ident, $rows:expr, $R:ident, $call:expr, $($count:literal)*) => {
        match $rows.min($S::ROWS) {
            $($count if $count <= $S::ROWS => { const $R: usize = $count; $call })*
            rows => unreachable!("a tile of {rows} rows"),
        }
    };
}
pub(crate) use for_tile;
