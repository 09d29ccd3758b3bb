//! Convolutions, depthwise convolutions and dense layers against loops that follow the definition.

use petal_kernels::{Activation, Conv2d, Dense, DepthwiseConv2d, Padding};
use proptest::prelude::*;

/// Values from a fixed sequence, about as large as activations.
fn values(len: usize, seed: u64) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    (0..len)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 40) as f32 / (1 << 23) as f32 - 1.0
        })
        .collect()
}

/// Calls `visit(output index, input index, kernel index)` for every product in a convolution.
fn products(conv: &Conv2d, mut visit: impl FnMut(usize, usize, usize)) {
    let [height, width, filters] = conv.output();
    let [in_height, in_width, channels] = conv.input;
    let (depth, group_filters) = (channels / conv.groups, filters / conv.groups);
    for n in 0..conv.batch {
        for y in 0..height {
            for x in 0..width {
                for f in 0..filters {
                    for i in 0..conv.kernel[0] {
                        for j in 0..conv.kernel[1] {
                            let row = (y * conv.strides[0] + i * conv.dilation[0]) as isize
                                - conv.padding.top as isize;
                            let col = (x * conv.strides[1] + j * conv.dilation[1]) as isize
                                - conv.padding.left as isize;
                            if row < 0 || col < 0 || row >= in_height as isize || col >= in_width as isize {
                                continue;
                            }
                            for c in 0..depth {
                                let channel = f / group_filters * depth + c;
                                let input = ((n * in_height + row as usize) * in_width + col as usize)
                                    * channels
                                    + channel;
                                let kernel = ((i * conv.kernel[1] + j) * depth + c) * filters + f;
                                visit(((n * height + y) * width + x) * filters + f, input, kernel);
                            }
                        }
                    }
                }
            }
        }
    }
}

fn activate(activation: Activation, value: f64) -> f64 {
    match activation {
        Activation::Linear => value,
        Activation::Relu => value.max(0.0),
        Activation::Relu6 => value.clamp(0.0, 6.0),
    }
}

fn assert_close(got: &[f32], expected: &[f64]) {
    assert_eq!(got.len(), expected.len());
    for (i, (got, expected)) in got.iter().zip(expected).enumerate() {
        let error = (f64::from(*got) - expected).abs();
        assert!(error <= 1e-4 * (1.0 + expected.abs()), "at {i}: {got}, expected {expected}");
    }
}

/// On a pool of that many threads.
fn on_threads<T: Send>(threads: usize, work: impl FnOnce() -> T + Send) -> T {
    rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(work)
}

fn check_conv(conv: Conv2d, activation: Activation) {
    let x = values(conv.batch * conv.input.iter().product::<usize>(), 1);
    let kernel = values(conv.kernel_len(), 2);
    let bias = values(conv.filters, 3);
    let outputs = conv.batch * conv.output().iter().product::<usize>();
    let dy = values(outputs, 4);
    let run = |threads| {
        on_threads(threads, || {
            let scratch =
                [conv.forward_scratch(), conv.backward_input_scratch(), conv.backward_kernel_scratch()];
            let mut scratch = vec![f32::NAN; *scratch.iter().max().unwrap()];
            let (mut y, mut dx) = (vec![f32::NAN; outputs], vec![f32::NAN; x.len()]);
            let (mut dkernel, mut dbias) = (vec![f32::NAN; kernel.len()], vec![f32::NAN; bias.len()]);
            conv.forward(&x, &kernel, Some(&bias), activation, &mut y, &mut scratch);
            conv.backward_input(&dy, &kernel, &mut dx, &mut scratch);
            conv.backward_kernel(&x, &dy, &mut dkernel, Some(&mut dbias), &mut scratch);
            (y, dx, dkernel, dbias)
        })
    };
    let (y, dx, dkernel, dbias) = run(1);
    assert_eq!((y.clone(), dx.clone(), dkernel.clone(), dbias.clone()), run(3), "other bits on 3 threads");

    let mut sums: Vec<f64> = (0..outputs).map(|i| f64::from(bias[i % conv.filters])).collect();
    products(&conv, |o, i, k| sums[o] += f64::from(x[i]) * f64::from(kernel[k]));
    assert_close(&y, &sums.iter().map(|&sum| activate(activation, sum)).collect::<Vec<_>>());
    let mut sums = vec![0.0; x.len()];
    products(&conv, |o, i, k| sums[i] += f64::from(dy[o]) * f64::from(kernel[k]));
    assert_close(&dx, &sums);
    let mut sums = vec![0.0; kernel.len()];
    products(&conv, |o, i, k| sums[k] += f64::from(dy[o]) * f64::from(x[i]));
    assert_close(&dkernel, &sums);
    let mut sums = vec![0.0; bias.len()];
    dy.iter().enumerate().for_each(|(i, dy)| sums[i % conv.filters] += f64::from(*dy));
    assert_close(&dbias, &sums);
}

fn check_depthwise(conv: DepthwiseConv2d, activation: Activation) {
    let channels = conv.input[2];
    let [height, width, filters] = conv.output();
    let x = values(conv.batch * conv.input.iter().product::<usize>(), 1);
    let kernel = values(conv.kernel_len(), 2);
    let bias = values(filters, 3);
    let outputs = conv.batch * height * width * filters;
    let dy = values(outputs, 4);
    let run = |threads| {
        on_threads(threads, || {
            let scratch =
                [conv.forward_scratch(), conv.backward_input_scratch(), conv.backward_kernel_scratch()];
            let mut scratch = vec![f32::NAN; *scratch.iter().max().unwrap()];
            let (mut y, mut dx) = (vec![f32::NAN; outputs], vec![f32::NAN; x.len()]);
            let (mut dkernel, mut dbias) = (vec![f32::NAN; kernel.len()], vec![f32::NAN; filters]);
            conv.forward(&x, &kernel, Some(&bias), activation, &mut y, &mut scratch);
            conv.backward_input(&dy, &kernel, &mut dx, &mut scratch);
            conv.backward_kernel(&x, &dy, &mut dkernel, Some(&mut dbias), &mut scratch);
            (y, dx, dkernel, dbias)
        })
    };
    let (y, dx, dkernel, dbias) = run(1);
    assert_eq!((y.clone(), dx.clone(), dkernel.clone(), dbias.clone()), run(3), "other bits on 3 threads");

    // A depthwise convolution is a grouped one with as many groups as channels; the kernel's layout is the same.
    let grouped = Conv2d {
        batch: conv.batch,
        input: conv.input,
        filters,
        kernel: conv.kernel,
        strides: conv.strides,
        dilation: conv.dilation,
        padding: conv.padding,
        groups: channels,
    };
    let mut sums: Vec<f64> = (0..outputs).map(|i| f64::from(bias[i % filters])).collect();
    products(&grouped, |o, i, k| sums[o] += f64::from(x[i]) * f64::from(kernel[k]));
    assert_close(&y, &sums.iter().map(|&sum| activate(activation, sum)).collect::<Vec<_>>());
    let mut sums = vec![0.0; x.len()];
    products(&grouped, |o, i, k| sums[i] += f64::from(dy[o]) * f64::from(kernel[k]));
    assert_close(&dx, &sums);
    let mut sums = vec![0.0; kernel.len()];
    products(&grouped, |o, i, k| sums[k] += f64::from(dy[o]) * f64::from(x[i]));
    assert_close(&dkernel, &sums);
    let mut sums = vec![0.0; filters];
    dy.iter().enumerate().for_each(|(i, dy)| sums[i % filters] += f64::from(*dy));
    assert_close(&dbias, &sums);
}

fn activation() -> impl Strategy<Value = Activation> {
    prop_oneof![Just(Activation::Linear), Just(Activation::Relu), Just(Activation::Relu6)]
}

fn padding(same: bool, input: [usize; 2], window: [usize; 2], strides: [usize; 2]) -> Option<Padding> {
    match same {
        true => Some(Padding::same(input, window, strides)),
        false => (window[0] <= input[0] && window[1] <= input[1]).then(Padding::default),
    }
}

prop_compose! {
    fn geometry()(
        batch in 1..5usize,
        size in [1..14usize, 1..14usize],
        kernel in [1..5usize, 1..5usize],
        stride in [1..4usize, 1..4usize],
        dilation in [1..3usize, 1..3usize],
        same in any::<bool>(),
    ) -> (usize, [usize; 2], [usize; 2], [usize; 2], [usize; 2], bool) {
        // Keras refuses strides and dilation together.
        let strides = if dilation == [1, 1] { stride } else { [1, 1] };
        (batch, size, kernel, strides, dilation, same)
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn conv2d_is_its_definition(
        (batch, size, kernel, strides, dilation, same) in geometry(),
        depth in 1..20usize, group_filters in 1..36usize, groups in 1..4usize, activation in activation(),
    ) {
        let window = [0, 1].map(|axis| (kernel[axis] - 1) * dilation[axis] + 1);
        if let Some(padding) = padding(same, size, window, strides) {
            let input = [size[0], size[1], depth * groups];
            let filters = group_filters * groups;
            check_conv(Conv2d { batch, input, filters, kernel, strides, dilation, padding, groups }, activation);
        }
    }

    #[test]
    fn three_by_three_and_one_by_one_conv2d_are_their_definition(
        batch in 1..4usize, size in [1..40usize, 1..40usize], channels in 1..36usize, filters in 1..40usize,
        kernel in prop_oneof![Just(1usize), Just(3)], stride in 1..3usize, activation in activation(),
    ) {
        let (kernel, strides) = ([kernel; 2], [stride; 2]);
        let input = [size[0], size[1], channels];
        let padding = Padding::same(size, kernel, strides);
        let conv = Conv2d { batch, input, filters, kernel, strides, dilation: [1, 1], padding, groups: 1 };
        check_conv(conv, activation);
    }

    #[test]
    fn depthwise_conv2d_is_its_definition(
        (batch, size, kernel, strides, dilation, same) in geometry(),
        channels in 1..40usize, multiplier in 1..4usize, activation in activation(),
    ) {
        let window = [0, 1].map(|axis| (kernel[axis] - 1) * dilation[axis] + 1);
        if let Some(padding) = padding(same, size, window, strides) {
            let input = [size[0], size[1], channels];
            check_depthwise(DepthwiseConv2d { batch, input, multiplier, kernel, strides, dilation, padding }, activation);
        }
    }

    #[test]
    fn dense_is_its_definition(
        rows in 1..150usize, inputs in 1..150usize, units in 1..150usize, activation in activation(),
    ) {
        check_dense(Dense { rows, inputs, units }, activation);
    }
}

#[test]
fn dense_with_many_inputs_is_its_definition() {
    for rows in [1, 3, 32, 65] {
        check_dense(Dense { rows, inputs: 6000, units: 5 }, Activation::Relu);
    }
}

fn check_dense(dense: Dense, activation: Activation) {
    let Dense { rows, inputs, units } = dense;
    let conv = Conv2d {
        batch: rows,
        input: [1, 1, inputs],
        filters: units,
        kernel: [1, 1],
        strides: [1, 1],
        dilation: [1, 1],
        padding: Padding::default(),
        groups: 1,
    };
    let (x, kernel, bias) = (values(rows * inputs, 1), values(inputs * units, 2), values(units, 3));
    let dy = values(rows * units, 4);
    let run = |threads| {
        on_threads(threads, || {
            let scratch =
                [dense.forward_scratch(), dense.backward_input_scratch(), dense.backward_kernel_scratch()];
            let mut scratch = vec![f32::NAN; *scratch.iter().max().unwrap()];
            let (mut y, mut dx) = (vec![f32::NAN; dy.len()], vec![f32::NAN; x.len()]);
            let (mut dkernel, mut dbias) = (vec![f32::NAN; kernel.len()], vec![f32::NAN; units]);
            dense.forward(&x, &kernel, Some(&bias), activation, &mut y, &mut scratch);
            dense.backward_input(&dy, &kernel, &mut dx, &mut scratch);
            dense.backward_kernel(&x, &dy, &mut dkernel, Some(&mut dbias), &mut scratch);
            (y, dx, dkernel, dbias)
        })
    };
    let (y, dx, dkernel, dbias) = run(1);
    assert_eq!((y.clone(), dx.clone(), dkernel.clone(), dbias.clone()), run(3), "other bits on 3 threads");
    let mut sums: Vec<f64> = (0..rows * units).map(|i| f64::from(bias[i % units])).collect();
    products(&conv, |o, i, k| sums[o] += f64::from(x[i]) * f64::from(kernel[k]));
    assert_close(&y, &sums.iter().map(|&sum| activate(activation, sum)).collect::<Vec<_>>());
    let mut sums = vec![0.0; x.len()];
    products(&conv, |o, i, k| sums[i] += f64::from(dy[o]) * f64::from(kernel[k]));
    assert_close(&dx, &sums);
    let mut sums = vec![0.0; kernel.len()];
    products(&conv, |o, i, k| sums[k] += f64::from(dy[o]) * f64::from(x[i]));
    assert_close(&dkernel, &sums);
    let mut sums = vec![0.0; units];
    dy.iter().enumerate().for_each(|(i, dy)| sums[i % units] += f64::from(*dy));
    assert_close(&dbias, &sums);
}
