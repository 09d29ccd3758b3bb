//! What the fuzz targets share: files in memory, and what a model must be able to do once it is read.

pub mod json;

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::{fs, panic, process};

use ndarray::{Array1, IxDyn};
use petal::data::ArrayDataset;
use petal::model::Model;
use petal::training::{Adam, Fit, SparseCategoricalCrossentropy, Verbose};
use tempfile::TempDir;

/// More values than this, and one prediction would take the fuzzer's time for others.
const MOST_VALUES: usize = 1 << 20;
/// And one step of training.
const MOST_TRAINED: usize = 1 << 16;

/// A panic that Petal's own code is the place of ends the fuzzing, also where Petal would catch it. One of a decoder or
/// reader of others is told, once for each place, and ends it only if Petal doesn't catch it.
pub fn watch_panics() {
    static TOLD: Mutex<Option<HashSet<String>>> = Mutex::new(None);
    // libFuzzer's own would end it at any panic.
    drop(panic::take_hook());
    panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        let own = place.contains("crates/petal");
        let mut told = TOLD.lock().unwrap_or_else(PoisonError::into_inner);
        if own || told.get_or_insert_default().insert(place) {
            eprintln!("{panic}");
        }
        if own {
            process::abort();
        }
    }));
}

/// Every other time what `change` makes of the input, else what libFuzzer does. For `fuzz_mutator!`.
pub fn mutate(
    data: &mut [u8],
    size: usize,
    max_size: usize,
    seed: u32,
    change: impl FnOnce(&[u8], u32) -> Option<Vec<u8>>,
) -> usize {
    let changed = if seed.is_multiple_of(2) { change(&data[..size], seed / 2) } else { None };
    match changed.filter(|changed| changed.len() <= max_size) {
        Some(changed) => {
            data[..changed.len()].copy_from_slice(&changed);
            changed.len()
        }
        None => libfuzzer_sys::fuzzer_mutate(data, size, max_size),
    }
}

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
/// describe itself, to predict, to be saved and read again, and to go on with its training.
pub fn try_model(name: &str, bytes: &[u8], load: impl FnOnce(PathBuf) -> petal::Result<Model>) {
    let folder = folder();
    let file = folder.path().join(name);
    fs::write(&file, bytes).expect("the file can be written");
    if let Ok(mut model) = load(file) {
        try_prediction(&model);
        let history = model.history();
        let _ = (history.plot(), history.to_csv());
        let again = folder.path().join("again.petal");
        if model.save(&again).is_ok() {
            let read = Model::load(&again).expect("what was saved can be read");
            assert_eq!(read.summary().to_string(), model.summary().to_string());
            assert_eq!(read.history().to_json(), model.history().to_json());
        }
        try_training(&mut model);
    }
}

/// Trains for one step, as the file says if it does, if that is quick.
fn try_training(model: &mut Model) {
    let largest = model.layers().iter().map(|layer| layer.output_shape().elements()).max().unwrap_or(0);
    if largest.max(model.input_shape().elements()).max(model.count_params()) > MOST_TRAINED {
        return;
    }
    if !model.is_compiled() {
        let compiled = model.compile(Adam::new(1e-3), SparseCategoricalCrossentropy::from_logits());
        compiled.expect("the settings are sound");
    }
    const SAMPLES: usize = 2;
    let shape: Vec<usize> = [SAMPLES].iter().chain(model.input_shape().iter()).copied().collect();
    let inputs = Array1::linspace(0.0, 1.0, shape.iter().product()).into_shape_with_order(IxDyn(&shape));
    let last_class = model.output_shape().last().map_or(1, |&classes| classes.max(2) - 1);
    let data = ArrayDataset::new(inputs.expect("as many values as the shape says"), &[0, last_class])
        .expect("as many labels as samples");
    let epoch = model.history().next_epoch();
    let fit = Fit::epochs(epoch.saturating_add(1)).initial_epoch(epoch).verbose(Verbose::Silent);
    // The data may not go with it, or the weights not be numbers.
    let _ = model.fit(&data, fit);
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
