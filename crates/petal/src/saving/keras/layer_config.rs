//! Keras' description of one layer to a layer.
//!
//! Petal's layers have the names and settings of Keras', so most are read as they stand. Here is what differs: settings
//! that Petal doesn't have, and the operations that `preprocess_input` leaves in a graph.

use serde_json::{Value, json};

use super::config::Argument;
use crate::layers::{Add, AnyLayer, Initializer, Input, LayerSpec, Rescaling};
use crate::model::Tensor;

/// The text at `key`.
pub(super) fn text<'a>(value: &'a Value, key: &str) -> Option<&'a str> {
    value[key].as_str()
}

/// The input that an `InputLayer` describes.
pub(super) fn input(config: &Value) -> Result<Tensor, String> {
    let shape = ["batch_shape", "batch_input_shape"].map(|key| &config[key]);
    let shape = shape.into_iter().find(|shape| shape.is_array()).ok_or("its input layer has no shape")?;
    let shape = self::shape(shape)?;
    Ok(match text(config, "name") {
        Some(name) => Input::with_name(shape, name),
        None => Input::new(shape),
    })
}

/// A shape without its batch axis.
pub(super) fn shape(value: &Value) -> Result<Vec<usize>, String> {
    let axes = value.as_array().map(Vec::as_slice).unwrap_or_default();
    let sizes = axes.iter().skip(1).map(|axis| axis.as_u64().and_then(|axis| usize::try_from(axis).ok()));
    sizes.collect::<Option<Vec<usize>>>().filter(|sizes| !sizes.is_empty()).ok_or_else(|| {
        format!(
            "its input has shape {value}; Petal needs a fixed one: build the model for one and save it again"
        )
    })
}

/// A layer or operation.
pub(super) fn layer(envelope: &Value, arguments: &[Argument<'_>]) -> Result<LayerSpec, String> {
    let class = text(envelope, "class_name").ok_or("has a layer without a class")?;
    let config = &envelope["config"];
    let name = text(config, "name").unwrap_or(class);
    if text(envelope, "module").is_some_and(|module| module.starts_with("keras.src.ops")) {
        return operation(class, arguments).map_err(|problem| format!("operation '{name}': {problem}"));
    }
    check_settings(class, config).map_err(|problem| format!("layer '{name}': {problem}"))?;
    let mut config = config.clone();
    if let Some(settings) = config.as_object_mut() {
        for (key, setting) in settings {
            simplify(key, setting);
        }
    }
    let layer = serde_json::from_value::<AnyLayer>(json!({ "class_name": class, "config": config }));
    layer.map(LayerSpec::from).map_err(|problem| {
        let problem = problem.to_string();
        if problem.starts_with(&format!("unknown variant `{class}`")) && class != "Model" {
            format!("layer '{name}' is a {class}, which Petal doesn't have")
        } else {
            format!("layer '{name}': Petal's {class} can't be set up like this: {problem}")
        }
    })
}

/// Refuses settings that Petal doesn't have and that change what the layer computes.
fn check_settings(class: &str, config: &Value) -> Result<(), String> {
    if text(config, "data_format") == Some("channels_first") {
        return Err("has data_format channels_first; Petal's images are channels_last".into());
    }
    if !config["quantization_config"].is_null() {
        return Err("is quantized; save the model before it is".into());
    }
    if class == "BatchNormalization" {
        let axis = match &config["axis"] {
            Value::Array(axes) if axes.len() == 1 => &axes[0],
            axis => axis,
        };
        if !(axis.is_null() || axis == &json!(-1) || axis == &json!(3)) {
            return Err(format!("normalizes axis {axis}; Petal normalizes the last one, -1"));
        }
        if config["renorm"] == json!(true) {
            return Err("uses batch renormalization, which Petal doesn't have".into());
        }
    }
    Ok(())
}

/// Brings a setting to the form that Petal reads.
fn simplify(key: &str, setting: &mut Value) {
    if key.ends_with("_initializer") && serde_json::from_value::<Initializer>(setting.clone()).is_err() {
        // The weights come from the file, so how they started doesn't matter.
        *setting = json!({ "class_name": "Zeros", "config": {} });
    } else if key == "activation" && text(setting, "class_name") == Some("function") {
        *setting = setting["config"].take();
    }
}

/// An operation with a number, as a [`Rescaling`]; or the sum of tensors.
fn operation(class: &str, arguments: &[Argument<'_>]) -> Result<LayerSpec, String> {
    let number = |value: &Value| {
        value.as_f64().ok_or_else(|| format!("its argument is {value}; Petal takes {class} with a number"))
    };
    let refused = || format!("Petal doesn't have {class} with such arguments in a graph");
    let rescaling = |scale: f64, offset: f64| Ok(Rescaling::new(scale).offset(offset).into());
    match (class, arguments) {
        ("Add", [Argument::Tensor, Argument::Tensor]) => Ok(Add::new().into()),
        ("TrueDivide" | "Divide", [Argument::Tensor, Argument::Value(by)]) => {
            rescaling(1.0 / number(by)?, 0.0)
        }
        ("Multiply", [Argument::Tensor, Argument::Value(by)] | [Argument::Value(by), Argument::Tensor]) => {
            rescaling(number(by)?, 0.0)
        }
        ("Add", [Argument::Tensor, Argument::Value(what)] | [Argument::Value(what), Argument::Tensor]) => {
            rescaling(1.0, number(what)?)
        }
        ("Subtract", [Argument::Tensor, Argument::Value(what)]) => rescaling(1.0, -number(what)?),
        ("Subtract", [Argument::Value(from), Argument::Tensor]) => rescaling(-1.0, number(from)?),
        _ => Err(refused()),
    }
}
