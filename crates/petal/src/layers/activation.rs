use serde::de::{Error, IntoDeserializer};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Definition, ELU, LeakyReLU, Lowering, ReLU, Softmax};
use crate::program::{Op, Unary, Value};
use crate::shape::Shape;

/// The functions that a layer can apply to its output, by Keras' names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", remote = "Self")]
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
    /// `ln(softmax(x))` over the last axis
    LogSoftmax,
    /// `x` where positive, else `exp(x) - 1`: Keras' CELU without settings is its ELU
    Celu,
    /// `x tanh(softplus(x))` (Misra 2019)
    Mish,
    /// `ln(sigmoid(x))`
    LogSigmoid,
    /// `(x + √(x² + 4)) / 2`
    Squareplus,
    /// 0 up to -1, `x` from 1 on, `(x + 1)² / 4` between them
    SparsePlus,
    /// `min(max((x + 1) / 2, 0), 1)`
    SparseSigmoid,
    /// `min(max(x, -1), 1)`
    HardTanh,
    /// `x - tanh(x)`
    TanhShrink,
    /// 0 where `|x|` is at most 0.5, else `x` brought closer to 0 by 0.5
    SoftShrink,
    /// 0 where `|x|` is at most 0.5, else `x`
    HardShrink,
    /// What a layer computes with settings of its own: Keras' `activation=LeakyReLU(0.1)`
    #[serde(skip)]
    Layer(ActivationLayer),
}

/// The layers that can be another layer's activation.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "class_name", content = "config")]
#[allow(missing_docs)]
pub enum ActivationLayer {
    ReLU(ReLU),
    LeakyReLU(LeakyReLU),
    ELU(ELU),
}

impl From<ReLU> for Function {
    fn from(layer: ReLU) -> Self {
        Function::Layer(ActivationLayer::ReLU(layer))
    }
}

impl From<LeakyReLU> for Function {
    fn from(layer: LeakyReLU) -> Self {
        Function::Layer(ActivationLayer::LeakyReLU(layer))
    }
}

impl From<ELU> for Function {
    fn from(layer: ELU) -> Self {
        Function::Layer(ActivationLayer::ELU(layer))
    }
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
    pub fn new(activation: impl Into<Function>) -> Self {
        Activation { activation: activation.into() }
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

/// A function without settings is its name, a layer its class and configuration.
impl Serialize for Function {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Function::Layer(layer) => layer.serialize(serializer),
            _ => Function::serialize(self, serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Function {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            Name(String),
            Layer(serde_json::Value),
        }
        match Written::deserialize(deserializer)? {
            Written::Name(name) => Function::deserialize(name.into_deserializer()),
            Written::Layer(layer) if layer["class_name"] == "Softmax" => {
                let softmax = Softmax::deserialize(&layer["config"]).map_err(D::Error::custom)?;
                if softmax != Softmax::new() {
                    return Err(D::Error::custom("a Softmax as an activation has axis -1"));
                }
                Ok(Function::Softmax)
            }
            Written::Layer(layer) => {
                ActivationLayer::deserialize(layer).map(Function::Layer).map_err(D::Error::custom)
            }
        }
    }
}

impl Function {
    /// Emits the function applied to `x`, a value of the node's output shape.
    pub(crate) fn lower(self, node: &mut Lowering<'_>, x: Value) -> Value {
        let shape = node.output_shape();
        let features = shape.last().copied().unwrap_or(1);
        let relu = |max_value, negative_slope| Unary::Relu { max_value, negative_slope, threshold: 0.0 };
        let unary = match self {
            Function::Linear => return x,
            Function::Softmax => return node.step(Op::Softmax { features }, &[x], shape),
            Function::LogSoftmax => return node.step(Op::LogSoftmax { features }, &[x], shape),
            Function::Relu => relu(None, 0.0),
            Function::Relu6 => relu(Some(6.0), 0.0),
            Function::LeakyRelu => relu(None, 0.2),
            Function::Sigmoid => Unary::Sigmoid,
            Function::Tanh => Unary::Tanh,
            Function::Elu | Function::Celu => Unary::Elu { alpha: 1.0 },
            Function::Selu => Unary::Selu,
            Function::Gelu => Unary::Gelu,
            Function::Silu => Unary::Silu,
            Function::Softplus => Unary::Softplus,
            Function::Softsign => Unary::Softsign,
            Function::HardSigmoid => Unary::HardSigmoid,
            Function::HardSilu => Unary::HardSilu,
            Function::Exponential => Unary::Exponential,
            Function::Mish => Unary::Mish,
            Function::LogSigmoid => Unary::LogSigmoid,
            Function::Squareplus => Unary::Squareplus,
            Function::SparsePlus => Unary::SparsePlus,
            Function::SparseSigmoid => Unary::SparseSigmoid,
            Function::HardTanh => Unary::HardTanh,
            Function::TanhShrink => Unary::TanhShrink,
            Function::SoftShrink => Unary::SoftShrink,
            Function::HardShrink => Unary::HardShrink,
            Function::Layer(ActivationLayer::ReLU(layer)) => layer.unary(),
            Function::Layer(ActivationLayer::LeakyReLU(layer)) => layer.unary(),
            Function::Layer(ActivationLayer::ELU(layer)) => layer.unary(),
        };
        node.step(Op::Unary(unary), &[x], shape)
    }
}
