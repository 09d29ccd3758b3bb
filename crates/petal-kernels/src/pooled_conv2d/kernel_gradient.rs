//! The kernel's gradient: for a filter and a row of windows, the sum over winners of what the winner's taps see, times
//! the window's gradient. Up to three rows of the kernel × 32 of their floats stay in registers along the row.

use rayon::prelude::*;

use super::PooledConv2d;
use super::band::{Band, Winners, blocks};
use super::products::Products;
use crate::alignment::{ALIGNMENT, aligned};
use crate::conv2d::add_pixels;
use crate::matmul::sum_parts;
use crate::simd::{Kernel, Simd, dispatch};

/// Rows of windows in one part, at least.
const PART_ROWS: usize = 8;
/// Bound for the floats of all parts.
const PART_FLOATS: usize = 1 << 22;

/// Floats of a gradient, a filter after the other, each row of the kernel in whole vectors.
fn sums_len(pooled: &PooledConv2d, band: &Band) -> usize {
    pooled.conv.filters * pooled.conv.kernel[0] * band.padded_segment
}

fn parts(pooled: &PooledConv2d, band: &Band) -> usize {
    let limit = (PART_FLOATS / sums_len(pooled, band).max(1)).clamp(1, 32);
    (pooled.conv.batch * pooled.output()[0]).div_ceil(PART_ROWS).clamp(1, limit)
}

pub(super) fn scratch(pooled: &PooledConv2d) -> usize {
    let band = Band::new(pooled);
    let sums = sums_len(pooled, &band);
    parts(pooled, &band) * (band.len() + sums + pooled.conv.filters) + sums + ALIGNMENT
}

pub(super) fn run(
    pooled: &PooledConv2d,
    x: &[f32],
    dy: &[f32],
    arg: &[u8],
    dkernel: &mut [f32],
    dbias: Option<&mut [f32]>,
    scratch: &mut [f32],
) {
    if dkernel.is_empty() {
        return;
    }
    let band = Band::new(pooled);
    let parts = parts(pooled, &band);
    let filters = pooled.conv.filters;
    let rows = pooled.conv.batch * pooled.output()[0];
    let part_rows = rows.div_ceil(parts);
    let len = sums_len(pooled, &band);
    let (bands, rest) = aligned(scratch).split_at_mut(parts * band.len());
    let (sums, rest) = rest.split_at_mut(parts * len);
    let (biases, rest) = rest.split_at_mut(parts * filters);
    let tasks = bands.par_chunks_mut(band.len()).zip(sums.par_chunks_mut(len));
    tasks.zip(biases.par_chunks_mut(filters)).enumerate().for_each(|(i, ((image, sums), bias))| {
        let rows = (i * part_rows).min(rows)..((i + 1) * part_rows).min(rows);
        dispatch(Part { pooled, band: &band, rows, x, dy, arg, image, sums, bias });
    });
    let sum = &mut rest[..len];
    sum_parts(sums, sum);
    let row = band.padded_segment;
    for (filter, sum) in sum.chunks_exact(pooled.conv.kernel[0] * row).enumerate() {
        let values = sum.chunks_exact(row).flat_map(|row| &row[..band.segment]);
        dkernel[filter..].iter_mut().step_by(filters).zip(values).for_each(|(d, sum)| *d = *sum);
    }
    if let Some(dbias) = dbias {
        sum_parts(biases, dbias);
    }
}

/// The sum over some rows of windows.
struct Part<'a> {
    pooled: &'a PooledConv2d,
    band: &'a Band,
    rows: std::ops::Range<usize>,
    x: &'a [f32],
    dy: &'a [f32],
    arg: &'a [u8],
    /// Room for a band.
    image: &'a mut [f32],
    sums: &'a mut [f32],
    bias: &'a mut [f32],
}

impl Kernel for Part<'_> {
    #[inline(always)]
    fn run<S: Simd>(self) {
        let Part { pooled, band, rows, x, dy, arg, image, sums, bias } = self;
        let [height, width, filters] = pooled.output();
        let kernel_rows = pooled.conv.kernel[0];
        let filter_sums = kernel_rows * band.padded_segment;
        sums.fill(0.0);
        bias.fill(0.0);
        image.fill(0.0);
        let mut list: Winners = [const { std::mem::MaybeUninit::uninit() }; _];
        for row in rows {
            let dy = &dy[row * width * filters..][..width * filters];
            let arg = &arg[row * width * filters..][..width * filters];
            add_pixels::<S>(dy, bias);
            pooled.load_band(band, x, row / height, row % height, image);
            for (filter, sums) in sums.chunks_exact_mut(filter_sums).enumerate() {
                for windows in blocks(width) {
                    let winners = band.winners(dy, arg, [filter, filters], windows, &mut list);
                    let products = Products {
                        winners,
                        from: image.as_ptr(),
                        from_row: band.row,
                        to: sums.as_mut_ptr(),
                        to_row: band.padded_segment,
                    };
                    // SAFETY: a winner's taps are inside the band, where a vector may reach into the next row's floats
                    // or into those after the last; `sums` has a filter's vectors.
                    unsafe { products.add::<S>(kernel_rows, band.segment) }
                }
            }
        }
    }
}
