use petal_kernels::Unary;
use serde::{Deserialize, Deserializer, Serialize};

use super::Definition;
use crate::model::Shape;
use crate::model::plan::{Lowering, Op, Value};

/// The functions that a layer can apply to its output, by Keras' names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Function {
    /// `x`
    #[default]
    Linear,
    /// `max(x, 0)`
    Relu,
    /// `min(max(x, 0), 6)`
    Relu6,
    /// `1 / (1 + exp(-x))`
    Sigmoid,
    /// `tanh(x)`
    Tanh,
    /// `x` where positive, else `exp(x) - 1`
    Elu,
    /// `1.0507 x` where positive, else `1.7581 (exp(x) - 1)`
    Selu,
    /// `x Φ(x)`, with the normal distribution function Φ
    Gelu,
    /// `x sigmoid(x)`, also called swish
    #[serde(alias = "swish")]
    Silu,
    /// `ln(1 + exp(x))`
    Softplus,
    /// `x / (1 + |x|)`
    Softsign,
    /// `x` where positive, else `0.2 x`
    LeakyRelu,
    /// `min(max(x / 6 + 1 / 2, 0), 1)`
    HardSigmoid,
    /// `x hard_sigmoid(x)`, also called hard swish
    #[serde(alias = "hard_swish")]
    HardSilu,
    /// `exp(x)`
    Exponential,
    /// `exp(x) / Σ exp(x)` over the last axis
    Softmax,
}

/// Applies an activation function to each value.
///
/// ```
/// use petal::layers::{Activation, Function, Input, Layer};
/// let x = Input::new([4]);
/// let y = Activation::new(Function::Tanh).on(&x)?;
/// # Ok::<(), petal::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Activation {
    activation: Function,
}

impl Activation {
    /// A layer that applies `activation`.
    pub fn new(activation: Function) -> Self {
        Activation { activation }
    }
}

impl Definition for Activation {
    fn output_shape(&self, inputs: &[Shape]) -> Result<Shape, String> {
        Ok(super::only(inputs)?.clone())
    }

    fn lower(&self, node: &mut Lowering<'_>) -> Value {
        self.activation.lower(node, node.input())
    }
}

/// Reads the activation of another layer's configuration, where null means none.
pub(super) fn null_is_linear<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Function, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

impl Function {
    /// Emits the function applied to `x`, a value of the node's output shape.
    pub(crate) fn lower(self, node: &mut Lowering<'_>, x: Value) -> Value {
        let relu = |max_value, negative_slope| Unary::Relu { max_value, negative_slope, threshold: 0.0 };
        let unary = match self {
            Function::Linear => return x,
            Function::Softmax => {
                return node.emit(Op::softmax(node.output_shape()), &[x], node.output_shape());
            }
            Function::Relu => relu(None, 0.0),
            Function::Relu6 => relu(Some(6.0), 0.0),
            Function::LeakyRelu => relu(None, 0.2),
            Function::Sigmoid => Unary::Sigmoid,
            Function::Tanh => Unary::Tanh,
            Function::Elu => Unary::Elu,
            Function::Selu => Unary::Selu,
            Function::Gelu => Unary::Gelu,
            Function::Silu => Unary::Silu,
            Function::Softplus => Unary::Softplus,
            Function::Softsign => Unary::Softsign,
            Function::HardSigmoid => Unary::HardSigmoid,
            Function::HardSilu => Unary::HardSilu,
            Function::Exponential => Unary::Exponential,
        };
        node.emit(Op::Unary(unary), &[x], node.output_shape())
    }
}
