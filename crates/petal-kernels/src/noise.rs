//! Gaussian noise with counter-based random numbers.
//!
//! Strategy: as in dropout, an element's number is a hash of its sample's key and its index, so nothing is stored.

use rayon::prelude::*;

use crate::dropout::uniform;
use crate::parallel::CHUNK;

/// Adds to each element a normal number of this standard deviation. `keys` has one random key for each sample.
pub fn gaussian_noise(keys: &[u64], stddev: f32, x: &[f32], y: &mut [f32]) {
    each(keys, x, y, |x, normal| x + stddev * normal);
}

/// Multiplies each element by a normal number of mean 1 and this standard deviation. The backward pass is the same call
/// with `dy` for `x` and `dx` for `y`.
pub fn gaussian_dropout(keys: &[u64], stddev: f32, x: &[f32], y: &mut [f32]) {
    each(keys, x, y, |x, normal| x * (1.0 + stddev * normal));
}

/// `y = f(x, n)` with a standard normal number `n` for each element.
fn each(keys: &[u64], x: &[f32], y: &mut [f32], f: impl Fn(f32, f32) -> f32 + Sync) {
    assert_eq!(x.len(), y.len());
    if y.is_empty() {
        return;
    }
    let sample = y.len() / keys.len();
    assert_eq!(sample * keys.len(), y.len());
    for ((&key, x), y) in keys.iter().zip(x.chunks_exact(sample)).zip(y.chunks_exact_mut(sample)) {
        let chunks = y.par_chunks_mut(CHUNK).zip(x.par_chunks(CHUNK)).enumerate();
        chunks.for_each(|(chunk, (y, x))| {
            for (j, (y, x)) in y.iter_mut().zip(x).enumerate() {
                *y = f(*x, normal(key, (chunk * CHUNK + j) as u64));
            }
        });
    }
}

/// Standard normal, by the Box–Muller transform of the key's numbers `2 * index` and `2 * index + 1`.
pub(crate) fn normal(key: u64, index: u64) -> f32 {
    let radius = (-2.0 * (1.0 - uniform(key, 2 * index)).ln()).sqrt();
    radius * (std::f32::consts::TAU * uniform(key, 2 * index + 1)).cos()
}
