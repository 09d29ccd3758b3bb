//! From a program's steps to calls of kernels.

use petal_kernels as kernels;

use super::op::{Op, Param};
use super::ops::batch_norm::BatchNorm;
use super::ops::changes::ChangesOp;
use super::ops::channel_affine::{ChannelAffine, Coefficients};
use super::ops::channel_scale::ChannelScale;
use super::ops::color::{AutoContrast, ColorOp};
use super::ops::dropout::Dropout;
use super::ops::elementwise::{Extremum, Multiply};
use super::ops::erase::EraseOp;
use super::ops::fake_quantize::FakeQuantize;
use super::ops::frame::{Crop, CropStart, Pad, Resize};
use super::ops::layer_norm::LayerNorm;
use super::ops::layout::{Concatenate, Transpose};
use super::ops::mix::MixOp;
use super::ops::noise::NoiseOp;
use super::ops::pooling::{AveragePool, GlobalPool, GlobalPoolKind, MaxPool};
use super::ops::prelu::Prelu;
use super::ops::recolor::RecolorOp;
use super::ops::warp::WarpOp;
use super::ops::weighted::Weighted;
use super::plan::GradientLayout;
use crate::program::{self, DTypePolicy, Program, Step, Unary, Value, WeightNumber};
use crate::shape::Shape;

/// A forward step for each step of the program.
pub(super) fn lower(program: &Program, gradients: &GradientLayout) -> Vec<Step<Op>> {
    let step = |step: &Step| Step {
        op: Place { program, gradients, step }.op(),
        inputs: step.inputs.clone(),
        output: step.output,
        layer: step.layer.clone(),
    };
    program.steps.iter().map(step).collect()
}

/// A step with what it is to be understood by.
struct Place<'a> {
    program: &'a Program,
    gradients: &'a GradientLayout,
    step: &'a Step,
}

impl Place<'_> {
    fn op(&self) -> Op {
        let (input, output) = (self.shape(self.step.inputs[0]), self.shape(self.step.output));
        let last = input.last().copied().unwrap_or(1);
        let rows = |features: usize| input.elements() / features.max(1);
        match &self.step.op {
            program::Op::Reshape => Op::Reshape,
            program::Op::Add => Op::Add,
            program::Op::Maximum => Op::Extremum(Extremum::Maximum),
            program::Op::Minimum => Op::Extremum(Extremum::Minimum),
            program::Op::Multiply => {
                let elements = output.elements();
                let repeats = |&input: &Value| (elements / self.shape(input).elements().max(1)).max(1);
                Op::Multiply(Multiply { elements, repeats: self.step.inputs.iter().map(repeats).collect() })
            }
            program::Op::Concatenate { axis } => Op::Concatenate(Concatenate {
                outer: output[..*axis].iter().product(),
                parts: self
                    .step
                    .inputs
                    .iter()
                    .map(|&input| self.shape(input)[*axis..].iter().product())
                    .collect(),
            }),
            program::Op::Transpose { order } => {
                Op::Transpose(Transpose { shape: input.to_vec(), order: order.clone() })
            }
            program::Op::ReverseChannels => Op::ReverseChannels { channels: last },
            &program::Op::Scale { scale, offset } => Op::Scale { scale, offset },
            program::Op::ChannelAffine { scale, offset } => {
                let coefficients = Coefficients::Fixed { scale: scale.clone(), offset: offset.clone() };
                Op::ChannelAffine(ChannelAffine { rows: rows(scale.len()), coefficients })
            }
            program::Op::NormalizeByWeights { mean, variance, places, invert } => {
                let (mean, variance) = (self.param(*mean), self.param(*variance));
                let rows = rows(places.len());
                let coefficients =
                    Coefficients::Moments { mean, variance, places: places.clone(), invert: *invert };
                Op::ChannelAffine(ChannelAffine { rows, coefficients })
            }
            program::Op::ChannelScale { gamma, beta } => {
                let [gamma, beta] = [gamma, beta].map(|weight| weight.map(|weight| self.param(weight)));
                let channels = gamma.or(beta).map_or(last, |param| param.len);
                Op::ChannelScale(ChannelScale { rows: rows(channels), channels, gamma, beta })
            }
            program::Op::Unary(unary) => Op::Unary(self::unary(*unary)),
            program::Op::Prelu { alpha } => {
                let alpha = self.param(*alpha);
                Op::Prelu(Prelu { rows: rows(alpha.len), alpha })
            }
            &program::Op::Softmax { features: classes } => Op::Softmax { rows: rows(classes), classes },
            &program::Op::LogSoftmax { features: classes } => Op::LogSoftmax { rows: rows(classes), classes },
            // As many groups as channels, too: the kernel's numbers lie in the same order.
            program::Op::DepthwiseConv2d(conv) => self.depthwise_conv2d(conv, image(input), image(output)),
            program::Op::Conv2d(conv) if conv.groups > 1 && conv.groups == last => {
                self.depthwise_conv2d(conv, image(input), image(output))
            }
            program::Op::Conv2d(conv) => {
                let (input, [_, _, filters]) = (image(input), image(output));
                let shape = kernels::Conv2d {
                    batch: 0,
                    input,
                    filters,
                    kernel: self.window(conv.kernel),
                    strides: conv.strides,
                    dilation: conv.dilation,
                    padding: padding(conv.padding),
                    groups: conv.groups,
                    precision: self.precision(),
                };
                Op::Conv2d(self.weighted(shape, conv.kernel, conv.bias, conv.norm.as_ref()))
            }
            program::Op::Dense(dense) => {
                let units = output.last().copied().unwrap_or(1);
                let precision = self.precision();
                let shape = kernels::Dense { rows: rows(last), inputs: last, units, precision };
                Op::Dense(self.weighted(shape, dense.kernel, dense.bias, dense.norm.as_ref()))
            }
            program::Op::BatchNorm(norm) => Op::BatchNorm(self.batch_norm(norm)),
            program::Op::LayerNorm(norm) => Op::LayerNorm(LayerNorm {
                rows: rows(norm.features),
                features: norm.features,
                epsilon: norm.epsilon,
                centered: norm.centered,
                gamma: norm.gamma.map(|gamma| self.param(gamma)),
                beta: norm.beta.map(|beta| self.param(beta)),
            }),
            program::Op::MaxPool(window) => Op::MaxPool(MaxPool { pool: pool(image(input), window) }),
            program::Op::AveragePool(window) => {
                Op::AveragePool(AveragePool { pool: pool(image(input), window) })
            }
            program::Op::GlobalAveragePool => global_pool(input, GlobalPoolKind::Average),
            program::Op::GlobalMaxPool => global_pool(input, GlobalPoolKind::Max),
            program::Op::Pad(zeros) => {
                let pad = kernels::Pad2d { batch: 0, input: image(input), padding: padding(*zeros) };
                Op::Pad(Pad { pad })
            }
            program::Op::Crop { start } => {
                let [height, width, _] = image(output);
                let start = CropStart::At(*start);
                Op::Crop(Crop { image: image(input), size: [height, width], start })
            }
            program::Op::RandomCrop(crop) => {
                let [height, width, _] = image(output);
                let start = CropStart::Random(crop.stream.clone());
                Op::Crop(Crop { image: image(input), size: [height, width], start })
            }
            program::Op::Resize { interpolation } => {
                let [height, width, _] = image(output);
                let resize = kernels::Resize { batch: 0, input: image(input), output: [height, width] };
                Op::Resize(Resize { resize, interpolation: *interpolation })
            }
            program::Op::AutoContrast { range } => {
                let [height, width, channels] = image(input);
                Op::AutoContrast(AutoContrast { pixels: height * width, channels, range: *range })
            }
            program::Op::RandomWarp(warp) => {
                Op::Warp(WarpOp { warp: warp.clone(), image: image(input), rescaling: None })
            }
            program::Op::RandomShift(shift) => {
                let [height, width, channels] = image(input);
                Op::Color(ColorOp { shift: shift.clone(), pixels: height * width, channels })
            }
            program::Op::RandomRecolor(recolor) => {
                Op::Recolor(RecolorOp { recolor: recolor.clone(), channels: last })
            }
            program::Op::RandomErase(erase) => {
                Op::Erase(EraseOp { erase: erase.clone(), image: image(input) })
            }
            program::Op::RandomChanges(changes) => {
                Op::Changes(ChangesOp { changes: changes.clone(), image: image(input) })
            }
            program::Op::RandomMix(mix) => Op::Mix(MixOp { mix: mix.clone(), image: image(input) }),
            program::Op::Dropout { rate, repeats, stream } => Op::Dropout(Dropout {
                rate: *rate,
                stream: stream.clone(),
                spatial: (*repeats > 1).then_some((*repeats, input.elements() / repeats)),
            }),
            program::Op::RandomNoise(noise) => Op::Noise(NoiseOp(noise.clone())),
            program::Op::FakeQuantize(grid) => Op::FakeQuantize(FakeQuantize(*grid)),
        }
    }

    fn depthwise_conv2d(&self, conv: &program::Conv2d, input: [usize; 3], [_, _, outputs]: [usize; 3]) -> Op {
        let shape = kernels::DepthwiseConv2d {
            batch: 0,
            input,
            multiplier: outputs / input[2],
            kernel: self.window(conv.kernel),
            strides: conv.strides,
            dilation: conv.dilation,
            padding: padding(conv.padding),
        };
        Op::DepthwiseConv2d(self.weighted(shape, conv.kernel, conv.bias, conv.norm.as_ref()))
    }

    fn precision(&self) -> kernels::Precision {
        match self.program.dtype_policy {
            DTypePolicy::Float32 => kernels::Precision::Float32,
            DTypePolicy::MixedBfloat16 => kernels::Precision::Bfloat16,
        }
    }

    fn shape(&self, value: Value) -> &Shape {
        &self.program.values[value]
    }

    fn param(&self, number: WeightNumber) -> Param {
        let range = self.program.weights[number].range();
        Param { offset: range.start, len: range.len(), gradient: self.gradients.of(range.start) }
    }

    /// Height and width of a kernel.
    fn window(&self, kernel: WeightNumber) -> [usize; 2] {
        let shape = &self.program.weights[kernel].shape;
        [shape[0], shape[1]]
    }

    fn weighted<K>(
        &self,
        shape: K,
        kernel: WeightNumber,
        bias: Option<WeightNumber>,
        norm: Option<&program::BatchNorm>,
    ) -> Weighted<K> {
        let norm = norm.map(|norm| self.batch_norm(norm));
        Weighted { norm, ..Weighted::new(shape, self.param(kernel), bias.map(|bias| self.param(bias))) }
    }

    fn batch_norm(&self, norm: &program::BatchNorm) -> BatchNorm {
        let output = self.shape(self.step.output);
        let channels = output.last().copied().unwrap_or(1);
        BatchNorm {
            rows: output.elements() / channels.max(1),
            channels,
            epsilon: norm.epsilon,
            momentum: norm.momentum,
            gamma: norm.gamma.map(|gamma| self.param(gamma)),
            beta: norm.beta.map(|beta| self.param(beta)),
            mean: self.param(norm.mean),
            variance: self.param(norm.variance),
        }
    }
}

fn image(shape: &Shape) -> [usize; 3] {
    shape.image().expect("the program was checked: its operations on images have images")
}

fn pool(input: [usize; 3], window: &program::Window) -> kernels::Pool2d {
    let program::Window { size, strides, padding: cells } = *window;
    kernels::Pool2d { batch: 0, input, window: size, strides, padding: padding(cells) }
}

fn global_pool(input: &Shape, kind: GlobalPoolKind) -> Op {
    let [height, width, channels] = image(input);
    Op::GlobalPool(GlobalPool { pixels: height * width, channels, kind })
}

fn padding(padding: program::Padding) -> kernels::Padding {
    let program::Padding { top, bottom, left, right } = padding;
    kernels::Padding { top, bottom, left, right }
}

fn unary(unary: Unary) -> kernels::Unary {
    match unary {
        Unary::Relu { max_value, negative_slope, threshold } => {
            kernels::Unary::Relu { max_value, negative_slope, threshold }
        }
        Unary::Sigmoid => kernels::Unary::Sigmoid,
        Unary::Tanh => kernels::Unary::Tanh,
        Unary::Elu { alpha } => kernels::Unary::Elu { alpha },
        Unary::Selu => kernels::Unary::Selu,
        Unary::Gelu => kernels::Unary::Gelu,
        Unary::Silu => kernels::Unary::Silu,
        Unary::Softplus => kernels::Unary::Softplus,
        Unary::Softsign => kernels::Unary::Softsign,
        Unary::HardSigmoid => kernels::Unary::HardSigmoid,
        Unary::HardSilu => kernels::Unary::HardSilu,
        Unary::Exponential => kernels::Unary::Exponential,
        Unary::Mish => kernels::Unary::Mish,
        Unary::LogSigmoid => kernels::Unary::LogSigmoid,
        Unary::Squareplus => kernels::Unary::Squareplus,
        Unary::SparsePlus => kernels::Unary::SparsePlus,
        Unary::SparseSigmoid => kernels::Unary::SparseSigmoid,
        Unary::HardTanh => kernels::Unary::HardTanh,
        Unary::TanhShrink => kernels::Unary::TanhShrink,
        Unary::SoftShrink => kernels::Unary::SoftShrink,
        Unary::HardShrink => kernels::Unary::HardShrink,
    }
}
