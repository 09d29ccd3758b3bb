//! Contrast and brightness, with Keras' formulas.
//!
//! Strategy: one task an image.

use rayon::prelude::*;

/// `y = (x - mean) * factor + mean`, clipped to `range`; the mean is each image's and channel's, `factors` holds one
/// factor an image (Keras' RandomContrast). `x` and `y` are `[batch, pixels, channels]`.
pub fn contrast(
    batch: usize,
    pixels: usize,
    channels: usize,
    factors: &[f32],
    range: [f32; 2],
    x: &[f32],
    y: &mut [f32],
) {
    assert_eq!(factors.len(), batch);
    assert_eq!(x.len(), batch * pixels * channels);
    assert_eq!(y.len(), x.len());
    if y.is_empty() {
        return;
    }
    let image = pixels * channels;
    y.par_chunks_mut(image).zip(x.par_chunks(image)).zip(factors).for_each(|((y, x), &factor)| {
        for c in 0..channels {
            let sum: f64 = x[c..].iter().step_by(channels).map(|&x| f64::from(x)).sum();
            let mean = (sum / pixels as f64) as f32;
            for (y, x) in y[c..].iter_mut().step_by(channels).zip(x[c..].iter().step_by(channels)) {
                *y = ((x - mean) * factor + mean).max(range[0]).min(range[1]);
            }
        }
    });
}

/// `y = x + delta`, clipped to `range`; `deltas` holds one delta an image (Keras' RandomBrightness). `x` and `y` are
/// `[batch, pixels, channels]`.
pub fn brightness(
    batch: usize,
    pixels: usize,
    channels: usize,
    deltas: &[f32],
    range: [f32; 2],
    x: &[f32],
    y: &mut [f32],
) {
    assert_eq!(deltas.len(), batch);
    assert_eq!(x.len(), batch * pixels * channels);
    assert_eq!(y.len(), x.len());
    if y.is_empty() {
        return;
    }
    let image = pixels * channels;
    y.par_chunks_mut(image).zip(x.par_chunks(image)).zip(deltas).for_each(|((y, x), &delta)| {
        for (y, x) in y.iter_mut().zip(x) {
            *y = (x + delta).max(range[0]).min(range[1]);
        }
    });
}
