//! Depthwise convolution: each input channel has its own `multiplier` filters.
//!
//! Strategies, chosen by shape alone:
//! - 3×3 kernels with stride 1 or 2 and multiplier 1, vectorised over channels, tiles of a few pixels in registers:
//!   forward and the input's gradient of stride 1 gather nine taps (`gather.rs`), the input's gradient of stride 2
//!   gathers the taps of each parity (`gather_strided.rs`), the kernel's gradient keeps nine sums (`kernel_gradient.rs`);
//! - everything else runs tap by tap (`general.rs`).

mod gather;
mod gather_strided;
mod general;
mod kernel_gradient;

use rayon::prelude::*;

use crate::matmul::sum_parts;
use crate::simd::dispatch;
use crate::{Activation, ActivationGradient, Padding};
pub(crate) use gather::Gather;
use gather_strided::StridedRow;
use kernel_gradient::Part;

/// Output rows of one part of the kernel's gradient, at least.
const PART_ROWS: usize = 16;
/// Rows of one task, at least: neighbouring rows read the same rows of the image.
const TASK_ROWS: usize = 8;

/// Shape of a depthwise convolution. Output channel `c * multiplier + m` comes from input channel `c`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DepthwiseConv2d {
    /// Images.
    pub batch: usize,
    /// `[height, width, channels]` of the input.
    pub input: [usize; 3],
    /// Filters for each channel.
    pub multiplier: usize,
    /// `[height, width]` of the kernel.
    pub kernel: [usize; 2],
    /// Steps `[vertical, horizontal]`.
    pub strides: [usize; 2],
    /// Distance of the kernel's taps `[vertical, horizontal]`.
    pub dilation: [usize; 2],
    /// Zeros around the image.
    pub padding: Padding,
}

impl DepthwiseConv2d {
    /// `[height, width, channels]` of the output.
    pub fn output(&self) -> [usize; 3] {
        let Padding { top, bottom, left, right } = self.padding;
        let size = |axis: usize, padding: usize| {
            let window = (self.kernel[axis] - 1) * self.dilation[axis] + 1;
            (self.input[axis] + padding + self.strides[axis]).saturating_sub(window) / self.strides[axis]
        };
        [size(0, top + bottom), size(1, left + right), self.filters()]
    }

    /// Weights in the kernel `[height, width, channels, multiplier]`.
    pub fn kernel_len(&self) -> usize {
        self.kernel[0] * self.kernel[1] * self.filters()
    }

    /// Scratch of [`forward`](Self::forward).
    pub fn forward_scratch(&self) -> usize {
        0
    }

    /// `y = activation(x ⋆ kernel + bias)`; `kernel` is `[height, width, channels, multiplier]`.
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
        assert!(bias.is_none_or(|bias| bias.len() == self.filters()));
        if y.is_empty() {
            return;
        }
        match self.stride_of_3x3() {
            Some(stride) => {
                self.forward_gather(stride).run(x, kernel, bias, activation, None, y);
            }
            None => general::forward(self, x, kernel, bias, activation, y),
        }
    }

    /// Scratch of [`backward_input`](Self::backward_input).
    pub fn backward_input_scratch(&self) -> usize {
        0
    }

    /// Gradient by the input, or before the activation that made the input, if that is given; `dy` is the gradient
    /// before this layer's activation.
    pub fn backward_input(
        &self,
        dy: &[f32],
        kernel: &[f32],
        input_activation: Option<ActivationGradient<'_>>,
        dx: &mut [f32],
        _scratch: &mut [f32],
    ) {
        self.check(dx, kernel, dy);
        if dx.is_empty() {
            return;
        }
        let [height, width, _] = self.output();
        let [input_height, input_width, channels] = self.input;
        match self.stride_of_3x3() {
            Some(1) => {
                let before = [2 - self.padding.top as isize, 2 - self.padding.left as isize];
                let gather = Gather {
                    source: [height, width],
                    target: [input_height, input_width],
                    channels,
                    stride: 1,
                    before,
                    flipped: true,
                };
                gather.run(dy, kernel, None, Activation::Linear, input_activation, dx);
            }
            Some(_) => {
                let rows = dx.par_chunks_mut(input_width * channels).enumerate().with_min_len(TASK_ROWS);
                rows.for_each(|(i, dx)| {
                    let image = height * width * channels;
                    let dy = &dy[i / input_height * image..][..image];
                    let position = [i % input_height + self.padding.top, self.padding.left];
                    let size = [height, width];
                    dispatch(StridedRow { dy, kernel, size, channels, position, dx: &mut *dx });
                    if let Some(input_activation) = input_activation {
                        input_activation.apply_part(i * dx.len(), dx);
                    }
                });
            }
            None => general::backward_input(self, dy, kernel, input_activation, dx),
        }
    }

    /// Scratch of [`backward_kernel`](Self::backward_kernel).
    pub fn backward_kernel_scratch(&self) -> usize {
        self.parts() * (self.kernel_len() + self.filters())
    }

    /// Gradients by kernel and bias; `dy` is the gradient before the activation.
    pub fn backward_kernel(
        &self,
        x: &[f32],
        dy: &[f32],
        dkernel: &mut [f32],
        dbias: Option<&mut [f32]>,
        scratch: &mut [f32],
    ) {
        self.check(x, dkernel, dy);
        assert!(dbias.as_ref().is_none_or(|dbias| dbias.len() == self.filters()));
        if dkernel.is_empty() {
            return;
        }
        let parts = self.parts();
        let rows = self.batch * self.output()[0];
        let part_rows = rows.div_ceil(parts);
        let (kernels, biases) =
            scratch[..self.backward_kernel_scratch()].split_at_mut(parts * self.kernel_len());
        let tasks =
            kernels.par_chunks_mut(self.kernel_len()).zip(biases.par_chunks_mut(self.filters())).enumerate();
        tasks.for_each(|(part, (kernel, bias))| {
            kernel.fill(0.0);
            bias.fill(0.0);
            let rows = (part * part_rows).min(rows)..((part + 1) * part_rows).min(rows);
            match self.stride_of_3x3() {
                Some(stride) => dispatch(Part { conv: self, stride, rows, x, dy, kernel, bias }),
                None => general::add_kernel_gradient(self, rows, x, dy, kernel, bias),
            }
        });
        sum_parts(kernels, dkernel);
        if let Some(dbias) = dbias {
            sum_parts(biases, dbias);
        }
    }

    fn filters(&self) -> usize {
        self.input[2] * self.multiplier
    }

    fn parts(&self) -> usize {
        (self.batch * self.output()[0]).div_ceil(PART_ROWS).clamp(1, 32)
    }

    pub(crate) fn forward_gather(&self, stride: usize) -> Gather {
        let [height, width, channels] = self.output();
        Gather {
            source: [self.input[0], self.input[1]],
            target: [height, width],
            channels,
            stride,
            before: [self.padding.top as isize, self.padding.left as isize],
            flipped: false,
        }
    }

    /// The stride, if the shape is one of the fast ones.
    pub(crate) fn stride_of_3x3(&self) -> Option<usize> {
        let fast = self.kernel == [3, 3]
            && self.dilation == [1, 1]
            && self.multiplier == 1
            && matches!(self.strides, [1, 1] | [2, 2]);
        fast.then_some(self.strides[0])
    }

    fn check(&self, x: &[f32], kernel: &[f32], y: &[f32]) {
        assert_eq!(x.len(), self.batch * self.input.iter().product::<usize>());
        assert_eq!(kernel.len(), self.kernel_len());
        assert_eq!(y.len(), self.batch * self.output().iter().product::<usize>());
    }
}
