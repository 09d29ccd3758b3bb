//! Softmax and its gradient against the formula in `f64`.

mod reference;

use petal_kernels::{log_softmax_backward, log_softmax_forward, softmax_backward, softmax_forward};
use proptest::prelude::*;
use reference::{assert_close, assert_same_bits_on_any_number_of_threads, gradient, unset, values};

fn softmax(classes: usize, x: &[f64]) -> Vec<f64> {
    let row = |x: &[f64]| {
        let sum: f64 = x.iter().map(|x| x.exp()).sum();
        x.iter().map(|x| x.exp() / sum).collect::<Vec<_>>()
    };
    x.chunks(classes).flat_map(row).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn softmax_is_the_share_of_the_exponential(rows in 0usize..6, classes in 1usize..40, scale in 0.1f32..20.0) {
        let x: Vec<f32> = values(rows * classes, 1).iter().map(|x| x * scale).collect();
        let [mut y, mut dx] = [unset(x.len()), unset(x.len())];
        softmax_forward(rows, classes, &x, &mut y);
        assert_close("y", &y, &softmax(classes, &x.iter().map(|x| f64::from(*x)).collect::<Vec<_>>()));
        let dy = values(x.len(), 2);
        softmax_backward(rows, classes, &y, &dy, &mut dx);
        let sum = |x: &[f64]| softmax(classes, x).iter().zip(&dy).map(|(y, dy)| y * f64::from(*dy)).sum();
        assert_close("dx", &dx, &gradient(&x, sum));
    }
}

#[test]
fn large_numbers_do_not_overflow() {
    let mut y = [f32::NAN; 3];
    softmax_forward(1, 3, &[1e30, 1e30, -1e30], &mut y);
    assert_eq!(y, [0.5, 0.5, 0.0]);
    log_softmax_forward(1, 3, &[1e30, 0.0, -1e30], &mut y);
    assert_eq!(y, [0.0, -1e30, -2e30]);
}

#[test]
fn results_are_the_same_bits_on_any_number_of_threads() {
    let (rows, classes) = (5003, 11);
    let (x, dy) = (values(rows * classes, 1), values(rows * classes, 2));
    assert_same_bits_on_any_number_of_threads(|| {
        let mut results = [unset(x.len()), unset(x.len()), unset(x.len()), unset(x.len())];
        let [y, dx, log_y, log_dx] = &mut results;
        softmax_forward(rows, classes, &x, y);
        softmax_backward(rows, classes, y, &dy, dx);
        log_softmax_forward(rows, classes, &x, log_y);
        log_softmax_backward(rows, classes, log_y, &dy, log_dx);
        results.to_vec()
    });
}
