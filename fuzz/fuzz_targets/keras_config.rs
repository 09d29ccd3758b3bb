//! The `config.json` of a `.keras` file, which a checksum keeps from being reached in `keras`: the layers and their
//! settings. The weights are those of another model, so that a graph is built but most models end there.
#![no_main]

use std::io::{Cursor, Write};

use libfuzzer_sys::{fuzz_mutator, fuzz_target};
use petal::model::Model;
use zip::write::SimpleFileOptions;

/// Weights that fit almost no configuration.
const WEIGHTS: &[u8] = include_bytes!("../../crates/petal/tests/fixtures/keras_files/cnn_keras2.h5");

fuzz_target!(init: petal_fuzz::watch_panics(), |config: &[u8]| {
    let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    for (name, bytes) in
        [("metadata.json", &b"{\"keras_version\": \"3.0.0\"}"[..]), ("config.json", config), ("model.weights.h5", WEIGHTS)]
    {
        archive.start_file(name, options).expect("the archive is in memory");
        archive.write_all(bytes).expect("the archive is in memory");
    }
    let bytes = archive.finish().expect("the archive is in memory").into_inner();
    petal_fuzz::try_model("model.keras", &bytes, |file| Model::load(file));
});

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    petal_fuzz::mutate(data, size, max_size, seed, petal_fuzz::json::changed)
});
