//! Refuses parameters that the generator does not support, would ignore, or would generate code for
//! that does not compile.

use std::collections::BTreeSet;

use heck::ToSnakeCase;
use serde_json::Value;

use crate::{
    document::walk,
    generator::Dialect,
    lowering::adapt::{
        parameter_names::{entries, reserved},
        parameters::unsupported,
    },
    refusal::Refusal,
};

/// Returns the unsupported parameters of all operations.
pub(super) fn check(document: &Value, dialect: Dialect) -> Vec<Refusal> {
    let mut refusals = Vec::new();
    for operation in walk::operations(document) {
        let at = &operation.pointer;
        let value = document.pointer(at).expect("operations() found it");
        let all = entries(document, &operation);
        let mut names = BTreeSet::new();
        if value.get("requestBody").is_some() {
            names.insert("body".to_owned());
        }
        for (at, parameter) in &all {
            if let Some(reason) = unsupported(document, parameter) {
                refusals.push(Refusal::new(at, reason));
                continue;
            }
            let name = parameter["name"].as_str().unwrap_or("");
            let name = name.to_snake_case();
            if reserved(dialect).contains(&name.as_str()) {
                refusals.push(Refusal::new(
                    at,
                    format!("the generated builder already has a `{name}`"),
                ));
            }
            if !names.insert(name.clone()) {
                refusals.push(Refusal::new(
                    at,
                    format!("the operation has two parameters that are both named {name} in Rust"),
                ));
            }
            if parameter["in"] == "path"
                && !placeholders(&operation.path)
                    .any(|placeholder| parameter["name"] == placeholder)
            {
                refusals.push(Refusal::new(
                    at,
                    "the path has no placeholder for this parameter",
                ));
            }
        }
        let has_parameter = |name: &str| {
            all.iter()
                .any(|(_, parameter)| parameter["in"] == "path" && parameter["name"] == name)
        };
        if let Some(name) = placeholders(&operation.path).find(|name| !has_parameter(name)) {
            refusals.push(Refusal::new(
                at,
                format!("the placeholder {{{name}}} of the path has no parameter"),
            ));
        }
    }
    refusals
}

/// Returns the names in the braces of a path template.
fn placeholders(path: &str) -> impl Iterator<Item = &str> {
    path.split('{')
        .skip(1)
        .filter_map(|rest| rest.split('}').next())
}
