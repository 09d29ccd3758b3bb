//! A model to Keras' description of it: `config.json`, or the attribute `model_config`.

use serde_json::{Value, json};

use super::layer_config;
use crate::Result;
use crate::layers::AnyLayer;
use crate::model::{Graph, Node, Shape};

/// The description of a model. What doesn't train by itself or by a model around it doesn't in the file: where Keras
/// reads that a model is frozen, its layers are too.
pub(super) fn model(graph: &Graph, trainable: bool) -> Result<Value> {
    match class_of(graph) {
        SEQUENTIAL => sequential(graph, trainable),
        _ => functional(graph, trainable),
    }
}

/// A layer's class in the file.
pub(super) fn class_name(layer: &AnyLayer) -> &'static str {
    match layer {
        AnyLayer::Nested(nested) => class_of(nested.graph()),
        layer => layer.class_name(),
    }
}

/// The layers in the file, in Keras' order, and operations among them.
pub(super) fn layers(graph: &Graph) -> impl Iterator<Item = &Node> + Clone {
    graph.nodes().iter().skip(usize::from(class_of(graph) == SEQUENTIAL))
}

/// Whether it is no layer in Keras, but an operation in a functional model.
pub(super) fn is_operation(node: &Node) -> bool {
    matches!(node.layer(), AnyLayer::ReverseChannels(_))
}

const SEQUENTIAL: &str = "Sequential";
const FUNCTIONAL: &str = "Functional";

/// A Sequential cannot hold operations; one with some becomes a Functional, which computes the same.
fn class_of(graph: &Graph) -> &'static str {
    match graph.class_name() == SEQUENTIAL && !graph.nodes().iter().any(is_operation) {
        true => SEQUENTIAL,
        false => FUNCTIONAL,
    }
}

fn sequential(graph: &Graph, trainable: bool) -> Result<Value> {
    let layers: Result<Vec<Value>> = graph.nodes().iter().map(|node| layer(node, trainable)).collect();
    let shape = with_batch(graph.input_shape());
    let config = json!({
        "name": graph.name(),
        "trainable": trainable,
        "dtype": layer_config::DTYPE,
        "layers": layers?,
        "build_input_shape": shape,
    });
    let envelope = json!({
        "module": "keras",
        "class_name": SEQUENTIAL,
        "config": config,
        "registered_name": null,
        "build_config": { "input_shape": shape },
    });
    Ok(envelope)
}

fn functional(graph: &Graph, trainable: bool) -> Result<Value> {
    let mut layers = Vec::with_capacity(graph.nodes().len());
    for node in graph.nodes() {
        let mut layer = layer(node, trainable)?;
        layer["name"] = node.name().into();
        layer["inbound_nodes"] = call(graph, node);
        layers.push(layer);
    }
    let output = &graph.nodes()[graph.output()];
    // A Functional has a call of its own, before the first by another model.
    let calls = usize::from(output.as_model().is_some_and(|inner| class_of(inner) == FUNCTIONAL));
    let config = json!({
        "name": graph.name(),
        "trainable": trainable,
        "layers": layers,
        "input_layers": [graph.nodes()[0].name(), 0, 0],
        "output_layers": [output.name(), calls, 0],
    });
    Ok(json!({
        "module": "keras.src.models.functional",
        "class_name": FUNCTIONAL,
        "config": config,
        "registered_name": FUNCTIONAL,
    }))
}

fn layer(node: &Node, trainable: bool) -> Result<Value> {
    let trainable = trainable && node.trainable();
    match node.layer() {
        AnyLayer::Nested(nested) => model(nested.graph(), trainable),
        AnyLayer::Input(_) => Ok(layer_config::input(node.name(), with_batch(node.output_shape()))),
        AnyLayer::ReverseChannels(_) => Ok(layer_config::reverse_channels(node.name())),
        layer => layer_config::layer(layer, node.name(), trainable),
    }
}

/// The list with the one call of a layer; empty for the input.
fn call(graph: &Graph, node: &Node) -> Value {
    let tensor = |&input: &usize| {
        let source = &graph.nodes()[input];
        json!({
            "class_name": "__keras_tensor__",
            "config": {
                "shape": with_batch(source.output_shape()),
                "dtype": layer_config::DTYPE,
                "keras_history": [source.name(), 0, 0],
            },
        })
    };
    let tensors: Vec<Value> = node.inputs().iter().map(tensor).collect();
    let args = match tensors.as_slice() {
        [] => return json!([]),
        [x] => json!([x]),
        several => json!([several]),
    };
    let kwargs = match node.layer() {
        AnyLayer::Nested(nested) if nested.training == Some(false) => json!({ "training": false }),
        _ => json!({}),
    };
    json!([{ "args": args, "kwargs": kwargs }])
}

fn with_batch(shape: &Shape) -> Value {
    std::iter::once(Value::Null).chain(shape.iter().map(|&size| size.into())).collect()
}
