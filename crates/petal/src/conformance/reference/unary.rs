//! Functions of a value, and their slopes.

use std::f64::consts::{FRAC_1_SQRT_2, FRAC_2_SQRT_PI};

use crate::program::Unary;

const SELU_ALPHA: f64 = 1.673_263_242_354_377_2;
const SELU_SCALE: f64 = 1.050_700_987_355_480_5;

/// Where soft and hard shrinkage begin.
const SHRINK: f64 = 0.5;

pub(super) fn value(function: Unary, x: f64) -> f64 {
    match function {
        Unary::Relu { max_value, negative_slope, threshold } => {
            let (slope, threshold) = (f64::from(negative_slope), f64::from(threshold));
            match max_value {
                Some(largest) if x > threshold => x.max(0.0).min(largest.into()),
                None if x > threshold => x,
                _ => slope * (x - threshold),
            }
        }
        Unary::Sigmoid => sigmoid(x),
        Unary::Tanh => x.tanh(),
        Unary::Elu { alpha } => elu(x, alpha.into()),
        Unary::Selu => SELU_SCALE * elu(x, SELU_ALPHA),
        Unary::Gelu => x * normal_distribution(x),
        Unary::Silu => x * sigmoid(x),
        Unary::Softplus => softplus(x),
        Unary::Softsign => x / (1.0 + x.abs()),
        Unary::HardSigmoid => hard_sigmoid(x),
        Unary::HardSilu => x * hard_sigmoid(x),
        Unary::Exponential => x.exp(),
        Unary::Mish => x * softplus(x).tanh(),
        Unary::LogSigmoid => -softplus(-x),
        Unary::Squareplus => (x + (x * x + 4.0).sqrt()) / 2.0,
        Unary::SparsePlus if x <= -1.0 => 0.0,
        Unary::SparsePlus if x < 1.0 => (x + 1.0).powi(2) / 4.0,
        Unary::SparsePlus => x,
        Unary::SparseSigmoid => ((x + 1.0) / 2.0).clamp(0.0, 1.0),
        Unary::HardTanh => x.clamp(-1.0, 1.0),
        Unary::TanhShrink => x - x.tanh(),
        Unary::SoftShrink if x.abs() <= SHRINK => 0.0,
        Unary::SoftShrink => x - SHRINK.copysign(x),
        Unary::HardShrink if x.abs() <= SHRINK => 0.0,
        Unary::HardShrink => x,
    }
}

/// The derivative; at a bend that which TensorFlow takes.
pub(super) fn slope(function: Unary, x: f64) -> f64 {
    let inside = |passes: bool, slope: f64| if passes { slope } else { 0.0 };
    match function {
        Unary::Relu { max_value, negative_slope, threshold } => {
            let threshold = f64::from(threshold);
            // A leaky ReLU without other settings has its lower slope at the bend.
            let leaky = max_value.is_none() && threshold == 0.0;
            if x > threshold {
                inside(max_value.is_none_or(|largest| (0.0..largest.into()).contains(&x)), 1.0)
            } else {
                inside(x < threshold || leaky, negative_slope.into())
            }
        }
        Unary::Sigmoid => sigmoid(x) * sigmoid(-x),
        Unary::Tanh => 1.0 - x.tanh().powi(2),
        Unary::Elu { alpha } => elu_slope(x, alpha.into()),
        Unary::Selu => SELU_SCALE * elu_slope(x, SELU_ALPHA),
        Unary::Gelu => {
            let density = (-x * x / 2.0).exp() * FRAC_2_SQRT_PI * FRAC_1_SQRT_2 / 2.0;
            normal_distribution(x) + x * density
        }
        Unary::Silu => sigmoid(x) + x * sigmoid(x) * sigmoid(-x),
        Unary::Softplus => sigmoid(x),
        Unary::Softsign => 1.0 / (1.0 + x.abs()).powi(2),
        Unary::HardSigmoid => inside(x.abs() < 3.0, 1.0 / 6.0),
        Unary::HardSilu => hard_sigmoid(x) + inside(x.abs() < 3.0, x / 6.0),
        Unary::Exponential => x.exp(),
        Unary::Mish => {
            let tanh = softplus(x).tanh();
            tanh + x * (1.0 - tanh * tanh) * sigmoid(x)
        }
        Unary::LogSigmoid => sigmoid(-x),
        Unary::Squareplus => (1.0 + x / (x * x + 4.0).sqrt()) / 2.0,
        Unary::SparsePlus => ((x + 1.0) / 2.0).clamp(0.0, 1.0),
        Unary::SparseSigmoid => inside(x.abs() < 1.0, 0.5),
        Unary::HardTanh => inside(x.abs() <= 1.0, 1.0),
        Unary::TanhShrink => x.tanh().powi(2),
        Unary::SoftShrink | Unary::HardShrink => inside(x.abs() > SHRINK, 1.0),
    }
}

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

fn softplus(x: f64) -> f64 {
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}

fn elu(x: f64, alpha: f64) -> f64 {
    if x > 0.0 { x } else { alpha * x.exp_m1() }
}

fn elu_slope(x: f64, alpha: f64) -> f64 {
    if x > 0.0 { 1.0 } else { alpha * x.exp() }
}

fn hard_sigmoid(x: f64) -> f64 {
    (x / 6.0 + 0.5).clamp(0.0, 1.0)
}

/// The share of a standard normal distribution below `x`.
fn normal_distribution(x: f64) -> f64 {
    // Beyond, it is 0 or 1 to the last bit, and the series below would need more terms.
    if x.abs() > 9.0 {
        return if x > 0.0 { 1.0 } else { 0.0 };
    }
    // 1 / 2 + density · (x + x³ / 3 + x⁵ / (3 · 5) + …), whose terms all have one sign.
    let (mut term, mut sum) = (x, x);
    for i in 1..200 {
        term *= x * x / f64::from(2 * i + 1);
        sum += term;
    }
    0.5 + sum * (-x * x / 2.0).exp() * FRAC_2_SQRT_PI * FRAC_1_SQRT_2 / 2.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_normal_distribution_is_that_of_the_tables() {
        for (x, share) in
            [(0.0, 0.5), (1.0, 0.841_344_746_068_543), (-2.0, 0.022_750_131_948_179), (9.5, 1.0)]
        {
            assert!((normal_distribution(x) - share).abs() < 1e-14, "{x}");
        }
    }

    #[test]
    fn slopes_are_those_of_the_functions() {
        let functions = [
            Unary::Relu { max_value: Some(1.5), negative_slope: 0.2, threshold: 0.3 },
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
        for function in functions {
            for x in [-4.1, -2.2, -0.77, -0.41, -0.1, 0.13, 0.44, 0.83, 1.2, 2.1, 3.7] {
                let difference = (value(function, x + 1e-5) - value(function, x - 1e-5)) / 2e-5;
                assert!((difference - slope(function, x)).abs() < 1e-8, "{function:?} at {x}");
            }
        }
    }
}
