//! Resizing with TensorFlow's half-pixel centres, without antialiasing.
//!
//! Strategy: forward passes take one task an output row, backward passes one task an image.

use rayon::prelude::*;

/// Resizes a batch of images.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resize {
    /// Images.
    pub batch: usize,
    /// `[height, width, channels]` of the input.
    pub input: [usize; 3],
    /// `[height, width]` of the output.
    pub output: [usize; 2],
}

impl Resize {
    /// Bilinear: `source = (position + 0.5) * in / out - 0.5` on each axis, positions beyond the border clamped.
    pub fn bilinear_forward(&self, x: &[f32], y: &mut [f32]) {
        self.rows(x, y, |x, oy, y| {
            let [_, width, channels] = self.input;
            let (top, bottom, wy) = self.neighbours(0, oy);
            for (ox, y) in y.chunks_exact_mut(channels).enumerate() {
                let (left, right, wx) = self.neighbours(1, ox);
                let at = |iy, ix| &x[(iy * width + ix) * channels..][..channels];
                let (tl, tr, bl, br) = (at(top, left), at(top, right), at(bottom, left), at(bottom, right));
                for (c, y) in y.iter_mut().enumerate() {
                    let upper = tl[c] + (tr[c] - tl[c]) * wx;
                    let lower = bl[c] + (br[c] - bl[c]) * wx;
                    *y = upper + (lower - upper) * wy;
                }
            }
        });
    }

    /// Gradient of [`bilinear_forward`](Self::bilinear_forward).
    pub fn bilinear_backward(&self, dy: &[f32], dx: &mut [f32]) {
        self.images(dy, dx, |oy, ox, dy, dx| {
            let [_, width, channels] = self.input;
            let (top, bottom, wy) = self.neighbours(0, oy);
            let (left, right, wx) = self.neighbours(1, ox);
            for (iy, wy) in [(top, 1.0 - wy), (bottom, wy)] {
                for (ix, wx) in [(left, 1.0 - wx), (right, wx)] {
                    let dx = &mut dx[(iy * width + ix) * channels..][..channels];
                    dx.iter_mut().zip(dy).for_each(|(dx, dy)| *dx += dy * (wy * wx));
                }
            }
        });
    }

    /// Nearest: `source = floor((position + 0.5) * in / out)` on each axis.
    pub fn nearest_forward(&self, x: &[f32], y: &mut [f32]) {
        self.rows(x, y, |x, oy, y| {
            let [_, width, channels] = self.input;
            let iy = self.nearest(0, oy);
            for (ox, y) in y.chunks_exact_mut(channels).enumerate() {
                y.copy_from_slice(&x[(iy * width + self.nearest(1, ox)) * channels..][..channels]);
            }
        });
    }

    /// Gradient of [`nearest_forward`](Self::nearest_forward).
    pub fn nearest_backward(&self, dy: &[f32], dx: &mut [f32]) {
        self.images(dy, dx, |oy, ox, dy, dx| {
            let [_, width, channels] = self.input;
            let start = (self.nearest(0, oy) * width + self.nearest(1, ox)) * channels;
            dx[start..start + channels].iter_mut().zip(dy).for_each(|(dx, dy)| *dx += dy);
        });
    }

    fn rows(&self, x: &[f32], y: &mut [f32], row: impl Fn(&[f32], usize, &mut [f32]) + Sync) {
        self.check(x, y);
        if y.is_empty() {
            return;
        }
        let image: usize = self.input.iter().product();
        let [height, width] = self.output;
        y.par_chunks_mut(width * self.input[2])
            .enumerate()
            .for_each(|(i, y)| row(&x[i / height * image..][..image], i % height, y));
    }

    fn images(&self, dy: &[f32], dx: &mut [f32], pixel: impl Fn(usize, usize, &[f32], &mut [f32]) + Sync) {
        self.check(dx, dy);
        if dx.is_empty() {
            return;
        }
        let [height, width] = self.output;
        let channels = self.input[2];
        dx.par_chunks_mut(self.input.iter().product()).enumerate().for_each(|(n, dx)| {
            dx.fill(0.0);
            for i in 0..height * width {
                pixel(i / width, i % width, &dy[(n * height * width + i) * channels..][..channels], dx);
            }
        });
    }

    fn scale(&self, axis: usize) -> f32 {
        self.input[axis] as f32 / self.output[axis] as f32
    }

    fn nearest(&self, axis: usize, position: usize) -> usize {
        (((position as f32 + 0.5) * self.scale(axis)) as usize).min(self.input[axis] - 1)
    }

    /// The two source positions and the weight of the second.
    fn neighbours(&self, axis: usize, position: usize) -> (usize, usize, f32) {
        let source = (position as f32 + 0.5) * self.scale(axis) - 0.5;
        let floor = source.floor();
        let last = self.input[axis] - 1;
        (floor.max(0.0) as usize, ((floor + 1.0).max(0.0) as usize).min(last), source - floor)
    }

    fn check(&self, image: &[f32], resized: &[f32]) {
        assert_eq!(image.len(), self.batch * self.input.iter().product::<usize>());
        assert_eq!(resized.len(), self.batch * self.output[0] * self.output[1] * self.input[2]);
    }
}
