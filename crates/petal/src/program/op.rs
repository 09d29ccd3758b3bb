//! The operations of a program: plain settings, all shapes in the values that they read and write.

use super::changes::RandomChanges;
use super::mix::RandomMix;
use super::random::{RandomCrop, RandomErase, RandomNoise, RandomRecolor, RandomShift, RandomWarp};

/// The number of a value: of its shape in [`Program::values`](super::Program::values).
pub type Value = usize;

/// The number of a weight in [`Program::weights`](super::Program::weights).
pub type WeightNumber = usize;

/// What a step computes of its inputs. Shapes are those of one sample; images are `[height, width, channels]`.
///
/// "Rows" are what a sample is cut into along its last values: a `Softmax { features: 5 }` of a `[10, 5]` has ten.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Op {
    /// The input's values in another shape.
    Reshape,
    /// The sum of two or more inputs of one shape.
    Add,
    /// The product of two or more inputs. The values of one with fewer than the output, whose last axes it has, are
    /// taken over and over; a channel's mean `[1, 1, channels]` for instance.
    Multiply,
    /// The largest of two or more inputs, value by value.
    Maximum,
    /// The smallest.
    Minimum,
    /// The inputs one after the other along this axis of the sample.
    Concatenate {
        /// Counted without the batch.
        axis: usize,
    },
    /// Axis `i` of the output is axis `order[i]` of the input.
    Transpose {
        /// Counted without the batch.
        order: Vec<usize>,
    },
    /// The last axis backwards.
    ReverseChannels,
    /// `x · scale + offset`.
    Scale {
        /// The factor.
        scale: f32,
        /// What is added.
        offset: f32,
    },
    /// `x · scale + offset` with numbers for each of a row's values.
    ChannelAffine {
        /// The factors.
        scale: Vec<f32>,
        /// What is added.
        offset: Vec<f32>,
    },
    /// `(x - mean) / max(√variance, 1e-7)`, the means and variances being weights.
    NormalizeByWeights {
        /// The means.
        mean: WeightNumber,
        /// The variances.
        variance: WeightNumber,
        /// For each of a row's values the number of its mean and variance.
        places: Vec<usize>,
        /// The way back instead: `x · max(√variance, 1e-7) + mean`.
        invert: bool,
    },
    /// `x · gamma + beta`, with weights for each of a row's values.
    ChannelScale {
        /// Ones if there is none.
        gamma: Option<WeightNumber>,
        /// Zeros if there is none.
        beta: Option<WeightNumber>,
    },
    /// A function of each value.
    Unary(Unary),
    /// ReLU whose slopes below 0 are weights, one for each of a row's values.
    Prelu {
        /// The slopes.
        alpha: WeightNumber,
    },
    /// `exp(x) / Σ exp(x)` over each row.
    Softmax {
        /// A row's values.
        features: usize,
    },
    /// `ln(softmax(x))` over each row.
    LogSoftmax {
        /// A row's values.
        features: usize,
    },
    /// Convolution of images.
    Conv2d(Conv2d),
    /// Convolution of each channel by itself.
    DepthwiseConv2d(Conv2d),
    /// The product of each row with a matrix.
    Dense(Dense),
    /// Batch normalization.
    BatchNorm(BatchNorm),
    /// Normalization of each row.
    LayerNorm(LayerNorm),
    /// The largest value of each window.
    MaxPool(Window),
    /// The mean of each window; padding does not count.
    AveragePool(Window),
    /// The mean of each channel over all pixels.
    GlobalAveragePool,
    /// The largest value of each channel over all pixels.
    GlobalMaxPool,
    /// Zeros around an image.
    Pad(Padding),
    /// A part of the image, of the output's size.
    Crop {
        /// Row and column where it begins.
        start: [usize; 2],
    },
    /// The image in the output's size.
    Resize {
        /// How pixels between pixels are made.
        interpolation: Interpolation,
    },
    /// Each channel of each image stretched to a range.
    AutoContrast {
        /// The range.
        range: [f32; 2],
    },
    /// A part of the image, of the output's size, somewhere.
    RandomCrop(RandomCrop),
    /// Random affine maps, one after the other, after which the image is sampled once.
    RandomWarp(RandomWarp),
    /// Random contrast or brightness.
    RandomShift(RandomShift),
    /// Random changes of colours, pixel by pixel.
    RandomRecolor(RandomRecolor),
    /// Random rectangles filled with a colour or noise.
    RandomErase(RandomErase),
    /// Random changes one after the other; no gradients go through.
    RandomChanges(RandomChanges),
    /// Images mixed with others of their batch.
    RandomMix(RandomMix),
    /// Values set to 0, the others enlarged so that the mean stays.
    Dropout {
        /// The share of values that are set to 0.
        rate: f32,
        /// How often each draw is used in a sample: 1, or the number of pixels where whole channels are dropped.
        repeats: usize,
        /// Where the draws come from: see [`Run::keys`](super::Run::keys).
        stream: String,
    },
    /// Gaussian noise, dropout by it, and dropout for SELU.
    RandomNoise(RandomNoise),
    /// Rounded to a grid of 256 numbers: `(clamp(round(x / scale) + zero_point, 0, 255) - zero_point) · scale`, halves
    /// to the even number. Its gradient goes straight through.
    FakeQuantize(Grid),
}

/// A convolution, `kernel * x + bias`, then the normalization if there is one.
///
/// The kernel has the shape `[height, width, channels / groups, filters]`, or `[height, width, channels, multiplier]`
/// where each channel is convolved by itself, with output channel `channel · multiplier + i`.
#[derive(Clone, Debug, PartialEq)]
pub struct Conv2d {
    /// The kernel.
    pub kernel: WeightNumber,
    /// One number an output channel.
    pub bias: Option<WeightNumber>,
    /// Steps of the window, down and to the right.
    pub strides: [usize; 2],
    /// Distances of neighbouring cells of the window.
    pub dilation: [usize; 2],
    /// Zeros around the image.
    pub padding: Padding,
    /// Parts that the channels are cut into, each with filters of its own; 1 where each channel is convolved by itself.
    pub groups: usize,
    /// A batch normalization of the output, whose statistics are the moving ones.
    pub norm: Option<BatchNorm>,
}

/// `x · kernel + bias` for each row, then the normalization if there is one; the kernel is `[inputs, units]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Dense {
    /// The matrix.
    pub kernel: WeightNumber,
    /// One number a unit.
    pub bias: Option<WeightNumber>,
    /// A batch normalization of the output, whose statistics are the moving ones.
    pub norm: Option<BatchNorm>,
}

/// `gamma · (x - mean) / √(variance + epsilon) + beta` for each value of the last axis.
#[derive(Clone, Debug, PartialEq)]
pub struct BatchNorm {
    /// Added to the variance.
    pub epsilon: f32,
    /// With one, mean and variance are those of the batch, and the moving ones become
    /// `moving · momentum + batch · (1 - momentum)`; without one they are the moving ones, which stay.
    pub momentum: Option<f32>,
    /// Whether training leaves the layer as it is, its moving statistics too.
    pub fixed: bool,
    /// Ones if there is none.
    pub gamma: Option<WeightNumber>,
    /// Zeros if there is none.
    pub beta: Option<WeightNumber>,
    /// The moving mean.
    pub mean: WeightNumber,
    /// The moving variance.
    pub variance: WeightNumber,
}

/// `gamma · (x - mean) / √(variance + epsilon) + beta` with the mean and variance of each row.
#[derive(Clone, Debug, PartialEq)]
pub struct LayerNorm {
    /// A row's values.
    pub features: usize,
    /// Added to the variance.
    pub epsilon: f32,
    /// Without, the mean is not subtracted, and the variance is the mean square.
    pub centered: bool,
    /// Ones if there is none.
    pub gamma: Option<WeightNumber>,
    /// Zeros if there is none.
    pub beta: Option<WeightNumber>,
}

/// The numbers that 8 bits stand for: `scale · (byte - zero_point)`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Grid {
    /// The distance of two neighbours.
    pub scale: f32,
    /// The byte that stands for 0.
    pub zero_point: u8,
}

impl Grid {
    /// What a byte stands for.
    pub fn number(&self, byte: u8) -> f32 {
        (f32::from(byte) - f32::from(self.zero_point)) * self.scale
    }

    /// The grid that 0 and all numbers from `low` to `high` are within.
    pub fn of_range([low, high]: [f32; 2]) -> Grid {
        let (low, high) = (low.min(0.0), high.max(0.0));
        let scale = (high - low) / 255.0;
        if !scale.is_normal() {
            // All are 0.
            return Grid { scale: 1.0, zero_point: 0 };
        }
        // Steps so wide that both ends stay within the grid, with so many of them below 0. Without, pixels of -1 to 1
        // would each lie in the middle of two numbers.
        let steps = |end: f32, count: f32| if end > 0.0 { end / count } else { 0.0 };
        let wide_enough = |below: f32| steps(-low, below).max(steps(high, 255.0 - below));
        let [fewer, more] = [(-low / scale).floor(), (-low / scale).ceil().min(255.0)];
        let below = if wide_enough(fewer) <= wide_enough(more) { fewer } else { more };
        Grid { scale: wide_enough(below), zero_point: below as u8 }
    }
}

/// Windows of a pooling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Height and width.
    pub size: [usize; 2],
    /// Steps, down and to the right.
    pub strides: [usize; 2],
    /// Cells around the image, which take no part.
    pub padding: Padding,
}

/// Rows and columns around an image.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Padding {
    /// Rows above.
    pub top: usize,
    /// Rows below.
    pub bottom: usize,
    /// Columns to the left.
    pub left: usize,
    /// Columns to the right.
    pub right: usize,
}

impl Padding {
    /// TensorFlow's `"same"` padding: the output has `ceil(size / strides)` windows; of an odd total the larger half
    /// goes to the bottom and right. `window` is the size after dilation.
    pub fn same(image: [usize; 2], window: [usize; 2], strides: [usize; 2]) -> Padding {
        let [rows, columns] = [0, 1].map(|i| {
            let windows = image[i].div_ceil(strides[i]).max(1);
            ((windows - 1) * strides[i] + window[i]).saturating_sub(image[i])
        });
        Padding { top: rows / 2, bottom: rows - rows / 2, left: columns / 2, right: columns - columns / 2 }
    }

    /// An image of this height and width with the padding.
    pub fn around(&self, [height, width]: [usize; 2]) -> [usize; 2] {
        [height + self.top + self.bottom, width + self.left + self.right]
    }
}

/// How values between pixels are made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Interpolation {
    /// That of the nearest pixel.
    Nearest,
    /// A weighted mean of the four pixels around it.
    #[default]
    Bilinear,
}

/// What lies outside of an image that was moved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FillMode {
    /// The image mirrored at its border: `dcba|abcd|dcba`.
    #[default]
    Reflect,
    /// The image again: `abcd|abcd|abcd`.
    Wrap,
    /// One value.
    Constant,
    /// The pixels of the border: `aaaa|abcd|dddd`.
    Nearest,
}

/// Functions of a value.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Unary {
    /// `min(max(x, 0), max_value)` above the threshold, else `negative_slope · (x - threshold)`.
    Relu {
        /// Largest output, if any.
        max_value: Option<f32>,
        /// Slope below the threshold.
        negative_slope: f32,
        /// Where the linear part begins.
        threshold: f32,
    },
    /// `1 / (1 + exp(-x))`.
    Sigmoid,
    /// Hyperbolic tangent.
    Tanh,
    /// `x` above 0, else `alpha · (exp(x) - 1)`.
    Elu {
        /// The distance of the lower bound from 0.
        alpha: f32,
    },
    /// `1.0507 x` above 0, else `1.7581 (exp(x) - 1)`.
    Selu,
    /// `x Φ(x)`, with the normal distribution function Φ.
    Gelu,
    /// `x · sigmoid(x)`.
    Silu,
    /// `ln(1 + exp(x))`.
    Softplus,
    /// `x / (1 + |x|)`.
    Softsign,
    /// `min(max(x / 6 + 1 / 2, 0), 1)`.
    HardSigmoid,
    /// `x · hard_sigmoid(x)`.
    HardSilu,
    /// `exp(x)`.
    Exponential,
    /// `x · tanh(softplus(x))`.
    Mish,
    /// `ln(sigmoid(x))`.
    LogSigmoid,
    /// `(x + √(x² + 4)) / 2`.
    Squareplus,
    /// 0 up to -1, `x` from 1 on, `(x + 1)² / 4` between them.
    SparsePlus,
    /// `min(max((x + 1) / 2, 0), 1)`.
    SparseSigmoid,
    /// `min(max(x, -1), 1)`.
    HardTanh,
    /// `x - tanh(x)`.
    TanhShrink,
    /// 0 where `|x|` is at most 0.5, else `x` brought closer to 0 by 0.5.
    SoftShrink,
    /// 0 where `|x|` is at most 0.5, else `x`.
    HardShrink,
}

impl Op {
    /// The weights that it reads.
    pub fn weights(&self) -> impl Iterator<Item = WeightNumber> {
        let norm = |norm: &BatchNorm| [norm.gamma, norm.beta, Some(norm.mean), Some(norm.variance)];
        let none = [None; 4];
        let (own, norm) = match self {
            Op::Conv2d(Conv2d { kernel, bias, norm: fold, .. })
            | Op::DepthwiseConv2d(Conv2d { kernel, bias, norm: fold, .. })
            | Op::Dense(Dense { kernel, bias, norm: fold }) => {
                ([Some(*kernel), *bias], fold.as_ref().map_or(none, norm))
            }
            Op::BatchNorm(op) => ([None; 2], norm(op)),
            Op::LayerNorm(LayerNorm { gamma, beta, .. }) | Op::ChannelScale { gamma, beta } => {
                ([*gamma, *beta], none)
            }
            Op::NormalizeByWeights { mean, variance, .. } => ([Some(*mean), Some(*variance)], none),
            Op::Prelu { alpha } => ([Some(*alpha), None], none),
            _ => ([None; 2], none),
        };
        own.into_iter().chain(norm).flatten()
    }

    /// Whether it draws random numbers.
    pub fn is_random(&self) -> bool {
        matches!(
            self,
            Op::RandomCrop(_)
                | Op::RandomWarp(_)
                | Op::RandomShift(_)
                | Op::RandomRecolor(_)
                | Op::RandomErase(_)
                | Op::RandomChanges(_)
                | Op::RandomMix(_)
                | Op::Dropout { .. }
                | Op::RandomNoise(_)
        )
    }
}

/// Scale and offset of `(x - mean) / max(√variance, 1e-7)`, or of the way back.
pub fn moments_to_affine(mean: f32, variance: f32, invert: bool) -> (f32, f32) {
    let deviation = variance.sqrt().max(1e-7);
    if invert { (deviation, mean) } else { (1.0 / deviation, -mean / deviation) }
}
