//! Bilinear samples of a row of output pixels: places and weights of many pixels are computed at once, then each pixel's
//! channels.

use super::{AffineTransform, FillMode, Row, source};
use crate::alignment::LINE;
use crate::pixels::Value;
use crate::simd::{Kernel, Simd};

/// Pixels whose places are computed together.
const BLOCK: usize = 64;

/// In place of an index, where a pixel's four taps aren't all inside the image; no image has as many pixels.
const AT_BORDER: u32 = u32::MAX / 8;

impl<T: Value> Kernel for Row<'_, T> {
    #[inline(always)]
    fn run<S: Simd>(self) {
        match self.transform.channels {
            1 => self.bilinear::<S, 1>(),
            2 => self.bilinear::<S, 2>(),
            3 => self.bilinear::<S, 3>(),
            4 => self.bilinear::<S, 4>(),
            _ => self.each(),
        }
    }
}

/// The upper left taps' pixel indices of a block's pixels, and the weights of the upper row, the lower row and the right
/// column.
struct Places {
    at: [u32; BLOCK],
    weights: [[f32; BLOCK]; 3],
}

impl<T: Value> Row<'_, T> {
    /// A pixel's taps and its samples are vectors whose lanes past its channels belong to the pixels after it.
    #[inline(always)]
    fn bilinear<S: Simd, const CHANNELS: usize>(self) {
        const LANES: usize = 8;
        const { assert!(S::LANES == LANES) }
        let Row { transform, map, row, x, y, next } = self;
        let next_row = transform.width * CHANNELS;
        // The rows of a turned image are too far apart for the hardware to guess what is read next.
        let line = LINE * size_of::<f32>() / size_of::<T>();
        next.chunks(line).for_each(|line| S::prefetch(line.as_ptr().cast()));
        let mut places = Places { at: [0; BLOCK], weights: [[0.0; BLOCK]; 3] };
        for (block, y) in y.chunks_mut(BLOCK * CHANNELS).enumerate() {
            let first = block * BLOCK;
            let last = (first + BLOCK).min(transform.width) - 1;
            let inside = [first, last].iter().all(|column| transform.is_inside(map, *column, row));
            // One loop for each mode, so that none has branches; where all is inside the image, the simplest does.
            match if inside { FillMode::Nearest } else { transform.fill_mode } {
                FillMode::Reflect => transform.places(map, first, row, FillMode::Reflect, &mut places),
                FillMode::Nearest => transform.places(map, first, row, FillMode::Nearest, &mut places),
                FillMode::Wrap => transform.places(map, first, row, FillMode::Wrap, &mut places),
                FillMode::Constant => transform.places(map, first, row, FillMode::Constant, &mut places),
            }
            for i in 0..y.len() / CHANNELS {
                let start = places.at[i] as usize * CHANNELS;
                let y = &mut y[i * CHANNELS..];
                if start + next_row + CHANNELS + LANES > x.len() {
                    transform.sample(map, first + i, row, x, &mut y[..CHANNELS]);
                    continue;
                }
                // SAFETY: the last tap's vector ends where the condition above says; a vector is stored where it fits.
                unsafe {
                    let [upper, lower, right] = places.weights.each_ref().map(|weights| weights[i]);
                    let (above, below) = (x.as_ptr().add(start), x.as_ptr().add(start + next_row));
                    // Of the left taps and, in the lanes after them, of the right ones.
                    let column = S::mul_add(T::load::<S>(below), S::splat(lower), S::splat(0.0));
                    let column = S::mul_add(T::load::<S>(above), S::splat(upper), column);
                    let slope = S::sub(S::rotate::<CHANNELS>(column), column);
                    let pixel = S::mul_add(slope, S::splat(right), column);
                    if y.len() >= LANES {
                        S::store(y.as_mut_ptr(), pixel);
                    } else {
                        S::store_partial(y.as_mut_ptr(), pixel, CHANNELS);
                    }
                }
            }
        }
    }
}

impl AffineTransform {
    /// Whether the output pixel comes from a place inside the image, as all between two such of its row do.
    fn is_inside(&self, map: &[f32; 6], column: usize, row: usize) -> bool {
        let [height, width] = [self.height, self.width];
        let (x, y) = source(map, column as f32, row as f32, [height, width], FillMode::Constant);
        x >= 0.0 && y >= 0.0 && x <= (width - 1) as f32 && y <= (height - 1) as f32
    }

    /// Of the block's pixels from column `column` on.
    #[inline(always)]
    fn places(&self, map: &[f32; 6], column: usize, row: usize, fill_mode: FillMode, places: &mut Places) {
        /// Added to a whole number below it, this leaves the number in the lowest bits of the sum.
        const WHOLE: f32 = (1 << 23) as f32;
        let AffineTransform { height, width, .. } = *self;
        let Places { at, weights: [above, below, right] } = places;
        for i in 0..BLOCK {
            let (x, y) = source(map, (column + i) as f32, row as f32, [height, width], fill_mode);
            // The last pixel is the second of two taps, which spares it the way of those at a border.
            let first = |c: f32, len: usize| match fill_mode {
                FillMode::Constant => c.floor(),
                _ => c.floor().min(len as f32 - 2.0),
            };
            let (x0, y0) = (first(x, width), first(y, height));
            let (wx, wy) = (x - x0, y - y0);
            (above[i], below[i], right[i]) = (1.0 - wy, wy, wx);
            let inside = (x0 >= 0.0) & (y0 >= 0.0) & (x0 + 1.0 < width as f32) & (y0 + 1.0 < height as f32);
            let whole = |value: f32| (value + WHOLE).to_bits() & ((1 << 23) - 1);
            let index = whole(y0).wrapping_mul(width as u32).wrapping_add(whole(x0));
            at[i] = if inside { index } else { AT_BORDER };
        }
    }
}
