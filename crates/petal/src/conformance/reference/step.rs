//! One step: which family computes its operation.

use super::convolution::Product;
use super::{Affine, unary};
use crate::program::{Grid, Op, Program, Run, WeightNumber};
use crate::shape::Shape;

/// What a step works on.
pub(super) struct Call<'a> {
    /// `[samples, …]` each.
    pub inputs: Vec<&'a [f64]>,
    /// The inputs' shapes.
    pub shapes: Vec<&'a Shape>,
    /// The output's shape.
    pub output: &'a Shape,
    pub program: &'a Program,
    /// All weights.
    pub weights: &'a [f32],
    pub run: &'a Run<'a>,
}

/// The gradients of all inputs, and of those weights that the step multiplies with or adds.
#[derive(Default)]
pub(super) struct Derivatives {
    pub inputs: Vec<Vec<f64>>,
    pub weights: Vec<(WeightNumber, Vec<f64>)>,
}

impl Derivatives {
    pub(super) fn of_input(gradient: Vec<f64>) -> Self {
        Derivatives { inputs: vec![gradient], weights: Vec::new() }
    }
}

impl Call<'_> {
    pub(super) fn samples(&self) -> usize {
        self.run.batch()
    }

    /// The number of the output's values, of all samples.
    pub(super) fn outputs(&self) -> usize {
        self.samples() * self.output.elements()
    }

    /// The last axis of the first input.
    pub(super) fn channels(&self) -> usize {
        self.shapes[0].last().copied().unwrap_or(1)
    }

    pub(super) fn weight(&self, number: WeightNumber) -> Vec<f64> {
        self.weights[self.program.weights[number].range()].iter().map(|&weight| f64::from(weight)).collect()
    }

    /// The weight, or this value as often as it has places.
    pub(super) fn weight_or(&self, number: Option<WeightNumber>, value: f64, places: usize) -> Vec<f64> {
        number.map_or_else(|| vec![value; places], |number| self.weight(number))
    }

    pub(super) fn forward(&self, op: &Op) -> Vec<f64> {
        if let Some(map) = self.affine(op) {
            return map.forward(&self.inputs);
        }
        let x = self.inputs[0];
        match op {
            Op::Multiply => self.product(),
            Op::ChannelScale { gamma, beta } => self.channel_scale(*gamma, *beta),
            Op::Unary(function) => x.iter().map(|&x| unary::value(*function, x)).collect(),
            Op::Prelu { alpha } => self.prelu(*alpha),
            Op::Softmax { features } => self.softmax(*features),
            Op::LogSoftmax { features } => self.log_softmax(*features),
            Op::Conv2d(conv) => self.weighted(Product::Conv2d(conv)),
            Op::DepthwiseConv2d(conv) => self.weighted(Product::DepthwiseConv2d(conv)),
            Op::Dense(dense) => self.weighted(Product::Dense(dense)),
            Op::BatchNorm(norm) => self.batch_norm(norm, x),
            Op::LayerNorm(norm) => self.layer_norm(norm),
            Op::AutoContrast { range } => self.auto_contrast(*range),
            Op::FakeQuantize(grid) => x.iter().map(|&x| rounded(*grid, x)).collect(),
            _ => unreachable!("all others are affine maps"),
        }
    }

    pub(super) fn backward(&self, op: &Op, output: &[f64], d_output: &[f64]) -> Derivatives {
        if let Some(map) = self.affine(op) {
            return Derivatives { inputs: map.backward(&self.inputs, d_output), weights: Vec::new() };
        }
        match op {
            Op::Multiply => self.product_backward(d_output),
            Op::ChannelScale { gamma, beta } => self.channel_scale_backward(*gamma, *beta, d_output),
            Op::Unary(function) => {
                let slope = |(&x, &dy): (&f64, &f64)| unary::slope(*function, x) * dy;
                Derivatives::of_input(self.inputs[0].iter().zip(d_output).map(slope).collect())
            }
            Op::Prelu { alpha } => self.prelu_backward(*alpha, d_output),
            Op::Softmax { features } => softmax_backward(*features, output, d_output),
            Op::LogSoftmax { features } => log_softmax_backward(*features, output, d_output),
            Op::Conv2d(conv) => self.weighted_backward(Product::Conv2d(conv), d_output),
            Op::DepthwiseConv2d(conv) => self.weighted_backward(Product::DepthwiseConv2d(conv), d_output),
            Op::Dense(dense) => self.weighted_backward(Product::Dense(dense), d_output),
            Op::BatchNorm(norm) => self.batch_norm_backward(norm, self.inputs[0], d_output),
            Op::LayerNorm(norm) => self.layer_norm_backward(norm, d_output),
            Op::AutoContrast { range } => self.auto_contrast_backward(*range, d_output),
            Op::FakeQuantize(_) => Derivatives::of_input(d_output.to_vec()),
            _ => unreachable!("all others are affine maps"),
        }
    }

    /// The operation as an affine map around these inputs, if it is one without weights that train. Complete, so that a
    /// new operation doesn't compile before it has a place here.
    fn affine(&self, op: &Op) -> Option<Affine> {
        Some(match op {
            Op::Reshape => self.reshape(),
            Op::Add => self.sum(),
            Op::Maximum => self.extremum(|candidate, best| candidate > best),
            Op::Minimum => self.extremum(|candidate, best| candidate < best),
            Op::Concatenate { axis } => self.concatenate(*axis),
            Op::Transpose { order } => self.transpose(order),
            Op::ReverseChannels => self.reverse_channels(),
            Op::Scale { scale, offset } => self.channel_affine(&[(*scale).into()], &[(*offset).into()]),
            Op::ChannelAffine { scale, offset } => {
                let [scale, offset] =
                    [scale, offset].map(|v| v.iter().map(|&v| f64::from(v)).collect::<Vec<_>>());
                self.channel_affine(&scale, &offset)
            }
            Op::NormalizeByWeights { mean, variance, places, invert } => {
                self.normalize_by_weights(*mean, *variance, places, *invert)
            }
            Op::MaxPool(window) => self.max_pool(window),
            Op::AveragePool(window) => self.average_pool(window),
            Op::GlobalAveragePool => self.global_average_pool(),
            Op::GlobalMaxPool => self.global_max_pool(),
            Op::Pad(padding) => self.pad(padding),
            Op::Crop { start } => self.crop(|_| *start),
            Op::Resize { interpolation } => self.resize(*interpolation),
            Op::RandomCrop(crop) => self.random_crop(crop),
            Op::RandomWarp(warp) => self.random_warp(warp),
            Op::RandomShift(shift) => self.random_shift(shift),
            Op::RandomRecolor(recolor) => self.random_recolor(recolor),
            Op::RandomErase(erase) => self.random_erase(erase),
            Op::RandomChanges(changes) => self.random_changes(changes),
            Op::RandomMix(mix) => self.random_mix(mix),
            Op::Dropout { rate, repeats, stream } => self.dropout(*rate, *repeats, stream),
            Op::RandomNoise(noise) => self.random_noise(noise),
            Op::Multiply
            | Op::ChannelScale { .. }
            | Op::Unary(_)
            | Op::Prelu { .. }
            | Op::Softmax { .. }
            | Op::LogSoftmax { .. }
            | Op::Conv2d(_)
            | Op::DepthwiseConv2d(_)
            | Op::Dense(_)
            | Op::BatchNorm(_)
            | Op::LayerNorm(_)
            | Op::AutoContrast { .. }
            | Op::FakeQuantize(_) => return None,
        })
    }
}

/// The number of the grid that is nearest.
fn rounded(grid: Grid, x: f64) -> f64 {
    let (scale, zero) = (f64::from(grid.scale), f64::from(grid.zero_point));
    (((x / scale).round_ties_even() + zero).clamp(0.0, 255.0) - zero) * scale
}

/// `dx = y (dy - Σ y dy)` of each row.
fn softmax_backward(features: usize, output: &[f64], d_output: &[f64]) -> Derivatives {
    rows_backward(features, output, d_output, |y, dy| {
        let dot: f64 = y.iter().zip(dy).map(|(y, dy)| y * dy).sum();
        y.iter().zip(dy).map(|(y, dy)| y * (dy - dot)).collect()
    })
}

/// `dx = dy - exp(y) Σ dy` of each row.
fn log_softmax_backward(features: usize, output: &[f64], d_output: &[f64]) -> Derivatives {
    rows_backward(features, output, d_output, |y, dy| {
        let sum: f64 = dy.iter().sum();
        y.iter().zip(dy).map(|(y, dy)| dy - y.exp() * sum).collect()
    })
}

fn rows_backward(
    features: usize,
    output: &[f64],
    d_output: &[f64],
    row: impl Fn(&[f64], &[f64]) -> Vec<f64>,
) -> Derivatives {
    let rows = output.chunks(features).zip(d_output.chunks(features));
    Derivatives::of_input(rows.flat_map(|(y, dy)| row(y, dy)).collect())
}
