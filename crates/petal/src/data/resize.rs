//! `tf.image.resize` with `antialias=False`, on 8-bit pixels.

use serde::{Deserialize, Serialize};

/// How a photo's pixels become those of the target size: TensorFlow's `tf.image.resize` without antialiasing, which is
/// what Keras' `image_dataset_from_directory` uses.
///
/// All are separable with half-pixel centres. Shrinking does not average (`Area` aside): bilinear looks at the two
/// nearest pixels of each axis, whatever the scale. [`Bicubic`](Self::Bicubic), the two Lanczos and
/// [`MitchellCubic`](Self::MitchellCubic) can leave 0..=255; what they give is clamped (Keras lets it pass), as all
/// resized pixels are rounded to 8 bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Interpolation {
    /// The nearest pixel.
    Nearest,
    /// Linear between the two nearest pixels of each axis. The default.
    #[default]
    Bilinear,
    /// Keys' cubic over four pixels (a = -0.5), its weights tabulated at 1/1024 of a pixel as TensorFlow's.
    Bicubic,
    /// The mean of the area that a target pixel covers.
    Area,
    /// Lanczos' windowed sinc of radius 3.
    Lanczos3,
    /// Lanczos' windowed sinc of radius 5.
    Lanczos5,
    /// A Gaussian of radius 1.5 and standard deviation 0.5.
    Gaussian,
    /// Mitchell and Netravali's cubic (B = C = 1/3).
    MitchellCubic,
}

impl Interpolation {
    /// Every interpolation, in Keras' order.
    pub const ALL: [Interpolation; 8] = {
        use Interpolation::*;
        [Bilinear, Nearest, Bicubic, Area, Lanczos3, Lanczos5, Gaussian, MitchellCubic]
    };

    /// Keras' name, for example `bilinear`.
    pub fn name(self) -> &'static str {
        match self {
            Interpolation::Nearest => "nearest",
            Interpolation::Bilinear => "bilinear",
            Interpolation::Bicubic => "bicubic",
            Interpolation::Area => "area",
            Interpolation::Lanczos3 => "lanczos3",
            Interpolation::Lanczos5 => "lanczos5",
            Interpolation::Gaussian => "gaussian",
            Interpolation::MitchellCubic => "mitchellcubic",
        }
    }
}

/// A rectangle of pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rectangle {
    pub top: usize,
    pub left: usize,
    pub height: usize,
    pub width: usize,
}

/// An 8-bit image, `[height, width, channels]`.
#[derive(Clone, Copy)]
pub(super) struct Pixels<'a> {
    pub data: &'a [u8],
    pub width: usize,
    pub channels: usize,
}

/// Resizes the rectangle `from` of `source` into the rectangle `to` of `target`, which is `target_width` pixels wide
/// and has the source's channels. `row` is scratch.
pub(super) fn resize(
    interpolation: Interpolation,
    source: Pixels,
    from: Rectangle,
    target: &mut [u8],
    target_width: usize,
    to: Rectangle,
    row: &mut Vec<f32>,
) {
    let rows = Taps::new(interpolation, from.height, to.height);
    let columns = Taps::new(interpolation, from.width, to.width);
    let channels = source.channels;
    let length = from.width * channels;
    // The kernel for pairs of columns reads eight values a pixel.
    row.resize(length + 8, 0.0);
    let column_pairs = columns.pairs();
    for y in 0..to.height {
        // Rows first: contiguous, and the columns are then gathered from as few pixels as there will be.
        blend_rows(source, from, &rows, y, &mut row[..length]);
        let start = ((to.top + y) * target_width + to.left) * channels;
        let out = &mut target[start..start + to.width * channels];
        match (channels, &column_pairs) {
            (1, Some(pairs)) => petal_kernels::blend_columns::<1>(row, pairs, out),
            (3, Some(pairs)) => petal_kernels::blend_columns::<3>(row, pairs, out),
            (_, Some(pairs)) => petal_kernels::blend_columns::<4>(row, pairs, out),
            (1, None) => blend_columns::<1>(row, &columns, out),
            (3, None) => blend_columns::<3>(row, &columns, out),
            (_, None) => blend_columns::<4>(row, &columns, out),
        }
    }
}

/// Row `y` of the target before its columns are resized.
fn blend_rows(source: Pixels, from: Rectangle, rows: &Taps, y: usize, row: &mut [f32]) {
    let length = row.len();
    let source_row = |i: usize| {
        let start = ((from.top + i) * source.width + from.left) * source.channels;
        &source.data[start..start + length]
    };
    let (first, weights) = rows.at(y);
    if let [a, b] = *weights {
        petal_kernels::blend_rows([a, b], [source_row(first), source_row(first + 1)], row);
        return;
    }
    row.fill(0.0);
    for (i, &weight) in weights.iter().enumerate().filter(|(_, weight)| **weight != 0.0) {
        for (out, &p) in row.iter_mut().zip(source_row(first + i)) {
            *out += weight * f32::from(p);
        }
    }
}

fn blend_columns<const CHANNELS: usize>(row: &[f32], columns: &Taps, out: &mut [u8]) {
    let (pixels, _) = row.as_chunks::<CHANNELS>();
    let (out, _) = out.as_chunks_mut::<CHANNELS>();
    for (x, out) in out.iter_mut().enumerate() {
        let (first, weights) = columns.at(x);
        let mut sum = [0.0; CHANNELS];
        for (&weight, pixel) in weights.iter().zip(&pixels[first..first + weights.len()]) {
            for (sum, value) in sum.iter_mut().zip(pixel) {
                *sum += weight * value;
            }
        }
        // The cast saturates, so this rounds to the nearest and clamps.
        *out = sum.map(|value| (value + 0.5) as u8);
    }
}

/// For each target pixel of one axis, the source pixels it is made of.
struct Taps {
    first: Vec<usize>,
    weights: Vec<f32>,
    /// Weights per target pixel; those that a pixel does not need are 0.
    count: usize,
}

impl Taps {
    fn at(&self, target: usize) -> (usize, &[f32]) {
        (self.first[target], &self.weights[target * self.count..][..self.count])
    }

    /// The taps of a resize that blends two source pixels, none of them negative.
    fn pairs(&self) -> Option<Vec<(usize, [f32; 2])>> {
        let (pairs, rest) = self.weights.as_chunks::<2>();
        let blends = self.count == 2 && rest.is_empty() && self.weights.iter().all(|&weight| weight >= 0.0);
        blends.then(|| self.first.iter().copied().zip(pairs.iter().copied()).collect())
    }

    /// The formulas are those of TensorFlow's kernels, in f32 as there.
    fn new(interpolation: Interpolation, source: usize, target: usize) -> Taps {
        let scale = source as f32 / target as f32;
        match interpolation {
            Interpolation::Nearest => Taps::collect(source, target, |i| {
                let nearest = ((i as f32 + 0.5) * scale).floor() as usize;
                (nearest.min(source - 1) as isize, vec![1.0])
            }),
            Interpolation::Bilinear => Taps::collect(source, target, |i| {
                let position = (i as f32 + 0.5) * scale - 0.5;
                let weight = position - position.floor();
                (position.floor() as isize, vec![1.0 - weight, weight])
            }),
            Interpolation::Bicubic => Taps::collect(source, target, |i| bicubic(i, scale, source)),
            Interpolation::Area => Taps::collect(source, target, |i| {
                let (start, end) = (i as f32 * scale, (i + 1) as f32 * scale);
                let covered = |pixel: isize| {
                    let (left, right) = (pixel as f32, (pixel + 1) as f32);
                    (right.min(end) - left.max(start)) / scale
                };
                let first = start.floor() as isize;
                (first, (first..end.ceil() as isize).map(covered).collect())
            }),
            Interpolation::Lanczos3 => Taps::filter(source, target, 3.0, |x| lanczos(x, 3.0)),
            Interpolation::Lanczos5 => Taps::filter(source, target, 5.0, |x| lanczos(x, 5.0)),
            Interpolation::Gaussian => Taps::filter(source, target, 1.5, |x| (-2.0 * x * x).exp()),
            Interpolation::MitchellCubic => Taps::filter(source, target, 2.0, mitchell_cubic),
        }
    }

    /// Taps that weigh the source pixels within `radius` by `weight` of their distance and are normalised to sum 1:
    /// TensorFlow's `ScaleAndTranslate`.
    fn filter(source: usize, target: usize, radius: f32, weight: impl Fn(f32) -> f32) -> Taps {
        // TensorFlow divides by the rounded inverse.
        let scale = 1.0 / (target as f32 / source as f32);
        Taps::collect(source, target, |i| {
            let position = (i as f32 + 0.5) * scale;
            let last = source as isize - 1;
            let first = ((position - radius - 0.5).ceil() as isize).clamp(0, last);
            let end = ((position + radius - 0.5).floor() as isize).clamp(0, last) + 1;
            let weights = (first..end).map(|pixel| weight((pixel as f32 + 0.5 - position).abs()));
            (first, normalised(weights.collect()))
        })
    }

    /// `tap` gives each target pixel's first source pixel and the weights from there on; what lies outside the source
    /// counts for the pixel at its border.
    fn collect(source: usize, target: usize, tap: impl Fn(usize) -> (isize, Vec<f32>)) -> Taps {
        let taps: Vec<_> = (0..target).map(tap).collect();
        let longest = taps.iter().map(|(_, weights)| weights.len()).max().unwrap_or(1);
        let count = longest.min(source);
        let mut all = Taps { first: Vec::with_capacity(target), weights: vec![0.0; target * count], count };
        for ((first, weights), out) in taps.iter().zip(all.weights.chunks_exact_mut(count)) {
            let start = (*first).clamp(0, (source - count) as isize);
            for (i, weight) in weights.iter().enumerate() {
                let pixel = (first + i as isize).clamp(0, source as isize - 1);
                out[(pixel - start) as usize] += weight;
            }
            all.first.push(start as usize);
        }
        all
    }
}

fn bicubic(i: usize, scale: f32, source: usize) -> (isize, Vec<f32>) {
    const STEPS: f32 = 1024.0;
    let position = (i as f32 + 0.5) * scale - 0.5;
    let first = position.floor() as isize - 1;
    let fraction = ((position - position.floor()) * STEPS).round_ties_even() / STEPS;
    let weight = |(tap, distance): (isize, f32)| {
        // Pixels outside the picture count for nothing, and the others make up for them.
        if (0..source as isize).contains(&(first + tap)) { keys_cubic(distance) } else { 0.0 }
    };
    let distances = [(0, 1.0 + fraction), (1, fraction), (2, 1.0 - fraction), (3, 2.0 - fraction)];
    (first, normalised(distances.into_iter().map(weight).collect()))
}

fn normalised(mut weights: Vec<f32>) -> Vec<f32> {
    let sum: f32 = weights.iter().sum();
    if sum.abs() >= 1000.0 * f32::MIN_POSITIVE {
        weights.iter_mut().for_each(|weight| *weight /= sum);
    }
    weights
}

fn keys_cubic(x: f32) -> f32 {
    if x <= 1.0 { (1.5 * x - 2.5) * x * x + 1.0 } else { ((-0.5 * x + 2.5) * x - 4.0) * x + 2.0 }
}

fn mitchell_cubic(x: f32) -> f32 {
    if x >= 2.0 {
        0.0
    } else if x >= 1.0 {
        ((-7.0 / 18.0 * x + 2.0) * x - 10.0 / 3.0) * x + 16.0 / 9.0
    } else {
        (7.0 / 6.0 * x - 2.0) * x * x + 8.0 / 9.0
    }
}

fn lanczos(x: f32, radius: f32) -> f32 {
    use std::f32::consts::PI;
    if x > radius {
        0.0
    } else if x <= 1e-3 {
        1.0
    } else {
        radius * (PI * x).sin() * (PI * x / radius).sin() / (PI * PI * x * x)
    }
}
