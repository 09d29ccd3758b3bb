//! Keras' description of a model, `config.json` or the attribute `model_config`, to a model.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use serde_json::Value;

use super::call::{self, Argument, Call};
use super::layer_config::{self, text};
use super::operation::{self, Operation, Outcome};
use crate::layers::{AnyLayer, Input, Layer, LayerSpec, Nested, ReverseChannels};
use crate::model::{Graph, GraphKind, Shape, Tensor};
use crate::saving::bounds;

/// The sizes of an input's axes as far as they are known from outside: the batch axis is not one of them.
type Known<'a> = &'a [usize];

/// The graph that `config` describes. `image_size` is what the caller gives for an input of free size: height and
/// width, or nothing.
pub(super) fn graph(config: &Value, image_size: Known<'_>) -> Result<Graph, String> {
    bounds::check(config)?;
    // A damaged file may ask for sizes whose products overflow.
    catch_unwind(AssertUnwindSafe(|| model(config, image_size)))
        .unwrap_or_else(|_| Err("its configuration is damaged: it has layers of impossible sizes".into()))
}

fn model(envelope: &Value, known: Known<'_>) -> Result<Graph, String> {
    let config = &envelope["config"];
    let name = text(config, "name").map(layer_config::name);
    let (kind, [input, output]) = match text(envelope, "class_name").unwrap_or_default() {
        "Sequential" => (GraphKind::Sequential, sequential(envelope, known)?),
        "Functional" | "Model" if config["layers"].is_array() => {
            (GraphKind::Functional, functional(config, known)?)
        }
        class => {
            return Err(format!(
                "is a model of class '{class}', of which Keras' files hold no layers; expected a Sequential or \
                 Functional model"
            ));
        }
    };
    let mut graph = Graph::new(kind, name, &input, &output).map_err(|error| error.to_string())?;
    // A model that trains may have layers that don't; those of a frozen one are all frozen.
    if config["trainable"] == false {
        graph.set_trainable(false);
    }
    Ok(graph)
}

fn sequential(envelope: &Value, known: Known<'_>) -> Result<[Tensor; 2], String> {
    let config = &envelope["config"];
    // Up to Keras 2.2.2 the configuration was the list itself.
    let layers = config.as_array().map_or_else(|| list(config, "layers"), Ok)?;
    let mut layers = layers.iter().peekable();
    let input = match layers.next_if(|first| text(first, "class_name") == Some("InputLayer")) {
        Some(first) => layer_config::input(&first["config"], known)?,
        None => {
            let first = layers.peek().map_or(Value::Null, |first| input_shape(first));
            let built =
                [first, config["build_input_shape"].clone(), envelope["build_config"]["input_shape"].clone()];
            let shape = built.into_iter().find(Value::is_array);
            match shape {
                Some(shape) => Input::new(layer_config::shape(&shape, known)?),
                None if !known.is_empty() => Input::new(known.to_vec()),
                None => {
                    return Err("is a Sequential model that has neither an InputLayer nor was built".into());
                }
            }
        }
    };
    let mut output = input.clone();
    for envelope in layers {
        let spec = layer(envelope, None, std::slice::from_ref(output.shape()))?;
        output = spec.on(&output).map_err(|error| error.to_string())?;
    }
    Ok([input, output])
}

/// The shape that the first layer of a Sequential model says that it takes, with the batch axis; null where it doesn't.
fn input_shape(envelope: &Value) -> Value {
    let config = &envelope["config"];
    let own =
        [&config["batch_input_shape"], &config["batch_shape"]].into_iter().find(|shape| shape.is_array());
    let layers = config.as_array().or_else(|| config["layers"].as_array());
    match (own, layers.and_then(|layers| layers.first())) {
        (Some(shape), _) => shape.clone(),
        (None, Some(first)) => input_shape(first),
        (None, None) => Value::Null,
    }
}

/// What the name of a layer stands for.
#[derive(Clone)]
enum Output {
    Tensor(Tensor),
    /// One channel of a tensor, which is nothing in itself.
    Channel(Tensor, usize),
}

fn functional(config: &Value, known: Known<'_>) -> Result<[Tensor; 2], String> {
    let layers = list(config, "layers")?;
    let mut calls = HashMap::new();
    // Usually each layer comes after those that it is called on, but Keras doesn't promise it.
    let mut waiting: HashMap<&str, Vec<&str>> = HashMap::new();
    let mut missing: HashMap<&str, usize> = HashMap::new();
    let mut ready = Vec::new();
    for layer in layers {
        let name = text(layer, "name").or_else(|| text(&layer["config"], "name"));
        let name = name.ok_or("has a layer without a name")?;
        let is_input = text(layer, "class_name") == Some("InputLayer");
        let call = if is_input { None } else { Some(Call::of(name, layer)?) };
        let mut sources: Vec<&str> = call.iter().flat_map(Call::sources).collect();
        sources.sort_unstable();
        sources.dedup();
        if calls.insert(name, (layer, call)).is_some() {
            return Err(format!("has two layers of the name '{name}'"));
        }
        if sources.is_empty() {
            ready.push(name);
        }
        missing.insert(name, sources.len());
        for source in sources {
            waiting.entry(source).or_default().push(name);
        }
    }
    let mut outputs: HashMap<&str, Output> = HashMap::with_capacity(layers.len());
    while let Some(name) = ready.pop() {
        let (layer, call) = calls.remove(name).expect("a layer gets ready once");
        let output = match call {
            None => Output::Tensor(layer_config::input(&layer["config"], known)?),
            Some(call) => output(name, layer, call, &outputs)?,
        };
        outputs.insert(name, output);
        for waits in waiting.remove(name).unwrap_or_default() {
            let missing = missing.get_mut(waits).expect("all layers are listed");
            *missing -= 1;
            if *missing == 0 {
                ready.push(waits);
            }
        }
    }
    if let Some(name) = calls.keys().min() {
        return Err(format!("layer '{name}' is called on a layer that isn't there"));
    }
    let end = |key: &str| -> Result<Tensor, String> {
        let ends = &config[key];
        let one = match ends.as_array().map(Vec::as_slice) {
            Some([one @ Value::Array(_)]) => one,
            Some([Value::String(_), ..]) => ends,
            _ => return Err(format!("its {key} are {ends}; Petal's models have one input and one output")),
        };
        let name = call::reference(one)?;
        match outputs.get(name) {
            Some(Output::Tensor(tensor)) => Ok(tensor.clone()),
            Some(Output::Channel(..)) => Err(format!("its {key} are single channels of a layer")),
            None => Err(format!("its {key} name '{name}', which is none of its layers")),
        }
    };
    Ok([end("input_layers")?, end("output_layers")?])
}

/// What a layer gives when it is called on the outputs of others, which are all there.
fn output(
    name: &str,
    node: &Value,
    call: Call<'_>,
    outputs: &HashMap<&str, Output>,
) -> Result<Output, String> {
    let sources: Vec<Output> = call.sources().map(|source| outputs[source].clone()).collect();
    let tensors: Option<Vec<Tensor>> = sources
        .iter()
        .map(|source| match source {
            Output::Tensor(tensor) => Some(tensor.clone()),
            Output::Channel(..) => None,
        })
        .collect();
    let called_on = |spec: LayerSpec, tensors: &[Tensor]| {
        spec.on(tensors).map(Output::Tensor).map_err(|error| error.to_string())
    };
    let single_channels = || format!("layer '{name}' is called on single channels of a layer");
    if !operation::is_operation(node) {
        let tensors = tensors.ok_or_else(single_channels)?;
        let shapes: Vec<Shape> = tensors.iter().map(|tensor| tensor.shape().clone()).collect();
        return called_on(layer(node, Some(&call), &shapes)?, &tensors);
    }
    let problem = |problem: String| format!("operation '{name}': {problem}");
    let outcome = Operation::new(node, call).and_then(|operation| operation.outcome()).map_err(problem)?;
    let name = layer_config::name(name);
    match (outcome, tensors.as_deref()) {
        (Outcome::Layer(spec), Some(tensors)) => called_on(spec.name(name), tensors),
        (Outcome::Same, _) => Ok(sources[0].clone()),
        (Outcome::Channel(channel), Some([tensor])) => {
            let channels = tensor.shape().last().copied().unwrap_or(0);
            let place = if channel < 0 { channel + channels as i64 } else { channel };
            match usize::try_from(place).ok().filter(|&place| place < channels) {
                Some(place) => Ok(Output::Channel(tensor.clone(), place)),
                None => Err(problem(format!("takes channel {channel} of {channels}"))),
            }
        }
        (Outcome::Channels, _) => {
            let (tensor, places) = channels(&sources).ok_or_else(single_channels)?;
            let all = 0..tensor.shape().last().copied().unwrap_or(0);
            match () {
                () if all.clone().eq(places.iter().copied()) => Ok(Output::Tensor(tensor)),
                () if all.rev().eq(places) => called_on(ReverseChannels::new().name(name), &[tensor]),
                () => Err(problem(
                    "puts channels into another order than Petal can; expected the reverse".into(),
                )),
            }
        }
        _ => Err(single_channels()),
    }
}

/// The tensor that all of these are channels of, and which.
fn channels(outputs: &[Output]) -> Option<(Tensor, Vec<usize>)> {
    let mut of: Option<&Tensor> = None;
    let mut places = Vec::new();
    for output in outputs {
        let Output::Channel(tensor, place) = output else { return None };
        if of.is_some_and(|other| other.serial() != tensor.serial()) {
            return None;
        }
        of = Some(tensor);
        places.push(*place);
    }
    Some((of?.clone(), places))
}

/// A layer or nested model by its description, and how it is called on inputs of these shapes; without a call in a
/// Sequential model.
fn layer(envelope: &Value, call: Option<&Call<'_>>, inputs: &[Shape]) -> Result<LayerSpec, String> {
    let config = &envelope["config"];
    let spec = match text(envelope, "class_name").unwrap_or_default() {
        "Sequential" | "Functional" | "Model" => {
            // In Keras 3 `fit` and `predict` set the mode of all layers, whatever they were called with. What Petal
            // keeps is a model's inference mode, as Keras 2 did. For a single layer it says nothing: Keras 3 writes it
            // for every Dropout, as its default.
            let training = call.is_some_and(Call::infers).then_some(false);
            let graph = model(envelope, inputs.first().map_or(&[], |shape| shape))?;
            LayerSpec::from(AnyLayer::Nested(Nested { graph, training, values: None }))
        }
        _ => {
            let is_constant = |argument: &Argument<'_>| match argument {
                Argument::Value(value) => !value.is_null() && !value.is_boolean(),
                Argument::Layer(_) => false,
            };
            if call.is_some_and(|call| call.arguments.iter().any(is_constant)) {
                let name = text(config, "name").unwrap_or_default();
                return Err(format!(
                    "layer '{name}' is called on a constant; Petal's layers are called on layers"
                ));
            }
            let spec = layer_config::layer(envelope, inputs)?;
            spec.trainable(config["trainable"].as_bool().unwrap_or(true))
        }
    };
    Ok(match text(config, "name") {
        Some(name) => spec.name(layer_config::name(name)),
        None => spec,
    })
}

fn list<'a>(value: &'a Value, key: &str) -> Result<&'a Vec<Value>, String> {
    value[key].as_array().ok_or_else(|| format!("its configuration has no list of {key}"))
}
