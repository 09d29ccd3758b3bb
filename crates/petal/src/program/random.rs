//! Random operations: the ranges that they draw from, and the draws themselves.
//!
//! What is drawn depends on (seed, stream, epoch, sample) alone, so every engine draws the same, in any order of work.

use std::ops::Range;

use super::op::{FillMode, Interpolation};
use crate::random::{Generator, Key};

/// A part of each image, somewhere in it.
#[derive(Clone, Debug, PartialEq)]
pub struct RandomCrop {
    /// Where the draws come from.
    pub stream: String,
}

impl RandomCrop {
    /// Row and column where the part begins, for the image with this key.
    pub fn draw(image: [usize; 2], part: [usize; 2], key: u64) -> [usize; 2] {
        let generator = &mut generator(key);
        [0, 1].map(|axis| generator.below(image[axis] - part[axis] + 1))
    }
}

/// Affine maps of each image, one after the other, after which it is sampled once.
#[derive(Clone, Debug, PartialEq)]
pub struct RandomWarp {
    /// Each with the stream that it draws from.
    pub warps: Vec<(Warp, String)>,
}

/// A map of each image, from the pixels of the output to places in the input.
#[derive(Clone, Debug, PartialEq)]
pub enum Warp {
    /// A part of the image in the size of the whole.
    Crop {
        /// Range of the part's share of the pixels.
        scale: [f32; 2],
        /// Range of its width by its height, relative to the image's.
        ratio: [f32; 2],
        /// How it is sampled.
        sampling: Sampling,
    },
    /// Mirrored, along each axis with probability 1/2.
    Flip {
        /// Left and right may change places.
        horizontal: bool,
        /// Top and bottom may change places.
        vertical: bool,
    },
    /// Turned around the centre.
    Rotation {
        /// Range of the angle, in turns.
        turns: [f32; 2],
        /// How it is sampled.
        sampling: Sampling,
    },
    /// Rows pushed against each other, and columns.
    Shear {
        /// Range of the horizontal share.
        x: [f32; 2],
        /// Range of the vertical share.
        y: [f32; 2],
        /// How it is sampled.
        sampling: Sampling,
    },
    /// Moved.
    Translation {
        /// Range of the vertical way, as a share of the height.
        height: [f32; 2],
        /// Range of the horizontal way, as a share of the width.
        width: [f32; 2],
        /// How it is sampled.
        sampling: Sampling,
    },
    /// Enlarged or made smaller around the centre.
    Zoom {
        /// Range of what is added to 1 for the height.
        height: [f32; 2],
        /// The same for the width, which else follows the height.
        width: Option<[f32; 2]>,
        /// How it is sampled.
        sampling: Sampling,
    },
}

/// How values between and outside of the pixels are taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct Sampling {
    /// Outside.
    pub fill_mode: FillMode,
    /// The value outside for [`FillMode::Constant`].
    pub fill_value: f32,
    /// Between.
    pub interpolation: Interpolation,
}

impl Warp {
    /// The map `[a0, a1, a2, b0, b1, b2]` for the image with this key: the output's pixel at column `x` and row `y` is
    /// the input's value at column `a0 x + a1 y + a2` and row `b0 x + b1 y + b2`.
    pub fn draw(&self, size: [usize; 2], key: u64) -> [f32; 6] {
        let generator = &mut generator(key);
        let [height, width] = size;
        match *self {
            Warp::Crop { scale, ratio, .. } => {
                let [rows, columns] = part(scale, ratio, generator);
                let [top, left] = [rows, columns].map(|share| generator.uniform() * (1.0 - share));
                // The middles of pixels lie half a pixel from their edges.
                let offset = |start: f32, share: f32, size: usize| start * size as f32 + 0.5 * share - 0.5;
                [columns, 0.0, offset(left, columns, width), 0.0, rows, offset(top, rows, height)]
            }
            Warp::Flip { horizontal, vertical } => {
                let mut flips = |wanted| wanted && generator.uniform() <= 0.5;
                let (horizontal, vertical) = (flips(horizontal), flips(vertical));
                let axis = |flip, size: usize| if flip { (-1.0, size as f32 - 1.0) } else { (1.0, 0.0) };
                let ((a0, a2), (b1, b2)) = (axis(horizontal, width), axis(vertical, height));
                [a0, 0.0, a2, 0.0, b1, b2]
            }
            Warp::Rotation { turns, .. } => {
                let (sin, cos) = (uniform(turns, generator) * std::f32::consts::TAU).sin_cos();
                let [x, y] = [width, height].map(|size| (size as f32 - 1.0) / 2.0);
                [cos, -sin, x - x * cos + y * sin, sin, cos, y - x * sin - y * cos]
            }
            Warp::Shear { x, y, .. } => {
                let sign = if generator.uniform() > 0.5 { -1.0 } else { 1.0 };
                let [x, y] = [x, y].map(|range| sign * uniform(range, generator));
                [1.0, x, 0.0, y, 1.0, 0.0]
            }
            Warp::Translation { height: rows, width: columns, .. } => {
                let down = uniform(rows, generator) * height as f32;
                let right = uniform(columns, generator) * width as f32;
                [1.0, 0.0, -right, 0.0, 1.0, -down]
            }
            Warp::Zoom { height: rows, width: columns, .. } => {
                let y = 1.0 + uniform(rows, generator);
                let x = columns.map_or(y, |range| 1.0 + uniform(range, generator));
                let offset = |size: usize, zoom: f32| (size as f32 - 1.0) / 2.0 * (1.0 - zoom);
                [x, 0.0, offset(width, x), 0.0, y, offset(height, y)]
            }
        }
    }

    /// How the image is sampled; none for a flip, whose samples are the pixels themselves.
    pub fn sampling(&self) -> Option<Sampling> {
        match *self {
            Warp::Flip { .. } => None,
            Warp::Crop { sampling, .. }
            | Warp::Rotation { sampling, .. }
            | Warp::Shear { sampling, .. }
            | Warp::Translation { sampling, .. }
            | Warp::Zoom { sampling, .. } => Some(sampling),
        }
    }
}

impl RandomWarp {
    /// The map of all warps together, from the output of the last to the input of the first. `key` gives that of the
    /// image in a stream.
    pub fn draw(&self, size: [usize; 2], mut key: impl FnMut(&str) -> u64) -> [f32; 6] {
        let mut maps = self.warps.iter().map(|(warp, stream)| warp.draw(size, key(stream)));
        let first = maps.next().unwrap_or([1.0, 0.0, 0.0, 0.0, 1.0, 0.0]);
        maps.fold(first, compose)
    }

    /// How the image is sampled: as the first warp that says it.
    pub fn sampling(&self) -> Option<Sampling> {
        self.warps.iter().find_map(|(warp, _)| warp.sampling())
    }
}

/// The map of two warps, from the output of the last one to the input of the first.
pub fn compose(first: [f32; 6], last: [f32; 6]) -> [f32; 6] {
    let [a0, a1, a2, b0, b1, b2] = first;
    let [c0, c1, c2, d0, d1, d2] = last;
    let row = |x: f32, y: f32, offset: f32| [x * c0 + y * d0, x * c1 + y * d1, x * c2 + y * d2 + offset];
    let ([a0, a1, a2], [b0, b1, b2]) = (row(a0, a1, a2), row(b0, b1, b2));
    [a0, a1, a2, b0, b1, b2]
}

/// Shares of the height and of the width that a part has, with an area from `scale` and proportions from `ratio`.
fn part(scale: [f32; 2], ratio: [f32; 2], generator: &mut Generator) -> [f32; 2] {
    for _ in 0..10 {
        let area = uniform(scale, generator);
        // So that a part is as often wide as it is high.
        let ratio = uniform(ratio.map(f32::ln), generator).exp();
        let part = [(area / ratio).sqrt(), (area * ratio).sqrt()];
        if part.iter().all(|&share| share > 0.0 && share <= 1.0) {
            return part;
        }
    }
    // No such part lies within the image: the largest that has almost its proportions.
    let ratio = 1f32.max(ratio[0]).min(ratio[1]);
    [ratio.recip().min(1.0), ratio.min(1.0)]
}

/// Contrast or brightness of each image.
#[derive(Clone, Debug, PartialEq)]
pub struct RandomShift {
    /// Which of them.
    pub kind: Shift,
    /// The range of the factors of contrast, or of what brightness adds.
    pub amounts: [f32; 2],
    /// The range that values are clipped to.
    pub range: [f32; 2],
    /// Where the draws come from.
    pub stream: String,
}

/// What a [`RandomShift`] changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shift {
    /// `mean + (x - mean) · amount`, with the mean of each channel.
    Contrast,
    /// `x + amount`.
    Brightness,
}

impl RandomShift {
    /// The amount for the image with this key.
    pub fn draw(&self, key: u64) -> f32 {
        uniform(self.amounts, &mut generator(key))
    }
}

/// Changes of the colours of each image.
#[derive(Clone, Debug, PartialEq)]
pub struct RandomRecolor {
    /// What is drawn.
    pub kind: Recoloring,
    /// Where the draws come from.
    pub stream: String,
}

/// What a [`RandomRecolor`] draws.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Recoloring {
    /// Colours on their way to gray.
    Degenerate {
        /// Range of the share of gray.
        share: [f32; 2],
        /// The range that values are clipped to.
        range: [f32; 2],
    },
    /// Gray or as it was.
    Gray {
        /// Of gray.
        probability: f32,
    },
    /// Inverted or as it was.
    Invert {
        /// Range of the probability.
        probability: [f32; 2],
        /// What 0 becomes.
        high: f32,
    },
    /// Fewer bits.
    Posterize {
        /// The least number of bits, and the first that is too many.
        bits: [usize; 2],
        /// The range of values.
        range: [f32; 2],
    },
    /// What is above a threshold inverted.
    Solarize {
        /// Range of what is added before.
        addition: [f32; 2],
        /// Range of the threshold, in levels of 0 to 255.
        threshold: [f32; 2],
        /// The range of values.
        range: [f32; 2],
    },
}

/// How the colours of one image change.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Recolor {
    /// Not at all.
    Keep,
    /// Blended with their gray, `0.2989 r + 0.587 g + 0.114 b`.
    Gray {
        /// 0 for the image, 1 for gray.
        share: f32,
        /// The range that values are clipped to.
        range: [f32; 2],
    },
    /// `high - x`.
    Invert {
        /// What 0 becomes.
        high: f32,
    },
    /// The highest bits of eight.
    Posterize {
        /// How many.
        bits: u32,
        /// The range of values.
        range: [f32; 2],
    },
    /// Inverted where the sum is above the threshold.
    Solarize {
        /// What is added before.
        addition: f32,
        /// In levels of 0 to 255.
        threshold: f32,
        /// The range of values.
        range: [f32; 2],
    },
}

impl Recoloring {
    /// The change for the image with this key.
    pub fn draw(&self, key: u64) -> Recolor {
        let generator = &mut generator(key);
        match *self {
            Recoloring::Degenerate { share, range } => {
                Recolor::Gray { share: uniform(share, generator), range }
            }
            Recoloring::Gray { probability } => match generator.uniform() < probability {
                true => Recolor::Gray { share: 1.0, range: [f32::NEG_INFINITY, f32::INFINITY] },
                false => Recolor::Keep,
            },
            Recoloring::Invert { probability, high } => {
                let probability = uniform(probability, generator);
                if generator.uniform() < probability { Recolor::Invert { high } } else { Recolor::Keep }
            }
            Recoloring::Posterize { bits: [low, high], range } => {
                let bits = low + generator.below((high - low).max(1));
                Recolor::Posterize { bits: bits as u32, range }
            }
            Recoloring::Solarize { addition, threshold, range } => {
                let (addition, threshold) = (uniform(addition, generator), uniform(threshold, generator));
                Recolor::Solarize { addition, threshold, range }
            }
        }
    }
}

/// A rectangle of each image filled with a colour or noise.
#[derive(Clone, Debug, PartialEq)]
pub struct RandomErase {
    /// Range of the probability.
    pub probability: [f32; 2],
    /// Range of the share of the image, of which each side takes the root.
    pub share: [f32; 2],
    /// A colour, or normal noise clipped to the range.
    pub colour: Option<Vec<f32>>,
    /// The range of the noise, whose standard deviation is its upper end.
    pub range: [f32; 2],
    /// Where the draws come from; the noise draws from `noise` in it.
    pub stream: String,
}

impl RandomErase {
    /// Rows and columns of the rectangle in the image with this key, if it has one.
    pub fn draw(&self, size: [usize; 2], key: u64) -> Option<[Range<usize>; 2]> {
        let generator = &mut generator(key);
        let shares = size.map(|_| uniform(self.share, generator).sqrt());
        let rectangle = [0, 1].map(|axis| {
            let length = shares[axis] * size[axis] as f32;
            let start = generator.uniform() * (size[axis] as f32 - length);
            // A pixel belongs to it if its number lies between the ends.
            let [start, end] = [start, start + length].map(|end| (end.ceil() as usize).min(size[axis]));
            start..end
        });
        let probability = uniform(self.probability, generator);
        (generator.uniform() < probability).then_some(rectangle)
    }
}

/// Noise on each value.
#[derive(Clone, Debug, PartialEq)]
pub struct RandomNoise {
    /// Which.
    pub kind: Noise,
    /// Where the draws come from.
    pub stream: String,
}

/// What a [`RandomNoise`] does to a value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Noise {
    /// Adds a number of this standard deviation.
    Added {
        /// Of a normal distribution around 0.
        stddev: f32,
    },
    /// Multiplies by a number of mean 1 and this standard deviation.
    Multiplied {
        /// Of a normal distribution around 1.
        stddev: f32,
    },
    /// Sets a share of the values to SELU's lower bound.
    AlphaDropout {
        /// The share.
        rate: f32,
        /// How often each draw is used in a sample.
        repeats: usize,
    },
}

pub(super) fn generator(key: u64) -> Generator {
    Key::from_bits(key).generator()
}

pub(super) fn uniform([low, high]: [f32; 2], generator: &mut Generator) -> f32 {
    generator.uniform_in(low, high)
}
