//! Pooling of bytes, vectorised over channels by the compiler. One task is an output row, or an image.

use rayon::prelude::*;

use crate::Pool2d;
use crate::simd::{Kernel, Simd, dispatch};

/// `y` = maximum of each window: bytes of the same grid.
pub fn quantized_max(pool: &Pool2d, x: &[u8], y: &mut [u8]) {
    let [height, width, channels] = pool.output();
    let image: usize = pool.input.iter().product();
    assert!(x.len() == pool.batch * image && y.len() == pool.batch * height * width * channels);
    if y.is_empty() {
        return;
    }
    y.par_chunks_mut(width * channels).enumerate().for_each(|(row, y)| {
        let x = &x[row / height * image..][..image];
        dispatch(Max { pool, x, row: row % height, y });
    });
}

struct Max<'a> {
    pool: &'a Pool2d,
    x: &'a [u8],
    row: usize,
    y: &'a mut [u8],
}

impl Kernel for Max<'_> {
    #[inline(always)]
    fn run<S: Simd>(self) {
        let channels = self.pool.input[2];
        for (column, y) in self.y.chunks_exact_mut(channels).enumerate() {
            y.fill(0);
            for (_, start) in self.pool.cells(self.row, column) {
                y.iter_mut().zip(&self.x[start..start + channels]).for_each(|(y, x)| *y = (*y).max(*x));
            }
        }
    }
}

/// `y = clamp(round(mean of each window · scale + offset), 0, 255)`; cells outside of the image don't count.
pub fn quantized_average(pool: &Pool2d, x: &[u8], scale: f32, offset: f32, y: &mut [u8]) {
    let [height, width, channels] = pool.output();
    let image: usize = pool.input.iter().product();
    assert!(x.len() == pool.batch * image && y.len() == pool.batch * height * width * channels);
    if y.is_empty() {
        return;
    }
    y.par_chunks_mut(width * channels).enumerate().for_each(|(row, y)| {
        let x = &x[row / height * image..][..image];
        for (column, y) in y.chunks_exact_mut(channels).enumerate() {
            let starts = pool.cells(row % height, column).map(|(_, start)| start);
            mean(starts, x, scale, offset, y);
        }
    });
}

/// `y = clamp(round(mean of an image's pixels · scale + offset), 0, 255)` for each channel, `[batch, channels]`.
pub fn quantized_global_average(channels: usize, x: &[u8], scale: f32, offset: f32, y: &mut [u8]) {
    let image = x.len() / (y.len() / channels.max(1)).max(1);
    assert!(image.is_multiple_of(channels.max(1)) && image * (y.len() / channels.max(1)) == x.len());
    if y.is_empty() || image == 0 {
        return y.fill(0);
    }
    y.par_chunks_exact_mut(channels).zip(x.par_chunks_exact(image)).for_each(|(y, x)| {
        mean((0..image).step_by(channels), x, scale, offset, y);
    });
}

/// The mean over the pixels that begin at these places.
fn mean(starts: impl Iterator<Item = usize>, x: &[u8], scale: f32, offset: f32, y: &mut [u8]) {
    struct Sum<'a, I>(I, &'a [u8], &'a mut [u32], &'a mut f32);
    impl<I: Iterator<Item = usize>> Kernel for Sum<'_, I> {
        #[inline(always)]
        fn run<S: Simd>(self) {
            for start in self.0 {
                let pixel = &self.1[start..start + self.2.len()];
                self.2.iter_mut().zip(pixel).for_each(|(sum, x)| *sum += u32::from(*x));
                *self.3 += 1.0;
            }
        }
    }
    let (mut sums, mut count) = (vec![0; y.len()], 0.0);
    dispatch(Sum(starts, x, &mut sums, &mut count));
    for (y, sum) in y.iter_mut().zip(sums) {
        *y = (sum as f32 / count).mul_add(scale, offset).clamp(0.0, 255.0).round_ties_even() as u8;
    }
}
