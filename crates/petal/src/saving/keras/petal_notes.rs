//! What Petal knows of a model and Keras has no place for: class names, how a photo becomes the input, and the
//! calibration. Keras passes over it in `metadata.json` of a `.keras` file and in an attribute of an `.h5` file.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Result;
use crate::calibration::Familiarity;
use crate::data::Preprocessing;
use crate::model::Model;

/// Where it stands.
pub(super) const KEY: &str = "petal";

#[derive(Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct Notes {
    class_names: Vec<String>,
    preprocessing: Option<Preprocessing>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    familiarity: Option<Familiarity>,
}

/// What there is to note of a model; nothing where it says neither.
pub(super) fn write(model: &Model) -> Option<Value> {
    let notes = Notes {
        class_names: model.class_names().to_vec(),
        preprocessing: model.preprocessing().cloned(),
        temperature: Some(model.temperature()).filter(|&temperature| temperature != 1.0),
        familiarity: model.familiarity().cloned(),
    };
    if notes == Notes::default() { None } else { serde_json::to_value(notes).ok() }
}

/// Sets what was noted. Notes that cannot be read are those of another Petal, and passed over.
///
/// # Errors
/// If they don't go with the model.
pub(super) fn read(notes: Value, model: &mut Model) -> Result<()> {
    let notes: Notes = serde_json::from_value(notes).unwrap_or_default();
    model.set_class_names(notes.class_names)?;
    if let Some(preprocessing) = notes.preprocessing {
        model.set_preprocessing(preprocessing)?;
    }
    model.set_temperature(notes.temperature.unwrap_or(1.0))?;
    model.set_familiarity(notes.familiarity)
}
