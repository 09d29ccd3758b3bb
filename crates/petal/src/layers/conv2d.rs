use serde::{Deserialize, Serialize};

use super::activation::null_is_linear;
use super::window::{Window, convolution_setters};
use super::{Definition, Function, Initializer, Lowering, Padding, Pair, WeightSpec, only};
use crate::program::{self, Op, Value};
use crate::shape::Shape;

/// Two-dimensional convolution (cross-correlation: the kernel is not flipped).
///
/// Input `[batch, height, width, channels]`, output `[batch, height', width', filters]`. Weights: `kernel`
/// `[kernel height, kernel width, channels / groups, filters]`, `bias` `[filters]`.
///
/// Defaults: strides 1, [`Padding::Valid`], dilation 1, one group, no activation, a bias; the kernel starts
/// Glorot-uniform, the bias at 0.
///
/// ```
/// use petal::layers::{Conv2D, Input, Layer};
/// let x = Input::image(180, 180, 3);
/// let y = Conv2D::new(16, 3).same().relu().on(&x)?;
/// assert_eq!(y.shape()[..], [180, 180, 16]);
/// # Ok::<(), petal::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default = "Conv2D::unset")]
pub struct Conv2D {
    filters: usize,
    kernel_size: Pair,
    strides: Pair,
    padding: Padding,
    dilation_rate: Pair,
    groups: usize,
    #[serde(deserialize_with = "null_is_linear")]
    activation: Function,
    use_bias: bool,
    kernel_initializer: Initializer,
    bias_initializer: Initializer,
}

impl Conv2D {
    /// `filters` kernels of this size.
    pub fn new(filters: usize, kernel_size: impl Into<Pair>) -> Self {
        Conv2D {
            filters,
            kernel_size: kernel_size.into(),
            strides: 1.into(),
            padding: Padding::Valid,
            dilation_rate: 1.into(),
            groups: 1,
            activation: Function::Linear,
            use_bias: true,
            kernel_initializer: Initializer::GlorotUniform {},
            bias_initializer: Initializer::Zeros {},
        }
    }

    /// What a configuration that lacks a key has: the defaults, and sizes that shape inference refuses.
    fn unset() -> Self {
        Conv2D::new(0, 0)
    }

    convolution_setters!();

    /// Cuts the channels into this many groups, each convolved with `filters / groups` kernels of its own.
    pub fn groups(self, groups: usize) -> Self {
        Conv2D { groups, ..self }
    }

    /// How the kernel starts.
    pub fn kernel_initializer(self, kernel_initializer: Initializer) -> Self {
        Conv2D { kernel_initializer, ..self }
    }
}

impl Definition for Conv2D {
    fn output_shape(&self, inputs: &[Shape]) -> Result<Shape, String> {
        let [height, width, channels] = only(inputs)?.image()?;
        if self.filters == 0 {
            return Err("it has 0 filters; expected at least 1".into());
        }
        if self.groups == 0
            || !channels.is_multiple_of(self.groups)
            || !self.filters.is_multiple_of(self.groups)
        {
            return Err(format!(
                "{} groups don't divide its {channels} input channels and {} filters evenly",
                self.groups, self.filters
            ));
        }
        let [height, width] = self.window().output([height, width])?;
        Ok([height, width, self.filters].into())
    }

    fn weights(&self, inputs: &[Shape]) -> Vec<WeightSpec> {
        let channels = inputs[0][2] / self.groups;
        let [height, width] = self.kernel_size.0;
        let mut weights = vec![WeightSpec::new(
            "kernel",
            [height, width, channels, self.filters],
            &self.kernel_initializer,
        )];
        if self.use_bias {
            weights.push(WeightSpec::new("bias", [self.filters], &self.bias_initializer));
        }
        weights
    }

    fn lower(&self, node: &mut Lowering<'_>) -> Value {
        let [height, width, _] = node.input_image();
        let y = node.emit(Op::Conv2d(program::Conv2d {
            kernel: node.weight(0),
            bias: self.use_bias.then(|| node.weight(1)),
            strides: self.strides.0,
            dilation: self.dilation_rate.0,
            padding: self.window().padding([height, width]),
            groups: self.groups,
            norm: None,
        }));
        self.activation.lower(node, y)
    }
}
