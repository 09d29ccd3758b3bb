//! Zero padding and cropping.
//!
//! Strategy: row by row copies, rows in parallel. The gradient of a padding is a crop, and the other way round.

use rayon::prelude::*;

use crate::Padding;
use crate::parallel::chunk_rows;

/// Zeros around an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pad2d {
    /// Images.
    pub batch: usize,
    /// `[height, width, channels]` before padding.
    pub input: [usize; 3],
    /// Zeros at each side.
    pub padding: Padding,
}

impl Pad2d {
    /// `[height, width, channels]` after padding.
    pub fn output(&self) -> [usize; 3] {
        let Padding { top, bottom, left, right } = self.padding;
        [self.input[0] + top + bottom, self.input[1] + left + right, self.input[2]]
    }

    /// `y` is `x` with zeros around it.
    pub fn forward(&self, x: &[f32], y: &mut [f32]) {
        embed(self.batch, self.input, self.output(), [self.padding.top, self.padding.left], x, y);
    }

    /// `dx` is the inner part of `dy`.
    pub fn backward(&self, dy: &[f32], dx: &mut [f32]) {
        cut(self.batch, self.output(), self.input, [self.padding.top, self.padding.left], dy, dx);
    }
}

/// A rectangle cut out of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Crop2d {
    /// Images.
    pub batch: usize,
    /// `[height, width, channels]` before cropping.
    pub input: [usize; 3],
    /// First row kept.
    pub top: usize,
    /// First column kept.
    pub left: usize,
    /// Rows kept.
    pub height: usize,
    /// Columns kept.
    pub width: usize,
}

impl Crop2d {
    /// `[height, width, channels]` after cropping.
    pub fn output(&self) -> [usize; 3] {
        [self.height, self.width, self.input[2]]
    }

    /// `y` is the rectangle of `x`.
    pub fn forward(&self, x: &[f32], y: &mut [f32]) {
        cut(self.batch, self.input, self.output(), [self.top, self.left], x, y);
    }

    /// `dx` is `dy` with zeros around it.
    pub fn backward(&self, dy: &[f32], dx: &mut [f32]) {
        embed(self.batch, self.output(), self.input, [self.top, self.left], dy, dx);
    }
}

fn cut(batch: usize, large: [usize; 3], small: [usize; 3], at: [usize; 2], x: &[f32], y: &mut [f32]) {
    let channels = large[2];
    assert!(at[0] + small[0] <= large[0] && at[1] + small[1] <= large[1]);
    assert_eq!(x.len(), batch * large.iter().product::<usize>());
    assert_eq!(y.len(), batch * small.iter().product::<usize>());
    if y.is_empty() {
        return;
    }
    let row = small[1] * channels;
    y.par_chunks_mut(row).enumerate().with_min_len(chunk_rows(row)).for_each(|(i, y)| {
        let start = ((i / small[0] * large[0] + i % small[0] + at[0]) * large[1] + at[1]) * channels;
        y.copy_from_slice(&x[start..start + row]);
    });
}

fn embed(batch: usize, small: [usize; 3], large: [usize; 3], at: [usize; 2], x: &[f32], y: &mut [f32]) {
    let channels = large[2];
    assert!(at[0] + small[0] <= large[0] && at[1] + small[1] <= large[1]);
    assert_eq!(x.len(), batch * small.iter().product::<usize>());
    assert_eq!(y.len(), batch * large.iter().product::<usize>());
    if y.is_empty() {
        return;
    }
    let row = small[1] * channels;
    let min_len = chunk_rows(large[1] * channels);
    y.par_chunks_mut(large[1] * channels).enumerate().with_min_len(min_len).for_each(|(i, y)| {
        let (image, line) = (i / large[0], i % large[0]);
        if line < at[0] || line >= at[0] + small[0] {
            return y.fill(0.0);
        }
        let start = (image * small[0] + line - at[0]) * row;
        let (left, rest) = y.split_at_mut(at[1] * channels);
        let (inner, right) = rest.split_at_mut(row);
        left.fill(0.0);
        inner.copy_from_slice(&x[start..start + row]);
        right.fill(0.0);
    });
}
