//! Another order of the axes.
//!
//! Strategy: outputs in parallel chunks, each of which finds the place of its first element and counts from there.

use rayon::prelude::*;

use crate::parallel::CHUNK;

/// Axis `i` of `y` is axis `order[i]` of `x`, whose shape is `shape`. For a batch, the shape begins with its size and the
/// order with 0.
pub fn transpose(shape: &[usize], order: &[usize], x: &[f32], y: &mut [f32]) {
    assert_eq!(shape.len(), order.len());
    assert_eq!(x.len(), shape.iter().product());
    assert_eq!(x.len(), y.len());
    let mut strides = vec![1; shape.len()];
    for axis in (1..shape.len()).rev() {
        strides[axis - 1] = strides[axis] * shape[axis];
    }
    let sizes: Vec<usize> = order.iter().map(|&axis| shape[axis]).collect();
    let strides: Vec<usize> = order.iter().map(|&axis| strides[axis]).collect();
    y.par_chunks_mut(CHUNK).enumerate().for_each(|(chunk, y)| {
        let mut place = vec![0; sizes.len()];
        let mut rest = chunk * CHUNK;
        for (place, &size) in place.iter_mut().zip(&sizes).rev() {
            *place = rest % size;
            rest /= size;
        }
        let mut from: usize = place.iter().zip(&strides).map(|(place, stride)| place * stride).sum();
        for y in y {
            *y = x[from];
            for axis in (0..sizes.len()).rev() {
                place[axis] += 1;
                from += strides[axis];
                if place[axis] < sizes[axis] {
                    break;
                }
                place[axis] = 0;
                from -= sizes[axis] * strides[axis];
            }
        }
    });
}
