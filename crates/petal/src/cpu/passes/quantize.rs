//! Operations between roundings to 8 bits → operations on bytes, where weights stay as they are.
//!
//! A value that is rounded is kept as bytes alone. Where an operation has no kernel of bytes, numbers are made of them
//! before it.

use std::collections::BTreeMap;
use std::sync::Arc;

use petal_kernels as kernels;
use smallvec::smallvec;

use crate::cpu::op::{Op, Param};
use crate::cpu::ops::elementwise::Multiply;
use crate::cpu::ops::fake_quantize::FakeQuantize;
use crate::cpu::ops::pooling::{GlobalPool, GlobalPoolKind};
use crate::cpu::ops::quantized::{Kind, Quantized, Sums};
use crate::cpu::ops::weighted::Weighted;
use crate::program::{Grid, Step, Value, readers};

/// `values` has the number of numbers in a sample of each value, and gets those of bytes, in floats; `scales` those of
/// each rounded weight, by its place.
pub(in crate::cpu) fn run(
    steps: &mut Vec<Step<Op>>,
    values: &mut Vec<usize>,
    kept: &[Option<Value>],
    weights: &[f32],
    scales: &BTreeMap<usize, Vec<f32>>,
) {
    if !steps.iter().any(|step| matches!(step.op, Op::FakeQuantize(_))) {
        return;
    }
    let readers = readers(steps);
    let before = std::mem::take(steps);
    let numbers = values.len();
    let mut pass =
        Pass { steps, values, bytes: BTreeMap::new(), made: vec![false; numbers], weights, scales };
    let mut rounded = vec![false; before.len()];
    for (at, step) in before.iter().enumerate() {
        if rounded[at] {
            continue;
        }
        // The rounding that is all that becomes of the output.
        let output = step.output;
        let only = readers.get(output) == Some(&1) && !kept.contains(&Some(output));
        let next =
            (at + 1..before.len()).find(|&next| before[next].inputs.contains(&output)).filter(|_| only);
        let rounding = next.and_then(|next| match before[next].op {
            Op::FakeQuantize(FakeQuantize(grid)) => Some((next, grid)),
            _ => None,
        });
        match rounding {
            Some((next, grid)) if pass.round(step, before[next].output, grid) => rounded[next] = true,
            _ => pass.step(step),
        }
    }
    for value in kept.iter().flatten() {
        pass.numbers(*value, "");
    }
}

struct Pass<'a> {
    steps: &'a mut Vec<Step<Op>>,
    values: &'a mut Vec<usize>,
    /// Of a rounded value its bytes and their grid.
    bytes: BTreeMap<Value, (Value, Grid)>,
    /// Whether numbers are made of a value that has bytes.
    made: Vec<bool>,
    weights: &'a [f32],
    scales: &'a BTreeMap<usize, Vec<f32>>,
}

impl Pass<'_> {
    /// Adds a step whose rounded output is this value. False if there is no kernel for it.
    fn round(&mut self, step: &Step<Op>, output: Value, grid: Grid) -> bool {
        let inputs: Option<Vec<(Value, Grid)>> =
            step.inputs.iter().map(|input| self.bytes.get(input).copied()).collect();
        let Some(inputs) = inputs else {
            // A scaled input is rounded as it is scaled.
            let Op::Scale { scale, offset } = step.op else { return false };
            let scaled = Kind::Quantize {
                scale: scale / grid.scale,
                offset: offset / grid.scale + f32::from(grid.zero_point),
            };
            self.push(scaled, &[step.inputs[0]], step, output, Some(grid));
            return true;
        };
        let to_bytes = |bounds: (f32, f32)| Sums::Bytes {
            zero_point: grid.zero_point,
            bounds: [bounds.0, bounds.1].map(|bound| byte(bound, grid)),
        };
        let Some(kind) = self.kind(step, &inputs, grid, to_bytes) else { return false };
        let inputs: Vec<Value> = inputs.iter().map(|input| input.0).collect();
        self.push(kind, &inputs, step, output, Some(grid));
        true
    }

    /// Adds a step whose output isn't rounded, or is by a step of its own.
    fn step(&mut self, step: &Step<Op>) {
        let input = step.inputs[0];
        match (&step.op, self.bytes.get(&input).copied()) {
            (Op::FakeQuantize(FakeQuantize(grid)), Some((bytes, of))) if *grid == of => {
                self.bytes.insert(step.output, (bytes, of));
            }
            (Op::FakeQuantize(FakeQuantize(grid)), _) => {
                self.numbers(input, &step.layer);
                let (scale, offset) = (grid.scale.recip(), f32::from(grid.zero_point));
                self.push(Kind::Quantize { scale, offset }, &[input], step, step.output, Some(*grid));
            }
            (op, Some((bytes, grid))) => {
                let unit = Grid { scale: 1.0, zero_point: 0 };
                let to_floats = |(low, high): (f32, f32)| Sums::Floats { bounds: [low, high] };
                let products = matches!(op, Op::Conv2d(_) | Op::DepthwiseConv2d(_) | Op::Dense(_));
                let kind = products.then(|| self.kind(step, &[(bytes, grid)], unit, to_floats)).flatten();
                match kind {
                    Some(kind) => self.push(kind, &[bytes], step, step.output, None),
                    None => self.as_it_is(step),
                }
            }
            _ => self.as_it_is(step),
        }
    }

    /// Adds the step, which reads numbers.
    fn as_it_is(&mut self, step: &Step<Op>) {
        for &input in &step.inputs {
            self.numbers(input, &step.layer);
        }
        self.steps.push(step.clone());
    }

    /// Makes numbers of a value's bytes, if it has some.
    fn numbers(&mut self, value: Value, layer: &str) {
        let Some(&(bytes, grid)) = self.bytes.get(&value) else { return };
        if std::mem::replace(&mut self.made[value], true) {
            return;
        }
        let count = self.values[value];
        let op = Quantized { kind: Kind::Dequantize(grid), inputs: [count, 0], output: count };
        self.steps.push(Step {
            op: Op::Quantized(Box::new(op)),
            inputs: smallvec![bytes],
            output: value,
            layer: layer.to_owned(),
        });
    }

    /// Adds a step of a layer that makes this value, as bytes if they have a grid.
    fn push(&mut self, kind: Kind, inputs: &[Value], of: &Step<Op>, output: Value, grid: Option<Grid>) {
        let count = self.values[output];
        let mut counts = [0; 2];
        for (count, &input) in counts.iter_mut().zip(&of.inputs) {
            *count = self.values[input];
        }
        let to = match grid {
            Some(grid) => {
                self.values.push(count.div_ceil(size_of::<f32>()));
                let bytes = self.values.len() - 1;
                self.bytes.insert(output, (bytes, grid));
                bytes
            }
            None => output,
        };
        self.steps.push(Step {
            op: Op::Quantized(Box::new(Quantized { kind, inputs: counts, output: count })),
            inputs: inputs.iter().copied().collect(),
            output: to,
            layer: of.layer.clone(),
        });
    }

    /// What a step does to bytes of these grids to make numbers of a grid, where `sums` says what becomes of sums within
    /// bounds. None if there is no such kernel.
    fn kind(
        &self,
        step: &Step<Op>,
        inputs: &[(Value, Grid)],
        grid: Grid,
        sums: impl Fn((f32, f32)) -> Sums,
    ) -> Option<Kind> {
        let input = inputs[0].1;
        let offset = f32::from(grid.zero_point);
        let mean = |scale: f32| {
            let scale = scale / grid.scale;
            (scale, offset - scale * f32::from(input.zero_point))
        };
        Some(match &step.op {
            Op::Conv2d(conv) if conv.shape.groups == 1 => {
                self.conv2d(conv, conv.shape, input, grid, sums(conv.activations.output.bounds()))?
            }
            Op::Dense(dense) => {
                let kernels::Dense { rows, inputs, units, precision } = dense.shape;
                let shape = kernels::Conv2d {
                    batch: 0,
                    input: [1, rows, inputs],
                    filters: units,
                    kernel: [1; 2],
                    strides: [1; 2],
                    dilation: [1; 2],
                    padding: kernels::Padding::default(),
                    groups: 1,
                    precision,
                };
                self.conv2d(dense, shape, input, grid, sums(dense.activations.output.bounds()))?
            }
            Op::DepthwiseConv2d(conv) if conv.shape.multiplier == 1 => {
                let result = sums(conv.activations.output.bounds());
                let shape =
                    kernels::QuantizedDepthwiseConv2d { shape: conv.shape, zero_point: input.zero_point };
                let channels = conv.shape.input[2];
                let Whole { kernel, biases, scales } =
                    self.whole(conv.kernel, conv.bias, channels, input, grid)?;
                let kernel = Arc::new(shape.pack(&kernel, &biases, &scales));
                Kind::DepthwiseConv2d { conv: shape, kernel, result }
            }
            Op::Unary(unary) => {
                let (mut values, mut results) = ([0.0; 256], [0.0; 256]);
                values.iter_mut().zip(0u8..).for_each(|(value, byte)| *value = input.number(byte));
                unary.forward(&values, &mut results);
                Kind::Table(Box::new(results.map(|result| byte(result, grid))))
            }
            Op::Scale { scale, offset } => {
                let mut table = [0; 256];
                table
                    .iter_mut()
                    .zip(0u8..)
                    .for_each(|(y, x)| *y = byte(input.number(x) * scale + offset, grid));
                Kind::Table(Box::new(table))
            }
            Op::Add if inputs.len() == 2 => {
                let scales = [0, 1].map(|i| inputs[i].1.scale / grid.scale);
                let zeros: f32 = (0..2).map(|i| scales[i] * f32::from(inputs[i].1.zero_point)).sum();
                Kind::Add { scales, offset: offset - zeros }
            }
            Op::Multiply(Multiply { elements, repeats }) if inputs.len() == 2 && repeats[0] == 1 => {
                Kind::Multiply {
                    channels: elements / repeats[1],
                    repeats: repeats[1],
                    scale: inputs[0].1.scale * inputs[1].1.scale / grid.scale,
                    zero_points: [input.zero_point, inputs[1].1.zero_point, grid.zero_point],
                }
            }
            Op::Pad(pad) if input == grid => Kind::Pad { pad: pad.pad, zero_point: grid.zero_point },
            Op::MaxPool(pool) if input == grid => Kind::MaxPool(pool.pool),
            Op::AveragePool(pool) => {
                let (scale, offset) = mean(input.scale);
                Kind::AveragePool { pool: pool.pool, scale, offset }
            }
            Op::GlobalPool(GlobalPool { channels, kind: GlobalPoolKind::Average, .. }) => {
                let (scale, offset) = mean(input.scale);
                Kind::GlobalAveragePool { channels: *channels, scale, offset }
            }
            _ => return None,
        })
    }

    fn conv2d<K>(
        &self,
        op: &Weighted<K>,
        shape: kernels::Conv2d,
        input: Grid,
        grid: Grid,
        result: Sums,
    ) -> Option<Kind> {
        if shape.kernel_len() / shape.filters.max(1) > kernels::MAX_QUANTIZED_TERMS {
            return None;
        }
        let Whole { kernel, biases, scales } = self.whole(op.kernel, op.bias, shape.filters, input, grid)?;
        let conv = kernels::QuantizedConv2d { shape, zero_point: input.zero_point };
        let kernel = Arc::new(conv.pack(&kernel, &biases, &scales));
        Some(Kind::Conv2d { conv, kernel, result })
    }

    /// Weights of so many output channels as whole numbers, for an input and an output on these grids; None if the kernel
    /// isn't rounded.
    fn whole(
        &self,
        kernel: Param,
        bias: Option<Param>,
        channels: usize,
        input: Grid,
        output: Grid,
    ) -> Option<Whole> {
        let scales = self.scales.get(&kernel.offset)?;
        let steps =
            kernel.of(self.weights).chunks_exact(channels.max(1)).flat_map(|row| row.iter().zip(scales));
        let biases = match bias {
            Some(bias) => bias.of(self.weights),
            None => &vec![0.0; channels],
        };
        let biases =
            biases.iter().zip(scales).map(|(bias, scale)| (bias / (scale * input.scale)).round() as i32);
        Some(Whole {
            kernel: steps.map(|(weight, scale)| (weight / scale).round() as i8).collect(),
            biases: biases.collect(),
            scales: scales.iter().map(|scale| scale * input.scale / output.scale).collect(),
        })
    }
}

/// Weights as whole numbers, and what sums of their products are multiplied with.
struct Whole {
    kernel: Vec<i8>,
    biases: Vec<i32>,
    scales: Vec<f32>,
}

/// The byte that is nearest to a number.
fn byte(number: f32, grid: Grid) -> u8 {
    ((number / grid.scale).round_ties_even() + f32::from(grid.zero_point)) as u8
}
