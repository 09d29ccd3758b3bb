//! `c = activation(a × b + bias)`.
//!
//! A tile of up to 6 rows × 16 columns of `c` stays in registers over the terms of its sums; `b` is packed to panels
//! `[16 columns][term][16]`. Strategies, chosen by shape alone:
//! - many rows: all panels are packed first, a task is a block of rows and some panels;
//! - few rows: a task is some panels and 1024 terms, and packs each panel just before its use.

use std::mem::MaybeUninit;
use std::ops::Range;

use rayon::prelude::*;

use super::sum_parts;
use crate::Activation;
use crate::parallel::SharedMut;
use crate::simd::{Kernel, Simd, dispatch};

/// Columns of one panel.
const PANEL: usize = 16;
/// Rows of one tile.
const TILE: usize = 6;
/// Terms of one uninterrupted sum; longer sums are sums of such.
const TERMS: usize = 1024;
/// Fewer rows than this are "few": packing `b` would cost more than a tenth of the work.
const FEW: usize = 64;
/// Panels of one task when rows are few.
const FEW_PANELS: usize = 8;
/// Floats of `a`, and of packed `b`, that one task should find in the second cache.
const BLOCK_FLOATS: usize = 1 << 15;
/// Floats of packed `b` that stay in the first cache.
const CACHED_FLOATS: usize = 6144;

/// `[rows, terms] × [terms, columns]`.
#[derive(Clone, Copy)]
pub(super) struct Product {
    pub rows: usize,
    pub terms: usize,
    pub columns: usize,
}

/// The right factor: element `(term, column)` is at `term * row + column * column`.
#[derive(Clone, Copy)]
pub(super) struct Right<'a> {
    pub values: &'a [f32],
    pub row: usize,
    pub column: usize,
}

impl Product {
    pub fn scratch(&self) -> usize {
        if self.rows >= FEW {
            self.packed_len()
        } else if self.terms > TERMS {
            self.terms.div_ceil(TERMS) * self.rows * self.columns
        } else {
            0
        }
    }

    /// `a` has `rows` rows of `terms`, `c` of `columns`.
    pub fn run(
        &self,
        a: &[f32],
        b: Right,
        bias: Option<&[f32]>,
        activation: Activation,
        c: &mut [f32],
        scratch: &mut [f32],
    ) {
        assert_eq!(a.len(), self.rows * self.terms);
        assert_eq!(c.len(), self.rows * self.columns);
        assert!(bias.is_none_or(|bias| bias.len() == self.columns));
        if c.is_empty() {
            return;
        }
        let scratch = &mut scratch[..self.scratch()];
        if self.rows >= FEW {
            self.run_many(a, b, bias, activation, c, scratch);
        } else if self.terms <= TERMS {
            self.run_few(a, b, 0..self.terms, bias, activation, c);
        } else {
            scratch.par_chunks_mut(c.len()).enumerate().for_each(|(i, part)| {
                let terms = i * TERMS..self.terms.min((i + 1) * TERMS);
                self.run_few(a, b, terms, bias.filter(|_| i == 0), Activation::Linear, part);
            });
            sum_parts(scratch, c);
            activation.apply(c);
        }
    }

    fn run_many(
        &self,
        a: &[f32],
        b: Right,
        bias: Option<&[f32]>,
        activation: Activation,
        c: &mut [f32],
        packed: &mut [f32],
    ) {
        let Product { rows, terms, .. } = *self;
        self.pack_all(b, packed);
        let block = (BLOCK_FLOATS / terms.max(1)).clamp(4 * TILE, 32 * TILE) / TILE * TILE;
        let group = (BLOCK_FLOATS / (terms * PANEL).max(1)).max(1);
        let groups = self.panels().div_ceil(group);
        let shared = SharedMut::new(c);
        (0..rows.div_ceil(block) * groups).into_par_iter().for_each(|i| {
            let (first, panels) = (i / groups * block, i % groups * group);
            let panels = panels..(panels + group).min(self.panels());
            // Each task has its own rows and columns.
            self.run_block(a, packed, first..rows.min(first + block), panels, bias, activation, shared);
        });
    }

    /// Floats of all panels.
    pub fn packed_len(&self) -> usize {
        self.panels() * self.terms * PANEL
    }

    /// Packs all panels.
    pub fn pack_all(&self, b: Right, packed: &mut [f32]) {
        let panel = self.terms * PANEL;
        if panel > 0 {
            packed[..self.packed_len()].par_chunks_mut(panel).enumerate().for_each(|(i, packed)| {
                // SAFETY: f32 and MaybeUninit<f32> are laid out alike, and `pack` writes only values.
                let packed = unsafe { &mut *(std::ptr::from_mut(packed) as *mut [MaybeUninit<f32>]) };
                self.pack(b, 0..self.terms, i, packed);
            });
        }
    }

    /// The product with panels that are packed already, on this thread; the same bits as [`run`](Self::run).
    pub fn run_packed(
        &self,
        a: &[f32],
        packed: &[f32],
        bias: Option<&[f32]>,
        activation: Activation,
        c: &mut [f32],
    ) {
        assert_eq!(a.len(), self.rows * self.terms);
        assert_eq!(c.len(), self.rows * self.columns);
        assert!(bias.is_none_or(|bias| bias.len() == self.columns));
        if !c.is_empty() {
            let shared = SharedMut::new(c);
            self.run_block(a, packed, 0..self.rows, 0..self.panels(), bias, activation, shared);
        }
    }

    /// Some rows of some panels' columns; `c` is all of the result, of which nobody else has these elements.
    #[allow(clippy::too_many_arguments)]
    fn run_block(
        &self,
        a: &[f32],
        packed: &[f32],
        rows: Range<usize>,
        panels: Range<usize>,
        bias: Option<&[f32]>,
        activation: Activation,
        c: SharedMut<f32>,
    ) {
        let Product { terms, columns, .. } = *self;
        let packed = &packed[..self.packed_len()];
        let panel = terms * PANEL;
        let start = panels.start * PANEL;
        let mut term = 0;
        loop {
            let count = TERMS.min(terms - term);
            let last = term + count == terms;
            dispatch(Block {
                a: a.get(rows.start * terms + term..).unwrap_or_default(),
                a_row: terms,
                rows: rows.len(),
                step: if packed.len() <= CACHED_FLOATS { TILE } else { rows.len() },
                packed: packed.get(panels.start * panel + term * PANEL..).unwrap_or_default(),
                panel,
                terms: count,
                columns: (panels.end * PANEL).min(columns) - start,
                c: c.at(rows.start * columns + start),
                c_row: columns,
                add: term > 0,
                bias: bias.filter(|_| term == 0).map(|bias| &bias[start..]),
                bounds: if last { activation } else { Activation::Linear }.bounds(),
            });
            term += count;
            if last {
                break;
            }
        }
    }

    fn run_few(
        &self,
        a: &[f32],
        b: Right,
        terms: Range<usize>,
        bias: Option<&[f32]>,
        activation: Activation,
        c: &mut [f32],
    ) {
        let shared = SharedMut::new(c);
        (0..self.panels()).into_par_iter().with_min_len(FEW_PANELS).for_each(|panel| {
            let start = panel * PANEL;
            let mut packed = [const { MaybeUninit::uninit() }; TERMS * PANEL];
            let packed = &mut packed[..terms.len() * PANEL];
            // Each panel writes its own columns, no other task's.
            dispatch(Block {
                a: a.get(terms.start..).unwrap_or_default(),
                a_row: self.terms,
                rows: self.rows,
                step: self.rows,
                packed: self.pack(b, terms.clone(), panel, packed),
                panel: terms.len() * PANEL,
                terms: terms.len(),
                columns: PANEL.min(self.columns - start),
                c: shared.at(start),
                c_row: self.columns,
                add: false,
                bias: bias.map(|bias| &bias[start..]),
                bounds: activation.bounds(),
            });
        });
    }

    fn panels(&self) -> usize {
        self.columns.div_ceil(PANEL)
    }

    /// Packs some terms of a panel, with zeros beyond the last column.
    fn pack<'a>(
        &self,
        b: Right,
        terms: Range<usize>,
        panel: usize,
        packed: &'a mut [MaybeUninit<f32>],
    ) -> &'a [f32] {
        assert_eq!(packed.len(), terms.len() * PANEL);
        let start = panel * PANEL;
        let width = PANEL.min(self.columns - start);
        if b.column == 1 {
            for (term, packed) in terms.zip(packed.chunks_exact_mut(PANEL)) {
                let b = &b.values[term * b.row + start..][..width];
                for (i, packed) in packed.iter_mut().enumerate() {
                    packed.write(b.get(i).copied().unwrap_or(0.0));
                }
            }
        } else {
            // In blocks that stay in the first cache.
            const TERMS: usize = 32;
            for (block, packed) in packed.chunks_mut(TERMS * PANEL).enumerate() {
                for i in 0..PANEL {
                    let packed = packed.iter_mut().skip(i).step_by(PANEL);
                    if i < width {
                        let first = (start + i) * b.column + (terms.start + block * TERMS) * b.row;
                        let column = b.values[first..].iter().step_by(b.row);
                        for (packed, value) in packed.zip(column) {
                            packed.write(*value);
                        }
                    } else {
                        for packed in packed {
                            packed.write(0.0);
                        }
                    }
                }
            }
        }
        // SAFETY: all elements have been written: PANEL for each term.
        unsafe { &*(std::ptr::from_mut(packed) as *const [f32]) }
    }
}

/// Some rows of some panels' columns, over some terms.
struct Block<'a> {
    /// From the first row's first term on.
    a: &'a [f32],
    a_row: usize,
    rows: usize,
    /// Rows that all panels go over before the next rows.
    step: usize,
    /// From the first panel's first term on.
    packed: &'a [f32],
    /// Distance of panels.
    panel: usize,
    terms: usize,
    columns: usize,
    /// The first row's first column; `rows` × `columns` elements are this block's alone.
    c: *mut f32,
    c_row: usize,
    /// Whether the sums are added to `c`.
    add: bool,
    /// Where the sums start.
    bias: Option<&'a [f32]>,
    bounds: (f32, f32),
}

impl Kernel for Block<'_> {
    #[inline(always)]
    fn run<S: Simd>(self) {
        let Block { a, a_row, rows, packed, panel, terms, columns, .. } = self;
        assert!(terms == 0 || (rows - 1) * a_row + terms <= a.len());
        let last = columns.div_ceil(PANEL) - 1;
        assert!(terms == 0 || last * panel + terms * PANEL <= packed.len());
        assert!(self.bias.is_none_or(|bias| bias.len() >= columns));
        for first in (0..rows).step_by(self.step) {
            let end = rows.min(first + self.step);
            for i in 0..=last {
                let packed = packed.as_ptr().wrapping_add(i * panel);
                let mut row = first;
                while row < end {
                    let tile = Tile { block: &self, row, column: i * PANEL, packed };
                    // SAFETY: the assertions above bound what is read; `c` is as the field says.
                    unsafe {
                        if columns - i * PANEL <= 8 {
                            match end - row {
                                1 => tile.run::<S, 1, 1>(),
                                2 => tile.run::<S, 2, 1>(),
                                3 => tile.run::<S, 3, 1>(),
                                4 => tile.run::<S, 4, 1>(),
                                5 => tile.run::<S, 5, 1>(),
                                _ => tile.run::<S, 6, 1>(),
                            }
                        } else {
                            match end - row {
                                1 => tile.run::<S, 1, 2>(),
                                2 => tile.run::<S, 2, 2>(),
                                3 => tile.run::<S, 3, 2>(),
                                4 => tile.run::<S, 4, 2>(),
                                5 => tile.run::<S, 5, 2>(),
                                _ => tile.run::<S, 6, 2>(),
                            }
                        }
                    }
                    row += TILE;
                }
            }
        }
    }
}

struct Tile<'a> {
    block: &'a Block<'a>,
    row: usize,
    column: usize,
    packed: *const f32,
}

impl Tile<'_> {
    /// `P` rows × up to `8 * V` columns.
    ///
    /// # Safety
    /// The block's rows, columns and terms are valid, `packed` has a panel's terms.
    #[inline(always)]
    unsafe fn run<S: Simd, const P: usize, const V: usize>(&self) {
        let Block { a_row, terms, columns, c_row, add, bias, bounds, .. } = *self.block;
        debug_assert!(self.row + P <= self.block.rows && self.column < columns);
        // SAFETY: the caller's promise; wrapping arithmetic because pointers past the last term are not read.
        unsafe {
            let mut a = self.block.a.as_ptr().wrapping_add(self.row * a_row);
            let mut packed = self.packed;
            let mut start = [S::splat(0.0); V];
            if let Some(bias) = bias {
                for (v, start) in start.iter_mut().enumerate() {
                    let column = self.column + 8 * v;
                    let n = columns.saturating_sub(column).min(8);
                    *start = S::load_partial(bias.as_ptr().wrapping_add(column), n);
                }
            }
            let mut sums = [start; P];
            for _ in 0..terms {
                let mut b = [S::splat(0.0); V];
                for (v, b) in b.iter_mut().enumerate() {
                    *b = S::load(packed.add(8 * v));
                }
                for (p, sums) in sums.iter_mut().enumerate() {
                    let value = S::splat(*a.add(p * a_row));
                    for (sum, b) in sums.iter_mut().zip(&b) {
                        *sum = S::mul_add(value, *b, *sum);
                    }
                }
                a = a.wrapping_add(1);
                packed = packed.wrapping_add(PANEL);
            }
            let (low, high) = (S::splat(bounds.0), S::splat(bounds.1));
            for (p, sums) in sums.iter().enumerate() {
                let c = self.block.c.add((self.row + p) * c_row + self.column);
                if !add && columns - self.column >= 8 * V {
                    for (v, sum) in sums.iter().enumerate() {
                        S::store(c.add(8 * v), S::clamp(*sum, low, high));
                    }
                } else {
                    for (v, sum) in sums.iter().enumerate() {
                        let n = (columns - self.column).saturating_sub(8 * v).min(8);
                        let (c, mut sum) = (c.wrapping_add(8 * v), *sum);
                        if add {
                            sum = S::add(S::load_partial(c, n), sum);
                        }
                        S::store_partial(c, S::clamp(sum, low, high), n);
                    }
                }
            }
        }
    }
}
