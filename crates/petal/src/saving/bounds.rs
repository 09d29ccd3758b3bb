//! Limits on what a model file may ask for, the same for all formats.

use serde_json::Value;

/// The largest number in a layer's settings: products of two still fit in a `usize`.
const LARGEST: u64 = 1 << 31;

/// Refuses settings that no network has. Seeds may be any numbers.
pub(super) fn check(settings: &Value) -> Result<(), String> {
    match too_large(settings) {
        Some(number) => Err(format!("a layer's setting is {number}; expected at most {LARGEST}")),
        None => Ok(()),
    }
}

fn too_large(value: &Value) -> Option<&Value> {
    match value {
        Value::Number(number) => {
            let size = number.as_u64().or_else(|| number.as_i64().map(i64::unsigned_abs));
            size.filter(|&size| size > LARGEST).map(|_| value)
        }
        Value::Array(values) => values.iter().find_map(too_large),
        Value::Object(values) => {
            let settings =
                values.iter().filter(|(key, _)| !matches!(key.as_str(), "seed" | "shared_object_id"));
            settings.map(|(_, value)| value).find_map(too_large)
        }
        Value::Null | Value::Bool(_) | Value::String(_) => None,
    }
}
