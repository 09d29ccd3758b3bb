//! Layer normalisation with its mean, and its gradients, against the formula in `f64`.

mod reference;

use petal_kernels::LayerNorm;
use proptest::prelude::*;
use reference::{assert_close, assert_same_bits_on_any_number_of_threads, gradient, unset, values};

/// The formula, with factors and offsets.
fn normalized(norm: &LayerNorm, x: &[f64], gamma: &[f64], beta: &[f64]) -> Vec<f64> {
    let row = |x: &[f64]| {
        let mean = if norm.centered { x.iter().sum::<f64>() / x.len() as f64 } else { 0.0 };
        let variance = x.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / x.len() as f64;
        let inverse = 1.0 / (variance + f64::from(norm.epsilon)).sqrt();
        let y = x.iter().zip(gamma).zip(beta).map(|((x, gamma), beta)| (x - mean) * inverse * gamma + beta);
        y.collect::<Vec<_>>()
    };
    x.chunks(norm.features).flat_map(row).collect()
}

fn in_f64(values: &[f32]) -> Vec<f64> {
    values.iter().map(|value| f64::from(*value)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn rows_are_normalized_and_have_their_gradients(
        rows in 0usize..6, features in 1usize..40, centered: bool, scaled: bool, shifted: bool, mean in -5.0f32..5.0,
    ) {
        let norm = LayerNorm { rows, features, epsilon: 0.1, centered };
        let x: Vec<f32> = values(rows * features, 1).iter().map(|x| x + mean).collect();
        let dy = values(x.len(), 2);
        let (gamma, beta) = (values(features, 3), values(features, 4));
        let (some_gamma, some_beta) = (scaled.then_some(&gamma[..]), shifted.then_some(&beta[..]));
        let gamma = if scaled { gamma.clone() } else { vec![1.0; features] };
        let beta = if shifted { beta.clone() } else { vec![0.0; features] };

        let mut y = unset(x.len());
        norm.forward(&x, some_gamma, some_beta, &mut y);
        assert_close("y", &y, &normalized(&norm, &in_f64(&x), &in_f64(&gamma), &in_f64(&beta)));

        let sum = |y: Vec<f64>| y.iter().zip(&dy).map(|(y, dy)| y * f64::from(*dy)).sum::<f64>();
        let mut scratch = unset(norm.backward_scratch());
        let [mut dx, mut dgamma, mut dbeta] = [unset(x.len()), unset(features), unset(features)];
        norm.backward(&x, &dy, some_gamma, Some(&mut dx), Some(&mut dgamma), Some(&mut dbeta), &mut scratch);
        let by_x = |x: &[f64]| sum(normalized(&norm, x, &in_f64(&gamma), &in_f64(&beta)));
        assert_close("dx", &dx, &gradient(&x, by_x));
        let by_gamma = |gamma: &[f64]| sum(normalized(&norm, &in_f64(&x), gamma, &in_f64(&beta)));
        assert_close("dgamma", &dgamma, &gradient(&gamma, by_gamma));
        let by_beta = |beta: &[f64]| sum(normalized(&norm, &in_f64(&x), &in_f64(&gamma), beta));
        assert_close("dbeta", &dbeta, &gradient(&beta, by_beta));

        // Each gradient is the same where the others aren't asked for.
        let [mut dx_alone, mut dgamma_alone, mut dbeta_alone] = [unset(x.len()), unset(features), unset(features)];
        norm.backward(&x, &dy, some_gamma, Some(&mut dx_alone), None, None, &mut []);
        norm.backward(&x, &dy, some_gamma, None, Some(&mut dgamma_alone), None, &mut scratch);
        norm.backward(&x, &dy, some_gamma, None, None, Some(&mut dbeta_alone), &mut scratch);
        prop_assert_eq!([dx_alone, dgamma_alone, dbeta_alone], [dx, dgamma, dbeta]);
    }
}

#[test]
fn results_are_the_same_bits_on_any_number_of_threads() {
    for (rows, features) in [(20_011, 3), (503, 333)] {
        let norm = LayerNorm { rows, features, epsilon: 1e-3, centered: true };
        let (x, dy) = (values(rows * features, 1), values(rows * features, 2));
        let (gamma, beta) = (values(features, 3), values(features, 4));
        assert_same_bits_on_any_number_of_threads(|| {
            let [mut y, mut dx] = [unset(x.len()), unset(x.len())];
            let [mut dgamma, mut dbeta] = [unset(features), unset(features)];
            norm.forward(&x, Some(&gamma), Some(&beta), &mut y);
            let scratch = &mut unset(norm.backward_scratch());
            norm.backward(&x, &dy, Some(&gamma), Some(&mut dx), Some(&mut dgamma), Some(&mut dbeta), scratch);
            vec![y, dx, dgamma, dbeta]
        });
    }
}
