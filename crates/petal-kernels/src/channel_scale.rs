//! A factor for each channel, a slope for each below 0, and their gradients.
//!
//! Strategy: parallel chunks of rows; the chunks' sums are added in order.

use rayon::prelude::*;

use crate::matmul::sum_parts;
use crate::parallel::{Each, chunk_rows};
use crate::simd::dispatch;

/// `y[r, c] = x[r, c] * scale[c]`.
pub fn channel_scale(x: &[f32], scale: &[f32], y: &mut [f32]) {
    assert_eq!(x.len(), y.len());
    if y.is_empty() {
        return;
    }
    let channels = scale.len();
    assert_eq!(y.len() % channels, 0);
    let chunk = chunk_rows(channels) * channels;
    y.par_chunks_mut(chunk).zip(x.par_chunks(chunk)).for_each(|(y, x)| {
        for (y, x) in y.chunks_exact_mut(channels).zip(x.chunks_exact(channels)) {
            let each = y.iter_mut().zip(x).zip(scale);
            dispatch(Each(each, |((y, x), scale): ((&mut f32, &f32), &f32)| *y = x * scale));
        }
    });
}

/// `y[r, c] += offset[c]`.
pub fn channel_offset(offset: &[f32], y: &mut [f32]) {
    let channels = offset.len();
    if y.is_empty() {
        return;
    }
    assert_eq!(y.len() % channels, 0);
    y.par_chunks_mut(chunk_rows(channels) * channels).for_each(|y| {
        for y in y.chunks_exact_mut(channels) {
            dispatch(Each(y.iter_mut().zip(offset), |(y, offset): (&mut f32, &f32)| *y += offset));
        }
    });
}

/// Scratch of [`channel_scale_gradient`] for this many elements.
pub fn channel_scale_gradient_scratch(len: usize, channels: usize) -> usize {
    len.div_ceil(chunk_rows(channels) * channels.max(1)) * channels
}

/// `dscale[c]` = sum of `x[r, c] * dy[r, c]` over the rows.
pub fn channel_scale_gradient(x: &[f32], dy: &[f32], dscale: &mut [f32], scratch: &mut [f32]) {
    sum_over_rows(x, dy, dscale, scratch, |x, dy| x * dy);
}

/// `doffset[c]` = sum of `dy[r, c]` over the rows; the scratch is that of [`channel_scale_gradient`].
pub fn channel_offset_gradient(dy: &[f32], doffset: &mut [f32], scratch: &mut [f32]) {
    sum_over_rows(dy, dy, doffset, scratch, |_, dy| dy);
}

/// `y[r, c] = x[r, c]` above 0, else `x[r, c] * slopes[c]`.
pub fn prelu_forward(x: &[f32], slopes: &[f32], y: &mut [f32]) {
    prelu_backward(x, slopes, x, y);
}

/// `dx[r, c] = dy[r, c]` where `x` is above 0, `dy[r, c] * slopes[c]` where it is below, and 0 where it is 0.
pub fn prelu_backward(x: &[f32], slopes: &[f32], dy: &[f32], dx: &mut [f32]) {
    assert_eq!(x.len(), dy.len());
    assert_eq!(x.len(), dx.len());
    if dx.is_empty() {
        return;
    }
    let channels = slopes.len();
    assert_eq!(dx.len() % channels, 0);
    let chunk = chunk_rows(channels) * channels;
    let rows = x.par_chunks(chunk).zip(dy.par_chunks(chunk));
    dx.par_chunks_mut(chunk).zip(rows).for_each(|(dx, (x, dy))| {
        let rows = x.chunks_exact(channels).zip(dy.chunks_exact(channels));
        for (dx, (x, dy)) in dx.chunks_exact_mut(channels).zip(rows) {
            let each = dx.iter_mut().zip(x).zip(dy).zip(slopes);
            dispatch(Each(each, |(((dx, x), dy), slope): (((&mut f32, &f32), &f32), &f32)| {
                // NaN, which is neither above nor below 0, stays.
                *dx = dy
                    * if *x > 0.0 {
                        1.0
                    } else if *x < 0.0 {
                        *slope
                    } else {
                        *x
                    };
            }));
        }
    });
}

/// `dslopes[c]` = sum of `x[r, c] * dy[r, c]` over the rows where `x` is below 0; the scratch is that of
/// [`channel_scale_gradient`].
pub fn prelu_gradient(x: &[f32], dy: &[f32], dslopes: &mut [f32], scratch: &mut [f32]) {
    sum_over_rows(x, dy, dslopes, scratch, |x, dy| if x < 0.0 { x * dy } else { 0.0 });
}

/// `sums[c]` = sum of `f(x[r, c], dy[r, c])` over the rows.
fn sum_over_rows(
    x: &[f32],
    dy: &[f32],
    sums: &mut [f32],
    scratch: &mut [f32],
    f: impl Fn(f32, f32) -> f32 + Sync,
) {
    assert_eq!(x.len(), dy.len());
    if x.is_empty() {
        return sums.fill(0.0);
    }
    let channels = sums.len();
    assert_eq!(x.len() % channels, 0);
    let chunk = chunk_rows(channels) * channels;
    let partials = &mut scratch[..channel_scale_gradient_scratch(x.len(), channels)];
    let rows = x.par_chunks(chunk).zip(dy.par_chunks(chunk));
    partials.par_chunks_mut(channels).zip(rows).for_each(|(sums, (x, dy))| {
        sums.fill(0.0);
        for (x, dy) in x.chunks_exact(channels).zip(dy.chunks_exact(channels)) {
            let each = sums.iter_mut().zip(x).zip(dy);
            dispatch(Each(each, |((sum, x), dy): ((&mut f32, &f32), &f32)| *sum += f(*x, *dy)));
        }
    });
    sum_parts(partials, sums);
}
