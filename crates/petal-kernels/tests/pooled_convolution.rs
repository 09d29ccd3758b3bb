//! Convolution and max pooling in one against naive loops in `f64`.

mod reference;

use petal_kernels::{Activation, ActivationGradient, Conv2d, Padding, PooledConv2d, Precision};
use proptest::prelude::*;
use reference::{
    activations, assert_activation_gradient, assert_close, assert_same_bits_on_any_number_of_threads, bounds,
    for_products, three_by_three, unset, values,
};

/// For each pooled element the elements of the convolution's output in its window.
fn windows(pooled: &PooledConv2d) -> Vec<[usize; 4]> {
    let [height, width, filters] = pooled.conv.output();
    let [pooled_height, pooled_width, _] = pooled.output();
    assert_eq!([pooled_height, pooled_width], [height / 2, width / 2]);
    (0..pooled.arg_bytes())
        .map(|i| {
            let (n, oy) =
                (i / filters / pooled_width / pooled_height, i / filters / pooled_width % pooled_height);
            let (ox, filter) = (i / filters % pooled_width, i % filters);
            let first = ((n * height + 2 * oy) * width + 2 * ox) * filters + filter;
            [0, filters, width * filters, (width + 1) * filters].map(|cell| first + cell)
        })
        .collect()
}

struct Inputs {
    x: Vec<f32>,
    kernel: Vec<f32>,
    bias: Vec<f32>,
    dy: Vec<f32>,
}

impl Inputs {
    fn new(pooled: &PooledConv2d) -> Inputs {
        let conv = &pooled.conv;
        let mut dy = values(pooled.arg_bytes(), 4);
        // As an activation leaves them: some are zero.
        dy.iter_mut().for_each(|dy| *dy = if *dy < -0.5 { 0.0 } else { *dy });
        Inputs {
            x: values(conv.batch * conv.input.iter().product::<usize>(), 1),
            kernel: values(conv.kernel_len(), 2),
            bias: values(conv.filters, 3),
            dy,
        }
    }
}

struct Outputs {
    y: Vec<f32>,
    arg: Vec<u8>,
    dx: Vec<f32>,
    dkernel: Vec<f32>,
    dbias: Vec<f32>,
}

fn run(pooled: &PooledConv2d, inputs: &Inputs, activation: Activation) -> Outputs {
    let Inputs { x, kernel, bias, dy } = inputs;
    let (mut y, mut arg) = (unset(dy.len()), vec![255; pooled.arg_bytes()]);
    let scratch = &mut unset(pooled.forward_scratch());
    pooled.forward(x, kernel, Some(bias), activation, &mut y, &mut arg, scratch);
    let backward_input = |input_activation: Option<ActivationGradient<'_>>| {
        let (mut dx, scratch) = (unset(x.len()), &mut unset(pooled.backward_input_scratch()));
        pooled.backward_input(dy, &arg, kernel, input_activation, &mut dx, scratch);
        dx
    };
    let dx = backward_input(None);
    if dx.iter().all(|dx| dx.is_finite()) {
        assert_activation_gradient(x, backward_input);
    }
    let (mut dkernel, mut dbias) = (unset(kernel.len()), unset(bias.len()));
    let scratch = &mut unset(pooled.backward_kernel_scratch());
    pooled.backward_kernel(x, dy, &arg, &mut dkernel, Some(&mut dbias), scratch);
    Outputs { y, arg, dx, dkernel, dbias }
}

fn check(pooled: &PooledConv2d, activation: Activation) {
    let conv = &pooled.conv;
    let inputs = Inputs::new(pooled);
    let Inputs { x, kernel, bias, dy } = &inputs;
    let outputs = run(pooled, &inputs, activation);
    let product = |a: f32, b: f32| f64::from(a) * f64::from(b);

    let len = conv.batch * conv.output().iter().product::<usize>();
    let mut image: Vec<f64> = (0..len).map(|i| f64::from(bias[i % conv.filters])).collect();
    for_products(conv, |y, i, k| image[y] += product(x[i], kernel[k]));
    for value in &mut image {
        *value = match activation {
            Activation::Linear => *value,
            Activation::Relu => value.max(0.0),
            Activation::Relu6 => value.clamp(0.0, 6.0),
        };
    }
    let windows = windows(pooled);
    let maximum = |window: &[usize; 4]| window.iter().fold(f64::NEG_INFINITY, |max, i| max.max(image[*i]));
    assert_close("y", &outputs.y, &windows.iter().map(maximum).collect::<Vec<_>>());
    let at_arg = windows.iter().zip(&outputs.arg).map(|(window, arg)| image[window[usize::from(*arg)]]);
    assert_close("winners", &outputs.y, &at_arg.collect::<Vec<_>>());

    let mut gradient = vec![0.0; len];
    for ((window, arg), dy) in windows.iter().zip(&outputs.arg).zip(dy) {
        gradient[window[usize::from(*arg)]] = *dy;
    }
    let (mut dx, mut dkernel) = (vec![0.0; x.len()], vec![0.0; kernel.len()]);
    for_products(conv, |y, i, k| {
        dx[i] += product(gradient[y], kernel[k]);
        dkernel[k] += product(gradient[y], x[i]);
    });
    let mut dbias = vec![0.0; bias.len()];
    dy.iter().enumerate().for_each(|(i, dy)| dbias[i % conv.filters] += f64::from(*dy));
    assert_close("dx", &outputs.dx, &dx);
    assert_close("dkernel", &outputs.dkernel, &dkernel);
    assert_close("dbias", &outputs.dbias, &dbias);
}

fn same(batch: usize, input: [usize; 3], filters: usize, kernel: usize, stride: usize) -> PooledConv2d {
    let padding = Padding::same([input[0], input[1]], [kernel; 2], [stride; 2]);
    let (kernel, strides) = ([kernel; 2], [stride; 2]);
    PooledConv2d {
        conv: Conv2d {
            batch,
            input,
            filters,
            kernel,
            strides,
            dilation: [1; 2],
            padding,
            groups: 1,
            precision: Precision::Float32,
        },
    }
}

/// Size, kernel, stride, padding before and after.
fn axis() -> impl Strategy<Value = [usize; 5]> {
    [1usize..16, 1usize..6, 1usize..4, 0usize..4, 0usize..4]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn the_two_in_one_match_the_naive_loops(
        batch in 1usize..4,
        (v, h) in (axis(), axis()),
        channels in prop::sample::select(vec![1usize, 2, 3, 4, 7, 8, 16, 17]),
        filters in 1usize..20,
        activation in prop::sample::select(vec![Activation::Linear, Activation::Relu, Activation::Relu6]),
    ) {
        let conv = Conv2d {
            batch,
            input: [v[0], h[0], channels],
            filters,
            kernel: [v[1], h[1]],
            strides: [v[2], h[2]],
            dilation: [1; 2],
            padding: Padding { top: v[3], bottom: v[4], left: h[3], right: h[4] },
            groups: 1,
            precision: Precision::Float32,
        };
        prop_assume!(PooledConv2d::supports(&conv));
        check(&PooledConv2d { conv }, activation);
    }

    /// Where the convolution's output would have them: in `y`, and in gradients of gradients.
    #[test]
    fn what_is_not_finite_stays_so(
        (height, width, channels, filters) in (2usize..9, 2usize..9, 1usize..6, 1usize..10),
        place in 0usize..1000,
        value in prop::sample::select(vec![f32::NAN, f32::INFINITY, f32::NEG_INFINITY]),
    ) {
        let pooled = same(2, [height, width, channels], filters, 3, 1);
        let mut inputs = Inputs::new(&pooled);
        let place_in_x = place % inputs.x.len();
        inputs.x[place_in_x] = value;
        let outputs = run(&pooled, &inputs, Activation::Linear);
        let conv = &pooled.conv;
        let len = conv.batch * conv.output().iter().product::<usize>();
        let mut image: Vec<f32> = (0..len).map(|i| inputs.bias[i % conv.filters]).collect();
        for_products(conv, |y, i, k| image[y] += inputs.x[i] * inputs.kernel[k]);
        for (window, found) in windows(&pooled).iter().zip(&outputs.y) {
            let nan = window.iter().any(|i| image[*i].is_nan());
            let infinite = window.iter().any(|i| image[*i] == f32::INFINITY);
            prop_assert_eq!(found.is_nan(), nan);
            prop_assert_eq!(*found == f32::INFINITY, infinite && !nan);
        }

        let mut inputs = Inputs::new(&pooled);
        let place_in_dy = place % inputs.dy.len();
        inputs.dy[place_in_dy] = value;
        let outputs = run(&pooled, &inputs, Activation::Linear);
        let winner = windows(&pooled)[place_in_dy][usize::from(outputs.arg[place_in_dy])];
        let (mut dx, mut dkernel) = (outputs.dx.clone(), outputs.dkernel.clone());
        for_products(conv, |y, i, k| if y == winner { (dx[i], dkernel[k]) = (f32::NAN, f32::NAN) });
        prop_assert!(dx.iter().zip(&outputs.dx).all(|(spoilt, dx)| !spoilt.is_nan() || !dx.is_finite()));
        prop_assert!(dkernel.iter().zip(&outputs.dkernel).all(|(spoilt, dk)| !spoilt.is_nan() || !dk.is_finite()));
        prop_assert!(!outputs.dbias[place_in_dy % filters].is_finite());
    }
}

/// Shapes that take Winograd's way.
fn tiled() -> impl Strategy<Value = PooledConv2d> {
    three_by_three(0..4, 8..36)
        .prop_map(|conv| PooledConv2d { conv })
        .prop_filter("too small", |pooled| PooledConv2d::supports(&pooled.conv))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn tiles_match_the_naive_loops(pooled in tiled(), activation in activations()) {
        check(&pooled, activation);
    }

    #[test]
    fn no_bias_is_a_bias_of_zero(pooled in tiled(), activation in activations()) {
        let Inputs { x, kernel, bias, .. } = Inputs::new(&pooled);
        let zeros = vec![0.0; bias.len()];
        let [without, with] = [None, Some(&zeros[..])].map(|bias| {
            let (mut y, mut arg) = (unset(pooled.arg_bytes()), vec![255; pooled.arg_bytes()]);
            let scratch = &mut unset(pooled.forward_scratch());
            pooled.forward(&x, &kernel, bias, activation, &mut y, &mut arg, scratch);
            (y, arg)
        });
        prop_assert_eq!(without, with);
    }

    /// NaN may take an infinity's place, but nothing finite may, and other windows don't notice.
    #[test]
    fn tiles_keep_what_is_not_finite(
        pooled in tiled(),
        activation in activations(),
        places in prop::collection::vec(0usize..1_000_000, 1..4),
        at in 0usize..3,
        values in prop::collection::vec(prop::sample::select(vec![f32::NAN, f32::INFINITY, f32::NEG_INFINITY]), 3),
    ) {
        let conv = &pooled.conv;
        let mut inputs = Inputs::new(&pooled);
        let spoilt = [&mut inputs.x, &mut inputs.kernel, &mut inputs.bias].into_iter().nth(at).unwrap();
        let len = spoilt.len();
        places.iter().zip(&values).for_each(|(place, value)| spoilt[place % len] = *value);
        // Sums of a few equal weights too: some transformed ones are zero.
        if at == 0 && places[0] % 2 == 0 {
            inputs.kernel.iter_mut().for_each(|weight| *weight = weight.signum());
        }
        let len = conv.batch * conv.output().iter().product::<usize>();
        let mut image: Vec<f32> = (0..len).map(|i| inputs.bias[i % conv.filters]).collect();
        for_products(conv, |y, i, k| image[y] += inputs.x[i] * inputs.kernel[k]);
        let [low, high] = bounds(activation);
        let (mut y, mut arg) = (unset(pooled.arg_bytes()), vec![255; pooled.arg_bytes()]);
        let scratch = &mut unset(pooled.forward_scratch());
        pooled.forward(&inputs.x, &inputs.kernel, Some(&inputs.bias), activation, &mut y, &mut arg, scratch);
        prop_assert!(arg.iter().all(|cell| *cell < 4));
        for (window, found) in windows(&pooled).iter().zip(&y) {
            let cells = window.map(|i| image[i].clamp(low, high));
            let maximum = cells.into_iter().fold(f32::NEG_INFINITY, f32::max);
            if cells.iter().any(|cell| cell.is_nan()) {
                prop_assert!(found.is_nan(), "{found} of {cells:?}");
            } else if maximum.is_infinite() {
                prop_assert!(found.is_nan() || *found == maximum, "{found} of {cells:?}");
            } else if window.iter().all(|i| image[*i].is_finite()) && at != 1 {
                prop_assert!((found - maximum).abs() <= 1e-4 * maximum.abs().max(10.0), "{found} of {cells:?}");
            }
        }
    }
}

#[test]
fn usual_shapes_match() {
    check(&same(2, [21, 19, 3], 16, 3, 1), Activation::Relu);
    check(&same(3, [12, 15, 16], 32, 3, 1), Activation::Relu);
    check(&same(1, [9, 9, 32], 20, 3, 1), Activation::Linear);
    check(&same(2, [20, 22, 3], 33, 3, 2), Activation::Relu6);
    check(&same(1, [17, 18, 5], 9, 7, 2), Activation::Relu);
    // More windows in a row than are transformed at a time.
    check(&same(1, [7, 125, 9], 41, 3, 1), Activation::Relu);
    // More windows in a row than are listed at a time.
    check(&same(1, [5, 523, 2], 3, 3, 1), Activation::Relu);
}

#[test]
fn the_bits_are_the_same_on_any_number_of_threads() {
    for pooled in [
        same(4, [31, 29, 3], 16, 3, 1),
        same(3, [15, 15, 16], 24, 3, 1),
        same(3, [15, 15, 16], 32, 3, 1),
        same(5, [31, 41, 13], 19, 3, 1),
        same(3, [43, 41, 4], 8, 5, 2),
    ] {
        let inputs = Inputs::new(&pooled);
        assert_same_bits_on_any_number_of_threads(|| {
            let Outputs { y, arg, dx, dkernel, dbias } = run(&pooled, &inputs, Activation::Relu);
            vec![y, arg.into_iter().map(f32::from).collect(), dx, dkernel, dbias]
        });
    }
}
