//! Tiles of 4×4 source pixels, transformed to `[place][tile][source]`, or to pairs of neighbouring sources.

use std::ops::Range;

use super::transforms::mix;
use super::{GROUP, PLACES, Winograd};
use crate::simd::{Kernel, Simd};

/// Some tiles. Those that lie in the image are read where they are, others are put together first.
pub(super) struct Inputs<'a> {
    pub winograd: &'a Winograd,
    pub x: &'a [f32],
    pub tiles: Range<usize>,
    pub inputs: &'a mut [f32],
    /// Room for a tile.
    pub border: &'a mut [f32],
}

/// Transforms them, to pairs if `PAIRS`.
pub(super) struct Transform<'a, const PAIRS: bool>(pub Inputs<'a>);

impl<const PAIRS: bool> Kernel for Transform<'_, PAIRS> {
    #[inline(always)]
    fn run<S: Simd>(self) {
        let Inputs { winograd, x, tiles, inputs, border } = self.0;
        let Winograd { source: [height, width, channels], before, grid: [rows, columns], .. } = *winograd;
        let (row, stride) = (width * channels, winograd.source_vectors());
        let (mut tile, mut inputs) = (tiles.start, inputs);
        while tile < tiles.end {
            let (line, column) = (tile / columns, tile % columns);
            let image = &x[line / rows * height * row..][..height * row];
            let [top, left] = [(line % rows, before[0]), (column, before[1])]
                .map(|(tile, before)| (2 * tile) as isize - before);
            // Tiles from this one on that lie in the image.
            let inside = match (usize::try_from(top), usize::try_from(left)) {
                (Ok(top), Ok(left)) if top + 4 <= height && left + 4 <= width => (width - left - 2) / 2,
                _ => 0,
            };
            let count = inside.min(columns - column).min(tiles.end - tile).max(1);
            if inside > 0 {
                let pixels = &image[top as usize * row + left as usize * channels..];
                transform::<S, PAIRS>(pixels, row, channels, count, inputs, stride);
            } else {
                cut(image, [height, width, channels], [top, left], border);
                transform::<S, PAIRS>(border, 4 * channels, channels, 1, inputs, stride);
            }
            tile += count;
            inputs = &mut inputs[count * stride..];
        }
    }
}

/// Copies a tile, with zeros for what is not in the image.
#[inline(always)]
fn cut(image: &[f32], [height, width, channels]: [usize; 3], [top, left]: [isize; 2], to: &mut [f32]) {
    let start = left.clamp(0, width as isize);
    let end = (left + 4).clamp(start, width as isize);
    let [before, inside] = [start - left, end - start].map(|pixels| pixels.clamp(0, 4) as usize * channels);
    for (y, to) in (top..).zip(to[..PLACES * channels].chunks_exact_mut(4 * channels)) {
        to.fill(0.0);
        if (0..height as isize).contains(&y) && inside > 0 {
            let from = (y as usize * width + start as usize) * channels;
            to[before..before + inside].copy_from_slice(&image[from..][..inside]);
        }
    }
}

/// `Bᵀ d B` of neighbouring tiles; a row of pixels is `row` floats after the one before it, a tile's inputs are `stride`
/// floats after those of the one before it.
#[inline(always)]
fn transform<S: Simd, const PAIRS: bool>(
    pixels: &[f32],
    row: usize,
    channels: usize,
    tiles: usize,
    inputs: &mut [f32],
    stride: usize,
) {
    assert!(tiles > 0 && pixels.len() >= 3 * row + 2 * (tiles + 1) * channels);
    let slot = if PAIRS { 2 } else { 1 };
    assert!(slot * stride >= channels.next_multiple_of(S::LANES));
    let place = GROUP * stride;
    assert!(inputs.len() >= (PLACES - 1) * place + tiles * stride);
    for c in (0..channels).step_by(S::LANES) {
        let n = (channels - c).min(S::LANES);
        // SAFETY: `n` channels from `c` on are left of each pixel, of which there are four rows of two for each tile and
        // two more; `inputs` has whole vectors of channels. Lengths are asserted above.
        unsafe {
            let (pixels, inputs) = (pixels.as_ptr().add(c), inputs.as_mut_ptr().add(c / slot));
            if n == S::LANES {
                transform_lanes::<S, false, PAIRS>(
                    pixels,
                    [row, channels],
                    n,
                    tiles,
                    inputs,
                    [place, stride],
                );
            } else {
                transform_lanes::<S, true, PAIRS>(pixels, [row, channels], n, tiles, inputs, [place, stride]);
            }
        }
    }
}

/// [`transform`] of `n` channels, a vector unless `PARTIAL`. Neighbouring tiles share two columns of pixels.
///
/// # Safety
/// Of each tile these channels of its pixels are valid, and a vector of each of its places.
#[inline(always)]
unsafe fn transform_lanes<S: Simd, const PARTIAL: bool, const PAIRS: bool>(
    mut pixels: *const f32,
    [row, pixel]: [usize; 2],
    n: usize,
    tiles: usize,
    mut to: *mut f32,
    [place, stride]: [usize; 2],
) {
    // SAFETY: the caller's promise; wrapping arithmetic because nothing is read or written after the last tile.
    unsafe {
        let mut left =
            [column::<S, PARTIAL>(pixels, row, n), column::<S, PARTIAL>(pixels.add(pixel), row, n)];
        for _ in 0..tiles {
            pixels = pixels.wrapping_add(2 * pixel);
            let right =
                [column::<S, PARTIAL>(pixels, row, n), column::<S, PARTIAL>(pixels.add(pixel), row, n)];
            for y in 0..4 {
                let values = mix::<S>([left[0][y], left[1][y], right[0][y], right[1][y]]);
                for (x, value) in values.into_iter().enumerate() {
                    let to = to.add((4 * y + x) * place);
                    if PAIRS { S::store_pairs(to, value) } else { S::store(to, value) }
                }
            }
            left = right;
            to = to.wrapping_add(stride);
        }
    }
}

/// `Bᵀ d` of four pixels in a column.
///
/// # Safety
/// `n` channels of each are valid.
#[inline(always)]
unsafe fn column<S: Simd, const PARTIAL: bool>(pixels: *const f32, row: usize, n: usize) -> [S::V; 4] {
    // SAFETY: the caller's promise.
    unsafe {
        let mut column = [S::splat(0.0); 4];
        for (y, pixel) in column.iter_mut().enumerate() {
            *pixel = S::load_lanes::<PARTIAL>(pixels.add(y * row), n);
        }
        mix::<S>(column)
    }
}
