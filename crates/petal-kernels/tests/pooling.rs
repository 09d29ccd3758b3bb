//! Pooling against naive loops, for windows that overlap, leave gaps or reach into the padding.

mod reference;

use petal_kernels::{
    Padding, Pool2d, global_average_backward, global_average_forward, global_max_backward, global_max_forward,
};
use proptest::prelude::*;
use reference::{assert_close, assert_same_bits_on_any_number_of_threads, unset, values};

/// For each output element, in order, the input elements of its window, with their cell.
fn windows(pool: &Pool2d) -> Vec<Vec<(usize, usize)>> {
    let [input_height, input_width, channels] = pool.input;
    let [height, width, _] = pool.output();
    let mut windows = Vec::new();
    for i in 0..pool.batch * height * width * channels {
        let (n, oy) = (i / channels / width / height, i / channels / width % height);
        let (ox, c) = (i / channels % width, i % channels);
        let mut window = Vec::new();
        for cell in 0..pool.window[0] * pool.window[1] {
            let iy = (oy * pool.strides[0] + cell / pool.window[1]).wrapping_sub(pool.padding.top);
            let ix = (ox * pool.strides[1] + cell % pool.window[1]).wrapping_sub(pool.padding.left);
            if iy < input_height && ix < input_width {
                window.push((((n * input_height + iy) * input_width + ix) * channels + c, cell));
            }
        }
        windows.push(window);
    }
    windows
}

fn check(pool: &Pool2d, x: &[f32]) {
    let windows = windows(pool);
    let dy = values(windows.len(), 2);

    let (mut y, mut arg) = (unset(windows.len()), vec![255; pool.arg_bytes()]);
    pool.max_forward(x, &mut y, &mut arg);
    let mut expected_dx = vec![0.0; x.len()];
    for (i, window) in windows.iter().enumerate() {
        let max = window.iter().map(|&(cell, _)| x[cell]).fold(f32::NEG_INFINITY, f32::max);
        let &(winner, cell) = window.iter().find(|&&(index, _)| x[index] == max).unwrap();
        assert_eq!(y[i], max, "maximum {i}");
        match arg.len() / y.len() {
            1 => assert_eq!(usize::from(arg[i]), cell, "winner of window {i}"),
            _ => assert_eq!(arg[4 * i..][..4], (cell as u32).to_le_bytes(), "winner of window {i}"),
        }
        expected_dx[winner] += f64::from(dy[i]);
    }
    let mut dx = unset(x.len());
    pool.max_backward(&dy, &arg, &mut dx);
    assert_close("gradient of the maximum", &dx, &expected_dx);

    pool.average_forward(x, &mut y);
    let mut expected = vec![0.0; y.len()];
    let mut expected_dx = vec![0.0; x.len()];
    for (i, window) in windows.iter().enumerate() {
        for &(index, _) in window {
            expected[i] += f64::from(x[index]) / window.len() as f64;
            expected_dx[index] += f64::from(dy[i]) / window.len() as f64;
        }
    }
    assert_close("average", &y, &expected);
    let mut dx = unset(x.len());
    pool.average_backward(&dy, &mut dx);
    assert_close("gradient of the average", &dx, &expected_dx);
}

/// Size, window, stride, padding before and after; the padding is less than the window.
fn axis() -> impl Strategy<Value = [usize; 5]> {
    (1usize..14, 1usize..6, 1usize..5)
        .prop_flat_map(|(size, window, stride)| (Just((size, window, stride)), 0..window, 0..window))
        .prop_map(|((size, window, stride), before, after)| [size, window, stride, before, after])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn pooling_matches_the_naive_loops(
        batch in 1usize..4, v in axis(), h in axis(), channels in 1usize..20, levels in 1u8..8,
    ) {
        let pool = Pool2d {
            batch,
            input: [v[0], h[0], channels],
            window: [v[1], h[1]],
            strides: [v[2], h[2]],
            padding: Padding { top: v[3], bottom: v[4], left: h[3], right: h[4] },
        };
        // Few levels make ties, of which the first must win.
        let x: Vec<f32> = values(batch * v[0] * h[0] * channels, 1)
            .iter()
            .map(|x| (x * f32::from(levels)).round())
            .collect();
        check(&pool, &x);
    }

    /// Windows that have kernels of their own; odd sizes leave a row or column in no window.
    #[test]
    fn pooling_of_2x2_matches_the_naive_loops(
        batch in 1usize..4, (height, width) in (2usize..12, 2usize..12), levels in 1u8..8,
        channels in prop::sample::select(vec![1usize, 3, 5, 8, 16, 17, 33]),
    ) {
        let padding = Padding::default();
        let pool =
            Pool2d { batch, input: [height, width, channels], window: [2; 2], strides: [2; 2], padding };
        let x: Vec<f32> = values(batch * height * width * channels, 1)
            .iter()
            .map(|x| (x * f32::from(levels)).round())
            .collect();
        check(&pool, &x);
    }

    #[test]
    fn global_pooling_matches_the_naive_loops(
        batch in 1usize..4, pixels in 1usize..30, channels in 1usize..20, levels in 1u8..8,
    ) {
        let x: Vec<f32> = values(batch * pixels * channels, 1)
            .iter()
            .map(|x| (x * f32::from(levels)).round())
            .collect();
        let dy = values(batch * channels, 2);
        let (mut average, mut max) = (unset(dy.len()), unset(dy.len()));
        global_average_forward(batch, pixels, channels, &x, &mut average);
        global_max_forward(batch, pixels, channels, &x, &mut max);
        let (mut average_dx, mut max_dx) = (unset(x.len()), unset(x.len()));
        global_average_backward(batch, pixels, channels, &dy, &mut average_dx);
        global_max_backward(batch, pixels, channels, &x, &max, &dy, &mut max_dx);

        let (mut expected_average, mut expected_max) = (vec![0.0; dy.len()], vec![0.0; dy.len()]);
        let (mut expected_average_dx, mut expected_max_dx) = (vec![0.0; x.len()], vec![0.0; x.len()]);
        for i in 0..dy.len() {
            let cells = || (0..pixels).map(|p| (i / channels * pixels + p) * channels + i % channels);
            let greatest = cells().map(|cell| x[cell]).fold(f32::NEG_INFINITY, f32::max);
            let ties = cells().filter(|cell| x[*cell] == greatest).count();
            expected_max[i] = f64::from(greatest);
            for cell in cells() {
                expected_average[i] += f64::from(x[cell]) / pixels as f64;
                expected_average_dx[cell] = f64::from(dy[i]) / pixels as f64;
                if x[cell] == greatest {
                    expected_max_dx[cell] = f64::from(dy[i]) / ties as f64;
                }
            }
        }
        assert_close("average", &average, &expected_average);
        assert_close("maximum", &max, &expected_max);
        assert_close("gradient of the average", &average_dx, &expected_average_dx);
        assert_close("gradient of the maximum", &max_dx, &expected_max_dx);
    }
}

#[test]
fn windows_of_more_than_256_cells_match_too() {
    let padding = Padding { top: 2, bottom: 3, left: 1, right: 0 };
    let pool = Pool2d { batch: 2, input: [23, 25, 3], window: [17, 19], strides: [3, 4], padding };
    check(&pool, &values(2 * 23 * 25 * 3, 1));
}

#[test]
fn nan_anywhere_in_a_window_is_its_maximum() {
    for (window, size) in [(2, 4), (3, 6), (17, 17)] {
        let padding = Padding::default();
        let input = [size, size, 19];
        let pool = Pool2d { batch: 1, input, window: [window; 2], strides: [window; 2], padding };
        let x = values(size * size * 19, 1);
        let (mut expected, mut arg) = (unset(pool.output().iter().product()), vec![0; pool.arg_bytes()]);
        pool.max_forward(&x, &mut expected, &mut arg);
        for cell in 0..window * window {
            for channel in [0, 18] {
                let mut x = x.clone();
                x[(cell / window * size + cell % window) * 19 + channel] = f32::NAN;
                let mut y = unset(expected.len());
                pool.max_forward(&x, &mut y, &mut arg);
                assert!(y[channel].is_nan(), "cell {cell} of {window}x{window}");
                match arg.len() / y.len() {
                    1 => assert_eq!(usize::from(arg[channel]), cell),
                    _ => assert_eq!(arg[4 * channel..][..4], (cell as u32).to_le_bytes()),
                }
                y[channel] = expected[channel];
                assert_eq!(y, expected);
            }
        }
    }
}

#[test]
fn results_are_the_same_bits_on_any_number_of_threads() {
    let pool = Pool2d {
        batch: 5,
        input: [41, 39, 24],
        window: [3, 3],
        strides: [2, 2],
        padding: Padding::same([41, 39], [3, 3], [2, 2]),
    };
    let x = values(5 * 41 * 39 * 24, 1);
    let outputs = windows(&pool).len();
    let dy = values(outputs, 2);
    assert_same_bits_on_any_number_of_threads(|| {
        let (mut max, mut average, mut arg) = (unset(outputs), unset(outputs), vec![255; pool.arg_bytes()]);
        pool.max_forward(&x, &mut max, &mut arg);
        pool.average_forward(&x, &mut average);
        let (mut max_dx, mut average_dx) = (unset(x.len()), unset(x.len()));
        pool.max_backward(&dy, &arg, &mut max_dx);
        pool.average_backward(&dy, &mut average_dx);
        let mut mean = unset(5 * 24);
        global_average_forward(5, 41 * 39, 24, &x, &mut mean);
        vec![max, average, max_dx, average_dx, mean]
    });
}
