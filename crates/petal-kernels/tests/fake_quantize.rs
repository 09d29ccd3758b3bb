//! Rounding to 8 bits and back.

use petal_kernels::fake_quantize;
use proptest::prelude::*;

fn rounded(scale: f32, zero_point: u8, x: &[f32]) -> Vec<f32> {
    let mut y = vec![0.0; x.len()];
    fake_quantize(scale, zero_point, x, &mut y);
    y
}

#[test]
fn halves_go_to_the_even_number_and_what_lies_outside_to_the_ends() {
    let x = [0.0, 1.0, 3.0, 5.0, -1.0, -3.0, 2.9, 1000.0, -1000.0, f32::INFINITY, f32::NEG_INFINITY];
    assert_eq!(rounded(2.0, 3, &x), [0.0, 0.0, 4.0, 4.0, 0.0, -4.0, 2.0, 504.0, -6.0, 504.0, -6.0]);
    assert!(rounded(2.0, 3, &[f32::NAN])[0].is_nan());
}

proptest! {
    #[test]
    fn numbers_move_by_half_a_step_at_most_and_then_stay(
        scale in 1e-4f32..10.0,
        zero_point: u8,
        places in prop::collection::vec(0.0f32..255.0, 0..50_000),
    ) {
        let x: Vec<f32> = places.iter().map(|place| (place - f32::from(zero_point)) * scale).collect();
        let y = rounded(scale, zero_point, &x);
        for (x, y) in x.iter().zip(&y) {
            prop_assert!((x - y).abs() <= scale * 0.5001, "{} for {}", y, x);
            let expected = (f64::from(*x) / f64::from(scale)).round_ties_even();
            let is_half = (f64::from(*x) / f64::from(scale) - expected).abs() > 0.4999;
            prop_assert!(is_half || f64::from(*y) == f64::from((expected as f32) * scale));
        }
        prop_assert_eq!(&rounded(scale, zero_point, &y), &y);
    }
}
