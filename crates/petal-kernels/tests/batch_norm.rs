//! Batch normalisation against its formulas in `f64`.

mod reference;

use petal_kernels::BatchNorm;
use proptest::prelude::*;
use reference::{assert_close, assert_same_bits_on_any_number_of_threads, unset, values};

fn column(values: &[f32], channels: usize, c: usize) -> impl Iterator<Item = f64> + '_ {
    values[c..].iter().step_by(channels).map(|value| f64::from(*value))
}

/// All results of one training step.
struct Step {
    mean: Vec<f32>,
    variance: Vec<f32>,
    y: Vec<f32>,
    batch: [Vec<f32>; 3],
    fixed: [Vec<f32>; 3],
}

fn step(norm: &BatchNorm, x: &[f32], dy: &[f32], gamma: Option<&[f32]>, beta: Option<&[f32]>) -> Step {
    let new = || [unset(x.len()), unset(norm.channels), unset(norm.channels)];
    let (mut mean, mut variance) = (unset(norm.channels), unset(norm.channels));
    norm.statistics(x, &mut mean, &mut variance, &mut unset(norm.statistics_scratch()));
    let mut y = unset(x.len());
    norm.normalize(x, &mean, &variance, gamma, beta, &mut y);
    let (mut batch, mut fixed) = (new(), new());
    let scratch = &mut unset(norm.backward_scratch());
    let [dx, dgamma, dbeta] = &mut batch;
    norm.backward_batch(x, dy, &mean, &variance, gamma, Some(dx), Some(dgamma), Some(dbeta), scratch, |_| {
        norm.rows
    });
    scratch.fill(f32::NAN);
    let [dx, dgamma, dbeta] = &mut fixed;
    norm.backward_fixed(x, dy, &mean, &variance, gamma, Some(dx), Some(dgamma), Some(dbeta), scratch);
    Step { mean, variance, y, batch, fixed }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    /// Channels lie up to 100 standard deviations from zero, where one-pass sums of squares lose the variance.
    #[test]
    fn batch_norm_matches_the_formulas(
        rows in 1usize..3000, channels in 1usize..100, offset in 0.0f32..50.0, scale in any::<bool>(), center in any::<bool>(),
    ) {
        let channels = channels.min(60_000 / rows);
        let norm = BatchNorm { rows, channels, epsilon: 1e-3 };
        let x: Vec<f32> = values(rows * channels, 1).iter().map(|x| x + offset).collect();
        let dy = values(x.len(), 2);
        let (gamma, beta) = (values(channels, 3), values(channels, 4));
        let step = step(&norm, &x, &dy, scale.then_some(&gamma[..]), center.then_some(&beta[..]));

        let n = rows as f64;
        for c in 0..channels {
            let mean = column(&x, channels, c).sum::<f64>() / n;
            let variance = column(&x, channels, c).map(|x| (x - mean).powi(2)).sum::<f64>() / n;
            assert_close("mean", &step.mean[c..=c], &[mean]);
            assert_close("variance", &step.variance[c..=c], &[variance]);

            // What follows takes the statistics as found: one row's variance is zero but for rounding.
            let (mean, variance) = (f64::from(step.mean[c]), f64::from(step.variance[c]));
            let inverse = 1.0 / (variance + 1e-3).sqrt();
            let gamma = if scale { f64::from(gamma[c]) } else { 1.0 };
            let beta = if center { f64::from(beta[c]) } else { 0.0 };
            let xhat: Vec<f64> = column(&x, channels, c).map(|x| (x - mean) * inverse).collect();
            let dy: Vec<f64> = column(&dy, channels, c).collect();
            let dbeta: f64 = dy.iter().sum();
            let dgamma: f64 = dy.iter().zip(&xhat).map(|(dy, xhat)| dy * xhat).sum();
            for [_, found_dgamma, found_dbeta] in [&step.batch, &step.fixed] {
                // Sums of `rows` terms of order 1, so an error is relative to their number.
                prop_assert!((f64::from(found_dgamma[c]) - dgamma).abs() <= 1e-6 * n.max(10.0));
                prop_assert!((f64::from(found_dbeta[c]) - dbeta).abs() <= 1e-6 * n.max(10.0));
            }
            for (r, (dy, xhat)) in dy.iter().zip(&xhat).enumerate() {
                let i = r * channels + c;
                // `x * inv + (beta - mean * inv)` cancels: the error grows with the offset, up to inverse = 32.
                let tolerance = 1e-5 * (1.0 + inverse * f64::from(offset));
                let y = gamma * xhat + beta;
                prop_assert!((f64::from(step.y[i]) - y).abs() <= tolerance, "y {} for {y}", step.y[i]);
                let dx = gamma * inverse * (dy - dbeta / n - xhat * dgamma / n);
                let found = step.batch[0][i];
                prop_assert!((f64::from(found) - dx).abs() <= tolerance * inverse, "dx {found} for {dx}");
                let dx = gamma * inverse * dy;
                let found = step.fixed[0][i];
                prop_assert!((f64::from(found) - dx).abs() <= 1e-5 * inverse, "fixed dx {found} for {dx}");
            }
        }
    }
}

#[test]
fn results_are_the_same_bits_on_any_number_of_threads() {
    for (rows, channels) in [(20_011, 3), (5_003, 33), (37, 1280)] {
        let norm = BatchNorm { rows, channels, epsilon: 1e-3 };
        let (x, dy) = (values(rows * channels, 1), values(rows * channels, 2));
        let (gamma, beta) = (values(channels, 3), values(channels, 4));
        assert_same_bits_on_any_number_of_threads(|| {
            let step = step(&norm, &x, &dy, Some(&gamma), Some(&beta));
            [step.mean, step.variance, step.y].into_iter().chain(step.batch).chain(step.fixed).collect()
        });
    }
}
