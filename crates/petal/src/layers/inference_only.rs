//! Layers that Petal computes in inference only, where they do nothing: Keras' rarer changes of images in training.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

use super::{Definition, Lowering, only};
use crate::program::Value;
use crate::shape::Shape;

/// Settings that are kept as Keras wrote them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(from = "Map<String, Json>")]
struct Settings(Map<String, Json>);

impl From<Map<String, Json>> for Settings {
    fn from(mut settings: Map<String, Json>) -> Self {
        // What every layer has is kept elsewhere.
        ["name", "trainable", "dtype"].iter().for_each(|key| drop(settings.remove(*key)));
        Settings(settings)
    }
}

macro_rules! inference_only {
    ($($(#[doc = $what:literal])* $class:ident,)*) => {$(
        $(#[doc = $what])*
        ///
        /// Keras changes images so in training; in inference the layer gives its input. Petal reads it from Keras' files,
        /// keeps its settings, and predicts and explains with it, but doesn't train through it:
        /// [`Model::fit`](crate::model::Model::fit) and [`Model::augment`](crate::model::Model::augment) refuse a model
        /// with it, unless it is called in inference mode.
        ///
        /// ```
        /// use petal::layers::{AnyLayer, Input, Layer};
        #[doc = concat!("let text = r#\"{\"class_name\": \"", stringify!($class), "\", \"config\": {\"seed\": 1}}\"#;")]
        /// let layer: AnyLayer = serde_json::from_str(text)?;
        /// let y = layer.on(&Input::image(180, 180, 3))?;
        /// # Ok::<(), Box<dyn std::error::Error>>(())
        /// ```
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $class(Settings);

        impl Definition for $class {
            fn output_shape(&self, inputs: &[Shape]) -> Result<Shape, String> {
                let input = only(inputs)?;
                input.image()?;
                Ok(input.clone())
            }

            fn check_training(&self) -> Result<(), String> {
                Err(format!(
                    "{} can be loaded and predicts, but Petal doesn't train through it; build the model without it",
                    stringify!($class)
                ))
            }

            fn lower(&self, node: &mut Lowering<'_>) -> Value {
                node.input()
            }
        }
    )*};
}

inference_only! {
    /// Mixes an image with several chains of changes of it (Hendrycks et al. 2020).
    AugMix,
    /// Moves pixels about as if the image were of rubber.
    RandomElasticTransform,
}
