//! Replaces references to parameters, responses, request bodies and path items with their targets.
//!
//! Afterwards only schemas are referred to, so every later rule finds an operation complete.

use serde_json::{Map, Value};

use crate::{Error, Result, ledger::Ledger, pointer};

use super::walk::METHODS;

/// The sections of `components` whose entries are copied to where they are used.
const SECTIONS: [&str; 8] = [
    "parameters",
    "responses",
    "requestBodies",
    "headers",
    "examples",
    "links",
    "callbacks",
    "pathItems",
];

/// The longest permitted chain of references.
const DEEPEST: usize = 16;

pub(super) fn apply(document: &mut Value, ledger: &mut Ledger) -> Result<()> {
    let source = document.clone();
    let empty = Map::new();
    for path in source["paths"].as_object().unwrap_or(&empty).keys() {
        let at = pointer::join("/paths", path);
        resolve(&source, document, &at, ledger)?;
        list(&source, document, &pointer::join(&at, "parameters"), ledger)?;
        for method in METHODS {
            let at = pointer::join(&at, method);
            if document.pointer(&at).is_some() {
                operation(&source, document, &at, ledger)?;
            }
        }
    }
    for section in SECTIONS {
        if let Some(components) = pointer::object_mut(document, "/components")
            && components.shift_remove(section).is_some()
        {
            ledger.exact(pointer::join("/components", section));
        }
    }
    Ok(())
}

fn operation(source: &Value, document: &mut Value, at: &str, ledger: &mut Ledger) -> Result<()> {
    list(source, document, &pointer::join(at, "parameters"), ledger)?;
    resolve(source, document, &pointer::join(at, "requestBody"), ledger)?;
    let responses = pointer::join(at, "responses");
    for at in children(document, &responses) {
        resolve(source, document, &at, ledger)?;
        for at in children(document, &pointer::join(&at, "headers")) {
            resolve(source, document, &at, ledger)?;
        }
    }
    Ok(())
}

fn list(source: &Value, document: &mut Value, at: &str, ledger: &mut Ledger) -> Result<()> {
    for at in children(document, at) {
        resolve(source, document, &at, ledger)?;
    }
    Ok(())
}

/// Returns the pointers of the entries of an object or an array.
fn children(document: &Value, at: &str) -> Vec<String> {
    match document.pointer(at) {
        Some(Value::Object(map)) => map.keys().map(|key| pointer::join(at, key)).collect(),
        Some(Value::Array(list)) => (0..list.len())
            .map(|index| pointer::join(at, &index.to_string()))
            .collect(),
        _ => Vec::new(),
    }
}

/// Replaces a reference with its target. Siblings of the reference, such as `description`, take
/// precedence.
fn resolve(source: &Value, document: &mut Value, at: &str, ledger: &mut Ledger) -> Result<()> {
    for _ in 0..DEEPEST {
        let Some(node) = document.pointer_mut(at).and_then(Value::as_object_mut) else {
            return Ok(());
        };
        let Some(reference) = node.get("$ref").and_then(Value::as_str) else {
            return Ok(());
        };
        let found = reference
            .strip_prefix('#')
            .and_then(|path| source.pointer(path))
            .and_then(Value::as_object)
            .ok_or_else(|| {
                Error::refused(format!(
                    "{at} refers to {reference}, which is not in the document"
                ))
            })?;
        let mut merged = found.clone();
        node.shift_remove("$ref");
        merged.append(node);
        *node = merged;
        ledger.exact(at);
    }
    Err(Error::refused(format!(
        "{at} refers to itself; break the cycle in the overlay"
    )))
}
