//! Products of numbers rounded to bfloat16, against naive loops in `f64` over the rounded numbers.

mod reference;

use petal_kernels::{Activation, Conv2d, Dense, Padding, PooledConv2d, Precision};
use proptest::prelude::*;
use reference::{assert_close, assert_same_bits_on_any_number_of_threads, for_products, unset, values};

/// The nearest number with eight significant bits, of two the even one.
fn rounded(value: f32) -> f64 {
    let bits = value.to_bits();
    let (low, cut) = (bits & 0xffff, bits & !0xffff);
    let up = low > 0x8000 || low == 0x8000 && cut & 0x1_0000 != 0;
    f64::from(f32::from_bits(if up { cut + 0x1_0000 } else { cut }))
}

struct Results {
    y: Vec<f32>,
    dx: Vec<f32>,
    dkernel: Vec<f32>,
    dbias: Vec<f32>,
}

fn run(conv: &Conv2d, [x, kernel, bias, dy]: &[Vec<f32>; 4]) -> Results {
    let (mut y, mut dx) = (unset(dy.len()), unset(x.len()));
    let (mut dkernel, mut dbias) = (unset(kernel.len()), unset(bias.len()));
    conv.forward(x, kernel, Some(bias), Activation::Linear, &mut y, &mut unset(conv.forward_scratch()));
    conv.backward_input(dy, kernel, None, &mut dx, &mut unset(conv.backward_input_scratch()));
    let scratch = &mut unset(conv.backward_kernel_scratch());
    conv.backward_kernel(x, dy, &mut dkernel, Some(&mut dbias), scratch);
    Results { y, dx, dkernel, dbias }
}

fn arrays(conv: &Conv2d) -> [Vec<f32>; 4] {
    let x = conv.batch * conv.input.iter().product::<usize>();
    let y = conv.batch * conv.output().iter().product::<usize>();
    [values(x, 1), values(conv.kernel_len(), 2), values(conv.filters, 3), values(y, 4)]
}

/// What [`run`] should give if each factor is changed by `round` before.
fn expected(conv: &Conv2d, [x, kernel, bias, dy]: &[Vec<f32>; 4], round: fn(f32) -> f64) -> [Vec<f64>; 4] {
    let mut y: Vec<f64> = (0..dy.len()).map(|i| f64::from(bias[i % conv.filters])).collect();
    let (mut dx, mut dkernel) = (vec![0.0; x.len()], vec![0.0; kernel.len()]);
    let mut dbias = vec![0.0; bias.len()];
    for_products(conv, |o, i, k| {
        y[o] += round(x[i]) * round(kernel[k]);
        dx[i] += round(dy[o]) * round(kernel[k]);
        dkernel[k] += round(x[i]) * round(dy[o]);
    });
    dy.iter().enumerate().for_each(|(i, dy)| dbias[i % conv.filters] += f64::from(*dy));
    [y, dx, dkernel, dbias]
}

fn conv(batch: usize, input: [usize; 3], filters: usize, kernel: usize) -> Conv2d {
    Conv2d {
        batch,
        input,
        filters,
        kernel: [kernel; 2],
        strides: [1; 2],
        dilation: [1; 2],
        padding: Padding::same([input[0], input[1]], [kernel; 2], [1; 2]),
        groups: 1,
        precision: Precision::Bfloat16,
    }
}

fn check_product(conv: &Conv2d) {
    let arrays = arrays(conv);
    let Results { y, dx, dkernel, dbias } = run(conv, &arrays);
    let [ey, edx, edkernel, edbias] = expected(conv, &arrays, rounded);
    assert_close("y", &y, &ey);
    assert_close("dx", &dx, &edx);
    assert_close("dkernel", &dkernel, &edkernel);
    assert_close("dbias", &dbias, &edbias);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn matrix_products_are_of_rounded_numbers(
        batch in 1usize..4, [height, width] in prop::array::uniform2(1usize..20),
        channels in 1usize..140, filters in 1usize..70,
    ) {
        check_product(&conv(batch, [height, width, channels], filters, 1));
    }

    /// The transforms are rounded, not the numbers: close to what exact numbers give, and the sum of gradients exact.
    #[test]
    fn convolutions_by_tiles_are_close(
        batch in 1usize..3, [height, width] in prop::array::uniform2(1usize..14),
        channels in 16usize..60, filters in 24usize..60,
    ) {
        let conv = conv(batch, [height, width, channels], filters, 3);
        let arrays = arrays(&conv);
        let Results { y, dx, .. } = run(&conv, &arrays);
        let [ey, edx, ..] = expected(&conv, &arrays, f64::from);
        for (what, found, expected, terms) in [("y", y, ey, 9 * channels), ("dx", dx, edx, 9 * filters)] {
            // Factors below 1, a rounding error of 2⁻⁹ each, amplified by the transforms.
            let bound = 0.015 * (terms as f64).sqrt();
            for (i, (f, e)) in found.iter().zip(&expected).enumerate() {
                prop_assert!((f64::from(*f) - e).abs() < bound, "{what}[{i}]: found {f}, expected {e}");
            }
        }
    }
}

#[test]
fn long_sums_and_many_rows_are_of_rounded_numbers() {
    check_product(&conv(1, [1, 1, 2051], 35, 1));
    check_product(&conv(2, [40, 40, 101], 19, 1));
    check_product(&conv(3, [64, 65, 7], 130, 1));
    let dense = Dense { rows: 5, inputs: 3001, units: 18, precision: Precision::Bfloat16 };
    let (x, kernel) = (values(5 * 3001, 1), values(3001 * 18, 2));
    let mut y = unset(5 * 18);
    dense.forward(&x, &kernel, None, Activation::Relu, &mut y, &mut unset(dense.forward_scratch()));
    let sum = |row: usize, unit: usize| -> f64 {
        (0..3001).map(|i| rounded(x[row * 3001 + i]) * rounded(kernel[i * 18 + unit])).sum()
    };
    let expected: Vec<f64> = (0..5 * 18).map(|i| sum(i / 18, i % 18).max(0.0)).collect();
    assert_close("y", &y, &expected);
}

#[test]
fn pooled_convolutions_are_close() {
    let pooled = PooledConv2d { conv: conv(2, [13, 18, 24], 32, 3) };
    let exact = PooledConv2d { conv: Conv2d { precision: Precision::Float32, ..pooled.conv } };
    let [x, kernel, bias, _] = arrays(&pooled.conv);
    let [found, expected] = [pooled, exact].map(|pooled| {
        let mut y = unset(pooled.arg_bytes());
        let (mut arg, mut scratch) = (vec![0; y.len()], unset(pooled.forward_scratch()));
        pooled.forward(&x, &kernel, Some(&bias), Activation::Relu, &mut y, &mut arg, &mut scratch);
        y
    });
    assert_ne!(found, expected);
    let farthest = found.iter().zip(&expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(farthest < 0.2, "{farthest}");
}

#[test]
fn results_are_the_same_bits_on_any_number_of_threads() {
    for conv in [conv(4, [23, 21, 40], 50, 1), conv(2, [20, 19, 33], 47, 3)] {
        let arrays = arrays(&conv);
        assert_same_bits_on_any_number_of_threads(|| {
            let Results { y, dx, dkernel, dbias } = run(&conv, &arrays);
            vec![y, dx, dkernel, dbias]
        });
    }
}
