//! Changes of colours. All but the automatic contrast are affine maps around an image: clipped values are constants.

use super::Affine;
use super::layout::image;
use super::step::{Call, Derivatives};
use crate::program::{RandomRecolor, RandomShift, Recolor, Shift};

/// The luma's shares of red, green and blue (ITU-R BT.601, as TensorFlow rounds them).
const LUMA: [f64; 3] = [0.2989, 0.587, 0.114];

impl Call<'_> {
    pub(super) fn random_shift(&self, shift: &RandomShift) -> Affine {
        let [height, width, channels] = image(self.output);
        let pixels = height * width;
        let mut map = Affine::new(self.outputs());
        for (n, key) in self.run.keys(&shift.stream).enumerate() {
            let amount = f64::from(shift.draw(key));
            for i in 0..pixels * channels {
                let place = n * pixels * channels + i;
                match shift.kind {
                    Shift::Brightness => self.clipped(&mut map, place, shift.range, &[(place, 1.0)], amount),
                    Shift::Contrast => {
                        let of_mean = (1.0 - amount) / pixels as f64;
                        let pixel = |pixel: usize| (n * pixels + pixel) * channels + i % channels;
                        let mut taps: Vec<_> = (0..pixels).map(|p| (pixel(p), of_mean)).collect();
                        taps.push((place, amount));
                        self.clipped(&mut map, place, shift.range, &taps, 0.0);
                    }
                }
            }
        }
        map
    }

    pub(super) fn random_recolor(&self, recolor: &RandomRecolor) -> Affine {
        let (channels, elements) = (self.channels(), self.output.elements());
        let mut map = Affine::new(self.outputs());
        for (n, key) in self.run.keys(&recolor.stream).enumerate() {
            let recolor = recolor.kind.draw(key);
            for place in n * elements..(n + 1) * elements {
                match recolor {
                    Recolor::Keep => map.add(0, place, place, 1.0),
                    Recolor::Gray { share, range } => {
                        let (share, pixel) = (f64::from(share), place / channels * channels);
                        let mut taps = vec![(place, 1.0 - share)];
                        taps.extend((pixel..pixel + channels).zip(LUMA).map(|(at, luma)| (at, share * luma)));
                        self.clipped(&mut map, place, range, &taps, 0.0);
                    }
                    Recolor::Invert { high } => {
                        map.add(0, place, place, -1.0);
                        map.add_constant(place, high.into());
                    }
                    Recolor::Posterize { bits, range } => {
                        let [low, width] = low_and_width(range);
                        // A cast to bytes cuts off the fraction and stays within 0 and 255.
                        let byte = (to_bytes(self.inputs[0][place], range) as u8) & (!0u8 << (8 - bits));
                        map.add_constant(place, f64::from(byte) / 255.0 * width + low);
                    }
                    Recolor::Solarize { addition, threshold, range } => {
                        self.solarized(&mut map, place, addition, threshold, range);
                    }
                }
            }
        }
        map
    }

    fn solarized(&self, map: &mut Affine, place: usize, addition: f32, threshold: f32, range: [f32; 2]) {
        let [low, width] = low_and_width(range);
        let moved = to_bytes(self.inputs[0][place], range) + f64::from(addition);
        let clipped = moved.clamp(0.0, 255.0);
        let negative = clipped >= f64::from(threshold);
        if moved == clipped {
            let (slope, end) = if negative { (-1.0, 255.0) } else { (1.0, 0.0) };
            map.add(0, place, place, slope);
            let offset = end + slope * (f64::from(addition) - low / width * 255.0);
            map.add_constant(place, offset / 255.0 * width + low);
        } else {
            let value = if negative { 255.0 - clipped } else { clipped };
            map.add_constant(place, value / 255.0 * width + low);
        }
    }

    /// The sum of the taps, `(place, factor)`, and a constant; the range's end where it lies outside.
    fn clipped(&self, map: &mut Affine, to: usize, range: [f32; 2], taps: &[(usize, f64)], constant: f64) {
        let [low, high] = range.map(f64::from);
        let value = taps.iter().map(|&(from, factor)| factor * self.inputs[0][from]).sum::<f64>() + constant;
        if value < low {
            map.add_constant(to, low);
        } else if value > high {
            map.add_constant(to, high);
        } else {
            taps.iter().for_each(|&(from, factor)| map.add(0, from, to, factor));
            map.add_constant(to, constant);
        }
    }

    pub(super) fn auto_contrast(&self, range: [f32; 2]) -> Vec<f64> {
        let [start, width] = low_and_width(range);
        let mut output = self.inputs[0].to_vec();
        for places in self.planes() {
            let [low, high] = self.bounds(&places);
            if high > low {
                places.iter().for_each(|&i| output[i] = (output[i] - low) / (high - low) * width + start);
            }
        }
        output
    }

    /// What goes to the smallest and the largest value is shared by all pixels that have it.
    pub(super) fn auto_contrast_backward(&self, range: [f32; 2], dy: &[f64]) -> Derivatives {
        let (x, [_, width]) = (self.inputs[0], low_and_width(range));
        let mut d_input = dy.to_vec();
        for places in self.planes() {
            let [low, high] = self.bounds(&places);
            if high <= low {
                continue;
            }
            let count = |end: f64| places.iter().filter(|&&i| x[i] == end).count() as f64;
            let (of_low, of_high) = (count(low), count(high));
            let scale = width / (high - low);
            let to_low: f64 = places.iter().map(|&i| dy[i] * (x[i] - high) / (high - low)).sum();
            let to_high: f64 = places.iter().map(|&i| -dy[i] * (x[i] - low) / (high - low)).sum();
            for &i in &places {
                let share = |end: f64, sum: f64| if x[i] == end { sum } else { 0.0 };
                d_input[i] = scale * (dy[i] + share(low, to_low / of_low) + share(high, to_high / of_high));
            }
        }
        Derivatives::of_input(d_input)
    }

    /// The places of each image's and channel's values.
    fn planes(&self) -> Vec<Vec<usize>> {
        let [height, width, channels] = image(self.output);
        let image = height * width * channels;
        let plane =
            |i: usize| (0..height * width).map(move |p| i / channels * image + p * channels + i % channels);
        (0..self.samples() * channels).map(|i| plane(i).collect()).collect()
    }

    /// The smallest and the largest value.
    fn bounds(&self, places: &[usize]) -> [f64; 2] {
        let values = places.iter().map(|&i| self.inputs[0][i]);
        values.fold([f64::INFINITY, f64::NEG_INFINITY], |[low, high], x| [low.min(x), high.max(x)])
    }
}

fn low_and_width([low, high]: [f32; 2]) -> [f64; 2] {
    [f64::from(low), f64::from(high) - f64::from(low)]
}

/// From `range` to 0 to 255.
fn to_bytes(value: f64, range: [f32; 2]) -> f64 {
    let [low, width] = low_and_width(range);
    (value - low) / width * 255.0
}
