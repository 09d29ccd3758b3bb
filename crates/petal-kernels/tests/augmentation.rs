//! Changes of colours and erased rectangles, against plain formulas.

mod reference;

use petal_kernels::{
    Fill, Recolor, auto_contrast, auto_contrast_backward, erase, erase_backward, recolor, recolor_backward,
};
use proptest::prelude::*;
use reference::{unset, values};

/// Colours of `images` images of this many pixels and channels.
fn colours(images: usize, pixels: usize, channels: usize) -> Vec<f32> {
    values(images * pixels * channels, 1).iter().map(|v| (v + 1.0) * 127.5).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn each_image_is_recoloured_by_its_own_recipe(pixels in 1usize..200, threshold in 0.0f32..255.0, bits in 1u32..9) {
        let range = [0.0, 255.0];
        let recolors = [
            Recolor::Keep,
            Recolor::Invert { high: 255.0 },
            Recolor::Gray { share: 0.25, range },
            Recolor::Posterize { bits, range },
            Recolor::Solarize { addition: 20.0, threshold, range },
        ];
        let x = colours(5, pixels, 3);
        let (mut y, mut dx) = (unset(x.len()), unset(x.len()));
        let dy = values(x.len(), 2);
        recolor(3, &recolors, &x, &mut y);
        recolor_backward(3, &recolors, &x, &dy, &mut dx);
        for (i, (&x_i, &y_i)) in x.iter().zip(&y).enumerate() {
            let pixel = i / 3 * 3;
            let luma = |values: &[f32]| 0.2989 * values[0] + 0.587 * values[1] + 0.114 * values[2];
            let (value, gradient) = match i / (3 * pixels) {
                0 => (x_i, dy[i]),
                1 => (255.0 - x_i, -dy[i]),
                2 => {
                    let sum: f32 = dy[pixel..pixel + 3].iter().sum();
                    let share = 0.25 * [0.2989, 0.587, 0.114][i % 3];
                    (0.75 * x_i + 0.25 * luma(&x[pixel..pixel + 3]), 0.75 * dy[i] + share * sum)
                }
                3 => {
                    let step = (1 << (8 - bits)) as f32;
                    ((x_i.floor() / step).floor() * step, 0.0)
                }
                _ => {
                    let moved = (x_i + 20.0).min(255.0);
                    let below = moved < threshold;
                    let sign = if x_i + 20.0 > 255.0 { 0.0 } else if below { 1.0 } else { -1.0 };
                    (if below { moved } else { 255.0 - moved }, sign * dy[i])
                }
            };
            prop_assert!((y_i - value).abs() < 1e-3, "{i}: {y_i} {value}");
            prop_assert!((dx[i] - gradient).abs() < 1e-5, "{i}: {} {gradient}", dx[i]);
        }
    }

    #[test]
    fn rectangles_are_filled_and_hand_no_gradient_back(
        (height, rows) in (1usize..12).prop_flat_map(|size| (Just(size), 0..size + 1)),
        (width, columns) in (1usize..12).prop_flat_map(|size| (Just(size), 0..size + 1)),
        channels in 1usize..4,
    ) {
        let image = [height, width, channels];
        let rectangles = [None, Some([height - rows..height, 0..columns])];
        let colour = [-1.0, -2.0, -3.0];
        let x = colours(2, height * width, channels);
        let [mut y, mut noisy, mut dx] = [unset(x.len()), unset(x.len()), unset(x.len())];
        erase(image, &rectangles, Fill::Colour(&colour), &x, &mut y);
        let noise = Fill::Noise { keys: &[3, 4], stddev: 1.0, range: [-0.5, 0.5] };
        erase(image, &rectangles, noise, &x, &mut noisy);
        erase_backward(image, &rectangles, &vec![1.0; x.len()], &mut dx);
        for i in 0..x.len() {
            let (n, row, column) = (i / (height * width * channels), i / (width * channels) % height, i / channels % width);
            let inside = n == 1 && row >= height - rows && column < columns;
            prop_assert_eq!(y[i], if inside { colour[i % channels] } else { x[i] });
            prop_assert_eq!(dx[i], if inside { 0.0 } else { 1.0 });
            let expected = if inside { (-0.5..=0.5).contains(&noisy[i]) } else { noisy[i] == x[i] };
            prop_assert!(expected, "{}", noisy[i]);
        }
    }

    #[test]
    fn contrast_is_stretched_to_the_range(pixels in 1usize..300, channels in 1usize..5) {
        let x = colours(2, pixels, channels);
        let (mut y, mut dx) = (unset(x.len()), unset(x.len()));
        auto_contrast(2, pixels, channels, [-1.0, 3.0], &x, &mut y);
        auto_contrast_backward(2, pixels, channels, [-1.0, 3.0], &x, &values(x.len(), 2), &mut dx);
        for (image, (x, y)) in x.chunks(pixels * channels).zip(y.chunks(pixels * channels)).enumerate() {
            for c in 0..channels {
                let of = |values: &[f32]| values[c..].iter().step_by(channels).copied().collect::<Vec<_>>();
                let (x, y) = (of(x), of(y));
                let bounds = |values: &[f32]| {
                    values.iter().fold((f32::MAX, f32::MIN), |(low, high), &v| (low.min(v), high.max(v)))
                };
                let (low, high) = bounds(&x);
                if low == high {
                    prop_assert_eq!(x, y);
                    continue;
                }
                prop_assert_eq!(bounds(&y), (-1.0, 3.0));
                // Neither a shift nor a stretch of the channel changes its result, so the gradient has none of both.
                let d = of(&dx[image * pixels * channels..][..pixels * channels]);
                let shift: f32 = d.iter().sum();
                let stretch: f32 = d.iter().zip(&x).map(|(d, x)| d * x / 255.0).sum();
                prop_assert!(shift.abs() < 1e-3 && stretch.abs() < 1e-3, "{shift} {stretch}");
            }
        }
    }
}
