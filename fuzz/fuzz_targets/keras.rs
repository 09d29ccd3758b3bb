//! Keras 3's `.keras` files; every other change is one of the configuration, whose checksum stays right, so that the
//! weights fit where no layer has got others.
#![no_main]

use std::io::{Cursor, Read, Write};

use libfuzzer_sys::{fuzz_mutator, fuzz_target};
use petal::model::Model;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

/// The file with another configuration.
fn changed(file: &[u8], seed: u32) -> Option<Vec<u8>> {
    let mut archive = ZipArchive::new(Cursor::new(file)).ok()?;
    let mut written = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    for name in ["config.json", "model.weights.h5"] {
        let mut bytes = Vec::new();
        // Several times the most that an input has.
        archive.by_name(name).ok()?.take(3_000_000).read_to_end(&mut bytes).ok()?;
        if name == "config.json" {
            bytes = petal_fuzz::json::changed(&bytes, seed)?;
        }
        written.start_file(name, options).ok()?;
        written.write_all(&bytes).ok()?;
    }
    Some(written.finish().ok()?.into_inner())
}

fuzz_target!(init: petal_fuzz::watch_panics(), |data: &[u8]| {
    petal_fuzz::try_model("model.keras", data, |file| Model::load(file));
});

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    petal_fuzz::mutate(data, size, max_size, seed, changed)
});
