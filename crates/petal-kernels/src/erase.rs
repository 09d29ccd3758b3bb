//! Rectangles of images filled with a colour or noise.
//!
//! Strategy: one task an image.

use std::ops::Range;

use rayon::prelude::*;

use crate::noise::normal;

/// A rectangle, or none.
pub type Rectangle = Option<[Range<usize>; 2]>;

/// What a rectangle is filled with.
#[derive(Clone, Copy, Debug)]
pub enum Fill<'a> {
    /// A number for each channel.
    Colour(&'a [f32]),
    /// Normal numbers of this standard deviation, drawn from a key for each image, clipped to `range`.
    Noise {
        /// One key for each image.
        keys: &'a [u64],
        /// The standard deviation.
        stddev: f32,
        /// The range that the numbers are clipped to.
        range: [f32; 2],
    },
}

/// Fills the rows and columns of each image's rectangle; images are `[height, width, channels]`.
pub fn erase(image: [usize; 3], rectangles: &[Rectangle], fill: Fill<'_>, x: &[f32], y: &mut [f32]) {
    each_erased(image, rectangles, x, y, |n, i| match fill {
        Fill::Colour(colour) => colour[i % image[2]],
        Fill::Noise { keys, stddev, range } => {
            (stddev * normal(keys[n], i as u64)).max(range[0]).min(range[1])
        }
    });
}

/// Gradient of [`erase`] by its input.
pub fn erase_backward(image: [usize; 3], rectangles: &[Rectangle], dy: &[f32], dx: &mut [f32]) {
    each_erased(image, rectangles, dy, dx, |_, _| 0.0);
}

/// `y = x`, but in the rectangles `f` of the image's number and the value's place in it.
fn each_erased(
    [height, width, channels]: [usize; 3],
    rectangles: &[Rectangle],
    x: &[f32],
    y: &mut [f32],
    f: impl Fn(usize, usize) -> f32 + Sync,
) {
    let image = height * width * channels;
    assert_eq!(x.len(), rectangles.len() * image);
    assert_eq!(y.len(), x.len());
    if y.is_empty() {
        return;
    }
    let images = y.par_chunks_mut(image).zip(x.par_chunks(image)).zip(rectangles).enumerate();
    images.for_each(|(n, ((y, x), rectangle))| {
        y.copy_from_slice(x);
        let Some([rows, columns]) = rectangle else { return };
        for row in rows.clone() {
            let start = (row * width + columns.start) * channels;
            let len = columns.len() * channels;
            y[start..start + len].iter_mut().enumerate().for_each(|(i, y)| *y = f(n, start + i));
        }
    });
}
