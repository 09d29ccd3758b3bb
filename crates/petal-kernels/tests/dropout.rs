//! Dropout: the shares of its draws, and that a call on the gradient makes the same ones.

mod reference;

use petal_kernels::{alpha_dropout, alpha_dropout_backward, dropout, spatial_dropout};
use proptest::prelude::*;
use reference::{assert_same_bits_on_any_number_of_threads, unset, values};

/// A key for each of so many samples.
fn keys(samples: usize) -> Vec<u64> {
    (1..=samples as u64).map(|i| i.wrapping_mul(0x1234_5678_9abc_def1)).collect()
}

/// Which elements of a sample of ones were kept.
fn mask(y: &[f32]) -> Vec<bool> {
    y.iter().map(|y| *y != 0.0).collect()
}

fn share(mask: &[bool]) -> f64 {
    mask.iter().filter(|kept| **kept).count() as f64 / mask.len() as f64
}

/// Several times the standard deviation of the share of so many independent draws.
fn tolerance(draws: usize) -> f64 {
    2.5 / (draws as f64).sqrt()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn elements_are_dropped_at_the_rate_and_the_others_scaled(
        samples in 0usize..4, len in prop::sample::select(vec![1usize, 5, 333, 20_011]), rate in 0.0f32..0.95,
    ) {
        let (keys, x) = (keys(samples), values(samples * len, 1));
        let (mut y, mut dx) = (unset(x.len()), unset(x.len()));
        dropout(&keys, rate, &x, &mut y);
        dropout(&keys, rate, &vec![1.0; x.len()], &mut dx);
        for ((x, y), dx) in x.iter().zip(&y).zip(&dx) {
            let scale = 1.0 / (1.0 - rate);
            prop_assert!(*dx == 0.0 || *dx == scale, "{dx} {scale}");
            prop_assert_eq!(*y, x * dx);
        }
        for (i, dx) in dx.chunks(len).enumerate() {
            let kept = mask(dx);
            let expected = f64::from(1.0 - rate);
            prop_assert!((share(&kept) - expected).abs() <= tolerance(len), "{} {expected}", share(&kept));
            // Neighbours know nothing of each other.
            let both: Vec<bool> = kept.windows(2).map(|pair| pair[0] && pair[1]).collect();
            let both_share = if both.is_empty() { expected.powi(2) } else { share(&both) };
            prop_assert!((both_share - expected.powi(2)).abs() <= 2.0 * tolerance(len), "{both_share} {expected}");
            let mut alone = unset(len);
            dropout(&keys[i..=i], rate, &x[i * len..][..len], &mut alone);
            prop_assert_eq!(&alone, &y[i * len..][..len]);
        }
    }

    #[test]
    fn whole_channels_are_dropped(
        samples in 0usize..6, pixels in 1usize..40, channels in prop::sample::select(vec![1usize, 3, 17, 2000]),
        rate in 0.0f32..0.95,
    ) {
        let (keys, x) = (keys(samples), values(samples * pixels * channels, 1));
        let (mut y, mut dx) = (unset(x.len()), unset(x.len()));
        spatial_dropout(&keys, rate, pixels, channels, &x, &mut y);
        spatial_dropout(&keys, rate, pixels, channels, &vec![1.0; x.len()], &mut dx);
        for (i, (y, x)) in y.iter().zip(&x).enumerate() {
            prop_assert!(dx[i] == 0.0 || dx[i] == 1.0 / (1.0 - rate));
            prop_assert_eq!(dx[i], dx[i / (pixels * channels) * pixels * channels + i % channels]);
            prop_assert_eq!(*y, x * dx[i]);
        }
        for dx in dx.chunks(pixels * channels) {
            let found = share(&mask(&dx[..channels]));
            prop_assert!((found - f64::from(1.0 - rate)).abs() <= tolerance(channels), "{found}");
        }
    }

    #[test]
    fn alpha_dropout_draws_once_for_the_rows_of_a_sample(
        samples in 0usize..4, repeats in 1usize..5, elements in 1usize..300, rate in 0.05f32..0.95,
    ) {
        let (keys, x) = (keys(samples), values(samples * repeats * elements, 1));
        let (mut y, mut dx) = (unset(x.len()), unset(x.len()));
        alpha_dropout(&keys, rate, repeats, &x, &mut y);
        alpha_dropout_backward(&keys, rate, repeats, &vec![1.0; x.len()], &mut dx);
        let rate = f64::from(rate);
        let bound = -1.673_263_242_354_377_2 * 1.050_700_987_355_480_5;
        let a = ((1.0 - rate) * (1.0 + rate * bound * bound)).powf(-0.5);
        for (i, (y, x)) in y.iter().zip(&x).enumerate() {
            prop_assert_eq!(dx[i], dx[i / elements / repeats * repeats * elements + i % elements]);
            let kept = dx[i] != 0.0;
            prop_assert!(!kept || (f64::from(dx[i]) - a).abs() < 1e-5 * a);
            let expected = a * if kept { f64::from(*x) } else { bound } - a * bound * rate;
            prop_assert!((f64::from(*y) - expected).abs() < 1e-5 * (1.0 + a), "{y} {expected}");
        }
    }
}

#[test]
fn samples_differ() {
    let (keys, x) = (keys(2), [1.0; 128]);
    let mut y = [f32::NAN; 128];
    dropout(&keys, 0.5, &x, &mut y);
    assert_ne!(y[..64], y[64..]);
    spatial_dropout(&keys, 0.5, 1, 64, &x, &mut y);
    assert_ne!(y[..64], y[64..]);
}

#[test]
fn what_is_dropped_is_zero_whatever_it_was() {
    let mut y = [1.0; 6];
    let x = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, -1.0, 0.0, 2.0];
    dropout(&[7], 1.0, &x, &mut y);
    assert_eq!(y, [0.0; 6]);
    spatial_dropout(&[7], 1.0, 2, 3, &x, &mut y);
    assert_eq!(y, [0.0; 6]);
    alpha_dropout_backward(&[7], 1.0, 1, &x, &mut y);
    assert_eq!(y, [0.0; 6]);
}

#[test]
fn nothing_depends_on_the_number_of_threads() {
    let (keys, x) = (keys(3), values(3 * 40_022, 1));
    assert_same_bits_on_any_number_of_threads(|| {
        let mut y = [unset(x.len()), unset(x.len()), unset(x.len()), unset(x.len())];
        dropout(&keys, 0.3, &x, &mut y[0]);
        spatial_dropout(&keys, 0.3, 20_011, 2, &x, &mut y[1]);
        alpha_dropout(&keys, 0.3, 2, &x, &mut y[2]);
        alpha_dropout_backward(&keys, 0.3, 2, &x, &mut y[3]);
        y.to_vec()
    });
}
