//! The input's gradient: each winner adds its filter's kernel, times the window's gradient, to the pixels under it. Up
//! to three rows of the kernel × 32 of their floats stay in registers for a row of windows, whose band of the gradient
//! stays in the cache. A task is an image.

use rayon::prelude::*;

use super::PooledConv2d;
use super::band::{Band, Winner, Winners};
use crate::simd::{Kernel, Simd, dispatch};

/// Floats of the kernel, a filter after the other, each of its rows in whole vectors.
fn kernel_len(pooled: &PooledConv2d, band: &Band) -> usize {
    pooled.conv.filters * pooled.conv.kernel[0] * band.segment_vectors * 8
}

pub(super) fn scratch(pooled: &PooledConv2d) -> usize {
    let band = Band::new(pooled);
    kernel_len(pooled, &band) + pooled.conv.batch * band.len()
}

pub(super) fn run(
    pooled: &PooledConv2d,
    dy: &[f32],
    arg: &[u8],
    kernel: &[f32],
    dx: &mut [f32],
    scratch: &mut [f32],
) {
    if dx.is_empty() {
        return;
    }
    let band = Band::new(pooled);
    let filters = pooled.conv.filters;
    let (packed, bands) = scratch.split_at_mut(kernel_len(pooled, &band));
    let row = band.segment_vectors * 8;
    packed.fill(0.0);
    for (filter, packed) in packed.chunks_exact_mut(pooled.conv.kernel[0] * row).enumerate() {
        let packed = packed.chunks_exact_mut(row).flat_map(|row| &mut row[..band.segment]);
        packed.zip(kernel[filter..].iter().step_by(filters)).for_each(|(packed, weight)| *packed = *weight);
    }
    let packed = &*packed;
    let pooled_len = pooled.output().iter().product::<usize>();
    let images = dx.par_chunks_mut(pooled.conv.input.iter().product());
    images.zip(bands.par_chunks_mut(band.len())).enumerate().for_each(|(n, (dx, image))| {
        let dy = &dy[n * pooled_len..][..pooled_len];
        let arg = &arg[n * pooled_len..][..pooled_len];
        dispatch(Image { pooled, band: &band, packed, dy, arg, image, dx });
    });
}

struct Image<'a> {
    pooled: &'a PooledConv2d,
    band: &'a Band,
    packed: &'a [f32],
    dy: &'a [f32],
    arg: &'a [u8],
    /// Room for a band.
    image: &'a mut [f32],
    dx: &'a mut [f32],
}

impl Kernel for Image<'_> {
    #[inline(always)]
    fn run<S: Simd>(self) {
        let Image { pooled, band, packed, dy, arg, image, dx } = self;
        let [height, width, filters] = pooled.output();
        let step = 2 * pooled.conv.strides[0];
        // Rows of a band that no later one sees.
        let done = step.min(band.rows);
        dx.fill(0.0);
        image.fill(0.0);
        for row in 0..height {
            let dy = &dy[row * width * filters..][..width * filters];
            let arg = &arg[row * width * filters..][..width * filters];
            add_row::<S>(pooled, band, packed, dy, arg, image);
            let last = row + 1 == height;
            pooled.store_band(band, image, row, if last { band.rows } else { done }, dx);
            let end = band.rows * band.row;
            image.copy_within(done * band.row..end, 0);
            image[end - done * band.row..].fill(0.0);
        }
    }
}

/// What a row of windows adds to its band.
#[inline(always)]
fn add_row<S: Simd>(
    pooled: &PooledConv2d,
    band: &Band,
    packed: &[f32],
    dy: &[f32],
    arg: &[u8],
    image: &mut [f32],
) {
    let ([_, width, filters], kernel_rows) = (pooled.output(), pooled.conv.kernel[0]);
    let mut list: Winners = [const { std::mem::MaybeUninit::uninit() }; _];
    for (filter, packed) in packed.chunks_exact(kernel_rows * band.segment_vectors * 8).enumerate() {
        for windows in Band::blocks(width) {
            let winners = band.winners(dy, arg, [filter, filters], windows, &mut list);
            for ky in (0..kernel_rows).step_by(3) {
                for v in (0..band.segment_vectors).step_by(4) {
                    let tile = Tile {
                        winners,
                        packed: packed[(ky * band.segment_vectors + v) * 8..].as_ptr(),
                        packed_row: band.segment_vectors * 8,
                        image: image[ky * band.row + 8 * v..].as_mut_ptr(),
                        image_row: band.row,
                    };
                    // SAFETY: a winner's taps are inside the band, where a vector may reach into the next row's floats
                    // or into those after the last; `packed` has a filter's vectors.
                    unsafe {
                        match ((kernel_rows - ky).min(3), (band.segment_vectors - v).min(4)) {
                            (1, 1) => tile.run::<S, 1, 1>(),
                            (1, 2) => tile.run::<S, 1, 2>(),
                            (1, 3) => tile.run::<S, 1, 3>(),
                            (1, _) => tile.run::<S, 1, 4>(),
                            (2, 1) => tile.run::<S, 2, 1>(),
                            (2, 2) => tile.run::<S, 2, 2>(),
                            (2, 3) => tile.run::<S, 2, 3>(),
                            (2, _) => tile.run::<S, 2, 4>(),
                            (_, 1) => tile.run::<S, 3, 1>(),
                            (_, 2) => tile.run::<S, 3, 2>(),
                            (_, 3) => tile.run::<S, 3, 3>(),
                            (_, _) => tile.run::<S, 3, 4>(),
                        }
                    }
                }
            }
        }
    }
}

/// From some row of the kernel and some float of it on.
struct Tile<'a> {
    winners: &'a [Winner],
    packed: *const f32,
    packed_row: usize,
    image: *mut f32,
    image_row: usize,
}

impl Tile<'_> {
    /// `R` rows of the kernel × `8 * V` floats. Lanes beyond a row of the kernel have zero weights.
    ///
    /// # Safety
    /// So many are valid in `packed`, and in `image` from each winner's offset on.
    #[inline(always)]
    unsafe fn run<S: Simd, const R: usize, const V: usize>(&self) {
        // SAFETY: the caller's promise.
        unsafe {
            let mut weights = [[S::splat(0.0); V]; R];
            for (r, weights) in weights.iter_mut().enumerate() {
                for (v, weights) in weights.iter_mut().enumerate() {
                    *weights = S::load(self.packed.add(r * self.packed_row + 8 * v));
                }
            }
            for winner in self.winners {
                let image = self.image.add(winner.offset as usize);
                let value = S::splat(winner.value);
                for (r, weights) in weights.iter().enumerate() {
                    for (v, weights) in weights.iter().enumerate() {
                        let at = image.add(r * self.image_row + 8 * v);
                        S::store(at, S::mul_add(value, *weights, S::load(at)));
                    }
                }
            }
        }
    }
}
