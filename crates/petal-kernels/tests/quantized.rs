//! Kernels of bytes against sums of whole numbers.

mod reference;

use petal_kernels::{
    Conv2d, DepthwiseConv2d, Pad2d, Padding, Pixels, Pool2d, Precision, QuantizedConv2d,
    QuantizedDepthwiseConv2d, QuantizedOutput, dequantize, look_up, quantize, quantized_add,
    quantized_average, quantized_global_average, quantized_max, quantized_multiply, quantized_pad,
};
use proptest::prelude::*;

use reference::{for_products, values};

fn bytes(len: usize, seed: u64) -> Vec<u8> {
    values(len, seed).into_iter().map(|value| (value * 128.0 + 128.0) as u8).collect()
}

fn weights(len: usize, seed: u64) -> Vec<i8> {
    values(len, seed).into_iter().map(|value| (value * 127.4).round() as i8).collect()
}

fn convolutions() -> impl Strategy<Value = Conv2d> {
    let axis = || (1usize..14, 1usize..4, 1usize..3, 1usize..3, 0usize..3, 0usize..3);
    (1usize..4, axis(), axis(), 1usize..40, 1usize..80).prop_map(|(batch, v, h, channels, filters)| Conv2d {
        batch,
        input: [v.0, h.0, channels],
        kernel: [v.1, h.1],
        strides: [v.2, h.2],
        dilation: [v.3, h.3],
        padding: Padding { top: v.4, bottom: v.5, left: h.4, right: h.5 },
        filters,
        groups: 1,
        precision: Precision::Float32,
    })
}

/// Sums with the padding as the zero point, by which they are moved.
fn sums(conv: &Conv2d, x: &[u8], zero_point: u8, kernel: &[i8], biases: &[i32]) -> Vec<i32> {
    let [height, width, filters] = conv.output();
    let mut sums: Vec<i32> =
        (0..conv.batch * height * width * filters).map(|i| biases[i % filters]).collect();
    for_products(conv, |y, x_index, k| {
        sums[y] += (i32::from(x[x_index]) - i32::from(zero_point)) * i32::from(kernel[k]);
    });
    sums
}

/// The byte that a sum becomes.
fn byte(sum: i32, scale: f32, zero_point: u8, [low, high]: [u8; 2]) -> u8 {
    let value = (sum as f32).mul_add(scale, f32::from(zero_point));
    value.clamp(f32::from(low), f32::from(high)).round_ties_even() as u8
}

fn check(
    conv: &Conv2d,
    [zero_x, zero_y]: [u8; 2],
    seed: u64,
    run: impl Fn(&[u8], &[i8], &[i32], &[f32], QuantizedOutput<'_>),
) {
    let [height, width, filters] = conv.output();
    let x = bytes(conv.batch * conv.input.iter().product::<usize>(), seed);
    let kernel = weights(conv.kernel_len(), seed + 1);
    let biases: Vec<i32> = values(filters, seed + 2).into_iter().map(|b| (b * 4000.0) as i32).collect();
    let scales: Vec<f32> = values(filters, seed + 3).into_iter().map(|s| (s + 1.1) * 2e-3).collect();
    let expected = sums(conv, &x, zero_x, &kernel, &biases);
    let bounds = [zero_y.min(200), 251];
    let mut y = vec![7; conv.batch * height * width * filters];
    run(&x, &kernel, &biases, &scales, QuantizedOutput::Bytes { y: &mut y, zero_point: zero_y, bounds });
    for (i, (found, sum)) in y.iter().zip(&expected).enumerate() {
        let expected = byte(*sum, scales[i % filters], zero_y, bounds);
        // Without FMA a number just at a half may go the other way.
        assert!(found.abs_diff(expected) <= 1, "{i} of {conv:?}: {found}, expected {expected}");
    }
    let mut y = vec![f32::NAN; expected.len()];
    run(&x, &kernel, &biases, &scales, QuantizedOutput::Floats { y: &mut y, bounds: [-3.0, f32::INFINITY] });
    for (i, (found, sum)) in y.iter().zip(&expected).enumerate() {
        let expected = (*sum as f32 * scales[i % filters]).max(-3.0);
        assert!(
            (found - expected).abs() <= 1e-6 * expected.abs(),
            "{i} of {conv:?}: {found}, expected {expected}"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn convolutions_sum_whole_numbers(conv in convolutions(), zero_points: [u8; 2], seed: u64) {
        let quantized = QuantizedConv2d { shape: conv, zero_point: zero_points[0] };
        check(&conv, zero_points, seed, |x, kernel, biases, scales, y| {
            quantized.forward(x, &quantized.pack(kernel, biases, scales), y);
        });
    }

    #[test]
    fn pixels_are_rows_of_a_product(
        pixels in 1usize..200, quads in 1usize..50, filters in 1usize..90, zero_points: [u8; 2], seed: u64,
    ) {
        let conv = Conv2d {
            batch: 1, input: [1, pixels, 4 * quads], kernel: [1; 2], strides: [1; 2], dilation: [1; 2],
            padding: Padding::default(), filters, groups: 1, precision: Precision::Float32,
        };
        let quantized = QuantizedConv2d { shape: conv, zero_point: zero_points[0] };
        check(&conv, zero_points, seed, |x, kernel, biases, scales, y| {
            quantized.forward(x, &quantized.pack(kernel, biases, scales), y);
        });
    }

    #[test]
    fn each_channel_is_convolved_by_itself(
        conv in convolutions(), tall in 1usize..8, channels in 1usize..150, zero_points: [u8; 2], seed: u64,
    ) {
        let [height, width, _] = conv.input;
        let kernel = [tall, conv.kernel[1]];
        let conv = Conv2d { input: [height, width, channels], kernel, groups: channels, filters: channels, ..conv };
        let Conv2d { batch, input, strides, dilation, padding, .. } = conv;
        let shape = DepthwiseConv2d { batch, input, multiplier: 1, kernel, strides, dilation, padding };
        let quantized = QuantizedDepthwiseConv2d { shape, zero_point: zero_points[0] };
        check(&conv, zero_points, seed, |x, kernel, biases, scales, y| {
            quantized.forward(x, &quantized.pack(kernel, biases, scales), y);
        });
    }

    #[test]
    fn numbers_become_the_nearest_bytes_and_bytes_numbers(len in 0usize..70_000, zero_point: u8, seed: u64) {
        let x: Vec<f32> = values(len, seed).into_iter().map(|x| 3.0 * x).collect();
        let mut y = vec![0; len];
        quantize(Pixels::Floats(&x), 50.0, f32::from(zero_point), &mut y);
        let mut back = vec![f32::NAN; len];
        dequantize(&y, 0.02, zero_point, &mut back);
        for ((x, y), back) in x.iter().zip(&y).zip(&back) {
            let expected = (x * 50.0 + f32::from(zero_point)).round_ties_even().clamp(0.0, 255.0) as u8;
            prop_assert_eq!(*y, expected);
            prop_assert_eq!(*back, (f32::from(*y) - f32::from(zero_point)) * 0.02);
        }
        let mut again = vec![0; len];
        quantize(Pixels::Bytes(&y), 1.0, 3.0, &mut again);
        prop_assert!(again.iter().zip(&y).all(|(again, y)| *again == y.saturating_add(3)));
        let table: [u8; 256] = std::array::from_fn(|i| (i * 7 % 256) as u8);
        look_up(&y, &table, &mut again);
        prop_assert!(again.iter().zip(&y).all(|(again, y)| *again == table[usize::from(*y)]));
    }

    #[test]
    fn sums_and_products_are_those_of_numbers(
        images in 1usize..4, pixels in 1usize..40, channels in 1usize..70, zeros: [u8; 3], seed: u64,
    ) {
        let (a, b) = (bytes(images * pixels * channels, seed), bytes(images * pixels * channels, seed + 1));
        let number = |byte: u8, zero: u8| f32::from(byte) - f32::from(zero);
        let mut y = vec![0; a.len()];
        let scales = [0.7, 1.3];
        let offset = f32::from(zeros[2]) - 0.7 * f32::from(zeros[0]) - 1.3 * f32::from(zeros[1]);
        quantized_add([&a, &b], scales, offset, &mut y);
        for ((a, b), y) in a.iter().zip(&b).zip(&y) {
            let sum = 0.7 * number(*a, zeros[0]) + 1.3 * number(*b, zeros[1]) + f32::from(zeros[2]);
            prop_assert!((sum.clamp(0.0, 255.0) - f32::from(*y)).abs() <= 0.501);
        }
        let gates = &b[..images * channels];
        quantized_multiply([&a, gates], channels, pixels, 0.01, zeros, &mut y);
        for (i, (a, y)) in a.iter().zip(&y).enumerate() {
            let gate = gates[i / (pixels * channels) * channels + i % channels];
            let product = 0.01 * number(*a, zeros[0]) * number(gate, zeros[1]) + f32::from(zeros[2]);
            prop_assert!((product.clamp(0.0, 255.0) - f32::from(*y)).abs() <= 0.501);
        }
    }

    #[test]
    fn windows_give_their_largest_and_their_mean(conv in convolutions(), seed: u64) {
        let window = [1, 2].map(|extra| conv.kernel[extra - 1] + extra);
        let padding = Padding { top: conv.padding.top.min(1), left: 1, ..Padding::default() };
        let pool = Pool2d { batch: conv.batch, input: conv.input, window, strides: conv.strides, padding };
        let [height, width, channels] = pool.output();
        let x = bytes(pool.batch * pool.input.iter().product::<usize>(), seed);
        let floats: Vec<f32> = x.iter().map(|x| f32::from(*x)).collect();
        let len = pool.batch * height * width * channels;
        let (mut y, mut expected, mut arg) = (vec![0; len], vec![0.0; len], vec![0; pool.arg_bytes()]);
        quantized_max(&pool, &x, &mut y);
        pool.max_forward(&floats, &mut expected, &mut arg);
        prop_assert!(y.iter().zip(&expected).all(|(y, expected)| f32::from(*y) == *expected));
        quantized_average(&pool, &x, 0.5, 3.0, &mut y);
        pool.average_forward(&floats, &mut expected);
        prop_assert!(y.iter().zip(&expected).all(|(y, e)| (f32::from(*y) - (e * 0.5 + 3.0)).abs() <= 0.501));
        let pad = Pad2d { batch: conv.batch, input: conv.input, padding: conv.padding };
        let [height, width, _] = pad.output();
        let len = pad.batch * height * width * channels;
        let (mut padded, mut expected) = (vec![0; len], vec![0.0; len]);
        quantized_pad(&pad, &x, 0, &mut padded);
        pad.forward(&floats, &mut expected);
        prop_assert!(padded.iter().zip(&expected).all(|(y, expected)| f32::from(*y) == *expected));
        let mut y = vec![0; pool.batch * channels];
        quantized_global_average(channels, &x, 0.5, 3.0, &mut y);
        let image: usize = pool.input.iter().product();
        for (i, y) in y.iter().enumerate() {
            let image = &x[i / channels * image..][..image];
            let pixels = image[i % channels..].iter().step_by(channels);
            let mean = pixels.clone().map(|x| f32::from(*x)).sum::<f32>() / pixels.len() as f32;
            prop_assert!((f32::from(*y) - (mean * 0.5 + 3.0)).abs() <= 0.501);
        }
    }
}
