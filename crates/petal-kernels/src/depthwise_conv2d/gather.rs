//! A 3×3 depthwise gather: the forward pass with stride 1 or 2, and the input's gradient of stride 1, which is the same
//! with the kernel turned by 180° and the padding's complement.
//!
//! For a vector of channels, four neighbouring target pixels stay in registers over the three rows of taps: each source pixel
//! is loaded once for all targets of the tile that it lies under. A row's last tile overlaps the one before. A tile asks
//! for the next one's memory: the stretches that it reads are too short for the CPU to foresee.

use rayon::prelude::*;

use super::TASK_ROWS;
use crate::simd::{Kernel, Simd, dispatch};
use crate::{Activation, ActivationGradient};

/// Target pixels in one tile.
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
        let rows = target.par_chunks_mut(width * channels).enumerate().with_min_len(TASK_ROWS);
        rows.for_each(|(i, target)| {
            let source = &source[i / height * image..][..image];
            self.run_row(i % height, source, weights, bias, activation, target);
            if let Some(gradient) = gradient {
                gradient.apply_part(i * target.len(), target);
            }
        });
    }

    /// One row of an image's targets, on this thread.
    pub fn run_row(
        &self,
        row: usize,
        source: &[f32],
        weights: &[f32],
        bias: Option<&[f32]>,
        activation: Activation,
        target: &mut [f32],
    ) {
        assert_eq!(source.len(), self.source[0] * self.source[1] * self.channels);
        assert_eq!(weights.len(), 9 * self.channels);
        assert!(bias.is_none_or(|bias| bias.len() == self.channels));
        assert_eq!(target.len(), self.target[1] * self.channels);
        dispatch(Row { gather: self, row, source, weights, bias, bounds: activation.bounds(), target });
    }
}

/// One row of targets.
struct Row<'a> {
    gather: &'a Gather,
    row: usize,
    source: &'a [f32],
    weights: &'a [f32],
    bias: Option<&'a [f32]>,
    bounds: (f32, f32),
    target: &'a mut [f32],
}

impl Kernel for Row<'_> {
    #[inline(always)]
    fn run<S: Simd>(mut self) {
        match self.gather.stride {
            1 => self.tiles::<S, 1>(),
            _ => self.tiles::<S, 2>(),
        }
    }
}

impl Row<'_> {
    #[inline(always)]
    fn tiles<S: Simd, const STRIDE: usize>(&mut self) {
        let width = self.gather.target[1];
        if width < TILE {
            for start in 0..width {
                self.tile::<S, 1, STRIDE>(start);
            }
        } else {
            for start in (0..width).step_by(TILE) {
                self.tile::<S, TILE, STRIDE>(start.min(width - TILE));
            }
        }
    }

    /// `P` targets from column `start` on, all channels.
    #[inline(always)]
    fn tile<S: Simd, const P: usize, const STRIDE: usize>(&mut self, start: usize) {
        let Gather { source: [height, width], channels, before, flipped, .. } = *self.gather;
        let inside = |first: isize, len: usize, size: usize| {
            let clamp = |position: isize| position.clamp(0, len as isize) as usize;
            clamp(-first)..clamp(size as isize - first)
        };
        let (y, x) = ((self.row * STRIDE) as isize - before[0], (start * STRIDE) as isize - before[1]);
        let (rows, columns) = (inside(y, 3, height), inside(x, (P - 1) * STRIDE + 3, width));
        let tap = channels as isize;
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
            target: self.target[start * channels..][..P * channels].as_mut_ptr(),
        };
        debug_assert!(rows.is_empty() || (y + rows.end as isize - 1) < height as isize);
        debug_assert!(columns.is_empty() || (x + columns.end as isize - 1) < width as isize);
        let border = columns != (0..(P - 1) * STRIDE + 3);
        // SAFETY: `rows` and `columns` are the taps inside the source, whose length Gather::run asserts, as it does
        // those of weights and bias; P pixels of the target were sliced; `channels - c` are a vector unless partial.
        unsafe {
            let mut c = 0;
            while c + S::LANES <= channels {
                if border {
                    block.run::<S, P, STRIDE, true, false>(c);
                } else {
                    block.run::<S, P, STRIDE, false, false>(c);
                }
                c += S::LANES;
            }
            if c < channels {
                block.run::<S, P, STRIDE, true, true>(c);
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
}

impl Block {
    /// A vector of channels from `c` on, or with `PARTIAL` those that are left.
    ///
    /// # Safety
    /// What `rows` and `columns` name is valid, as are weights, bias and `P` pixels of the target. Without `BORDER` all
    /// columns are inside; without `PARTIAL` there is a vector of channels.
    #[inline(always)]
    unsafe fn run<S: Simd, const P: usize, const STRIDE: usize, const BORDER: bool, const PARTIAL: bool>(
        &self,
        c: usize,
    ) {
        let n = self.channels - c;
        debug_assert!(PARTIAL || n >= S::LANES);
        // SAFETY: the caller's promise.
        unsafe {
            let mut sums = [S::splat(0.0); P];
            if let Some(bias) = self.bias {
                sums = [S::load_lanes::<PARTIAL>(bias.add(c), n); P];
            }
            for ky in self.rows[0]..self.rows[1] {
                let source = self.source.wrapping_add(ky * self.source_row + c);
                let weights = self.weights.wrapping_offset(3 * ky as isize * self.tap).wrapping_add(c);
                // Rows that no earlier row of targets has read.
                if ky + STRIDE >= 3 {
                    for column in 0..P * STRIDE {
                        let next = (P - 1) * STRIDE + 3 + column;
                        S::prefetch(source.wrapping_add(next * self.channels));
                    }
                }
                let mut taps = [S::splat(0.0); 3];
                for (kx, tap) in taps.iter_mut().enumerate() {
                    *tap = S::load_lanes::<PARTIAL>(weights.wrapping_offset(kx as isize * self.tap), n);
                }
                for column in 0..(P - 1) * STRIDE + 3 {
                    if BORDER && !(self.columns[0]..self.columns[1]).contains(&column) {
                        continue;
                    }
                    let value = S::load_lanes::<PARTIAL>(source.wrapping_add(column * self.channels), n);
                    for (p, sum) in sums.iter_mut().enumerate() {
                        if p * STRIDE <= column && column < p * STRIDE + 3 {
                            *sum = S::mul_add(value, taps[column - p * STRIDE], *sum);
                        }
                    }
                }
            }
            let (low, high) = (S::splat(self.bounds.0), S::splat(self.bounds.1));
            for (p, sum) in sums.iter().enumerate() {
                let target = self.target.add(p * self.channels + c);
                S::prefetch(target.wrapping_add(P * self.channels));
                let value = S::clamp(*sum, low, high);
                S::store_lanes::<PARTIAL>(target, value, n);
            }
        }
    }
}
