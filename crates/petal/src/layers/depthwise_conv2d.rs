use serde::{Deserialize, Serialize};

use super::activation::null_is_linear;
use super::window::{Window, convolution_setters};
use super::{Definition, Function, Initializer, Lowering, Padding, Pair, WeightSpec, only};
use crate::program::{self, Op, Value, WeightNumber};
use crate::shape::Shape;

/// Convolution of each channel by itself, with `depth_multiplier` kernels for each.
///
/// Input `[batch, height, width, channels]`, output `[batch, height', width', channels · depth_multiplier]`, where
/// channel `c · depth_multiplier + m` is channel `c` convolved with its kernel `m`. Weights: `kernel`
/// `[kernel height, kernel width, channels, depth_multiplier]`, `bias` `[channels · depth_multiplier]`.
///
/// Defaults: strides 1, [`Padding::Valid`], one kernel a channel, dilation 1, no activation, a bias; the kernel starts
/// Glorot-uniform, the bias at 0.
///
/// ```
/// use petal::layers::{DepthwiseConv2D, Input, Layer};
/// let y = DepthwiseConv2D::new(3).strides(2).same().on(&Input::image(90, 90, 32))?;
/// assert_eq!(y.shape()[..], [45, 45, 32]);
/// # Ok::<(), petal::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default = "DepthwiseConv2D::unset")]
pub struct DepthwiseConv2D {
    kernel_size: Pair,
    strides: Pair,
    padding: Padding,
    depth_multiplier: usize,
    dilation_rate: Pair,
    #[serde(deserialize_with = "null_is_linear")]
    activation: Function,
    use_bias: bool,
    depthwise_initializer: Initializer,
    bias_initializer: Initializer,
}

impl DepthwiseConv2D {
    /// Kernels of this size.
    pub fn new(kernel_size: impl Into<Pair>) -> Self {
        DepthwiseConv2D {
            kernel_size: kernel_size.into(),
            strides: 1.into(),
            padding: Padding::Valid,
            depth_multiplier: 1,
            dilation_rate: 1.into(),
            activation: Function::Linear,
            use_bias: true,
            depthwise_initializer: Initializer::GlorotUniform {},
            bias_initializer: Initializer::Zeros {},
        }
    }

    /// What a configuration that lacks a key has: the defaults, and a size that shape inference refuses.
    fn unset() -> Self {
        DepthwiseConv2D::new(0)
    }

    convolution_setters!();

    /// The number of kernels, and so of output channels, for each input channel.
    pub fn depth_multiplier(self, depth_multiplier: usize) -> Self {
        DepthwiseConv2D { depth_multiplier, ..self }
    }

    /// How the kernel starts.
    pub fn depthwise_initializer(self, depthwise_initializer: Initializer) -> Self {
        DepthwiseConv2D { depthwise_initializer, ..self }
    }
}

/// The shape after a depthwise convolution, which is also the first half of a separable one.
pub(super) fn output_shape(input: &Shape, window: &Window, multiplier: usize) -> Result<Shape, String> {
    let [height, width, channels] = input.image()?;
    let [height, width] = window.output([height, width])?;
    if multiplier == 0 {
        return Err("its depth multiplier is 0; expected at least 1".into());
    }
    Ok([height, width, channels * multiplier].into())
}

/// The step of a depthwise convolution.
pub(super) fn op(
    [height, width, _]: [usize; 3],
    window: &Window,
    kernel: WeightNumber,
    bias: Option<WeightNumber>,
) -> Op {
    Op::DepthwiseConv2d(program::Conv2d {
        kernel,
        bias,
        strides: window.strides.0,
        dilation: window.dilation.0,
        padding: window.padding([height, width]),
        groups: 1,
        norm: None,
    })
}

impl Definition for DepthwiseConv2D {
    fn output_shape(&self, inputs: &[Shape]) -> Result<Shape, String> {
        output_shape(only(inputs)?, &self.window(), self.depth_multiplier)
    }

    fn weights(&self, inputs: &[Shape]) -> Vec<WeightSpec> {
        let channels = inputs[0][2];
        let [height, width] = self.kernel_size.0;
        let kernel = [height, width, channels, self.depth_multiplier];
        let mut weights = vec![WeightSpec::new("kernel", kernel, &self.depthwise_initializer)];
        if self.use_bias {
            weights.push(WeightSpec::new("bias", [channels * self.depth_multiplier], &self.bias_initializer));
        }
        weights
    }

    fn lower(&self, node: &mut Lowering<'_>) -> Value {
        let bias = self.use_bias.then(|| node.weight(1));
        let y = node.emit(op(node.input_image(), &self.window(), node.weight(0), bias));
        self.activation.lower(node, y)
    }
}
