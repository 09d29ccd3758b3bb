//! Petal's own model files.
#![no_main]

use libfuzzer_sys::fuzz_target;
use petal::model::Model;

fuzz_target!(|data: &[u8]| petal_fuzz::try_model("model.petal", data, |file| Model::load(file)));
