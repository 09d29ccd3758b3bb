//! The networks of `keras.applications`.

use std::path::PathBuf;

use numpy::PyReadonlyArray2;
use petal::applications::{self as networks, Application, Pooling, Weights};
use pyo3::prelude::*;
use serde_json::Value;

use crate::compute::{argument, compute, exception, json};
use crate::model::Model;
use crate::symbolic::Tensor;

/// The network of this name; `settings` is JSON by the names of Keras' arguments.
#[pyfunction]
pub fn application(py: Python<'_>, name: String, settings: &str) -> PyResult<Model> {
    let settings = json(settings)?;
    compute(py, move || build(name.parse()?, &settings)).map(Model::new)
}

/// Brings colours of 0..=255 into the range that the network expects.
#[pyfunction]
pub fn preprocess_input(name: &str, x: &Tensor) -> PyResult<Tensor> {
    let application: Application = name.parse().map_err(exception)?;
    application.preprocess_input(&x.0).map(Tensor).map_err(exception)
}

/// A class of ImageNet: identifier, name, probability.
type Named = (&'static str, &'static str, f32);

/// For each row the `top` classes of ImageNet that are most probable: identifier, name, probability.
#[pyfunction]
pub fn decode_predictions(probabilities: PyReadonlyArray2<'_, f32>, top: usize) -> PyResult<Vec<Vec<Named>>> {
    let decoded = networks::decode_predictions(probabilities.as_array(), top).map_err(exception)?;
    let row = |row: Vec<networks::Prediction>| row.into_iter().map(|p| (p.wnid, p.name, p.score)).collect();
    Ok(decoded.into_iter().map(row).collect())
}

/// Keras' settings that some networks have beside those of all.
trait Own: Sized {
    /// Takes the setting, if the network has one of this name.
    fn set(self, _name: &str, _value: &Value) -> Option<Self> {
        None
    }
}

macro_rules! own {
    ($($class:ident: $($name:ident = $read:expr),*;)*) => {
        $(impl Own for networks::$class {
            #[allow(unused_variables)]
            fn set(self, name: &str, value: &Value) -> Option<Self> {
                match name {
                    $(stringify!($name) => Some(self.$name($read(value)?)),)*
                    _ => None,
                }
            }
        })*

        fn build(application: Application, settings: &Value) -> petal::Result<petal::model::Model> {
            match application {
                $(Application::$class => {
                    let image = |axis: usize| settings["input_shape"][axis].as_u64().unwrap_or_default() as usize;
                    let mut network = networks::$class::new(image(0), image(1))
                        .channels(image(2))
                        .include_top(settings["include_top"] != false)
                        .weights(match settings["weights"].as_str() {
                            None => Weights::None,
                            Some("imagenet") => Weights::Imagenet,
                            Some(path) => Weights::File(PathBuf::from(path)),
                        })
                        .pooling(match settings["pooling"].as_str() {
                            Some("avg") => Pooling::Average,
                            Some("max") => Pooling::Max,
                            _ => Pooling::None,
                        })
                        .classes(settings["classes"].as_u64().unwrap_or(1000) as usize)
                        .classifier_softmax(settings["classifier_activation"] == "softmax")
                        .seed(settings["seed"].as_u64().unwrap_or_default());
                    for (name, value) in settings["own"].as_object().into_iter().flatten() {
                        network = network.set(name, value).ok_or_else(|| {
                            let expected = concat!("what ", stringify!($class), " takes");
                            argument("settings", format!("{name}={value}"), expected)
                        })?;
                    }
                    network.build()
                })*
            }
        }
    };
}

fn size(value: &Value) -> Option<usize> {
    value.as_u64().and_then(|value| usize::try_from(value).ok())
}

fn float(value: &Value) -> Option<f32> {
    value.as_f64().map(|value| value as f32)
}

own! {
    MobileNetV2: alpha = Value::as_f64;
    MobileNet: alpha = Value::as_f64, depth_multiplier = size, dropout = float;
    MobileNetV3Small: alpha = Value::as_f64, minimalistic = Value::as_bool, dropout = float, include_preprocessing = Value::as_bool;
    MobileNetV3Large: alpha = Value::as_f64, minimalistic = Value::as_bool, dropout = float, include_preprocessing = Value::as_bool;
    EfficientNetB0: ;
    EfficientNetB1: ;
    EfficientNetB2: ;
    EfficientNetB3: ;
    EfficientNetB4: ;
    EfficientNetB5: ;
    EfficientNetB6: ;
    EfficientNetB7: ;
    EfficientNetV2B0: include_preprocessing = Value::as_bool;
    EfficientNetV2B1: include_preprocessing = Value::as_bool;
    EfficientNetV2B2: include_preprocessing = Value::as_bool;
    EfficientNetV2B3: include_preprocessing = Value::as_bool;
    EfficientNetV2S: include_preprocessing = Value::as_bool;
    EfficientNetV2M: include_preprocessing = Value::as_bool;
    EfficientNetV2L: include_preprocessing = Value::as_bool;
    ResNet50: ;
    ResNet101: ;
    ResNet152: ;
    ResNet50V2: ;
    ResNet101V2: ;
    ResNet152V2: ;
    ConvNeXtTiny: include_preprocessing = Value::as_bool;
    ConvNeXtSmall: include_preprocessing = Value::as_bool;
    ConvNeXtBase: include_preprocessing = Value::as_bool;
    ConvNeXtLarge: include_preprocessing = Value::as_bool;
    ConvNeXtXLarge: include_preprocessing = Value::as_bool;
    DenseNet121: ;
    DenseNet169: ;
    DenseNet201: ;
    Xception: ;
    InceptionV3: ;
    InceptionResNetV2: ;
    NASNetMobile: ;
    NASNetLarge: ;
    VGG16: ;
    VGG19: ;
}
