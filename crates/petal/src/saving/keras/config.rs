//! Keras' description of a model, `config.json`, to a model.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use serde_json::Value;

use super::layer_config::{self, text};
use crate::layers::{AnyLayer, Layer, LayerSpec, Nested};
use crate::model::{Graph, GraphKind, Model, Tensor};

/// The model that `config` describes. `weights_size` is that of the file with its weights, in bytes: a model that needs
/// more is refused before memory is taken for it.
pub(super) fn model(config: &Value, weights_size: u64) -> Result<Model, String> {
    // A damaged file may ask for sizes whose products overflow.
    let graph = catch_unwind(AssertUnwindSafe(|| {
        let graph = graph(config)?;
        let params = graph.count_params() as u64;
        if params > weights_size / 4 {
            return Err(format!(
                "the model has {params} parameters, but the file has only {weights_size} bytes of weights"
            ));
        }
        Ok(graph)
    }))
    .unwrap_or_else(|_| Err("its configuration is damaged: it has layers of impossible sizes".into()))?;
    let arena = vec![0.0; graph.count_params()];
    Ok(Model::from_arena(graph, arena, 0))
}

fn graph(envelope: &Value) -> Result<Graph, String> {
    let config = &envelope["config"];
    let name = text(config, "name").map(str::to_owned);
    let (kind, [input, output]) = match text(envelope, "class_name").unwrap_or_default() {
        "Sequential" => (GraphKind::Sequential, sequential(envelope)?),
        "Functional" | "Model" => (GraphKind::Functional, functional(config)?),
        class => return Err(format!("is a model of class '{class}'; expected Sequential or Functional")),
    };
    let mut graph = Graph::new(kind, name, &input, &output).map_err(|error| error.to_string())?;
    // A model that trains may have layers that don't; those of a frozen one are all frozen.
    if config["trainable"] == false {
        graph.set_trainable(false);
    }
    Ok(graph)
}

fn sequential(envelope: &Value) -> Result<[Tensor; 2], String> {
    let config = &envelope["config"];
    let mut layers = list(config, "layers")?.iter().peekable();
    let input = match layers.peek() {
        Some(first) if text(first, "class_name") == Some("InputLayer") => {
            layer_config::input(&layers.next().expect("it was peeked at")["config"])?
        }
        _ => {
            let built = [&config["build_input_shape"], &envelope["build_config"]["input_shape"]];
            let shape = built.into_iter().find(|shape| shape.is_array());
            let shape = shape.ok_or("a Sequential model has neither an InputLayer nor was it built")?;
            crate::layers::Input::new(layer_config::shape(shape)?)
        }
    };
    let mut output = input.clone();
    for layer in layers {
        let spec = self::layer(layer, &[])?;
        output = spec.on(&output).map_err(|error| error.to_string())?;
    }
    Ok([input, output])
}

fn functional(config: &Value) -> Result<[Tensor; 2], String> {
    let mut tensors: HashMap<&str, Tensor> = HashMap::new();
    let mut pending: Vec<&Value> = list(config, "layers")?.iter().collect();
    // Usually each layer comes after those that it is called on, but Keras doesn't promise it.
    while !pending.is_empty() {
        let mut waiting = Vec::new();
        for layer in &pending {
            let name = text(layer, "name").or_else(|| text(&layer["config"], "name"));
            let name = name.ok_or("has a layer without a name")?;
            if tensors.contains_key(name) {
                return Err(format!("has two layers of the name '{name}'"));
            }
            if text(layer, "class_name") == Some("InputLayer") {
                tensors.insert(name, layer_config::input(&layer["config"])?);
                continue;
            }
            let call = Call::of(name, layer)?;
            let sources: Option<Vec<Tensor>> =
                call.sources.iter().map(|source| tensors.get(source).cloned()).collect();
            match sources {
                Some(sources) => {
                    let spec = self::layer(layer, &call.arguments)?;
                    let output = spec.on(sources.as_slice()).map_err(|error| error.to_string())?;
                    tensors.insert(name, output);
                }
                None => waiting.push(*layer),
            }
        }
        if waiting.len() == pending.len() {
            let name = text(waiting[0], "name").unwrap_or_default();
            return Err(format!("layer '{name}' is called on a layer that isn't there"));
        }
        pending = waiting;
    }
    let end = |key: &str| -> Result<Tensor, String> {
        let ends = &config[key];
        let one = match ends.as_array().map(Vec::as_slice) {
            Some([one @ Value::Array(_)]) => one,
            Some([Value::String(_), ..]) => ends,
            _ => return Err(format!("its {key} are {ends}; Petal's models have one input and one output")),
        };
        let name = one[0].as_str().unwrap_or_default();
        tensors
            .get(name)
            .cloned()
            .ok_or_else(|| format!("its {key} name '{name}', which is none of its layers"))
    };
    Ok([end("input_layers")?, end("output_layers")?])
}

/// A layer, nested model or operation by its description; `arguments` are those of the call that are no tensors'.
fn layer(envelope: &Value, arguments: &[Argument<'_>]) -> Result<LayerSpec, String> {
    let config = &envelope["config"];
    let spec = match text(envelope, "class_name").unwrap_or_default() {
        "Sequential" | "Functional" | "Model" => {
            let training = arguments.iter().find_map(|argument| match argument {
                Argument::Training(training) => Some(*training),
                _ => None,
            });
            LayerSpec::from(AnyLayer::Nested(Nested { graph: graph(envelope)?, training, values: None }))
        }
        _ => {
            let spec = layer_config::layer(envelope, arguments)?;
            spec.trainable(config["trainable"].as_bool().unwrap_or(true))
        }
    };
    Ok(match text(config, "name") {
        Some(name) => spec.name(name),
        None => spec,
    })
}

/// What a layer is called with.
struct Call<'a> {
    /// The layers whose outputs it takes.
    sources: Vec<&'a str>,
    arguments: Vec<Argument<'a>>,
}

/// An argument of a call, in the order in which they are given.
pub(super) enum Argument<'a> {
    /// A layer's output.
    Tensor,
    /// Anything else that is given by position.
    Value(&'a Value),
    /// The mode that the caller fixed.
    Training(bool),
}

impl<'a> Call<'a> {
    fn of(name: &str, layer: &'a Value) -> Result<Call<'a>, String> {
        let nodes = list(layer, "inbound_nodes")?;
        let [node] = nodes.as_slice() else {
            return Err(format!(
                "layer '{name}' is called {} times; Petal's models call each layer once",
                nodes.len()
            ));
        };
        let mut call = Call { sources: Vec::new(), arguments: Vec::new() };
        let Some(arguments) = node["args"].as_array() else {
            return Err(format!("layer '{name}' isn't called in Keras 3's way; save the model with Keras 3"));
        };
        for argument in arguments {
            call.add(name, argument)?;
        }
        if let Some(training) = node["kwargs"]["training"].as_bool() {
            call.arguments.push(Argument::Training(training));
        }
        if call.sources.is_empty() {
            return Err(format!("layer '{name}' is called on nothing"));
        }
        Ok(call)
    }

    fn add(&mut self, name: &str, argument: &'a Value) -> Result<(), String> {
        if let Some(several) = argument.as_array() {
            return several.iter().try_for_each(|argument| self.add(name, argument));
        }
        if text(argument, "class_name") != Some("__keras_tensor__") {
            self.arguments.push(Argument::Value(argument));
            return Ok(());
        }
        let history = &argument["config"]["keras_history"];
        match (history[0].as_str(), history[1].as_u64(), history[2].as_u64()) {
            (Some(source), Some(0), Some(0)) => self.sources.push(source),
            _ => {
                return Err(format!("layer '{name}' is called on {history}; expected a layer's only output"));
            }
        }
        self.arguments.push(Argument::Tensor);
        Ok(())
    }
}

fn list<'a>(value: &'a Value, key: &str) -> Result<&'a Vec<Value>, String> {
    value[key].as_array().ok_or_else(|| format!("its configuration has no list of {key}"))
}
