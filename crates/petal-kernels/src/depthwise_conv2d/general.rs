//! Depthwise convolutions of any shape: one task an output row (forward), an input row (input's gradient) or a part of
//! the batch's rows (kernel's gradient), tap by tap; the inner loop runs over channels, vectorised, if the multiplier
//! is 1.

use std::ops::Range;

use rayon::prelude::*;

use super::{DepthwiseConv2d, TASK_ROWS};
use crate::simd::{Kernel, Simd, dispatch};
use crate::{Activation, ActivationGradient};

pub(super) fn forward(
    conv: &DepthwiseConv2d,
    x: &[f32],
    kernel: &[f32],
    bias: Option<&[f32]>,
    activation: Activation,
    y: &mut [f32],
) {
    let [height, width, filters] = conv.output();
    y.par_chunks_mut(width * filters).enumerate().with_min_len(TASK_ROWS).for_each(|(i, y)| {
        match bias {
            Some(bias) => y.chunks_exact_mut(filters).for_each(|y| y.copy_from_slice(bias)),
            None => y.fill(0.0),
        }
        for_pixels(conv, i / height, i % height, |column, tap, source| {
            let y = &mut y[column * filters..][..filters];
            let weights = &kernel[tap * filters..][..filters];
            let x = &x[source..][..conv.input[2]];
            if conv.multiplier == 1 {
                dispatch(MulAdd { a: x, b: weights, y });
            } else {
                for ((y, weights), x) in
                    y.chunks_exact_mut(conv.multiplier).zip(weights.chunks_exact(conv.multiplier)).zip(x)
                {
                    y.iter_mut().zip(weights).for_each(|(y, weight)| *y += x * weight);
                }
            }
        });
        activation.apply(y);
    });
}

pub(super) fn backward_input(
    conv: &DepthwiseConv2d,
    dy: &[f32],
    kernel: &[f32],
    input_activation: Option<ActivationGradient<'_>>,
    dx: &mut [f32],
) {
    let [height, width, filters] = conv.output();
    let [input_height, input_width, channels] = conv.input;
    dx.par_chunks_mut(input_width * channels).enumerate().with_min_len(TASK_ROWS).for_each(|(i, row)| {
        row.fill(0.0);
        let (image, iy) = (i / input_height, i % input_height);
        for ky in 0..conv.kernel[0] {
            let Some(position) = (iy + conv.padding.top).checked_sub(ky * conv.dilation[0]) else {
                break;
            };
            let oy = position / conv.strides[0];
            if position % conv.strides[0] != 0 || oy >= height {
                continue;
            }
            for column in 0..width {
                for kx in 0..conv.kernel[1] {
                    let Some(ix) = source(conv, 1, column, kx) else { continue };
                    let tap = ky * conv.kernel[1] + kx;
                    let dy = &dy[((image * height + oy) * width + column) * filters..][..filters];
                    let weights = &kernel[tap * filters..][..filters];
                    let dx = &mut row[ix * channels..][..channels];
                    if conv.multiplier == 1 {
                        dispatch(MulAdd { a: dy, b: weights, y: dx });
                    } else {
                        let products =
                            dy.chunks_exact(conv.multiplier).zip(weights.chunks_exact(conv.multiplier));
                        for (dx, (dy, weights)) in dx.iter_mut().zip(products) {
                            *dx += dy.iter().zip(weights).map(|(dy, weight)| dy * weight).sum::<f32>();
                        }
                    }
                }
            }
        }
        if let Some(input_activation) = input_activation {
            input_activation.apply_part(i * row.len(), row);
        }
    });
}

/// Adds what the output rows `rows` of the batch contribute to the gradients by `kernel` and `bias`.
pub(super) fn add_kernel_gradient(
    conv: &DepthwiseConv2d,
    rows: Range<usize>,
    x: &[f32],
    dy: &[f32],
    kernel: &mut [f32],
    bias: &mut [f32],
) {
    let [height, width, filters] = conv.output();
    for row in rows {
        let dy = &dy[row * width * filters..][..width * filters];
        for dy in dy.chunks_exact(filters) {
            bias.iter_mut().zip(dy).for_each(|(bias, dy)| *bias += dy);
        }
        for_pixels(conv, row / height, row % height, |column, tap, source| {
            let dy = &dy[column * filters..][..filters];
            let kernel = &mut kernel[tap * filters..][..filters];
            let x = &x[source..][..conv.input[2]];
            if conv.multiplier == 1 {
                dispatch(MulAdd { a: x, b: dy, y: kernel });
            } else {
                for ((kernel, dy), x) in
                    kernel.chunks_exact_mut(conv.multiplier).zip(dy.chunks_exact(conv.multiplier)).zip(x)
                {
                    kernel.iter_mut().zip(dy).for_each(|(kernel, dy)| *kernel += x * dy);
                }
            }
        });
    }
}

/// Calls `f(column, tap, offset of the source pixel in x)` for every tap of an output row inside the image.
#[inline(always)]
fn for_pixels(conv: &DepthwiseConv2d, image: usize, oy: usize, mut f: impl FnMut(usize, usize, usize)) {
    for column in 0..conv.output()[1] {
        for ky in 0..conv.kernel[0] {
            let Some(iy) = source(conv, 0, oy, ky) else { continue };
            for kx in 0..conv.kernel[1] {
                let Some(ix) = source(conv, 1, column, kx) else { continue };
                let source = ((image * conv.input[0] + iy) * conv.input[1] + ix) * conv.input[2];
                f(column, ky * conv.kernel[1] + kx, source);
            }
        }
    }
}

fn source(conv: &DepthwiseConv2d, axis: usize, output: usize, tap: usize) -> Option<usize> {
    let before = [conv.padding.top, conv.padding.left][axis];
    let position = output * conv.strides[axis] + tap * conv.dilation[axis];
    position.checked_sub(before).filter(|position| *position < conv.input[axis])
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
            while i + S::LANES <= n {
                S::store(y.add(i), S::mul_add(S::load(a.add(i)), S::load(b.add(i)), S::load(y.add(i))));
                i += S::LANES;
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
