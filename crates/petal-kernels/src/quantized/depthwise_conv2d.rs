//! Depthwise convolution.
//!
//! Strategy: four rows of the window lie side by side for 64 columns of channels, so that one instruction adds four
//! products of each channel. One task is some rows of the output.

use std::ops::Range;

use rayon::prelude::*;

use super::{FEW, QuantizedKernel, QuantizedOutput, Target};
use crate::simd::{Kernel, Simd, byte_lanes, dispatch_bytes};
use crate::{DepthwiseConv2d, Padding};

/// Rows of the window side by side.
const QUAD: usize = 4;
/// Output rows of one task, at least: neighbouring rows read the same rows of the image.
const TASK_ROWS: usize = 4;

/// A depthwise convolution of bytes with one filter a channel.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct QuantizedDepthwiseConv2d {
    /// Its shape.
    pub shape: DepthwiseConv2d,
    /// The byte of the input that stands for 0, as the padding does.
    pub zero_point: u8,
}

impl QuantizedDepthwiseConv2d {
    /// Packs a kernel `[height, width, channels, 1]` with the biases and scales of the channels, as
    /// [`QuantizedConv2d::pack`](super::QuantizedConv2d::pack).
    pub fn pack(&self, kernel: &[i8], biases: &[i32], scales: &[f32]) -> QuantizedKernel {
        let ([height, width], channels) = (self.shape.kernel, self.shape.input[2]);
        assert_eq!(kernel.len(), height * width * channels);
        assert!(biases.len() == channels && scales.len() == channels && self.shape.multiplier == 1);
        let block = block();
        let columns = channels.next_multiple_of(block);
        let mut packed = QuantizedKernel {
            weights: vec![0; self.groups() * width * columns * QUAD],
            offsets: vec![0; columns],
            scales: vec![0.0; columns],
        };
        for channel in 0..channels {
            // Blocks of channels, in each taps side by side in groups of rows, then columns of the window.
            let (first, place) = (channel / block, place(channel % block));
            let mut sum = 0;
            for (tap, weights) in kernel.chunks_exact(channels).enumerate() {
                let (ky, kx) = (tap / width, tap % width);
                let at = (first * self.groups() + ky / QUAD) * width + kx;
                packed.weights[(at * block + place) * QUAD + ky % QUAD] = weights[channel];
                sum += i32::from(weights[channel]);
            }
            let at = first * block + place;
            packed.offsets[at] = biases[channel].wrapping_sub(sum * i32::from(self.zero_point));
            packed.scales[at] = scales[channel];
        }
        packed
    }

    /// `y = (x ⋆ kernel + bias) · scale`, `[batch, height, width, channels]`.
    pub fn forward(&self, x: &[u8], kernel: &QuantizedKernel, y: QuantizedOutput<'_>) {
        let [height, width, channels] = self.shape.output();
        let rows = self.shape.batch * height;
        assert_eq!(x.len(), self.shape.batch * self.shape.input.iter().product::<usize>());
        assert_eq!(y.len(), rows * width * channels);
        let columns = channels.next_multiple_of(block());
        assert_eq!(kernel.weights.len(), self.groups() * self.shape.kernel[1] * columns * QUAD);
        if y.len() == 0 {
            return;
        }
        let target = y.target();
        let zeros = vec![self.zero_point; channels];
        let few = rows * width * self.shape.kernel_len() <= FEW / 2;
        let task_rows = if few { rows } else { TASK_ROWS };
        let task = |i: usize| {
            let rows = i * task_rows..rows.min((i + 1) * task_rows);
            dispatch_bytes(Rows { conv: self, x, zeros: &zeros, kernel, target, rows });
        };
        match rows.div_ceil(task_rows) {
            1 => task(0),
            tasks => (0..tasks).into_par_iter().for_each(task),
        }
    }

    /// Groups of rows of the window.
    fn groups(&self) -> usize {
        self.shape.kernel[0].div_ceil(QUAD)
    }
}

/// Channels of a block.
fn block() -> usize {
    4 * byte_lanes()
}

/// The element of a block's vectors that a channel of it is in: [`Simd::quads`] says which.
fn place(channel: usize) -> usize {
    let (lane, vector) = (channel / 16 * 4 + channel % 4, channel % 16 / 4);
    vector * byte_lanes() + lane
}

/// Some output rows, counted over all images.
struct Rows<'a> {
    conv: &'a QuantizedDepthwiseConv2d,
    x: &'a [u8],
    /// A pixel of the padding.
    zeros: &'a [u8],
    kernel: &'a QuantizedKernel,
    target: Target,
    rows: Range<usize>,
}

impl Kernel for Rows<'_> {
    #[inline(always)]
    fn run<S: Simd>(self) {
        let block = 4 * S::LANES;
        let DepthwiseConv2d { input: [height, width, channels], kernel, strides, dilation, .. } =
            self.conv.shape;
        let Padding { top, left, .. } = self.conv.shape.padding;
        let [out_height, out_width, _] = self.conv.shape.output();
        let groups = self.conv.groups();
        // Of padding there is one pixel, of a group's missing rows any will do.
        let mut lines = vec![Line { pixels: self.zeros, step: 0 }; groups * QUAD];
        for row in self.rows.clone() {
            let image = &self.x[row / out_height * height * width * channels..][..height * width * channels];
            for (ky, line) in lines.iter_mut().enumerate().take(kernel[0]) {
                let y = (row % out_height * strides[0] + ky * dilation[0]).wrapping_sub(top);
                *line = match y < height {
                    true => {
                        Line { pixels: &image[y * width * channels..][..width * channels], step: channels }
                    }
                    false => Line { pixels: self.zeros, step: 0 },
                };
            }
            for first in (0..channels).step_by(block) {
                let place = Place {
                    first,
                    n: block.min(channels - first),
                    width,
                    out_width,
                    left,
                    at: row * out_width * channels + first,
                    channels,
                };
                // SAFETY: lines have `width` pixels of so many channels, or repeat one; offsets, scales and weights are padded
                // to whole blocks; of the target nobody else writes these elements.
                unsafe {
                    match (kernel[1], strides[1], dilation[1], &lines[..]) {
                        (3, 1, 1, [a, b, c, d]) => self.three::<S, 1>(place, [*a, *b, *c, *d]),
                        (3, 2, 1, [a, b, c, d]) => self.three::<S, 2>(place, [*a, *b, *c, *d]),
                        _ => self.any::<S>(place, &lines),
                    }
                }
            }
        }
    }
}

/// A row of the image, or of the padding.
#[derive(Clone, Copy)]
struct Line<'a> {
    pixels: &'a [u8],
    /// Distance of pixels.
    step: usize,
}

/// A block of channels of an output row.
#[derive(Clone, Copy)]
struct Place {
    first: usize,
    /// Channels of the block.
    n: usize,
    /// Pixels of lines and of the output row.
    width: usize,
    out_width: usize,
    left: usize,
    /// The first element of the output.
    at: usize,
    channels: usize,
}

impl Place {
    /// Four rows of a column, which may be outside of the image.
    ///
    /// # Safety
    /// Lines have `width` pixels with the block's channels.
    #[inline(always)]
    unsafe fn quads<S: Simd>(&self, zeros: &[u8], lines: &[Line<'_>], column: usize) -> [S::V; 4] {
        let mut pixels = [zeros[self.first..].as_ptr(); QUAD];
        // SAFETY: the caller's promise.
        unsafe {
            if column < self.width {
                for (pixel, line) in pixels.iter_mut().zip(lines) {
                    *pixel = line.pixels.as_ptr().add(column * line.step + self.first);
                }
            }
            S::quads(pixels, self.n)
        }
    }
}

impl Rows<'_> {
    /// The weights of a block of channels, columns of the window one after the other.
    fn weights(&self, first: usize) -> *const f32 {
        self.kernel.weights[first * self.conv.groups() * self.conv.shape.kernel[1] * QUAD..].as_ptr().cast()
    }

    /// # Safety
    /// Offsets are padded to whole blocks, one of which begins at `first`.
    #[inline(always)]
    unsafe fn offsets<S: Simd>(&self, first: usize) -> [S::V; 4] {
        // SAFETY: the caller's promise.
        unsafe {
            let mut sums = [S::splat(0.0); 4];
            for (k, sum) in sums.iter_mut().enumerate() {
                *sum = S::load(self.kernel.offsets.as_ptr().add(first + S::LANES * k).cast());
            }
            sums
        }
    }

    /// Windows of three columns and up to four rows: each column is read once.
    ///
    /// # Safety
    /// As of [`Place::quads`]; elements of the target are this task's alone.
    #[inline(always)]
    unsafe fn three<S: Simd, const STRIDE: usize>(&self, place: Place, lines: [Line<'_>; QUAD]) {
        // SAFETY: the caller's promise.
        unsafe {
            let weights = self.weights(place.first);
            let column = |at: usize| at.wrapping_sub(place.left);
            let mut columns = [[S::splat(0.0); 4]; 3];
            for (kx, quads) in columns.iter_mut().enumerate().skip(STRIDE) {
                *quads = place.quads::<S>(self.zeros, &lines, column(kx - STRIDE));
            }
            let offsets = self.offsets::<S>(place.first);
            for x in 0..place.out_width {
                for kx in 0..3 {
                    columns[kx] = match kx + STRIDE {
                        kept if kept < 3 => columns[kept],
                        _ => place.quads::<S>(self.zeros, &lines, column(x * STRIDE + kx)),
                    };
                }
                let mut sums = offsets;
                for (kx, quads) in columns.iter().enumerate() {
                    for (k, (quad, sum)) in quads.iter().zip(&mut sums).enumerate() {
                        *sum = S::add_dots(*quad, S::load(weights.add(S::LANES * (4 * kx + k))), *sum);
                    }
                }
                self.store::<S>(sums, place.at + x * place.channels, place.first, place.n);
            }
        }
    }

    /// Any windows.
    ///
    /// # Safety
    /// As of [`Place::quads`]; elements of the target are this task's alone.
    #[inline(always)]
    unsafe fn any<S: Simd>(&self, place: Place, lines: &[Line<'_>]) {
        let DepthwiseConv2d { kernel: [_, width], strides, dilation, .. } = self.conv.shape;
        for x in 0..place.out_width {
            // SAFETY: the caller's promise.
            unsafe {
                let mut sums = self.offsets::<S>(place.first);
                let mut weights = self.weights(place.first);
                for lines in lines.chunks_exact(QUAD) {
                    for kx in 0..width {
                        let column = (x * strides[1] + kx * dilation[1]).wrapping_sub(place.left);
                        let quads = place.quads::<S>(self.zeros, lines, column);
                        for (k, (quad, sum)) in quads.into_iter().zip(&mut sums).enumerate() {
                            *sum = S::add_dots(quad, S::load(weights.add(S::LANES * k)), *sum);
                        }
                        weights = weights.add(4 * S::LANES);
                    }
                }
                self.store::<S>(sums, place.at + x * place.channels, place.first, place.n);
            }
        }
    }

    /// Stores the sums of `n` channels from `first` on, at this place.
    ///
    /// # Safety
    /// The target's elements are this task's alone; a block of channels begins at `first`.
    #[inline(always)]
    unsafe fn store<S: Simd>(&self, sums: [S::V; 4], at: usize, first: usize, n: usize) {
        let target = self.target;
        // SAFETY: the caller's promise.
        unsafe {
            let (low, high) = (S::splat(target.bounds[0]), S::splat(target.bounds[1]));
            let shift = S::splat(target.shift);
            let mut values = sums;
            for (k, value) in values.iter_mut().enumerate() {
                let scale = S::load(self.kernel.scales.as_ptr().add(first + S::LANES * k));
                *value = S::clamp(S::mul_add(S::to_floats(*value), scale, shift), low, high);
            }
            if target.bytes {
                return S::store_quads(target.y.at(at), values, n);
            }
            let mut numbers = [[0.0f32; crate::simd::MAX_LANES]; 4];
            for (value, numbers) in values.into_iter().zip(&mut numbers) {
                S::store(numbers.as_mut_ptr(), value);
            }
            for channel in 0..n {
                let y = target.y.at(4 * (at + channel)).cast::<f32>();
                y.write(numbers[channel % 16 / 4][channel / 16 * 4 + channel % 4]);
            }
        }
    }
}
