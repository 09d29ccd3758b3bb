//! A layer to Keras' description of it.
//!
//! Petal's layers have the names and settings of Keras', so they are written as they stand. Here is what differs.

use serde_json::{Map, Value, json};

use super::super::object::{object, plain};
use crate::layers::AnyLayer;
use crate::{Error, Result};

/// What Petal computes in.
pub(super) const DTYPE: &str = "float32";

/// An `InputLayer` for samples of this shape, which has the batch axis.
pub(super) fn input(name: &str, shape: Value) -> Value {
    object("keras.layers", "InputLayer", json!({ "batch_shape": shape, "dtype": DTYPE, "name": name }))
}

/// An operation of `keras.ops`.
pub(super) fn operation(class: &str, name: &str) -> Value {
    json!({
        "module": "keras.src.ops.numpy",
        "class_name": class,
        "config": { "name": name },
        "registered_name": class,
    })
}

/// A layer that is no model.
///
/// # Errors
/// If a setting is not a finite number, which JSON has no word for.
pub(super) fn layer(layer: &AnyLayer, name: &str, trainable: bool) -> Result<Value> {
    let mut written = plain(layer);
    if serde_json::from_value(written.clone()).ok().as_ref() != Some(layer) {
        let problem =
            "has a setting that is not a finite number, which Keras' files cannot hold; set another";
        return Err(Error::layer(name, problem));
    }
    let mut config = Map::new();
    config.insert("name".into(), name.into());
    config.insert("trainable".into(), trainable.into());
    config.insert("dtype".into(), DTYPE.into());
    for (key, setting) in written["config"].as_object_mut().into_iter().flatten() {
        let mut setting = setting.take();
        let module = if key == "activation" { "keras.layers" } else { "keras.initializers" };
        if let Some(class) = setting["class_name"].as_str().map(str::to_owned)
            && !setting["module"].is_string()
        {
            setting = object(module, &class, setting["config"].take());
        }
        config.insert(key.clone(), setting);
    }
    let class = layer.class_name();
    let private = match layer {
        AnyLayer::LayerScale(_) | AnyLayer::StochasticDepth(_) => "keras.src.applications.convnext",
        AnyLayer::CustomScaleLayer(_) => "keras.src.applications.inception_resnet_v2",
        _ => return Ok(object("keras.layers", class, config.into())),
    };
    let mut written = object(private, class, config.into());
    written["registered_name"] = class.into();
    Ok(written)
}

#[cfg(test)]
mod tests {
    use safetensors::SafeTensors;

    use super::*;
    use crate::layers::{LeakyReLU, ReLU};

    /// Whether two values are the same, numbers as `f32`.
    fn same(a: &Value, b: &Value) -> bool {
        match (a, b) {
            (Value::Number(a), Value::Number(b)) => {
                a.as_f64().map(|a| a as f32) == b.as_f64().map(|b| b as f32)
            }
            (Value::Array(a), Value::Array(b)) => {
                a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
            }
            // An initializer's seed is none of its settings in Petal.
            (Value::Object(a), Value::Object(b)) => {
                a.iter().all(|(key, a)| b.get(key).is_some_and(|b| same(a, b)))
            }
            (a, b) => a == b,
        }
    }

    #[test]
    fn each_setting_is_written_as_keras_writes_it() {
        let bytes = include_bytes!("../../../../tests/fixtures/layers.safetensors");
        let (_, metadata) = SafeTensors::read_metadata(bytes).unwrap();
        let cases: Vec<Value> =
            serde_json::from_str(&metadata.metadata().as_ref().unwrap()["cases"]).unwrap();
        let mut settings = 0;
        for case in &cases {
            let keras = &case["layer"];
            let Ok(parsed) = serde_json::from_value::<AnyLayer>(keras.clone()) else { continue };
            let name = keras["config"]["name"].as_str().unwrap();
            let written = layer(&parsed, name, true).unwrap();
            assert_eq!(written["class_name"], keras["class_name"]);
            for (key, value) in
                written["config"].as_object().unwrap().iter().filter(|(key, _)| *key != "dtype")
            {
                let expected = &keras["config"][key];
                // A number stands for a pair where both are the same, and a factor of the width for that of the height.
                let pair = json!([expected, expected]);
                let differs = !same(value, expected) && !same(value, &pair);
                assert!(!differs, "{}, {key}: {value}; Keras {expected}", case["case"]);
                settings += 1;
            }
        }
        assert!(settings > 1000, "only {settings} settings were compared");
    }

    #[test]
    fn what_json_cannot_say_is_an_error_with_the_name_of_the_layer() {
        let problem =
            layer(&ReLU::new().max_value(f32::INFINITY).into(), "capped", true).unwrap_err().to_string();
        assert!(
            problem.starts_with("layer 'capped': has a setting that is not a finite number"),
            "{problem}"
        );
        let problem = layer(&LeakyReLU::new(f32::NAN).into(), "leaky", true).unwrap_err().to_string();
        assert!(problem.contains("'leaky'"), "{problem}");
    }
}
