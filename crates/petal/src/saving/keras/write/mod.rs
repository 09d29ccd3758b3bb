//! Writing Keras' files.

mod archive;
mod config;
mod container;
mod hdf5;
mod layer_config;
mod legacy;

use std::path::Path;

use serde_json::Value;

use self::hdf5::Group;
use super::compile_config;
use super::petal_notes;
use crate::Result;
use crate::model::Model;

/// The Keras whose files these are.
const KERAS_VERSION: &str = "3.15.1";

/// The description of a model with how it is compiled.
pub(super) fn description(model: &Model) -> Result<Value> {
    let mut config = config::model(model.graph(), model.trainable())?;
    let compiled = model.compiled.as_ref();
    config["compile_config"] = compiled.and_then(compile_config::write).unwrap_or_default();
    Ok(config)
}

/// Writes a `.keras` file.
pub(in crate::saving) fn save(model: &Model, path: &Path) -> Result<()> {
    let config = description(model)?;
    let mut metadata = serde_json::json!({ "keras_version": KERAS_VERSION });
    if let Some(notes) = petal_notes::write(model) {
        metadata[petal_notes::KEY] = notes;
    }
    archive::write(path, &metadata, &config, container::group(model))
}

/// Writes a `.weights.h5` file.
pub(in crate::saving) fn save_weights(model: &Model, path: &Path) -> Result<()> {
    container::group(model).save(path)
}

/// Writes an `.h5` file with the whole model. Its configuration is that of a `.keras` file, which Keras 3 reads here too;
/// so it knows operations and classes of `keras.applications`, which the older one cannot say.
pub(in crate::saving) fn save_legacy(model: &Model, path: &Path) -> Result<()> {
    let config = config::model(model.graph(), model.trainable())?;
    let mut file = Group::default();
    file.text("keras_version", KERAS_VERSION);
    file.text("backend", legacy::BACKEND);
    file.text("model_config", config.to_string());
    if let Some(config) = model.compiled.as_ref().and_then(compile_config::write_legacy) {
        file.text("training_config", config.to_string());
    }
    if let Some(notes) = petal_notes::write(model) {
        file.text(petal_notes::KEY, notes.to_string());
    }
    legacy::fill(file.group("model_weights"), model);
    file.save(path)
}
