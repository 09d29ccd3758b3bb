//! Convolutions, and products with rows.
//!
//! Strategy: each output pixel is a row of terms, four of them side by side, where it lies if it is one pixel of the image,
//! else gathered for a block of pixels; a tile (`register_tile.rs`) of 12 rows × 32 columns stays in registers over all
//! terms. Whole numbers don't depend on the order, so work is cut for the threads that there are.

use std::ops::Range;

use rayon::prelude::*;

use super::{FEW, QuantizedKernel, QuantizedOutput, Target};
use crate::register_tile::{self, for_tile};
use crate::simd::{Kernel, MAX_LANES, Simd, byte_lanes, dispatch_bytes};
use crate::{Conv2d, Padding};

/// Bytes of rows that stay in the first cache beside a panel of weights.
const BLOCK_BYTES: usize = 1 << 14;
/// Terms side by side.
const QUAD: usize = 4;

/// A convolution of bytes with one group.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct QuantizedConv2d {
    /// Its shape.
    pub shape: Conv2d,
    /// The byte of the input that stands for 0, as the padding does.
    pub zero_point: u8,
}

impl QuantizedConv2d {
    /// Packs a kernel `[height, width, channels, filters]` with the biases and scales of the filters: a bias is added to the
    /// sum, which is then multiplied with the scale.
    pub fn pack(&self, kernel: &[i8], biases: &[i32], scales: &[f32]) -> QuantizedKernel {
        let (terms, filters) = (self.terms(), self.shape.filters);
        assert_eq!(kernel.len(), terms * filters);
        assert!(biases.len() == filters && scales.len() == filters && self.shape.groups == 1);
        let (width, quads) = (tile_width(), terms.div_ceil(QUAD));
        let columns = filters.next_multiple_of(width);
        let mut packed = QuantizedKernel {
            weights: vec![0; columns * quads * QUAD],
            offsets: vec![0; columns],
            scales: vec![0.0; columns],
        };
        packed.scales[..filters].copy_from_slice(scales);
        for (column, offset) in packed.offsets[..filters].iter_mut().enumerate() {
            let (panel, within) = (column / width * quads, column % width);
            let mut sum = 0;
            for term in 0..terms {
                let weight = kernel[term * filters + column];
                packed.weights[((panel + term / QUAD) * width + within) * QUAD + term % QUAD] = weight;
                sum += i32::from(weight);
            }
            *offset = biases[column].wrapping_sub(sum * i32::from(self.zero_point));
        }
        packed
    }

    /// `y = (x ⋆ kernel + bias) · scale`, `[batch, height, width, filters]`.
    pub fn forward(&self, x: &[u8], kernel: &QuantizedKernel, y: QuantizedOutput<'_>) {
        let shape = &self.shape;
        let [height, width, filters] = shape.output();
        let (rows, quads) = (shape.batch * height * width, self.terms().div_ceil(QUAD));
        let panels = filters.div_ceil(tile_width());
        assert_eq!(x.len(), shape.batch * shape.input.iter().product::<usize>());
        assert_eq!(y.len(), rows * filters);
        assert_eq!(kernel.weights.len(), panels * tile_width() * quads * QUAD);
        if rows == 0 || filters == 0 {
            return;
        }
        let target = y.target();
        let most =
            (BLOCK_BYTES / (quads * QUAD).max(1)).clamp(2 * register_tile::ROWS, 64 * register_tile::ROWS);
        let few = rows * filters * self.terms() <= FEW;
        let threads = if few { 1 } else { rayon::current_num_threads() };
        let block = rows.div_ceil(2 * threads).min(most).next_multiple_of(register_tile::ROWS);
        let blocks = rows.div_ceil(block);
        let groups = if threads == 1 { 1 } else { (4 * threads).div_ceil(blocks).min(panels) };
        let group = panels.div_ceil(groups);
        let task = |i: usize| {
            let (first, panel) = (i / groups * block, i % groups * group);
            let end = panels.min(panel + group);
            if panel < end {
                let rows = first..rows.min(first + block);
                dispatch_bytes(Block { conv: self, x, kernel, target, rows, panels: panel..end, quads });
            }
        };
        match threads {
            1 => (0..blocks * groups).for_each(task),
            _ => (0..blocks * groups).into_par_iter().for_each(task),
        }
    }

    /// Terms of a sum.
    fn terms(&self) -> usize {
        self.shape.kernel[0] * self.shape.kernel[1] * self.shape.input[2]
    }

    /// Whether a row of terms is a pixel of the image.
    fn reads_pixels(&self) -> bool {
        self.shape.is_pointwise() && self.shape.input[2].is_multiple_of(QUAD)
    }

    /// The terms of some output pixels, `row_len` bytes each, of which the last ones may be anything.
    fn gather(&self, x: &[u8], rows: Range<usize>, row_len: usize) -> Vec<u8> {
        /// Short runs are copied as so many bytes, over what comes after them before that is written.
        const SHORT: usize = 16;
        let Conv2d { input: [height, width, channels], kernel, strides, dilation, .. } = self.shape;
        let Padding { top, left, .. } = self.shape.padding;
        let [out_height, out_width, _] = self.shape.output();
        let run = kernel[1] * channels;
        let mut gathered = vec![0; rows.len() * row_len + SHORT];
        let (image, pixel) = (rows.start / (out_height * out_width), rows.start % (out_height * out_width));
        let (mut image, mut row, mut column) = (image, pixel / out_width, pixel % out_width);
        for start in (0..rows.len()).map(|row| row * row_len) {
            let x = &x[image * height * width * channels..][..height * width * channels];
            let first = (column * strides[1]).wrapping_sub(left);
            let inside = dilation[1] == 1 && first < width && first + kernel[1] <= width;
            for ky in 0..kernel[0] {
                let to = &mut gathered[start + ky * run..];
                let y = (row * strides[0] + ky * dilation[0]).wrapping_sub(top);
                if y >= height {
                    to[..run].fill(self.zero_point);
                    continue;
                }
                let line = &x[y * width * channels..];
                if inside {
                    let from = &line[first * channels..];
                    match (from.first_chunk::<SHORT>(), to.first_chunk_mut::<SHORT>()) {
                        (Some(from), Some(to)) if run <= SHORT => *to = *from,
                        _ => to[..run].copy_from_slice(&from[..run]),
                    }
                    continue;
                }
                for (kx, to) in to[..run].chunks_exact_mut(channels).enumerate() {
                    match first.wrapping_add(kx * dilation[1]) {
                        at if at < width => to.copy_from_slice(&line[at * channels..][..channels]),
                        _ => to.fill(self.zero_point),
                    }
                }
            }
            column += 1;
            if column == out_width {
                (row, column) = (row + 1, 0);
            }
            if row == out_height {
                (image, row) = (image + 1, 0);
            }
        }
        gathered
    }
}

/// Columns of a panel.
fn tile_width() -> usize {
    2 * byte_lanes()
}

/// Some output pixels' columns of some panels.
struct Block<'a> {
    conv: &'a QuantizedConv2d,
    x: &'a [u8],
    kernel: &'a QuantizedKernel,
    target: Target,
    rows: Range<usize>,
    panels: Range<usize>,
    quads: usize,
}

impl Kernel for Block<'_> {
    #[inline(always)]
    fn run<S: Simd>(self) {
        let Block { conv, x, ref rows, quads, .. } = self;
        let row_len = quads * QUAD;
        let gathered;
        let a = if conv.reads_pixels() {
            &x[rows.start * row_len..rows.end * row_len]
        } else {
            gathered = conv.gather(x, rows.clone(), row_len);
            &gathered
        };
        let filters = conv.shape.filters;
        let width = 2 * S::LANES;
        for panel in self.panels.clone() {
            let weights = &self.kernel.weights[panel * width * row_len..][..width * row_len];
            let mut row = 0;
            while row < rows.len() {
                let columns = filters - panel * width;
                let tile = Tile {
                    a: a[row * row_len..].as_ptr(),
                    weights: weights.as_ptr(),
                    quads,
                    offsets: &self.kernel.offsets[panel * width..][..width],
                    scales: &self.kernel.scales[panel * width..][..width],
                    target: self.target,
                    at: (rows.start + row) * filters + panel * width,
                    filters,
                    columns: columns.min(width),
                };
                // SAFETY: so many rows of `a` are left, `weights` has a panel; nobody else writes these elements.
                unsafe { for_tile!(S, rows.len() - row, columns, |R, V| tile.run::<S, R, V>()) };
                row += S::ROWS;
            }
        }
    }
}

struct Tile<'a> {
    a: *const u8,
    weights: *const i8,
    quads: usize,
    offsets: &'a [i32],
    scales: &'a [f32],
    target: Target,
    /// The first element that is written.
    at: usize,
    filters: usize,
    columns: usize,
}

impl Tile<'_> {
    /// # Safety
    /// `a` has `R` rows of `quads`, `weights` a panel of them; elements of the target are this tile's alone.
    #[inline(always)]
    unsafe fn run<S: Simd, const R: usize, const V: usize>(&self) {
        let Tile { quads, filters, columns, target, .. } = *self;
        let (mut a, mut weights) = (self.a, self.weights.cast::<f32>());
        // SAFETY: the caller's promise, offsets and scales are a panel's; wrapping arithmetic because pointers past the last
        // term are not read.
        unsafe {
            let mut first = [S::splat(0.0); V];
            for (v, first) in first.iter_mut().enumerate() {
                *first = S::load(self.offsets.as_ptr().add(S::LANES * v).cast());
            }
            // The loop over them at the end works on a copy: these stay in registers.
            let mut sums = [first; R];
            for _ in 0..quads {
                let mut vectors = [S::splat(0.0); V];
                for (v, vector) in vectors.iter_mut().enumerate() {
                    *vector = S::load(weights.add(S::LANES * v));
                }
                for (r, sums) in sums.iter_mut().enumerate() {
                    let quad = S::splat(a.add(r * quads * QUAD).cast::<f32>().read_unaligned());
                    for (sum, vector) in sums.iter_mut().zip(&vectors) {
                        *sum = S::add_dots(quad, *vector, *sum);
                    }
                }
                a = a.wrapping_add(QUAD);
                weights = weights.wrapping_add(2 * S::LANES);
            }
            let (low, high) = (S::splat(target.bounds[0]), S::splat(target.bounds[1]));
            let shift = S::splat(target.shift);
            let mut values = sums;
            for values in &mut values {
                for (v, value) in values.iter_mut().enumerate() {
                    let scale = S::load(self.scales.as_ptr().add(S::LANES * v));
                    *value = S::mul_add(S::to_floats(*value), scale, shift);
                }
            }
            let at = |r: usize| self.at + r * filters;
            let mut paired = 0;
            if V == 2 && target.bytes && columns == 2 * S::LANES {
                paired = R / 2 * 2;
                let bounds = [target.bounds[0] as u8, target.bounds[1] as u8];
                for r in (0..paired).step_by(2) {
                    let rows = [[values[r][0], values[r][V - 1]], [values[r + 1][0], values[r + 1][V - 1]]];
                    S::store_byte_rows([target.y.at(at(r)), target.y.at(at(r + 1))], rows, bounds);
                }
            }
            for (r, values) in values.iter().enumerate().skip(paired) {
                for (v, value) in values.iter().enumerate() {
                    let value = S::clamp(*value, low, high);
                    let at = at(r) + S::LANES * v;
                    let n = columns.saturating_sub(S::LANES * v).min(S::LANES);
                    if !target.bytes {
                        S::store_partial(target.y.at(4 * at).cast(), value, n);
                    } else if n == S::LANES {
                        S::store_bytes(target.y.at(at), value);
                    } else {
                        let mut part = [0u8; MAX_LANES];
                        S::store_bytes(part.as_mut_ptr(), value);
                        std::ptr::copy_nonoverlapping(part.as_ptr(), target.y.at(at), n);
                    }
                }
            }
        }
    }
}
