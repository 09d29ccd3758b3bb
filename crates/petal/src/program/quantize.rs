//! Programs that compute with 8-bit numbers.
//!
//! What convolutions, dense layers, sums and means read and make is rounded to a grid of 256 numbers for each value
//! ([`Op::FakeQuantize`]), kernels to one of 255 for each output channel. So an engine that computes with floats gives
//! what one that computes with bytes does, and how much accuracy that costs is known before such an engine is there.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use smallvec::{SmallVec, smallvec};

use super::{Conv2d, DTypePolicy, Dense, Grid, Op, Program, Step, Unary, Value, readers};
use crate::shape::Shape;
use crate::{Error, Result};

/// The layer of steps that work on the input.
const INPUT: &str = "input";

/// The ranges of the values of a program that are rounded: for each layer those that its steps make, in their order. Those
/// of the input are the layer `input`'s.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Ranges(BTreeMap<String, Vec<[f32; 2]>>);

/// A program whose layers compute with 8-bit numbers, and its weights.
#[derive(Clone, Debug, PartialEq)]
pub struct Quantized {
    /// The program, without batch normalization in its convolutions and dense layers.
    pub program: Program,
    /// All of its weights: the model's, folded and rounded, then the biases that batch normalizations became.
    pub weights: Vec<f32>,
}

impl Program {
    /// The values that [`quantize`](Program::quantize) needs the ranges of, in the order in which they are made.
    pub fn values_to_quantize(&self) -> Vec<Value> {
        let mut rounded = vec![false; self.values.len()];
        // Whether a value is on the way to something that is computed with 8 bits.
        let mut leads_on = rounded.clone();
        let readers = readers(&self.steps);
        for (at, step) in self.steps.iter().enumerate().rev() {
            let output = step.output;
            let computes = computes(&step.op);
            if computes && leads_on[output] {
                let only = self.steps[at..].iter().find(|reader| reader.inputs.contains(&output));
                let relu = only.filter(|reader| readers[output] == 1 && is_relu(&reader.op));
                rounded[relu.map_or(output, |relu| relu.output)] = true;
            }
            for &input in &step.inputs {
                leads_on[input] |= computes || leads_on[output];
                rounded[input] |= computes || (moves(&step.op) && rounded[output]);
            }
        }
        for kept in self.kept().into_iter().flatten() {
            rounded[kept] = false;
        }
        let made = self.steps.iter().filter(|step| !moves(&step.op)).map(|step| step.output);
        std::iter::once(self.input).chain(made).filter(|&value| rounded[value]).collect()
    }

    /// The program that gives for each of these values the largest number of a sample, and then for each the smallest
    /// with the other sign.
    pub fn extremes(&self, values: &[Value]) -> Program {
        // Who computes with 8 bits rounds nothing to 16.
        let dtype_policy = DTypePolicy::Float32;
        let mut program =
            Program { steps: Vec::new(), logits: None, watched: None, dtype_policy, ..self.clone() };
        let mut extremes = [Vec::new(), Vec::new()];
        let steps = self.steps.iter().map(Some);
        for step in std::iter::once(None).chain(steps) {
            let (value, layer) = step.map_or((self.input, INPUT), |step| (step.output, &*step.layer));
            program.steps.extend(step.cloned());
            if values.contains(&value) {
                let numbers = program.values[value].elements();
                let row = program.push(layer, Op::Reshape, smallvec![value], [numbers, 1, 1].into());
                let negative = Op::Scale { scale: -1.0, offset: 0.0 };
                let negative = program.push(layer, negative, smallvec![row], [numbers, 1, 1].into());
                for (extremes, row) in extremes.iter_mut().zip([row, negative]) {
                    extremes.push(program.push(layer, Op::GlobalMaxPool, smallvec![row], [1].into()));
                }
            }
        }
        let all = SmallVec::from_vec(extremes.concat());
        let count = all.len();
        program.output = program.push("extremes", Op::Concatenate { axis: 0 }, all, [count].into());
        program.drop_unread();
        program
    }

    /// The program that gives the means of the channels of each of these values, images and vectors, one value after the
    /// other.
    pub fn channel_means(&self, values: &[Value]) -> Program {
        let dtype_policy = DTypePolicy::Float32;
        let mut program = Program { logits: None, watched: None, dtype_policy, ..self.clone() };
        let mean = |&value: &Value| match self.values[value].len() {
            3 => {
                let channels = self.values[value].last().copied().unwrap_or(1);
                program.push("means", Op::GlobalAveragePool, smallvec![value], [channels].into())
            }
            _ => program.push("means", Op::Reshape, smallvec![value], [self.values[value].elements()].into()),
        };
        let means: SmallVec<[Value; 2]> = values.iter().map(mean).collect();
        let count = means.iter().map(|&mean| program.values[mean].elements()).sum();
        program.output = program.push("means", Op::Concatenate { axis: 0 }, means, [count].into());
        program.drop_unread();
        program
    }

    /// The ranges of [`values_to_quantize`](Program::values_to_quantize), given in their order.
    pub fn ranges(&self, ranges: impl IntoIterator<Item = [f32; 2]>) -> Ranges {
        let mut layers: BTreeMap<String, Vec<[f32; 2]>> = BTreeMap::new();
        for (value, range) in self.values_to_quantize().into_iter().zip(ranges) {
            layers.entry(self.maker(value).to_owned()).or_default().push(range);
        }
        Ranges(layers)
    }

    /// The layer that makes a value.
    fn maker(&self, value: Value) -> &str {
        self.steps.iter().find(|step| step.output == value).map_or(INPUT, |step| &step.layer)
    }

    /// The ranges of [`values_to_quantize`](Program::values_to_quantize), by these.
    ///
    /// # Errors
    /// If they are another program's.
    pub fn by_value(&self, ranges: &Ranges) -> Result<BTreeMap<Value, [f32; 2]>> {
        let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
        let values = self.values_to_quantize();
        let given: usize = ranges.0.values().map(Vec::len).sum();
        let found = values.iter().filter_map(|&value| {
            let layer = self.maker(value);
            let at = seen.entry(layer).or_default();
            *at += 1;
            Some((value, *ranges.0.get(layer)?.get(*at - 1)?))
        });
        let found: BTreeMap<Value, [f32; 2]> = found.collect();
        if found.len() == values.len() && given == values.len() {
            return Ok(found);
        }
        Err(Error::Model(format!(
            "model '{}' computes with 8-bit numbers at {} places, but has ranges for {given}, {} of which are for these; \
             quantize the model anew",
            self.name,
            values.len(),
            found.len()
        )))
    }

    /// The program with its kernels and these values rounded, each to a grid of the range. What lies outside of it is
    /// cut off; layers whose input has no range are left as they are.
    pub fn quantize(mut self, weights: &[f32], ranges: &BTreeMap<Value, [f32; 2]>) -> Quantized {
        self.dtype_policy = DTypePolicy::Float32;
        let mut weights = weights.to_vec();
        self.fold_constants(&mut weights);
        let (steps, kept) = (std::mem::take(&mut self.steps), self.kept());
        let mut grids: BTreeMap<Value, Grid> = BTreeMap::new();
        // What is read in place of a value.
        let mut now: Vec<Value> = (0..self.values.len()).collect();
        let grid_of = |value: Value| ranges.get(&value).copied().map(Grid::of_range);
        if let Some(grid) = grid_of(self.input) {
            now[self.input] = self.round(INPUT, self.input, grid);
            grids.insert(self.input, grid);
        }
        for mut step in steps {
            let (first, output) = (step.inputs[0], step.output);
            let grid = if moves(&step.op) { grids.get(&first).copied() } else { grid_of(output) };
            let grid = grid.filter(|_| !kept.contains(&Some(output)));
            if let Some(input) = grids.get(&first) {
                self.round_weights(&step.op, input.scale, &mut weights);
            }
            step.inputs.iter_mut().for_each(|input| *input = now[*input]);
            let Some(grid) = grid else {
                self.steps.push(step);
                continue;
            };
            // The grid has no numbers where a ReLU would change them: rounding takes its place.
            let replaced = is_relu_within(&step.op, grid).then(|| (step.inputs[0], step.layer.clone()));
            let (value, layer) = replaced.unwrap_or_else(|| {
                let layer = step.layer.clone();
                self.steps.push(step);
                (output, layer)
            });
            now[output] = self.round(&layer, value, grid);
            grids.insert(output, grid);
        }
        debug_assert_eq!(self.check().map_err(|problem| problem.to_string()), Ok(()), "after quantizing");
        Quantized { program: self, weights }
    }

    /// Rounds the weights of a layer whose input has a grid of these steps.
    fn round_weights(&mut self, op: &Op, input: f32, weights: &mut [f32]) {
        let (Op::Conv2d(Conv2d { kernel, bias, .. })
        | Op::DepthwiseConv2d(Conv2d { kernel, bias, .. })
        | Op::Dense(Dense { kernel, bias, .. })) = op
        else {
            return;
        };
        let shape = &self.weights[*kernel].shape;
        let channels = match op {
            Op::DepthwiseConv2d(_) => shape[2..].iter().product(),
            _ => shape.last().copied().unwrap_or(1),
        };
        let biases = bias.map(|bias| self.weights[bias].range());
        let kernel_range = self.weights[*kernel].range();
        let kernel_scales = kernel_scales(&weights[kernel_range.clone()], channels);
        let scale = |channel: usize| {
            /// The most steps of a bias: within 32 bits.
            const MOST: f32 = (1 << 30) as f32;
            let bias = biases.clone().map_or(0.0, |biases| weights[biases][channel].abs());
            let scale = kernel_scales[channel].max(bias / input / MOST);
            if (scale * input).is_normal() { scale } else { 1.0 }
        };
        let scales: Vec<f32> = (0..channels).map(scale).collect();
        let bias_scales: Vec<f32> = scales.iter().map(|scale| scale * input).collect();
        for (range, scales) in [(Some(kernel_range), &scales), (biases.clone(), &bias_scales)] {
            for (i, value) in weights[range.unwrap_or_default()].iter_mut().enumerate() {
                let scale = scales[i % channels];
                *value = (*value / scale).round_ties_even() * scale;
            }
        }
        self.weights[*kernel].scales = Some(scales);
        if let Some(bias) = *bias {
            self.weights[bias].scales = Some(bias_scales);
        }
    }

    /// Adds a step of this layer, whose output has this shape.
    fn push(&mut self, layer: &str, op: Op, inputs: SmallVec<[Value; 2]>, shape: Shape) -> Value {
        let output = self.values.len();
        self.values.push(shape);
        self.steps.push(Step { op, inputs, output, layer: layer.to_owned() });
        output
    }

    /// Adds a step that rounds a value.
    fn round(&mut self, layer: &str, value: Value, grid: Grid) -> Value {
        let shape = self.values[value].clone();
        self.push(layer, Op::FakeQuantize(grid), smallvec![value], shape)
    }

    /// Leaves out the steps that the output doesn't depend on.
    fn drop_unread(&mut self) {
        let mut needed = vec![false; self.values.len()];
        needed[self.output] = true;
        self.steps.reverse();
        self.steps.retain(|step| {
            if needed[step.output] {
                step.inputs.iter().for_each(|&input| needed[input] = true);
            }
            needed[step.output]
        });
        self.steps.reverse();
    }
}

/// Whether integer kernels compute it: both what it reads and what it makes is to be rounded.
fn computes(op: &Op) -> bool {
    matches!(
        op,
        Op::Conv2d(_)
            | Op::DepthwiseConv2d(_)
            | Op::Dense(_)
            | Op::Add
            | Op::AveragePool(_)
            | Op::GlobalAveragePool
            | Op::Concatenate { .. }
    )
}

/// Whether what it makes is on the grid that its input is on.
fn moves(op: &Op) -> bool {
    matches!(
        op,
        Op::Reshape
            | Op::Transpose { .. }
            | Op::ReverseChannels
            | Op::MaxPool(_)
            | Op::GlobalMaxPool
            | Op::Pad(_)
            | Op::Crop { .. }
    )
}

fn is_relu(op: &Op) -> bool {
    matches!(op, Op::Unary(Unary::Relu { negative_slope: 0.0, threshold: 0.0, .. }))
}

/// Whether the function does to numbers what rounding them to the grid does to them anyway.
fn is_relu_within(op: &Op, grid: Grid) -> bool {
    let Op::Unary(Unary::Relu { max_value, .. }) = op else { return false };
    let reaches = |most: f32| (most / grid.scale).round() >= 255.0;
    is_relu(op) && grid.zero_point == 0 && max_value.is_none_or(reaches)
}

/// What a kernel's whole numbers of at most 127 are multiplied with, for each output channel.
pub(crate) fn kernel_scales(kernel: &[f32], channels: usize) -> Vec<f32> {
    let mut largest = vec![0.0f32; channels];
    for row in kernel.chunks(channels.max(1)) {
        largest.iter_mut().zip(row).for_each(|(largest, value)| *largest = largest.max(value.abs()));
    }
    // Where numbers are so small, all are 0.
    let scale = |largest: f32| if (largest / 127.0).is_normal() { largest / 127.0 } else { 1.0 };
    largest.into_iter().map(scale).collect()
}
