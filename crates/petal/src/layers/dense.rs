use serde::{Deserialize, Serialize};

use super::activation::null_is_linear;
use super::{Definition, Function, Initializer, Lowering, WeightSpec, only};
use crate::program::{self, Op, Value};
use crate::shape::Shape;

/// Fully connected layer: `activation(x · kernel + bias)` on the last axis.
///
/// Input `[batch, …, inputs]`, output `[batch, …, units]`. Weights: `kernel` `[inputs, units]`, `bias` `[units]`.
///
/// Defaults: no activation, a bias; the kernel starts Glorot-uniform, the bias at 0.
///
/// ```
/// use petal::layers::{Dense, Input, Layer};
/// let x = Input::new([128]);
/// let y = Dense::new(5).on(&x)?;
/// assert_eq!(y.shape()[..], [5]);
/// # Ok::<(), petal::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default = "Dense::unset")]
pub struct Dense {
    units: usize,
    #[serde(deserialize_with = "null_is_linear")]
    activation: Function,
    use_bias: bool,
    kernel_initializer: Initializer,
    bias_initializer: Initializer,
}

impl Dense {
    /// A layer with `units` outputs.
    pub fn new(units: usize) -> Self {
        Dense {
            units,
            activation: Function::Linear,
            use_bias: true,
            kernel_initializer: Initializer::GlorotUniform {},
            bias_initializer: Initializer::Zeros {},
        }
    }

    /// What a configuration that lacks a key has: the defaults, and a size that shape inference refuses.
    fn unset() -> Self {
        Dense::new(0)
    }

    /// The function applied to the output.
    pub fn activation(self, activation: impl Into<Function>) -> Self {
        Dense { activation: activation.into(), ..self }
    }

    /// [`Function::Relu`] on the output.
    pub fn relu(self) -> Self {
        self.activation(Function::Relu)
    }

    /// [`Function::Softmax`] on the output: probabilities of the classes.
    pub fn softmax(self) -> Self {
        self.activation(Function::Softmax)
    }

    /// Whether a bias is added; it is by default.
    pub fn use_bias(self, use_bias: bool) -> Self {
        Dense { use_bias, ..self }
    }

    /// How the kernel starts.
    pub fn kernel_initializer(self, kernel_initializer: Initializer) -> Self {
        Dense { kernel_initializer, ..self }
    }

    /// How the bias starts.
    pub fn bias_initializer(self, bias_initializer: Initializer) -> Self {
        Dense { bias_initializer, ..self }
    }
}

impl Definition for Dense {
    fn output_shape(&self, inputs: &[Shape]) -> Result<Shape, String> {
        let input = only(inputs)?;
        if self.units == 0 {
            return Err("it has 0 units; expected at least 1".into());
        }
        let Some((_, leading)) = input.split_last() else {
            return Err(format!("got an input of shape {input}; expected at least (None, inputs)"));
        };
        Ok([leading, &[self.units]].concat().into())
    }

    fn weights(&self, inputs: &[Shape]) -> Vec<WeightSpec> {
        let features = inputs[0][inputs[0].len() - 1];
        let mut weights = vec![WeightSpec::new("kernel", [features, self.units], &self.kernel_initializer)];
        if self.use_bias {
            weights.push(WeightSpec::new("bias", [self.units], &self.bias_initializer));
        }
        weights
    }

    fn lower(&self, node: &mut Lowering<'_>) -> Value {
        let (kernel, bias) = (node.weight(0), self.use_bias.then(|| node.weight(1)));
        let y = node.emit(Op::Dense(program::Dense { kernel, bias, norm: None }));
        self.activation.lower(node, y)
    }
}
