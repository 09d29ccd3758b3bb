//! Keras 3's `.keras` files, byte by byte.
#![no_main]

use libfuzzer_sys::fuzz_target;
use petal::model::Model;

fuzz_target!(|data: &[u8]| petal_fuzz::try_model("model.keras", data, |file| Model::load(file)));
