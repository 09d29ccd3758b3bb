//! Activation functions against Keras' formulas in `f64`, and their gradients against differences of these.

mod reference;

use petal_kernels::Unary;
use proptest::prelude::*;
use reference::{assert_close, assert_same_bits_on_any_number_of_threads, gradient, unset, values};

const FUNCTIONS: [Unary; 23] = [
    Unary::Linear,
    Unary::Relu { max_value: None, negative_slope: 0.0, threshold: 0.0 },
    Unary::Relu { max_value: Some(3.0), negative_slope: 0.25, threshold: -0.5 },
    Unary::Sigmoid,
    Unary::Tanh,
    Unary::Elu { alpha: 0.7 },
    Unary::Selu,
    Unary::Gelu,
    Unary::Silu,
    Unary::Softplus,
    Unary::Softsign,
    Unary::HardSigmoid,
    Unary::HardSilu,
    Unary::Exponential,
    Unary::Mish,
    Unary::LogSigmoid,
    Unary::Squareplus,
    Unary::SparsePlus,
    Unary::SparseSigmoid,
    Unary::HardTanh,
    Unary::TanhShrink,
    Unary::SoftShrink,
    Unary::HardShrink,
];

/// Where a function bends or jumps: differences across such a place say nothing.
const BENDS: [f64; 9] = [-3.0, -1.0, -0.5, 0.0, 0.5, 1.0, 3.0, 3.5, 6.0];

fn formula(function: Unary, x: f64) -> f64 {
    let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
    let softplus = |x: f64| (1.0 + x.exp()).ln();
    let hard_sigmoid = |x: f64| ((x + 3.0) / 6.0).clamp(0.0, 1.0);
    match function {
        Unary::Linear => x,
        Unary::Relu { negative_slope, threshold, .. } if x <= f64::from(threshold) => {
            f64::from(negative_slope) * (x - f64::from(threshold))
        }
        Unary::Relu { max_value, .. } => max_value.map_or(x, |max| x.clamp(0.0, f64::from(max))),
        Unary::Sigmoid => sigmoid(x),
        Unary::Tanh => x.tanh(),
        Unary::Elu { alpha } => {
            if x > 0.0 {
                x
            } else {
                f64::from(alpha) * (x.exp() - 1.0)
            }
        }
        Unary::Selu => {
            let inner = if x > 0.0 { x } else { 1.673_263_242_354_377_2 * (x.exp() - 1.0) };
            1.050_700_987_355_480_5 * inner
        }
        // The integral of the density from 0 on, by Simpson's rule.
        Unary::Gelu => {
            let density = |t: f64| (-0.5 * t * t).exp() / std::f64::consts::TAU.sqrt();
            let step = x / 400.0;
            let weight = |i: i32| {
                if i % 400 == 0 {
                    1.0
                } else if i % 2 == 0 {
                    2.0
                } else {
                    4.0
                }
            };
            let sum: f64 = (0..=400).map(|i| weight(i) * density(step * f64::from(i))).sum();
            x * (0.5 + sum * step / 3.0)
        }
        Unary::Silu => x * sigmoid(x),
        Unary::Softplus => softplus(x),
        Unary::Softsign => x / (1.0 + x.abs()),
        Unary::HardSigmoid => hard_sigmoid(x),
        Unary::HardSilu => x * hard_sigmoid(x),
        Unary::Exponential => x.exp(),
        Unary::Mish => x * softplus(x).tanh(),
        Unary::LogSigmoid => sigmoid(x).ln(),
        Unary::Squareplus => (x + (x * x + 4.0).sqrt()) / 2.0,
        Unary::SparsePlus if x <= -1.0 => 0.0,
        Unary::SparsePlus => {
            if x >= 1.0 {
                x
            } else {
                (x + 1.0).powi(2) / 4.0
            }
        }
        Unary::SparseSigmoid => ((x + 1.0) / 2.0).clamp(0.0, 1.0),
        Unary::HardTanh => x.clamp(-1.0, 1.0),
        Unary::TanhShrink => x - x.tanh(),
        Unary::SoftShrink | Unary::HardShrink if x.abs() <= 0.5 => 0.0,
        Unary::SoftShrink => x - 0.5 * x.signum(),
        Unary::HardShrink => x,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn functions_and_their_gradients(len in 0usize..60, scale in 0.1f32..9.0, shift in -3.0f32..3.0) {
        let x: Vec<f32> = values(len, 1).iter().map(|x| x * scale + shift).collect();
        prop_assume!(x.iter().all(|x| BENDS.iter().all(|bend| (f64::from(*x) - bend).abs() > 1e-4)));
        let dy = values(len, 2);
        for function in FUNCTIONS {
            let [mut y, mut dx] = [unset(len), unset(len)];
            function.forward(&x, &mut y);
            let expected: Vec<f64> = x.iter().map(|x| formula(function, f64::from(*x))).collect();
            assert_close(&format!("{function:?}"), &y, &expected);
            function.backward(&x, &y, &dy, &mut dx);
            let sum = |x: &[f64]| x.iter().zip(&dy).map(|(x, dy)| formula(function, *x) * f64::from(*dy)).sum();
            assert_close(&format!("gradient of {function:?}"), &dx, &gradient(&x, sum));
        }
    }
}

#[test]
fn nan_stays_and_large_numbers_have_their_limits() {
    for function in FUNCTIONS {
        let [mut y, mut dx] = [[0.0; 3], [0.0; 3]];
        let x = [f32::NAN, 200.0, -200.0];
        function.forward(&x, &mut y);
        assert!(y[0].is_nan(), "{function:?} of NaN: {}", y[0]);
        function.backward(&x, &y, &[1.0; 3], &mut dx);
        if function != Unary::Exponential {
            assert!(
                y[1..].iter().chain(&dx[1..]).all(|value| value.is_finite()),
                "{function:?}: {y:?} {dx:?}"
            );
        }
    }
}

#[test]
fn results_are_the_same_bits_on_any_number_of_threads() {
    let (x, dy) = (values(20_011, 1), values(20_011, 2));
    assert_same_bits_on_any_number_of_threads(|| {
        let mut results = Vec::new();
        for function in FUNCTIONS {
            let [mut y, mut dx] = [unset(x.len()), unset(x.len())];
            function.forward(&x, &mut y);
            function.backward(&x, &y, &dy, &mut dx);
            results.extend([y, dx]);
        }
        results
    });
}
