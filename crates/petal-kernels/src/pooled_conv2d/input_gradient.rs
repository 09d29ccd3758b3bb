//! The input's gradient: for a window and a cell of it, the sum of the kernels of the filters that won there, times their
//! gradients, is added to the pixels under the cell. Up to three rows of the kernel × 32 of their floats stay in
//! registers; the band that a row of windows adds to stays in the cache. A task is an image. Lanes beyond a row of the
//! kernel have zero weights.

use rayon::prelude::*;

use super::PooledConv2d;
use super::band::{Band, Winners, blocks, winners_of_cells};
use super::products::Products;
use crate::ActivationGradient;
use crate::alignment::{ALIGNMENT, aligned};
use crate::simd::{Kernel, Simd, dispatch};

/// Floats of the kernel, a filter after the other, each of its rows in whole vectors.
fn kernel_len(pooled: &PooledConv2d, band: &Band) -> usize {
    pooled.conv.filters * pooled.conv.kernel[0] * band.padded_segment
}

pub(super) fn scratch(pooled: &PooledConv2d) -> usize {
    let band = Band::new(pooled);
    pooled.conv.batch * band.len() + kernel_len(pooled, &band) + ALIGNMENT
}

pub(super) fn run(
    pooled: &PooledConv2d,
    dy: &[f32],
    arg: &[u8],
    kernel: &[f32],
    input_activation: Option<ActivationGradient<'_>>,
    dx: &mut [f32],
    scratch: &mut [f32],
) {
    if dx.is_empty() {
        return;
    }
    let band = Band::new(pooled);
    let filters = pooled.conv.filters;
    let (bands, packed) = aligned(scratch).split_at_mut(pooled.conv.batch * band.len());
    let packed = &mut packed[..kernel_len(pooled, &band)];
    let row = band.padded_segment;
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
        dispatch(Image { pooled, band: &band, packed, dy, arg, image, dx: &mut *dx });
        if let Some(activation) = input_activation {
            activation.apply_part(n * dx.len(), dx);
        }
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
    let (filters, kernel_rows) = (pooled.conv.filters, pooled.conv.kernel[0]);
    let filter_len = kernel_rows * band.padded_segment;
    let mut lists: [Winners; 4] = [const { [const { std::mem::MaybeUninit::uninit() }; _] }; 4];
    for (window, (dy, arg)) in dy.chunks_exact(filters).zip(arg.chunks_exact(filters)).enumerate() {
        for block in blocks(filters) {
            let winners = winners_of_cells(&dy[block.clone()], &arg[block.clone()], filter_len, &mut lists);
            for (cell, winners) in winners.into_iter().enumerate().filter(|(_, winners)| !winners.is_empty())
            {
                let products = Products {
                    winners,
                    from: packed[block.start * filter_len..].as_ptr(),
                    from_row: band.padded_segment,
                    to: image[band.offset(window, cell)..].as_mut_ptr(),
                    to_row: band.row,
                };
                // SAFETY: the cell's taps are inside the band, where a vector may reach into the next row's floats or
                // into those after the last; `packed` has the vectors of each of the block's filters.
                unsafe { products.add::<S>(kernel_rows, band.segment) }
            }
        }
    }
}
