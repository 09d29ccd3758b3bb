//! A factor for each channel, and its gradients: what a normalization with fixed statistics makes of a kernel.
//!
//! Strategy: parallel chunks of rows; the chunks' sums are added in order.

use rayon::prelude::*;

use crate::parallel::{Each, chunk_rows};
use crate::simd::{Kernel, Simd, dispatch};

/// `y[r, c] = x[r, c] * scale[c]`.
pub fn channel_scale(x: &[f32], scale: &[f32], y: &mut [f32]) {
    assert_eq!(x.len(), y.len());
    if y.is_empty() {
        return;
    }
    let channels = scale.len();
    assert_eq!(y.len() % channels, 0);
    let chunk = chunk_rows(channels) * channels;
    y.par_chunks_mut(chunk).zip(x.par_chunks(chunk)).for_each(|(y, x)| dispatch(Scale { x, scale, y }));
}

/// Scratch of [`channel_scale_gradient`] for this many elements.
pub fn channel_scale_gradient_scratch(len: usize, channels: usize) -> usize {
    len.div_ceil(chunk_rows(channels) * channels.max(1)) * channels
}

/// `dscale[c]` = sum of `x[r, c] * dy[r, c]` over the rows.
pub fn channel_scale_gradient(x: &[f32], dy: &[f32], dscale: &mut [f32], scratch: &mut [f32]) {
    assert_eq!(x.len(), dy.len());
    dscale.fill(0.0);
    if x.is_empty() {
        return;
    }
    let channels = dscale.len();
    assert_eq!(x.len() % channels, 0);
    let chunk = chunk_rows(channels) * channels;
    let partials = &mut scratch[..channel_scale_gradient_scratch(x.len(), channels)];
    let rows = x.par_chunks(chunk).zip(dy.par_chunks(chunk));
    partials.par_chunks_mut(channels).zip(rows).for_each(|(sums, (x, dy))| dispatch(Dot { x, dy, sums }));
    for partial in partials.chunks_exact(channels) {
        dispatch(Each(dscale.iter_mut().zip(partial), |(sum, partial): (&mut f32, &f32)| *sum += partial));
    }
}

struct Scale<'a> {
    x: &'a [f32],
    scale: &'a [f32],
    y: &'a mut [f32],
}

impl Kernel for Scale<'_> {
    #[inline(always)]
    fn run<S: Simd>(self) {
        let channels = self.scale.len();
        for (y, x) in self.y.chunks_exact_mut(channels).zip(self.x.chunks_exact(channels)) {
            for ((y, x), scale) in y.iter_mut().zip(x).zip(self.scale) {
                *y = x * scale;
            }
        }
    }
}

struct Dot<'a> {
    x: &'a [f32],
    dy: &'a [f32],
    sums: &'a mut [f32],
}

impl Kernel for Dot<'_> {
    #[inline(always)]
    fn run<S: Simd>(self) {
        let channels = self.sums.len();
        self.sums.fill(0.0);
        for (x, dy) in self.x.chunks_exact(channels).zip(self.dy.chunks_exact(channels)) {
            for ((sum, x), dy) in self.sums.iter_mut().zip(x).zip(dy) {
                *sum += x * dy;
            }
        }
    }
}
