//! The operations that are no layers, which `preprocess_input` and arithmetic leave in a graph: as operations in Keras
//! 3, `TFOpLambda` and `SlicingOpLambda` layers in Keras 2, `TensorFlowOpLayer`s up to TensorFlow 2.3.

use serde_json::{Value, json};

use super::call::{Argument, Call};
use super::layer_config::text;
use crate::layers::graph::names;
use crate::layers::{Activation, AnyLayer, Function, LayerSpec, PerChannel, Rescaling, ReverseChannels};

/// An operation on layers' outputs and constants.
pub(super) struct Operation<'a> {
    /// Its name in snake case: `true_divide`.
    name: String,
    arguments: Vec<Argument<'a>>,
    settings: Vec<(&'a str, &'a Value)>,
}

/// What an operation gives.
pub(super) enum Outcome {
    /// What a layer gives that is called on all of the inputs.
    Layer(LayerSpec),
    /// The only input.
    Same,
    /// One channel of the only input.
    Channel(i64),
    /// The inputs, which are single channels, side by side.
    Channels,
}

/// Whether a node of the configuration is an operation, and no layer.
pub(super) fn is_operation(node: &Value) -> bool {
    match (text(node, "class_name"), text(node, "module")) {
        (Some("TFOpLambda" | "SlicingOpLambda" | "TensorFlowOpLayer"), _) => true,
        (Some("Sequential" | "Functional" | "Model"), _) => false,
        (_, Some(module)) => module.starts_with("keras.src.ops") || module.starts_with("keras.ops"),
        // Legacy files of Keras 3 don't say where a class is from; but each layer's settings say whether it trains.
        (_, None) => node["config"]["trainable"].is_null() && node["inbound_nodes"][0].is_object(),
    }
}

impl<'a> Operation<'a> {
    /// The operation of a node of the configuration.
    pub fn new(node: &'a Value, call: Call<'a>) -> Result<Operation<'a>, String> {
        let (class, config) = (text(node, "class_name").unwrap_or_default(), &node["config"]);
        let name = match class {
            "TensorFlowOpLayer" => return Operation::of_graph_node(config, call),
            "TFOpLambda" | "SlicingOpLambda" => {
                let function = text(config, "function").ok_or("it has no name")?;
                function.rsplit('.').next().unwrap_or_default().to_owned()
            }
            _ => names::snake_case(class),
        };
        let settings = config.as_object().into_iter().flatten().map(|(key, value)| (key.as_str(), value));
        let settings = settings.chain(call.named).filter(|(_, value)| !value.is_null()).collect();
        Ok(Operation { name, arguments: call.arguments, settings })
    }

    /// A node of TensorFlow's graph, with constants at their places among its inputs.
    fn of_graph_node(config: &'a Value, call: Call<'a>) -> Result<Operation<'a>, String> {
        let op = text(&config["node_def"], "op").ok_or("it has no name")?;
        let mut inputs = call.arguments.into_iter();
        let constants = &config["constants"];
        let count = inputs.len() + constants.as_object().map_or(0, serde_json::Map::len);
        let arguments = (0..count).filter_map(|place| match &constants[place.to_string()] {
            Value::Null => inputs.next(),
            constant => Some(Argument::Value(constant)),
        });
        let arguments = arguments.collect();
        let attributes = config["node_def"]["attr"].as_object();
        let settings = attributes.into_iter().flatten().map(|(key, value)| (key.as_str(), value)).collect();
        Ok(Operation { name: names::snake_case(op), arguments, settings })
    }

    /// The layer that computes the same.
    pub fn outcome(&self) -> Result<Outcome, String> {
        use Argument::{Layer as Tensor, Value as Constant};
        let rescaling = |scale: PerChannel, offset: PerChannel| {
            let is_finite = |numbers: &PerChannel| match numbers {
                PerChannel::All(all) => all.is_finite(),
                PerChannel::Each(each) => each.iter().all(|number| number.is_finite()),
            };
            match is_finite(&scale) && is_finite(&offset) {
                true => Ok(Outcome::Layer(Rescaling::new(scale).offset(offset).into())),
                false => Err(format!("{} with this constant isn't finite", self.name)),
            }
        };
        let [zero, one, minus_one] = [0.0, 1.0, -1.0].map(PerChannel::from);
        match (self.name.as_str(), self.arguments.as_slice()) {
            ("cast" | "identity" | "stop_gradient" | "copy", [Tensor(_), ..]) => Ok(Outcome::Same),
            ("add" | "add_v2" | "bias_add", [Tensor(_), Constant(c)] | [Constant(c), Tensor(_)]) => {
                rescaling(one, numbers(c)?)
            }
            ("subtract" | "sub", [Tensor(_), Constant(c)]) => rescaling(one, map(numbers(c)?, |c| -c)),
            ("subtract" | "sub", [Constant(c), Tensor(_)]) => rescaling(minus_one, numbers(c)?),
            ("multiply" | "mul", [Tensor(_), Constant(c)] | [Constant(c), Tensor(_)]) => {
                rescaling(numbers(c)?, zero)
            }
            ("true_divide" | "truediv" | "divide" | "real_div" | "div", [Tensor(_), Constant(c)]) => {
                rescaling(map(numbers(c)?, |c| 1.0 / c), zero)
            }
            ("negative" | "neg", [Tensor(_)]) => rescaling(minus_one, zero),
            ("add" | "add_v2", [Tensor(_), Tensor(_)]) => merge("Add"),
            ("subtract" | "sub", [Tensor(_), Tensor(_)]) => merge("Subtract"),
            ("multiply" | "mul", [Tensor(_), Tensor(_)]) => merge("Multiply"),
            ("maximum", [Tensor(_), Tensor(_)]) => merge("Maximum"),
            ("minimum", [Tensor(_), Tensor(_)]) => merge("Minimum"),
            ("get_item", [Tensor(_), Constant(key)]) => item(key),
            ("flip", [Tensor(_)]) if self.setting("axis").is_some() && self.along_last_axis() => {
                Ok(Outcome::Layer(ReverseChannels::new().into()))
            }
            ("getitem", [Tensor(_)]) => item(self.setting("slice_spec").unwrap_or(&Value::Null)),
            ("strided_slice", [Tensor(_), Constant(begin), Constant(end), Constant(strides)]) => {
                item(&self.slices(begin, end, strides))
            }
            ("stack", tensors)
                if self.along_last_axis() && tensors.iter().all(|t| matches!(t, Tensor(_))) =>
            {
                Ok(Outcome::Channels)
            }
            ("concatenate" | "concat", [Tensor(_), ..]) if self.along_last_axis() => merge("Concatenate"),
            (name, [Tensor(_)]) => self.function(name),
            _ => Err(self.refused()),
        }
    }

    /// An activation function with Keras' default settings.
    fn function(&self, name: &str) -> Result<Outcome, String> {
        let known = match name {
            "relu" => {
                self.setting("max_value").is_none()
                    && self.is_number("alpha", 0.0)
                    && self.is_number("threshold", 0.0)
            }
            "leaky_relu" => self.is_number("alpha", 0.2) && self.is_number("negative_slope", 0.2),
            "gelu" => self.setting("approximate") == Some(&json!(false)),
            "softmax" => self.along_last_axis(),
            _ => true,
        };
        let function: Option<Function> = serde_json::from_value(json!(name)).ok().filter(|_| known);
        function
            .map(|function| Outcome::Layer(Activation::new(function).into()))
            .ok_or_else(|| self.refused())
    }

    fn setting(&self, name: &str) -> Option<&'a Value> {
        self.settings.iter().find(|(key, _)| *key == name).map(|(_, value)| *value)
    }

    /// Whether a setting is this number, or isn't there.
    fn is_number(&self, name: &str, number: f64) -> bool {
        self.setting(name).is_none_or(|found| found.as_f64() == Some(number))
    }

    fn along_last_axis(&self) -> bool {
        self.is_number("axis", -1.0) || self.is_number("axis", 3.0)
    }

    /// The bounds of a slice, and masks of what they mean, as a list of slices.
    fn slices(&self, begin: &Value, end: &Value, strides: &Value) -> Value {
        let mask = |name: &str| {
            let mask = &self.setting(name).unwrap_or(&Value::Null)["i"];
            mask.as_u64().or_else(|| mask.as_str()?.parse().ok()).unwrap_or(0)
        };
        let bound = |values: &Value, mask: u64, axis: usize| {
            if mask >> axis & 1 == 1 { Value::Null } else { values[axis].clone() }
        };
        let axes = strides.as_array().map_or(0, Vec::len).min(64);
        let slices = (0..axes).map(|axis| {
            if mask("ellipsis_mask") >> axis & 1 == 1 {
                json!({ "class_name": "__ellipsis__" })
            } else if mask("shrink_axis_mask") >> axis & 1 == 1 {
                begin[axis].clone()
            } else {
                let start = bound(begin, mask("begin_mask"), axis);
                json!({ "start": start, "stop": bound(end, mask("end_mask"), axis), "step": strides[axis] })
            }
        });
        slices.collect()
    }

    fn refused(&self) -> String {
        format!("Petal doesn't have {} with such arguments in a graph", self.name)
    }
}

/// A layer without settings.
fn merge(class: &str) -> Result<Outcome, String> {
    let layer = serde_json::from_value::<AnyLayer>(json!({ "class_name": class, "config": {} }));
    layer
        .map(|layer| Outcome::Layer(layer.into()))
        .map_err(|_| format!("Petal doesn't have {class} in a graph"))
}

/// A constant: a number, or one for each channel in an array whose other axes are 1.
fn numbers(constant: &Value) -> Result<PerChannel, String> {
    let array = match text(constant, "class_name") {
        Some("__tensor__" | "__numpy__") => &constant["config"]["value"],
        _ => constant,
    };
    let mut values = array;
    let refused =
        || format!("its argument is {}; Petal takes a number, or one for each channel", short(constant));
    loop {
        match values {
            Value::Number(number) => return Ok(number.as_f64().unwrap_or(f64::NAN).into()),
            Value::Array(list) => match list.as_slice() {
                [only] => values = only,
                list => {
                    let each: Option<Vec<f64>> = list.iter().map(Value::as_f64).collect();
                    return each.filter(|each| !each.is_empty()).map(PerChannel::Each).ok_or_else(refused);
                }
            },
            _ => return Err(refused()),
        }
    }
}

fn map(numbers: PerChannel, function: impl Fn(f64) -> f64) -> PerChannel {
    match numbers {
        PerChannel::All(all) => PerChannel::All(function(all)),
        PerChannel::Each(each) => PerChannel::Each(each.into_iter().map(function).collect()),
    }
}

/// `x[..., ::-1]`, `x[..., 2]` and what changes nothing.
fn item(key: &Value) -> Result<Outcome, String> {
    let refused =
        || format!("takes the part {} of its input; Petal takes [..., ::-1] or one channel", short(key));
    let list = match key {
        Value::Array(list) => list.as_slice(),
        one => std::slice::from_ref(one),
    };
    let (last, before) = list.split_last().ok_or_else(refused)?;
    let is_ellipsis = |part: &Value| text(part, "class_name") == Some("__ellipsis__");
    let bounds = |part: &Value| -> Option<[Value; 3]> {
        let part = if part["config"].is_object() { &part["config"] } else { part };
        part.is_object().then(|| ["start", "stop", "step"].map(|key| part[key].clone()))
    };
    let is_whole = |part: &Value| {
        is_ellipsis(part)
            || bounds(part).is_some_and(|[start, stop, step]| {
                (start.is_null() || start == json!(0))
                    && stop.is_null()
                    && (step.is_null() || step == json!(1))
            })
    };
    let reaches_channels = before.iter().any(is_ellipsis) || list.len() == 4;
    if !before.iter().all(is_whole) || !(reaches_channels || is_ellipsis(last)) {
        return Err(refused());
    }
    if is_whole(last) {
        return Ok(Outcome::Same);
    }
    if let Some(channel) = last.as_i64() {
        return Ok(Outcome::Channel(channel));
    }
    match bounds(last) {
        Some([Value::Null, Value::Null, step]) if step == json!(-1) => {
            Ok(Outcome::Layer(ReverseChannels::new().into()))
        }
        _ => Err(refused()),
    }
}

/// A value's text, of which a long one's begin.
fn short(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(60) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
