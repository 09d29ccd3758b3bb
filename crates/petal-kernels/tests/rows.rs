//! Functions of rows and channels: softmax's logarithm, slopes and offsets, transposition, normalization without mean.

mod reference;

use petal_kernels::{
    LayerNorm, channel_offset, channel_offset_gradient, channel_scale_gradient_scratch, log_softmax_backward,
    log_softmax_forward, prelu_backward, prelu_forward, prelu_gradient, softmax_forward, transpose,
};
use proptest::prelude::*;
use reference::{assert_close, unset, values};

/// Compares `gradient(dy, dx)` with differences of `forward(x, y)` in the direction of each value.
fn check_gradient(x: &[f32], forward: impl Fn(&[f32], &mut [f32]), gradient: impl Fn(&[f32], &mut [f32])) {
    const STEP: f32 = 1e-2;
    let dy = values(x.len(), 9);
    let mut dx = unset(x.len());
    gradient(&dy, &mut dx);
    for i in 0..x.len() {
        let value = |step: f32| -> f64 {
            let mut x = x.to_vec();
            x[i] += step;
            let mut y = unset(x.len());
            forward(&x, &mut y);
            y.iter().zip(&dy).map(|(y, dy)| f64::from(y * dy)).sum()
        };
        let expected = (value(STEP) - value(-STEP)) / f64::from(2.0 * STEP);
        assert!((f64::from(dx[i]) - expected).abs() < 5e-3, "{i}: found {}, expected {expected}", dx[i]);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn log_softmax_is_the_logarithm_and_has_its_gradient(rows in 1usize..6, classes in 1usize..20) {
        let x = values(rows * classes, 1);
        let (mut y, mut p) = (unset(x.len()), unset(x.len()));
        log_softmax_forward(rows, classes, &x, &mut y);
        softmax_forward(rows, classes, &x, &mut p);
        assert_close("y", &y, &p.iter().map(|p| f64::from(*p).ln()).collect::<Vec<_>>());
        check_gradient(
            &x,
            |x, y| log_softmax_forward(rows, classes, x, y),
            |dy, dx| log_softmax_backward(rows, classes, &y, dy, dx),
        );
    }

    #[test]
    fn slopes_and_offsets_are_those_of_the_channel(rows in 1usize..700, channels in 1usize..40) {
        let len = rows * channels;
        let (x, dy, slopes) = (values(len, 1), values(len, 2), values(channels, 3));
        let (mut y, mut dx) = (unset(len), unset(len));
        prelu_forward(&x, &slopes, &mut y);
        prelu_backward(&x, &slopes, &dy, &mut dx);
        let mut shifted = x.clone();
        channel_offset(&slopes, &mut shifted);
        let (mut expected_slopes, mut expected_offsets) = (vec![0.0; channels], vec![0.0; channels]);
        for i in 0..len {
            let c = i % channels;
            let slope = if x[i] > 0.0 { 1.0 } else { slopes[c] };
            prop_assert_eq!(y[i], x[i] * slope);
            prop_assert_eq!(dx[i], dy[i] * slope);
            prop_assert_eq!(shifted[i], x[i] + slopes[c]);
            expected_slopes[c] += f64::from(x[i].min(0.0)) * f64::from(dy[i]);
            expected_offsets[c] += f64::from(dy[i]);
        }
        let mut scratch = unset(channel_scale_gradient_scratch(len, channels));
        let mut sums = unset(channels);
        prelu_gradient(&x, &dy, &mut sums, &mut scratch);
        assert_close("slopes", &sums, &expected_slopes);
        channel_offset_gradient(&dy, &mut sums, &mut scratch);
        assert_close("offsets", &sums, &expected_offsets);
    }

    #[test]
    fn axes_come_in_the_order_that_is_asked_for(
        shape in prop::collection::vec(1usize..9, 4),
        order in Just(vec![0usize, 1, 2, 3]).prop_shuffle(),
        repeat in prop::sample::select(vec![1usize, 40]),
    ) {
        let shape = [shape[0] * repeat, shape[1], shape[2], shape[3]];
        let x: Vec<f32> = (0..shape.iter().product::<usize>()).map(|i| i as f32).collect();
        let mut y = unset(x.len());
        transpose(&shape, &order, &x, &mut y);
        let sizes: Vec<usize> = order.iter().map(|&axis| shape[axis]).collect();
        for (i, value) in y.iter().enumerate() {
            let (mut rest, mut place) = (i, [0; 4]);
            for (axis, &size) in order.iter().zip(&sizes).rev() {
                place[*axis] = rest % size;
                rest /= size;
            }
            let from = place.iter().zip(&shape).fold(0, |from, (place, size)| from * size + place);
            prop_assert_eq!(*value, from as f32);
        }
    }

    #[test]
    fn a_row_is_divided_by_its_mean_square(rows in 1usize..5, features in 1usize..30) {
        let norm = LayerNorm { rows, features, epsilon: 0.1, centered: false };
        let (x, scale) = (values(rows * features, 1), values(features, 2));
        let mut y = unset(x.len());
        norm.forward(&x, Some(&scale), None, &mut y);
        let mean_square = |row: usize| {
            x[row * features..][..features].iter().map(|x| f64::from(*x).powi(2)).sum::<f64>() / features as f64
        };
        let expected: Vec<f64> = (0..x.len())
            .map(|i| f64::from(x[i] * scale[i % features]) / (mean_square(i / features) + 0.1).sqrt())
            .collect();
        assert_close("y", &y, &expected);
        check_gradient(
            &x,
            |x, y| norm.forward(x, Some(&scale), None, y),
            |dy, dx| norm.backward(&x, dy, Some(&scale), Some(dx), None, None, &mut []),
        );
    }
}

#[test]
fn a_row_of_zeros_without_epsilon_stays_zero() {
    let norm = LayerNorm { rows: 2, features: 3, epsilon: 0.0, centered: false };
    let mut y = unset(6);
    norm.forward(&[0.0, 0.0, 0.0, 3.0, 0.0, f32::NAN], None, None, &mut y);
    assert_eq!(y[..3], [0.0; 3]);
    assert!(y[3..].iter().all(|y| y.is_nan()), "{y:?}");
}
