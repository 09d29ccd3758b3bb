//! Losses against their formulas in `f64`, and their gradients against differences of these.

mod reference;

use petal_kernels::{
    binary_cross_entropy, categorical_cross_entropy, mean_squared_error, softmax_cross_entropy,
    sparse_categorical_cross_entropy, sparse_softmax_cross_entropy,
};
use proptest::prelude::*;
use reference::{assert_close, gradient, unset, values};

/// Compares `kernel(weights, losses, d)`, with and without weights, with `loss(row, prediction)`.
fn check(
    [rows, width]: [usize; 2],
    predictions: &[f32],
    kernel: impl Fn(Option<&[f32]>, &mut [f32], Option<&mut [f32]>),
    loss: impl Fn(usize, &[f64]) -> f64,
) {
    let some = values(rows, 7);
    for weights in [None, Some(&some[..])] {
        let losses = |x: &[f64]| -> Vec<f64> {
            let weight = |row: usize| weights.map_or(1.0, |weights| f64::from(weights[row]));
            x.chunks(width).enumerate().map(|(row, x)| weight(row) * loss(row, x)).collect()
        };
        let (mut found, mut alone, mut d) = (unset(rows), unset(rows), unset(rows * width));
        kernel(weights, &mut found, Some(&mut d));
        kernel(weights, &mut alone, None);
        assert_eq!(found, alone, "the gradient changed the losses");
        let x: Vec<f64> = predictions.iter().map(|x| f64::from(*x)).collect();
        assert_close("loss", &found, &losses(&x));
        let mean = |x: &[f64]| losses(x).iter().sum::<f64>() / rows as f64;
        assert_close("gradient", &d, &gradient(predictions, mean));
    }
}

/// Probabilities that are far from 0 and 1, but for one in `each`, which is one of those `outside`.
fn probabilities(len: usize, each: usize, outside: [f32; 2]) -> Vec<f32> {
    let mut p: Vec<f32> = values(len, 1).iter().map(|v| 0.5 + 0.45 * v).collect();
    p.iter_mut().skip(1).step_by(each).for_each(|p| *p = outside[usize::from(*p > 0.5)]);
    p
}

/// A class for each row.
fn classes_of(rows: usize, classes: usize) -> Vec<usize> {
    values(rows, 2).iter().map(|v| ((v + 1.0) / 2.0 * classes as f32) as usize).collect()
}

fn floats(classes: &[usize]) -> Vec<f32> {
    classes.iter().map(|class| *class as f32).collect()
}

/// Positive numbers that sum to 1 in each row.
fn distributions(rows: usize, classes: usize) -> Vec<f32> {
    let mut p: Vec<f32> = values(rows * classes, 3).iter().map(|v| v + 1.1).collect();
    p.chunks_mut(classes).for_each(|p| {
        let sum: f32 = p.iter().sum();
        p.iter_mut().for_each(|p| *p /= sum);
    });
    p
}

fn smoothed(targets: &[f32], smoothing: f32, classes: usize) -> Vec<f64> {
    let smoothing = f64::from(smoothing);
    targets.iter().map(|t| f64::from(*t) * (1.0 - smoothing) + smoothing / classes as f64).collect()
}

/// Keras' bounds, which are those of `f32`.
fn clip(p: f64) -> f64 {
    p.clamp(f64::from(1e-7f32), f64::from(1.0 - 1e-7f32))
}

fn log_sum_exp(z: &[f64]) -> f64 {
    z.iter().map(|z| z.exp()).sum::<f64>().ln()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn cross_entropies_of_logits(rows in 0usize..6, classes in 1usize..30, smoothing in 0.0f32..0.9) {
        let z: Vec<f32> = values(rows * classes, 1).iter().map(|v| 9.0 * v).collect();
        let chosen = classes_of(rows, classes);
        check(
            [rows, classes],
            &z,
            |w, l, d| sparse_softmax_cross_entropy(rows, classes, &z, &floats(&chosen), w, l, d),
            |row, z| log_sum_exp(z) - z[chosen[row]],
        );
        let targets = distributions(rows, classes);
        let smooth = smoothed(&targets, smoothing, classes);
        check(
            [rows, classes],
            &z,
            |w, l, d| softmax_cross_entropy(rows, classes, &z, &targets, smoothing, w, l, d),
            |row, z| z.iter().zip(&smooth[row * classes..]).map(|(z_i, t)| t * (log_sum_exp(z) - z_i)).sum(),
        );
    }

    #[test]
    fn cross_entropies_of_probabilities(
        rows in 0usize..6, classes in 1usize..30, smoothing in 0.0f32..0.9, each in 2usize..9,
    ) {
        let p = probabilities(rows * classes, each, [-0.5, 1.5]);
        let chosen = classes_of(rows, classes);
        check(
            [rows, classes],
            &p,
            |w, l, d| sparse_categorical_cross_entropy(rows, classes, &p, &floats(&chosen), w, l, d),
            |row, p| p.iter().map(|p| clip(*p)).sum::<f64>().ln() - clip(p[chosen[row]]).ln(),
        );
        let p = probabilities(rows * classes, each, [-0.01; 2]);
        let targets = distributions(rows, classes);
        let smooth = smoothed(&targets, smoothing, classes);
        check(
            [rows, classes],
            &p,
            |w, l, d| categorical_cross_entropy(rows, classes, &p, &targets, smoothing, w, l, d),
            |row, p| {
                let sum: f64 = p.iter().sum();
                p.iter().zip(&smooth[row * classes..]).map(|(p, t)| -t * clip(p / sum).ln()).sum()
            },
        );
    }

    #[test]
    fn binary_cross_entropies(
        rows in 0usize..6, width in 1usize..30, smoothing in 0.0f32..0.9, each in 2usize..9,
    ) {
        let targets: Vec<f32> = values(rows * width, 2).iter().map(|v| (v + 1.0) / 2.0).collect();
        let smooth = smoothed(&targets, smoothing, 2);
        let entropy = |row: usize, p: &mut dyn Iterator<Item = [f64; 2]>| {
            let sum: f64 = p.zip(&smooth[row * width..]).map(|([p, q], t)| -t * p.ln() - (1.0 - t) * q.ln()).sum();
            sum / width as f64
        };
        let p = probabilities(rows * width, each, [-0.5, 1.5]);
        check(
            [rows, width],
            &p,
            |w, l, d| binary_cross_entropy(rows, width, false, smoothing, &p, &targets, w, l, d),
            |row, p| entropy(row, &mut p.iter().map(|p| [clip(*p), 1.0 - clip(*p)])),
        );
        let z: Vec<f32> = values(rows * width, 1).iter().map(|v| 20.0 * v).collect();
        check(
            [rows, width],
            &z,
            |w, l, d| binary_cross_entropy(rows, width, true, smoothing, &z, &targets, w, l, d),
            |row, z| entropy(row, &mut z.iter().map(|z| [1.0 / (1.0 + (-z).exp()), 1.0 / (1.0 + z.exp())])),
        );
    }

    #[test]
    fn squared_errors(rows in 0usize..6, width in 1usize..60) {
        let (x, targets) = (values(rows * width, 1), values(rows * width, 2));
        check(
            [rows, width],
            &x,
            |w, l, d| mean_squared_error(rows, width, &x, &targets, w, l, d),
            |row, x| {
                let errors = x.iter().zip(&targets[row * width..]).map(|(x, t)| (x - f64::from(*t)).powi(2));
                errors.sum::<f64>() / width as f64
            },
        );
    }
}

#[test]
fn a_target_that_is_no_class_gives_nan_in_its_row_alone() {
    type Loss = fn(usize, usize, &[f32], &[f32], Option<&[f32]>, &mut [f32], Option<&mut [f32]>);
    for loss in [sparse_softmax_cross_entropy as Loss, sparse_categorical_cross_entropy] {
        for target in [-1.0, 3.0, f32::NAN, f32::INFINITY] {
            let (mut losses, mut d) = ([0.0; 2], [0.0; 6]);
            loss(2, 3, &[0.2, 0.3, 0.5, 0.2, 0.3, 0.5], &[target, 2.0], None, &mut losses, Some(&mut d));
            assert_eq!(losses.map(f32::is_nan), [true, false]);
            assert_eq!(d.map(f32::is_nan), [true, true, true, false, false, false]);
        }
    }
}

#[test]
fn large_logits_have_a_loss_and_a_gradient() {
    let z = [1e30, -1e30];
    let (mut loss, mut d) = ([f32::NAN], [f32::NAN; 2]);
    sparse_softmax_cross_entropy(1, 2, &z, &[1.0], None, &mut loss, Some(&mut d));
    assert_eq!((loss, d), ([2e30], [1.0, -1.0]));
    softmax_cross_entropy(1, 2, &z, &[0.0, 1.0], 0.0, None, &mut loss, Some(&mut d));
    assert_eq!((loss, d), ([2e30], [1.0, -1.0]));
    binary_cross_entropy(1, 2, true, 0.0, &z, &[0.0, 1.0], None, &mut loss, Some(&mut d));
    assert_eq!((loss, d), ([1e30], [0.5, -0.5]));
}
