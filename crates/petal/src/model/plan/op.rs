//! The operations of a plan.

use std::ops::Range;

use petal_kernels as kernels;
use smallvec::SmallVec;

use super::ops::{self, warp::Warp};
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
    pub output: &'a mut [f32],
    pub saved: &'a mut [f32],
    pub mask: &'a mut [u8],
    pub scratch: &'a mut [f32],
    /// The whole arena of weights; only moving statistics are written.
    pub weights: &'a mut [f32],
    /// One random key a sample, to be filled by operations that draw.
    pub keys: &'a mut Vec<u64>,
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
    BatchNorm(ops::batch_norm::BatchNorm),
    Conv2d(ops::conv2d::Conv2d),
    Dense(ops::dense::Dense),
    Dropout(ops::dropout::Dropout),
    MaxPool(ops::max_pool::MaxPool),
    Scale { scale: f32, offset: f32 },
    Softmax { rows: usize, classes: usize },
    Unary(kernels::Unary),
    Warp(ops::warp::WarpOp),
}

impl Op {
    pub(crate) fn conv2d(convolution: kernels::Conv2d, kernel: Param, bias: Option<Param>) -> Op {
        let activation = kernels::Activation::Linear;
        Op::Conv2d(ops::conv2d::Conv2d { convolution, kernel, bias, activation })
    }

    pub(crate) fn dense(rows: usize, inputs: usize, units: usize, kernel: Param, bias: Option<Param>) -> Op {
        let activation = kernels::Activation::Linear;
        Op::Dense(ops::dense::Dense { rows, inputs, units, kernel, bias, activation })
    }

    pub(crate) fn max_pool(pool: kernels::Pool2d) -> Op {
        Op::MaxPool(ops::max_pool::MaxPool { pool })
    }

    pub(crate) fn dropout(rate: f32, stream: Key) -> Op {
        Op::Dropout(ops::dropout::Dropout { rate, stream, spatial: None })
    }

    pub(crate) fn softmax(shape: &Shape) -> Op {
        let classes = shape.last().copied().unwrap_or(1);
        Op::Softmax { rows: shape.elements() / classes.max(1), classes }
    }

    /// `momentum` is given for batch statistics; without it the moving ones are used.
    pub(crate) fn batch_norm(
        rows: usize,
        channels: usize,
        epsilon: f32,
        momentum: Option<f32>,
        [gamma, beta]: [Option<Param>; 2],
        [mean, variance]: [Param; 2],
    ) -> Op {
        Op::BatchNorm(ops::batch_norm::BatchNorm {
            rows,
            channels,
            epsilon,
            momentum,
            gamma,
            beta,
            mean,
            variance,
        })
    }

    pub(crate) fn warp(warp: Warp, image: [usize; 3], stream: Key) -> Op {
        Op::Warp(ops::warp::WarpOp { warp, image, stream })
    }

    pub(crate) fn operation(&self) -> &dyn Operation {
        match self {
            Op::Add => &ops::elementwise::Add,
            Op::BatchNorm(op) => op,
            Op::Conv2d(op) => op,
            Op::Dense(op) => op,
            Op::Dropout(op) => op,
            Op::MaxPool(op) => op,
            // These variants carry their settings in the enum itself and implement the trait on it.
            Op::Scale { .. } | Op::Softmax { .. } | Op::Unary(_) => self,
            Op::Warp(op) => op,
        }
    }
}
