//! Contrast and brightness against their formulas in `f64`.

mod reference;

use petal_kernels::{
    auto_contrast, auto_contrast_backward, brightness, brightness_backward, contrast, contrast_backward,
};
use proptest::prelude::*;
use reference::{assert_close, assert_same_bits_on_any_number_of_threads, gradient, unset, values};

const RANGE: [f32; 2] = [0.0, 255.0];

/// Images, pixels and channels, none of the images too.
fn shapes() -> impl Strategy<Value = [usize; 3]> {
    (0usize..4, 1usize..60, 1usize..5).prop_map(|(batch, pixels, channels)| [batch, pixels, channels])
}

fn colours(len: usize) -> Vec<f32> {
    values(len, 1).iter().map(|v| (v + 1.0) * 127.5).collect()
}

fn clip(value: f64) -> f64 {
    value.clamp(f64::from(RANGE[0]), f64::from(RANGE[1]))
}

/// Calls `f` with the values of each channel of each image, and puts its results in their place.
fn each_channel(
    [_, pixels, channels]: [usize; 3],
    x: &[f64],
    f: impl Fn(usize, &[f64]) -> Vec<f64>,
) -> Vec<f64> {
    let mut y = vec![f64::NAN; x.len()];
    for (n, x) in x.chunks(pixels * channels).enumerate() {
        for c in 0..channels {
            let values: Vec<f64> = x[c..].iter().step_by(channels).copied().collect();
            let places = y[n * pixels * channels + c..].iter_mut().step_by(channels);
            places.zip(f(n, &values)).for_each(|(y, value)| *y = value);
        }
    }
    y
}

/// Compares the results of a kernel with `formula`, and its gradient with differences of that. Values so near a bend of
/// the formula that it lies between the differences are none that this is called with.
fn check(
    x: &[f32],
    forward: impl Fn(&mut [f32]),
    backward: impl Fn(&[f32], &mut [f32]),
    formula: impl Fn(&[f64]) -> Vec<f64>,
) {
    let (mut y, mut dx, dy) = (unset(x.len()), unset(x.len()), values(x.len(), 2));
    forward(&mut y);
    assert_close("y", &y, &formula(&x.iter().map(|x| f64::from(*x)).collect::<Vec<_>>()));
    backward(&dy, &mut dx);
    let sum = |x: &[f64]| formula(x).iter().zip(&dy).map(|(y, dy)| y * f64::from(*dy)).sum();
    assert_close("dx", &dx, &gradient(x, sum));
}

/// Whether no value is within the reach of the differences, or of rounding, of the ends of the range.
fn are_clear_of_the_ends(values: &[f64]) -> bool {
    values.iter().all(|value| RANGE.iter().all(|end| (value - f64::from(*end)).abs() > 1e-3))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn contrast_is_scaled_about_the_mean_of_the_channel(
        [batch, pixels, channels] in shapes(), factors in prop::collection::vec(0.0f32..3.0, 4),
    ) {
        let (x, factors) = (colours(batch * pixels * channels), &factors[..batch]);
        let scaled = |x: &[f64]| each_channel([batch, pixels, channels], x, |n, x| {
            let mean = x.iter().sum::<f64>() / pixels as f64;
            x.iter().map(|x| (x - mean) * f64::from(factors[n]) + mean).collect()
        });
        prop_assume!(are_clear_of_the_ends(&scaled(&x.iter().map(|x| f64::from(*x)).collect::<Vec<_>>())));
        check(
            &x,
            |y| contrast(batch, pixels, channels, factors, RANGE, &x, y),
            |dy, dx| contrast_backward(batch, pixels, channels, factors, RANGE, &x, dy, dx),
            |x| scaled(x).into_iter().map(clip).collect(),
        );
    }

    #[test]
    fn brightness_is_shifted(
        [batch, pixels, channels] in shapes(), deltas in prop::collection::vec(-200.0f32..200.0, 4),
    ) {
        let (x, deltas) = (colours(batch * pixels * channels), &deltas[..batch]);
        let shifted = |x: &[f64]| each_channel([batch, pixels, channels], x, |n, x| {
            x.iter().map(|x| x + f64::from(deltas[n])).collect()
        });
        prop_assume!(are_clear_of_the_ends(&shifted(&x.iter().map(|x| f64::from(*x)).collect::<Vec<_>>())));
        check(
            &x,
            |y| brightness(batch, pixels, channels, deltas, RANGE, &x, y),
            |dy, dx| brightness_backward(batch, pixels, channels, deltas, RANGE, &x, dy, dx),
            |x| shifted(x).into_iter().map(clip).collect(),
        );
    }

    #[test]
    fn contrast_is_stretched([batch, pixels, channels] in shapes()) {
        // Values that are far enough from each other for differences: a shuffle of quarters.
        let x: Vec<f32> = (0..batch * pixels * channels).map(|i| (i * 7919 % 1009) as f32 / 4.0).collect();
        check(
            &x,
            |y| auto_contrast(batch, pixels, channels, RANGE, &x, y),
            |dy, dx| auto_contrast_backward(batch, pixels, channels, RANGE, &x, dy, dx),
            |x| each_channel([batch, pixels, channels], x, |_, x| {
                let (low, high) = x.iter().fold((f64::MAX, f64::MIN), |(low, high), x| (low.min(*x), high.max(*x)));
                let stretch = |x: &f64| if high > low { (x - low) / (high - low) * 255.0 } else { *x };
                x.iter().map(stretch).collect()
            }),
        );
    }
}

#[test]
fn pixels_that_share_an_end_share_its_gradient() {
    let mut dx = [f32::NAN; 5];
    // The middle's share is half of each end's; two pixels have the one, two the other.
    auto_contrast_backward(
        1,
        5,
        1,
        [0.0, 8.0],
        &[1.0, 5.0, 3.0, 5.0, 1.0],
        &[0.0, 0.0, 1.0, 0.0, 0.0],
        &mut dx,
    );
    assert_eq!(dx, [-0.5, -0.5, 2.0, -0.5, -0.5]);
    auto_contrast_backward(1, 2, 1, [0.0, 8.0], &[3.0, 3.0], &[1.0, 2.0], &mut dx[..2]);
    assert_eq!(dx[..2], [1.0, 2.0]);
}

#[test]
fn results_are_the_same_bits_on_any_number_of_threads() {
    let [batch, pixels, channels] = [5, 4001, 3];
    let (x, dy) = (colours(batch * pixels * channels), values(batch * pixels * channels, 2));
    let (factors, deltas) = ([0.1, 0.7, 1.0, 1.6, 2.5], [-90.0, -1.0, 0.0, 30.0, 120.0]);
    assert_same_bits_on_any_number_of_threads(|| {
        let mut y: Vec<_> = (0..6).map(|_| unset(x.len())).collect();
        contrast(batch, pixels, channels, &factors, RANGE, &x, &mut y[0]);
        contrast_backward(batch, pixels, channels, &factors, RANGE, &x, &dy, &mut y[1]);
        brightness(batch, pixels, channels, &deltas, RANGE, &x, &mut y[2]);
        brightness_backward(batch, pixels, channels, &deltas, RANGE, &x, &dy, &mut y[3]);
        auto_contrast(batch, pixels, channels, RANGE, &x, &mut y[4]);
        auto_contrast_backward(batch, pixels, channels, RANGE, &x, &dy, &mut y[5]);
        y
    });
}
