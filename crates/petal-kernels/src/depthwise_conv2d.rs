//! Depthwise convolution: each channel with kernels of its own.
//!
//! Strategy: rows of the output in parallel; within a row, each cell of the window is a multiply-add along the
//! channels, which lie side by side. The kernel's gradient is summed by lanes of images and rows, in order.

use rayon::prelude::*;

use crate::elementwise::{channel_sum, channel_sum_scratch};
use crate::lanes::{for_each_row, lanes, units_of};
use crate::{Activation, Padding};

/// Depthwise convolution of `[batch, height, width, channels]`; kernel
/// `[kernel height, kernel width, channels, multiplier]`, output channel `channel · multiplier + m`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DepthwiseConv2d {
    /// The number of images.
    pub batch: usize,
    /// Height, width and channels of an image.
    pub input: [usize; 3],
    /// Output channels of each input channel.
    pub multiplier: usize,
    /// Height and width of the kernel.
    pub kernel: [usize; 2],
    /// The window's step.
    pub strides: [usize; 2],
    /// The distance of the window's cells.
    pub dilation: [usize; 2],
    /// Zeros around the image.
    pub padding: Padding,
}

impl DepthwiseConv2d {
    /// Height, width and channels of an output image.
    pub fn output(&self) -> [usize; 3] {
        let window = [0, 1].map(|axis| (self.kernel[axis] - 1) * self.dilation[axis] + 1);
        let [height, width] = self.padding.output([self.input[0], self.input[1]], window, self.strides);
        [height, width, self.input[2] * self.multiplier]
    }

    /// The number of values in the kernel.
    pub fn kernel_len(&self) -> usize {
        self.kernel[0] * self.kernel[1] * self.input[2] * self.multiplier
    }

    /// Floats of scratch for [`DepthwiseConv2d::forward`].
    pub fn forward_scratch(&self) -> usize {
        0
    }

    /// The output; `bias` has `channels · multiplier` values.
    pub fn forward(
        &self,
        x: &[f32],
        kernel: &[f32],
        bias: Option<&[f32]>,
        activation: Activation,
        y: &mut [f32],
        _scratch: &mut [f32],
    ) {
        self.check(x, kernel, y);
        let [height, width, filters] = self.output();
        for_each_row(y, width * filters, |number, y| {
            y.fill(0.0);
            let x = self.image(x, number / height.max(1));
            for (i, row) in self.input_rows(number % height) {
                for (column, y) in y.chunks_exact_mut(filters).enumerate() {
                    for (j, source) in self.input_columns(column) {
                        let x = &x[self.pixel(row, source)..][..self.input[2]];
                        let kernel = &kernel[(i * self.kernel[1] + j) * filters..][..filters];
                        self.multiply_add(x, kernel, y);
                    }
                }
            }
            activation.apply_with_bias(bias, y);
        });
    }

    /// Floats of scratch for [`DepthwiseConv2d::backward_input`].
    pub fn backward_input_scratch(&self) -> usize {
        0
    }

    /// The gradient of the input.
    pub fn backward_input(&self, dy: &[f32], kernel: &[f32], dx: &mut [f32], _scratch: &mut [f32]) {
        self.check(dx, kernel, dy);
        let [height, width, filters] = self.output();
        let image = self.input.iter().product();
        for_each_row(dx, image, |number, dx| {
            dx.fill(0.0);
            for row in 0..height {
                let dy = &dy[(number * height + row) * width * filters..][..width * filters];
                for (i, target) in self.input_rows(row) {
                    for (column, dy) in dy.chunks_exact(filters).enumerate() {
                        for (j, source) in self.input_columns(column) {
                            let at = self.pixel(target, source);
                            let kernel = &kernel[(i * self.kernel[1] + j) * filters..][..filters];
                            self.add_gradient(dy, kernel, &mut dx[at..at + self.input[2]]);
                        }
                    }
                }
            }
        });
    }

    /// Floats of scratch for [`DepthwiseConv2d::backward_kernel`].
    pub fn backward_kernel_scratch(&self) -> usize {
        let [height, width, filters] = self.output();
        let units = self.batch * height;
        (lanes(units, self.kernel_len()) * self.kernel_len()).max(channel_sum_scratch(units * width, filters))
    }

    /// The gradients of kernel and bias.
    pub fn backward_kernel(
        &self,
        x: &[f32],
        dy: &[f32],
        dkernel: &mut [f32],
        dbias: Option<&mut [f32]>,
        scratch: &mut [f32],
    ) {
        self.check(x, dkernel, dy);
        let [height, width, filters] = self.output();
        let (units, len) = (self.batch * height, self.kernel_len());
        if len == 0 {
            return;
        }
        let lanes = lanes(units, len);
        let partial = &mut scratch[..lanes * len];
        partial.par_chunks_mut(len).enumerate().for_each(|(lane, sum)| {
            sum.fill(0.0);
            for unit in units_of(lane, lanes, units) {
                let x = self.image(x, unit / height);
                let dy = &dy[unit * width * filters..][..width * filters];
                for (i, row) in self.input_rows(unit % height) {
                    for (column, dy) in dy.chunks_exact(filters).enumerate() {
                        for (j, source) in self.input_columns(column) {
                            let x = &x[self.pixel(row, source)..][..self.input[2]];
                            let sum = &mut sum[(i * self.kernel[1] + j) * filters..][..filters];
                            self.multiply_add(x, dy, sum);
                        }
                    }
                }
            }
        });
        dkernel.fill(0.0);
        for lane in partial.chunks_exact(len) {
            dkernel.iter_mut().zip(lane).for_each(|(sum, lane)| *sum += lane);
        }
        if let Some(dbias) = dbias {
            channel_sum(units * width, filters, dy, dbias, scratch);
        }
    }

    /// `y[c · multiplier + m] += x[c] · k[c · multiplier + m]`.
    fn multiply_add(&self, x: &[f32], k: &[f32], y: &mut [f32]) {
        if self.multiplier == 1 {
            y.iter_mut().zip(x.iter().zip(k)).for_each(|(y, (x, k))| *y += x * k);
        } else {
            let outputs = y.chunks_exact_mut(self.multiplier).zip(k.chunks_exact(self.multiplier));
            for (x, (y, k)) in x.iter().zip(outputs) {
                y.iter_mut().zip(k).for_each(|(y, k)| *y += x * k);
            }
        }
    }

    /// `dx[c] += Σ dy[c · multiplier + m] · k[c · multiplier + m]`.
    fn add_gradient(&self, dy: &[f32], k: &[f32], dx: &mut [f32]) {
        if self.multiplier == 1 {
            dx.iter_mut().zip(dy.iter().zip(k)).for_each(|(dx, (dy, k))| *dx += dy * k);
        } else {
            let outputs = dy.chunks_exact(self.multiplier).zip(k.chunks_exact(self.multiplier));
            for (dx, (dy, k)) in dx.iter_mut().zip(outputs) {
                *dx += dy.iter().zip(k).map(|(dy, k)| dy * k).sum::<f32>();
            }
        }
    }

    /// The window's rows that lie in the image, with the image's rows.
    fn input_rows(&self, output: usize) -> impl Iterator<Item = (usize, usize)> + use<> {
        cells(output, self.kernel[0], self.strides[0], self.dilation[0], self.padding.top, self.input[0])
    }

    /// The window's columns that lie in the image, with the image's columns.
    fn input_columns(&self, output: usize) -> impl Iterator<Item = (usize, usize)> + use<> {
        cells(output, self.kernel[1], self.strides[1], self.dilation[1], self.padding.left, self.input[1])
    }

    fn pixel(&self, row: usize, column: usize) -> usize {
        (row * self.input[1] + column) * self.input[2]
    }

    fn image<'a>(&self, x: &'a [f32], image: usize) -> &'a [f32] {
        let len = self.input.iter().product::<usize>();
        &x[image * len..(image + 1) * len]
    }

    fn check(&self, x: &[f32], kernel: &[f32], y: &[f32]) {
        assert_eq!(x.len(), self.batch * self.input.iter().product::<usize>(), "input of {self:?}");
        assert_eq!(kernel.len(), self.kernel_len(), "kernel of {self:?}");
        assert_eq!(y.len(), self.batch * self.output().iter().product::<usize>(), "output of {self:?}");
    }
}

/// The cells of a window along one axis that lie in the image: the cell's number and the image's.
pub(crate) fn cells(
    output: usize,
    window: usize,
    stride: usize,
    dilation: usize,
    before: usize,
    size: usize,
) -> impl Iterator<Item = (usize, usize)> {
    (0..window).filter_map(move |cell| {
        let place = (output * stride + cell * dilation).checked_sub(before)?;
        (place < size).then_some((cell, place))
    })
}
