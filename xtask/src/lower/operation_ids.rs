//! Gives each operation a stable and unique name.

use std::collections::BTreeMap;

use heck::ToSnakeCase;
use serde_json::{Value, json};

use crate::{
    Result,
    ledger::Ledger,
    pointer,
    refusal::{self, Refusal},
};

use super::walk::{self, Operation};

/// Methods that every client has, or that build.rs removes by name.
pub(crate) const RESERVED: [&str; 2] = ["new", "new_with_client"];

pub(super) fn apply(document: &mut Value, ledger: &mut Ledger) -> Result<()> {
    let operations = walk::operations(document);
    let names: Vec<(String, String)> = operations
        .iter()
        .map(|operation| {
            let long = long(document, operation);
            (short(operation, &long), long)
        })
        .collect();
    let mut users: BTreeMap<String, usize> = BTreeMap::new();
    for (short, _) in &names {
        *users.entry(short.to_snake_case()).or_default() += 1;
    }
    for (operation, (short, long)) in operations.iter().zip(&names) {
        // If two operations have the same short name, both keep their long names.
        let short_name = short.to_snake_case();
        let is_taken = users[&short_name] > 1 || RESERVED.contains(&short_name.as_str());
        let name = if is_taken { long } else { short };
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

/// Returns the name of the operation at a pointer, unless another operation has the same.
pub(crate) fn name_at(document: &Value, at: &str) -> Option<String> {
    let operation = walk::operations(document)
        .into_iter()
        .find(|operation| operation.pointer == at)?;
    Some(short(&operation, &long(document, &operation)))
}

/// Returns the id of an operation, or a derived name if it has none.
fn long(document: &Value, operation: &Operation) -> String {
    pointer::get(document, &pointer::join(&operation.pointer, "operationId"))
        .and_then(Value::as_str)
        .map_or_else(|| derived(operation), str::to_owned)
}

fn check(document: &Value) -> Result<()> {
    let mut refusals = Vec::new();
    let mut seen: BTreeMap<String, String> = BTreeMap::new();
    for operation in walk::operations(document) {
        let at = pointer::join(&operation.pointer, "operationId");
        let name = pointer::get(document, &at)
            .and_then(Value::as_str)
            .unwrap_or("");
        match seen.get(&name.to_snake_case()) {
            Some(first) => refusals.push(Refusal::new(
                at,
                format!("{first} has the same name in Rust"),
            )),
            None => {
                seen.insert(name.to_snake_case(), operation.pointer);
            }
        }
    }
    refusal::none(refusals)
}

/// Reduces a name to its stable part: `FastAPI` names an operation `{function}_{path}_{method}`.
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

/// Derives a name from the method and the path of an operation that has none.
fn derived(operation: &Operation) -> String {
    format!("{} {}", operation.method, operation.path).to_snake_case()
}
