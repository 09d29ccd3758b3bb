//! Keras' description of one layer to a layer.
//!
//! Petal's layers have the names and settings of Keras', so most are read as they stand. Here is what differs.

use serde_json::{Value, json};

use crate::layers::{AnyLayer, Initializer, Input, LayerSpec};
use crate::model::{Shape, Tensor};

/// The text at `key`.
pub(super) fn text<'a>(value: &'a Value, key: &str) -> Option<&'a str> {
    value[key].as_str()
}

/// The name of a layer or model in Petal, where `/` stands between the names of models and layers: `conv1/bn` of Keras
/// 2's DenseNet is `conv1_bn`, as in Keras 3.
pub(super) fn name(name: &str) -> String {
    name.replace('/', "_")
}

/// The input that an `InputLayer` describes.
pub(super) fn input(config: &Value, known: &[usize]) -> Result<Tensor, String> {
    let shape = ["batch_shape", "batch_input_shape"].map(|key| &config[key]);
    let shape = shape.into_iter().find(|shape| shape.is_array()).ok_or("its input layer has no shape")?;
    let shape = self::shape(shape, known)?;
    Ok(match text(config, "name") {
        Some(name) => Input::with_name(shape, self::name(name)),
        None => Input::new(shape),
    })
}

/// A shape without its batch axis. Axes of any size have those in `known`.
pub(super) fn shape(value: &Value, known: &[usize]) -> Result<Vec<usize>, String> {
    let axes = value.as_array().map(Vec::as_slice).unwrap_or_default();
    let size = |(i, axis): (usize, &Value)| match axis {
        Value::Null => known.get(i).copied(),
        axis => axis.as_u64().and_then(|axis| usize::try_from(axis).ok()),
    };
    let sizes = axes.iter().skip(1).enumerate().map(size);
    sizes.collect::<Option<Vec<usize>>>().filter(|sizes| !sizes.is_empty()).ok_or_else(|| {
        format!(
            "its input has the shape {value}, so it takes images of any size: say which, by --image-size, or with \
             Model::load_for_images in a program"
        )
    })
}

/// A layer that is called on inputs of these shapes.
pub(super) fn layer(envelope: &Value, inputs: &[Shape]) -> Result<LayerSpec, String> {
    let class = text(envelope, "class_name").ok_or("has a layer without a class")?;
    let config = &envelope["config"];
    let name = text(config, "name").unwrap_or(class);
    check_settings(class, config, inputs).map_err(|problem| format!("layer '{name}': {problem}"))?;
    let mut config = config.clone();
    let mut left_out = Vec::new();
    if let Some(settings) = config.as_object_mut() {
        for (key, setting) in settings {
            if (key.ends_with("_regularizer") || key.ends_with("_constraint")) && !setting.is_null() {
                left_out.push(key.clone());
            }
            simplify(class, key, setting);
        }
    }
    let layer = serde_json::from_value::<AnyLayer>(json!({ "class_name": class, "config": config }));
    layer.map(|layer| LayerSpec { left_out, ..layer.into() }).map_err(|problem| {
        let problem = problem.to_string();
        if class == "Lambda" {
            format!("layer '{name}' is a Lambda, whose Python code Petal cannot run; use Keras' own layers instead")
        } else if problem.starts_with(&format!("unknown variant `{class}`")) {
            format!("layer '{name}' is a {class}, which Petal doesn't have")
        } else {
            format!("layer '{name}': Petal's {class} can't be set up like this: {problem}")
        }
    })
}

/// Refuses what has the same name in Keras 2 and Keras 3, but computes something else: Petal's is Keras 3's.
pub(super) fn check_keras_2(config: &Value) -> Result<(), String> {
    let children: Vec<&Value> = match config {
        Value::Array(values) => values.iter().collect(),
        Value::Object(values) => values.values().collect(),
        _ => return Ok(()),
    };
    let activation = &config["activation"];
    let hard_sigmoid = "hard_sigmoid";
    if activation == hard_sigmoid || activation["config"] == hard_sigmoid {
        let name = text(config, "name").unwrap_or_default();
        return Err(format!(
            "layer '{name}': hard_sigmoid is min(max(x / 5 + 1 / 2, 0), 1) in Keras 2, which wrote this file, and \
             min(max(x / 6 + 1 / 2, 0), 1) in Keras 3 and in Petal; replace it in Keras 2, by relu6(2.4 x + 3) / 6 for \
             instance, and save the model again"
        ));
    }
    children.into_iter().try_for_each(check_keras_2)
}

/// Refuses settings that Petal doesn't have and that change what the layer computes.
fn check_settings(class: &str, config: &Value, inputs: &[Shape]) -> Result<(), String> {
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
        let last = inputs.first().map(|input| input.len() as u64);
        if !(axis.is_null() || axis == &json!(-1) || axis.as_u64().is_some_and(|axis| Some(axis) == last)) {
            return Err(format!("normalizes axis {axis}; Petal normalizes the last one, -1"));
        }
        if config["renorm"] == json!(true) {
            return Err("uses batch renormalization, which Petal doesn't have".into());
        }
    }
    Ok(())
}

/// Brings a setting to the form that Petal reads.
fn simplify(class: &str, key: &str, setting: &mut Value) {
    if key.ends_with("_initializer") && serde_json::from_value::<Initializer>(setting.clone()).is_err() {
        // The weights come from the file, so how they started doesn't matter.
        *setting = json!({ "class_name": "Zeros", "config": {} });
    } else if key == "activation" && text(setting, "class_name") == Some("function") {
        *setting = setting["config"].take();
    } else if (class, key) == ("RandomContrast", "factor") && setting.is_number() {
        // Since Keras 3.5 it is written as a pair; before, a number stood for both of its bounds.
        *setting = json!([setting, setting]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layers::Layer;
    use crate::model::{Graph, Model};

    #[test]
    fn what_keras_2_computes_otherwise_is_found_at_any_depth() {
        let dense =
            json!({ "class_name": "Dense", "config": { "name": "gate", "activation": "hard_sigmoid" } });
        let model = json!({ "class_name": "Sequential", "config": { "layers": [dense] } });
        let outer = json!({ "class_name": "Functional", "config": { "layers": [model] } });
        assert!(check_keras_2(&outer).unwrap_err().starts_with("layer 'gate': hard_sigmoid is"));
        let dense = json!({ "class_name": "Dense", "config": { "name": "gate", "activation": "sigmoid" } });
        assert_eq!(check_keras_2(&json!({ "config": { "layers": [dense] } })), Ok(()));
    }

    #[test]
    fn what_training_leaves_out_of_a_layer_is_kept_with_it() {
        let regularizer = json!({ "class_name": "L2", "config": { "l2": 0.01 } });
        let config = json!({
            "filters": 2, "kernel_size": [1, 1], "kernel_regularizer": regularizer, "bias_constraint": null,
        });
        let x = Input::image(4, 4, 3);
        let spec = layer(&json!({ "class_name": "Conv2D", "config": config }), &[x.shape().clone()]).unwrap();
        let model = Model::new(&x, &spec.name("conv").on(&x).unwrap()).unwrap();
        // As a Petal file keeps it.
        let text = serde_json::to_string(model.graph()).unwrap();
        let mut graph: Graph = serde_json::from_str(&text).unwrap();
        assert_eq!(graph.left_out_of_training(), ["kernel_regularizer of 'conv'"]);
        graph.set_trainable(false);
        assert!(graph.left_out_of_training().is_empty());
    }
}
