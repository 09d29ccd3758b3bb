//! A sample's result is the same bits alone and at any place in any batch, with a packed kernel too, in every kernel that
//! inference runs.

mod reference;

use petal_kernels::{
    Activation, BatchNorm, Conv2d, Dense, DepthwiseConv2d, KernelWeights, Padding, Pool2d, Precision, Unary,
    global_average_forward, global_max_forward, softmax_forward,
};
use proptest::prelude::*;
use reference::{unset, values};

/// Runs `kernel(batch, x, y)` on all samples and on each alone.
fn check(batch: usize, sample: usize, output: usize, kernel: impl Fn(usize, &[f32], &mut [f32])) {
    let x = values(batch * sample, 1);
    let mut together = unset(batch * output);
    kernel(batch, &x, &mut together);
    for (i, (x, together)) in x.chunks_exact(sample).zip(together.chunks_exact(output)).enumerate() {
        let mut alone = unset(output);
        kernel(1, x, &mut alone);
        assert!(are_same_bits(&alone, together), "sample {i} of {batch}");
    }
}

fn are_same_bits(a: &[f32], b: &[f32]) -> bool {
    a.iter().zip(b).all(|(a, b)| a.to_bits() == b.to_bits())
}

fn check_dense(batch: usize, rows: usize, inputs: usize, units: usize, precision: Precision) {
    let (kernel, bias) = (values(inputs * units, 2), values(units, 3));
    check(batch, rows * inputs, rows * units, |n, x, y| {
        let dense = Dense { rows: n * rows, inputs, units, precision };
        let scratch = &mut unset(dense.forward_scratch());
        dense.forward(x, &kernel, Some(&bias), Activation::Relu, y, scratch);
        let mut packed = unset(dense.packed_len());
        dense.pack(&kernel, &mut packed);
        let mut same = unset(y.len());
        let packed = KernelWeights::Packed(&packed);
        dense.forward(x, packed, Some(&bias), Activation::Relu, &mut same, scratch);
        assert!(are_same_bits(&same, y), "packed");
    });
}

fn check_conv(conv: Conv2d) {
    let (kernel, bias) = (values(conv.kernel_len(), 2), values(conv.filters, 3));
    let (sample, output) = (conv.input.iter().product(), conv.output().iter().product());
    check(conv.batch, sample, output, |batch, x, y| {
        let conv = Conv2d { batch, ..conv };
        let scratch = &mut unset(conv.forward_scratch());
        conv.forward(x, &kernel, Some(&bias), Activation::Relu6, y, scratch);
        let mut packed = unset(conv.packed_len());
        Conv2d { batch: 7, ..conv }.pack(&kernel, &mut packed);
        let mut same = unset(y.len());
        let packed = KernelWeights::Packed(&packed);
        conv.forward(x, packed, Some(&bias), Activation::Relu6, &mut same, scratch);
        assert!(are_same_bits(&same, y), "packed");
    });
}

fn check_depthwise(conv: DepthwiseConv2d) {
    let (kernel, bias) = (values(conv.kernel_len(), 2), values(conv.output()[2], 3));
    let (sample, output) = (conv.input.iter().product(), conv.output().iter().product());
    check(conv.batch, sample, output, |batch, x, y| {
        let conv = DepthwiseConv2d { batch, ..conv };
        conv.forward(x, &kernel, Some(&bias), Activation::Relu6, y, &mut unset(conv.forward_scratch()));
    });
}

fn check_pooling(pool: Pool2d) {
    let (sample, output) = (pool.input.iter().product(), pool.output().iter().product());
    check(pool.batch, sample, output, |batch, x, y| {
        let pool = Pool2d { batch, ..pool };
        pool.max_forward(x, y, &mut vec![0; pool.arg_bytes()]);
    });
    check(pool.batch, sample, output, |batch, x, y| Pool2d { batch, ..pool }.average_forward(x, y));
}

fn channels() -> impl Strategy<Value = usize> {
    prop::sample::select(vec![1usize, 3, 5, 8, 16, 17, 24, 33])
}

fn precision() -> impl Strategy<Value = Precision> {
    prop::sample::select(vec![Precision::Float32, Precision::Bfloat16])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn dense_layers(batch in 2usize..9, inputs in 1usize..2500, units in 1usize..40, precision in precision()) {
        check_dense(batch, 1, inputs, units, precision);
    }

    /// Many rows take another path than few.
    #[test]
    fn dense_layers_of_several_rows(
        batch in 2usize..4, rows in 1usize..100, inputs in 1usize..2500, units in channels(), precision in precision(),
    ) {
        check_dense(batch, rows, inputs.min(60_000 / rows), units, precision);
    }

    #[test]
    fn convolutions(
        batch in 2usize..5, (height, width) in (1usize..12, 1usize..12), kernel in 1usize..4, stride in 1usize..3,
        channels in channels(), filters in channels(), precision in precision(),
    ) {
        check_conv(Conv2d {
            batch,
            input: [height, width, channels],
            filters,
            kernel: [kernel; 2],
            strides: [stride; 2],
            dilation: [1; 2],
            padding: Padding::same([height, width], [kernel; 2], [stride; 2]),
            groups: 1,
            precision,
        });
    }

    #[test]
    fn depthwise_convolutions(
        batch in 2usize..5, (height, width) in (1usize..12, 1usize..12), kernel in 1usize..4, stride in 1usize..3,
        channels in channels(),
    ) {
        check_depthwise(DepthwiseConv2d {
            batch,
            input: [height, width, channels],
            multiplier: 1,
            kernel: [kernel; 2],
            strides: [stride; 2],
            dilation: [1; 2],
            padding: Padding::same([height, width], [kernel; 2], [stride; 2]),
        });
    }

    #[test]
    fn pooling(
        batch in 2usize..5, (height, width) in (3usize..12, 3usize..12), window in 1usize..4, stride in 1usize..4,
        channels in channels(),
    ) {
        check_pooling(Pool2d {
            batch,
            input: [height, width, channels],
            window: [window; 2],
            strides: [stride; 2],
            padding: Padding::same([height, width], [window; 2], [stride; 2]),
        });
        let pixels = height * width;
        check(batch, pixels * channels, channels, |n, x, y| global_average_forward(n, pixels, channels, x, y));
        check(batch, pixels * channels, channels, |n, x, y| global_max_forward(n, pixels, channels, x, y));
    }

    #[test]
    fn elementwise(batch in 2usize..5, rows in 1usize..600, channels in channels()) {
        let [mean, variance, gamma, beta] =
            [2, 3, 4, 5].map(|seed| values(channels, seed).iter().map(|v| v + 1.5).collect::<Vec<_>>());
        check(batch, rows * channels, rows * channels, |n, x, y| {
            let norm = BatchNorm { rows: n * rows, channels, epsilon: 1e-3 };
            norm.normalize(x, &mean, &variance, Some(&gamma), Some(&beta), y);
        });
        let relu6 = Unary::Relu { max_value: Some(6.0), negative_slope: 0.0, threshold: 0.0 };
        for function in [relu6, Unary::Sigmoid, Unary::Silu, Unary::Gelu] {
            check(batch, rows * channels, rows * channels, |_, x, y| function.forward(x, y));
        }
        check(batch, channels, channels, |n, x, y| softmax_forward(n, channels, x, y));
    }
}
