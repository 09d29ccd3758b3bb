//! How a layer is called, as Keras 3 and Keras 2 write it.

use serde_json::Value;

use super::layer_config::text;

/// What a layer is called with.
pub(super) struct Call<'a> {
    /// In the order in which they are given.
    pub arguments: Vec<Argument<'a>>,
    /// What is given by name and is no other layer's output.
    pub named: Vec<(&'a str, &'a Value)>,
}

/// An argument that is given by position.
pub(super) enum Argument<'a> {
    /// The output of the layer of this name.
    Layer(&'a str),
    /// Anything else.
    Value(&'a Value),
}

impl<'a> Call<'a> {
    /// The only call of the layer `name`.
    pub fn of(name: &str, layer: &'a Value) -> Result<Call<'a>, String> {
        let nodes = layer["inbound_nodes"].as_array().map(Vec::as_slice).unwrap_or_default();
        let [node] = nodes else {
            return Err(format!(
                "layer '{name}' is called {} times; Petal's models call each layer once",
                nodes.len()
            ));
        };
        let mut call = Call { arguments: Vec::new(), named: Vec::new() };
        let added = match node {
            Value::Object(_) => call.add_keras3(node),
            _ => call.add_keras2(node),
        };
        added.map_err(|problem| format!("layer '{name}' {problem}"))?;
        if call.sources().next().is_none() {
            return Err(format!("layer '{name}' is called on nothing"));
        }
        Ok(call)
    }

    /// The layers whose outputs it takes.
    pub fn sources(&self) -> impl Iterator<Item = &'a str> + '_ {
        self.arguments.iter().filter_map(|argument| match argument {
            Argument::Layer(name) => Some(*name),
            Argument::Value(_) => None,
        })
    }

    /// Whether the caller fixed the mode to that of inference.
    pub fn infers(&self) -> bool {
        self.named.iter().any(|(key, value)| *key == "training" && **value == Value::Bool(false))
    }

    /// `{"args": […], "kwargs": {…}}`, where a layer's output is a `__keras_tensor__`.
    fn add_keras3(&mut self, node: &'a Value) -> Result<(), String> {
        for argument in node["args"].as_array().ok_or("has a call without arguments")? {
            self.add(argument, keras3_source)?;
        }
        for (key, value) in node["kwargs"].as_object().into_iter().flatten() {
            self.add_named(key, value, keras3_source)?;
        }
        Ok(())
    }

    /// `["conv2d", 0, 0, {…}]`, or a list of such: layers' names, the numbers of their call and output, and in the
    /// first one what is given by name. `_CONSTANT_VALUE` stands for a layer where there is none.
    fn add_keras2(&mut self, node: &'a Value) -> Result<(), String> {
        let list = node.as_array().map(Vec::as_slice).unwrap_or_default();
        let inputs =
            if list.first().is_some_and(Value::is_string) { std::slice::from_ref(node) } else { list };
        for input in inputs {
            if input[0] == "_CONSTANT_VALUE" {
                self.arguments.push(Argument::Value(&input[2]));
            } else {
                let name = keras2_source(input)?.ok_or_else(|| format!("is called on {input}"))?;
                self.arguments.push(Argument::Layer(name));
            }
        }
        for (key, value) in inputs.first().and_then(|input| input[3].as_object()).into_iter().flatten() {
            self.add_named(key, value, keras2_source)?;
        }
        Ok(())
    }

    fn add(&mut self, argument: &'a Value, source: Source) -> Result<(), String> {
        match source(argument)? {
            Some(name) => self.arguments.push(Argument::Layer(name)),
            None => {
                let list = argument.as_array().map(Vec::as_slice).unwrap_or_default();
                let tensors = list.iter().map(source).collect::<Result<Option<Vec<_>>, _>>()?;
                match tensors.filter(|tensors| !tensors.is_empty()) {
                    Some(tensors) => self.arguments.extend(tensors.into_iter().map(Argument::Layer)),
                    None => self.arguments.push(Argument::Value(argument)),
                }
            }
        }
        Ok(())
    }

    /// The second operand counts as given by position.
    fn add_named(&mut self, key: &'a str, value: &'a Value, source: Source) -> Result<(), String> {
        if matches!(key, "y" | "x2" | "bias") || source(value)?.is_some() {
            return self.add(value, source);
        }
        self.named.push((key, value));
        Ok(())
    }
}

/// The layer whose output a value is, if it is one.
type Source = for<'a> fn(&'a Value) -> Result<Option<&'a str>, String>;

fn keras3_source(value: &Value) -> Result<Option<&str>, String> {
    if text(value, "class_name") != Some("__keras_tensor__") {
        return Ok(None);
    }
    reference(&value["config"]["keras_history"]).map(Some)
}

fn keras2_source(value: &Value) -> Result<Option<&str>, String> {
    match value.as_array().map(Vec::as_slice) {
        Some([Value::String(_), Value::Number(_), Value::Number(_), ..]) => reference(value).map(Some),
        _ => Ok(None),
    }
}

/// The layer in `["conv2d", 0, 0]`. The number of its call may be any, since each layer has one in a model, and models
/// others outside of it.
pub(super) fn reference(value: &Value) -> Result<&str, String> {
    match (value[0].as_str(), value[2].as_u64()) {
        (Some(name), Some(0)) => Ok(name),
        _ => Err(format!("is called on {value}; expected a layer's only output")),
    }
}
