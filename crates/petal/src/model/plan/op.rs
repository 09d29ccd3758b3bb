//! The operations of a plan.

use std::ops::Range;

use petal_kernels as kernels;
use smallvec::{SmallVec, smallvec};

use super::ops::activations::Activations;
use super::ops::batch_norm::BatchNorm;
use super::ops::channel_affine::{ChannelAffine, Coefficients};
use super::ops::channel_scale::ChannelScale;
use super::ops::color::{AutoContrast, Color, ColorOp};
use super::ops::dropout::Dropout;
use super::ops::elementwise::{Add, Extremum, Multiply};
use super::ops::erase::EraseOp;
use super::ops::frame::{Crop, CropStart, Pad, Resize};
use super::ops::inverted_residual::InvertedResidual;
use super::ops::layer_norm::LayerNorm;
use super::ops::layout::{Concatenate, Transpose};
use super::ops::noise::{Noise, NoiseOp};
use super::ops::pooled_conv2d::PooledConv2d;
use super::ops::pooling::{AveragePool, GlobalPool, GlobalPoolKind, MaxPool};
use super::ops::prelu::Prelu;
use super::ops::recolor::{Draw, RecolorOp};
use super::ops::warp::{Warp, WarpOp};
use super::ops::weighted::Weighted;
use crate::layers::{Interpolation, RandomErasing};
use crate::model::Shape;
use crate::random::Key;

use super::engine::Run;

/// A weight's place in the weights' arena, and in the gradients' if it trains.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Param {
    pub offset: usize,
    pub len: usize,
    pub gradient: Option<usize>,
}

impl Param {
    pub(crate) fn of<'a>(&self, weights: &'a [f32]) -> &'a [f32] {
        &weights[self.range()]
    }

    pub(crate) fn range(&self) -> Range<usize> {
        self.offset..self.offset + self.len
    }

    /// Where the gradient goes; empty if the weight doesn't train.
    pub(crate) fn gradient_range(&self) -> Range<usize> {
        self.gradient.map_or(0..0, |start| start..start + self.len)
    }
}

/// The slices of one forward call.
pub(crate) struct Forward<'a> {
    pub run: &'a Run<'a>,
    pub inputs: SmallVec<[&'a [f32]; 4]>,
    /// In place of the first input, for an operation that [`reads_bytes`](Operation::reads_bytes) of the model's input.
    pub bytes: Option<&'a [u8]>,
    pub output: &'a mut [f32],
    pub saved: &'a mut [f32],
    pub mask: &'a mut [u8],
    pub scratch: &'a mut [f32],
    /// The whole arena of weights; only moving statistics are written.
    pub weights: &'a mut [f32],
    /// One random key a sample, to be filled by operations that draw.
    pub keys: &'a mut Vec<u64>,
}

impl<'a> Forward<'a> {
    /// The first input, numbers or bytes.
    pub(crate) fn pixels(&self) -> kernels::Pixels<'a> {
        self.bytes.map_or(self.inputs[0].into(), Into::into)
    }
}

/// The slices of one backward call. Inputs and output are empty where the operation doesn't need them.
pub(crate) struct Backward<'a> {
    pub run: &'a Run<'a>,
    pub inputs: SmallVec<[&'a [f32]; 4]>,
    pub output: &'a [f32],
    pub saved: &'a [f32],
    pub mask: &'a [u8],
    /// The gradient with respect to the output; it is not needed after the call and may be overwritten.
    pub d_output: &'a mut [f32],
    /// The gradients to write, for those inputs that need one.
    pub d_inputs: SmallVec<[Option<&'a mut [f32]>; 4]>,
    pub scratch: &'a mut [f32],
    pub weights: &'a [f32],
    pub gradients: &'a mut [f32],
    pub keys: &'a mut Vec<u64>,
}

/// What a backward step reads of the forward one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Needs {
    pub inputs: bool,
    pub output: bool,
}

/// A kernel pair, forward and backward, with its settings.
pub(crate) trait Operation {
    fn forward(&self, call: Forward<'_>);

    fn backward(&self, call: Backward<'_>);

    /// What the backward step reads, if some of the inputs need a gradient or only the weights do.
    fn needs(&self) -> Needs;

    /// The weights whose gradient the backward step can write.
    fn params(&self) -> SmallVec<[Param; 2]> {
        SmallVec::new()
    }

    /// Whether a sample always gives the same result while a model trains: nothing is drawn, and no weight or moving
    /// statistic that training changes is read.
    fn is_constant(&self) -> bool {
        self.params().iter().all(|param| param.gradient.is_none())
    }

    /// Whether its first input may be bytes: [`Forward::pixels`].
    fn reads_bytes(&self) -> bool {
        false
    }

    /// Floats to keep from the forward step for the backward one.
    fn saved_len(&self, _batch: usize) -> usize {
        0
    }

    /// Bytes to keep from the forward step for the backward one.
    fn mask_len(&self, _batch: usize) -> usize {
        0
    }

    /// Floats of scratch for the forward call and for the backward call.
    fn scratch_len(&self, _batch: usize) -> [usize; 2] {
        [0, 0]
    }
}

/// Every operation, so that passes can match on them.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Op {
    Add,
    AutoContrast(AutoContrast),
    AveragePool(AveragePool),
    BatchNorm(BatchNorm),
    ChannelAffine(ChannelAffine),
    ChannelScale(ChannelScale),
    Color(ColorOp),
    Concatenate(Concatenate),
    Conv2d(Weighted<kernels::Conv2d>),
    Crop(Crop),
    Dense(Weighted<kernels::Dense>),
    DepthwiseConv2d(Weighted<kernels::DepthwiseConv2d>),
    Dropout(Dropout),
    Erase(EraseOp),
    Extremum(Extremum),
    GlobalPool(GlobalPool),
    InvertedResidual(Box<InvertedResidual>),
    LayerNorm(LayerNorm),
    LogSoftmax { rows: usize, classes: usize },
    MaxPool(MaxPool),
    Multiply(Multiply),
    Noise(NoiseOp),
    Pad(Pad),
    PooledConv2d(PooledConv2d),
    Prelu(Prelu),
    Recolor(RecolorOp),
    Resize(Resize),
    ReverseChannels { channels: usize },
    Scale { scale: f32, offset: f32 },
    Softmax { rows: usize, classes: usize },
    Transpose(Transpose),
    Unary(kernels::Unary),
    Warp(WarpOp),
}

impl Op {
    pub(crate) fn conv2d(shape: kernels::Conv2d, kernel: Param, bias: Option<Param>) -> Op {
        Op::Conv2d(Weighted::new(shape, kernel, bias))
    }

    pub(crate) fn depthwise_conv2d(
        shape: kernels::DepthwiseConv2d,
        kernel: Param,
        bias: Option<Param>,
    ) -> Op {
        Op::DepthwiseConv2d(Weighted::new(shape, kernel, bias))
    }

    pub(crate) fn dense(rows: usize, inputs: usize, units: usize, kernel: Param, bias: Option<Param>) -> Op {
        let shape = kernels::Dense { rows, inputs, units };
        Op::Dense(Weighted::new(shape, kernel, bias))
    }

    pub(crate) fn max_pool(pool: kernels::Pool2d) -> Op {
        Op::MaxPool(MaxPool { pool })
    }

    pub(crate) fn average_pool(pool: kernels::Pool2d) -> Op {
        Op::AveragePool(AveragePool { pool })
    }

    pub(crate) fn global_average_pool([height, width, channels]: [usize; 3]) -> Op {
        Op::GlobalPool(GlobalPool { pixels: height * width, channels, kind: GlobalPoolKind::Average })
    }

    pub(crate) fn global_max_pool([height, width, channels]: [usize; 3]) -> Op {
        Op::GlobalPool(GlobalPool { pixels: height * width, channels, kind: GlobalPoolKind::Max })
    }

    /// `elements` are those of a sample of the output, `inputs` those of each input.
    pub(crate) fn multiply(elements: usize, inputs: impl IntoIterator<Item = usize>) -> Op {
        let repeats = inputs.into_iter().map(|input| (elements / input.max(1)).max(1)).collect();
        Op::Multiply(Multiply { elements, repeats })
    }

    pub(crate) fn pad(input: [usize; 3], padding: kernels::Padding) -> Op {
        Op::Pad(Pad { pad: kernels::Pad2d { batch: 0, input, padding } })
    }

    pub(crate) fn crop(image: [usize; 3], start: [usize; 2], size: [usize; 2]) -> Op {
        Op::Crop(Crop { image, size, start: CropStart::At(start) })
    }

    pub(crate) fn random_crop(image: [usize; 3], size: [usize; 2], stream: Key) -> Op {
        Op::Crop(Crop { image, size, start: CropStart::Random(stream) })
    }

    pub(crate) fn resize(input: [usize; 3], output: [usize; 2], interpolation: Interpolation) -> Op {
        Op::Resize(Resize { resize: kernels::Resize { batch: 0, input, output }, interpolation })
    }

    /// `elements` are those of a sample.
    pub(crate) fn channel_affine(elements: usize, scale: Vec<f32>, offset: Vec<f32>) -> Op {
        let rows = elements / scale.len().max(1);
        Op::ChannelAffine(ChannelAffine { rows, coefficients: Coefficients::Fixed { scale, offset } })
    }

    /// Normalization by weights; `places` has the number of the mean for each of the last values of a sample.
    pub(crate) fn normalize_by_weights(
        elements: usize,
        [mean, variance]: [Param; 2],
        places: Vec<usize>,
        invert: bool,
    ) -> Op {
        let rows = elements / places.len().max(1);
        let coefficients = Coefficients::Moments { mean, variance, places, invert };
        Op::ChannelAffine(ChannelAffine { rows, coefficients })
    }

    pub(crate) fn concatenate(outer: usize, parts: Vec<usize>) -> Op {
        Op::Concatenate(Concatenate { outer, parts })
    }

    /// Axis `i` of the output is axis `order[i]` of the input, of this shape; both count without the batch.
    pub(crate) fn transpose(shape: impl Into<Vec<usize>>, order: impl Into<Vec<usize>>) -> Op {
        Op::Transpose(Transpose { shape: shape.into(), order: order.into() })
    }

    pub(crate) fn noise(noise: Noise, stream: Key) -> Op {
        Op::Noise(NoiseOp { noise, stream })
    }

    pub(crate) fn prelu(rows: usize, alpha: Param) -> Op {
        Op::Prelu(Prelu { rows, alpha })
    }

    /// `elements` are those of a sample.
    pub(crate) fn channel_scale(
        elements: usize,
        channels: usize,
        gamma: Option<Param>,
        beta: Option<Param>,
    ) -> Op {
        Op::ChannelScale(ChannelScale { rows: elements / channels.max(1), channels, gamma, beta })
    }

    pub(crate) fn recolor(draw: Draw, [_, _, channels]: [usize; 3], stream: Key) -> Op {
        Op::Recolor(RecolorOp { draw, channels, stream })
    }

    pub(crate) fn erase(layer: RandomErasing, image: [usize; 3], stream: Key) -> Op {
        Op::Erase(EraseOp { layer, image, stream })
    }

    pub(crate) fn auto_contrast([height, width, channels]: [usize; 3], range: [f32; 2]) -> Op {
        Op::AutoContrast(AutoContrast { pixels: height * width, channels, range })
    }

    pub(crate) fn dropout(rate: f32, stream: Key) -> Op {
        Op::Dropout(Dropout { rate, stream, spatial: None })
    }

    /// One draw for `channels` values, which come `pixels` times in a sample.
    pub(crate) fn spatial_dropout(rate: f32, stream: Key, pixels: usize, channels: usize) -> Op {
        Op::Dropout(Dropout { rate, stream, spatial: Some((pixels, channels)) })
    }

    pub(crate) fn softmax(shape: &Shape) -> Op {
        let (rows, classes) = rows(shape);
        Op::Softmax { rows, classes }
    }

    pub(crate) fn log_softmax(shape: &Shape) -> Op {
        let (rows, classes) = rows(shape);
        Op::LogSoftmax { rows, classes }
    }

    pub(crate) fn layer_norm(
        rows: usize,
        features: usize,
        epsilon: f32,
        gamma: Option<Param>,
        beta: Option<Param>,
    ) -> Op {
        Op::LayerNorm(LayerNorm { rows, features, epsilon, centered: true, gamma, beta })
    }

    /// Division by the root mean square.
    pub(crate) fn rms_norm(rows: usize, features: usize, epsilon: f32, scale: Option<Param>) -> Op {
        let beta = None;
        Op::LayerNorm(LayerNorm { rows, features, epsilon, centered: false, gamma: scale, beta })
    }

    /// `momentum` is given for batch statistics; without it the moving ones are used. `fixed` if training changes
    /// nothing in the layer.
    pub(crate) fn batch_norm(
        rows: usize,
        channels: usize,
        epsilon: f32,
        momentum: Option<f32>,
        fixed: bool,
        [gamma, beta]: [Option<Param>; 2],
        [mean, variance]: [Param; 2],
    ) -> Op {
        Op::BatchNorm(BatchNorm { rows, channels, epsilon, momentum, fixed, gamma, beta, mean, variance })
    }

    pub(crate) fn warp(warp: Warp, image: [usize; 3], stream: Key) -> Op {
        Op::Warp(WarpOp { warps: smallvec![(warp, stream)], image, rescaling: None })
    }

    pub(crate) fn color(
        color: Color,
        draws: [f32; 2],
        range: [f32; 2],
        [height, width, channels]: [usize; 3],
        stream: Key,
    ) -> Op {
        Op::Color(ColorOp { color, draws, range, pixels: height * width, channels, stream })
    }

    /// What it computes of activations, if it can.
    pub(crate) fn activations_mut(&mut self) -> Option<&mut Activations> {
        match self {
            Op::Conv2d(op) => Some(&mut op.activations),
            Op::Dense(op) => Some(&mut op.activations),
            Op::DepthwiseConv2d(op) => Some(&mut op.activations),
            Op::PooledConv2d(op) => Some(&mut op.activations),
            _ => None,
        }
    }

    /// Makes its normalization part of `weights`, which don't change any more.
    pub(crate) fn fold_constants(&mut self, weights: &mut [f32]) {
        match self {
            Op::Conv2d(op) => op.fold_constants(weights),
            Op::Dense(op) => op.fold_constants(weights),
            Op::DepthwiseConv2d(op) => op.fold_constants(weights),
            Op::InvertedResidual(op) => {
                op.expand.iter_mut().for_each(|expand| expand.fold_constants(weights));
                op.depthwise.fold_constants(weights);
                op.project.fold_constants(weights);
            }
            _ => {}
        }
    }

    /// Whether it computes with a layer's weights.
    pub(crate) fn has_weights(&self) -> bool {
        matches!(self, Op::BatchNorm(_)) || !self.operation().params().is_empty()
    }

    pub(crate) fn operation(&self) -> &dyn Operation {
        match self {
            Op::Add => &Add,
            Op::AutoContrast(op) => op,
            Op::AveragePool(op) => op,
            Op::BatchNorm(op) => op,
            Op::ChannelAffine(op) => op,
            Op::ChannelScale(op) => op,
            Op::Color(op) => op,
            Op::Concatenate(op) => op,
            Op::Conv2d(op) => op,
            Op::Crop(op) => op,
            Op::Dense(op) => op,
            Op::DepthwiseConv2d(op) => op,
            Op::Dropout(op) => op,
            Op::Erase(op) => op,
            Op::Extremum(op) => op,
            Op::GlobalPool(op) => op,
            Op::InvertedResidual(op) => op.as_ref(),
            Op::LayerNorm(op) => op,
            Op::MaxPool(op) => op,
            Op::Multiply(op) => op,
            Op::Noise(op) => op,
            Op::Pad(op) => op,
            Op::PooledConv2d(op) => op,
            Op::Prelu(op) => op,
            Op::Recolor(op) => op,
            Op::Resize(op) => op,
            // These variants carry their settings in the enum itself and implement the trait on it.
            Op::LogSoftmax { .. }
            | Op::ReverseChannels { .. }
            | Op::Scale { .. }
            | Op::Softmax { .. }
            | Op::Unary(_) => self,
            Op::Transpose(op) => op,
            Op::Warp(op) => op,
        }
    }
}

/// The rows of a sample along its last axis, and their length.
fn rows(shape: &Shape) -> (usize, usize) {
    let classes = shape.last().copied().unwrap_or(1);
    (shape.elements() / classes.max(1), classes)
}
