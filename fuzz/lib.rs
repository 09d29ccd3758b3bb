//! What the fuzz targets share: files in memory, and what a model must be able to do once it is read.

use std::fs;
use std::path::PathBuf;

use petal::model::Model;
use tempfile::TempDir;

/// More values than this, and one prediction would take the fuzzer's time for others.
const MOST_VALUES: usize = 1 << 20;

/// An empty folder, in memory where the system has such a place.
pub fn folder() -> TempDir {
    let memory = PathBuf::from("/dev/shm");
    match memory.is_dir() {
        true => TempDir::new_in(memory),
        false => TempDir::new(),
    }
    .expect("a temporary folder can be made")
}

/// Reads the model that is in these bytes, by `load`, from a file of this name. One that is read must be able to
/// describe itself and to predict.
pub fn try_model(name: &str, bytes: &[u8], load: impl FnOnce(PathBuf) -> petal::Result<Model>) {
    let folder = folder();
    let file = folder.path().join(name);
    fs::write(&file, bytes).expect("the file can be written");
    if let Ok(model) = load(file) {
        try_prediction(&model);
    }
}

/// Predicts once, if that is quick.
pub fn try_prediction(model: &Model) {
    let _ = model.summary().to_string();
    let values = model.input_shape().elements();
    let largest = model.layers().iter().map(|layer| layer.output_shape().elements()).max().unwrap_or(0);
    if values <= MOST_VALUES && largest <= MOST_VALUES && model.count_params() <= MOST_VALUES {
        // Weights that are no numbers are refused.
        let Ok(mut predictor) = model.predictor(1) else { return };
        let _ = predictor.predict(&vec![0.5; values]);
        let _ = predictor.probabilities(&vec![0.5; values]);
    }
}
