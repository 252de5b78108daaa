//! Sends a request body of any other media type as bytes.

use serde_json::{Map, Value, json};

use crate::{
    document::{pointer, walk},
    ledger::Ledger,
};

use super::{
    bodies::{SUPPORTED, add_content_type},
    parameters::resolved,
    success::essence,
};

const BYTES: &str = "application/octet-stream";

/// Keeps one of several media types and, if the generator does not support it, replaces the body
/// with bytes and a header that states their media type.
pub(super) fn apply(document: &mut Value, ledger: &mut Ledger) {
    for operation in walk::operations(document) {
        let at = pointer::join(&operation.pointer, "requestBody");
        let content_at = pointer::join(&at, "content");
        let Some(content) = pointer::object_mut(document, &content_at) else {
            continue;
        };
        keep_one(content, &content_at, ledger);
        let Some((media_type, value)) = content
            .iter()
            .next()
            .filter(|(media_type, _)| !SUPPORTED.contains(&essence(media_type)))
            .map(|(media_type, value)| (media_type.clone(), value.clone()))
        else {
            continue;
        };
        *content = Map::from_iter([(BYTES.to_owned(), json!({"schema": {}}))]);
        let fields = fields(document, &value["schema"]);
        if let Some(body) = pointer::object_mut(document, &at) {
            note(body, &fields);
        }
        add_content_type(document, &operation.pointer, &media_type);
        ledger.lossy(pointer::join(&content_at, &media_type));
    }
}

/// Keeps the first supported media type, or else the first one.
fn keep_one(content: &mut Map<String, Value>, at: &str, ledger: &mut Ledger) {
    let is_supported = |media_type: &&String| SUPPORTED.contains(&essence(media_type));
    let kept = content.keys().find(is_supported);
    let Some(kept) = kept.or_else(|| content.keys().next()).cloned() else {
        return;
    };
    let others: Vec<String> = content
        .keys()
        .filter(|key| **key != kept)
        .cloned()
        .collect();
    for media_type in others {
        content.shift_remove(&media_type);
        ledger.lossy(pointer::join(at, &media_type));
    }
}

/// Returns a sentence that lists the fields of a form, or an empty text if there are none.
fn fields(document: &Value, schema: &Value) -> String {
    let schema = resolved(document, schema);
    let required = schema["required"].as_array().cloned().unwrap_or_default();
    let fields: Vec<String> = schema["properties"]
        .as_object()
        .into_iter()
        .flat_map(Map::keys)
        .map(|name| {
            let is_required = required.iter().any(|required| required == name);
            let mark = if is_required { " (required)" } else { "" };
            format!("`{name}`{mark}")
        })
        .collect();
    if fields.is_empty() {
        return String::new();
    }
    format!("Its fields: {}.", fields.join(", "))
}

fn note(body: &mut Map<String, Value>, sentence: &str) {
    let text = body.get("description").and_then(Value::as_str);
    let text = [text.unwrap_or("").trim(), sentence].join(" ");
    if !text.trim().is_empty() {
        body.insert("description".to_owned(), json!(text.trim()));
    }
}
