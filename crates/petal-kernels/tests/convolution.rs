//! Convolutions and dense layers against naive loops in `f64`.

mod reference;

use petal_kernels::{Activation, ActivationGradient, Conv2d, Dense, DepthwiseConv2d, Padding, Precision};
use proptest::prelude::*;
use reference::{
    activations, assert_activation_gradient, assert_close, assert_same_bits_on_any_number_of_threads, bounds,
    for_products, positions, three_by_three, unset, values,
};

fn product(a: f32, b: f32) -> f64 {
    f64::from(a) * f64::from(b)
}

fn check_conv(conv: &Conv2d) {
    let x = values(conv.batch * conv.input.iter().product::<usize>(), 1);
    let kernel = values(conv.kernel_len(), 2);
    let bias = values(conv.filters, 3);
    let dy = values(conv.batch * conv.output().iter().product::<usize>(), 4);

    let mut y = unset(dy.len());
    conv.forward(&x, &kernel, Some(&bias), Activation::Linear, &mut y, &mut unset(conv.forward_scratch()));
    let mut expected: Vec<f64> = (0..y.len()).map(|i| f64::from(bias[i % conv.filters])).collect();
    for_products(conv, |y, i, k| expected[y] += product(x[i], kernel[k]));
    assert_close("y", &y, &expected);

    let mut clipped = unset(dy.len());
    conv.forward(
        &x,
        &kernel,
        Some(&bias),
        Activation::Relu,
        &mut clipped,
        &mut unset(conv.forward_scratch()),
    );
    assert!(clipped.iter().zip(&y).all(|(clipped, y)| *clipped == y.max(0.0)));

    let backward_input = |input_activation: Option<ActivationGradient<'_>>| {
        let (mut dx, scratch) = (unset(x.len()), &mut unset(conv.backward_input_scratch()));
        conv.backward_input(&dy, &kernel, input_activation, &mut dx, scratch);
        dx
    };
    let dx = backward_input(None);
    assert_activation_gradient(&x, backward_input);
    let mut expected = vec![0.0; dx.len()];
    for_products(conv, |y, i, k| expected[i] += product(dy[y], kernel[k]));
    assert_close("dx", &dx, &expected);

    let (mut dkernel, mut dbias) = (unset(kernel.len()), unset(conv.filters));
    let scratch = &mut unset(conv.backward_kernel_scratch());
    conv.backward_kernel(&x, &dy, &mut dkernel, Some(&mut dbias), scratch);
    let mut expected = vec![0.0; kernel.len()];
    for_products(conv, |y, i, k| expected[k] += product(x[i], dy[y]));
    assert_close("dkernel", &dkernel, &expected);
    let mut expected = vec![0.0; conv.filters];
    dy.iter().enumerate().for_each(|(i, dy)| expected[i % conv.filters] += f64::from(*dy));
    assert_close("dbias", &dbias, &expected);
}

fn check_depthwise(conv: &DepthwiseConv2d) {
    let DepthwiseConv2d { batch, input, multiplier, kernel, strides, dilation, padding } = *conv;
    let filters = input[2] * multiplier;
    let reference = Conv2d {
        batch,
        input,
        filters,
        kernel,
        strides,
        dilation,
        padding,
        groups: input[2],
        precision: Precision::Float32,
    };
    assert_eq!(conv.output(), reference.output());

    let x = values(batch * input.iter().product::<usize>(), 1);
    let kernel = values(conv.kernel_len(), 2);
    let bias = values(filters, 3);
    let dy = values(batch * conv.output().iter().product::<usize>(), 4);

    let mut y = unset(dy.len());
    conv.forward(&x, &kernel, Some(&bias), Activation::Relu6, &mut y, &mut unset(conv.forward_scratch()));
    let mut expected: Vec<f64> = (0..y.len()).map(|i| f64::from(bias[i % filters])).collect();
    for_products(&reference, |y, i, k| expected[y] += product(x[i], kernel[k]));
    expected.iter_mut().for_each(|e| *e = e.clamp(0.0, 6.0));
    assert_close("y", &y, &expected);

    let backward_input = |input_activation: Option<ActivationGradient<'_>>| {
        let (mut dx, scratch) = (unset(x.len()), &mut unset(conv.backward_input_scratch()));
        conv.backward_input(&dy, &kernel, input_activation, &mut dx, scratch);
        dx
    };
    let dx = backward_input(None);
    assert_activation_gradient(&x, backward_input);
    let mut expected = vec![0.0; dx.len()];
    for_products(&reference, |y, i, k| expected[i] += product(dy[y], kernel[k]));
    assert_close("dx", &dx, &expected);

    let (mut dkernel, mut dbias) = (unset(kernel.len()), unset(filters));
    let scratch = &mut unset(conv.backward_kernel_scratch());
    conv.backward_kernel(&x, &dy, &mut dkernel, Some(&mut dbias), scratch);
    let mut expected = vec![0.0; kernel.len()];
    for_products(&reference, |y, i, k| expected[k] += product(x[i], dy[y]));
    assert_close("dkernel", &dkernel, &expected);
    let mut expected = vec![0.0; filters];
    dy.iter().enumerate().for_each(|(i, dy)| expected[i % filters] += f64::from(*dy));
    assert_close("dbias", &dbias, &expected);
}

fn axis() -> impl Strategy<Value = (usize, usize, usize, usize, usize, usize)> {
    (1usize..12, 1usize..5, 1usize..4, 1usize..3, 0usize..4, 0usize..4)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn convolution_matches_the_naive_loops(
        batch in 1usize..4, v in axis(), h in axis(), groups in 1usize..4, channels in 1usize..9, filters in 1usize..20,
    ) {
        let conv = Conv2d {
            batch,
            input: [v.0, h.0, channels * groups],
            filters: filters * groups,
            kernel: [v.1, h.1],
            strides: [v.2, h.2],
            dilation: [v.3, h.3],
            padding: Padding { top: v.4, bottom: v.5, left: h.4, right: h.5 },
            groups,
            precision: Precision::Float32,
        };
        check_conv(&conv);
    }

    #[test]
    fn depthwise_convolution_matches_the_grouped_one(
        batch in 1usize..4, v in axis(), h in axis(), channels in 1usize..20, multiplier in 1usize..3,
    ) {
        check_depthwise(&DepthwiseConv2d {
            batch,
            input: [v.0, h.0, channels],
            multiplier,
            kernel: [v.1, h.1],
            strides: [v.2, h.2],
            dilation: [v.3, h.3],
            padding: Padding { top: v.4, bottom: v.5, left: h.4, right: h.5 },
        });
    }

    /// The shapes that have kernels of their own, with padding from none to more than the kernel reaches.
    #[test]
    fn depthwise_convolution_of_3x3_matches_the_grouped_one(
        batch in 1usize..3,
        (height, width) in (1usize..12, 1usize..24),
        stride in 1usize..3,
        channels in prop::sample::select(vec![1usize, 3, 5, 8, 16, 17, 33, 40]),
        (top, bottom, left, right) in (0usize..4, 0usize..4, 0usize..4, 0usize..4),
    ) {
        check_depthwise(&DepthwiseConv2d {
            batch,
            input: [height, width, channels],
            multiplier: 1,
            kernel: [3; 2],
            strides: [stride; 2],
            dilation: [1; 2],
            padding: Padding { top, bottom, left, right },
        });
    }

    #[test]
    fn dense_matches_the_pointwise_convolution(rows in 1usize..6, inputs in 1usize..1300, units in 1usize..40) {
        check_dense(&Dense { rows, inputs, units, precision: Precision::Float32 });
    }
}

/// Shapes that mostly go by Winograd's transforms, forward and backward.
fn tiled() -> impl Strategy<Value = Conv2d> {
    three_by_three(0..5, 16..40).prop_filter("no output", |conv| !conv.output().contains(&0))
}

/// Sums of products in `f64`, of their magnitudes, and whether any was not finite.
struct Sums {
    sums: Vec<f64>,
    magnitudes: Vec<f64>,
    spoilt: Vec<bool>,
}

impl Sums {
    fn new(start: impl Iterator<Item = f32>) -> Sums {
        let sums: Vec<f64> = start.map(f64::from).collect();
        let magnitudes = sums.iter().map(|sum| sum.abs()).collect();
        let spoilt = sums.iter().map(|sum| !sum.is_finite()).collect();
        Sums { sums, magnitudes, spoilt }
    }

    fn add(&mut self, i: usize, a: f32, b: f32) {
        self.sums[i] += product(a, b);
        self.magnitudes[i] += product(a, b).abs();
        self.spoilt[i] |= !(a.is_finite() && b.is_finite());
    }

    /// Compares to 1e-4 of the sum of magnitudes; what is not finite may be NaN instead.
    fn assert_close(&self, what: &str, found: &[f32], [low, high]: [f32; 2]) {
        assert_eq!(found.len(), self.sums.len());
        for (i, found) in found.iter().enumerate() {
            let expected = self.sums[i].clamp(f64::from(low), f64::from(high));
            let (found, magnitude) = (f64::from(*found), self.magnitudes[i]);
            let close = magnitude.is_finite() && (found - expected).abs() <= 1e-4 * magnitude;
            let close = close || self.spoilt[i] && (found.is_nan() || found == expected);
            assert!(close, "{what}[{i}]: found {found}, expected {expected}");
        }
    }
}

/// What is not finite in a kernel may make an output NaN that has only the padding under that weight.
fn spoil_outputs_of_kernel(sums: &mut Sums, kernel: &[f32], target: impl Fn(usize) -> usize, targets: usize) {
    let mut spoilt = vec![false; targets];
    kernel.iter().enumerate().for_each(|(k, weight)| spoilt[target(k)] |= !weight.is_finite());
    sums.spoilt.iter_mut().enumerate().for_each(|(i, output)| *output |= spoilt[i % targets]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn tiles_match_the_naive_loops(conv in tiled(), with_bias in any::<bool>(), activation in activations()) {
        let x = values(conv.batch * conv.input.iter().product::<usize>(), 1);
        let (kernel, bias) = (values(conv.kernel_len(), 2), values(conv.filters, 3));
        let dy = values(conv.batch * conv.output().iter().product::<usize>(), 4);
        let bias = with_bias.then_some(&bias[..]);

        let mut y = unset(dy.len());
        conv.forward(&x, &kernel, bias, activation, &mut y, &mut unset(conv.forward_scratch()));
        let mut sums = Sums::new((0..y.len()).map(|i| bias.map_or(0.0, |bias| bias[i % conv.filters])));
        for_products(&conv, |y, i, k| sums.add(y, x[i], kernel[k]));
        sums.assert_close("y", &y, bounds(activation));

        let mut dx = unset(x.len());
        conv.backward_input(&dy, &kernel, None, &mut dx, &mut unset(conv.backward_input_scratch()));
        let mut sums = Sums::new(x.iter().map(|_| 0.0));
        for_products(&conv, |y, i, k| sums.add(i, dy[y], kernel[k]));
        sums.assert_close("dx", &dx, bounds(Activation::Linear));
    }

    /// The last batch of an epoch is smaller than that which its scratch was made for.
    #[test]
    fn fewer_images_need_no_more_scratch(conv in tiled(), batch in 1usize..2000, more in 0usize..2000) {
        let [few, many] = [batch, batch + more].map(|batch| Conv2d { batch, ..conv });
        prop_assert!(few.forward_scratch() <= many.forward_scratch());
        prop_assert!(few.backward_input_scratch() <= many.backward_input_scratch());
    }

    /// NaN may take an infinity's place, but nothing finite may, and other outputs don't notice.
    #[test]
    fn tiles_keep_what_is_not_finite(
        conv in tiled(),
        activation in activations(),
        places in prop::collection::vec(0usize..1_000_000, 1..4),
        at in 0usize..4,
        values_at in prop::collection::vec(
            prop::sample::select(vec![f32::NAN, f32::INFINITY, f32::NEG_INFINITY]), 3),
        equal_weights in any::<bool>(),
    ) {
        let mut x = values(conv.batch * conv.input.iter().product::<usize>(), 1);
        let (mut kernel, mut bias) = (values(conv.kernel_len(), 2), values(conv.filters, 3));
        let mut dy = values(conv.batch * conv.output().iter().product::<usize>(), 4);
        // Some sums of equal weights, and so transformed ones, are zero.
        if equal_weights {
            kernel.iter_mut().for_each(|weight| *weight = weight.signum());
        }
        let spoilt = [&mut x, &mut kernel, &mut bias, &mut dy].into_iter().nth(at).unwrap();
        let len = spoilt.len();
        places.iter().zip(&values_at).for_each(|(place, value)| spoilt[place % len] = *value);

        let mut y = unset(dy.len());
        conv.forward(&x, &kernel, Some(&bias), activation, &mut y, &mut unset(conv.forward_scratch()));
        let mut sums = Sums::new((0..y.len()).map(|i| bias[i % conv.filters]));
        for_products(&conv, |y, i, k| sums.add(y, x[i], kernel[k]));
        spoil_outputs_of_kernel(&mut sums, &kernel, |k| k % conv.filters, conv.filters);
        sums.assert_close("y", &y, bounds(activation));

        let mut dx = unset(x.len());
        conv.backward_input(&dy, &kernel, None, &mut dx, &mut unset(conv.backward_input_scratch()));
        let mut sums = Sums::new(x.iter().map(|_| 0.0));
        for_products(&conv, |y, i, k| sums.add(i, dy[y], kernel[k]));
        let channels = conv.input[2];
        spoil_outputs_of_kernel(&mut sums, &kernel, |k| k / conv.filters % channels, channels);
        sums.assert_close("dx", &dx, bounds(Activation::Linear));
    }
}

fn check_dense(dense: &Dense) {
    let Dense { rows, inputs, units, .. } = *dense;
    let (x, kernel, bias) = (values(rows * inputs, 1), values(inputs * units, 2), values(units, 3));
    let dy = values(rows * units, 4);
    let mut y = unset(rows * units);
    dense.forward(&x, &kernel, Some(&bias), Activation::Linear, &mut y, &mut unset(dense.forward_scratch()));
    let mut expected: Vec<f64> = (0..y.len()).map(|i| f64::from(bias[i % units])).collect();
    let mut expected_dx = vec![0.0; x.len()];
    let mut expected_dkernel = vec![0.0; kernel.len()];
    let mut expected_dbias = vec![0.0; units];
    for (r, i, u) in positions([rows, inputs, units]) {
        expected[r * units + u] += product(x[r * inputs + i], kernel[i * units + u]);
        expected_dx[r * inputs + i] += product(dy[r * units + u], kernel[i * units + u]);
        expected_dkernel[i * units + u] += product(x[r * inputs + i], dy[r * units + u]);
    }
    dy.iter().enumerate().for_each(|(i, dy)| expected_dbias[i % units] += f64::from(*dy));
    assert_close("y", &y, &expected);
    let backward_input = |input_activation: Option<ActivationGradient<'_>>| {
        let (mut dx, scratch) = (unset(x.len()), &mut unset(dense.backward_input_scratch()));
        dense.backward_input(&dy, &kernel, input_activation, &mut dx, scratch);
        dx
    };
    let dx = backward_input(None);
    assert_activation_gradient(&x, backward_input);
    assert_close("dx", &dx, &expected_dx);
    let (mut dkernel, mut dbias) = (unset(kernel.len()), unset(units));
    let scratch = &mut unset(dense.backward_kernel_scratch());
    dense.backward_kernel(&x, &dy, &mut dkernel, Some(&mut dbias), scratch);
    assert_close("dkernel", &dkernel, &expected_dkernel);
    assert_close("dbias", &dbias, &expected_dbias);
}

#[test]
fn a_dense_layer_without_inputs_is_its_bias() {
    check_dense(&Dense { rows: 3, inputs: 0, units: 5, precision: Precision::Float32 });
}

#[test]
fn dense_layers_of_many_rows_match_too() {
    check_dense(&Dense { rows: 4500, inputs: 7, units: 5, precision: Precision::Float32 });
    check_dense(&Dense { rows: 513, inputs: 9, units: 17, precision: Precision::Float32 });
}

fn same(batch: usize, input: [usize; 3], filters: usize, kernel: usize, stride: usize) -> Conv2d {
    Conv2d {
        batch,
        input,
        filters,
        kernel: [kernel; 2],
        strides: [stride; 2],
        dilation: [1; 2],
        padding: Padding::same([input[0], input[1]], [kernel; 2], [stride; 2]),
        groups: 1,
        precision: Precision::Float32,
    }
}

#[test]
fn convolutions_of_usual_shapes_match() {
    check_conv(&same(2, [21, 19, 3], 16, 3, 1));
    check_conv(&same(2, [20, 22, 3], 32, 3, 2));
    check_conv(&same(3, [13, 15, 16], 32, 3, 1));
    check_conv(&same(1, [9, 9, 32], 64, 3, 1));
    check_conv(&same(1, [3, 111, 25], 41, 3, 1));
    check_conv(&same(2, [7, 7, 24], 40, 1, 1));
    check_conv(&same(2, [8, 7, 24], 40, 1, 2));
    check_conv(&same(1, [15, 15, 5], 9, 7, 2));
}

/// Output and gradients of a layer whose methods are those of the convolutions.
macro_rules! pass {
    ($layer:expr, $x:expr, $kernel:expr, $dy:expr, $outputs:expr) => {{
        let (mut y, mut dx) = (unset($dy.len()), unset($x.len()));
        let (mut dkernel, mut dbias) = (unset($kernel.len()), unset($outputs));
        let scratch = &mut unset($layer.forward_scratch());
        $layer.forward(&$x, &$kernel, None, Activation::Linear, &mut y, scratch);
        let scratch = &mut unset($layer.backward_input_scratch());
        $layer.backward_input(&$dy, &$kernel, None, &mut dx, scratch);
        let scratch = &mut unset($layer.backward_kernel_scratch());
        $layer.backward_kernel(&$x, &$dy, &mut dkernel, Some(&mut dbias), scratch);
        [y, dx, dkernel, dbias]
    }};
}

#[test]
fn convolutions_give_the_same_bits_on_any_number_of_threads() {
    let grouped = Conv2d { groups: 2, dilation: [2, 1], ..same(3, [17, 19, 8], 12, 3, 1) };
    for conv in [
        same(4, [31, 29, 3], 16, 3, 1),
        same(4, [15, 15, 16], 24, 3, 1),
        same(5, [31, 41, 29], 27, 3, 1),
        same(3, [23, 21, 16], 24, 3, 2),
        same(8, [20, 20, 8], 8, 1, 1),
        same(1, [33, 35, 8], 16, 5, 1),
        grouped,
    ] {
        let x = values(conv.batch * conv.input.iter().product::<usize>(), 1);
        let kernel = values(conv.kernel_len(), 2);
        let dy = values(conv.batch * conv.output().iter().product::<usize>(), 3);
        assert_same_bits_on_any_number_of_threads(|| pass!(conv, x, kernel, dy, conv.filters).into());
    }
}

#[test]
fn depthwise_convolutions_give_the_same_bits_on_any_number_of_threads() {
    for (batch, input, multiplier, stride) in
        [(4, [31, 29, 24], 1, 1), (3, [22, 23, 40], 1, 2), (3, [15, 15, 5], 2, 1)]
    {
        let padding = Padding::same([input[0], input[1]], [3; 2], [stride; 2]);
        let conv = DepthwiseConv2d {
            batch,
            input,
            multiplier,
            kernel: [3; 2],
            strides: [stride; 2],
            dilation: [1; 2],
            padding,
        };
        let x = values(batch * input.iter().product::<usize>(), 1);
        let kernel = values(conv.kernel_len(), 2);
        let dy = values(batch * conv.output().iter().product::<usize>(), 3);
        assert_same_bits_on_any_number_of_threads(|| {
            pass!(conv, x, kernel, dy, input[2] * multiplier).into()
        });
    }
}

#[test]
fn dense_layers_give_the_same_bits_on_any_number_of_threads() {
    for (rows, inputs, units) in [(32, 3000, 128), (32, 128, 5), (4500, 7, 33), (1, 2000, 1000)] {
        let dense = Dense { rows, inputs, units, precision: Precision::Float32 };
        let (x, kernel, dy) = (values(rows * inputs, 1), values(inputs * units, 2), values(rows * units, 3));
        assert_same_bits_on_any_number_of_threads(|| pass!(dense, x, kernel, dy, units).into());
    }
}
