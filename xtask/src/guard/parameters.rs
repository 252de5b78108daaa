//! Refuses parameters that the generator does not support, would ignore, or would generate code for
//! that does not compile.

use std::collections::BTreeSet;

use heck::ToSnakeCase;
use serde_json::Value;

use crate::{
    lower::{reach, walk},
    pointer,
    refusal::Refusal,
};

/// Names that every generated builder already uses.
const RESERVED: [&str; 4] = ["client", "new", "send", "exchange"];

/// Returns the unsupported parameters of all operations.
pub(super) fn check(document: &Value) -> Vec<Refusal> {
    let mut refusals = Vec::new();
    for operation in walk::operations(document) {
        let at = &operation.pointer;
        let value = document.pointer(at).expect("operations() found it");
        let item = &document["paths"][&operation.path];
        let item_at = pointer::join("/paths", &operation.path);
        let mut all: Vec<(String, &Value)> = entries(&item_at, &item["parameters"]);
        let specific = entries(at, &value["parameters"]);
        // A parameter of the operation overrides the one of the path item with the same location
        // and name.
        all.retain(|(_, shared)| !specific.iter().any(|(_, other)| is_same(shared, other)));
        all.extend(specific);
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
            if RESERVED.contains(&name.as_str()) {
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

fn entries<'a>(at: &str, list: &'a Value) -> Vec<(String, &'a Value)> {
    let list = list.as_array().into_iter().flatten().enumerate();
    list.map(|(index, parameter)| (format!("{at}/parameters/{index}"), parameter))
        .collect()
}

fn is_same(one: &Value, other: &Value) -> bool {
    one["in"] == other["in"] && one["name"] == other["name"]
}

/// Returns the names in the braces of a path template.
fn placeholders(path: &str) -> impl Iterator<Item = &str> {
    path.split('{')
        .skip(1)
        .filter_map(|rest| rest.split('}').next())
}

/// Returns why a parameter is unsupported, or `None` if it is supported.
fn unsupported(document: &Value, parameter: &Value) -> Option<&'static str> {
    let location = parameter["in"].as_str().unwrap_or("");
    let style = parameter["style"].as_str();
    match (location, style) {
        ("cookie", _) => {
            Some("a cookie parameter is not supported, because the client sends no cookies")
        }
        ("query", Some(style)) if style != "form" => {
            Some("a query parameter must have the style `form`")
        }
        ("path" | "header", Some(style)) if style != "simple" => {
            Some("a path or header parameter must have the style `simple`")
        }
        ("path", _) if parameter["required"] != true => Some("a path parameter must be required"),
        ("query" | "path" | "header", _) => {
            let Some(schema) = parameter.get("schema") else {
                return Some("a parameter must have a schema");
            };
            let is_list = resolved(document, schema)["type"] == "array";
            let item = if is_list {
                &resolved(document, schema)["items"]
            } else {
                schema
            };
            (!is_single_string(document, item)).then_some(
                "a parameter must be a string, a number, a boolean or, in a query, a list of these",
            )
        }
        _ => Some("a parameter must be in the path, the query or a header"),
    }
}

/// Follows references, and each `allOf` of one schema, to the schema itself.
fn resolved<'a>(document: &'a Value, schema: &'a Value) -> &'a Value {
    let mut schema = schema;
    for _ in 0..16 {
        let only = schema["allOf"].as_array().filter(|all| all.len() == 1);
        let next = match (reach::target(schema), only) {
            (Some(name), _) => &document["components"]["schemas"][name],
            (None, Some(all)) => &all[0],
            (None, None) => return schema,
        };
        schema = next;
    }
    schema
}

/// Returns whether a value is sent as a single string.
fn is_single_string(document: &Value, schema: &Value) -> bool {
    let schema = resolved(document, schema);
    schema.get("x-handwritten").is_some()
        || matches!(
            schema["type"].as_str(),
            Some("string" | "integer" | "number" | "boolean")
        )
}
