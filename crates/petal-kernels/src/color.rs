//! Contrast and brightness, random or stretched to a range, with Keras' formulas.
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

/// Stretches each channel of each image so that its smallest and largest value become `range`; a channel of one value
/// stays as it is (Keras' AutoContrast). `x` and `y` are `[batch, pixels, channels]`.
pub fn auto_contrast(
    batch: usize,
    pixels: usize,
    channels: usize,
    range: [f32; 2],
    x: &[f32],
    y: &mut [f32],
) {
    assert_eq!(x.len(), batch * pixels * channels);
    assert_eq!(y.len(), x.len());
    if y.is_empty() {
        return;
    }
    let image = pixels * channels;
    let width = range[1] - range[0];
    y.par_chunks_mut(image).zip(x.par_chunks(image)).for_each(|(y, x)| {
        for c in 0..channels {
            let x = x[c..].iter().step_by(channels);
            let (low, high) = bounds(x.clone());
            for (y, x) in y[c..].iter_mut().step_by(channels).zip(x) {
                *y = if high > low {
                    ((x - low) / (high - low)).clamp(0.0, 1.0) * width + range[0]
                } else {
                    *x
                };
            }
        }
    });
}

/// Gradient of [`auto_contrast`] by its input. What goes to the smallest and the largest value is shared by all pixels
/// that have it.
pub fn auto_contrast_backward(
    batch: usize,
    pixels: usize,
    channels: usize,
    range: [f32; 2],
    x: &[f32],
    dy: &[f32],
    dx: &mut [f32],
) {
    assert_eq!(x.len(), batch * pixels * channels);
    assert_eq!(dy.len(), x.len());
    assert_eq!(dx.len(), x.len());
    if dx.is_empty() {
        return;
    }
    let image = pixels * channels;
    let images = dx.par_chunks_mut(image).zip(x.par_chunks(image).zip(dy.par_chunks(image)));
    images.for_each(|(dx, (x, dy))| {
        for c in 0..channels {
            let x = x[c..].iter().step_by(channels);
            let dy = dy[c..].iter().step_by(channels);
            let (low, high) = bounds(x.clone());
            let scale = if high > low { (range[1] - range[0]) / (high - low) } else { 1.0 };
            // The sums of the gradients, weighted by the distance to the other end.
            let (mut to_low, mut to_high) = (0.0f64, 0.0f64);
            for (x, dy) in x.clone().zip(dy.clone()).filter(|_| high > low) {
                to_low += f64::from(dy * (x - high) / (high - low));
                to_high -= f64::from(dy * (x - low) / (high - low));
            }
            let count = |end: f32| x.clone().filter(|x| **x == end).count().max(1) as f64;
            let (to_low, to_high) = ((to_low / count(low)) as f32, (to_high / count(high)) as f32);
            for ((dx, x), dy) in dx[c..].iter_mut().step_by(channels).zip(x.clone()).zip(dy) {
                let share = |end: f32, sum: f32| if *x == end { sum } else { 0.0 };
                *dx = (dy + share(low, to_low) + share(high, to_high)) * scale;
            }
        }
    });
}

/// The smallest and the largest value.
fn bounds<'a>(values: impl Iterator<Item = &'a f32>) -> (f32, f32) {
    values.fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), &value| (low.min(value), high.max(value)))
}

/// Gradient of [`contrast`] by its input: values that were clipped hand nothing back, the mean spreads its share over
/// all pixels of the channel.
#[expect(clippy::too_many_arguments, reason = "inputs, outputs and settings of one formula")]
pub fn contrast_backward(
    batch: usize,
    pixels: usize,
    channels: usize,
    factors: &[f32],
    range: [f32; 2],
    x: &[f32],
    dy: &[f32],
    dx: &mut [f32],
) {
    assert_eq!(factors.len(), batch);
    assert_eq!(x.len(), batch * pixels * channels);
    assert_eq!(dy.len(), x.len());
    assert_eq!(dx.len(), x.len());
    if dx.is_empty() {
        return;
    }
    let image = pixels * channels;
    let images = dx.par_chunks_mut(image).zip(x.par_chunks(image).zip(dy.par_chunks(image)));
    images.zip(factors).for_each(|((dx, (x, dy)), &factor)| {
        for c in 0..channels {
            let x = x[c..].iter().step_by(channels);
            let dy = dy[c..].iter().step_by(channels);
            let sum: f64 = x.clone().map(|&x| f64::from(x)).sum();
            let mean = (sum / pixels as f64) as f32;
            let passed = x.zip(dy).map(|(x, dy)| {
                let y = (x - mean) * factor + mean;
                if range[0] <= y && y <= range[1] { *dy } else { 0.0 }
            });
            let total: f64 = passed.clone().map(f64::from).sum();
            let share = (total / pixels as f64) as f32 * (1.0 - factor);
            dx[c..].iter_mut().step_by(channels).zip(passed).for_each(|(dx, dy)| *dx = dy * factor + share);
        }
    });
}

/// Gradient of [`brightness`] by its input: values that were clipped hand nothing back.
#[expect(clippy::too_many_arguments, reason = "inputs, outputs and settings of one formula")]
pub fn brightness_backward(
    batch: usize,
    pixels: usize,
    channels: usize,
    deltas: &[f32],
    range: [f32; 2],
    x: &[f32],
    dy: &[f32],
    dx: &mut [f32],
) {
    assert_eq!(deltas.len(), batch);
    assert_eq!(x.len(), batch * pixels * channels);
    assert_eq!(dy.len(), x.len());
    assert_eq!(dx.len(), x.len());
    if dx.is_empty() {
        return;
    }
    let image = pixels * channels;
    let images = dx.par_chunks_mut(image).zip(x.par_chunks(image).zip(dy.par_chunks(image)));
    images.zip(deltas).for_each(|((dx, (x, dy)), &delta)| {
        for ((dx, x), dy) in dx.iter_mut().zip(x).zip(dy) {
            let y = x + delta;
            *dx = if range[0] <= y && y <= range[1] { *dy } else { 0.0 };
        }
    });
}
