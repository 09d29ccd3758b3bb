//! Between numbers and bytes, and sums, products and functions of bytes.
//!
//! Strategy: one pass in parallel chunks. A function of a byte is a table.

use rayon::prelude::*;

use crate::Pixels;
use crate::parallel::{CHUNK, Each};
use crate::simd::dispatch;

/// Bytes of one task: four times as many as floats.
const BYTES: usize = 4 * CHUNK;

/// Added to a small number it leaves no bits for fractions: the sum is rounded to the even one.
const WHOLE: f32 = 12_582_912.0;

/// The byte nearest to this sum.
#[inline(always)]
fn byte(steps: f32, offset: f32) -> u8 {
    ((steps + offset).clamp(0.0, 255.0) + WHOLE).to_bits() as u8
}

/// `y = clamp(round(x · scale + offset), 0, 255)`.
pub fn quantize(x: Pixels<'_>, scale: f32, offset: f32, y: &mut [u8]) {
    match x {
        Pixels::Floats(x) => {
            assert_eq!(x.len(), y.len());
            y.par_chunks_mut(CHUNK).zip(x.par_chunks(CHUNK)).for_each(|(y, x)| {
                dispatch(Each(y.iter_mut().zip(x), |(y, x): (&mut u8, &f32)| *y = byte(x * scale, offset)));
            });
        }
        Pixels::Bytes(x) => {
            let table: Vec<u8> = (0..=255u8).map(|x| byte(f32::from(x) * scale, offset)).collect();
            look_up(x, table[..].try_into().expect("a table of 256 bytes"), y);
        }
    }
}

/// `y = scale · (x - zero_point)`.
pub fn dequantize(x: &[u8], scale: f32, zero_point: u8, y: &mut [f32]) {
    assert_eq!(x.len(), y.len());
    let zero_point = f32::from(zero_point);
    y.par_chunks_mut(CHUNK).zip(x.par_chunks(CHUNK)).for_each(|(y, x)| {
        let each = |(y, x): (&mut f32, &u8)| *y = (f32::from(*x) - zero_point) * scale;
        dispatch(Each(y.iter_mut().zip(x), each));
    });
}

/// `y = table[x]`.
pub fn look_up(x: &[u8], table: &[u8; 256], y: &mut [u8]) {
    assert_eq!(x.len(), y.len());
    y.par_chunks_mut(BYTES).zip(x.par_chunks(BYTES)).for_each(|(y, x)| {
        y.iter_mut().zip(x).for_each(|(y, x)| *y = table[usize::from(*x)]);
    });
}

/// `y = clamp(round(a · scales[0] + b · scales[1] + offset), 0, 255)`.
pub fn quantized_add([a, b]: [&[u8]; 2], scales: [f32; 2], offset: f32, y: &mut [u8]) {
    assert!(a.len() == y.len() && b.len() == y.len());
    let tasks = y.par_chunks_mut(BYTES).zip(a.par_chunks(BYTES)).zip(b.par_chunks(BYTES));
    tasks.for_each(|((y, a), b)| {
        dispatch(Each(y.iter_mut().zip(a).zip(b), |((y, a), b): ((&mut u8, &u8), &u8)| {
            *y = byte(f32::from(*a).mul_add(scales[0], f32::from(*b) * scales[1]), offset);
        }));
    });
}

/// `y = clamp(round(scale · (a - zero_points[0]) · (b - zero_points[1]) + zero_points[2]), 0, 255)`, where each `b` is for
/// all `repeats` pixels of its image; both have `channels`.
pub fn quantized_multiply(
    [a, b]: [&[u8]; 2],
    channels: usize,
    repeats: usize,
    scale: f32,
    zero_points: [u8; 3],
    y: &mut [u8],
) {
    assert!(a.len() == y.len() && b.len() * repeats == a.len());
    let row = channels * repeats;
    if row == 0 {
        return;
    }
    let [zero_a, zero_b, zero_y] = zero_points.map(f32::from);
    let tasks = y.par_chunks_mut(row).zip(a.par_chunks(row)).zip(b.par_chunks(channels));
    tasks.for_each(|((y, a), b)| {
        for (y, a) in y.chunks_exact_mut(channels).zip(a.chunks_exact(channels)) {
            dispatch(Each(y.iter_mut().zip(a).zip(b), |((y, a), b): ((&mut u8, &u8), &u8)| {
                *y = byte((f32::from(*a) - zero_a) * ((f32::from(*b) - zero_b) * scale), zero_y);
            }));
        }
    });
}
