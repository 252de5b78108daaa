//! Merges an update into a node, and reports where upstream has changed since the update was
//! written.

use serde_json::{Map, Value};

use crate::document::pointer;

/// Merges an update into one selected node. If the node is an array, appends the update to it.
pub(super) fn merge_at(node: &mut Value, update: &Value, at: &str, place: &str) -> Vec<String> {
    let before = node.clone();
    let mut warnings = Vec::new();
    if let Value::Array(list) = node {
        append(list, update, at, place, &mut warnings);
    } else {
        merge(node, update, at, place, &mut warnings);
    }
    if *node == before {
        warnings.push(format!(
            "{place} is redundant: upstream already has the same at {at}"
        ));
    }
    warnings
}

fn merge(node: &mut Value, update: &Value, at: &str, place: &str, warnings: &mut Vec<String>) {
    match (node, update) {
        (Value::Object(node), Value::Object(update)) => {
            for (key, value) in update {
                match node.get_mut(key) {
                    Some(old) => merge(old, value, &pointer::join(at, key), place, warnings),
                    None => {
                        node.insert(key.clone(), value.clone());
                    }
                }
            }
        }
        (Value::Array(list), Value::Array(update)) => {
            for entry in update {
                append(list, entry, at, place, warnings);
            }
        }
        (node, update) => *node = update.clone(),
    }
}

/// Appends an entry, or replaces the upstream entry of the same name.
fn append(list: &mut Vec<Value>, entry: &Value, at: &str, place: &str, warnings: &mut Vec<String>) {
    match list.iter_mut().find(|old| is_same_entry(old, entry)) {
        None => list.push(entry.clone()),
        Some(old) if old == entry => {}
        Some(old) => {
            warnings.push(format!(
                "upstream now has {} in {at}; the entry of {place} replaces it",
                shorten(old)
            ));
            *old = entry.clone();
        }
    }
}

/// Returns whether two entries are equal, or are parameters with the same location and name. Header
/// names are compared without case.
fn is_same_entry(old: &Value, new: &Value) -> bool {
    let parameter = |value: &Value| -> Option<(String, String)> {
        let location = value["in"].as_str()?;
        let name = value["name"].as_str()?;
        let name = if location == "header" {
            name.to_ascii_lowercase()
        } else {
            name.to_owned()
        };
        Some((location.to_owned(), name))
    };
    old == new || parameter(old).is_some_and(|old| parameter(new) == Some(old))
}

/// Shortens a value for a message.
pub(super) fn shorten(value: &Value) -> String {
    let named =
        |map: &Map<String, Value>| map.get("$ref").and_then(Value::as_str).map(str::to_owned);
    let text = value
        .as_object()
        .and_then(named)
        .unwrap_or_else(|| value.to_string());
    match text.char_indices().nth(80) {
        Some((cut, _)) => format!("{}…", &text[..cut]),
        None => text,
    }
}
