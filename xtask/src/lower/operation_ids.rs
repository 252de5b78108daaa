//! A stable, unique name for each operation.

use std::collections::BTreeMap;

use heck::ToSnakeCase;
use serde_json::{Value, json};

use crate::{Error, Result, ledger::Ledger, pointer};

use super::walk::{self, Operation};

pub(super) fn apply(document: &mut Value, ledger: &mut Ledger) -> Result<()> {
    let operations = walk::operations(document);
    let names: Vec<(String, String)> = operations
        .iter()
        .map(|operation| {
            let given = document
                .pointer(&pointer::join(&operation.pointer, "operationId"))
                .and_then(Value::as_str);
            let long = given.map_or_else(|| derived(operation), str::to_owned);
            (short(operation, &long), long)
        })
        .collect();
    for (index, operation) in operations.iter().enumerate() {
        let (short, long) = &names[index];
        // A short name that another operation has as well helps no one: both keep the long one.
        let is_shared = names
            .iter()
            .enumerate()
            .any(|(other, (name, _))| other != index && is_same(name, short));
        let name = if is_shared { long } else { short };
        let at = pointer::join(&operation.pointer, "operationId");
        let value = pointer::object_mut(document, &operation.pointer)
            .expect("operations() found an object");
        if value.get("operationId") != Some(&json!(name)) {
            value.insert("operationId".to_owned(), json!(name));
            ledger.exact(at);
        }
    }
    check(document)
}

/// The generator's method names are snake case, so that is what must differ.
fn is_same(one: &str, other: &str) -> bool {
    one.to_snake_case() == other.to_snake_case()
}

fn check(document: &Value) -> Result<()> {
    let mut seen: BTreeMap<String, String> = BTreeMap::new();
    for operation in walk::operations(document) {
        let at = pointer::join(&operation.pointer, "operationId");
        let name = document.pointer(&at).and_then(Value::as_str).unwrap_or("");
        if let Some(first) = seen.insert(name.to_snake_case(), at.clone()) {
            return Err(Error::refused(format!(
                "{first} and {at} are both named {name}; give one another name in the overlay"
            )));
        }
    }
    Ok(())
}

/// `FastAPI` names an operation `{function}_{path}_{method}`; the function's name is the stable part.
fn short(operation: &Operation, long: &str) -> String {
    let path: String = operation
        .path
        .chars()
        .map(|letter| {
            if letter.is_alphanumeric() {
                letter
            } else {
                '_'
            }
        })
        .collect();
    let generated = format!("{path}_{}", operation.method);
    match long.strip_suffix(&generated) {
        Some(name) if !name.is_empty() => name.to_owned(),
        _ => long.to_owned(),
    }
}

/// A name for an operation that has none: its method and path.
fn derived(operation: &Operation) -> String {
    format!("{} {}", operation.method, operation.path).to_snake_case()
}
