//! Rewrites request bodies to one media type and to the schema that the generator supports for it.

use serde_json::{Value, json};

use crate::{ledger::Ledger, pointer};

use super::walk;

const JSON: &str = "application/json";

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
