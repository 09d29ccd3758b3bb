//! `c = a × bᵀ` of few rows: the columns of `b × aᵀ`. So `b`, which is large, is read as it lies, and only `a` and the
//! result are turned.
//!
//! A task computes some rows of `b × aᵀ`, which stay in the first cache, and turns them a square of vectors at a time.

use rayon::prelude::*;

use super::product::{Epilogue, FEW, Product, Right};
use crate::parallel::SharedMut;
use crate::register_tile::ROWS;
use crate::simd::{Kernel, MAX_LANES, Simd, dispatch};

/// Rows of `b` that are multiplied at a time: whole tiles, and whole vectors of the result's columns.
const BLOCK: usize = 4 * ROWS;
/// Blocks of one task, at least.
const TASK_BLOCKS: usize = 4;
const _: () = assert!(BLOCK.is_multiple_of(MAX_LANES));

/// Computes `product`, of `b`'s rows as its columns, with scratch for `aᵀ` packed.
pub(super) fn run(product: &Product, a: &[f32], b: &[f32], c: &mut [f32], scratch: &mut [f32]) {
    let Product { rows, terms, columns, .. } = *product;
    assert!(b.len() == terms * columns && c.len() == rows * columns && rows <= FEW);
    let turned = self::turned(product);
    let packed = &mut scratch[..turned.packed_len()];
    turned.pack_all(Right { values: a, row: 1, column: terms }, packed);
    let (packed, c) = (&*packed, SharedMut::new(c));
    let blocks = b.par_chunks(BLOCK * terms).enumerate().with_min_len(TASK_BLOCKS);
    blocks.for_each(|(i, b)| {
        let count = b.len() / terms;
        let mut room = [0.0; BLOCK * FEW];
        let block = &mut room[..count * rows];
        Product { rows: count, ..turned }.run_packed(b, packed, Epilogue::default(), block);
        // Each block has its own columns of the result.
        dispatch(Turn { block, count, rows, c: c.at(i * BLOCK), columns });
    });
}

/// Floats of scratch.
pub(super) fn scratch(product: &Product) -> usize {
    turned(product).packed_len()
}

fn turned(product: &Product) -> Product {
    Product { rows: product.columns, columns: product.rows, ..*product }
}

/// Turns `count` rows of `rows` numbers.
struct Turn<'a> {
    block: &'a [f32],
    count: usize,
    rows: usize,
    /// Of `rows` rows, `columns` apart, `count` elements, which are this block's alone.
    c: *mut f32,
    columns: usize,
}

impl Kernel for Turn<'_> {
    #[inline(always)]
    fn run<S: Simd>(self) {
        let Turn { block, count, rows, c, columns } = self;
        assert!(block.len() == count * rows && count <= columns);
        for first in (0..count).step_by(S::LANES) {
            let width = (count - first).min(S::LANES);
            for row in (0..rows).step_by(S::LANES) {
                let height = (rows - row).min(S::LANES);
                // SAFETY: the assertion bounds the block; `c` is as the field says.
                unsafe {
                    let mut square = [S::splat(0.0); MAX_LANES];
                    for (i, vector) in square.iter_mut().enumerate().take(width) {
                        *vector = S::load_partial(block[(first + i) * rows + row..].as_ptr(), height);
                    }
                    S::transpose(&mut square[..S::LANES]);
                    for (i, vector) in square.iter().enumerate().take(height) {
                        let to = c.wrapping_add((row + i) * columns + first);
                        S::store_partial(to, *vector, width);
                    }
                }
            }
        }
    }
}
