//! From a program's steps to ONNX nodes.

mod layouts;
mod normalization;
mod pointwise;
mod pooling;
mod weighted;

use super::graph::OnnxGraph;
use super::layout::{self, Stored};
use super::proto::Attribute::Int;
use crate::program::{Op, Program, Quantized, Step, Value, WeightNumber};
use crate::shape::Shape;
use crate::{Error, Result};

/// The way through a program's steps.
pub(super) struct Lowering<'a> {
    pub graph: OnnxGraph,
    program: &'a Program,
    /// All weights.
    weights: &'a [f32],
    values: Vec<Option<Stored>>,
}

/// A step, and what it works on.
struct Call<'a> {
    inputs: Vec<Stored>,
    shapes: Vec<&'a Shape>,
    output: &'a Shape,
}

impl<'a> Lowering<'a> {
    /// Begins with the program's input, which is this value of the graph.
    pub(super) fn new(graph: OnnxGraph, quantized: &'a Quantized, input: Stored) -> Self {
        let Quantized { program, weights } = quantized;
        let mut values = vec![None; program.values.len()];
        values[program.input] = Some(input);
        Lowering { graph, program, weights, values }
    }

    /// The name of a program's value, a vector in Petal's order and an image in ONNX's. Adds the nodes of all steps
    /// up to it.
    ///
    /// # Errors
    /// If it depends on an operation that ONNX has no counterpart of.
    pub(super) fn value(&mut self, value: Value) -> Result<String> {
        let program = self.program;
        let mut needed = vec![false; program.values.len()];
        needed[value] = true;
        for step in program.steps.iter().rev() {
            if needed[step.output] {
                step.inputs.iter().for_each(|&input| needed[input] = true);
            }
        }
        for step in program.steps.iter().filter(|step| needed[step.output]) {
            self.graph.enter(&step.layer);
            let stored = self.step(step)?;
            self.values[step.output] = Some(stored);
        }
        match &self.values[value] {
            Some(stored) => Ok(self.in_order(&stored.clone())),
            None => {
                Err(Error::Model(format!("program '{}' has no step that makes its output", program.name)))
            }
        }
    }

    /// Adds the nodes of a step. Complete, so that a new operation doesn't compile before it has a place here.
    fn step(&mut self, step: &'a Step) -> Result<Stored> {
        let inputs = step.inputs.iter().filter_map(|&input| self.values[input].clone()).collect();
        let shapes = step.inputs.iter().map(|&input| &self.program.values[input]).collect();
        let call = Call { inputs, shapes, output: &self.program.values[step.output] };
        let lowered = match &step.op {
            Op::Reshape => Some(self.reshape(&call.inputs[0], call.shapes[0], call.output)),
            Op::Add => Some(self.pairwise("Add", &call)),
            Op::Multiply => Some(self.pairwise("Mul", &call)),
            Op::Maximum => Some(self.pairwise("Max", &call)),
            Op::Minimum => Some(self.pairwise("Min", &call)),
            Op::Concatenate { axis } => Some(self.concatenate(&call, *axis)),
            Op::Transpose { order } => Some(self.permute(&call, order)),
            Op::ReverseChannels => Some(self.reverse_channels(&call)),
            Op::Scale { scale, offset } => Some(self.scale(&call, *scale, *offset)),
            Op::ChannelAffine { scale, offset } => self.affine(&call, scale.clone(), offset.clone()),
            Op::NormalizeByWeights { mean, variance, places, invert } => {
                self.normalize_by_weights(&call, [*mean, *variance], places, *invert)
            }
            Op::ChannelScale { gamma, beta } => {
                self.channel_scale(&call.inputs[0], call.output, *gamma, *beta)
            }
            Op::Unary(function) => Some(self.unary(&call, *function)),
            Op::Prelu { alpha } => self.prelu(&call, *alpha),
            Op::Softmax { features } => self.softmax(&call, *features),
            Op::LogSoftmax { features } => self.log_softmax(&call, *features),
            Op::Conv2d(conv) => Some(self.conv2d(&call, conv)),
            Op::DepthwiseConv2d(conv) => Some(self.depthwise_conv2d(&call, conv)),
            Op::Dense(dense) => Some(self.dense(&call, dense)),
            Op::BatchNorm(norm) => self.batch_norm(&call, norm),
            Op::LayerNorm(norm) => self.layer_norm(&call, norm),
            Op::MaxPool(window) => Some(self.pool("MaxPool", &call, window)),
            Op::AveragePool(window) => Some(self.pool("AveragePool", &call, window)),
            Op::GlobalAveragePool => Some(self.global_pool("GlobalAveragePool", &call)),
            Op::GlobalMaxPool => Some(self.global_pool("GlobalMaxPool", &call)),
            Op::Pad(padding) => Some(self.pad(&call, padding)),
            Op::Crop { start } => Some(self.crop(&call, *start)),
            Op::Resize { interpolation } => Some(self.resize(&call, *interpolation)),
            Op::AutoContrast { range } => Some(self.auto_contrast(&call, *range)),
            Op::FakeQuantize(grid) => Some(self.fake_quantize(&call, *grid)),
            Op::RandomCrop(_)
            | Op::RandomWarp(_)
            | Op::RandomShift(_)
            | Op::RandomRecolor(_)
            | Op::RandomErase(_)
            | Op::RandomChanges(_)
            | Op::RandomMix(_)
            | Op::Dropout { .. }
            | Op::RandomNoise(_) => None,
        };
        lowered.ok_or_else(|| {
            let [input, output] = [call.shapes[0], call.output];
            Error::layer(
                &step.layer,
                format!(
                    "cannot be exported to ONNX: of {input} it makes {output} by an operation that ONNX has no \
                     counterpart of; build the model without this layer"
                ),
            )
        })
    }

    /// A weight's numbers.
    fn weight(&self, number: WeightNumber) -> &'a [f32] {
        &self.weights[self.program.weights[number].range()]
    }

    /// A weight's name.
    fn path(&self, number: WeightNumber) -> &'a str {
        &self.program.weights[number].path
    }

    /// The axes of the ONNX value that a row of so many values is.
    fn row_axes(&self, shape: &Shape, features: usize) -> Option<Vec<i64>> {
        let (rank, axes) = (shape.len(), layout::row_axes(shape, features)?);
        let mut axes: Vec<i64> = (rank - axes..rank).map(|axis| layout::axis(rank, axis) as i64).collect();
        axes.sort_unstable();
        Some(axes)
    }

    /// Numbers for each of a row's values as they meet those of `value`: their axes and order.
    fn row(&self, value: &Stored, shape: &Shape, numbers: &[f32]) -> Option<(Vec<usize>, Vec<f32>)> {
        if numbers.len() == 1 {
            return Some((Vec::new(), numbers.to_vec()));
        }
        let axes = layout::row_axes(shape, numbers.len())?;
        if let Some(order) = &value.order {
            return Some((vec![numbers.len()], layout::ordered(numbers, order)));
        }
        let rank = shape.len();
        let mut own = vec![1; rank - axes];
        own.extend(&shape[rank - axes..]);
        let ordered = layout::ordered(numbers, &layout::order(&own));
        Some((layout::dims(&own), ordered))
    }

    /// The name of the value with a vector's numbers in Petal's order.
    fn in_order(&mut self, value: &Stored) -> String {
        let Some(order) = &value.order else { return value.name.clone() };
        let mut places = vec![0; order.len()];
        order.iter().enumerate().for_each(|(at, &place)| places[place] = at as i64);
        let places = self.graph.ints(&places);
        self.graph.node_with("Gather", &[&value.name, &places], vec![("axis", Int(1))])
    }
}
