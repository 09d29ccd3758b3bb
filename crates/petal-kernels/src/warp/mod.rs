//! Affine image transforms, with the sampling of Keras 3's preprocessing layers, and a rescaling in the same pass.
//!
//! Strategy: forward passes take one task an output row; backward passes one task an image, scattering the bilinear
//! weights in a fixed order.

mod bilinear;
mod perspective;
mod source;

use rayon::prelude::*;

use crate::pixels::{Pixels, Value};
use crate::simd::dispatch_eight;
use source::source;

/// What is read beyond the border.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FillMode {
    /// `d c b a | a b c d | d c b a`.
    Reflect,
    /// `a a a a | a b c d | d d d d`.
    Nearest,
    /// `a b c d | a b c d | a b c d`.
    Wrap,
    /// A constant value.
    Constant,
}

/// How a value between pixels is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Interpolation {
    /// The nearest pixel; halves are rounded away from zero.
    Nearest,
    /// Weighted mean of the four pixels around.
    Bilinear,
}

/// Affine maps of images `[batch, height, width, channels]`, each by a matrix `[a0, a1, a2, b0, b1, b2]` of its own,
/// which takes an **output** pixel `(column, row)` to the input position
/// `(a0 * column + a1 * row + a2, b0 * column + b1 * row + b2)`. What was sampled is rescaled.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AffineTransform {
    /// Rows of an image.
    pub height: usize,
    /// Pixels of a row.
    pub width: usize,
    /// Values of a pixel.
    pub channels: usize,
    /// What is read beyond the border.
    pub fill_mode: FillMode,
    /// The value of [`FillMode::Constant`].
    pub fill_value: f32,
    /// How values between pixels are found.
    pub interpolation: Interpolation,
    /// `[scale, offset]`: each output is `sample * scale + offset`.
    pub rescaling: [f32; 2],
}

impl AffineTransform {
    /// The images `y` of `x`, both `[maps.len(), height, width, channels]`.
    pub fn forward<'a>(&self, maps: &[[f32; 6]], x: impl Into<Pixels<'a>>, y: &mut [f32]) {
        match x.into() {
            Pixels::Floats(x) => self.run(maps, x, y),
            Pixels::Bytes(x) => self.run(maps, x, y),
        }
    }

    fn run<T: Value>(&self, maps: &[[f32; 6]], x: &[T], y: &mut [f32]) {
        let AffineTransform { height, width, channels, .. } = *self;
        let image = height * width * channels;
        assert_eq!(x.len(), maps.len() * image);
        assert_eq!(y.len(), x.len());
        if y.is_empty() {
            return;
        }
        let row_length = width * channels;
        y.par_chunks_mut(row_length).enumerate().for_each(|(i, y)| {
            let (n, row) = (i / height, i % height);
            let (x, following) = x[n * image..].split_at(image);
            let next = following.chunks_exact(row_length).nth(row).unwrap_or_default();
            let map = &maps[n];
            match self.interpolation {
                Interpolation::Nearest if self.is_flip(map) => self.flip(map, row, x, y),
                Interpolation::Nearest => Row { transform: self, map, row, x, y, next }.each(),
                Interpolation::Bilinear => dispatch_eight(Row { transform: self, map, row, x, y, next }),
            }
            let [scale, offset] = self.rescaling;
            if self.rescaling != [1.0, 0.0] {
                y.iter_mut().for_each(|y| *y = *y * scale + offset);
            }
        });
    }

    /// The gradient `dx` by `x`.
    pub fn backward(&self, maps: &[[f32; 6]], dy: &[f32], dx: &mut [f32]) {
        let AffineTransform { height, width, channels, .. } = *self;
        let image = height * width * channels;
        assert_eq!(dx.len(), maps.len() * image);
        assert_eq!(dy.len(), dx.len());
        if dx.is_empty() {
            return;
        }
        dx.par_chunks_mut(image).zip(dy.par_chunks(image)).zip(maps).for_each(|((dx, dy), map)| {
            dx.fill(0.0);
            for (i, dy) in dy.chunks_exact(channels).enumerate() {
                self.for_taps(map, i % width, i / width, |pixel, weight| {
                    if let Some(pixel) = pixel {
                        let weight = weight * self.rescaling[0];
                        dx[pixel * channels..].iter_mut().zip(dy).for_each(|(dx, dy)| *dx += dy * weight);
                    }
                });
            }
        });
    }

    /// Whether each axis stays as it is or is mirrored.
    fn is_flip(&self, &[a0, a1, a2, b0, b1, b2]: &[f32; 6]) -> bool {
        let axis = |scale: f32, offset: f32, len: usize| {
            (scale == 1.0 && offset == 0.0) || (scale == -1.0 && offset == (len - 1) as f32)
        };
        a1 == 0.0 && b0 == 0.0 && axis(a0, a2, self.width) && axis(b1, b2, self.height)
    }

    /// An output row, by a map that [`is_flip`](Self::is_flip).
    fn flip<T: Value>(&self, map: &[f32; 6], row: usize, x: &[T], y: &mut [f32]) {
        let AffineTransform { height, width, channels, .. } = *self;
        let from = if map[4] < 0.0 { height - 1 - row } else { row };
        let x = &x[from * width * channels..][..width * channels];
        let copy = |(y, x): (&mut [f32], &[T])| y.iter_mut().zip(x).for_each(|(y, x)| *y = (*x).into());
        if map[0] < 0.0 {
            y.chunks_exact_mut(channels).zip(x.chunks_exact(channels).rev()).for_each(copy);
        } else {
            copy((y, x));
        }
    }

    /// Writes one output pixel to `y`.
    fn sample<T: Value>(&self, map: &[f32; 6], column: usize, row: usize, x: &[T], y: &mut [f32]) {
        y.fill(0.0);
        self.for_taps(map, column, row, |pixel, weight| match pixel {
            Some(pixel) => {
                let x = &x[pixel * y.len()..];
                y.iter_mut().zip(x).for_each(|(y, x)| *y += (*x).into() * weight);
            }
            None => y.iter_mut().for_each(|y| *y += self.fill_value * weight),
        });
    }

    /// Calls `tap(pixel, weight)` for each pixel that this output pixel reads; `None` is one outside the image.
    fn for_taps(&self, map: &[f32; 6], column: usize, row: usize, tap: impl FnMut(Option<usize>, f32)) {
        let AffineTransform { height, width, fill_mode, .. } = *self;
        let (x, y) = source(map, column as f32, row as f32, [height, width], fill_mode);
        self.for_taps_around(x, y, tap);
    }

    /// The same for the position in the input.
    fn for_taps_around(&self, x: f32, y: f32, mut tap: impl FnMut(Option<usize>, f32)) {
        let AffineTransform { height, width, .. } = *self;
        let pixel = |x: f32, y: f32| {
            let inside = x >= 0.0 && y >= 0.0 && x < width as f32 && y < height as f32;
            inside.then_some(y as usize * width + x as usize)
        };
        match self.interpolation {
            Interpolation::Nearest => tap(pixel(x.round(), y.round()), 1.0),
            Interpolation::Bilinear => {
                let (x0, y0) = (x.floor(), y.floor());
                let (wx, wy) = (x - x0, y - y0);
                tap(pixel(x0, y0), (1.0 - wx) * (1.0 - wy));
                tap(pixel(x0 + 1.0, y0), wx * (1.0 - wy));
                tap(pixel(x0, y0 + 1.0), (1.0 - wx) * wy);
                tap(pixel(x0 + 1.0, y0 + 1.0), wx * wy);
            }
        }
    }
}

/// An output row.
struct Row<'a, T> {
    transform: &'a AffineTransform,
    map: &'a [f32; 6],
    row: usize,
    x: &'a [T],
    y: &'a mut [f32],
    /// The same row of the next image's input, to be fetched meanwhile.
    next: &'a [T],
}

impl<T: Value> Row<'_, T> {
    /// Pixel by pixel.
    fn each(self) {
        let Row { transform, map, row, x, y, .. } = self;
        for (column, y) in y.chunks_exact_mut(transform.channels).enumerate() {
            transform.sample(map, column, row, x, y);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shortcuts_give_what_each_pixel_by_itself_gives() {
        // The widths are under, at and over the pixels that are computed together.
        for [height, width] in [[13, 17], [5, 64], [1, 131], [7, 1]] {
            let turned = [0.8, -0.6, 3.2, 0.6, 0.8, -2.5];
            let far = [3.7, 0.2, -150.0, -0.4, -5.1, 90.0];
            let last = [width, height].map(|len| len as f32 - 1.0);
            let flips = [[-1.0, 0.0, last[0], 0.0, 1.0, 0.0], [1.0, 0.0, 0.0, 0.0, -1.0, last[1]]];
            let maps = [turned, far, flips[0], flips[1]];
            for channels in 1..=5 {
                let image = height * width * channels;
                let bytes: Vec<u8> = (0..maps.len() * image).map(|i| (i * 7919 % 256) as u8).collect();
                let x: Vec<f32> = bytes.iter().map(|&byte| f32::from(byte)).collect();
                for interpolation in [Interpolation::Nearest, Interpolation::Bilinear] {
                    for fill_mode in
                        [FillMode::Reflect, FillMode::Nearest, FillMode::Wrap, FillMode::Constant]
                    {
                        let transform = AffineTransform {
                            height,
                            width,
                            channels,
                            fill_mode,
                            fill_value: 9.0,
                            interpolation,
                            rescaling: [0.5, -1.0],
                        };
                        let mut y = vec![0.0; x.len()];
                        transform.forward(&maps, &*x, &mut y);
                        let mut of_bytes = vec![0.0; x.len()];
                        transform.forward(&maps, &*bytes, &mut of_bytes);
                        assert_eq!(y, of_bytes, "{transform:?}");
                        for (i, y) in y.chunks_exact(channels).enumerate() {
                            let (n, row, column) = (i / width / height, i / width % height, i % width);
                            let mut expected = vec![0.0; channels];
                            transform.sample(&maps[n], column, row, &x[n * image..][..image], &mut expected);
                            expected.iter_mut().for_each(|value| *value = *value * 0.5 - 1.0);
                            for (y, expected) in y.iter().zip(&expected) {
                                assert!((y - expected).abs() < 1e-4, "{y} {expected} {transform:?}");
                            }
                        }
                    }
                }
            }
        }
    }
}
