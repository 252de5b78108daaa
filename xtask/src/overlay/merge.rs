//! Putting an update into a node, and noticing what upstream has there by now.

use serde_json::{Map, Value};

use crate::pointer;

/// Merges into one selected node; an array takes the update as its next entry.
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
            "{place} is redundant: upstream already says the same at {at}"
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

/// Appends an entry, or puts it where upstream has an entry of the same name.
fn append(list: &mut Vec<Value>, entry: &Value, at: &str, place: &str, warnings: &mut Vec<String>) {
    match list.iter_mut().find(|old| is_same_entry(old, entry)) {
        None => list.push(entry.clone()),
        Some(old) if old == entry => {}
        Some(old) => {
            warnings.push(format!(
                "upstream now has {} in {at}; that of {place} replaces it",
                shorten(old)
            ));
            *old = entry.clone();
        }
    }
}

/// Equal entries, or parameters of the same place and name (a header's name has no case).
fn is_same_entry(old: &Value, new: &Value) -> bool {
    let parameter = |value: &Value| -> Option<(String, String)> {
        let place = value["in"].as_str()?;
        let name = value["name"].as_str()?;
        let name = if place == "header" {
            name.to_ascii_lowercase()
        } else {
            name.to_owned()
        };
        Some((place.to_owned(), name))
    };
    old == new || parameter(old).is_some_and(|old| parameter(new) == Some(old))
}

/// A value as it fits into a sentence.
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
