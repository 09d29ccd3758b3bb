//! Dropout with counter-based random numbers.
//!
//! Strategy: an element's number is a hash of its sample's key and its index, so nothing is stored: the backward pass
//! is the same call on the gradient, and the order of work doesn't matter.

use rayon::prelude::*;

use crate::parallel::CHUNK;

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

fn scale(rate: f32) -> f32 {
    if rate < 1.0 { 1.0 / (1.0 - rate) } else { 0.0 }
}

/// Uniform in `[0, 1)`: SplitMix64 (Steele, Lea and Flood 2014) at position `index` of the stream that starts at `key`.
fn uniform(key: u64, index: u64) -> f32 {
    let mut z = key.wrapping_add((index + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((z ^ (z >> 31)) >> 40) as f32 / (1u32 << 24) as f32
}
