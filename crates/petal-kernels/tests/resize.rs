//! Resizing against TensorFlow's formulas with half-pixel centres, in `f64`.

mod reference;

use petal_kernels::Resize;
use proptest::prelude::*;
use reference::{assert_close, assert_same_bits_on_any_number_of_threads, positions, unset, values};

/// The two places of an axis that an output lies between, each with its weight: beyond the border, both are its pixel.
fn bilinear(input: usize, output: usize, position: usize) -> [(usize, f64); 2] {
    let source = (position as f64 + 0.5) * input as f64 / output as f64 - 0.5;
    let inside = |place: f64| place.clamp(0.0, (input - 1) as f64) as usize;
    let share = source - source.floor();
    [(inside(source.floor()), 1.0 - share), (inside(source.floor() + 1.0), share)]
}

fn nearest(input: usize, output: usize, position: usize) -> [(usize, f64); 1] {
    // In whole numbers: the place that the output's centre lies in.
    [((2 * position + 1) * input / (2 * output), 1.0)]
}

/// Compares a kernel and its gradient with what the places on the axes, `taps(input, output, position)`, say.
fn check<const N: usize>(
    resize: &Resize,
    taps: impl Fn(usize, usize, usize) -> [(usize, f64); N],
    forward: impl Fn(&[f32], &mut [f32]),
    backward: impl Fn(&[f32], &mut [f32]),
) {
    let [height, width, channels] = resize.input;
    let [out_height, out_width] = resize.output;
    let x = values(resize.batch * height * width * channels, 1);
    let dy = values(resize.batch * out_height * out_width * channels, 2);
    let (mut y, mut dx) = (unset(dy.len()), unset(x.len()));
    forward(&x, &mut y);
    backward(&dy, &mut dx);
    let (mut expected, mut expected_dx) = (vec![0.0; y.len()], vec![0.0; x.len()]);
    for n in 0..resize.batch {
        for (row, column, c) in positions([out_height, out_width, channels]) {
            let to = ((n * out_height + row) * out_width + column) * channels + c;
            for (iy, wy) in taps(height, out_height, row) {
                for (ix, wx) in taps(width, out_width, column) {
                    let from = ((n * height + iy) * width + ix) * channels + c;
                    expected[to] += wy * wx * f64::from(x[from]);
                    expected_dx[from] += wy * wx * f64::from(dy[to]);
                }
            }
        }
    }
    assert_close("y", &y, &expected);
    assert_close("dx", &dx, &expected_dx);
}

/// One row or column, odd sizes, smaller and larger ones; outputs of none.
fn shapes() -> impl Strategy<Value = Resize> {
    (0usize..3, (1usize..14, 1usize..14, 1usize..5), (0usize..30, 0usize..30)).prop_map(
        |(batch, (height, width, channels), (out_height, out_width))| Resize {
            batch,
            input: [height, width, channels],
            output: [out_height, out_width],
        },
    )
}

proptest! {
    #[test]
    fn bilinear_outputs_lie_between_four_pixels(resize in shapes()) {
        check(&resize, bilinear, |x, y| resize.bilinear_forward(x, y), |dy, dx| resize.bilinear_backward(dy, dx));
    }

    #[test]
    fn nearest_outputs_are_the_pixel_that_they_lie_in(resize in shapes()) {
        check(&resize, nearest, |x, y| resize.nearest_forward(x, y), |dy, dx| resize.nearest_backward(dy, dx));
    }

    #[test]
    fn the_same_size_changes_nothing(batch in 0usize..3, height in 1usize..12, width in 1usize..12) {
        let resize = Resize { batch, input: [height, width, 3], output: [height, width] };
        let x = values(batch * height * width * 3, 1);
        let mut y = unset(x.len());
        resize.bilinear_forward(&x, &mut y);
        prop_assert_eq!(&y, &x);
        resize.nearest_forward(&x, &mut y);
        prop_assert_eq!(&y, &x);
    }
}

#[test]
fn results_are_the_same_bits_on_any_number_of_threads() {
    let resize = Resize { batch: 5, input: [31, 29, 3], output: [47, 17] };
    let (x, dy) = (values(5 * 31 * 29 * 3, 1), values(5 * 47 * 17 * 3, 2));
    assert_same_bits_on_any_number_of_threads(|| {
        let mut results = [unset(dy.len()), unset(x.len()), unset(dy.len()), unset(x.len())];
        resize.bilinear_forward(&x, &mut results[0]);
        resize.bilinear_backward(&dy, &mut results[1]);
        resize.nearest_forward(&x, &mut results[2]);
        resize.nearest_backward(&dy, &mut results[3]);
        results.to_vec()
    });
}
