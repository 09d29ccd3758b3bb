//! Bilinear resizing of 8-bit pixels, first along the rows, then along the columns.
//!
//! Strategy: plain loops, compiled for the machine's vectors; photos are what is done in parallel. Products and sums are
//! rounded one by one, so that every machine gives the same bytes.

use crate::simd::{Kernel, Simd, dispatch, dispatch_eight};

/// `out = a * upper + b * lower` for two rows of pixels.
pub fn blend_rows([a, b]: [f32; 2], [upper, lower]: [&[u8]; 2], out: &mut [f32]) {
    assert!(upper.len() == out.len() && lower.len() == out.len());
    dispatch(Rows { a, b, upper, lower, out });
}

/// `out[x] = a * row[first] + b * row[first + 1]` for each `(first, [a, b])` of `taps`, rounded and clamped to
/// 0..=255.
///
/// Pixels have `CHANNELS` values, at most 4. Eight values are read for each pixel, so `row` has `8 - CHANNELS` more
/// than its pixels have.
pub fn blend_columns<const CHANNELS: usize>(row: &[f32], taps: &[(usize, [f32; 2])], out: &mut [u8]) {
    const { assert!(0 < CHANNELS && CHANNELS <= 4) }
    assert_eq!(out.len(), taps.len() * CHANNELS);
    dispatch_eight(Columns::<CHANNELS> { row, taps, out });
}

/// The values that are read and blended for a pixel.
const LANES: usize = 8;

struct Rows<'a> {
    a: f32,
    b: f32,
    upper: &'a [u8],
    lower: &'a [u8],
    out: &'a mut [f32],
}

impl Kernel for Rows<'_> {
    #[inline(always)]
    fn run<S: Simd>(self) {
        let Rows { a, b, upper, lower, out } = self;
        for ((out, &upper), &lower) in out.iter_mut().zip(upper).zip(lower) {
            *out = a * f32::from(upper) + b * f32::from(lower);
        }
    }
}

struct Columns<'a, const CHANNELS: usize> {
    row: &'a [f32],
    taps: &'a [(usize, [f32; 2])],
    out: &'a mut [u8],
}

impl<const CHANNELS: usize> Kernel for Columns<'_, CHANNELS> {
    #[inline(always)]
    fn run<S: Simd>(self) {
        /// Pixels that are blended before they are rounded, in one go.
        const BLOCK: usize = 64;
        const { assert!(S::LANES == LANES) }
        let mut sums = [0.0f32; BLOCK * LANES];
        for (taps, out) in self.taps.chunks(BLOCK).zip(self.out.chunks_mut(BLOCK * CHANNELS)) {
            for (x, &(first, [a, b])) in taps.iter().enumerate() {
                let pixels = &self.row[first * CHANNELS..][..CHANNELS + LANES];
                // What lies behind the pixel is overwritten by the next one.
                let sum = &mut sums[x * CHANNELS..][..LANES];
                // SAFETY: both slices have eight values from where they are read and written; `run`'s caller has the
                // instructions of `S`.
                unsafe {
                    let product = |weight, at| S::mul_add(S::splat(weight), S::load(at), S::splat(0.0));
                    let left = product(a, pixels.as_ptr());
                    let right = product(b, pixels.as_ptr().add(CHANNELS));
                    S::store(sum.as_mut_ptr(), S::add(S::add(left, right), S::splat(0.5)));
                }
            }
            for (out, sum) in out.iter_mut().zip(&sums) {
                // A saturating cast alone isn't compiled to vectors.
                let clamped = if *sum > 0.0 { sum.min(255.0) } else { 0.0 };
                // SAFETY: it is a number in 0..=255, since NaN isn't above 0.
                *out = unsafe { clamped.to_int_unchecked::<i32>() } as u8;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blended_pixels_are_those_of_the_formula() {
        let pixel = |i: usize| ((i * 7919) % 256) as u8;
        let (upper, lower): (Vec<u8>, Vec<u8>) = (0..601).map(|i| (pixel(i), pixel(i + 5))).unzip();
        let mut row = vec![0.0; upper.len()];
        blend_rows([0.3, 0.7], [&upper, &lower], &mut row);
        for (i, &value) in row.iter().enumerate() {
            assert_eq!(value, 0.3 * f32::from(upper[i]) + 0.7 * f32::from(lower[i]));
        }
        check_columns::<1>(&row);
        check_columns::<3>(&row);
        check_columns::<4>(&row);
    }

    fn check_columns<const CHANNELS: usize>(row: &[f32]) {
        let pixels = (row.len() + CHANNELS - LANES) / CHANNELS;
        let weight = |x: usize| (x % 11) as f32 / 10.0;
        let taps: Vec<_> = (0..137).map(|x| (x * 31 % (pixels - 1), [1.0 - weight(x), weight(x)])).collect();
        let mut out = vec![0; taps.len() * CHANNELS];
        blend_columns::<CHANNELS>(row, &taps, &mut out);
        for (i, &byte) in out.iter().enumerate() {
            let (first, [a, b]) = taps[i / CHANNELS];
            let at = first * CHANNELS + i % CHANNELS;
            assert_eq!(byte, (a * row[at] + b * row[at + CHANNELS] + 0.5) as u8, "{CHANNELS} channels, {i}");
        }
    }
}
