//! Keras' losses, optimizer steps, schedules and metrics, as `fixtures/training.py` recorded them.

use safetensors::SafeTensors;
use serde_json::Value;

const BYTES: &[u8] = include_bytes!("../tests/fixtures/training.safetensors");

/// The cases of one kind.
pub(crate) fn cases(kind: &str) -> Vec<Value> {
    let (_, metadata) = SafeTensors::read_metadata(BYTES).unwrap();
    let cases: Vec<Value> = serde_json::from_str(&metadata.metadata().as_ref().unwrap()["cases"]).unwrap();
    cases.into_iter().filter(|case| case["kind"] == kind).collect()
}

pub(crate) fn name(case: &Value) -> &str {
    case["case"].as_str().unwrap()
}

pub(crate) fn shape(case: &Value, tensor: &str) -> Vec<usize> {
    let tensors = SafeTensors::deserialize(BYTES).unwrap();
    tensors.tensor(&format!("{}/{tensor}", name(case))).unwrap().shape().to_vec()
}

pub(crate) fn values(case: &Value, tensor: &str) -> Vec<f32> {
    let tensors = SafeTensors::deserialize(BYTES).unwrap();
    let tensor = tensors.tensor(&format!("{}/{tensor}", name(case))).unwrap();
    tensor.data().chunks_exact(4).map(|bytes| f32::from_le_bytes(bytes.try_into().unwrap())).collect()
}

/// Asserts that all values are Keras' but for `tolerance` of the largest.
pub(crate) fn assert_close(found: &[f32], expected: &[f32], tolerance: f32, what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    let largest = expected.iter().fold(0.0_f32, |largest, value| largest.max(value.abs()));
    for (found, expected) in found.iter().zip(expected) {
        assert!((found - expected).abs() <= tolerance * largest, "{what}: {found}, Keras {expected}");
    }
}
