//! Depthwise convolution: each input channel has its own `multiplier` filters.
//!
//! Strategies: one task an output row (forward), an input row (input's gradient) or a part of the batch's rows
//! (kernel's gradient); the inner loop runs over channels, vectorised, if the multiplier is 1.

use rayon::prelude::*;

use crate::matmul::sum_parts;
use crate::simd::{Kernel, Simd, dispatch};
use crate::{Activation, Padding};

/// Output rows of one part of the kernel's gradient, at least.
const PART_ROWS: usize = 16;

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
        let [height, width, filters] = self.output();
        y.par_chunks_mut(width * filters).enumerate().with_min_len(4).for_each(|(i, y)| {
            match bias {
                Some(bias) => y.chunks_exact_mut(filters).for_each(|y| y.copy_from_slice(bias)),
                None => y.fill(0.0),
            }
            self.for_pixels(i / height, i % height, |column, tap, source| {
                let y = &mut y[column * filters..][..filters];
                let weights = &kernel[tap * filters..][..filters];
                let x = &x[source..][..self.input[2]];
                if self.multiplier == 1 {
                    dispatch(MulAdd { a: x, b: weights, y });
                } else {
                    for ((y, weights), x) in
                        y.chunks_exact_mut(self.multiplier).zip(weights.chunks_exact(self.multiplier)).zip(x)
                    {
                        y.iter_mut().zip(weights).for_each(|(y, weight)| *y += x * weight);
                    }
                }
            });
            activation.apply(y);
        });
    }

    /// Scratch of [`backward_input`](Self::backward_input).
    pub fn backward_input_scratch(&self) -> usize {
        0
    }

    /// Gradient by the input; `dy` is the gradient before the activation.
    pub fn backward_input(&self, dy: &[f32], kernel: &[f32], dx: &mut [f32], _scratch: &mut [f32]) {
        self.check(dx, kernel, dy);
        if dx.is_empty() {
            return;
        }
        let [height, width, filters] = self.output();
        let [input_height, input_width, channels] = self.input;
        dx.par_chunks_mut(input_width * channels).enumerate().with_min_len(4).for_each(|(i, dx)| {
            dx.fill(0.0);
            let (image, iy) = (i / input_height, i % input_height);
            for ky in 0..self.kernel[0] {
                let Some(position) = (iy + self.padding.top).checked_sub(ky * self.dilation[0]) else {
                    break;
                };
                let oy = position / self.strides[0];
                if position % self.strides[0] != 0 || oy >= height {
                    continue;
                }
                for column in 0..width {
                    for kx in 0..self.kernel[1] {
                        let Some(ix) = self.source(1, column, kx) else { continue };
                        let tap = ky * self.kernel[1] + kx;
                        let dy = &dy[((image * height + oy) * width + column) * filters..][..filters];
                        let weights = &kernel[tap * filters..][..filters];
                        let dx = &mut dx[ix * channels..][..channels];
                        if self.multiplier == 1 {
                            dispatch(MulAdd { a: dy, b: weights, y: dx });
                        } else {
                            let products =
                                dy.chunks_exact(self.multiplier).zip(weights.chunks_exact(self.multiplier));
                            for (dx, (dy, weights)) in dx.iter_mut().zip(products) {
                                *dx += dy.iter().zip(weights).map(|(dy, weight)| dy * weight).sum::<f32>();
                            }
                        }
                    }
                }
            }
        });
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
        if dkernel.is_empty() {
            return;
        }
        let [height, width, filters] = self.output();
        let parts = self.parts();
        let rows = self.batch * height;
        let part_rows = rows.div_ceil(parts);
        let (kernels, biases) =
            scratch[..self.backward_kernel_scratch()].split_at_mut(parts * self.kernel_len());
        let tasks = kernels.par_chunks_mut(self.kernel_len()).zip(biases.par_chunks_mut(filters)).enumerate();
        tasks.for_each(|(part, (kernel, bias))| {
            kernel.fill(0.0);
            bias.fill(0.0);
            for row in (part * part_rows).min(rows)..((part + 1) * part_rows).min(rows) {
                let dy = &dy[row * width * filters..][..width * filters];
                for dy in dy.chunks_exact(filters) {
                    bias.iter_mut().zip(dy).for_each(|(bias, dy)| *bias += dy);
                }
                self.for_pixels(row / height, row % height, |column, tap, source| {
                    let dy = &dy[column * filters..][..filters];
                    let kernel = &mut kernel[tap * filters..][..filters];
                    let x = &x[source..][..self.input[2]];
                    if self.multiplier == 1 {
                        dispatch(MulAdd { a: x, b: dy, y: kernel });
                    } else {
                        for ((kernel, dy), x) in kernel
                            .chunks_exact_mut(self.multiplier)
                            .zip(dy.chunks_exact(self.multiplier))
                            .zip(x)
                        {
                            kernel.iter_mut().zip(dy).for_each(|(kernel, dy)| *kernel += x * dy);
                        }
                    }
                });
            }
        });
        sum_parts(kernels, dkernel);
        if let Some(dbias) = dbias {
            assert_eq!(dbias.len(), filters);
            sum_parts(biases, dbias);
        }
    }

    fn filters(&self) -> usize {
        self.input[2] * self.multiplier
    }

    fn parts(&self) -> usize {
        (self.batch * self.output()[0]).div_ceil(PART_ROWS).clamp(1, 32)
    }

    /// Calls `f(column, tap, offset of the source pixel in x)` for every tap of an output row inside the image.
    #[inline(always)]
    fn for_pixels(&self, image: usize, oy: usize, mut f: impl FnMut(usize, usize, usize)) {
        for column in 0..self.output()[1] {
            for ky in 0..self.kernel[0] {
                let Some(iy) = self.source(0, oy, ky) else { continue };
                for kx in 0..self.kernel[1] {
                    let Some(ix) = self.source(1, column, kx) else { continue };
                    let source = ((image * self.input[0] + iy) * self.input[1] + ix) * self.input[2];
                    f(column, ky * self.kernel[1] + kx, source);
                }
            }
        }
    }

    fn source(&self, axis: usize, output: usize, tap: usize) -> Option<usize> {
        let before = [self.padding.top, self.padding.left][axis];
        let position = output * self.strides[axis] + tap * self.dilation[axis];
        position.checked_sub(before).filter(|position| *position < self.input[axis])
    }

    fn check(&self, x: &[f32], kernel: &[f32], y: &[f32]) {
        assert_eq!(x.len(), self.batch * self.input.iter().product::<usize>());
        assert_eq!(kernel.len(), self.kernel_len());
        assert_eq!(y.len(), self.batch * self.output().iter().product::<usize>());
    }
}

/// `y += a * b`.
struct MulAdd<'a> {
    a: &'a [f32],
    b: &'a [f32],
    y: &'a mut [f32],
}

impl Kernel for MulAdd<'_> {
    #[inline(always)]
    fn run<S: Simd>(self) {
        let MulAdd { a, b, y } = self;
        assert!(a.len() == y.len() && b.len() == y.len());
        let n = y.len();
        // SAFETY: all three slices have n elements.
        unsafe {
            let (a, b, y) = (a.as_ptr(), b.as_ptr(), y.as_mut_ptr());
            let mut i = 0;
            while i + 8 <= n {
                S::store(y.add(i), S::mul_add(S::load(a.add(i)), S::load(b.add(i)), S::load(y.add(i))));
                i += 8;
            }
            let left = n - i;
            if left > 0 {
                let (a, b, y) = (a.add(i), b.add(i), y.add(i));
                let sum =
                    S::mul_add(S::load_partial(a, left), S::load_partial(b, left), S::load_partial(y, left));
                S::store_partial(y, sum, left);
            }
        }
    }
}
