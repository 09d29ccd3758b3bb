//! Affine image transforms, with the sampling of Keras 3's preprocessing layers.
//!
//! Strategy: forward passes take one task an output row; backward passes one task an image, scattering the bilinear
//! weights in a fixed order.

use rayon::prelude::*;

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
        for (column, y) in y.chunks_exact_mut(channels).enumerate() {
            y.fill(0.0);
            let position = source(transform, column, i % height, height, width, fill_mode);
            for_taps(position, interpolation, height, width, |pixel, weight| match pixel {
                Some(pixel) => {
                    y.iter_mut().zip(&x[pixel * channels..]).for_each(|(y, x)| *y += x * weight);
                }
                None => y.iter_mut().for_each(|y| *y += fill_value * weight),
            });
        }
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
