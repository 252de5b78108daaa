//! Rewrites request bodies to one media type and to the schema that the generator supports for it.

use serde_json::{Value, json};

use crate::{
    document::{pointer, walk},
    generator::Dialect,
    ledger::Ledger,
    lowering::Target,
};

use super::success::essence;

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

/// The header with the media type of a request.
const HEADER: &str = "Content-Type";

/// Renames the media types that only differ from a supported one in name.
///
/// Another JSON media type, such as `application/merge-patch+json`, becomes `application/json`, and
/// its name is kept for the header of the request: in `x-content-type`, or as a parameter. A range of
/// media types becomes the type that fits the schema.
pub(super) fn names(document: &mut Value, ledger: &mut Ledger, target: Target) {
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
            continue;
        }
        match target.dialect {
            Dialect::Plain => add_content_type(document, &operation.pointer, &media_type),
            Dialect::Extended => {
                if let Some(value) = pointer::object_mut(document, &operation.pointer) {
                    value.insert(CONTENT_TYPE.to_owned(), json!(media_type));
                }
            }
        }
        ledger.exact(at);
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

/// Adds a required parameter for the `Content-Type` header, replacing any other of that name.
///
/// The generator sets the headers of the document last, so that this one replaces that which it sets
/// for the body. The caller states it, because only the caller knows the boundary of a form.
pub(super) fn add_content_type(document: &mut Value, operation: &str, media_type: &str) {
    let mut description = format!("The media type of the body: `{media_type}`");
    if essence(media_type).starts_with("multipart/") {
        description += ", with its boundary";
    }
    let header = json!({
        "name": HEADER,
        "in": "header",
        "required": true,
        "description": format!("{description}."),
        "schema": { "type": "string" },
    });
    let Some(operation) = pointer::object_mut(document, operation) else {
        return;
    };
    let parameters = operation.entry("parameters").or_insert_with(|| json!([]));
    let Value::Array(parameters) = parameters else {
        return;
    };
    // A parameter of this name has no meaning in OpenAPI: the content states the media type.
    parameters.retain(|parameter| {
        let name = parameter["name"].as_str().unwrap_or("");
        !(parameter["in"] == "header" && name.eq_ignore_ascii_case(HEADER))
    });
    parameters.push(header);
}
