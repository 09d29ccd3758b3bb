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

/// The operation that turns the order of channels round. Keras' older format cannot hold the `x[..., ::-1]` that users
/// write for it.
pub(super) fn reverse_channels(name: &str) -> Value {
    json!({
        "module": "keras.src.ops.numpy",
        "class_name": "Flip",
        "config": { "name": name, "axis": -1 },
        "registered_name": "Flip",
    })
}

/// A layer that is no model.
///
/// # Errors
/// If a setting is not a finite number, which JSON has no word for, or one that Keras refuses.
pub(super) fn layer(layer: &AnyLayer, name: &str, trainable: bool) -> Result<Value> {
    if let AnyLayer::MixUpOrCutMix(_) | AnyLayer::RandomResizedCrop(_) | AnyLayer::TrivialAugmentWide(_) =
        layer
    {
        // Keras lacks them. In prediction they do nothing.
        let config = json!({ "name": name, "trainable": trainable, "dtype": DTYPE });
        return Ok(object("keras.layers", "Identity", config));
    }
    let mut written = plain(layer);
    if serde_json::from_value(written.clone()).ok().as_ref() != Some(layer) {
        let problem =
            "has a setting that is not a finite number, which Keras' files cannot hold; set another";
        return Err(Error::layer(name, problem));
    }
    let mut config = Map::new();
    config.insert("name".into(), name.into());
    // Keras' SpatialDropout2D takes no such setting.
    if !matches!(layer, AnyLayer::SpatialDropout2D(_)) {
        config.insert("trainable".into(), trainable.into());
    }
    config.insert("dtype".into(), DTYPE.into());
    for (key, setting) in written["config"].as_object_mut().into_iter().flatten() {
        let mut setting = setting.take();
        let module = if key == "activation" { "keras.layers" } else { "keras.initializers" };
        if let Some(class) = setting["class_name"].as_str().map(str::to_owned)
            && !setting["module"].is_string()
        {
            setting = object(module, &class, setting["config"].take());
        }
        let setting = taken(layer, key, setting)
            .map_err(|problem| Error::layer(name, format!("its {key} is {problem}")))?;
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

/// A setting as the constructors of Keras' layers take it, which isn't always how Keras writes it.
fn taken(layer: &AnyLayer, key: &str, setting: Value) -> Result<Value, String> {
    let bounds: Option<[f64; 2]> = serde_json::from_value(setting.clone()).ok();
    match (layer, bounds.filter(|_| key.ends_with("factor"))) {
        // Whole numbers; with others Keras fails when the layer is called.
        (AnyLayer::RandomPosterization(_), Some(bits)) => Ok(json!(bits.map(|bits| bits as u64))),
        (AnyLayer::RandomShear(_), Some([lower, upper])) if lower == -upper => Ok(json!(upper)),
        (AnyLayer::RandomShear(_), Some([lower, upper])) if lower < 0.0 => Err(format!(
            "{lower} to {upper}, which Keras refuses; expected a range from 0 on, or as far below 0 as above"
        )),
        _ => Ok(setting),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layers::{LeakyReLU, RandomShear, ReLU};

    #[test]
    fn what_keras_lacks_and_prediction_does_not_need_is_an_identity() {
        let written = layer(&crate::layers::TrivialAugmentWide::new().into(), "augment", true).unwrap();
        assert_eq!(
            (&written["class_name"], &written["config"]["name"]),
            (&json!("Identity"), &json!("augment"))
        );
    }

    #[test]
    fn what_keras_cannot_read_is_an_error_with_the_name_of_the_layer() {
        let problem =
            layer(&ReLU::new().max_value(f32::INFINITY).into(), "capped", true).unwrap_err().to_string();
        assert!(
            problem.starts_with("layer 'capped': has a setting that is not a finite number"),
            "{problem}"
        );
        let problem = layer(&LeakyReLU::new(f32::NAN).into(), "leaky", true).unwrap_err().to_string();
        assert!(problem.contains("'leaky'"), "{problem}");
        let shear = RandomShear::new((-0.1, 0.3), 0.2);
        let problem = layer(&shear.into(), "shear", true).unwrap_err().to_string();
        assert!(
            problem.starts_with("layer 'shear': its x_factor is -0.1 to 0.3, which Keras refuses"),
            "{problem}"
        );
    }
}
