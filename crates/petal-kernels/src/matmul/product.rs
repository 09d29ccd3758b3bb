//! `c = activation(a × b + bias)`.
//!
//! A tile (`register_tile.rs`) of rows × 16 or 32 columns of `c` stays in registers over the terms of its sums; `b` is
//! packed to panels of so many columns, `[panel][term][column]`, of pairs of terms if those are rounded. Strategies,
//! chosen by shape alone:
//! - many rows: all panels are packed first, a task is a block of rows and some panels;
//! - few rows: a task is some panels and 1024 terms. Where a row of `b` is a row of panels, nothing is packed, unless
//!   it is rounded: 64 terms of all panels are taken at a time, and the sums go on from what `c` holds. Otherwise each
//!   panel is packed just before its use.

use std::mem::MaybeUninit;
use std::ops::Range;

use rayon::prelude::*;

use super::{pairs, sum_parts};
use crate::parallel::SharedMut;
use crate::register_tile::{self, accumulate, for_tile};
use crate::simd::{Kernel, Simd, dispatch, dispatch_pairs};
use crate::{Activation, ActivationGradient, Precision};

/// Columns of one panel, at most.
const MAX_WIDTH: usize = register_tile::MAX_COLUMNS;
/// Rows of tiles.
const TILE: usize = register_tile::ROWS;
/// Terms of one uninterrupted sum; longer sums are sums of such.
pub(super) const TERMS: usize = 1024;
/// Fewer rows than this are "few": packing `b` would cost more than a tenth of the work.
pub(super) const FEW: usize = 64;
/// Columns of one task when rows are few.
const FEW_COLUMNS: usize = 128;
/// Terms that are taken at a time where nothing is packed: a panel's columns of them stay in the first cache.
const FEW_TERMS: usize = 64;
/// Floats of `a`, and of packed `b`, that one task should find in the second cache.
const BLOCK_FLOATS: usize = 1 << 15;
/// Floats of packed `b` that stay in the first cache.
const CACHED_FLOATS: usize = 6144;
/// Pairs of `a` that are made at a time: a share of the first cache.
const PAIRS: usize = 1 << 13;

/// `[rows, terms] × [terms, columns]`.
#[derive(Clone, Copy)]
pub(super) struct Product {
    pub rows: usize,
    pub terms: usize,
    pub columns: usize,
    pub precision: Precision,
}

/// The right factor: element `(term, column)` is at `term * row + column * column`.
#[derive(Clone, Copy)]
pub(super) struct Right<'a> {
    pub values: &'a [f32],
    pub row: usize,
    pub column: usize,
}

/// What is done with the sums: `c = activation(sum + bias)`, or if an activation's gradient is given, `c` is that
/// before it.
#[derive(Clone, Copy, Default)]
pub(super) struct Epilogue<'a> {
    pub bias: Option<&'a [f32]>,
    pub activation: Activation,
    pub gradient: Option<ActivationGradient<'a>>,
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
    pub fn run(&self, a: &[f32], b: Right, epilogue: Epilogue<'_>, c: &mut [f32], scratch: &mut [f32]) {
        self.check(a, epilogue, c);
        if c.is_empty() {
            return;
        }
        let scratch = &mut scratch[..self.scratch()];
        if self.rows >= FEW {
            self.pack_all(b, scratch);
            return self.run_many(a, scratch, epilogue, c);
        }
        if self.terms <= TERMS {
            self.run_few(a, b, 0..self.terms, epilogue, c);
        } else {
            self.run_parts(epilogue, c, scratch, |terms, epilogue, part| {
                self.run_few(a, b, terms, epilogue, part);
            });
        }
        if let Some(gradient) = epilogue.gradient {
            gradient.apply(c);
        }
    }

    /// [`run`](Self::run) with panels that are packed already; the same bits.
    pub fn run_with(
        &self,
        a: &[f32],
        packed: &[f32],
        epilogue: Epilogue<'_>,
        c: &mut [f32],
        scratch: &mut [f32],
    ) {
        self.check(a, epilogue, c);
        assert_eq!(packed.len(), self.packed_len(), "a kernel that another layer packed");
        if c.is_empty() {
            return;
        }
        if self.rows >= FEW || self.terms <= TERMS {
            return self.run_many(a, packed, epilogue, c);
        }
        // So many tasks that there is work for many threads.
        self.run_parts(epilogue, c, &mut scratch[..self.scratch()], |terms, epilogue, part| {
            let shared = SharedMut::new(part);
            (0..self.panels()).into_par_iter().for_each(|panel| {
                // Each panel writes its own columns, no other task's.
                let panels = panel..panel + 1;
                self.run_terms(a, packed, 0..self.rows, panels, terms.clone(), Start::Bias, epilogue, shared);
            });
        });
    }

    /// Few rows of many terms: `run` computes sums of up to 1024 of them, with the bias in the first, which `scratch` has
    /// room for; all together are `c`.
    fn run_parts(
        &self,
        epilogue: Epilogue<'_>,
        c: &mut [f32],
        scratch: &mut [f32],
        run: impl Fn(Range<usize>, Epilogue<'_>, &mut [f32]) + Sync,
    ) {
        scratch.par_chunks_mut(c.len()).enumerate().for_each(|(i, part)| {
            let terms = i * TERMS..self.terms.min((i + 1) * TERMS);
            let bias = epilogue.bias.filter(|_| i == 0);
            run(terms, Epilogue { bias, ..Epilogue::default() }, part);
        });
        sum_parts(scratch, c);
        epilogue.activation.apply(c);
    }

    fn check(&self, a: &[f32], epilogue: Epilogue<'_>, c: &[f32]) {
        assert_eq!(a.len(), self.rows * self.terms);
        assert_eq!(c.len(), self.rows * self.columns);
        assert!(epilogue.bias.is_none_or(|bias| bias.len() == self.columns));
    }

    fn run_many(&self, a: &[f32], packed: &[f32], epilogue: Epilogue<'_>, c: &mut [f32]) {
        let Product { rows, terms, columns, .. } = *self;
        let slots = self.precision.slots(terms);
        let block = (BLOCK_FLOATS / slots.max(1)).clamp(2 * TILE, 16 * TILE) / TILE * TILE;
        let group = (BLOCK_FLOATS / self.panel().max(1)).max(1);
        let groups = self.panels().div_ceil(group);
        let (shared, width) = (SharedMut::new(c), self.width());
        (0..rows.div_ceil(block) * groups).into_par_iter().for_each(|i| {
            let (first, panels) = (i / groups * block, i % groups * group);
            let panels = panels..(panels + group).min(self.panels());
            let task_rows = first..rows.min(first + block);
            // Each task has its own rows and columns.
            self.run_block(a, packed, task_rows.clone(), panels.clone(), epilogue, shared);
            if let Some(gradient) = epilogue.gradient {
                let start = panels.start * width;
                let width = (panels.end * width).min(columns) - start;
                for at in task_rows.map(|row| row * columns + start) {
                    // SAFETY: `width` elements of a row of `c`, which the task has written and nobody else has.
                    let part = unsafe { std::slice::from_raw_parts_mut(shared.at(at), width) };
                    gradient.apply_part(at, part);
                }
            }
        });
    }

    /// Floats of all panels.
    pub fn packed_len(&self) -> usize {
        self.panels() * self.panel()
    }

    /// Columns of a panel.
    pub fn width(&self) -> usize {
        register_tile::columns(self.precision)
    }

    /// Floats of a panel.
    fn panel(&self) -> usize {
        self.precision.slots(self.terms) * self.width()
    }

    /// Packs all panels.
    pub fn pack_all(&self, b: Right, packed: &mut [f32]) {
        let panel = self.panel();
        if panel > 0 {
            packed[..self.packed_len()].par_chunks_mut(panel).enumerate().for_each(|(i, packed)| {
                // SAFETY: f32 and MaybeUninit<f32> are laid out alike, and `pack` writes only values.
                let packed = unsafe { &mut *(std::ptr::from_mut(packed) as *mut [MaybeUninit<f32>]) };
                self.pack(b, 0..self.terms, i, packed);
            });
        }
    }

    /// The product with panels that are packed already, on this thread; the same bits as [`run`](Self::run).
    pub fn run_packed(&self, a: &[f32], packed: &[f32], epilogue: Epilogue<'_>, c: &mut [f32]) {
        self.check(a, epilogue, c);
        if !c.is_empty() {
            let shared = SharedMut::new(c);
            self.run_block(a, packed, 0..self.rows, 0..self.panels(), epilogue, shared);
        }
    }

    /// Some rows of some panels' columns; `c` is all of the result, of which nobody else has these elements.
    fn run_block(
        &self,
        a: &[f32],
        packed: &[f32],
        rows: Range<usize>,
        panels: Range<usize>,
        epilogue: Epilogue<'_>,
        c: SharedMut<f32>,
    ) {
        let mut term = 0;
        loop {
            let count = TERMS.min(self.terms - term);
            let last = term + count == self.terms;
            let activation = if last { epilogue.activation } else { Activation::Linear };
            let epilogue = Epilogue { activation, ..epilogue };
            let begin = if term > 0 { Start::Added } else { Start::Bias };
            self.run_terms(a, packed, rows.clone(), panels.clone(), term..term + count, begin, epilogue, c);
            term += count;
            if last {
                break;
            }
        }
    }

    /// The same over up to 1024 terms.
    #[allow(clippy::too_many_arguments, reason = "a block of a product, and what is done with it")]
    fn run_terms(
        &self,
        a: &[f32],
        packed: &[f32],
        rows: Range<usize>,
        panels: Range<usize>,
        terms: Range<usize>,
        begin: Start,
        epilogue: Epilogue<'_>,
        c: SharedMut<f32>,
    ) {
        let (panel, width, columns) = (self.panel(), self.width(), self.columns);
        let start = panels.start * width;
        let first = panels.start * panel + self.precision.slots(terms.start) * width;
        self.multiply(Block {
            a: a.get(rows.start * self.terms + terms.start..).unwrap_or_default(),
            a_row: self.terms,
            rows: rows.len(),
            cached: packed.len() <= CACHED_FLOATS,
            packed: packed.get(first..).unwrap_or_default(),
            packed_row: width,
            panel,
            terms: terms.len(),
            columns: (panels.end * width).min(columns) - start,
            c: c.at(rows.start * columns + start),
            c_row: columns,
            start: begin,
            bias: epilogue.bias.map(|bias| &bias[start..]),
            bounds: epilogue.activation.bounds(),
        });
    }

    /// Computes a block, of whose left factor the numbers are rounded first if the product's are.
    fn multiply(&self, block: Block<'_>) {
        let Block { a, a_row, rows, terms, .. } = block;
        if self.precision == Precision::Float32 {
            return dispatch(Multiply::<false>(block));
        }
        let slots = self.precision.slots(terms);
        let pair_row = slots.next_multiple_of(pairs::ALIGNED);
        let step = (PAIRS / pair_row.max(1)).max(TILE) / TILE * TILE;
        let mut room = [const { MaybeUninit::<f32>::uninit() }; PAIRS];
        for first in (0..rows).step_by(step) {
            let rows = step.min(rows - first);
            let values = a.get(first * a_row..).unwrap_or_default();
            dispatch_pairs(pairs::Rows { values, row: a_row, rows, terms, pairs: &mut room, pair_row });
            // SAFETY: f32 and MaybeUninit<f32> are laid out alike; all pairs of the rows have been written.
            let a = unsafe { &*(std::ptr::from_ref(&room[..rows * pair_row]) as *const [f32]) };
            let c = block.c.wrapping_add(first * block.c_row);
            dispatch_pairs(Multiply::<true>(Block { a, a_row: pair_row, rows, terms: slots, c, ..block }));
        }
    }

    fn run_few(&self, a: &[f32], b: Right, terms: Range<usize>, epilogue: Epilogue<'_>, c: &mut [f32]) {
        let (shared, width) = (SharedMut::new(c), self.width());
        let few = FEW_COLUMNS / width;
        // Panels of which `b`'s rows have all columns.
        let as_it_is = b.column == 1 && self.precision == Precision::Float32;
        let whole = if as_it_is { self.columns / width } else { 0 };
        (0..whole.div_ceil(few)).into_par_iter().for_each(|i| {
            let panels = i * few..whole.min((i + 1) * few);
            // Each group of panels writes its own columns, no other task's.
            self.run_rows(a, b, terms.clone(), panels, epilogue, shared);
        });
        (whole..self.panels()).into_par_iter().with_min_len(few).for_each(|panel| {
            let start = panel * width;
            let mut packed = [const { MaybeUninit::uninit() }; TERMS * MAX_WIDTH];
            let packed = &mut packed[..self.precision.slots(terms.len()) * width];
            let panel_len = packed.len();
            // Each panel writes its own columns, no other task's.
            self.multiply(Block {
                a: a.get(terms.start..).unwrap_or_default(),
                a_row: self.terms,
                rows: self.rows,
                cached: false,
                packed: self.pack(b, terms.clone(), panel, packed),
                packed_row: width,
                panel: panel_len,
                terms: terms.len(),
                columns: width.min(self.columns - start),
                c: shared.at(start),
                c_row: self.columns,
                start: Start::Bias,
                bias: epilogue.bias.map(|bias| &bias[start..]),
                bounds: epilogue.activation.bounds(),
            });
        });
    }

    /// All rows of some whole panels' columns over some terms, of which `b` has a row each.
    fn run_rows(
        &self,
        a: &[f32],
        b: Right,
        terms: Range<usize>,
        panels: Range<usize>,
        epilogue: Epilogue<'_>,
        c: SharedMut<f32>,
    ) {
        let width = self.width();
        let start = panels.start * width;
        // At least once, for `c` also of no terms.
        for term in (terms.start..terms.end.max(terms.start + 1)).step_by(FEW_TERMS) {
            let end = terms.end.min(term + FEW_TERMS);
            let last = end == terms.end;
            self.multiply(Block {
                a: a.get(term..).unwrap_or_default(),
                a_row: self.terms,
                rows: self.rows,
                cached: false,
                packed: b.values.get(term * b.row + start..).unwrap_or_default(),
                packed_row: b.row,
                panel: width,
                terms: end - term,
                columns: panels.len() * width,
                c: c.at(start),
                c_row: self.columns,
                start: if term > terms.start { Start::Sum } else { Start::Bias },
                bias: epilogue.bias.map(|bias| &bias[start..]),
                bounds: if last { epilogue.activation } else { Activation::Linear }.bounds(),
            });
        }
    }

    fn panels(&self) -> usize {
        self.columns.div_ceil(self.width())
    }
}

/// What a block's sums begin with.
#[derive(Clone, Copy, PartialEq)]
enum Start {
    /// The bias.
    Bias,
    /// What `c` holds, as if there had been no pause.
    Sum,
    /// Nothing, and they are added to `c` at the end.
    Added,
}

/// Some rows of some panels' columns, over some terms.
#[derive(Clone, Copy)]
struct Block<'a> {
    /// From the first row's first term on.
    a: &'a [f32],
    a_row: usize,
    rows: usize,
    /// Whether all panels stay in the first cache: then each goes over a tile's rows before the next rows.
    cached: bool,
    /// From the first panel's first term on.
    packed: &'a [f32],
    /// Distance of a panel's terms.
    packed_row: usize,
    /// Distance of panels.
    panel: usize,
    terms: usize,
    columns: usize,
    /// The first row's first column; `rows` × `columns` elements are this block's alone.
    c: *mut f32,
    c_row: usize,
    start: Start,
    bias: Option<&'a [f32]>,
    bounds: (f32, f32),
}

/// Computes a block, of pairs of terms if `PAIRS`.
struct Multiply<'a, const PAIRS: bool>(Block<'a>);

impl<const PAIRS: bool> Kernel for Multiply<'_, PAIRS> {
    #[inline(always)]
    fn run<S: Simd>(self) {
        let block = self.0;
        let Block { a, a_row, rows, packed, packed_row, panel, terms, columns, .. } = block;
        assert!(terms == 0 || (rows - 1) * a_row + terms <= a.len());
        let width = 2 * S::LANES;
        let last = columns.div_ceil(width) - 1;
        assert!(terms == 0 || last * panel + (terms - 1) * packed_row + width <= packed.len());
        assert!(block.bias.is_none_or(|bias| bias.len() >= columns));
        let step = if block.cached { S::ROWS } else { rows };
        for first in (0..rows).step_by(step) {
            let end = rows.min(first + step);
            for i in 0..=last {
                let packed = packed.as_ptr().wrapping_add(i * panel);
                let mut row = first;
                while row < end {
                    let tile = Tile { block: &block, row, column: i * width, packed };
                    // SAFETY: the assertions above bound what is read; `c` is as the field says.
                    unsafe {
                        for_tile!(S, end - row, columns - i * width, |P, V| tile.run::<S, P, V, PAIRS>());
                    }
                    row += S::ROWS;
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
    /// `P` rows × up to `V` vectors of columns.
    ///
    /// # Safety
    /// The block's rows, columns and terms are valid, `packed` has a panel's terms.
    #[inline(always)]
    unsafe fn run<S: Simd, const P: usize, const V: usize, const PAIRS: bool>(&self) {
        let Block { a_row, packed_row, terms, columns, c_row, start, bias, bounds, .. } = *self.block;
        debug_assert!(self.row + P <= self.block.rows && self.column < columns);
        // SAFETY: the caller's promise; wrapping arithmetic because pointers past the last term are not read.
        unsafe {
            let a = self.block.a.as_ptr().wrapping_add(self.row * a_row);
            let mut first = [S::splat(0.0); V];
            if let Some(bias) = bias.filter(|_| start == Start::Bias) {
                for (v, first) in first.iter_mut().enumerate() {
                    let column = self.column + S::LANES * v;
                    let n = columns.saturating_sub(column).min(S::LANES);
                    *first = S::load_partial(bias.as_ptr().wrapping_add(column), n);
                }
            }
            // Loops over all sums that the compiler doesn't unroll have copies of them: the others stay in registers.
            let mut sums = [first; P];
            if start == Start::Sum {
                let mut before = sums;
                for (p, sums) in before.iter_mut().enumerate() {
                    for (v, sum) in sums.iter_mut().enumerate() {
                        let column = self.column + S::LANES * v;
                        let c = self.block.c.wrapping_add((self.row + p) * c_row + column);
                        *sum = S::load_partial(c, columns.saturating_sub(column).min(S::LANES));
                    }
                }
                sums = before;
            }
            accumulate::<S, P, V, PAIRS>(&mut sums, a, a_row, self.packed, packed_row, terms);
            let c = self.block.c.add(self.row * c_row + self.column);
            let width = (columns - self.column).min(S::LANES * V);
            if start == Start::Added {
                let mut added = sums;
                for (p, sums) in added.iter_mut().enumerate() {
                    for (v, sum) in sums.iter_mut().enumerate() {
                        let c = c.wrapping_add(p * c_row + S::LANES * v);
                        let n = width.saturating_sub(S::LANES * v).min(S::LANES);
                        *sum = S::add(S::load_partial(c, n), *sum);
                    }
                }
                sums = added;
            }
            if width == S::LANES * V {
                store::<S, P, V, false>(&sums, c, c_row, width, bounds);
            } else {
                store::<S, P, V, true>(&sums, c, c_row, width, bounds);
            }
        }
    }
}

/// Stores bounded sums in rows `c_row` apart; the last vector of each has fewer columns if `PARTIAL`.
///
/// # Safety
/// `width` columns of `P` rows are valid.
#[inline(always)]
unsafe fn store<S: Simd, const P: usize, const V: usize, const PARTIAL: bool>(
    sums: &[[S::V; V]; P],
    c: *mut f32,
    c_row: usize,
    width: usize,
    bounds: (f32, f32),
) {
    // SAFETY: the caller's promise.
    unsafe {
        let (low, high) = (S::splat(bounds.0), S::splat(bounds.1));
        for v in 0..V {
            let (c, n) = (c.add(S::LANES * v), width - S::LANES * v);
            for (p, sums) in sums.iter().enumerate() {
                let value = S::clamp(sums[v], low, high);
                if PARTIAL && v + 1 == V {
                    S::store_partial(c.add(p * c_row), value, n);
                } else {
                    S::store(c.add(p * c_row), value);
                }
            }
        }
    }
}
