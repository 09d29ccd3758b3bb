//! Dropout with counter-based random numbers.
//!
//! Strategy: an element's number is a hash of its sample's key and its index, so nothing is stored: the backward pass
//! is the same call on the gradient, and the order of work doesn't matter.

use rayon::prelude::*;

use crate::parallel::{CHUNK, chunk_rows};

/// Sets each element to 0 with probability `rate` and scales the others by `1 / (1 - rate)`. `keys` has one random key
/// for each sample; the backward pass is the same call with `dy` for `x` and `dx` for `y`.
pub fn dropout(keys: &[u64], rate: f32, x: &[f32], y: &mut [f32]) {
    assert_eq!(x.len(), y.len());
    if y.is_empty() {
        return;
    }
    let sample = y.len() / keys.len();
    assert_eq!(sample * keys.len(), y.len());
    let scale = scale(rate);
    for (i, &key) in keys.iter().enumerate() {
        let range = i * sample..(i + 1) * sample;
        let chunks = y[range.clone()].par_chunks_mut(CHUNK).zip(x[range].par_chunks(CHUNK)).enumerate();
        chunks.for_each(|(chunk, (y, x))| {
            for (j, (y, x)) in y.iter_mut().zip(x).enumerate() {
                *y = if uniform(key, (chunk * CHUNK + j) as u64) >= rate { x * scale } else { 0.0 };
            }
        });
    }
}

/// [`dropout`] of whole channels: one draw for each sample and channel. `x` and `y` are
/// `[keys.len(), pixels, channels]`.
pub fn spatial_dropout(keys: &[u64], rate: f32, pixels: usize, channels: usize, x: &[f32], y: &mut [f32]) {
    assert_eq!(x.len(), keys.len() * pixels * channels);
    assert_eq!(y.len(), x.len());
    if y.is_empty() {
        return;
    }
    let scale = scale(rate);
    let sample = pixels * channels;
    y.par_chunks_mut(sample).zip(x.par_chunks(sample)).zip(keys).for_each(|((y, x), &key)| {
        for c in 0..channels {
            let factor = if uniform(key, c as u64) >= rate { scale } else { 0.0 };
            for (y, x) in y[c..].iter_mut().step_by(channels).zip(x[c..].iter().step_by(channels)) {
                *y = if factor == 0.0 { 0.0 } else { x * factor };
            }
        }
    });
}

/// Dropout that keeps the mean and the variance of standard normal values (Klambauer et al. 2017): sets each element to
/// the lower bound of SELU with probability `rate`, then maps all by `a * x + b`. One draw goes for the elements at the
/// same place of a sample's `repeats` rows: `x` and `y` are `[keys.len(), repeats, elements]`.
pub fn alpha_dropout(keys: &[u64], rate: f32, repeats: usize, x: &[f32], y: &mut [f32]) {
    let [a, b] = alpha_affine(rate);
    let dropped = a * SELU_BOUND + b;
    each_draw(keys, rate, repeats, x, y, |x, kept| if kept { a * x + b } else { dropped });
}

/// Gradient of [`alpha_dropout`].
pub fn alpha_dropout_backward(keys: &[u64], rate: f32, repeats: usize, dy: &[f32], dx: &mut [f32]) {
    let [a, _] = alpha_affine(rate);
    each_draw(keys, rate, repeats, dy, dx, |dy, kept| if kept { a * dy } else { 0.0 });
}

/// SELU's limit for small numbers, `-scale * alpha`.
const SELU_BOUND: f32 = -1.758_099_3;

/// The factor and the offset that bring back mean 0 and variance 1.
fn alpha_affine(rate: f32) -> [f32; 2] {
    let variance = (1.0 - rate) * (1.0 + rate * SELU_BOUND * SELU_BOUND);
    let a = if variance > 0.0 { 1.0 / variance.sqrt() } else { 0.0 };
    [a, -a * SELU_BOUND * rate]
}

/// `y = f(x, kept)` where a draw, the same for `repeats` elements of a sample, says whether an element is kept.
fn each_draw(
    keys: &[u64],
    rate: f32,
    repeats: usize,
    x: &[f32],
    y: &mut [f32],
    f: impl Fn(f32, bool) -> f32 + Sync,
) {
    assert_eq!(x.len(), y.len());
    if y.is_empty() {
        return;
    }
    let elements = y.len() / keys.len() / repeats;
    assert_eq!(elements * repeats * keys.len(), y.len());
    let rows = y.par_chunks_mut(elements).zip(x.par_chunks(elements)).enumerate();
    rows.with_min_len(chunk_rows(elements)).for_each(|(row, (y, x))| {
        let key = keys[row / repeats];
        for (i, (y, x)) in y.iter_mut().zip(x).enumerate() {
            *y = f(*x, uniform(key, i as u64) >= rate);
        }
    });
}

fn scale(rate: f32) -> f32 {
    if rate < 1.0 { 1.0 / (1.0 - rate) } else { 0.0 }
}

/// Uniform in `[0, 1)`: SplitMix64 (Steele, Lea and Flood 2014) at position `index` of the stream that starts at `key`.
pub(crate) fn uniform(key: u64, index: u64) -> f32 {
    let mut z = key.wrapping_add((index + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((z ^ (z >> 31)) >> 40) as f32 / (1u32 << 24) as f32
}
