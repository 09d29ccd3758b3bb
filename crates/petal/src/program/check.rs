//! What makes a program broken: found before it is run, and in debug builds after each pass.

use super::op::{BatchNorm, Conv2d, Op, Padding, Window};
use super::{Program, Step, Value, WeightNumber};
use crate::shape::Shape;
use crate::{Error, Result};

/// Refuses steps, of a program or an engine's own, that read a value of these `values` before it is made, make one twice
/// or don't make one that is `kept`.
pub(crate) fn check_order<O>(
    steps: &[Step<O>],
    values: usize,
    input: Value,
    kept: &[Option<Value>],
) -> Result<(), String> {
    let mut made = vec![false; values];
    let exists = |value: Value| match value < values {
        true => Ok(value),
        false => Err(format!("there is no value %{value}; it has {values}")),
    };
    made[exists(input)?] = true;
    for (number, step) in steps.iter().enumerate() {
        let wrong = |problem: String| in_step(number, step, problem);
        for &input in &step.inputs {
            if !made[exists(input).map_err(wrong)?] {
                return Err(wrong(format!("%{input} is read before it is made")));
            }
        }
        if std::mem::replace(&mut made[exists(step.output).map_err(wrong)?], true) {
            return Err(wrong(format!("%{} is made twice", step.output)));
        }
    }
    match kept.iter().flatten().find(|&&kept| !made.get(kept).is_some_and(|made| *made)) {
        Some(kept) => Err(format!("%{kept} is wanted, but no step makes it")),
        None => Ok(()),
    }
}

fn in_step<O>(number: usize, step: &Step<O>, problem: String) -> String {
    format!("step {number}, of layer '{}': {problem}", step.layer)
}

impl Program {
    /// Refuses a program that cannot be run: a value that is read before it is made or made twice, a weight that isn't
    /// there or has another shape than its step needs, a step whose output has another shape than its value.
    ///
    /// # Errors
    /// Names the first step that is wrong, what it has and what it needs.
    pub fn check(&self) -> Result<()> {
        let broken =
            |problem: String| Error::Model(format!("the program of '{}' is broken: {problem}", self.name));
        check_order(&self.steps, self.values.len(), self.input, &self.kept()).map_err(broken)?;
        for (number, step) in self.steps.iter().enumerate() {
            let inputs: Vec<&Shape> = step.inputs.iter().map(|&input| &self.values[input]).collect();
            self.check_step(step, &inputs, &self.values[step.output])
                .map_err(|problem| broken(in_step(number, step, problem)))?;
        }
        Ok(())
    }

    fn check_step(&self, step: &Step, inputs: &[&Shape], output: &Shape) -> Result<(), String> {
        let [first, ..] = inputs else { return Err("it has no input".into()) };
        let several =
            matches!(step.op, Op::Add | Op::Multiply | Op::Maximum | Op::Minimum | Op::Concatenate { .. });
        if !several && inputs.len() > 1 {
            return Err(format!("it has {} inputs; expected one", inputs.len()));
        }
        let is = |found: &[usize], expected: &[usize]| match found == expected {
            true => Ok(()),
            false => Err(format!(
                "its output has the shape {}; expected {}",
                Shape::from(found),
                Shape::from(expected)
            )),
        };
        let same = || is(output, first);
        let rows = |features: usize| match features > 0 && first.elements().is_multiple_of(features) {
            true => same(),
            false => Err(format!("an input of shape {first} has no rows of {features} values")),
        };
        let last = first.last().copied().unwrap_or(1);
        match &step.op {
            Op::Reshape => match output.elements() == first.elements() {
                true => Ok(()),
                false => Err(format!("{first} has other numbers of values than {output}")),
            },
            Op::Add | Op::Maximum | Op::Minimum => match inputs.iter().find(|input| **input != *first) {
                Some(other) => Err(format!("its inputs have the shapes {first} and {other}")),
                None => same(),
            },
            Op::Multiply => match inputs.iter().find(|input| !repeats(input, output)) {
                Some(other) => Err(format!("an input has the shape {other}, its output {output}")),
                None => Ok(()),
            },
            Op::Concatenate { axis } => {
                let mut whole = first.to_vec();
                let Some(length) = whole.get_mut(*axis) else {
                    return Err(format!("{first} has no axis {axis}"));
                };
                *length = inputs.iter().map(|input| input.get(*axis).copied().unwrap_or(0)).sum();
                is(output, &whole)
            }
            Op::Transpose { order } => {
                let mut sorted = order.clone();
                sorted.sort_unstable();
                if !sorted.into_iter().eq(0..first.len()) {
                    return Err(format!("{order:?} is no order of the axes of {first}"));
                }
                let moved: Vec<usize> = order.iter().map(|&axis| first[axis]).collect();
                is(output, &moved)
            }
            Op::ReverseChannels
            | Op::Scale { .. }
            | Op::Unary(_)
            | Op::Dropout { .. }
            | Op::RandomNoise(_) => same(),
            Op::FakeQuantize(grid) => match grid.scale.is_normal() && grid.scale > 0.0 {
                true => same(),
                false => Err(format!("numbers cannot be rounded in steps of {}", grid.scale)),
            },
            Op::ChannelAffine { scale, offset } => match scale.len() == offset.len() {
                true => rows(scale.len()),
                false => Err(format!("it has {} factors and {} offsets", scale.len(), offset.len())),
            },
            Op::NormalizeByWeights { mean, variance, places, .. } => {
                let most = places.iter().max().map_or(0, |largest| largest + 1);
                for weight in [*mean, *variance] {
                    let len: usize = self.weight(weight)?.iter().product();
                    if len < most {
                        return Err(format!("it reads {most} numbers of a weight that has {len}"));
                    }
                }
                rows(places.len())
            }
            Op::ChannelScale { gamma, beta } => {
                let len = |weight: WeightNumber| Ok::<usize, String>(self.weight(weight)?.iter().product());
                [gamma, beta].into_iter().flatten().try_for_each(|&weight| rows(len(weight)?))?;
                same()
            }
            Op::Prelu { alpha } => rows(self.weight(*alpha)?.iter().product()),
            Op::Softmax { features } | Op::LogSoftmax { features } => rows(*features),
            Op::Conv2d(conv) => {
                let [height, width, channels] = first.image()?;
                let filters = output.last().copied().unwrap_or(0);
                let kernel = self.kernel(conv, [channels / conv.groups.max(1), filters])?;
                let window = dilated(kernel, conv.dilation);
                let [rows, columns] = windows([height, width], window, conv.strides, conv.padding)?;
                self.check_channels(conv.bias, conv.norm.as_ref(), filters)?;
                is(output, &[rows, columns, filters])
            }
            Op::DepthwiseConv2d(conv) => {
                let [height, width, channels] = first.image()?;
                let multiplier = output.last().copied().unwrap_or(0) / channels.max(1);
                let kernel = self.kernel(conv, [channels, multiplier])?;
                let window = dilated(kernel, conv.dilation);
                let [rows, columns] = windows([height, width], window, conv.strides, conv.padding)?;
                self.check_channels(conv.bias, conv.norm.as_ref(), channels * multiplier)?;
                is(output, &[rows, columns, channels * multiplier])
            }
            Op::Dense(dense) => {
                let units = output.last().copied().unwrap_or(0);
                self.expect(dense.kernel, &[last, units])?;
                self.check_channels(dense.bias, dense.norm.as_ref(), units)?;
                is(output, &[&first[..first.len() - 1], &[units]].concat())
            }
            Op::BatchNorm(norm) => {
                self.check_channels(None, Some(norm), last)?;
                same()
            }
            Op::LayerNorm(norm) => {
                for weight in [norm.gamma, norm.beta].into_iter().flatten() {
                    let len: usize = self.weight(weight)?.iter().product();
                    if len != norm.features {
                        return Err(format!("a weight has {len} numbers; expected {}", norm.features));
                    }
                }
                rows(norm.features)
            }
            Op::MaxPool(Window { size, strides, padding })
            | Op::AveragePool(Window { size, strides, padding }) => {
                let [height, width, channels] = first.image()?;
                let [rows, columns] = windows([height, width], *size, *strides, *padding)?;
                is(output, &[rows, columns, channels])
            }
            Op::GlobalAveragePool | Op::GlobalMaxPool => {
                first.image()?;
                match output.elements() == last {
                    true => Ok(()),
                    false => Err(format!("its output has the shape {output}; expected {last} values")),
                }
            }
            Op::Pad(padding) => {
                let [height, width, channels] = first.image()?;
                let [height, width] = padding.around([height, width]);
                is(output, &[height, width, channels])
            }
            Op::Crop { start } => {
                let ([height, width, channels], [rows, columns, kept]) = (first.image()?, output.image()?);
                match start[0] + rows <= height && start[1] + columns <= width && kept == channels {
                    true => Ok(()),
                    false => Err(format!("{output} is no part of {first} from row and column {start:?} on")),
                }
            }
            Op::RandomCrop(_) => {
                let ([height, width, channels], [rows, columns, kept]) = (first.image()?, output.image()?);
                match rows <= height && columns <= width && kept == channels {
                    true => Ok(()),
                    false => Err(format!("{output} is no part of {first}")),
                }
            }
            Op::Resize { .. } => {
                let ([_, _, channels], [_, _, kept]) = (first.image()?, output.image()?);
                if kept == channels { Ok(()) } else { Err(format!("{first} cannot be resized to {output}")) }
            }
            Op::AutoContrast { .. }
            | Op::RandomWarp(_)
            | Op::RandomShift(_)
            | Op::RandomRecolor(_)
            | Op::RandomErase(_)
            | Op::RandomChanges(_)
            | Op::RandomMix(_) => {
                first.image()?;
                same()
            }
        }
    }

    fn weight(&self, number: WeightNumber) -> Result<&[usize], String> {
        match self.weights.get(number) {
            Some(weight) => Ok(&weight.shape),
            None => Err(format!("there is no weight {number}; the model has {}", self.weights.len())),
        }
    }

    fn expect(&self, number: WeightNumber, shape: &[usize]) -> Result<(), String> {
        let found = self.weight(number)?;
        match found == shape {
            true => Ok(()),
            false => {
                let path = &self.weights[number].path;
                Err(format!("weight '{path}' has the shape {found:?}; expected {shape:?}"))
            }
        }
    }

    /// Height and width of a convolution's kernel, whose other axes are given.
    fn kernel(&self, conv: &Conv2d, rest: [usize; 2]) -> Result<[usize; 2], String> {
        let found = self.weight(conv.kernel)?;
        let size = found.first_chunk::<2>().copied().unwrap_or_default();
        self.expect(conv.kernel, &[size[0], size[1], rest[0], rest[1]])?;
        Ok(size)
    }

    fn check_channels(
        &self,
        bias: Option<WeightNumber>,
        norm: Option<&BatchNorm>,
        channels: usize,
    ) -> Result<(), String> {
        let norm =
            norm.into_iter().flat_map(|norm| [norm.gamma, norm.beta, Some(norm.mean), Some(norm.variance)]);
        [bias].into_iter().chain(norm).flatten().try_for_each(|weight| self.expect(weight, &[channels]))
    }
}

/// Whether the values of `input` are those of `output`'s last axes, over and over, or one for all of a channel's pixels.
fn repeats(input: &Shape, output: &Shape) -> bool {
    let mut axes = input.iter().skip_while(|axis| **axis == 1).copied().collect::<Vec<_>>();
    if axes.is_empty() {
        axes.push(1);
    }
    output.ends_with(&axes) || input.elements() == 1
}

fn dilated(size: [usize; 2], dilation: [usize; 2]) -> [usize; 2] {
    [0, 1].map(|axis| size[axis].saturating_sub(1) * dilation[axis] + 1)
}

/// How many windows there are, down and to the right.
fn windows(
    image: [usize; 2],
    window: [usize; 2],
    strides: [usize; 2],
    padding: Padding,
) -> Result<[usize; 2], String> {
    let around = padding.around(image);
    if (0..2).any(|axis| window[axis] == 0 || window[axis] > around[axis] || strides[axis] == 0) {
        return Err(format!("windows of {window:?} in steps of {strides:?} don't fit into {around:?}"));
    }
    Ok([0, 1].map(|axis| (around[axis] - window[axis]) / strides[axis] + 1))
}

#[cfg(test)]
mod tests {
    use crate::layers::*;
    use crate::model::Model;
    use crate::program::{Gradient, Mode, Op, Program};

    fn program() -> Program {
        let x = Input::image(8, 8, 3);
        let h = Conv2D::new(4, 3).relu().on(&x).unwrap();
        let model = Model::new(&x, &Dense::new(2).on(&Flatten::new().on(&h).unwrap()).unwrap()).unwrap();
        model.program(Mode::Train, Gradient::Weights)
    }

    fn broken(change: impl Fn(&mut Program)) -> String {
        let mut program = program();
        program.check().unwrap();
        change(&mut program);
        program.check().unwrap_err().to_string()
    }

    #[test]
    fn a_broken_program_says_where_it_is_broken() {
        let text = broken(|program| program.steps.swap(0, 1));
        assert!(text.contains("step 0, of layer 'conv2d': %1 is read before it is made"), "{text}");
        let text = broken(|program| program.steps[2].output = 1);
        assert!(text.contains("%1 is made twice"), "{text}");
        let text = broken(|program| program.values[1] = [6, 6, 5].into());
        assert!(
            text.contains("weight 'conv2d/kernel' has the shape [3, 3, 3, 4]; expected [3, 3, 3, 5]"),
            "{text}"
        );
        let text = broken(|program| program.weights.truncate(1));
        assert!(text.contains("there is no weight 1"), "{text}");
        let text = broken(|program| drop(program.steps.pop()));
        assert!(text.contains("is wanted, but no step makes it"), "{text}");
        let text = broken(|program| program.values[3] = [143].into());
        assert!(text.contains("other numbers of values"), "{text}");
        let text = broken(|program| program.steps[1].op = Op::Softmax { features: 7 });
        assert!(text.contains("no rows of 7 values"), "{text}");
    }
}
