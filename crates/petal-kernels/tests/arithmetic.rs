//! Elementwise arithmetic, the choice of a maximum, and blocks of columns.

mod reference;

use petal_kernels::{
    add, add_assign, chosen_gradient, copy, copy_block, extract_block, maximum_assign, minimum_assign,
    multiply_assign, scale_offset,
};
use proptest::prelude::*;
use reference::{unset, values};

/// None, one, a few, and more than one chunk of work.
fn lengths() -> impl Strategy<Value = usize> {
    prop::sample::select(vec![0usize, 1, 2, 31, 1000, 20_011])
}

/// Few different values, so that many are equal, and some that are NaN.
fn with_ties(len: usize, seed: u64) -> Vec<f32> {
    let value = |v: &f32| if *v > 0.9 { f32::NAN } else { (3.0 * v).round() };
    values(len, seed).iter().map(value).collect()
}

/// One of two, by a rule; NaN if one of them is.
fn either(a: f32, b: f32, rule: impl Fn(f32, f32) -> f32) -> f32 {
    if a.is_nan() || b.is_nan() { f32::NAN } else { rule(a, b) }
}

fn are_same(found: &[f32], expected: impl Iterator<Item = f32>) -> bool {
    let expected: Vec<f32> = expected.collect();
    let same = |(a, b): (&f32, &f32)| a == b || (a.is_nan() && b.is_nan());
    found.len() == expected.len() && found.iter().zip(&expected).all(same)
}

type Assign = fn(&mut [f32], &[f32]);
type Rule = fn(f32, f32) -> f32;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn two_arrays_become_one(len in lengths()) {
        let (a, b) = (with_ties(len, 1), with_ties(len, 2));
        let rules: [(Assign, Rule); 4] = [
            (add_assign, |a, b| a + b),
            (multiply_assign, |a, b| a * b),
            (maximum_assign, f32::max),
            (minimum_assign, f32::min),
        ];
        for (i, (kernel, rule)) in rules.into_iter().enumerate() {
            let mut y = a.clone();
            kernel(&mut y, &b);
            prop_assert!(are_same(&y, a.iter().zip(&b).map(|(a, b)| either(*a, *b, rule))), "rule {i}");
        }
        let mut y = unset(len);
        add(&a, &b, &mut y);
        prop_assert!(are_same(&y, a.iter().zip(&b).map(|(a, b)| a + b)));
    }

    #[test]
    fn numbers_and_bytes_are_copied_and_rescaled(len in lengths(), scale in -2.0f32..2.0, offset in -2.0f32..2.0) {
        let bytes: Vec<u8> = (0..len).map(|i| (i * 7919 % 256) as u8).collect();
        let x: Vec<f32> = bytes.iter().map(|byte| f32::from(*byte)).collect();
        let [mut y, mut of_bytes] = [unset(len), unset(len)];
        copy(&x, &mut y);
        copy(&bytes[..], &mut of_bytes);
        prop_assert_eq!([&y, &of_bytes], [&x; 2]);
        scale_offset(&x, scale, offset, &mut y);
        scale_offset(&bytes[..], scale, offset, &mut of_bytes);
        prop_assert_eq!(&y, &of_bytes);
        for (y, x) in y.iter().zip(&x) {
            let expected = f64::from(*x) * f64::from(scale) + f64::from(offset);
            prop_assert!((f64::from(*y) - expected).abs() < 1e-4, "{y} {expected}");
        }
    }

    #[test]
    fn the_gradient_goes_to_the_first_input_that_is_the_output(len in lengths(), count in 1usize..5) {
        let rounded = |seed| values(len, seed).iter().map(|v| (2.0 * v).round()).collect();
        let inputs: Vec<Vec<f32>> = (1..=count as u64).map(rounded).collect();
        let inputs: Vec<&[f32]> = inputs.iter().map(|input| &input[..]).collect();
        let y: Vec<f32> = (0..len).map(|i| inputs.iter().map(|x| x[i]).fold(f32::MIN, f32::max)).collect();
        let dy = values(len, 9);
        let mut total = vec![0.0; len];
        for which in 0..count {
            let mut dx = unset(len);
            chosen_gradient(&inputs, which, &y, &dy, &mut dx);
            for i in 0..len {
                let first = inputs.iter().position(|input| input[i] == y[i]);
                prop_assert_eq!(dx[i], if first == Some(which) { dy[i] } else { 0.0 });
                total[i] += dx[i];
            }
        }
        prop_assert_eq!(total, dy);
    }

    #[test]
    fn blocks_of_columns_go_where_they_belong_and_back(
        outer in prop::sample::select(vec![0usize, 1, 3, 701]), widths in prop::collection::vec(0usize..40, 1..5),
    ) {
        let total: usize = widths.iter().sum();
        let mut whole = unset(outer * total);
        let mut offset = 0;
        for (seed, &width) in widths.iter().enumerate() {
            copy_block(outer, width, total, offset, &values(outer * width, seed as u64), &mut whole);
            offset += width;
        }
        let mut offset = 0;
        for (seed, &width) in widths.iter().enumerate() {
            let part = values(outer * width, seed as u64);
            for (i, value) in part.iter().enumerate() {
                prop_assert_eq!(whole[i / width * total + offset + i % width], *value);
            }
            let mut back = unset(part.len());
            extract_block(outer, total, width, offset, &whole, &mut back);
            prop_assert_eq!(back, part);
            offset += width;
        }
    }
}
