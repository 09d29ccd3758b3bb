//! Images in another frame: resized or warped, as affine maps whose weights are those of the pixels around a place.

use super::Affine;
use super::layout::{image, pixels};
use super::step::Call;
use crate::program::{FillMode, Interpolation, RandomWarp, Sampling};

impl Call<'_> {
    pub(super) fn resize(&self, interpolation: Interpolation) -> Affine {
        let ([height, width, channels], output) = (image(self.shapes[0]), image(self.output));
        let mut map = Affine::new(self.outputs());
        for n in 0..self.samples() {
            for (i, (y, x, c)) in pixels(output).enumerate() {
                let rows = resized(interpolation, y, height, output[0]);
                let columns = resized(interpolation, x, width, output[1]);
                for (row, row_share) in rows {
                    for (column, share) in columns {
                        let from = ((n * height + row) * width + column) * channels + c;
                        map.add(0, from, n * self.output.elements() + i, row_share * share);
                    }
                }
            }
        }
        map
    }

    pub(super) fn random_warp(&self, warp: &RandomWarp) -> Affine {
        let [height, width, channels] = image(self.output);
        // A program of flips alone says nothing of how it is sampled: each place is a pixel.
        let sampling = warp.sampling().unwrap_or(Sampling {
            fill_mode: FillMode::Reflect,
            fill_value: 0.0,
            interpolation: Interpolation::Nearest,
        });
        let mut map = Affine::new(self.outputs());
        for n in 0..self.samples() {
            let key = |stream: &str| self.run.keys(stream).nth(n).unwrap_or_default();
            let [a0, a1, a2, b0, b1, b2] = warp.draw([height, width], key).map(f64::from);
            for (i, (y, x, c)) in pixels([height, width, channels]).enumerate() {
                let to = n * self.output.elements() + i;
                let column = inside(sampling.fill_mode, a0 * x as f64 + a1 * y as f64 + a2, width);
                let row = inside(sampling.fill_mode, b0 * x as f64 + b1 * y as f64 + b2, height);
                for (row, row_share) in neighbours(sampling.interpolation, row) {
                    for (column, share) in neighbours(sampling.interpolation, column) {
                        let share = row_share * share;
                        let [row, column] = [(row, height), (column, width)]
                            .map(|(at, len)| (0.0 <= at && at < len as f64).then_some(at as usize));
                        match (row, column) {
                            (Some(row), Some(column)) => {
                                let from = ((n * height + row) * width + column) * channels + c;
                                map.add(0, from, to, share);
                            }
                            _ => map.add_constant(to, f64::from(sampling.fill_value) * share),
                        }
                    }
                }
            }
        }
        map
    }
}

/// The two pixels along an axis that a position of the resized image comes from, with their shares: half-pixel centres,
/// as TensorFlow.
fn resized(interpolation: Interpolation, position: usize, from: usize, to: usize) -> [(usize, f64); 2] {
    match interpolation {
        Interpolation::Nearest => {
            // In f32, which says what lies between two pixels belongs to which.
            let place = (position as f32 + 0.5) * (from as f32 / to as f32);
            let nearest = (place as usize).min(from - 1);
            [(nearest, 1.0), (nearest, 0.0)]
        }
        Interpolation::Bilinear => {
            let place = (position as f64 + 0.5) * from as f64 / to as f64 - 0.5;
            let share = place - place.floor();
            let pixel = |at: f64| at.clamp(0.0, (from - 1) as f64) as usize;
            [(pixel(place.floor()), 1.0 - share), (pixel(place.floor() + 1.0), share)]
        }
    }
}

/// The pixels along an axis around a place, with their shares; they may lie outside.
pub(super) fn neighbours(interpolation: Interpolation, place: f64) -> [(f64, f64); 2] {
    match interpolation {
        Interpolation::Nearest => [(place.round(), 1.0), (place.round(), 0.0)],
        Interpolation::Bilinear => {
            let share = place - place.floor();
            [(place.floor(), 1.0 - share), (place.floor() + 1.0, share)]
        }
    }
}

/// A place along an axis of `len` pixels brought inside by Keras' formulas; [`FillMode::Constant`] leaves it outside.
pub(super) fn inside(fill_mode: FillMode, place: f64, len: usize) -> f64 {
    let (len, last) = (len as f64, len as f64 - 1.0);
    let place = match fill_mode {
        FillMode::Constant => return place,
        FillMode::Reflect | FillMode::Wrap if last <= 0.0 => 0.0,
        FillMode::Reflect if place < 0.0 => {
            let below = place + 2.0 * len * (-place / (2.0 * len)).trunc();
            if below < -len { below + 2.0 * len } else { -below - 1.0 }
        }
        FillMode::Reflect if place > last => {
            let above = place - 2.0 * len * (place / (2.0 * len)).trunc();
            if above >= len { 2.0 * len - above - 1.0 } else { above }
        }
        FillMode::Wrap if place < 0.0 => place + len * ((-place / last).trunc() + 1.0),
        FillMode::Wrap if place > last => place - len * (place / last).trunc(),
        FillMode::Reflect | FillMode::Wrap | FillMode::Nearest => place,
    };
    place.clamp(0.0, last)
}
