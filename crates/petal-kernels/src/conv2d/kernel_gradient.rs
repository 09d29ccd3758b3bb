//! The kernel's gradient: for each tap, the sum over output pixels of the outer product of the input pixel under the
//! tap and `dy`.
//!
//! A tile (`register_tile.rs`) of input channels × two vectors of filters stays in registers along a row of output
//! pixels. Inputs of few channels (a first layer's three) take a whole row of taps as their channels; only border
//! columns treat fewer. The rows of the batch are cut into parts with a gradient each, summed in order at the end. A
//! part treats all rows of the kernel while a row of `dy` is in the cache; where there are few parts each row of the
//! kernel is a task.

use rayon::prelude::*;

use super::Conv2d;
use crate::matmul::sum_parts;
use crate::register_tile::for_tile;
use crate::simd::{Kernel, Simd, dispatch};

/// Output rows of one part, at least.
const PART_ROWS: usize = 16;
/// Bound for the floats of all parts.
const PART_FLOATS: usize = 1 << 22;
/// So many parts keep all threads busy by themselves.
const MANY_PARTS: usize = 8;
/// Fewer input channels than this would leave registers unused.
const FEW_CHANNELS: usize = 6;

/// Floats of one part's taps of one kernel row, and of a sum of `dy`.
fn slab(conv: &Conv2d) -> usize {
    conv.kernel[1] * conv.input[2] / conv.groups * conv.filters
}

fn part_len(conv: &Conv2d) -> usize {
    conv.kernel[0] * slab(conv) + conv.filters
}

fn parts(conv: &Conv2d) -> usize {
    let limit = (PART_FLOATS / part_len(conv)).clamp(1, 32);
    (conv.batch * conv.output()[0]).div_ceil(PART_ROWS).clamp(1, limit)
}

pub(super) fn scratch(conv: &Conv2d) -> usize {
    parts(conv) * part_len(conv)
}

pub(super) fn run(
    conv: &Conv2d,
    x: &[f32],
    dy: &[f32],
    dkernel: &mut [f32],
    dbias: Option<&mut [f32]>,
    scratch: &mut [f32],
) {
    if dkernel.is_empty() {
        return;
    }
    let parts = parts(conv);
    let rows = conv.batch * conv.output()[0];
    let part_rows = rows.div_ceil(parts);
    let (kernels, biases) = scratch[..parts * part_len(conv)].split_at_mut(parts * conv.kernel_len());
    let range = |part: usize| (part * part_rows).min(rows)..((part + 1) * part_rows).min(rows);
    let with_bias = dbias.is_some();
    // Rows of the kernel in one task.
    let task_rows = if parts < MANY_PARTS { 1 } else { conv.kernel[0] };
    let tasks = conv.kernel[0] / task_rows;
    // A bias slice for each task, of a part's first one alone.
    let mut bias_slices: Vec<Option<&mut [f32]>> = Vec::with_capacity(parts * tasks);
    for bias in biases.chunks_exact_mut(conv.filters) {
        bias_slices.push(with_bias.then_some(bias));
        bias_slices.extend((1..tasks).map(|_| None));
    }
    let kernels_of_tasks = kernels.par_chunks_mut(task_rows * slab(conv));
    kernels_of_tasks.zip(bias_slices).enumerate().for_each(|(i, (kernel, bias))| {
        kernel.fill(0.0);
        dispatch(Part { conv, rows: range(i / tasks), first_ky: i % tasks, x, dy, kernel, bias });
    });
    sum_parts(kernels, dkernel);
    if let Some(dbias) = dbias {
        sum_parts(biases, dbias);
    }
}

/// The sum over some rows, for the rows of the kernel from `first_ky` on that `kernel` has room for.
struct Part<'a> {
    conv: &'a Conv2d,
    rows: std::ops::Range<usize>,
    first_ky: usize,
    x: &'a [f32],
    dy: &'a [f32],
    kernel: &'a mut [f32],
    bias: Option<&'a mut [f32]>,
}

impl Kernel for Part<'_> {
    #[inline(always)]
    fn run<S: Simd>(self) {
        let Part { conv, rows, first_ky, x, dy, kernel, mut bias } = self;
        let [_, width, filters] = conv.output();
        if let Some(bias) = &mut bias {
            bias.fill(0.0);
        }
        for row in rows {
            let dy = &dy[row * width * filters..][..width * filters];
            if let Some(bias) = &mut bias {
                add_pixels::<S>(dy, bias);
            }
            for (ky, kernel) in (first_ky..).zip(kernel.chunks_exact_mut(slab(conv))) {
                add_row::<S>(conv, row, ky, x, dy, kernel);
            }
        }
    }
}

/// Adds what a row of `dy` contributes to a row of the kernel.
#[inline(always)]
fn add_row<S: Simd>(conv: &Conv2d, row: usize, ky: usize, x: &[f32], dy: &[f32], kernel: &mut [f32]) {
    let [height, width, filters] = conv.output();
    let [input_height, input_width, channels] = conv.input;
    let (group_channels, group_filters) = (channels / conv.groups, filters / conv.groups);
    let position = row % height * conv.strides[0] + ky * conv.dilation[0];
    let Some(iy) = position.checked_sub(conv.padding.top).filter(|iy| *iy < input_height) else {
        return;
    };
    let line = (row / height * input_height + iy) * input_width * channels;
    let x = &x[line..][..input_width * channels];
    // Output columns whose tap kx is inside the image.
    let columns = |kx: usize| {
        let tap = kx * conv.dilation[1];
        let start = conv.padding.left.saturating_sub(tap).div_ceil(conv.strides[1]);
        let end = (input_width + conv.padding.left).saturating_sub(tap).div_ceil(conv.strides[1]).min(width);
        start.min(end)..end
    };
    let source =
        |column: usize, kx: usize| column * conv.strides[1] + kx * conv.dilation[1] - conv.padding.left;
    let sum = Sum { x_pixel: conv.strides[1] * channels, dy_pixel: filters, kernel_row: filters };
    if conv.groups == 1 && conv.dilation[1] == 1 && channels < FEW_CHANNELS {
        let last = conv.kernel[1] - 1;
        let inner = columns(0).start..columns(last).end;
        if !inner.is_empty() {
            let x = &x[source(inner.start, 0) * channels..];
            sum.add::<S>(
                x,
                &dy[inner.start * filters..],
                inner.len(),
                kernel,
                conv.kernel[1] * channels,
                filters,
            );
        }
        for kx in 0..conv.kernel[1] {
            let all = columns(kx);
            let border = [
                all.start..inner.start.clamp(all.start, all.end),
                inner.end.clamp(all.start, all.end).max(inner.start.clamp(all.start, all.end))..all.end,
            ];
            for border in border {
                if !border.is_empty() {
                    let x = &x[source(border.start, kx) * channels..];
                    let kernel = &mut kernel[kx * channels * filters..];
                    sum.add::<S>(x, &dy[border.start * filters..], border.len(), kernel, channels, filters);
                }
            }
        }
        return;
    }
    for kx in 0..conv.kernel[1] {
        let columns = columns(kx);
        if columns.is_empty() {
            continue;
        }
        for group in 0..conv.groups {
            let x = &x[source(columns.start, kx) * channels + group * group_channels..];
            let dy = &dy[columns.start * filters + group * group_filters..];
            let kernel = &mut kernel[kx * group_channels * filters + group * group_filters..];
            sum.add::<S>(x, dy, columns.len(), kernel, group_channels, group_filters);
        }
    }
}

/// `sums[f] +=` the sum over pixels of `dy[pixel, f]`.
#[inline(always)]
pub(crate) fn add_pixels<S: Simd>(dy: &[f32], sums: &mut [f32]) {
    let filters = sums.len();
    for start in (0..filters).step_by(S::LANES) {
        let lanes = (filters - start).min(S::LANES);
        // SAFETY: each pixel has `lanes` filters from `start` on.
        unsafe {
            // Four sums, as an addition waits for the one before it.
            let mut parts = [S::splat(0.0); 4];
            for four in dy.chunks(4 * filters) {
                for (part, dy) in parts.iter_mut().zip(four.chunks_exact(filters)) {
                    *part = S::add(*part, S::load_partial(dy[start..].as_ptr(), lanes));
                }
            }
            let sum = S::add(S::add(parts[0], parts[1]), S::add(parts[2], parts[3]));
            let at = sums.as_mut_ptr().add(start);
            S::store_partial(at, S::add(S::load_partial(at, lanes), sum), lanes);
        }
    }
}

/// Distances between neighbouring pixels and between rows of the gradient.
struct Sum {
    x_pixel: usize,
    dy_pixel: usize,
    kernel_row: usize,
}

impl Sum {
    /// `kernel[c, f] += sum over pixels of x[pixel, c] * dy[pixel, f]`.
    #[inline(always)]
    fn add<S: Simd>(
        &self,
        x: &[f32],
        dy: &[f32],
        pixels: usize,
        kernel: &mut [f32],
        channels: usize,
        filters: usize,
    ) {
        assert!(pixels > 0 && channels > 0 && filters > 0);
        assert!((pixels - 1) * self.x_pixel + channels <= x.len());
        assert!((pixels - 1) * self.dy_pixel + filters <= dy.len());
        assert!((channels - 1) * self.kernel_row + filters <= kernel.len());
        // SAFETY: each tile's channels and filters are within the asserted bounds.
        unsafe {
            for c in (0..channels).step_by(S::ROWS) {
                let n = S::ROWS.min(channels - c);
                for f in (0..filters).step_by(2 * S::LANES) {
                    let width = (2 * S::LANES).min(filters - f);
                    let x = x.as_ptr().add(c);
                    let dy = dy.as_ptr().add(f);
                    let kernel = kernel.as_mut_ptr().add(c * self.kernel_row + f);
                    if width.is_multiple_of(S::LANES) {
                        for_tile!(S, n, width, |C, V| self
                            .tile::<S, C, V, false>(x, dy, pixels, kernel, width));
                    } else {
                        for_tile!(S, n, width, |C, V| self
                            .tile::<S, C, V, true>(x, dy, pixels, kernel, width));
                    }
                }
            }
        }
    }

    /// # Safety
    /// `pixels` pixels of `C` channels from `x` on and of `width` filters from `dy` on are valid, as is their part of
    /// `kernel`; `width` is `V` vectors unless `PARTIAL`.
    #[inline(always)]
    unsafe fn tile<S: Simd, const C: usize, const V: usize, const PARTIAL: bool>(
        &self,
        mut x: *const f32,
        mut dy: *const f32,
        pixels: usize,
        kernel: *mut f32,
        width: usize,
    ) {
        let lanes = |v: usize| width.saturating_sub(S::LANES * v).min(S::LANES);
        // SAFETY: the caller's promise; pointers past the last pixel are not read.
        unsafe {
            let mut sums = [[S::splat(0.0); V]; C];
            for _ in 0..pixels {
                let mut gradients = [S::splat(0.0); V];
                for (v, gradients) in gradients.iter_mut().enumerate() {
                    let dy = dy.wrapping_add(S::LANES * v);
                    *gradients = if PARTIAL { S::load_partial(dy, lanes(v)) } else { S::load(dy) };
                }
                for (c, sums) in sums.iter_mut().enumerate() {
                    let value = S::splat(*x.add(c));
                    for (sum, gradients) in sums.iter_mut().zip(&gradients) {
                        *sum = S::mul_add(value, *gradients, *sum);
                    }
                }
                x = x.wrapping_add(self.x_pixel);
                dy = dy.wrapping_add(self.dy_pixel);
            }
            for (c, sums) in sums.iter().enumerate() {
                for (v, sum) in sums.iter().enumerate() {
                    let kernel = kernel.wrapping_add(c * self.kernel_row + S::LANES * v);
                    if PARTIAL {
                        S::store_partial(kernel, S::add(S::load_partial(kernel, lanes(v)), *sum), lanes(v));
                    } else {
                        S::store(kernel, S::add(S::load(kernel), *sum));
                    }
                }
            }
        }
    }
}
