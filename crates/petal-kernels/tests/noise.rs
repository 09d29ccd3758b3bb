//! Random kernels: their distributions, and that the backward pass draws what the forward pass drew.

mod reference;

use petal_kernels::{alpha_dropout, alpha_dropout_backward, gaussian_dropout, gaussian_noise};
use reference::{assert_same_bits_on_any_number_of_threads, unset, values};

const KEYS: [u64; 3] = [0x1234_5678_9abc_def0, 7, u64::MAX];
/// Of a sample: more than one chunk of work.
const LEN: usize = 20_011;

/// Mean, variance, and the share within one standard deviation of 1.
fn moments(values: &[f32]) -> [f64; 3] {
    let n = values.len() as f64;
    let mean = values.iter().map(|v| f64::from(*v)).sum::<f64>() / n;
    let variance = values.iter().map(|v| (f64::from(*v) - mean).powi(2)).sum::<f64>() / n;
    let within = values.iter().filter(|v| (f64::from(**v) - mean).abs() < 1.0).count() as f64 / n;
    [mean, variance, within]
}

fn assert_moments(found: [f64; 3], expected: [f64; 3]) {
    for (found, expected) in found.into_iter().zip(expected) {
        assert!((found - expected).abs() < 0.015, "{found} {expected}");
    }
}

#[test]
fn gaussian_noise_is_normal_and_other_for_each_sample() {
    let mut y = unset(3 * LEN);
    gaussian_noise(&KEYS, 1.0, &vec![0.0; 3 * LEN], &mut y);
    assert_moments(moments(&y), [0.0, 1.0, 0.6827]);
    assert!(y.iter().all(|y| y.is_finite()));
    assert_ne!(y[..LEN], y[LEN..2 * LEN]);
    // Neighbours know nothing of each other.
    let covariance = y.windows(2).map(|pair| f64::from(pair[0] * pair[1])).sum::<f64>() / y.len() as f64;
    assert!(covariance.abs() < 0.015, "{covariance}");
    let mut alone = unset(LEN);
    gaussian_noise(&KEYS[1..2], 1.0, &vec![0.0; LEN], &mut alone);
    assert_eq!(alone, y[LEN..2 * LEN]);
}

#[test]
fn gaussian_dropout_multiplies_forward_and_backward_by_the_same_numbers() {
    let (x, dy) = (values(3 * LEN, 1), vec![2.0; 3 * LEN]);
    let [mut y, mut dx] = [unset(3 * LEN), unset(3 * LEN)];
    gaussian_dropout(&KEYS, 0.5, &x, &mut y);
    gaussian_dropout(&KEYS, 0.5, &dy, &mut dx);
    assert_moments(moments(&dx), [2.0, 1.0, 0.6827]);
    for ((x, y), dx) in x.iter().zip(&y).zip(&dx) {
        assert!((y - x * dx / 2.0).abs() < 1e-6);
    }
}

#[test]
fn alpha_dropout_keeps_mean_and_variance_and_passes_gradients_where_it_keeps() {
    let zeros = vec![0.0; 3 * LEN];
    let mut normal = unset(3 * LEN);
    gaussian_noise(&[11, 12, 13], 1.0, &zeros, &mut normal);
    let [mut y, mut dx] = [unset(3 * LEN), unset(3 * LEN)];
    alpha_dropout(&KEYS, 0.2, 1, &normal, &mut y);
    alpha_dropout_backward(&KEYS, 0.2, 1, &vec![1.0; 3 * LEN], &mut dx);
    let [mean, variance, _] = moments(&y);
    assert!(mean.abs() < 0.015 && (variance - 1.0).abs() < 0.02, "{mean} {variance}");
    // Keras' formula, with the constants that it has written out.
    let bound = -1.673_263_242_354_377_2f64 * 1.050_700_987_355_480_5;
    let a = (0.8 * (1.0 + 0.2 * bound * bound)).powf(-0.5);
    let b = -a * bound * 0.2;
    let mut dropped = 0;
    for ((x, y), dx) in normal.iter().zip(&y).zip(&dx) {
        let expected = if *dx == 0.0 { a * bound + b } else { a * f64::from(*x) + b };
        assert!((f64::from(*y) - expected).abs() < 1e-5, "{y} {expected}");
        assert!(*dx == 0.0 || (f64::from(*dx) - a).abs() < 1e-6);
        dropped += usize::from(*dx == 0.0);
    }
    let share = dropped as f64 / (3 * LEN) as f64;
    assert!((share - 0.2).abs() < 0.01, "{share}");
}

#[test]
fn nothing_depends_on_the_number_of_threads() {
    let x = values(3 * LEN, 1);
    assert_same_bits_on_any_number_of_threads(|| {
        let mut y = [unset(3 * LEN), unset(3 * LEN), unset(3 * LEN)];
        gaussian_noise(&KEYS, 0.3, &x, &mut y[0]);
        gaussian_dropout(&KEYS, 0.3, &x, &mut y[1]);
        alpha_dropout(&KEYS, 0.3, 1, &x, &mut y[2]);
        y.to_vec()
    });
}
