//! Gives each operation a stable and unique name.

use std::collections::{BTreeMap, BTreeSet};

use heck::ToSnakeCase;
use serde_json::{Value, json};

use crate::{
    document::{
        names::{derived, long, short},
        pointer, walk,
    },
    ledger::Ledger,
    lowering::Target,
};

/// Methods that every generated client has, and those of progenitor's traits that its operations call.
const OF_EVERY_CLIENT: [&str; 9] = [
    "new",
    "new_with_client",
    "api_version",
    "baseurl",
    "client",
    "inner",
    "pre",
    "exec",
    "post",
];

/// Returns whether a client has a method of this name beside those of its operations. `methods` are
/// the handwritten ones.
pub(crate) fn is_reserved(name: &str, methods: &[String]) -> bool {
    OF_EVERY_CLIENT.contains(&name) || methods.iter().any(|method| method == name)
}

/// Names each operation by the short form of its id, its id, its method and path, or its id with a number:
/// the first that no other operation and no other method of the client has.
pub(super) fn apply(document: &mut Value, ledger: &mut Ledger, target: Target) {
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
    let mut taken = BTreeSet::new();
    for (operation, (short, long)) in operations.iter().zip(&names) {
        let is_free = |name: &String| {
            let name = name.to_snake_case();
            !is_reserved(&name, target.methods) && !taken.contains(&name)
        };
        // If two operations have the same short name, both keep their long names.
        let short = Some(short).filter(|short| users[&short.to_snake_case()] == 1);
        let names = short.into_iter().chain([long]).cloned();
        let numbered = (2..).map(|number| format!("{long}_{number}"));
        let mut names = names.chain([derived(operation)]).chain(numbered);
        let name = names.find(is_free).expect("some number is free");
        taken.insert(name.to_snake_case());
        let at = pointer::join(&operation.pointer, "operationId");
        let value = pointer::object_mut(document, &operation.pointer)
            .expect("operations() found an object");
        if value.get("operationId") != Some(&json!(name)) {
            value.insert("operationId".to_owned(), json!(name));
            ledger.exact(at);
        }
    }
}
