//! The gradient by a 3×3 depthwise kernel: nine sums a channel.
//!
//! For eight channels, up to four neighbouring output pixels and the nine sums stay in registers; each input pixel is
//! loaded once for all output pixels of the tile that have it under a tap. Between tiles the sums rest in `kernel`, so
//! that images are read in the order of memory.

use std::ops::Range;

use super::DepthwiseConv2d;
use crate::simd::{Kernel, Simd};

/// Output pixels in one tile.
const TILE: usize = 4;

/// Adds what the output rows `rows` of the batch contribute to the gradients by `kernel` and `bias`.
pub(super) struct Part<'a> {
    pub conv: &'a DepthwiseConv2d,
    pub stride: usize,
    pub rows: Range<usize>,
    pub x: &'a [f32],
    pub dy: &'a [f32],
    pub kernel: &'a mut [f32],
    pub bias: &'a mut [f32],
}

impl Kernel for Part<'_> {
    #[inline(always)]
    fn run<S: Simd>(mut self) {
        match self.stride {
            1 => self.rows::<S, 1>(),
            _ => self.rows::<S, 2>(),
        }
    }
}

impl Part<'_> {
    #[inline(always)]
    fn rows<S: Simd, const STRIDE: usize>(&mut self) {
        let width = self.conv.output()[1];
        for row in self.rows.clone() {
            let mut start = 0;
            while start < width {
                match width - start {
                    1 => self.tile::<S, 1, STRIDE>(row, start),
                    2 => self.tile::<S, 2, STRIDE>(row, start),
                    3 => self.tile::<S, 3, STRIDE>(row, start),
                    _ => self.tile::<S, TILE, STRIDE>(row, start),
                }
                start += TILE;
            }
        }
    }

    /// `P` output pixels from column `start` on, all channels.
    #[inline(always)]
    fn tile<S: Simd, const P: usize, const STRIDE: usize>(&mut self, row: usize, start: usize) {
        let [input_height, input_width, channels] = self.conv.input;
        let [height, width, _] = self.conv.output();
        assert!(self.kernel.len() == 9 * channels && self.bias.len() == channels);
        let inside = |first: isize, len: usize, size: usize| {
            let clamp = |position: isize| position.clamp(0, len as isize) as usize;
            clamp(-first)..clamp(size as isize - first)
        };
        let y = (row % height * STRIDE) as isize - self.conv.padding.top as isize;
        let x = (start * STRIDE) as isize - self.conv.padding.left as isize;
        let rows = inside(y, 3, input_height);
        let columns = inside(x, (P - 1) * STRIDE + 3, input_width);
        let image = &self.x[row / height * input_height * input_width * channels..]
            [..input_height * input_width * channels];
        let block = Block {
            x: image.as_ptr().wrapping_offset((y * input_width as isize + x) * channels as isize),
            x_row: input_width * channels,
            dy: self.dy[(row * width + start) * channels..][..P * channels].as_ptr(),
            kernel: self.kernel.as_mut_ptr(),
            bias: self.bias.as_mut_ptr(),
            channels,
            rows: [rows.start, rows.end],
            columns: [columns.start, columns.end],
        };
        let border = columns != (0..(P - 1) * STRIDE + 3) || rows != (0..3);
        // SAFETY: `rows` and `columns` are the taps inside the image, which was sliced, as were P pixels of `dy`; the
        // lengths of kernel and bias are asserted above; `channels - c` are a vector unless partial.
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

/// Where a tile's numbers are: `x` points to the first tap, inside the image or not.
struct Block {
    x: *const f32,
    x_row: usize,
    dy: *const f32,
    kernel: *mut f32,
    bias: *mut f32,
    channels: usize,
    /// Rows and columns of input pixels that are inside the image, from and to.
    rows: [usize; 2],
    columns: [usize; 2],
}

impl Block {
    /// A vector of channels from `c` on, or with `PARTIAL` those that are left.
    ///
    /// # Safety
    /// What `rows` and `columns` name is valid, as are `P` pixels of `dy`, kernel and bias. Without `BORDER` all rows
    /// and columns are inside; without `PARTIAL` there is a vector of channels.
    #[inline(always)]
    unsafe fn run<S: Simd, const P: usize, const STRIDE: usize, const BORDER: bool, const PARTIAL: bool>(
        &self,
        c: usize,
    ) {
        let n = self.channels - c;
        debug_assert!(PARTIAL || n >= S::LANES);
        // SAFETY: the caller's promise.
        unsafe {
            let mut dy = [S::splat(0.0); P];
            for (p, dy) in dy.iter_mut().enumerate() {
                S::prefetch(self.dy.wrapping_add((P + p) * self.channels + c));
                *dy = S::load_lanes::<PARTIAL>(self.dy.add(p * self.channels + c), n);
            }
            for ky in 0..3 {
                if BORDER && !(self.rows[0]..self.rows[1]).contains(&ky) {
                    continue;
                }
                let x = self.x.wrapping_add(ky * self.x_row + c);
                // Rows that no earlier row of outputs has read.
                if ky + STRIDE >= 3 {
                    for column in 0..P * STRIDE {
                        let next = (P - 1) * STRIDE + 3 + column;
                        S::prefetch(x.wrapping_add(next * self.channels));
                    }
                }
                let kernel = self.kernel.add(3 * ky * self.channels + c);
                let mut sums = [S::splat(0.0); 3];
                for (kx, sum) in sums.iter_mut().enumerate() {
                    *sum = S::load_lanes::<PARTIAL>(kernel.add(kx * self.channels), n);
                }
                for column in 0..(P - 1) * STRIDE + 3 {
                    if BORDER && !(self.columns[0]..self.columns[1]).contains(&column) {
                        continue;
                    }
                    let value = S::load_lanes::<PARTIAL>(x.wrapping_add(column * self.channels), n);
                    for (p, dy) in dy.iter().enumerate() {
                        if p * STRIDE <= column && column < p * STRIDE + 3 {
                            let kx = column - p * STRIDE;
                            sums[kx] = S::mul_add(value, *dy, sums[kx]);
                        }
                    }
                }
                for (kx, sum) in sums.into_iter().enumerate() {
                    S::store_lanes::<PARTIAL>(kernel.add(kx * self.channels), sum, n);
                }
            }
            let mut sum = S::load_lanes::<PARTIAL>(self.bias.add(c), n);
            for dy in dy {
                sum = S::add(sum, dy);
            }
            S::store_lanes::<PARTIAL>(self.bias.add(c), sum, n);
        }
    }
}
