//! A factor, an offset and a slope for each channel, and the sums over rows that are their gradients.

mod reference;

use petal_kernels::{
    channel_affine, channel_offset, channel_offset_gradient, channel_scale, channel_scale_gradient,
    channel_scale_gradient_scratch, prelu_backward, prelu_forward, prelu_gradient,
};
use proptest::prelude::*;
use reference::{assert_close, assert_same_bits_on_any_number_of_threads, unset, values};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn each_channel_has_its_factor_and_offset(rows in 0usize..900, channels in 1usize..70) {
        let len = rows * channels;
        let (x, dy) = (values(len, 1), values(len, 2));
        let (scale, offset) = (values(channels, 3), values(channels, 4));
        let (mut scaled, mut both) = (unset(len), unset(len));
        channel_scale(&x, &scale, &mut scaled);
        channel_affine(rows, channels, &x, &scale, &offset, &mut both);
        let mut expected = vec![0.0; channels];
        for i in 0..len {
            let c = i % channels;
            prop_assert_eq!(scaled[i], x[i] * scale[c]);
            let value = f64::from(x[i]) * f64::from(scale[c]) + f64::from(offset[c]);
            prop_assert!((f64::from(both[i]) - value).abs() < 1e-6, "{i}: {} {value}", both[i]);
            expected[c] += f64::from(x[i]) * f64::from(dy[i]);
        }
        let mut sums = unset(channels);
        let mut scratch = unset(channel_scale_gradient_scratch(len, channels));
        channel_scale_gradient(&x, &dy, &mut sums, &mut scratch);
        assert_close("factors", &sums, &expected);
    }
}

#[test]
fn no_rows_have_gradients_of_zero() {
    let (mut scale, mut offset, mut slope) = ([f32::NAN; 3], [f32::NAN; 3], [f32::NAN; 3]);
    channel_scale_gradient(&[], &[], &mut scale, &mut []);
    channel_offset_gradient(&[], &mut offset, &mut []);
    prelu_gradient(&[], &[], &mut slope, &mut []);
    assert_eq!([scale, offset, slope], [[0.0; 3]; 3]);
}

#[test]
fn a_slope_is_nothing_at_zero_and_hides_no_nan() {
    let x = [-2.0, -0.0, 0.0, 3.0, f32::NAN];
    let (mut y, mut dx, mut slope) = ([1.0; 5], [1.0; 5], [f32::NAN]);
    prelu_forward(&x, &[0.5], &mut y);
    prelu_backward(&x, &[0.5], &[1.0; 5], &mut dx);
    assert_eq!(y[..4], [-1.0, 0.0, 0.0, 3.0]);
    assert_eq!(dx[..4], [0.5, 0.0, 0.0, 1.0]);
    assert!(y[4].is_nan() && dx[4].is_nan());
    prelu_gradient(&x[..4], &[7.0; 4], &mut slope, &mut [f32::NAN]);
    assert_eq!(slope, [-14.0]);
}

#[test]
fn results_are_the_same_bits_on_any_number_of_threads() {
    for (rows, channels) in [(40_013, 3), (1009, 127), (3, 20_011)] {
        let (x, dy) = (values(rows * channels, 1), values(rows * channels, 2));
        let slopes = values(channels, 3);
        assert_same_bits_on_any_number_of_threads(|| {
            let scratch = &mut unset(channel_scale_gradient_scratch(x.len(), channels));
            let mut sums = [unset(channels), unset(channels), unset(channels)];
            channel_scale_gradient(&x, &dy, &mut sums[0], scratch);
            channel_offset_gradient(&dy, &mut sums[1], scratch);
            prelu_gradient(&x, &dy, &mut sums[2], scratch);
            let mut images = [unset(x.len()), unset(x.len()), x.clone()];
            channel_scale(&x, &slopes, &mut images[0]);
            prelu_forward(&x, &slopes, &mut images[1]);
            channel_offset(&slopes, &mut images[2]);
            sums.into_iter().chain(images).collect()
        });
    }
}
