//! Average and maximum over all pixels of an image.
//!
//! Strategy: one task an image, the inner loop over channels.

use rayon::prelude::*;

/// `y[n, c]` = mean over pixels of `x[n, pixel, c]`.
pub fn global_average_forward(batch: usize, pixels: usize, channels: usize, x: &[f32], y: &mut [f32]) {
    check(batch, pixels, channels, x, y);
    if y.is_empty() {
        return;
    }
    let scale = 1.0 / pixels as f32;
    y.par_chunks_mut(channels).zip(x.par_chunks(pixels * channels)).for_each(|(y, x)| {
        y.fill(0.0);
        for x in x.chunks_exact(channels) {
            y.iter_mut().zip(x).for_each(|(y, x)| *y += x);
        }
        y.iter_mut().for_each(|y| *y *= scale);
    });
}

/// Each pixel of `dx` gets `dy / pixels`.
pub fn global_average_backward(batch: usize, pixels: usize, channels: usize, dy: &[f32], dx: &mut [f32]) {
    check(batch, pixels, channels, dx, dy);
    if dx.is_empty() {
        return;
    }
    let scale = 1.0 / pixels as f32;
    dx.par_chunks_mut(pixels * channels).zip(dy.par_chunks(channels)).for_each(|(dx, dy)| {
        for dx in dx.chunks_exact_mut(channels) {
            dx.iter_mut().zip(dy).for_each(|(dx, dy)| *dx = dy * scale);
        }
    });
}

/// `y[n, c]` = maximum over pixels of `x[n, pixel, c]`.
pub fn global_max_forward(batch: usize, pixels: usize, channels: usize, x: &[f32], y: &mut [f32]) {
    check(batch, pixels, channels, x, y);
    if y.is_empty() {
        return;
    }
    y.par_chunks_mut(channels).zip(x.par_chunks(pixels * channels)).for_each(|(y, x)| {
        y.copy_from_slice(&x[..channels]);
        for x in x.chunks_exact(channels) {
            y.iter_mut().zip(x).for_each(|(y, x)| *y = if *x > *y || x.is_nan() { *x } else { *y });
        }
    });
}

/// Pixels equal to the maximum share `dy` equally, as the gradient of TensorFlow's `reduce_max`.
pub fn global_max_backward(
    batch: usize,
    pixels: usize,
    channels: usize,
    x: &[f32],
    y: &[f32],
    dy: &[f32],
    dx: &mut [f32],
) {
    check(batch, pixels, channels, x, y);
    check(batch, pixels, channels, dx, dy);
    if dx.is_empty() {
        return;
    }
    let image = pixels * channels;
    let outputs = y.par_chunks(channels).zip(dy.par_chunks(channels));
    dx.par_chunks_mut(image).zip(x.par_chunks(image)).zip(outputs).for_each(|((dx, x), (y, dy))| {
        for c in 0..channels {
            let ties = x[c..].iter().step_by(channels).filter(|x| **x == y[c]).count();
            let share = dy[c] / ties as f32;
            for (dx, x) in dx[c..].iter_mut().step_by(channels).zip(x[c..].iter().step_by(channels)) {
                *dx = if *x == y[c] { share } else { 0.0 };
            }
        }
    });
}

fn check(batch: usize, pixels: usize, channels: usize, image: &[f32], pooled: &[f32]) {
    assert_eq!(image.len(), batch * pixels * channels);
    assert_eq!(pooled.len(), batch * channels);
    assert!(pixels > 0);
}
