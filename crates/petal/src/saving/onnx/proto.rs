//! The messages of `onnx.proto3` that a network takes.

use std::fmt::{self, Display, Formatter};

use crate::protobuf::Message;

/// The version of the operators, and the oldest version of the format that has it.
pub(super) const OPSET: i64 = 17;
const IR_VERSION: i64 = 8;

/// One operator on values by name, which makes one value.
pub(super) struct Node {
    pub op: &'static str,
    pub name: String,
    /// Empty where an input is left out.
    pub inputs: Vec<String>,
    pub output: String,
    pub attributes: Vec<(&'static str, Attribute)>,
}

/// A setting of an operator.
pub(super) enum Attribute {
    Int(i64),
    Ints(Vec<i64>),
    Float(f32),
    Text(&'static str),
}

/// An initializer.
pub(super) struct Tensor {
    pub name: String,
    pub dims: Vec<usize>,
    pub data: Data,
}

#[derive(PartialEq)]
pub(super) enum Data {
    Floats(Vec<f32>),
    /// 64 bits each.
    Ints(Vec<i64>),
    /// 32 bits each.
    Numbers(Vec<i32>),
    Bytes(Vec<u8>),
}

/// What goes into an exported model, or comes out of it. Displayed as `image: float32 [batch, 180, 180, 3]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Port {
    /// The name by which it is given or asked for.
    pub name: String,
    /// The kind of its numbers.
    pub element: Element,
    /// Its axes, the batch first.
    pub shape: Vec<Axis>,
}

/// A kind of numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Element {
    /// 32-bit floats.
    Float32,
    /// Bytes.
    Uint8,
}

/// How long an axis is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Axis {
    /// Always this long.
    Fixed(usize),
    /// As long as the caller likes; its name.
    Free(&'static str),
}

impl Display for Port {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let axes: Vec<String> = self.shape.iter().map(Axis::to_string).collect();
        write!(f, "{}: {} [{}]", self.name, self.element, axes.join(", "))
    }
}

impl Display for Element {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Element::Float32 => "float32",
            Element::Uint8 => "uint8",
        })
    }
}

impl Display for Axis {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Axis::Fixed(len) => write!(f, "{len}"),
            Axis::Free(name) => f.write_str(name),
        }
    }
}

impl Element {
    /// Its number in `TensorProto.DataType`.
    pub(super) fn code(self) -> i64 {
        match self {
            Element::Float32 => 1,
            Element::Uint8 => 2,
        }
    }
}

/// `TensorProto.DataType` of whole numbers.
pub(super) const INT64: i64 = 7;
const INT32: i64 = 6;

/// A `GraphProto`.
pub(super) fn graph(
    name: &str,
    nodes: &[Node],
    tensors: Vec<Tensor>,
    input: &Port,
    output: &Port,
) -> Message {
    Message::default()
        .each(nodes, |message, node| message.message(1, node.message()))
        .text(2, name)
        .each(tensors, |message, tensor| message.message(5, tensor.message()))
        .message(11, input.message())
        .message(12, output.message())
}

/// A `ModelProto`.
pub(super) fn model(graph: Message, doc: &str, metadata: &[(&str, String)]) -> Message {
    Message::default()
        .int(1, IR_VERSION)
        .text(2, "Petal")
        .text(3, env!("CARGO_PKG_VERSION"))
        .text(6, doc)
        .message(7, graph)
        .message(8, Message::default().text(1, "").int(2, OPSET))
        .each(metadata, |message, (key, value)| {
            message.message(14, Message::default().text(1, key).text(2, value))
        })
}

impl Node {
    fn message(&self) -> Message {
        Message::default()
            .each(&self.inputs, |message, input| message.text(1, input))
            .text(2, &self.output)
            .text(3, &self.name)
            .text(4, self.op)
            .each(&self.attributes, |message, (name, attribute)| message.message(5, attribute.message(name)))
    }
}

impl Attribute {
    fn message(&self, name: &str) -> Message {
        let message = Message::default().text(1, name);
        match self {
            Attribute::Float(value) => message.float(2, *value).int(20, 1),
            Attribute::Int(value) => message.int(3, *value).int(20, 2),
            Attribute::Text(value) => message.text(4, value).int(20, 3),
            Attribute::Ints(values) => {
                message.each(values, |message, &value| message.int(8, value)).int(20, 7)
            }
        }
    }
}

impl Tensor {
    fn message(self) -> Message {
        let message = Message::default().each(&self.dims, |message, &dim| message.int(1, dim as i64));
        match self.data {
            Data::Floats(values) => {
                message.int(2, Element::Float32.code()).text(8, &self.name).floats(9, values)
            }
            Data::Bytes(values) => {
                message.int(2, Element::Uint8.code()).text(8, &self.name).bytes(9, &values)
            }
            Data::Numbers(values) => {
                let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>();
                message.int(2, INT32).text(8, &self.name).bytes(9, &bytes)
            }
            Data::Ints(values) => {
                message.int(2, INT64).each(values, |message, value| message.int(7, value)).text(8, &self.name)
            }
        }
    }
}

impl Port {
    fn message(&self) -> Message {
        let shape = Message::default().each(&self.shape, |message, axis| {
            message.message(
                1,
                match axis {
                    Axis::Fixed(len) => Message::default().int(1, *len as i64),
                    Axis::Free(name) => Message::default().text(2, name),
                },
            )
        });
        let tensor = Message::default().int(1, self.element.code()).message(2, shape);
        Message::default().text(1, &self.name).message(2, Message::default().message(1, tensor))
    }
}
