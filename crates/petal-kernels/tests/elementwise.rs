//! Operations between one row and many, and the reversal of channels.

use petal_kernels::{multiply_rows_assign, repeat_rows, reverse_channels, sum_rows};
use proptest::prelude::*;

fn numbers(len: usize) -> impl Strategy<Value = Vec<f32>> {
    prop::collection::vec(-1.0f32..1.0, len)
}

/// Batch, rows, columns, a value for each cell and one for each column of a sample.
fn rows() -> impl Strategy<Value = ([usize; 3], Vec<f32>, Vec<f32>)> {
    (0usize..4, 1usize..40, 1usize..40)
        .prop_flat_map(|(b, r, c)| (Just([b, r, c]), numbers(b * r * c), numbers(b * c)))
}

proptest! {
    #[test]
    fn a_row_goes_with_every_row_of_its_sample(([batch, rows, columns], many, one) in rows()) {
        let row = |i: usize| i / (rows * columns) * columns + i % columns;
        let mut repeated = vec![0.0; many.len()];
        repeat_rows(batch, rows, columns, &one, &mut repeated);
        let mut product = many.clone();
        multiply_rows_assign(batch, rows, columns, &mut product, &one);
        let mut expected = vec![0.0f64; one.len()];
        for (i, &value) in many.iter().enumerate() {
            prop_assert_eq!(repeated[i], one[row(i)]);
            prop_assert_eq!(product[i], value * one[row(i)]);
            expected[row(i)] += f64::from(value);
        }
        let mut sum = vec![f32::NAN; one.len()];
        sum_rows(batch, rows, columns, &many, &mut sum);
        for (sum, expected) in sum.iter().zip(expected) {
            prop_assert!((f64::from(*sum) - expected).abs() < 1e-4);
        }
    }

    #[test]
    fn channels_are_reversed_and_back(([_, rows, channels], x, _) in rows()) {
        let mut y = vec![0.0; x.len()];
        reverse_channels(channels, &x, &mut y);
        for (y, x) in y.chunks(channels).zip(x.chunks(channels)) {
            prop_assert!(y.iter().eq(x.iter().rev()), "{rows}");
        }
        let mut back = vec![0.0; x.len()];
        reverse_channels(channels, &y, &mut back);
        prop_assert_eq!(back, x);
    }
}
