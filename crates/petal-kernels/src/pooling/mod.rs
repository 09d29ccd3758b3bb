//! Maximum and average pooling.
//!
//! Strategies: forward passes take one task an output row, with the inner loop over channels; backward passes one task
//! an image, since windows may overlap. Max pooling records which cell of the window won, so that its backward pass
//! needs neither input nor output. Windows of 2×2 that don't overlap are vectorised by hand (`two_by_two.rs`).

pub(crate) mod two_by_two;

use std::ops::Range;

use rayon::prelude::*;

use crate::Padding;
use crate::parallel::chunk_rows;
use crate::simd::dispatch_eight;

/// Pooling over windows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pool2d {
    /// Images.
    pub batch: usize,
    /// `[height, width, channels]` of the input.
    pub input: [usize; 3],
    /// `[height, width]` of the window.
    pub window: [usize; 2],
    /// Steps `[vertical, horizontal]`.
    pub strides: [usize; 2],
    /// Cells around the image that no window counts; less than the window at each side.
    pub padding: Padding,
}

impl Pool2d {
    /// `[height, width, channels]` of the output; a last incomplete window is dropped.
    pub fn output(&self) -> [usize; 3] {
        let Padding { top, bottom, left, right } = self.padding;
        [
            (self.input[0] + top + bottom + self.strides[0]).saturating_sub(self.window[0]) / self.strides[0],
            (self.input[1] + left + right + self.strides[1]).saturating_sub(self.window[1]) / self.strides[1],
            self.input[2],
        ]
    }

    /// Bytes of `arg`: one for each output for windows of up to 256 cells, else four.
    pub fn arg_bytes(&self) -> usize {
        self.output_len() * self.arg_width()
    }

    /// `y` = maximum of each window; `arg` = the window's cell `ky * width + kx` that holds it, the first if several do.
    /// NaN anywhere in a window is its maximum, so that a diverged training shows (TensorFlow on CPUs passes over it).
    pub fn max_forward(&self, x: &[f32], y: &mut [f32], arg: &mut [u8]) {
        self.check(x, y);
        assert_eq!(arg.len(), self.arg_bytes());
        if y.is_empty() {
            return;
        }
        let [height, width, channels] = self.output();
        let row = width * channels;
        let bytes = self.arg_width();
        let min_len = chunk_rows(row);
        let rows =
            y.par_chunks_mut(row).zip(arg.par_chunks_mut(row * bytes)).enumerate().with_min_len(min_len);
        rows.for_each(|(i, (y, arg))| {
            let x = self.image(x, i / height);
            if self.is_two_by_two() {
                let x = &x[i % height * 2 * self.input[1] * channels..];
                return dispatch_eight(two_by_two::Forward { pool: self, x, y, arg });
            }
            for (ox, (y, arg)) in
                y.chunks_exact_mut(channels).zip(arg.chunks_exact_mut(channels * bytes)).enumerate()
            {
                let mut first = true;
                for (cell, start) in self.cells(i % height, ox) {
                    let x = &x[start..start + channels];
                    if first {
                        y.copy_from_slice(x);
                        arg.chunks_exact_mut(bytes).for_each(|arg| write_arg(arg, cell));
                        first = false;
                    } else if bytes == 1 {
                        for ((y, x), arg) in y.iter_mut().zip(x).zip(arg.iter_mut()) {
                            let greater = *x > *y || x.is_nan();
                            *y = if greater { *x } else { *y };
                            *arg = if greater { cell as u8 } else { *arg };
                        }
                    } else {
                        for ((y, x), arg) in y.iter_mut().zip(x).zip(arg.chunks_exact_mut(bytes)) {
                            if *x > *y || x.is_nan() {
                                *y = *x;
                                write_arg(arg, cell);
                            }
                        }
                    }
                }
            }
        });
    }

    /// Adds each element of `dy` to the cell of `dx` that won its window.
    pub fn max_backward(&self, dy: &[f32], arg: &[u8], dx: &mut [f32]) {
        self.check(dx, dy);
        assert_eq!(arg.len(), self.arg_bytes());
        if dx.is_empty() {
            return;
        }
        let [height, width, channels] = self.output();
        let bytes = self.arg_width();
        let output = self.output().iter().product::<usize>();
        dx.par_chunks_mut(self.input.iter().product()).enumerate().for_each(|(n, dx)| {
            let dy = &dy[n * output..][..output];
            let arg = &arg[n * output * bytes..][..output * bytes];
            if self.is_two_by_two() {
                let (pooled, row) = (width * channels, self.input[1] * channels);
                for i in 0..height {
                    let (dy, arg) = (&dy[i * pooled..][..pooled], &arg[i * pooled..][..pooled]);
                    let dx = &mut dx[2 * i * row..][..2 * row];
                    dispatch_eight(two_by_two::Backward { pool: self, dy, arg, dx });
                }
                // A last row that is in no window.
                return dx[2 * height * row..].fill(0.0);
            }
            dx.fill(0.0);
            for (i, (dy, arg)) in
                dy.chunks_exact(channels).zip(arg.chunks_exact(channels * bytes)).enumerate()
            {
                let (oy, ox) = (i / width, i % width);
                for (c, (dy, arg)) in dy.iter().zip(arg.chunks_exact(bytes)).enumerate() {
                    let cell = read_arg(arg);
                    let iy = oy * self.strides[0] + cell / self.window[1] - self.padding.top;
                    let ix = ox * self.strides[1] + cell % self.window[1] - self.padding.left;
                    dx[(iy * self.input[1] + ix) * channels + c] += dy;
                }
            }
        });
    }

    /// `y` = mean of each window's cells inside the image (TensorFlow doesn't count padded cells).
    pub fn average_forward(&self, x: &[f32], y: &mut [f32]) {
        self.check(x, y);
        if y.is_empty() {
            return;
        }
        let [height, width, channels] = self.output();
        let row = width * channels;
        y.par_chunks_mut(row).enumerate().with_min_len(chunk_rows(row)).for_each(|(i, y)| {
            let x = self.image(x, i / height);
            for (ox, y) in y.chunks_exact_mut(channels).enumerate() {
                y.fill(0.0);
                for (_, start) in self.cells(i % height, ox) {
                    y.iter_mut().zip(&x[start..]).for_each(|(y, x)| *y += x);
                }
                let scale = 1.0 / self.count(i % height, ox) as f32;
                y.iter_mut().for_each(|y| *y *= scale);
            }
        });
    }

    /// Each cell of a window inside the image gets an equal share of the window's `dy`.
    pub fn average_backward(&self, dy: &[f32], dx: &mut [f32]) {
        self.check(dx, dy);
        if dx.is_empty() {
            return;
        }
        let [_, width, channels] = self.output();
        let output = self.output().iter().product::<usize>();
        dx.par_chunks_mut(self.input.iter().product()).enumerate().for_each(|(n, dx)| {
            dx.fill(0.0);
            for (i, dy) in dy[n * output..][..output].chunks_exact(channels).enumerate() {
                let scale = 1.0 / self.count(i / width, i % width) as f32;
                for (_, start) in self.cells(i / width, i % width) {
                    dx[start..].iter_mut().zip(dy).for_each(|(dx, dy)| *dx += dy * scale);
                }
            }
        });
    }

    fn is_two_by_two(&self) -> bool {
        self.window == [2, 2] && self.strides == [2, 2] && self.padding == Padding::default()
    }

    fn output_len(&self) -> usize {
        self.batch * self.output().iter().product::<usize>()
    }

    fn arg_width(&self) -> usize {
        if self.window[0] * self.window[1] <= 256 { 1 } else { 4 }
    }

    fn image<'a>(&self, x: &'a [f32], n: usize) -> &'a [f32] {
        let len = self.input.iter().product::<usize>();
        &x[n * len..][..len]
    }

    /// The window's cells inside the image, as (cell, offset of its first channel in the image).
    pub(crate) fn cells(&self, oy: usize, ox: usize) -> impl Iterator<Item = (usize, usize)> + '_ {
        let columns = self.inside(1, ox);
        let iy = oy * self.strides[0];
        let ix = ox * self.strides[1];
        self.inside(0, oy).flat_map(move |ky| {
            columns.clone().map(move |kx| {
                let y = iy + ky - self.padding.top;
                let x = ix + kx - self.padding.left;
                (ky * self.window[1] + kx, (y * self.input[1] + x) * self.input[2])
            })
        })
    }

    fn count(&self, oy: usize, ox: usize) -> usize {
        self.inside(0, oy).len() * self.inside(1, ox).len()
    }

    fn inside(&self, axis: usize, position: usize) -> Range<usize> {
        let before = [self.padding.top, self.padding.left][axis];
        let start = position * self.strides[axis];
        before.saturating_sub(start)..(self.input[axis] + before - start).min(self.window[axis])
    }

    fn check(&self, image: &[f32], pooled: &[f32]) {
        let Padding { top, bottom, left, right } = self.padding;
        assert!(
            top.max(bottom) < self.window[0] && left.max(right) < self.window[1],
            "window inside the padding"
        );
        assert_eq!(image.len(), self.batch * self.input.iter().product::<usize>());
        assert_eq!(pooled.len(), self.output_len());
    }
}

fn write_arg(arg: &mut [u8], cell: usize) {
    match arg {
        [byte] => *byte = cell as u8,
        bytes => bytes.copy_from_slice(&(cell as u32).to_le_bytes()),
    }
}

fn read_arg(arg: &[u8]) -> usize {
    match *arg {
        [byte] => byte.into(),
        [a, b, c, d] => u32::from_le_bytes([a, b, c, d]) as usize,
        _ => unreachable!("an arg is 1 or 4 bytes"),
    }
}
