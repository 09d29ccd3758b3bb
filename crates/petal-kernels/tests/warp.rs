//! Affine transforms and their gradients against TensorFlow's formulas in `f64`.
//!
//! The maps' numbers are eighths, so that places are exact and no rounding decides which pixel is the nearest.

mod reference;

use petal_kernels::{AffineTransform, FillMode, Interpolation};
use proptest::prelude::*;
use reference::{assert_close, assert_same_bits_on_any_number_of_threads, unset, values};

/// A coordinate with what is beyond the border brought inside, but for a constant.
fn mapped(mode: FillMode, c: f64, len: usize) -> f64 {
    let (len, last) = (len as f64, len as f64 - 1.0);
    let inside = match mode {
        FillMode::Constant => return c,
        FillMode::Nearest => c,
        FillMode::Reflect => {
            // Mirrors half a pixel beyond the outermost pixels.
            let place = (c + 0.5).rem_euclid(2.0 * len);
            place.min(2.0 * len - place) - 0.5
        }
        FillMode::Wrap if last == 0.0 => 0.0,
        // TensorFlow counts the images that lie between in steps of one pixel less than an image has.
        FillMode::Wrap if c < 0.0 => c + len * ((-c / last).trunc() + 1.0),
        FillMode::Wrap if c > last => c - len * (c / last).trunc(),
        FillMode::Wrap => c,
    };
    inside.clamp(0.0, last)
}

/// Calls `tap(image, output pixel, input pixel or none, weight)` for all that outputs are made of.
fn for_taps(
    transform: &AffineTransform,
    maps: &[[f32; 6]],
    mut tap: impl FnMut(usize, usize, Option<usize>, f64),
) {
    let AffineTransform { height, width, fill_mode, .. } = *transform;
    for (n, map) in maps.iter().enumerate() {
        let [a0, a1, a2, b0, b1, b2] = map.map(f64::from);
        for to in 0..height * width {
            let (column, row) = ((to % width) as f64, (to / width) as f64);
            let x = mapped(fill_mode, a0 * column + a1 * row + a2, width);
            let y = mapped(fill_mode, b0 * column + b1 * row + b2, height);
            let mut at = |x: f64, y: f64, weight: f64| {
                let inside = x >= 0.0 && y >= 0.0 && x < width as f64 && y < height as f64;
                tap(n, to, inside.then_some(y as usize * width + x as usize), weight);
            };
            match transform.interpolation {
                Interpolation::Nearest => at(x.round(), y.round(), 1.0),
                Interpolation::Bilinear => {
                    for (x, wx) in [(x.floor(), 1.0 - x + x.floor()), (x.floor() + 1.0, x - x.floor())] {
                        for (y, wy) in [(y.floor(), 1.0 - y + y.floor()), (y.floor() + 1.0, y - y.floor())] {
                            at(x, y, wx * wy);
                        }
                    }
                }
            }
        }
    }
}

fn check(transform: &AffineTransform, maps: &[[f32; 6]]) {
    let AffineTransform { height, width, channels, .. } = *transform;
    let [scale, offset] = transform.rescaling.map(f64::from);
    let image = height * width * channels;
    let (x, dy) = (values(maps.len() * image, 1), values(maps.len() * image, 2));
    let (mut y, mut dx) = (unset(x.len()), unset(x.len()));
    transform.forward(maps, &x, &mut y);
    transform.backward(maps, &dy, &mut dx);
    let (mut expected, mut expected_dx) = (vec![offset; x.len()], vec![0.0; x.len()]);
    for_taps(transform, maps, |n, to, from, weight| {
        for c in 0..channels {
            let to = n * image + to * channels + c;
            let from = from.map(|from| n * image + from * channels + c);
            let value = from.map_or(transform.fill_value, |from| x[from]);
            expected[to] += scale * weight * f64::from(value);
            if let Some(from) = from {
                expected_dx[from] += scale * weight * f64::from(dy[to]);
            }
        }
    });
    assert_close("y", &y, &expected);
    assert_close("dx", &dx, &expected_dx);
}

fn fill_modes() -> impl Strategy<Value = FillMode> {
    prop::sample::select(vec![FillMode::Reflect, FillMode::Nearest, FillMode::Wrap, FillMode::Constant])
}

fn interpolations() -> impl Strategy<Value = Interpolation> {
    prop::sample::select(vec![Interpolation::Nearest, Interpolation::Bilinear])
}

fn eighths(limit: i32) -> impl Strategy<Value = f32> {
    (-limit..limit + 1).prop_map(|eighths| eighths as f32 / 8.0)
}

fn maps() -> impl Strategy<Value = Vec<[f32; 6]>> {
    let row = || (eighths(20), eighths(20), eighths(240));
    let map = (row(), row()).prop_map(|((a0, a1, a2), (b0, b1, b2))| [a0, a1, a2, b0, b1, b2]);
    prop::collection::vec(map, 0..4)
}

proptest! {
    #[test]
    fn each_output_is_sampled_where_its_map_says(
        (height, width, channels) in (1usize..9, 1usize..90, 1usize..6), maps in maps(),
        (fill_mode, interpolation) in (fill_modes(), interpolations()),
        (fill_value, scale, offset) in (-2.0f32..2.0, -2.0f32..2.0, -2.0f32..2.0),
    ) {
        let rescaling = [scale, offset];
        check(&AffineTransform { height, width, channels, fill_mode, fill_value, interpolation, rescaling }, &maps);
    }

    #[test]
    fn images_stay_or_are_mirrored(
        (height, width, channels) in (1usize..9, 1usize..90, 1usize..6), mirrored in prop::array::uniform2(any::<bool>()),
        (fill_mode, interpolation) in (fill_modes(), interpolations()),
    ) {
        let axis = |i: usize, len: usize| if mirrored[i] { [-1.0, (len - 1) as f32] } else { [1.0, 0.0] };
        let ([a0, a2], [b1, b2]) = (axis(0, width), axis(1, height));
        let rescaling = [1.0, 0.0];
        let transform = AffineTransform { height, width, channels, fill_mode, fill_value: 7.0, interpolation, rescaling };
        check(&transform, &[[a0, 0.0, a2, 0.0, b1, b2]; 2]);
    }
}

#[test]
fn results_are_the_same_bits_on_any_number_of_threads() {
    let maps = [[0.75, -0.25, 3.0, 0.5, 1.25, -2.0]; 5];
    for interpolation in [Interpolation::Nearest, Interpolation::Bilinear] {
        let transform = AffineTransform {
            height: 37,
            width: 71,
            channels: 3,
            fill_mode: FillMode::Reflect,
            fill_value: 0.0,
            interpolation,
            rescaling: [0.5, 1.0],
        };
        let (x, dy) = (values(5 * 37 * 71 * 3, 1), values(5 * 37 * 71 * 3, 2));
        assert_same_bits_on_any_number_of_threads(|| {
            let (mut y, mut dx) = (unset(x.len()), unset(x.len()));
            transform.forward(&maps, &x, &mut y);
            transform.backward(&maps, &dy, &mut dx);
            vec![y, dx]
        });
    }
}
