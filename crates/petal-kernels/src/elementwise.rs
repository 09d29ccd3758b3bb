//! Sums, products, affine maps and copies, some of them of one row with many.
//!
//! Strategy: one pass in parallel chunks; sums over rows are cut into chunks whose size depends on the width alone.

use rayon::prelude::*;

use crate::Pixels;
use crate::parallel::{CHUNK, chunk_rows, map, map_assign, map2};

/// `y = a + b`.
pub fn add(a: &[f32], b: &[f32], y: &mut [f32]) {
    map2(a, b, y, |a, b| a + b);
}

/// `y = x`.
pub fn copy<'a>(x: impl Into<Pixels<'a>>, y: &mut [f32]) {
    match x.into() {
        Pixels::Floats(x) => map(x, y, |x| x),
        Pixels::Bytes(x) => map(x, y, f32::from),
    }
}

/// `y += a`.
pub fn add_assign(y: &mut [f32], a: &[f32]) {
    map_assign(y, a, |y, a| y + a);
}

/// `y = max(y, a)`; NaN if one of them is.
pub fn maximum_assign(y: &mut [f32], a: &[f32]) {
    map_assign(y, a, |y, a| if y >= a || y.is_nan() { y } else { a });
}

/// `y = min(y, a)`; NaN if one of them is.
pub fn minimum_assign(y: &mut [f32], a: &[f32]) {
    map_assign(y, a, |y, a| if y <= a || y.is_nan() { y } else { a });
}

/// `dx = dy` where the input number `which` is the output, and none before it is; elsewhere 0.
pub fn chosen_gradient(inputs: &[&[f32]], which: usize, y: &[f32], dy: &[f32], dx: &mut [f32]) {
    assert!(inputs.iter().all(|input| input.len() == y.len()));
    map2(y, dy, dx, |_, dy| dy);
    dx.par_chunks_mut(CHUNK).enumerate().for_each(|(chunk, dx)| {
        for (j, dx) in dx.iter_mut().enumerate() {
            let i = chunk * CHUNK + j;
            let chosen = inputs[..=which].iter().position(|input| input[i] == y[i]) == Some(which);
            if !chosen {
                *dx = 0.0;
            }
        }
    });
}

/// `y *= a`.
pub fn multiply_assign(y: &mut [f32], a: &[f32]) {
    map_assign(y, a, |y, a| y * a);
}

/// `y[b, r, c] = x[b, c]`, for `y` `[batch, rows, columns]`.
pub fn repeat_rows(batch: usize, rows: usize, columns: usize, x: &[f32], y: &mut [f32]) {
    assert_eq!(x.len(), batch * columns);
    assert_eq!(y.len(), batch * rows * columns);
    if y.is_empty() {
        return;
    }
    y.par_chunks_mut(rows * columns).zip(x.par_chunks(columns)).for_each(|(y, x)| {
        y.chunks_exact_mut(columns).for_each(|y| y.copy_from_slice(x));
    });
}

/// `y[b, r, c] *= x[b, c]`, for `y` `[batch, rows, columns]`.
pub fn multiply_rows_assign(batch: usize, rows: usize, columns: usize, y: &mut [f32], x: &[f32]) {
    assert_eq!(x.len(), batch * columns);
    assert_eq!(y.len(), batch * rows * columns);
    if y.is_empty() {
        return;
    }
    y.par_chunks_mut(rows * columns).zip(x.par_chunks(columns)).for_each(|(y, x)| {
        for y in y.chunks_exact_mut(columns) {
            y.iter_mut().zip(x).for_each(|(y, x)| *y *= x);
        }
    });
}

/// `y[b, c] = sum over r of x[b, r, c]`, for `x` `[batch, rows, columns]`.
pub fn sum_rows(batch: usize, rows: usize, columns: usize, x: &[f32], y: &mut [f32]) {
    assert_eq!(x.len(), batch * rows * columns);
    assert_eq!(y.len(), batch * columns);
    y.fill(0.0);
    if x.is_empty() {
        return;
    }
    y.par_chunks_mut(columns).zip(x.par_chunks(rows * columns)).for_each(|(y, x)| {
        for x in x.chunks_exact(columns) {
            y.iter_mut().zip(x).for_each(|(y, x)| *y += x);
        }
    });
}

/// `y[r, c] = x[r, channels - 1 - c]`.
pub fn reverse_channels(channels: usize, x: &[f32], y: &mut [f32]) {
    assert_eq!(x.len(), y.len());
    if y.is_empty() {
        return;
    }
    assert_eq!(y.len() % channels, 0);
    let chunk = chunk_rows(channels) * channels;
    y.par_chunks_mut(chunk).zip(x.par_chunks(chunk)).for_each(|(y, x)| {
        for (y, x) in y.chunks_exact_mut(channels).zip(x.chunks_exact(channels)) {
            y.iter_mut().zip(x.iter().rev()).for_each(|(y, x)| *y = *x);
        }
    });
}

/// `y = x * scale + offset`.
pub fn scale_offset<'a>(x: impl Into<Pixels<'a>>, scale: f32, offset: f32, y: &mut [f32]) {
    match x.into() {
        Pixels::Floats(x) => map(x, y, |x| x * scale + offset),
        Pixels::Bytes(x) => map(x, y, |x| f32::from(x) * scale + offset),
    }
}

/// `y[r, c] = x[r, c] * scale[c] + offset[c]`.
pub fn channel_affine(rows: usize, channels: usize, x: &[f32], scale: &[f32], offset: &[f32], y: &mut [f32]) {
    assert_eq!(x.len(), rows * channels);
    assert_eq!(y.len(), rows * channels);
    assert_eq!(scale.len(), channels);
    assert_eq!(offset.len(), channels);
    if y.is_empty() {
        return;
    }
    let chunk = chunk_rows(channels) * channels;
    y.par_chunks_mut(chunk).zip(x.par_chunks(chunk)).for_each(|(y, x)| {
        for (y, x) in y.chunks_exact_mut(channels).zip(x.chunks_exact(channels)) {
            for (((y, x), scale), offset) in y.iter_mut().zip(x).zip(scale).zip(offset) {
                *y = x * scale + offset;
            }
        }
    });
}

/// Copies `x` `[outer, inner_src]` to columns `offset..offset + inner_src` of `y` `[outer, inner_dst]`, leaving the
/// others as they are. One call for each input concatenates along any axis.
pub fn copy_block(outer: usize, inner_src: usize, inner_dst: usize, offset: usize, x: &[f32], y: &mut [f32]) {
    assert_eq!(x.len(), outer * inner_src);
    assert_eq!(y.len(), outer * inner_dst);
    assert!(offset + inner_src <= inner_dst);
    if x.is_empty() {
        return;
    }
    y.par_chunks_mut(inner_dst)
        .zip(x.par_chunks(inner_src))
        .with_min_len(chunk_rows(inner_src))
        .for_each(|(y, x)| y[offset..offset + inner_src].copy_from_slice(x));
}

/// The inverse of [`copy_block`]: copies columns `offset..offset + inner_dst` of `x` `[outer, inner_src]` to `y`
/// `[outer, inner_dst]`.
pub fn extract_block(
    outer: usize,
    inner_src: usize,
    inner_dst: usize,
    offset: usize,
    x: &[f32],
    y: &mut [f32],
) {
    assert_eq!(x.len(), outer * inner_src);
    assert_eq!(y.len(), outer * inner_dst);
    assert!(offset + inner_dst <= inner_src);
    if y.is_empty() {
        return;
    }
    y.par_chunks_mut(inner_dst)
        .zip(x.par_chunks(inner_src))
        .with_min_len(chunk_rows(inner_dst))
        .for_each(|(y, x)| y.copy_from_slice(&x[offset..offset + inner_dst]));
}
