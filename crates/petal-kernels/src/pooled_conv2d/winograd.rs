//! The forward pass for 3×3 kernels by Winograd's F(2×2, 3×3) (Lavin and Gray 2015, arXiv:1509.09308): a window's four
//! values are computed together with 16 products of channels and filters instead of 36.
//!
//! The tiles of some windows are transformed into 16 matrices `[window, channel]`; each is multiplied with its matrix of
//! transformed weights, 16 filters at a time; these sums are transformed back in registers, where their maximum is found.
//! Sums are rounded otherwise than the direct convolution's, by about 1e-6 of their terms. What is infinite under a
//! window may make all of it NaN.

use rayon::prelude::*;

use super::PooledConv2d;
use super::band::{ALIGNMENT, Band, aligned};
use crate::Activation;
use crate::conv2d::Conv2d;
use crate::simd::{Kernel, Simd};

/// Windows that are transformed at a time: what belongs to them stays in the first cache.
const WINDOWS: usize = 12;
/// Windows of a tile of sums in registers.
const TILE: usize = 6;
/// Filters that are computed together, two vectors.
const BLOCK: usize = 16;
/// Products of a tile.
const PRODUCTS: usize = 16;

/// Whether this convolution is computed so: with fewer channels the transforms cost more than they spare.
pub(super) fn supports(conv: &Conv2d) -> bool {
    let channels = conv.input[2];
    conv.kernel == [3, 3]
        && conv.strides == [1, 1]
        && channels >= 16
        && channels.is_multiple_of(8)
        && conv.filters.is_multiple_of(BLOCK)
}

/// Floats of the transformed kernel, `[block of 16 filters][product][channel][16]`.
pub(super) fn packed_len(conv: &Conv2d) -> usize {
    PRODUCTS * conv.input[2] * conv.filters
}

/// Transforms the kernel.
pub(super) fn pack(conv: &Conv2d, kernel: &[f32], packed: &mut [f32]) {
    let (channels, filters) = (conv.input[2], conv.filters);
    /// `G g` for a column of three.
    fn spread([a, b, c]: [f32; 3]) -> [f32; 4] {
        [a, 0.5 * (a + b + c), 0.5 * (a - b + c), c]
    }
    packed.par_chunks_exact_mut(PRODUCTS * channels * BLOCK).enumerate().for_each(|(block, packed)| {
        for channel in 0..channels {
            for lane in 0..BLOCK {
                let weight = |tap: usize| kernel[(tap * channels + channel) * filters + block * BLOCK + lane];
                let columns = [0, 1, 2].map(|x| spread([0, 1, 2].map(|y| weight(3 * y + x))));
                for y in 0..4 {
                    for (x, value) in spread(columns.map(|column| column[y])).into_iter().enumerate() {
                        packed[((4 * y + x) * channels + channel) * BLOCK + lane] = value;
                    }
                }
            }
        }
    });
}

/// Scratch of a [`Row`]: what its windows see, their transforms and their sums.
pub(super) fn scratch(pooled: &PooledConv2d) -> usize {
    let channels = pooled.conv.input[2];
    Band::new(pooled).len() + PRODUCTS * WINDOWS * (channels + BLOCK) + ALIGNMENT
}

/// A row of windows.
pub(super) struct Row<'a> {
    pub pooled: &'a PooledConv2d,
    pub x: &'a [f32],
    pub image: usize,
    pub row: usize,
    pub packed: &'a [f32],
    pub bias: Option<&'a [f32]>,
    pub activation: Activation,
    pub y: &'a mut [f32],
    pub arg: &'a mut [u8],
    pub scratch: &'a mut [f32],
}

impl Kernel for Row<'_> {
    #[inline(always)]
    fn run<S: Simd>(self) {
        let Row { pooled, x, image, row, packed, bias, activation, y, arg, scratch } = self;
        let ([_, width, filters], channels) = (pooled.output(), pooled.conv.input[2]);
        let band = Band::new(pooled);
        let (pixels, rest) = aligned(scratch).split_at_mut(band.len());
        let (transformed, sums) = rest.split_at_mut(PRODUCTS * WINDOWS * channels);
        pooled.load_band(&band, x, image, row, pixels);
        let bounds = activation.bounds();
        for first in (0..width).step_by(WINDOWS) {
            let windows = WINDOWS.min(width - first);
            for window in 0..windows {
                let tile = &pixels[(first + window) * 2 * channels..][..3 * band.row + 4 * channels];
                transform::<S>(tile, band.row, channels, &mut transformed[window * channels..]);
            }
            for (block, packed) in packed.chunks_exact(PRODUCTS * channels * BLOCK).enumerate() {
                multiply::<S>(windows, channels, transformed, packed, sums);
                let filter = block * BLOCK;
                for lane in [0, 8] {
                    // SAFETY: a block has 16 filters, which `bias` and each pixel of `y` and `arg` have.
                    unsafe {
                        let bias = match bias {
                            Some(bias) => S::load(bias[filter + lane..][..8].as_ptr()),
                            None => S::splat(0.0),
                        };
                        for window in 0..windows {
                            let at = (first + window) * filters + filter + lane;
                            let sums = &sums[window * BLOCK + lane..];
                            let (y, arg) = (&mut y[at..][..8], &mut arg[at..][..8]);
                            maximum::<S>(sums, bias, bounds, y, arg);
                        }
                    }
                }
            }
        }
    }
}

/// `Bᵀ d B` of a tile of 4×4 pixels, to the tile's row of each of the 16 matrices.
#[inline(always)]
fn transform<S: Simd>(tile: &[f32], row: usize, channels: usize, to: &mut [f32]) {
    assert!(tile.len() >= 3 * row + 4 * channels);
    assert!(to.len() >= (PRODUCTS - 1) * WINDOWS * channels + channels);
    for c in (0..channels).step_by(8) {
        // SAFETY: the channels are a multiple of 8; the lengths are asserted above.
        unsafe {
            let d = |y: usize, x: usize| S::load(tile.as_ptr().add(y * row + x * channels + c));
            let columns: [[S::V; 4]; 4] =
                std::array::from_fn(|x| mix::<S>([d(0, x), d(1, x), d(2, x), d(3, x)]));
            for y in 0..4 {
                let values = mix::<S>(columns.map(|column| column[y]));
                for (x, value) in values.into_iter().enumerate() {
                    S::store(to.as_mut_ptr().add((4 * y + x) * WINDOWS * channels + c), value);
                }
            }
        }
    }
}

/// `Bᵀ d` for a column of four.
///
/// # Safety
/// As of all methods of [`Simd`].
#[inline(always)]
unsafe fn mix<S: Simd>([a, b, c, d]: [S::V; 4]) -> [S::V; 4] {
    // SAFETY: the caller's promise.
    unsafe { [S::sub(a, c), S::add(b, c), S::sub(c, b), S::sub(b, d)] }
}

/// For each of the 16 matrices `sums[window, filter] = transformed[window, channel] · packed[channel, filter]`.
///
/// `Matmul::forward_packed` would give the same, but a call for each product this small takes the forward pass half as
/// long again.
#[inline(always)]
fn multiply<S: Simd>(windows: usize, channels: usize, transformed: &[f32], packed: &[f32], sums: &mut [f32]) {
    assert!(windows <= WINDOWS && transformed.len() >= PRODUCTS * WINDOWS * channels);
    assert!(packed.len() >= PRODUCTS * channels * BLOCK && sums.len() >= PRODUCTS * WINDOWS * BLOCK);
    for product in 0..PRODUCTS {
        for window in (0..windows).step_by(TILE) {
            // SAFETY: the lengths are asserted above, and the tile's windows are among `windows`.
            unsafe {
                let values = transformed.as_ptr().add((product * WINDOWS + window) * channels);
                let weights = packed.as_ptr().add(product * channels * BLOCK);
                let sums = sums.as_mut_ptr().add((product * WINDOWS + window) * BLOCK);
                match windows - window {
                    1 => tile::<S, 1>(channels, values, weights, sums),
                    2 => tile::<S, 2>(channels, values, weights, sums),
                    3 => tile::<S, 3>(channels, values, weights, sums),
                    4 => tile::<S, 4>(channels, values, weights, sums),
                    5 => tile::<S, 5>(channels, values, weights, sums),
                    _ => tile::<S, TILE>(channels, values, weights, sums),
                }
            }
        }
    }
}

/// # Safety
/// `P` rows of `channels` values and of 16 sums are valid, and 16 weights for each channel.
#[inline(always)]
unsafe fn tile<S: Simd, const P: usize>(
    channels: usize,
    values: *const f32,
    weights: *const f32,
    to: *mut f32,
) {
    // SAFETY: the caller's promise.
    unsafe {
        let mut sums = [[S::splat(0.0); 2]; P];
        for c in 0..channels {
            let weights = [0, 8].map(|lane| S::load(weights.add(c * BLOCK + lane)));
            for (p, sums) in sums.iter_mut().enumerate() {
                let value = S::splat(*values.add(p * channels + c));
                for (sum, weights) in sums.iter_mut().zip(&weights) {
                    *sum = S::mul_add(value, *weights, *sum);
                }
            }
        }
        for (p, sums) in sums.iter().enumerate() {
            S::store(to.add(p * BLOCK), sums[0]);
            S::store(to.add(p * BLOCK + 8), sums[1]);
        }
    }
}

/// `Aᵀ m A` + bias, kept within the bounds: the four values of a window; the first of the largest wins.
#[inline(always)]
fn maximum<S: Simd>(sums: &[f32], bias: S::V, (low, high): (f32, f32), y: &mut [f32], arg: &mut [u8]) {
    assert!(sums.len() >= (PRODUCTS - 1) * WINDOWS * BLOCK + 8 && y.len() == 8 && arg.len() == 8);
    // SAFETY: the lengths are asserted above.
    unsafe {
        let m = |y: usize, x: usize| S::load(sums.as_ptr().add((4 * y + x) * WINDOWS * BLOCK));
        let columns: [[S::V; 2]; 4] =
            std::array::from_fn(|x| gather::<S>([m(0, x), m(1, x), m(2, x), m(3, x)]));
        let (low, high) = (S::splat(low), S::splat(high));
        let mut best = bias;
        let mut winner = S::splat(0.0);
        for row in 0..2 {
            for (column, value) in gather::<S>(columns.map(|column| column[row])).into_iter().enumerate() {
                let value = S::clamp(S::add(value, bias), low, high);
                if row + column == 0 {
                    best = value;
                } else {
                    let greater = S::greater_or_nan(value, best);
                    best = S::select(greater, value, best);
                    winner = S::select(greater, S::splat((2 * row + column) as f32), winner);
                }
            }
        }
        S::store(y.as_mut_ptr(), best);
        S::store_bytes(arg.as_mut_ptr(), winner);
    }
}

/// `Aᵀ m` for a column of four.
///
/// # Safety
/// As of all methods of [`Simd`].
#[inline(always)]
unsafe fn gather<S: Simd>([a, b, c, d]: [S::V; 4]) -> [S::V; 2] {
    // SAFETY: the caller's promise.
    unsafe { [S::add(S::add(a, b), c), S::sub(S::sub(b, c), d)] }
}
