//! A 3×3 depthwise gather: the forward pass with stride 1 or 2, and the input's gradient of stride 1, which is the same
//! with the kernel turned by 180° and the padding's complement.
//!
//! For a vector of channels, four neighbouring target pixels of two rows stay in registers over all taps: each source
//! pixel is loaded once for all targets of the tile that it lies under. A row's last tile overlaps the one before. A tile
//! asks for the next one's memory: the stretches that it reads are too short for the CPU to foresee.

use rayon::prelude::*;

use super::TASK_ROWS;
use crate::simd::{Kernel, Simd, dispatch};
use crate::{Activation, ActivationGradient};

/// Target pixels in one row of a tile.
const TILE: usize = 4;

#[derive(Clone, Copy)]
pub(crate) struct Gather {
    /// `[height, width]` of what is read.
    pub source: [usize; 2],
    /// `[height, width]` of what is written.
    pub target: [usize; 2],
    pub channels: usize,
    /// 1 or 2.
    pub stride: usize,
    /// How far the first tap of the first target lies before the source's first pixel.
    pub before: [isize; 2],
    /// Whether the kernel is turned by 180°.
    pub flipped: bool,
}

impl Gather {
    pub fn run(
        &self,
        source: &[f32],
        weights: &[f32],
        bias: Option<&[f32]>,
        activation: Activation,
        gradient: Option<ActivationGradient<'_>>,
        target: &mut [f32],
    ) {
        let ([height, width], channels) = (self.target, self.channels);
        let image = self.source[0] * self.source[1] * channels;
        assert_eq!(target.len() / (height * width) * (image / channels), source.len());
        let (row, rows) = (width * channels, TASK_ROWS.min(height));
        target.par_chunks_mut(height * row).enumerate().for_each(|(n, target)| {
            let source = &source[n * image..][..image];
            target.par_chunks_mut(rows * row).enumerate().for_each(|(i, target)| {
                self.run_rows(i * rows, source, weights, bias, activation, target);
                if let Some(gradient) = gradient {
                    gradient.apply_part((n * height + i * rows) * row, target);
                }
            });
        });
    }

    /// The rows of an image's targets from `first` on that `target` has, on this thread.
    pub fn run_rows(
        &self,
        first: usize,
        source: &[f32],
        weights: &[f32],
        bias: Option<&[f32]>,
        activation: Activation,
        target: &mut [f32],
    ) {
        assert_eq!(source.len(), self.source[0] * self.source[1] * self.channels);
        assert_eq!(weights.len(), 9 * self.channels);
        assert!(bias.is_none_or(|bias| bias.len() == self.channels));
        assert!(target.len().is_multiple_of(self.target[1] * self.channels));
        dispatch(Rows { gather: self, first, source, weights, bias, bounds: activation.bounds(), target });
    }
}

/// Some rows of targets.
struct Rows<'a> {
    gather: &'a Gather,
    first: usize,
    source: &'a [f32],
    weights: &'a [f32],
    bias: Option<&'a [f32]>,
    bounds: (f32, f32),
    target: &'a mut [f32],
}

impl Kernel for Rows<'_> {
    #[inline(always)]
    fn run<S: Simd>(mut self) {
        match self.gather.stride {
            1 => self.tiles::<S, 1>(),
            _ => self.tiles::<S, 2>(),
        }
    }
}

impl Rows<'_> {
    #[inline(always)]
    fn tiles<S: Simd, const STRIDE: usize>(&mut self) {
        let width = self.gather.target[1];
        let rows = self.target.len() / (width * self.gather.channels);
        for row in (0..rows / 2 * 2).step_by(2) {
            self.row::<S, 2, STRIDE>(row);
        }
        if !rows.is_multiple_of(2) {
            self.row::<S, 1, STRIDE>(rows - 1);
        }
    }

    /// `R` rows of targets.
    #[inline(always)]
    fn row<S: Simd, const R: usize, const STRIDE: usize>(&mut self, row: usize) {
        let width = self.gather.target[1];
        if width < TILE {
            for start in 0..width {
                self.tile::<S, R, 1, STRIDE>(row, start);
            }
        } else {
            for start in (0..width).step_by(TILE) {
                self.tile::<S, R, TILE, STRIDE>(row, start.min(width - TILE));
            }
        }
    }

    /// `R` rows of `P` targets from column `start` on, all channels.
    #[inline(always)]
    fn tile<S: Simd, const R: usize, const P: usize, const STRIDE: usize>(
        &mut self,
        row: usize,
        start: usize,
    ) {
        let Gather { source: [height, width], channels, before, flipped, .. } = *self.gather;
        let inside = |first: isize, len: usize, size: usize| {
            let clamp = |position: isize| position.clamp(0, len as isize) as usize;
            clamp(-first)..clamp(size as isize - first)
        };
        let y = ((self.first + row) * STRIDE) as isize - before[0];
        let x = (start * STRIDE) as isize - before[1];
        let window = [R, P].map(|targets| (targets - 1) * STRIDE + 3);
        let (rows, columns) = (inside(y, window[0], height), inside(x, window[1], width));
        let tap = channels as isize;
        let target_row = self.gather.target[1] * channels;
        let target = &mut self.target[row * target_row + start * channels..];
        let target = &mut target[..(R - 1) * target_row + P * channels];
        let block = Block {
            source: self.source.as_ptr().wrapping_offset((y * width as isize + x) * tap),
            source_row: width * channels,
            weights: self.weights.as_ptr().wrapping_add(if flipped { 8 * channels } else { 0 }),
            tap: if flipped { -tap } else { tap },
            channels,
            rows: [rows.start, rows.end],
            columns: [columns.start, columns.end],
            bias: self.bias.map(<[f32]>::as_ptr),
            bounds: self.bounds,
            target: target.as_mut_ptr(),
            target_row,
        };
        debug_assert!(rows.is_empty() || (y + rows.end as isize - 1) < height as isize);
        debug_assert!(columns.is_empty() || (x + columns.end as isize - 1) < width as isize);
        let border = rows != (0..window[0]) || columns != (0..window[1]);
        // SAFETY: `rows` and `columns` are the taps inside the source, whose length run_rows asserts, as it does those of
        // weights and bias; P pixels of R rows of the target were sliced; `channels - c` are a vector unless partial.
        unsafe {
            let mut c = 0;
            while c + S::LANES <= channels {
                if border {
                    block.run::<S, R, P, STRIDE, true, false>(c);
                } else {
                    block.run::<S, R, P, STRIDE, false, false>(c);
                }
                c += S::LANES;
            }
            if c < channels {
                block.run::<S, R, P, STRIDE, true, true>(c);
            }
        }
    }
}

/// Where a tile's numbers are: `source` and `weights` point to the first tap, inside the image or not.
struct Block {
    source: *const f32,
    source_row: usize,
    weights: *const f32,
    tap: isize,
    channels: usize,
    /// Rows and columns of source pixels that are inside the image, from and to.
    rows: [usize; 2],
    columns: [usize; 2],
    bias: Option<*const f32>,
    bounds: (f32, f32),
    target: *mut f32,
    target_row: usize,
}

impl Block {
    /// A vector of channels from `c` on, or with `PARTIAL` those that are left.
    ///
    /// # Safety
    /// What `rows` and `columns` name is valid, as are weights, bias and `P` pixels of `R` rows of the target. Without
    /// `BORDER` all rows and columns are inside; without `PARTIAL` there is a vector of channels.
    #[inline(always)]
    unsafe fn run<
        S: Simd,
        const R: usize,
        const P: usize,
        const STRIDE: usize,
        const BORDER: bool,
        const PARTIAL: bool,
    >(
        &self,
        c: usize,
    ) {
        let n = self.channels - c;
        debug_assert!(PARTIAL || n >= S::LANES);
        // SAFETY: the caller's promise.
        unsafe {
            let mut sums = [[S::splat(0.0); P]; R];
            if let Some(bias) = self.bias {
                sums = [[S::load_lanes::<PARTIAL>(bias.add(c), n); P]; R];
            }
            // Not a loop, so that the compiler knows which rows of taps lie above each.
            self.add::<S, R, P, STRIDE, BORDER, PARTIAL>(c, 0, &mut sums);
            self.add::<S, R, P, STRIDE, BORDER, PARTIAL>(c, 1, &mut sums);
            self.add::<S, R, P, STRIDE, BORDER, PARTIAL>(c, 2, &mut sums);
            if R == 2 {
                self.add::<S, R, P, STRIDE, BORDER, PARTIAL>(c, 3, &mut sums);
            }
            if R == 2 && STRIDE == 2 {
                self.add::<S, R, P, STRIDE, BORDER, PARTIAL>(c, 4, &mut sums);
            }
            let (low, high) = (S::splat(self.bounds.0), S::splat(self.bounds.1));
            for (r, sums) in sums.iter().enumerate() {
                for (p, sum) in sums.iter().enumerate() {
                    let target = self.target.add(r * self.target_row + p * self.channels + c);
                    S::prefetch(target.wrapping_add(P * self.channels));
                    let value = S::clamp(*sum, low, high);
                    S::store_lanes::<PARTIAL>(target, value, n);
                }
            }
        }
    }

    /// Adds what a row of source pixels gives to the sums that it lies under.
    ///
    /// # Safety
    /// As of [`run`](Self::run).
    #[inline(always)]
    unsafe fn add<
        S: Simd,
        const R: usize,
        const P: usize,
        const STRIDE: usize,
        const BORDER: bool,
        const PARTIAL: bool,
    >(
        &self,
        c: usize,
        row: usize,
        sums: &mut [[S::V; P]; R],
    ) {
        if BORDER && !(self.rows[0]..self.rows[1]).contains(&row) {
            return;
        }
        let n = self.channels - c;
        // SAFETY: the caller's promise.
        unsafe {
            let source = self.source.wrapping_add(row * self.source_row + c);
            // Rows that no earlier row of targets has read.
            if row + STRIDE >= 3 {
                for column in 0..P * STRIDE {
                    let next = (P - 1) * STRIDE + 3 + column;
                    S::prefetch(source.wrapping_add(next * self.channels));
                }
            }
            let mut taps = [[S::splat(0.0); 3]; R];
            for (r, taps) in taps.iter_mut().enumerate() {
                if r * STRIDE <= row && row < r * STRIDE + 3 {
                    let weights = self.weights.wrapping_offset(3 * (row - r * STRIDE) as isize * self.tap);
                    for (kx, tap) in taps.iter_mut().enumerate() {
                        let weight = weights.wrapping_offset(kx as isize * self.tap).wrapping_add(c);
                        *tap = S::load_lanes::<PARTIAL>(weight, n);
                    }
                }
            }
            for column in 0..(P - 1) * STRIDE + 3 {
                if BORDER && !(self.columns[0]..self.columns[1]).contains(&column) {
                    continue;
                }
                let value = S::load_lanes::<PARTIAL>(source.wrapping_add(column * self.channels), n);
                for (r, (sums, taps)) in sums.iter_mut().zip(&taps).enumerate() {
                    for (p, sum) in sums.iter_mut().enumerate() {
                        if r * STRIDE <= row
                            && row < r * STRIDE + 3
                            && p * STRIDE <= column
                            && column < p * STRIDE + 3
                        {
                            *sum = S::mul_add(value, taps[column - p * STRIDE], *sum);
                        }
                    }
                }
            }
        }
    }
}
