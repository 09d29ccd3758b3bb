//! The API's description, OpenAPI 3.

use serde_json::{Value, json};

use crate::served::Served;

/// The document as text.
pub fn document(models: &[Served]) -> String {
    let names: Vec<&str> = models.iter().map(Served::name).collect();
    let model = json!({
        "name": "model", "in": "query", "description": "The model's name; the first without it.",
        "schema": { "type": "string", "enum": names, "default": names[0] },
    });
    let photo =
        json!({ "type": "string", "format": "binary", "description": "JPEG, PNG, GIF, BMP or WebP." });
    let body = json!({
        "required": true,
        "content": {
            "image/*": { "schema": photo },
            "application/octet-stream": { "schema": photo },
            "multipart/form-data": { "schema": {
                "type": "object",
                "properties": { "photo": { "type": "array", "items": photo } },
            } },
            "application/json": { "schema": {
                "type": "object", "required": ["photos"], "additionalProperties": false,
                "properties": { "photos": {
                    "type": "array", "items": { "type": "string", "contentEncoding": "base64" },
                } },
            } },
        },
    });
    let operation = |summary: &str, more: Value| {
        let mut operation = json!({ "summary": summary, "responses": { "default": problem() } });
        merge(&mut operation, more);
        operation
    };
    let text = |description: &str| {
        json!({ "responses": { "200": {
        "description": description, "content": { "text/plain": { "schema": { "type": "string" } } },
    } } })
    };
    let json_of = |description: &str, schema: &str| {
        json!({ "responses": { "200": {
        "description": description,
        "content": { "application/json": { "schema": { "$ref": format!("#/components/schemas/{schema}") } } },
    } } })
    };
    let mut predict = operation("The classes of photos", json_of("One answer for each photo", "Answers"));
    merge(
        &mut predict,
        json!({
            "requestBody": body,
            "parameters": [model, {
                "name": "top", "in": "query", "description": "How many classes of each photo; all without it.",
                "schema": { "type": "integer", "minimum": 1 },
            }],
        }),
    );
    let explain = operation(
        "Where the model looks in a photo (Grad-CAM)",
        json!({
            "requestBody": body,
            "parameters": [model, {
                "name": "class", "in": "query", "description": "The class's name; that of the answer without it.",
                "schema": { "type": "string" },
            }],
            "responses": { "200": {
                "description": "The photo, and the same with its heat map",
                "content": { "image/png": { "schema": { "type": "string", "format": "binary" } } },
            } },
        }),
    );
    let document = json!({
        "openapi": "3.1.0",
        "info": { "title": "Petal: image classifiers", "version": env!("CARGO_PKG_VERSION") },
        "paths": {
            "/predict": { "post": predict },
            "/explain": { "post": explain },
            "/models": { "get": operation("The models", json_of("The models that are served", "Models")) },
            "/healthz": { "get": operation("Whether the server lives", text("It does")) },
            "/readyz": { "get": operation("Whether it takes photos", text("It does")) },
            "/metrics": { "get": operation("Counters", text("In Prometheus' format")) },
        },
        "components": { "schemas": schemas(), "securitySchemes": { "bearer": { "type": "http", "scheme": "bearer" } } },
    });
    serde_json::to_string_pretty(&document).expect("JSON")
}

fn problem() -> Value {
    json!({
        "description": "What went wrong (RFC 9457)",
        "content": { "application/problem+json": { "schema": { "$ref": "#/components/schemas/Problem" } } },
    })
}

fn schemas() -> Value {
    let (string, number, integer) =
        (json!({ "type": "string" }), json!({ "type": "number" }), json!({ "type": "integer" }));
    let strings = json!({ "type": "array", "items": string });
    json!({
        "Answers": {
            "type": "object", "required": ["model", "photos"],
            "properties": {
                "model": string,
                "photos": { "type": "array", "items": { "$ref": "#/components/schemas/Answer" } },
            },
        },
        "Answer": {
            "type": "object", "required": ["photo"],
            "description": "With `problem`, and no class, where a photo of several could not be read.",
            "properties": {
                "photo": { "type": "string", "description": "The file's name, or the photo's number." },
                "class": { "type": "string", "description": "The most probable class, or `unknown` where the server was told to say so." },
                "probability": number,
                "probabilities": {
                    "type": "object", "additionalProperties": number,
                    "description": "By class, the most probable first.",
                },
                "problem": { "$ref": "#/components/schemas/Problem" },
            },
        },
        "Models": {
            "type": "object", "required": ["models"],
            "properties": { "models": { "type": "array", "items": {
                "type": "object", "required": ["name", "classes", "image_size", "channels"],
                "properties": {
                    "name": string, "classes": strings, "channels": integer,
                    "image_size": {
                        "type": "array", "items": integer, "minItems": 2, "maxItems": 2,
                        "description": "Height and width to which photos are resized.",
                    },
                },
            } } },
        },
        "Problem": {
            "type": "object", "required": ["title", "status", "detail"],
            "properties": { "type": string, "title": string, "status": integer, "detail": string },
        },
    })
}

/// Adds the members of `more`, in objects of both too.
fn merge(value: &mut Value, more: Value) {
    match (value, more) {
        (Value::Object(value), Value::Object(more)) => {
            for (key, member) in more {
                merge(value.entry(key).or_insert(Value::Null), member);
            }
        }
        (value, more) => *value = more,
    }
}
