//! Affine image transforms, with the sampling of Keras 3's preprocessing layers.
//!
//! Strategy: forward passes take one task an output row; backward passes one task an image, scattering the bilinear
//! weights in a fixed order.

use rayon::prelude::*;

use crate::simd::{Kernel, Simd, dispatch};

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

/// Transforms each image of `x` `[transforms.len(), height, width, channels]` by its own matrix
/// `[a0, a1, a2, b0, b1, b2]`, which maps an **output** pixel `(column, row)` to the input position
/// `(a0 * column + a1 * row + a2, b0 * column + b1 * row + b2)`.
#[expect(clippy::too_many_arguments, reason = "shape, options, input and output of one transform")]
pub fn affine(
    height: usize,
    width: usize,
    channels: usize,
    transforms: &[[f32; 6]],
    fill_mode: FillMode,
    fill_value: f32,
    interpolation: Interpolation,
    x: &[f32],
    y: &mut [f32],
) {
    let image = height * width * channels;
    assert_eq!(x.len(), transforms.len() * image);
    assert_eq!(y.len(), x.len());
    if y.is_empty() {
        return;
    }
    y.par_chunks_mut(width * channels).enumerate().for_each(|(i, y)| {
        let x = &x[i / height * image..][..image];
        let transform = transforms[i / height];
        let row = Row { height, width, channels, transform, row: i % height, fill_mode, fill_value, x, y };
        match interpolation {
            Interpolation::Nearest if transform_is_flip(transform, height, width) => row.flip(),
            Interpolation::Nearest => row.general(interpolation),
            Interpolation::Bilinear => dispatch(row),
        }
    });
}

/// An output row of [`affine`].
struct Row<'a> {
    height: usize,
    width: usize,
    channels: usize,
    transform: [f32; 6],
    row: usize,
    fill_mode: FillMode,
    fill_value: f32,
    x: &'a [f32],
    y: &'a mut [f32],
}

/// Bilinear sampling.
impl Kernel for Row<'_> {
    #[inline(always)]
    fn run<S: Simd>(self) {
        match self.channels {
            1 => self.bilinear::<1>(),
            3 => self.bilinear::<3>(),
            4 => self.bilinear::<4>(),
            _ => self.general(Interpolation::Bilinear),
        }
    }
}

impl Row<'_> {
    #[inline(always)]
    fn bilinear<const CHANNELS: usize>(self) {
        let Row { height, width, transform, row, fill_mode, fill_value, x, y, .. } = self;
        let row_length = width * CHANNELS;
        for (column, y) in y.as_chunks_mut::<CHANNELS>().0.iter_mut().enumerate() {
            let position = source(transform, column, row, height, width, fill_mode);
            let (x0, y0) = (position.0.floor(), position.1.floor());
            if x0 >= 0.0 && y0 >= 0.0 && x0 + 1.0 < width as f32 && y0 + 1.0 < height as f32 {
                let (wx, wy) = (position.0 - x0, position.1 - y0);
                let weights = [(1.0 - wx) * (1.0 - wy), wx * (1.0 - wy), (1.0 - wx) * wy, wx * wy];
                let at = (y0 as u32 as usize * width + x0 as u32 as usize) * CHANNELS;
                let (upper, lower) = (&x[at..][..2 * CHANNELS], &x[at + row_length..][..2 * CHANNELS]);
                for (c, y) in y.iter_mut().enumerate() {
                    *y = upper[c] * weights[0]
                        + upper[CHANNELS + c] * weights[1]
                        + lower[c] * weights[2]
                        + lower[CHANNELS + c] * weights[3];
                }
            } else {
                sample(position, Interpolation::Bilinear, height, width, fill_value, x, y);
            }
        }
    }

    fn general(self, interpolation: Interpolation) {
        let Row { height, width, channels, transform, row, fill_mode, fill_value, x, y } = self;
        for (column, y) in y.chunks_exact_mut(channels).enumerate() {
            let position = source(transform, column, row, height, width, fill_mode);
            sample(position, interpolation, height, width, fill_value, x, y);
        }
    }

    /// For transforms that [`transform_is_flip`] accepts.
    fn flip(self) {
        let Row { height, width, channels, transform, row, x, y, .. } = self;
        let from = if transform[4] < 0.0 { height - 1 - row } else { row };
        let x = &x[from * width * channels..][..width * channels];
        if transform[0] < 0.0 {
            let mirrored = x.chunks_exact(channels).rev();
            y.chunks_exact_mut(channels).zip(mirrored).for_each(|(y, x)| y.copy_from_slice(x));
        } else {
            y.copy_from_slice(x);
        }
    }
}

/// Whether each axis stays as it is or is mirrored.
fn transform_is_flip([a0, a1, a2, b0, b1, b2]: [f32; 6], height: usize, width: usize) -> bool {
    let axis = |scale: f32, offset: f32, len: usize| {
        (scale == 1.0 && offset == 0.0) || (scale == -1.0 && offset == (len - 1) as f32)
    };
    a1 == 0.0 && b0 == 0.0 && axis(a0, a2, width) && axis(b1, b2, height)
}

/// Writes the pixel at this input position to `y`.
fn sample(
    position: (f32, f32),
    interpolation: Interpolation,
    height: usize,
    width: usize,
    fill_value: f32,
    x: &[f32],
    y: &mut [f32],
) {
    y.fill(0.0);
    for_taps(position, interpolation, height, width, |pixel, weight| match pixel {
        Some(pixel) => {
            let x = &x[pixel * y.len()..];
            y.iter_mut().zip(x).for_each(|(y, x)| *y += x * weight);
        }
        None => y.iter_mut().for_each(|y| *y += fill_value * weight),
    });
}

/// Gradient of [`affine`] by `x`.
#[expect(clippy::too_many_arguments, reason = "shape, options, input and output of one transform")]
pub fn affine_backward(
    height: usize,
    width: usize,
    channels: usize,
    transforms: &[[f32; 6]],
    fill_mode: FillMode,
    interpolation: Interpolation,
    dy: &[f32],
    dx: &mut [f32],
) {
    let image = height * width * channels;
    assert_eq!(dx.len(), transforms.len() * image);
    assert_eq!(dy.len(), dx.len());
    if dx.is_empty() {
        return;
    }
    dx.par_chunks_mut(image).zip(dy.par_chunks(image)).zip(transforms).for_each(|((dx, dy), &transform)| {
        dx.fill(0.0);
        for (i, dy) in dy.chunks_exact(channels).enumerate() {
            let position = source(transform, i % width, i / width, height, width, fill_mode);
            for_taps(position, interpolation, height, width, |pixel, weight| {
                if let Some(pixel) = pixel {
                    dx[pixel * channels..].iter_mut().zip(dy).for_each(|(dx, dy)| *dx += dy * weight);
                }
            });
        }
    });
}

/// The input position `(column, row)` of an output pixel, mapped by the fill mode.
#[inline(always)]
fn source(
    t: [f32; 6],
    column: usize,
    row: usize,
    height: usize,
    width: usize,
    fill_mode: FillMode,
) -> (f32, f32) {
    let (column, row) = (column as f32, row as f32);
    (
        map_coordinate(t[0] * column + t[1] * row + t[2], width, fill_mode),
        map_coordinate(t[3] * column + t[4] * row + t[5], height, fill_mode),
    )
}

#[inline(always)]
fn map_coordinate(mut c: f32, len: usize, fill_mode: FillMode) -> f32 {
    let len = len as f32;
    let last = len - 1.0;
    match fill_mode {
        FillMode::Constant => return c,
        FillMode::Nearest => {}
        FillMode::Reflect | FillMode::Wrap if last <= 0.0 => c = 0.0,
        FillMode::Reflect => {
            let period = 2.0 * len;
            if c < 0.0 {
                c += period * (-c / period).trunc();
                c = if c < -len { c + period } else { -c - 1.0 };
            } else if c > last {
                c -= period * (c / period).trunc();
                if c >= len {
                    c = period - c - 1.0;
                }
            }
        }
        FillMode::Wrap => {
            if c < 0.0 {
                c += len * ((-c / last).trunc() + 1.0);
            } else if c > last {
                c -= len * (c / last).trunc();
            }
        }
    }
    c.clamp(0.0, last)
}

/// Calls `tap(pixel, weight)` for each pixel read; `None` is a pixel outside the image.
fn for_taps(
    (x, y): (f32, f32),
    interpolation: Interpolation,
    height: usize,
    width: usize,
    mut tap: impl FnMut(Option<usize>, f32),
) {
    let pixel = |x: f32, y: f32| {
        let inside = x >= 0.0 && y >= 0.0 && x < width as f32 && y < height as f32;
        inside.then_some(y as usize * width + x as usize)
    };
    match interpolation {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shortcuts_give_what_each_pixel_by_itself_gives() {
        let [height, width] = [13, 17];
        let turned = [0.8, -0.6, 3.2, 0.6, 0.8, -2.5];
        let flips = [[-1.0, 0.0, 16.0, 0.0, 1.0, 0.0], [1.0, 0.0, 0.0, 0.0, -1.0, 12.0]];
        let transforms = [turned, flips[0], flips[1]];
        for channels in 1..=5 {
            let image = height * width * channels;
            let x: Vec<f32> = (0..3 * image).map(|i| ((i * 7919) % 256) as f32).collect();
            for interpolation in [Interpolation::Nearest, Interpolation::Bilinear] {
                for fill_mode in [FillMode::Reflect, FillMode::Nearest, FillMode::Wrap, FillMode::Constant] {
                    let mut y = vec![0.0; x.len()];
                    affine(height, width, channels, &transforms, fill_mode, 9.0, interpolation, &x, &mut y);
                    for (i, y) in y.chunks_exact(channels).enumerate() {
                        let (n, row, column) = (i / width / height, i / width % height, i % width);
                        let position = source(transforms[n], column, row, height, width, fill_mode);
                        let mut expected = vec![0.0; channels];
                        let x = &x[n * image..][..image];
                        sample(position, interpolation, height, width, 9.0, x, &mut expected);
                        assert_eq!(y, expected, "{fill_mode:?}, {interpolation:?}, {channels} channels");
                    }
                }
            }
        }
    }
}
