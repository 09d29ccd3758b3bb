//! What convolutions and matrix products have in common: a tile of up to 6 rows × 16 columns of sums stays in registers
//! over all terms. The right factor has its columns side by side for each term.

use crate::simd::Simd;

/// Rows of a tile, at most.
pub(crate) const ROWS: usize = 6;
/// Columns of the packed factor.
pub(crate) const COLUMNS: usize = 16;

/// `sums[row][column] +=` the sum over terms of `values[row * value_row + term] * columns[term * column_row + column]`.
///
/// # Safety
/// `R` rows of `terms` values and `8 * V` columns of each term are valid.
#[inline(always)]
pub(crate) unsafe fn accumulate<S: Simd, const R: usize, const V: usize>(
    sums: &mut [[S::V; V]; R],
    mut values: *const f32,
    value_row: usize,
    mut columns: *const f32,
    column_row: usize,
    terms: usize,
) {
    // SAFETY: the caller's promise; wrapping arithmetic because pointers past the last term are not read.
    unsafe {
        for _ in 0..terms {
            let mut vectors = [S::splat(0.0); V];
            for (v, vector) in vectors.iter_mut().enumerate() {
                *vector = S::load(columns.add(8 * v));
            }
            for (row, sums) in sums.iter_mut().enumerate() {
                let value = S::splat(*values.add(row * value_row));
                for (sum, vector) in sums.iter_mut().zip(&vectors) {
                    *sum = S::mul_add(value, *vector, *sum);
                }
            }
            values = values.wrapping_add(1);
            columns = columns.wrapping_add(column_row);
        }
    }
}

/// Calls `$call` for a tile of `$rows` rows, at most 6, and of one or two vectors of `$columns` columns, which `$R` and
/// `$V` name as constants.
macro_rules! for_tile {
    ($rows:expr, $columns:expr, |$R:ident, $V:ident| $call:expr) => {
        for_tile!(@ $rows, $columns, $R, $V, $call, 1 2 3 4 5)
    };
    (@ $rows:expr, $columns:expr, $R:ident, $V:ident, $call:expr, $($fewer:literal)*) => {
        if $columns <= 8 {
            const $V: usize = 1;
            match $rows {
                $($fewer => { const $R: usize = $fewer; $call })*
                _ => { const $R: usize = $crate::register_tile::ROWS; $call }
            }
        } else {
            const $V: usize = 2;
            match $rows {
                $($fewer => { const $R: usize = $fewer; $call })*
                _ => { const $R: usize = $crate::register_tile::ROWS; $call }
            }
        }
    };
}
pub(crate) use for_tile;
