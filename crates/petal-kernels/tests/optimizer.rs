//! Steps of the optimisers against Keras' formulas in `f64`, several one after the other.

mod reference;

use petal_kernels::{AdamStep, RmspropStep, SgdStep, sum_of_squares};
use proptest::prelude::*;
use reference::{assert_close, assert_same_bits_on_any_number_of_threads, values};

const STEPS: u64 = 4;

/// None, one, a few, and more than one chunk of work.
fn lengths() -> impl Strategy<Value = usize> {
    prop::sample::select(vec![0usize, 1, 7, 100, 16_384, 20_011])
}

/// A factor of the gradient, and the largest value of its elements.
fn gradients() -> impl Strategy<Value = (f32, Option<f32>)> {
    (0.1f32..2.0, prop::option::of(0.05f32..1.0))
}

/// An element of the gradient as the formulas take it.
fn gradient(g: f32, scale: f32, clip: Option<f32>) -> f64 {
    let limit = clip.map_or(f64::INFINITY, f64::from);
    (f64::from(g) * f64::from(scale)).clamp(-limit, limit)
}

fn in_f64(values: &[f32]) -> Vec<f64> {
    values.iter().map(|value| f64::from(*value)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn adam(
        len in lengths(), (gradient_scale, clip) in gradients(), amsgrad: bool,
        (alpha, decay) in (1e-4f32..0.1, 0.0f32..0.1), (beta_1, beta_2) in (0.0f32..0.95, 0.5f32..0.999),
    ) {
        let step = AdamStep { alpha, beta_1, beta_2, epsilon: 1e-4, decay, amsgrad, gradient_scale, clip };
        let [mut w, mut m, mut v, mut vhat] = [values(len, 0), vec![0.0; len], vec![0.0; len], vec![0.0; len]];
        let mut expected: Vec<[f64; 4]> = w.iter().map(|w| [f64::from(*w), 0.0, 0.0, 0.0]).collect();
        let [alpha, decay, beta_1, beta_2] = [alpha, decay, beta_1, beta_2].map(f64::from);
        for t in 1..=STEPS {
            let g = values(len, t);
            step.apply(&mut w, &g, &mut m, &mut v, amsgrad.then_some(&mut vhat[..]));
            for ([w, m, v, largest], g) in expected.iter_mut().zip(&g) {
                let g = gradient(*g, gradient_scale, clip);
                *m = beta_1 * *m + (1.0 - beta_1) * g;
                *v = beta_2 * *v + (1.0 - beta_2) * g * g;
                *largest = largest.max(*v);
                let square = if amsgrad { *largest } else { *v };
                *w = *w * (1.0 - decay) - alpha * *m / (square.sqrt() + 1e-4);
            }
        }
        let column = |i: usize| expected.iter().map(|state| state[i]).collect::<Vec<_>>();
        assert_close("weights", &w, &column(0));
        assert_close("first moment", &m, &column(1));
        assert_close("second moment", &v, &column(2));
        if amsgrad {
            assert_close("largest second moment", &vhat, &column(3));
        }
    }

    #[test]
    fn rmsprop(
        len in lengths(), (gradient_scale, clip) in gradients(), centered: bool,
        momentum in prop::option::of(0.1f32..0.95),
        (learning_rate, decay, rho) in (1e-4f32..0.05, 0.0f32..0.1, 0.5f32..0.99),
    ) {
        let step = RmspropStep {
            learning_rate,
            rho,
            momentum: momentum.unwrap_or(0.0),
            epsilon: 1e-4,
            centered,
            decay,
            gradient_scale,
            clip,
        };
        let [mut w, mut v, mut mom, mut average] = [values(len, 0), vec![0.0; len], vec![0.0; len], vec![0.0; len]];
        let mut expected: Vec<[f64; 4]> = w.iter().map(|w| [f64::from(*w), 0.0, 0.0, 0.0]).collect();
        let [learning_rate, decay, rho] = [learning_rate, decay, rho].map(f64::from);
        for t in 1..=STEPS {
            let g = values(len, t);
            let mom = momentum.map(|_| &mut mom[..]);
            step.apply(&mut w, &g, &mut v, mom, centered.then_some(&mut average[..]));
            for ([w, v, mom, average], g) in expected.iter_mut().zip(&g) {
                let g = gradient(*g, gradient_scale, clip);
                *v = rho * *v + (1.0 - rho) * g * g;
                *average = rho * *average + (1.0 - rho) * g;
                let centre = if centered { *average * *average } else { 0.0 };
                *mom = f64::from(step.momentum) * *mom + learning_rate * g / (*v - centre + f64::from(1e-4f32)).sqrt();
                *w = *w * (1.0 - decay) - *mom;
            }
        }
        let column = |i: usize| expected.iter().map(|state| state[i]).collect::<Vec<_>>();
        assert_close("weights", &w, &column(0));
        assert_close("mean square", &v, &column(1));
        if momentum.is_some() {
            assert_close("momentum", &mom, &column(2));
        }
        if centered {
            assert_close("mean", &average, &column(3));
        }
    }

    #[test]
    fn sgd(
        len in lengths(), (gradient_scale, clip) in gradients(), nesterov: bool,
        momentum in prop::option::of(0.1f32..0.95), (learning_rate, decay) in (1e-3f32..0.5, 0.0f32..0.1),
    ) {
        let step = SgdStep {
            learning_rate,
            momentum: momentum.unwrap_or(0.0),
            nesterov,
            decay,
            gradient_scale,
            clip,
        };
        let (mut w, mut m) = (values(len, 0), vec![0.0; len]);
        let (mut expected, mut expected_m) = (in_f64(&w), vec![0.0; len]);
        let [learning_rate, decay, share] = [learning_rate, decay, step.momentum].map(f64::from);
        for t in 1..=STEPS {
            let g = values(len, t);
            step.apply(&mut w, &g, momentum.map(|_| &mut m[..]));
            for ((w, m), g) in expected.iter_mut().zip(&mut expected_m).zip(&g) {
                let step = learning_rate * gradient(*g, gradient_scale, clip);
                *m = share * *m - step;
                *w = *w * (1.0 - decay) + if nesterov { share * *m - step } else { *m };
            }
        }
        assert_close("weights", &w, &expected);
        if momentum.is_some() {
            assert_close("momentum", &m, &expected_m);
        }
    }

    #[test]
    fn squares_are_summed(len in lengths()) {
        let g = values(len, 1);
        assert_close("sum", &[sum_of_squares(&g)], &[in_f64(&g).iter().map(|g| g * g).sum()]);
    }
}

#[test]
fn clipping_does_not_hide_a_gradient_that_is_nan() {
    let step = SgdStep {
        learning_rate: 0.5,
        momentum: 0.0,
        nesterov: false,
        decay: 0.0,
        gradient_scale: 1.0,
        clip: Some(2.0),
    };
    let mut w = [0.0; 4];
    step.apply(&mut w, &[f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 1.0], None);
    assert!(w[0].is_nan());
    assert_eq!(w[1..], [-1.0, 1.0, -0.5]);
}

#[test]
fn results_are_the_same_bits_on_any_number_of_threads() {
    let (w, g) = (values(50_021, 1), values(50_021, 2));
    assert_same_bits_on_any_number_of_threads(|| {
        vec![vec![sum_of_squares(&g)], {
            let step = AdamStep {
                alpha: 0.1,
                beta_1: 0.9,
                beta_2: 0.99,
                epsilon: 1e-7,
                decay: 0.01,
                amsgrad: false,
                gradient_scale: 0.5,
                clip: Some(0.3),
            };
            let (mut w, mut m, mut v) = (w.clone(), vec![0.0; w.len()], vec![0.0; w.len()]);
            step.apply(&mut w, &g, &mut m, &mut v, None);
            w
        }]
    });
}
