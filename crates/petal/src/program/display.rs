//! A program as a person reads it: a line for each value.

use std::fmt::{self, Display, Formatter};

use super::op::{BatchNorm, Conv2d, Op, Padding, Unary, Window};
use super::{DTypePolicy, Gradient, Program, WeightNumber};

impl Display for Program {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let mode = format!("{:?}", self.mode).to_lowercase();
        let gradient = match self.gradient {
            Gradient::None => "",
            Gradient::Weights => ", with the gradients by its weights",
            Gradient::Watched => ", with the gradient by the watched value",
        };
        let policy = match self.dtype_policy {
            DTypePolicy::Float32 => String::new(),
            policy => format!(", {policy}"),
        };
        writeln!(f, "program '{}' ({mode}{policy}{gradient})", self.name)?;
        write!(f, "%{} {} = input", self.input, self.values[self.input])?;
        let mut layer = None;
        for step in &self.steps {
            if layer != Some(&step.layer) {
                write!(f, "\n  {}", step.layer)?;
                layer = Some(&step.layer);
            }
            let inputs: Vec<String> = step.inputs.iter().map(|input| format!("%{input}")).collect();
            write!(
                f,
                "\n%{} {} = {} {}",
                step.output,
                self.values[step.output],
                name(&step.op),
                inputs.join(", ")
            )?;
            self.settings(&step.op, f)?;
        }
        for (what, value) in [("logits", self.logits.map(|logits| logits.value)), ("watched", self.watched)] {
            if let Some(value) = value {
                write!(f, "\n{what}: %{value}")?;
            }
        }
        Ok(())
    }
}

impl Program {
    fn settings(&self, op: &Op, f: &mut Formatter<'_>) -> fmt::Result {
        let weight = |f: &mut Formatter<'_>, what: &str, number: Option<WeightNumber>| match number {
            Some(number) => match self.weights.get(number) {
                Some(weight) => {
                    let trains = if weight.trainable { "" } else { " fixed" };
                    write!(f, ", {what} {} {:?}{trains}", weight.path, weight.shape)
                }
                None => write!(f, ", {what} #{number}"),
            },
            None => Ok(()),
        };
        let norm = |f: &mut Formatter<'_>, norm: &BatchNorm| {
            // The weights' paths differ in their names alone.
            let layer = self.weights.get(norm.mean).and_then(|mean| mean.path.rsplit_once('/'));
            write!(f, " by {}, epsilon {}", layer.map_or("?", |(layer, _)| layer), norm.epsilon)?;
            match norm.momentum {
                Some(momentum) => write!(f, ", statistics of the batch, momentum {momentum}"),
                None => write!(f, ", moving statistics"),
            }?;
            let trains = |weight: Option<WeightNumber>| {
                weight.is_some_and(|weight| self.weights.get(weight).is_some_and(|weight| weight.trainable))
            };
            f.write_str(if trains(norm.gamma) || trains(norm.beta) { "" } else { ", fixed" })
        };
        match op {
            Op::Concatenate { axis } => write!(f, ", axis {axis}"),
            Op::Transpose { order } => write!(f, ", axes {order:?}"),
            Op::Scale { scale, offset } => write!(f, ", times {scale} plus {offset}"),
            Op::ChannelAffine { scale, offset } => write!(f, ", times {scale:?} plus {offset:?}"),
            Op::NormalizeByWeights { mean, variance, invert, .. } => {
                weight(f, "mean", Some(*mean))?;
                weight(f, "variance", Some(*variance))?;
                f.write_str(if *invert { ", inverted" } else { "" })
            }
            Op::ChannelScale { gamma, beta } => {
                weight(f, "gamma", *gamma)?;
                weight(f, "beta", *beta)
            }
            Op::Prelu { alpha } => weight(f, "alpha", Some(*alpha)),
            Op::Softmax { features } | Op::LogSoftmax { features } => write!(f, ", rows of {features}"),
            Op::Conv2d(conv) | Op::DepthwiseConv2d(conv) => {
                let Conv2d { kernel, bias, strides, dilation, padding, groups, norm: fold } = conv;
                weight(f, "kernel", Some(*kernel))?;
                weight(f, "bias", *bias)?;
                write_unless(f, "strides", strides, &[1, 1])?;
                write_unless(f, "dilation", dilation, &[1, 1])?;
                write_padding(f, padding)?;
                write_unless(f, "groups", groups, &1)?;
                match fold {
                    Some(fold) => f.write_str(", then normalized").and_then(|()| norm(f, fold)),
                    None => Ok(()),
                }
            }
            Op::Dense(dense) => {
                weight(f, "kernel", Some(dense.kernel))?;
                weight(f, "bias", dense.bias)?;
                match &dense.norm {
                    Some(fold) => f.write_str(", then normalized").and_then(|()| norm(f, fold)),
                    None => Ok(()),
                }
            }
            Op::BatchNorm(op) => norm(f, op),
            Op::LayerNorm(op) => {
                write!(f, ", rows of {}, epsilon {}", op.features, op.epsilon)?;
                f.write_str(if op.centered { "" } else { ", without the mean" })?;
                weight(f, "gamma", op.gamma)?;
                weight(f, "beta", op.beta)
            }
            Op::MaxPool(Window { size, strides, padding })
            | Op::AveragePool(Window { size, strides, padding }) => {
                write!(f, ", windows {size:?}")?;
                write_unless(f, "strides", strides, size)?;
                write_padding(f, padding)
            }
            Op::Pad(padding) => write_padding(f, padding),
            Op::Crop { start } => write!(f, ", from {start:?} on"),
            Op::Resize { interpolation } => write!(f, ", {}", format!("{interpolation:?}").to_lowercase()),
            Op::AutoContrast { range } => write!(f, ", to {range:?}"),
            Op::Unary(Unary::Relu { max_value, negative_slope, threshold }) => {
                max_value.map_or(Ok(()), |most| write!(f, ", up to {most}"))?;
                write_unless(f, "slope below", negative_slope, &0.0)?;
                write_unless(f, "from", threshold, &0.0)
            }
            Op::Unary(Unary::Elu { alpha }) => write_unless(f, "alpha", alpha, &1.0),
            Op::Unary(_) => Ok(()),
            Op::Dropout { rate, repeats, .. } => {
                write!(f, ", rate {rate}")?;
                write_unless(f, "each draw times", repeats, &1)
            }
            Op::RandomWarp(warp) => warp
                .warps
                .iter()
                .try_for_each(|(warp, _)| write!(f, ", {}", format!("{warp:?}").to_lowercase())),
            Op::RandomShift(op) => write!(f, ", {:?} {:?} in {:?}", op.kind, op.amounts, op.range),
            Op::RandomRecolor(op) => write!(f, ", {:?}", op.kind),
            Op::RandomErase(op) => write!(f, ", probability {:?}, share {:?}", op.probability, op.share),
            Op::RandomChanges(op) => {
                if let Some(draws) = op.draws {
                    write!(f, ", {draws} of")?;
                }
                op.choices.iter().try_for_each(|choice| write!(f, ", {}", snake_case(choice)))
            }
            Op::RandomMix(op) => write!(f, ", {:?}", op.mixings),
            Op::RandomNoise(op) => write!(f, ", {:?}", op.kind),
            Op::FakeQuantize(grid) => write!(f, ", steps of {}, 0 is {}", grid.scale, grid.zero_point),
            Op::Reshape
            | Op::Add
            | Op::Multiply
            | Op::Maximum
            | Op::Minimum
            | Op::ReverseChannels
            | Op::GlobalAveragePool
            | Op::GlobalMaxPool
            | Op::RandomCrop(_) => Ok(()),
        }
    }
}

fn write_unless<T: PartialEq + fmt::Debug>(
    f: &mut Formatter<'_>,
    what: &str,
    found: &T,
    usual: &T,
) -> fmt::Result {
    if found == usual { Ok(()) } else { write!(f, ", {what} {found:?}") }
}

fn write_padding(f: &mut Formatter<'_>, padding: &Padding) -> fmt::Result {
    match *padding {
        Padding { top: 0, bottom: 0, left: 0, right: 0 } => Ok(()),
        Padding { top, bottom, left, right } => {
            write!(f, ", padding top {top} bottom {bottom} left {left} right {right}")
        }
    }
}

/// The operation's name in snake case; a function's own.
fn name(op: &Op) -> String {
    match op {
        Op::Unary(unary) => snake_case(unary),
        op => snake_case(op),
    }
}

/// A variant's name in snake case.
pub(crate) fn snake_case(variant: &impl fmt::Debug) -> String {
    let debug = format!("{variant:?}");
    let class: String = debug.chars().take_while(|c| c.is_alphanumeric()).collect();
    let mut name = String::new();
    for (i, c) in class.char_indices() {
        if i > 0 && c.is_ascii_uppercase() {
            name.push('_');
        }
        name.push(c.to_ascii_lowercase());
    }
    name
}

#[cfg(test)]
mod tests {
    use crate::layers::*;
    use crate::model::Model;
    use crate::program::{Gradient, Mode, Passes};

    #[test]
    fn a_program_is_a_line_for_each_value() {
        let x = Input::image(8, 8, 3);
        let h = Conv2D::new(4, 3).strides(2).use_bias(false).on(&x).unwrap();
        let h = ReLU::new().max_value(6.0).on(&BatchNormalization::new().on(&h).unwrap()).unwrap();
        let h = Dense::new(2)
            .softmax()
            .on(&Dropout::new(0.5).on(&Flatten::new().on(&h).unwrap()).unwrap())
            .unwrap();
        let model = Model::new(&x, &h).unwrap();
        let program = model.program(Mode::Infer, Gradient::None).simplify(Passes::default()).to_string();
        let expected = "\
program 'functional' (infer)
%0 (None, 8, 8, 3) = input
  conv2d
%2 (None, 3, 3, 4) = conv2d %0, kernel conv2d/kernel [3, 3, 3, 4], strides [2, 2], then normalized by \
             batch_normalization, epsilon 0.001, moving statistics
  re_lu
%3 (None, 3, 3, 4) = relu %2, up to 6
  flatten
%4 (None, 36) = reshape %3
  dense
%5 (None, 2) = dense %4, kernel dense/kernel [36, 2], bias dense/bias [2]
%6 (None, 2) = softmax %5, rows of 2
logits: %5";
        assert_eq!(program, expected);
        let training = model.program(Mode::Train, Gradient::Weights).to_string();
        assert!(training.starts_with("program 'functional' (train, with the gradients by its weights)"));
        assert!(
            training
                .contains("= batch_norm %1 by batch_normalization, epsilon 0.001, statistics of the batch")
        );
        assert!(training.contains("= dropout %4, rate 0.5"));
        // Augmentation without what else is random in training.
        let augmented = model.program(Mode::Augment, Gradient::None).to_string();
        assert!(augmented.contains("moving statistics") && !augmented.contains("dropout"));
    }
}
