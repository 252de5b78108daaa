//! Rewrites request bodies to one media type and to the schema that the generator supports for it.

use serde_json::{Value, json};

use crate::{ledger::Ledger, pointer};

use super::walk;

const JSON: &str = "application/json";

/// The media types of request bodies that the generator supports.
pub(crate) const SUPPORTED: [&str; 5] = [
    "application/json",
    "application/octet-stream",
    "application/x-www-form-urlencoded",
    "text/plain",
    "text/x-markdown",
];

/// The member of an operation with the media type that its request must have.
const CONTENT_TYPE: &str = "x-content-type";

/// Renames the media types that only differ from a supported one in name.
///
/// Another JSON media type, such as `application/merge-patch+json`, becomes `application/json`, and
/// `x-content-type` keeps its name for the header of the request. A range of media types becomes
/// the type that fits the schema.
pub(super) fn names(document: &mut Value, ledger: &mut Ledger) {
    for operation in walk::operations(document) {
        let at = pointer::join(&pointer::join(&operation.pointer, "requestBody"), "content");
        let Some(content) = pointer::object_mut(document, &at) else {
            continue;
        };
        if content.contains_key(JSON) {
            continue;
        }
        let renamed = content.iter().find_map(|(media_type, body)| {
            Some((media_type.clone(), supported_name(media_type, body)?))
        });
        let Some((media_type, name)) = renamed else {
            continue;
        };
        let Some(body) = content.shift_remove(&media_type) else {
            continue;
        };
        content.insert(name.to_owned(), body);
        let at = pointer::join(&at, &media_type);
        if media_type.contains('*') {
            ledger.lossy(at);
        } else if let Some(value) = pointer::object_mut(document, &operation.pointer) {
            value.insert(CONTENT_TYPE.to_owned(), json!(media_type));
            ledger.exact(at);
        }
    }
}

/// Returns the supported media type that a body of another type can have.
fn supported_name(media_type: &str, body: &Value) -> Option<&'static str> {
    let essence = media_type.split(';').next().unwrap_or("").trim();
    let is_header_value = media_type.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    if essence.ends_with("+json") && is_header_value {
        return Some(JSON);
    }
    if !matches!(essence, "*/*" | "application/*") {
        return None;
    }
    let schema = &body["schema"];
    Some(match schema["type"].as_str() {
        Some("string") if schema["format"] == "binary" => "application/octet-stream",
        Some("string") => "text/plain",
        _ => JSON,
    })
}

/// Keeps only JSON if it is among the media types, and adds its schema if it is missing.
pub(super) fn media_types(document: &mut Value, ledger: &mut Ledger) {
    for operation in walk::operations(document) {
        let at = pointer::join(&pointer::join(&operation.pointer, "requestBody"), "content");
        let Some(content) = pointer::object_mut(document, &at) else {
            continue;
        };
        let Some(body) = content.get_mut(JSON).and_then(Value::as_object_mut) else {
            continue;
        };
        if !body.contains_key("schema") {
            body.insert("schema".to_owned(), json!({}));
            ledger.exact(pointer::join(&pointer::join(&at, JSON), "schema"));
        }
        let others: Vec<String> = content.keys().filter(|key| *key != JSON).cloned().collect();
        for media_type in others {
            content.shift_remove(&media_type);
            ledger.lossy(pointer::join(&at, &media_type));
        }
    }
}

/// Gives bytes and plain text the one schema that the generator supports, and makes bodies
/// required.
pub(super) fn shapes(document: &mut Value, ledger: &mut Ledger) {
    for operation in walk::operations(document) {
        let at = pointer::join(&operation.pointer, "requestBody");
        let Some(body) = pointer::object_mut(document, &at) else {
            continue;
        };
        let Some(content) = body.get_mut("content").and_then(Value::as_object_mut) else {
            continue;
        };
        for (media_type, value) in content.iter_mut() {
            let essence = media_type.split(';').next().unwrap_or("").trim();
            let shape = match essence {
                "application/octet-stream" => json!({"type": "string", "format": "binary"}),
                "text/plain" | "text/x-markdown" => json!({"type": "string"}),
                _ => continue,
            };
            if let Some(value) = value.as_object_mut()
                && value.get("schema") != Some(&shape)
            {
                value.insert("schema".to_owned(), shape);
                let at = pointer::join(&pointer::join(&at, "content"), media_type);
                ledger.lossy(pointer::join(&at, "schema"));
            }
        }
        let is_empty = body["content"]
            .as_object()
            .is_none_or(serde_json::Map::is_empty);
        if !is_empty && body.get("required") != Some(&json!(true)) {
            body.insert("required".to_owned(), json!(true));
            ledger.lossy(pointer::join(&at, "required"));
        }
    }
}
