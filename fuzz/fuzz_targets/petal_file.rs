//! Petal's own model files; every other change is one of the description in the head, whose length stays right.
#![no_main]

use libfuzzer_sys::{fuzz_mutator, fuzz_target};
use petal::model::Model;
use petal_fuzz::json;
use serde_json::Value;

/// The file with another description.
fn changed(file: &[u8], seed: u32) -> Option<Vec<u8>> {
    let (length, rest) = file.split_first_chunk::<8>()?;
    let (head, weights) = rest.split_at_checked(usize::try_from(u64::from_le_bytes(*length)).ok()?)?;
    let mut head: Value = serde_json::from_slice(head).ok()?;
    let description = head.pointer_mut("/__metadata__/petal")?;
    *description = String::from_utf8(json::changed(description.as_str()?.as_bytes(), seed)?).ok()?.into();
    let head = serde_json::to_vec(&head).ok()?;
    Some([&(head.len() as u64).to_le_bytes()[..], &head, weights].concat())
}

fuzz_target!(init: petal_fuzz::watch_panics(), |data: &[u8]| {
    petal_fuzz::try_model("model.petal", data, |file| Model::load(file));
});

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    petal_fuzz::mutate(data, size, max_size, seed, changed)
});
