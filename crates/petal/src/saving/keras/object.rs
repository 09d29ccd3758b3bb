//! Keras' objects as JSON.

use serde::Serialize;
use serde_json::{Value, json};

/// An object of one of Keras' public modules.
pub(super) fn object(module: &str, class: &str, config: Value) -> Value {
    json!({ "module": module, "class_name": class, "config": config, "registered_name": null })
}

/// A value whose `f32`s have the fewest digits that mean them, `0.2` and not `0.20000000298023224`.
pub(super) fn plain(value: &impl Serialize) -> Value {
    let text = serde_json::to_string(value).unwrap_or_default();
    serde_json::from_str(&text).unwrap_or_default()
}
