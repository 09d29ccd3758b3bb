//! Softmax over the last axis.
//!
//! Strategy: rows in parallel chunks, the row's maximum subtracted first.

use rayon::prelude::*;

use crate::parallel::chunk_rows;

/// `y = softmax(x)` of each row; both `[rows, classes]`.
pub fn softmax_forward(rows: usize, classes: usize, x: &[f32], y: &mut [f32]) {
    assert_eq!(x.len(), rows * classes);
    assert_eq!(y.len(), rows * classes);
    if y.is_empty() {
        return;
    }
    let min_len = chunk_rows(classes);
    y.par_chunks_mut(classes).zip(x.par_chunks(classes)).with_min_len(min_len).for_each(|(y, x)| {
        softmax_row(x, y);
    });
}

/// `dx = y * (dy - sum(y * dy))` of each row; all `[rows, classes]`.
pub fn softmax_backward(rows: usize, classes: usize, y: &[f32], dy: &[f32], dx: &mut [f32]) {
    assert_eq!(y.len(), rows * classes);
    assert_eq!(dy.len(), rows * classes);
    assert_eq!(dx.len(), rows * classes);
    if dx.is_empty() {
        return;
    }
    let inputs = y.par_chunks(classes).zip(dy.par_chunks(classes));
    dx.par_chunks_mut(classes).zip(inputs).with_min_len(chunk_rows(classes)).for_each(|(dx, (y, dy))| {
        let dot: f32 = y.iter().zip(dy).map(|(y, dy)| y * dy).sum();
        for ((dx, y), dy) in dx.iter_mut().zip(y).zip(dy) {
            *dx = y * (dy - dot);
        }
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
