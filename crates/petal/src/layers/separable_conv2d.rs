use serde::{Deserialize, Serialize};

use super::activation::null_is_linear;
use super::window::{Window, convolution_setters};
use super::{Definition, Function, Initializer, Lowering, Padding, Pair, WeightSpec, depthwise_conv2d, only};
use crate::program::{self, Op, Value};
use crate::shape::Shape;

/// A depthwise convolution followed by a 1×1 convolution that mixes its channels (Chollet 2017).
///
/// Input `[batch, height, width, channels]`, output `[batch, height', width', filters]`. Weights: `depthwise_kernel`
/// `[kernel height, kernel width, channels, depth_multiplier]`, `pointwise_kernel`
/// `[1, 1, channels · depth_multiplier, filters]`, `bias` `[filters]`.
///
/// Defaults: strides 1, [`Padding::Valid`], dilation 1, depth multiplier 1, no activation, a bias; the kernels start
/// Glorot-uniform, the bias at 0.
///
/// ```
/// use petal::layers::{Input, Layer, SeparableConv2D};
/// let y = SeparableConv2D::new(64, 3).same().relu().on(&Input::image(90, 90, 32))?;
/// assert_eq!(y.shape()[..], [90, 90, 64]);
/// # Ok::<(), petal::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default = "SeparableConv2D::unset")]
pub struct SeparableConv2D {
    filters: usize,
    kernel_size: Pair,
    strides: Pair,
    padding: Padding,
    dilation_rate: Pair,
    depth_multiplier: usize,
    #[serde(deserialize_with = "null_is_linear")]
    activation: Function,
    use_bias: bool,
    depthwise_initializer: Initializer,
    pointwise_initializer: Initializer,
    bias_initializer: Initializer,
}

impl SeparableConv2D {
    /// `filters` outputs, each a mix of channels convolved with kernels of this size.
    pub fn new(filters: usize, kernel_size: impl Into<Pair>) -> Self {
        SeparableConv2D {
            filters,
            kernel_size: kernel_size.into(),
            strides: 1.into(),
            padding: Padding::Valid,
            dilation_rate: 1.into(),
            depth_multiplier: 1,
            activation: Function::Linear,
            use_bias: true,
            depthwise_initializer: Initializer::GlorotUniform {},
            pointwise_initializer: Initializer::GlorotUniform {},
            bias_initializer: Initializer::Zeros {},
        }
    }

    /// What a configuration that lacks a key has: the defaults, and sizes that shape inference refuses.
    fn unset() -> Self {
        SeparableConv2D::new(0, 0)
    }

    convolution_setters!();

    /// The number of depthwise kernels for each input channel.
    pub fn depth_multiplier(self, depth_multiplier: usize) -> Self {
        SeparableConv2D { depth_multiplier, ..self }
    }

    /// How the depthwise kernel starts.
    pub fn depthwise_initializer(self, depthwise_initializer: Initializer) -> Self {
        SeparableConv2D { depthwise_initializer, ..self }
    }

    /// How the pointwise kernel starts.
    pub fn pointwise_initializer(self, pointwise_initializer: Initializer) -> Self {
        SeparableConv2D { pointwise_initializer, ..self }
    }

    /// The shape between the two convolutions.
    fn depthwise_shape(&self, input: &Shape) -> Result<Shape, String> {
        depthwise_conv2d::output_shape(input, &self.window(), self.depth_multiplier)
    }
}

impl Definition for SeparableConv2D {
    fn output_shape(&self, inputs: &[Shape]) -> Result<Shape, String> {
        let depthwise = self.depthwise_shape(only(inputs)?)?;
        if self.filters == 0 {
            return Err("it has 0 filters; expected at least 1".into());
        }
        Ok([depthwise[0], depthwise[1], self.filters].into())
    }

    fn weights(&self, inputs: &[Shape]) -> Vec<WeightSpec> {
        let channels = inputs[0][2];
        let [height, width] = self.kernel_size.0;
        let depthwise = [height, width, channels, self.depth_multiplier];
        let pointwise = [1, 1, channels * self.depth_multiplier, self.filters];
        let mut weights = vec![
            WeightSpec::new("depthwise_kernel", depthwise, &self.depthwise_initializer),
            WeightSpec::new("pointwise_kernel", pointwise, &self.pointwise_initializer),
        ];
        if self.use_bias {
            weights.push(WeightSpec::new("bias", [self.filters], &self.bias_initializer));
        }
        weights
    }

    fn lower(&self, node: &mut Lowering<'_>) -> Value {
        let depthwise_shape =
            self.depthwise_shape(node.input_shape()).expect("shape inference has accepted the input");
        let op = depthwise_conv2d::op(node.input_image(), &self.window(), node.weight(0), None);
        let depthwise = node.emit_as(op, &depthwise_shape);
        let pointwise = Op::Conv2d(program::Conv2d {
            kernel: node.weight(1),
            bias: self.use_bias.then(|| node.weight(2)),
            strides: [1, 1],
            dilation: [1, 1],
            padding: program::Padding::default(),
            groups: 1,
            norm: None,
        });
        let y = node.step(pointwise, &[depthwise], node.output_shape());
        self.activation.lower(node, y)
    }
}
