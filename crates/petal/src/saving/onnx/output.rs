//! What an exported model gives.

use super::layout::{self, TO_CHANNELS_LAST};
use super::lower::Lowering;
use super::proto::Attribute::Int;
use super::proto::{Axis, Element, Port};
use super::{Layout, Onnx};
use crate::program::{FinalActivation, Program};
use crate::{Error, Result};

/// Adds the nodes of the whole program and those behind it that make what the settings ask for; the output and the
/// name of its value.
///
/// # Errors
/// If the program has an operation without a counterpart in ONNX, or logits are asked for and there are none.
pub(super) fn lower(
    lowering: &mut Lowering<'_>,
    program: &Program,
    temperature: f32,
    settings: &Onnx,
) -> Result<(Port, String)> {
    let shape = &program.values[program.output];
    let are_probabilities = program.gives_probabilities();
    let value = match program.logits {
        Some(logits) if settings.logits => logits.value,
        None if settings.logits && are_probabilities => {
            return Err(Error::Model(format!(
                "model '{}' has no logits: it ends with a mean of probabilities; export the probabilities",
                program.name
            )));
        }
        _ => program.output,
    };
    let mut name = lowering.value(value)?;
    let graph = &mut lowering.graph;
    if shape.len() != 1 {
        if settings.layout == Layout::Nhwc && shape.len() == 3 {
            graph.enter("output");
            name = graph.transpose(&name, &TO_CHANNELS_LAST);
        }
        let dims = if settings.layout == Layout::Nhwc { shape.to_vec() } else { layout::dims(shape) };
        return Ok((port("output", &dims), name));
    }
    let units = shape[0];
    if settings.logits {
        if program.values[value] != *shape {
            graph.enter("logits");
            name = graph.node_with("Flatten", &[&name], vec![("axis", Int(1))]);
        }
        return Ok((port("logits", &[units]), name));
    }
    graph.enter("probabilities");
    let activation = if units == 1 { FinalActivation::Sigmoid } else { FinalActivation::Softmax };
    if !are_probabilities {
        if temperature != 1.0 {
            let temperature = graph.scalar(temperature);
            name = graph.node("Div", &[&name, &temperature]);
        }
        name = match activation {
            FinalActivation::Softmax => graph.node_with("Softmax", &[&name], vec![("axis", Int(1))]),
            FinalActivation::Sigmoid => graph.node("Sigmoid", &[&name]),
        };
    }
    if units > 1 {
        return Ok((port("probabilities", &[units]), name));
    }
    // A single output is the second class's.
    let one = graph.scalar(1.0);
    let first = graph.node("Sub", &[&one, &name]);
    name = graph.node_with("Concat", &[&first, &name], vec![("axis", Int(1))]);
    Ok((port("probabilities", &[2]), name))
}

fn port(name: &str, dims: &[usize]) -> Port {
    let axes = dims.iter().map(|&len| Axis::Fixed(len));
    let shape = std::iter::once(Axis::Free("batch")).chain(axes).collect();
    Port { name: name.into(), element: Element::Float32, shape }
}
