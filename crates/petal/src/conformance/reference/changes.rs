//! Chains of changes of an image. No gradients go through, so that the result is a constant.

use super::Affine;
use super::image::{inside, neighbours};
use super::layout::{image, pixels};
use super::step::Call;
use crate::program::{Change, RandomChanges, Recolor, Sampling, Shift};

/// The luma's shares of red, green and blue.
const LUMA: [f64; 3] = [0.2989, 0.587, 0.114];

impl Call<'_> {
    pub(super) fn random_changes(&self, changes: &RandomChanges) -> Affine {
        let ([height, width, channels], len) = (image(self.output), self.output.elements());
        let mut map = Affine::new(self.outputs());
        for (n, key) in self.run.keys(&changes.stream).enumerate() {
            let mut values = self.inputs[0][n * len..][..len].to_vec();
            for change in changes.draw([height, width], key) {
                values = changed(&change, [height, width, channels], &values);
            }
            values.into_iter().enumerate().for_each(|(i, value)| map.add_constant(n * len + i, value));
        }
        map
    }
}

fn changed(change: &Change, size: [usize; 3], x: &[f64]) -> Vec<f64> {
    let [height, width, channels] = size;
    match change {
        Change::Warp { map, sampling } => {
            let [a0, a1, a2, b0, b1, b2] = map.map(f64::from);
            sampled(*sampling, size, x, |x, y| Some([a0 * x + a1 * y + a2, b0 * x + b1 * y + b2]))
        }
        Change::Perspective { map, sampling } => {
            let [a0, a1, a2, b0, b1, b2, c0, c1] = map.map(f64::from);
            sampled(*sampling, size, x, |x, y| {
                let divisor = c0 * x + c1 * y + 1.0;
                let place = [(a0 * x + a1 * y + a2) / divisor, (b0 * x + b1 * y + b2) / divisor];
                (divisor > 0.0).then_some(place)
            })
        }
        Change::Shift { kind: Shift::Brightness, amount, range } => {
            x.iter().map(|x| clip(x + f64::from(*amount), *range)).collect()
        }
        Change::Shift { kind: Shift::Contrast, amount, range } => by_channel(channels, x, |x| {
            let mean = x.iter().sum::<f64>() / x.len() as f64;
            x.iter().map(|x| clip((x - mean) * f64::from(*amount) + mean, *range)).collect()
        }),
        Change::Scale { factor, range } => x.iter().map(|x| clip(x * f64::from(*factor), *range)).collect(),
        Change::Recolor(recolor) => recolored(*recolor, channels, x),
        Change::Hue { turn, range } => by_pixel(x, |x| {
            let [low, width] = low_and_width(*range);
            let [hue, saturation, value] = to_hsv(x.map(|x| (x - low) / width));
            let hue = (hue + f64::from(*turn)).rem_euclid(1.0);
            from_hsv([hue, saturation, value]).map(|y| y.clamp(0.0, 1.0) * width + low)
        }),
        Change::Saturation { factor, range } => by_pixel(x, |x| {
            let [hue, saturation, value] = to_hsv(x);
            from_hsv([hue, clip(saturation * f64::from(*factor), *range), value])
        }),
        Change::Filter { size: [rows, columns], kernel, range } => pixels(size)
            .map(|(y, x_at, c)| {
                let mut sum = 0.0;
                for (i, weight) in kernel.iter().enumerate() {
                    let from_y = (y + i / columns).wrapping_sub((rows - 1) / 2);
                    let from_x = (x_at + i % columns).wrapping_sub((columns - 1) / 2);
                    if from_y < height && from_x < width {
                        sum += f64::from(*weight) * x[(from_y * width + from_x) * channels + c];
                    }
                }
                clip(sum, *range)
            })
            .collect(),
        Change::AutoContrast { range } => by_channel(channels, x, |x| {
            let [low, width] = low_and_width(*range);
            let least = x.iter().copied().fold(f64::INFINITY, f64::min);
            let most = x.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let stretched = |x: &f64| (x - least) / (most - least) * width + low;
            if most > least { x.iter().map(stretched).collect() } else { x.to_vec() }
        }),
        Change::Equalize { bins, range } => by_channel(channels, x, |x| equalized(*bins, *range, x)),
    }
}

/// Samples where `place` says, at the column and the row of the output; none has the fill value.
fn sampled(
    sampling: Sampling,
    [height, width, channels]: [usize; 3],
    x: &[f64],
    place: impl Fn(f64, f64) -> Option<[f64; 2]>,
) -> Vec<f64> {
    let fill = f64::from(sampling.fill_value);
    let sample = |(row, column, c): (usize, usize, usize)| {
        let Some([column, row]) = place(column as f64, row as f64) else { return fill };
        let column = inside(sampling.fill_mode, column, width);
        let row = inside(sampling.fill_mode, row, height);
        let mut sum = 0.0;
        for (row, row_share) in neighbours(sampling.interpolation, row) {
            for (column, share) in neighbours(sampling.interpolation, column) {
                let is_inside = (0.0..height as f64).contains(&row) && (0.0..width as f64).contains(&column);
                let from = (row.max(0.0) as usize * width + column.max(0.0) as usize) * channels + c;
                sum += row_share * share * if is_inside { x[from] } else { fill };
            }
        }
        sum
    };
    pixels([height, width, channels]).map(sample).collect()
}

fn recolored(recolor: Recolor, channels: usize, x: &[f64]) -> Vec<f64> {
    let each = |f: &dyn Fn(f64) -> f64| x.iter().map(|&x| f(x)).collect();
    match recolor {
        Recolor::Keep => x.to_vec(),
        Recolor::Gray { share, range } => x
            .iter()
            .enumerate()
            .map(|(i, value)| {
                let pixel = &x[i / channels * channels..][..channels];
                let gray: f64 = pixel.iter().zip(LUMA).map(|(x, luma)| x * luma).sum();
                clip(value + f64::from(share) * (gray - value), range)
            })
            .collect(),
        Recolor::Invert { high } => each(&|x| f64::from(high) - x),
        Recolor::Posterize { bits, range } => {
            let [low, width] = low_and_width(range);
            each(&|x| {
                let byte = ((x - low) / width * 255.0) as u8 & (!0u8 << (8 - bits));
                f64::from(byte) / 255.0 * width + low
            })
        }
        Recolor::Solarize { addition, threshold, range } => {
            let [low, width] = low_and_width(range);
            each(&|x| {
                let moved = clip((x - low) / width * 255.0 + f64::from(addition), [0.0, 255.0]);
                let y = if moved < f64::from(threshold) { moved } else { 255.0 - moved };
                y / 255.0 * width + low
            })
        }
    }
}

/// The values of one channel.
fn equalized(bins: usize, range: [f32; 2], x: &[f64]) -> Vec<f64> {
    let [low, width] = low_and_width(range);
    let last = bins as f64 - 1.0;
    let bin = |x: &f64| ((x - low) / width * last).clamp(0.0, last) as usize;
    let mut histogram = vec![0usize; bins];
    x.iter().for_each(|x| histogram[bin(x)] += 1);
    let Some(first) = histogram.iter().copied().find(|&count| count > 0 && count < x.len()) else {
        return x.to_vec();
    };
    let spread = |x: &f64| {
        let before: usize = histogram[..=bin(x)].iter().sum();
        let share = (before - first) as f64 * 255.0 / (histogram.iter().sum::<usize>() - first) as f64;
        share.round_ties_even() / 255.0 * width + low
    };
    x.iter().map(spread).collect()
}

fn by_channel(channels: usize, x: &[f64], f: impl Fn(&[f64]) -> Vec<f64>) -> Vec<f64> {
    let mut y = vec![0.0; x.len()];
    for c in 0..channels {
        let values: Vec<f64> = x.iter().skip(c).step_by(channels).copied().collect();
        y.iter_mut().skip(c).step_by(channels).zip(f(&values)).for_each(|(y, value)| *y = value);
    }
    y
}

fn by_pixel(x: &[f64], f: impl Fn([f64; 3]) -> [f64; 3]) -> Vec<f64> {
    x.chunks_exact(3).flat_map(|x| f([x[0], x[1], x[2]])).collect()
}

fn to_hsv([red, green, blue]: [f64; 3]) -> [f64; 3] {
    let value = red.max(green).max(blue);
    let range = value - red.min(green).min(blue);
    let hue = if range <= 0.0 {
        0.0
    } else if red == value {
        (green - blue) / range
    } else if green == value {
        (blue - red) / range + 2.0
    } else {
        (red - green) / range + 4.0
    };
    [(hue / 6.0).rem_euclid(1.0), if value > 0.0 { range / value } else { 0.0 }, value]
}

fn from_hsv([hue, saturation, value]: [f64; 3]) -> [f64; 3] {
    let shares =
        [(6.0 * hue - 3.0).abs() - 1.0, 2.0 - (6.0 * hue - 2.0).abs(), 2.0 - (6.0 * hue - 4.0).abs()];
    shares.map(|share| (1.0 - saturation + saturation * share.clamp(0.0, 1.0)) * value)
}

fn clip(value: f64, [low, high]: [f32; 2]) -> f64 {
    value.max(low.into()).min(high.into())
}

fn low_and_width([low, high]: [f32; 2]) -> [f64; 2] {
    [f64::from(low), f64::from(high) - f64::from(low)]
}
