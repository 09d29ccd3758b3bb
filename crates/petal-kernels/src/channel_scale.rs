//! A factor for each channel, and its gradients: what a normalization with fixed statistics makes of a kernel.
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

/// Scratch of [`channel_scale_gradient`] for this many elements.
pub fn channel_scale_gradient_scratch(len: usize, channels: usize) -> usize {
    len.div_ceil(chunk_rows(channels) * channels.max(1)) * channels
}

/// `dscale[c]` = sum of `x[r, c] * dy[r, c]` over the rows.
pub fn channel_scale_gradient(x: &[f32], dy: &[f32], dscale: &mut [f32], scratch: &mut [f32]) {
    assert_eq!(x.len(), dy.len());
    if x.is_empty() {
        return dscale.fill(0.0);
    }
    let channels = dscale.len();
    assert_eq!(x.len() % channels, 0);
    let chunk = chunk_rows(channels) * channels;
    let partials = &mut scratch[..channel_scale_gradient_scratch(x.len(), channels)];
    let rows = x.par_chunks(chunk).zip(dy.par_chunks(chunk));
    partials.par_chunks_mut(channels).zip(rows).for_each(|(sums, (x, dy))| {
        sums.fill(0.0);
        for (x, dy) in x.chunks_exact(channels).zip(dy.chunks_exact(channels)) {
            let each = sums.iter_mut().zip(x).zip(dy);
            dispatch(Each(each, |((sum, x), dy): ((&mut f32, &f32), &f32)| *sum += x * dy));
        }
    });
    sum_parts(partials, dscale);
}
