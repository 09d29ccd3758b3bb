//! Softmax over the last axis, and its logarithm.
//!
//! Strategy: rows in parallel chunks, the row's maximum subtracted first.

use rayon::prelude::*;

use crate::parallel::chunk_rows;

/// `y = softmax(x)` of each row; both `[rows, classes]`.
pub fn softmax_forward(rows: usize, classes: usize, x: &[f32], y: &mut [f32]) {
    each_row(rows, classes, [x], y, |[x], y| {
        softmax_row(x, y);
    });
}

/// `dx = y * (dy - sum(y * dy))` of each row; all `[rows, classes]`.
pub fn softmax_backward(rows: usize, classes: usize, y: &[f32], dy: &[f32], dx: &mut [f32]) {
    each_row(rows, classes, [y, dy], dx, |[y, dy], dx| {
        let dot: f32 = y.iter().zip(dy).map(|(y, dy)| y * dy).sum();
        dx.iter_mut().zip(y).zip(dy).for_each(|((dx, y), dy)| *dx = y * (dy - dot));
    });
}

/// `y = ln(softmax(x))` of each row; both `[rows, classes]`.
pub fn log_softmax_forward(rows: usize, classes: usize, x: &[f32], y: &mut [f32]) {
    each_row(rows, classes, [x], y, |[x], y| {
        let log_sum = softmax_row(x, y);
        y.iter_mut().zip(x).for_each(|(y, x)| *y = x - log_sum);
    });
}

/// `dx = dy - exp(y) * sum(dy)` of each row; all `[rows, classes]`.
pub fn log_softmax_backward(rows: usize, classes: usize, y: &[f32], dy: &[f32], dx: &mut [f32]) {
    each_row(rows, classes, [y, dy], dx, |[y, dy], dx| {
        let sum: f32 = dy.iter().sum();
        dx.iter_mut().zip(y).zip(dy).for_each(|((dx, y), dy)| *dx = dy - y.exp() * sum);
    });
}

/// Calls `f` with the same row of each of `inputs` and of `output`.
fn each_row<const N: usize>(
    rows: usize,
    classes: usize,
    inputs: [&[f32]; N],
    output: &mut [f32],
    f: impl Fn([&[f32]; N], &mut [f32]) + Sync,
) {
    assert!(inputs.iter().all(|input| input.len() == rows * classes));
    assert_eq!(output.len(), rows * classes);
    if output.is_empty() {
        return;
    }
    let min_len = chunk_rows(classes);
    output.par_chunks_mut(classes).enumerate().with_min_len(min_len).for_each(|(i, row)| {
        f(inputs.map(|input| &input[i * classes..][..classes]), row);
    });
}

/// Softmax of one row; returns the logarithm of the sum of exponentials.
pub(crate) fn softmax_row(x: &[f32], y: &mut [f32]) -> f32 {
    let max = x.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let mut sum = 0.0;
    for (y, x) in y.iter_mut().zip(x) {
        *y = (x - max).exp();
        sum += *y;
    }
    y.iter_mut().for_each(|y| *y /= sum);
    max + sum.ln()
}
