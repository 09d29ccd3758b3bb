//! Inputs of the kernel tests, and their comparison with results in `f64`.
#![allow(dead_code, reason = "each file of tests uses some of these")]

use std::ops::Range;

use petal_kernels::{Activation, ActivationGradient, Conv2d, Padding, Precision};
use proptest::prelude::*;

/// Deterministic values in [-1, 1).
pub fn values(len: usize, seed: u64) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    (0..len)
        .map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 40) as f32 / (1u64 << 23) as f32 - 1.0
        })
        .collect()
}

/// Outputs and scratch start as NaN, so that what a kernel doesn't write or clear shows.
pub fn unset(len: usize) -> Vec<f32> {
    vec![f32::NAN; len]
}

/// Compares to 1e-5 of the largest expected value, or of 1 if that is larger.
pub fn assert_close(what: &str, found: &[f32], expected: &[f64]) {
    assert_eq!(found.len(), expected.len());
    let scale = expected.iter().fold(1.0f64, |max, e| max.max(e.abs()));
    for (i, (f, e)) in found.iter().zip(expected).enumerate() {
        assert!((f64::from(*f) - e).abs() <= 1e-5 * scale, "{what}[{i}]: found {f}, expected {e}");
    }
}

/// The gradient of `f` at `x`, by differences.
pub fn gradient(x: &[f32], f: impl Fn(&[f64]) -> f64) -> Vec<f64> {
    const STEP: f64 = 1e-5;
    let mut x: Vec<f64> = x.iter().map(|x| f64::from(*x)).collect();
    (0..x.len())
        .map(|i| {
            let middle = x[i];
            let [above, below] = [STEP, -STEP].map(|step| {
                x[i] = middle + step;
                f(&x)
            });
            x[i] = middle;
            (above - below) / (2.0 * STEP)
        })
        .collect()
}

/// Calls `f(y index, x index, kernel index)` for every product of the convolution.
pub fn for_products(conv: &Conv2d, mut f: impl FnMut(usize, usize, usize)) {
    let [height, width, filters] = conv.output();
    let [input_height, input_width, channels] = conv.input;
    let (group_channels, group_filters) = (channels / conv.groups, filters / conv.groups);
    for n in 0..conv.batch {
        for (oy, ox, filter) in positions([height, width, filters]) {
            for (ky, kx, c) in positions([conv.kernel[0], conv.kernel[1], group_channels]) {
                let iy = (oy * conv.strides[0] + ky * conv.dilation[0]).wrapping_sub(conv.padding.top);
                let ix = (ox * conv.strides[1] + kx * conv.dilation[1]).wrapping_sub(conv.padding.left);
                if iy < input_height && ix < input_width {
                    let channel = filter / group_filters * group_channels + c;
                    f(
                        ((n * height + oy) * width + ox) * filters + filter,
                        ((n * input_height + iy) * input_width + ix) * channels + channel,
                        ((ky * conv.kernel[1] + kx) * group_channels + c) * filters + filter,
                    );
                }
            }
        }
    }
}

/// The indices of an array of this shape.
pub fn positions([a, b, c]: [usize; 3]) -> impl Iterator<Item = (usize, usize, usize)> {
    (0..a).flat_map(move |i| (0..b).flat_map(move |j| (0..c).map(move |k| (i, j, k))))
}

/// Convolutions of 3×3 kernels with stride 1 whose padding on each side, and whose channels and filters, are drawn from these.
pub fn three_by_three(padding: Range<usize>, channels: Range<usize>) -> impl Strategy<Value = Conv2d> {
    let axis = || [1..15, padding.clone(), padding.clone()];
    (1usize..3, axis(), axis(), channels.clone(), channels).prop_map(|(batch, v, h, channels, filters)| {
        Conv2d {
            batch,
            input: [v[0], h[0], channels],
            filters,
            kernel: [3; 2],
            strides: [1; 2],
            dilation: [1; 2],
            padding: Padding { top: v[1], bottom: v[2], left: h[1], right: h[2] },
            groups: 1,
            precision: Precision::Float32,
        }
    })
}

/// Any activation.
pub fn activations() -> impl Strategy<Value = Activation> {
    prop::sample::select(vec![Activation::Linear, Activation::Relu, Activation::Relu6])
}

/// What an activation keeps its output between.
pub fn bounds(activation: Activation) -> [f32; 2] {
    match activation {
        Activation::Linear => [f32::NEG_INFINITY, f32::INFINITY],
        Activation::Relu => [0.0, f32::INFINITY],
        Activation::Relu6 => [0.0, 6.0],
    }
}

/// A kernel of the gradient by an input, with and without that of the ReLU6 that made the input: `x` is not quite its
/// output, and takes both bounds as well as values beyond them, and NaN.
pub fn assert_activation_gradient(x: &[f32], run: impl Fn(Option<ActivationGradient<'_>>) -> Vec<f32>) {
    let mut y: Vec<f32> = x.iter().map(|x| x * 8.0).collect();
    y.iter_mut().step_by(7).for_each(|y| *y = 6.0);
    y.iter_mut().skip(1).step_by(5).for_each(|y| *y = 0.0);
    y.iter_mut().skip(2).step_by(31).for_each(|y| *y = f32::NAN);
    let dx = run(None);
    for activation in [Activation::Relu, Activation::Relu6] {
        let passes = |y: f32| y > 0.0 && (y < 6.0 || activation == Activation::Relu);
        let expected: Vec<f32> =
            dx.iter().zip(&y).map(|(dx, y)| if passes(*y) { *dx } else { 0.0 }).collect();
        assert_eq!(run(Some(ActivationGradient { activation, y: &y })), expected);
    }
}

/// Runs `work` on rayon pools of 1, 2 and 3 threads: its results must be the same bits.
pub fn assert_same_bits_on_any_number_of_threads(work: impl Fn() -> Vec<Vec<f32>> + Sync) {
    let run = |threads: usize| -> Vec<Vec<u32>> {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let results = pool.install(&work);
        results.iter().map(|values| values.iter().map(|value| value.to_bits()).collect()).collect()
    };
    let one = run(1);
    assert!(one.iter().flatten().all(|bits| !f32::from_bits(*bits).is_nan()), "a kernel left outputs unset");
    assert!(run(2) == one, "2 threads differ from 1");
    assert!(run(3) == one, "3 threads differ from 1");
}
