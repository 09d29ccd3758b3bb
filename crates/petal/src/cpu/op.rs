//! The operations of a plan.

use std::ops::Range;
use std::sync::Arc;

use petal_kernels as kernels;
use smallvec::SmallVec;

use super::joined::Joined;
use super::ops::activations::Activations;
use super::ops::batch_norm::BatchNorm;
use super::ops::changes::ChangesOp;
use super::ops::channel_affine::ChannelAffine;
use super::ops::channel_scale::ChannelScale;
use super::ops::color::{AutoContrast, ColorOp};
use super::ops::dropout::Dropout;
use super::ops::elementwise::{Add, Extremum, Multiply};
use super::ops::erase::EraseOp;
use super::ops::fake_quantize::FakeQuantize;
use super::ops::frame::{Crop, Pad, Resize};
use super::ops::inverted_residual::InvertedResidual;
use super::ops::layer_norm::LayerNorm;
use super::ops::layout::{Concatenate, Transpose};
use super::ops::mix::MixOp;
use super::ops::noise::NoiseOp;
use super::ops::pooled_conv2d::PooledConv2d;
use super::ops::pooling::{AveragePool, GlobalPool, MaxPool};
use super::ops::prelu::Prelu;
use super::ops::quantized::Quantized;
use super::ops::recolor::RecolorOp;
use super::ops::warp::WarpOp;
use super::ops::weighted::Weighted;
use super::packed::Packed;
use crate::program::Run;

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
    /// All weights.
    pub weights: &'a [f32],
    /// The kernels of a plan whose weights stay as they are.
    pub packed: &'a [f32],
    /// One random key a sample, to be filled by operations that draw.
    pub keys: &'a mut Vec<u64>,
    /// Others with a part of the batch.
    pub joined: Option<&'a Joined>,
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
    pub joined: Option<&'a Joined>,
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
    Changes(ChangesOp),
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
    FakeQuantize(FakeQuantize),
    GlobalPool(GlobalPool),
    InvertedResidual(Box<InvertedResidual>),
    LayerNorm(LayerNorm),
    LogSoftmax {
        rows: usize,
        classes: usize,
    },
    MaxPool(MaxPool),
    Mix(MixOp),
    Multiply(Multiply),
    Noise(NoiseOp),
    Pad(Pad),
    PooledConv2d(PooledConv2d),
    Prelu(Prelu),
    Quantized(Box<Quantized>),
    Recolor(RecolorOp),
    Resize(Resize),
    /// Leaves no step: its output is its input under another number.
    Reshape,
    ReverseChannels {
        channels: usize,
    },
    Scale {
        scale: f32,
        offset: f32,
    },
    Softmax {
        rows: usize,
        classes: usize,
    },
    Transpose(Transpose),
    Unary(kernels::Unary),
    Warp(WarpOp),
}

impl Op {
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
    pub(crate) fn fold_constants(&mut self, weights: &mut Arc<Vec<f32>>) {
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

    /// Floats of its kernels as they are multiplied.
    pub(crate) fn packed_len(&self) -> usize {
        match self {
            Op::Conv2d(op) => op.packed_len(),
            Op::Dense(op) => op.packed_len(),
            Op::PooledConv2d(op) => op.shape.packed_len(),
            Op::InvertedResidual(op) => {
                op.expand.as_ref().map_or(0, Weighted::packed_len) + op.project.packed_len()
            }
            _ => 0,
        }
    }

    /// Packs its kernels, which don't change any more.
    pub(crate) fn pack_constants(&mut self, weights: &[f32], packed: &mut Packed) {
        match self {
            Op::Conv2d(op) => op.pack_constants(weights, packed),
            Op::Dense(op) => op.pack_constants(weights, packed),
            Op::PooledConv2d(op) => op.pack_constants(weights, packed),
            Op::InvertedResidual(op) => {
                op.expand.iter_mut().for_each(|expand| expand.pack_constants(weights, packed));
                op.project.pack_constants(weights, packed);
            }
            _ => {}
        }
    }

    /// Whether somebody reads after the forward pass what it has saved, and changes weights by it.
    pub(crate) fn moves_statistics(&self) -> bool {
        matches!(self, Op::BatchNorm(norm) if norm.momentum.is_some())
    }

    pub(crate) fn operation(&self) -> &dyn Operation {
        match self {
            Op::Add => &Add,
            Op::AutoContrast(op) => op,
            Op::AveragePool(op) => op,
            Op::BatchNorm(op) => op,
            Op::Changes(op) => op,
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
            Op::FakeQuantize(op) => op,
            Op::GlobalPool(op) => op,
            Op::InvertedResidual(op) => op.as_ref(),
            Op::LayerNorm(op) => op,
            Op::MaxPool(op) => op,
            Op::Mix(op) => op,
            Op::Multiply(op) => op,
            Op::Noise(op) => op,
            Op::Pad(op) => op,
            Op::PooledConv2d(op) => op,
            Op::Prelu(op) => op,
            Op::Quantized(op) => op.as_ref(),
            Op::Recolor(op) => op,
            Op::Resize(op) => op,
            // These variants carry their settings in the enum itself and implement the trait on it.
            Op::LogSoftmax { .. }
            | Op::Reshape
            | Op::ReverseChannels { .. }
            | Op::Scale { .. }
            | Op::Softmax { .. }
            | Op::Unary(_) => self,
            Op::Transpose(op) => op,
            Op::Warp(op) => op,
        }
    }
}
