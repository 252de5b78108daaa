//! Names: of operations, and of the types that the generator derives from components.

use heck::{ToSnakeCase, ToUpperCamelCase};
use serde_json::Value;

use super::{
    pointer,
    walk::{self, Operation},
};

/// Returns the name of the type that progenitor generates for a component: `JOB_STATUS` becomes
/// `JobStatus`, and `Page[str]_Order` becomes `PageStrOrder`.
pub fn type_name(component: &str) -> String {
    let words = component.replace('\'', "");
    let words = words.replace(|c: char| !(c.is_alphanumeric() || c == '_'), "-");
    let name = words.to_upper_camel_case();
    match name.chars().next() {
        // The only keyword in upper camel case.
        _ if name == "Self" => "Self_".to_owned(),
        Some(first) if first.is_alphabetic() => name,
        _ => format!("X{name}"),
    }
}

/// Returns the name of the operation at a pointer, unless another operation has the same.
pub(crate) fn name_at(document: &Value, at: &str) -> Option<String> {
    let operation = walk::operations(document)
        .into_iter()
        .find(|operation| operation.pointer == at)?;
    Some(short(&operation, &long(document, &operation)))
}

/// Returns the id of an operation, or a derived name if it has none.
pub(crate) fn long(document: &Value, operation: &Operation) -> String {
    pointer::get(document, &pointer::join(&operation.pointer, "operationId"))
        .and_then(Value::as_str)
        .map_or_else(|| derived(operation), str::to_owned)
}

/// Reduces a name to its stable part: `FastAPI` names an operation `{function}_{path}_{method}`.
pub(crate) fn short(operation: &Operation, long: &str) -> String {
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
pub(crate) fn derived(operation: &Operation) -> String {
    format!("{} {}", operation.method, operation.path).to_snake_case()
}
