//! Renames parameters whose names would clash in Rust.

use std::collections::BTreeSet;

use heck::ToSnakeCase;
use serde_json::{Value, json};

use crate::{
    document::{
        pointer,
        walk::{self, Operation},
    },
    generator::Dialect,
    ledger::Ledger,
    lowering::Target,
};

/// Returns the names that every generated builder already uses.
pub(crate) fn reserved(dialect: Dialect) -> &'static [&'static str] {
    match dialect {
        Dialect::Plain => &["client", "new", "send"],
        Dialect::Extended => &["client", "new", "send", "exchange"],
    }
}

/// The member of a renamed parameter with the name that is sent.
const SENT_NAME: &str = "x-name";

/// Renames a parameter outside the path that has a reserved name or the name of another one.
///
/// The generator sends the original name. The new name occurs nowhere else in the document, so that
/// the generator can find it. One that does not read `x-name` cannot send it, so such a parameter is
/// dropped if it is optional.
pub(super) fn apply(document: &mut Value, ledger: &mut Ledger, target: Target) {
    for operation in walk::operations(document) {
        let mut names: BTreeSet<String> = reserved(target.dialect)
            .iter()
            .map(|&name| name.to_owned())
            .collect();
        if pointer::get(document, &pointer::join(&operation.pointer, "requestBody")).is_some() {
            names.insert("body".to_owned());
        }
        let all = entries(document, &operation);
        let is_in_path = |parameter: &Value| parameter["in"] == "path";
        names.extend(
            all.iter()
                .filter(|(_, parameter)| is_in_path(parameter))
                .map(|(_, parameter)| rust_name(parameter)),
        );
        let mut clashing = Vec::new();
        for (at, parameter) in all.iter().filter(|(_, parameter)| !is_in_path(parameter)) {
            if names.insert(rust_name(parameter)) {
                continue;
            }
            let name = free_name(document, parameter, &names);
            names.insert(name.to_snake_case());
            clashing.push((at.clone(), name));
        }
        // From the end, so that a removal does not move the others.
        for (at, name) in clashing.iter().rev() {
            match target.dialect {
                Dialect::Plain => drop_optional(document, at, ledger),
                Dialect::Extended => rename(document, at, name, ledger),
            }
        }
    }
}

fn rename(document: &mut Value, at: &str, name: &str, ledger: &mut Ledger) {
    if let Some(parameter) = pointer::object_mut(document, at) {
        let sent = parameter.insert("name".to_owned(), json!(name));
        parameter.insert(SENT_NAME.to_owned(), json!(sent));
    }
    ledger.exact(pointer::join(at, "name"));
}

fn drop_optional(document: &mut Value, at: &str, ledger: &mut Ledger) {
    let is_required = |parameter: &Value| parameter["required"] == true;
    if pointer::get(document, at).is_some_and(is_required) {
        return;
    }
    pointer::remove(document, at);
    ledger.lossy_because(at, "its name is taken in Rust");
}

fn rust_name(parameter: &Value) -> String {
    parameter["name"].as_str().unwrap_or("").to_snake_case()
}

/// Returns the name with its location, and a number if the document has that name already.
fn free_name(document: &Value, parameter: &Value, names: &BTreeSet<String>) -> String {
    let location = parameter["in"].as_str().unwrap_or("");
    let short = format!("{}_{location}", rust_name(parameter));
    let text = document.to_string();
    let mut name = short.clone();
    let mut number = 2;
    while names.contains(&name) || text.contains(&format!("\"{name}\"")) {
        name = format!("{short}_{number}");
        number += 1;
    }
    name
}

/// Returns the parameters of an operation with their pointers, including those of its path item
/// that it does not override.
pub(crate) fn entries<'a>(document: &'a Value, operation: &Operation) -> Vec<(String, &'a Value)> {
    let item = pointer::join("/paths", &operation.path);
    let list = |at: &str| -> Vec<(String, &'a Value)> {
        let at = pointer::join(at, "parameters");
        let list = pointer::get(document, &at).and_then(Value::as_array);
        list.into_iter()
            .flatten()
            .enumerate()
            .map(|(index, parameter)| (format!("{at}/{index}"), parameter))
            .collect()
    };
    let is_same =
        |one: &Value, other: &Value| one["in"] == other["in"] && one["name"] == other["name"];
    let specific = list(&operation.pointer);
    let mut all = list(&item);
    all.retain(|(_, shared)| !specific.iter().any(|(_, other)| is_same(shared, other)));
    all.extend(specific);
    all
}
