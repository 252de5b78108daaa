//! Parameters that the generator would refuse, lose, or write code for that does not compile.

use std::collections::BTreeSet;

use heck::ToSnakeCase;
use serde_json::Value;

use crate::{
    Result,
    lower::{reach, walk},
    pointer,
};

use super::refusal;

/// Names that a builder has for itself: a parameter of that name would be a second one.
const TAKEN: [&str; 4] = ["client", "new", "send", "exchange"];

pub(super) fn check(document: &Value) -> Result<()> {
    for operation in walk::operations(document) {
        let at = &operation.pointer;
        let value = document.pointer(at).expect("operations() found it");
        let item = &document["paths"][&operation.path];
        let item_at = pointer::join("/paths", &operation.path);
        let mut all: Vec<(String, &Value)> = entries(&item_at, &item["parameters"]);
        let own = entries(at, &value["parameters"]);
        // An operation's parameter stands in for its path's one of the same place and name.
        all.retain(|(_, shared)| !own.iter().any(|(_, own)| is_same(shared, own)));
        all.extend(own);
        let mut names = BTreeSet::new();
        if value.get("requestBody").is_some() {
            names.insert("body".to_owned());
        }
        for (at, parameter) in &all {
            if let Some(reason) = trap(document, parameter) {
                return Err(refusal(at, reason));
            }
            let name = parameter["name"].as_str().unwrap_or("");
            let name = name.to_snake_case();
            if TAKEN.contains(&name.as_str()) {
                return Err(refusal(
                    at,
                    &format!("the generated builder has a `{name}` of its own"),
                ));
            }
            if !names.insert(name.clone()) {
                return Err(refusal(
                    at,
                    &format!("the operation has two parameters that are both {name} in Rust"),
                ));
            }
            if parameter["in"] == "path"
                && !holes(&operation.path).any(|hole| parameter["name"] == hole)
            {
                return Err(refusal(at, "the path has no place for this parameter"));
            }
        }
        let is_filled = |name: &str| {
            all.iter()
                .any(|(_, parameter)| parameter["in"] == "path" && parameter["name"] == name)
        };
        if let Some(name) = holes(&operation.path).find(|name| !is_filled(name)) {
            return Err(refusal(
                at,
                &format!("the path's {{{name}}} has no parameter of that name"),
            ));
        }
    }
    Ok(())
}

fn entries<'a>(at: &str, list: &'a Value) -> Vec<(String, &'a Value)> {
    let list = list.as_array().into_iter().flatten().enumerate();
    list.map(|(index, parameter)| (format!("{at}/parameters/{index}"), parameter))
        .collect()
}

fn is_same(one: &Value, other: &Value) -> bool {
    one["in"] == other["in"] && one["name"] == other["name"]
}

/// The names in a path's braces.
fn holes(path: &str) -> impl Iterator<Item = &str> {
    path.split('{')
        .skip(1)
        .filter_map(|rest| rest.split('}').next())
}

fn trap(document: &Value, parameter: &Value) -> Option<&'static str> {
    let place = parameter["in"].as_str().unwrap_or("");
    let style = parameter["style"].as_str();
    match (place, style) {
        ("cookie", _) => Some("the client sends no cookies, so a cookie parameter has no place"),
        ("query", Some(style)) if style != "form" => {
            Some("a query parameter must have the style `form`; others are not generated")
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
            (!is_text(document, item)).then_some(
                "a parameter must be a text, a number, a boolean, or in a query a list of such",
            )
        }
        _ => Some("a parameter must stand in the path, the query or a header"),
    }
}

/// What a reference, or an `allOf` of one, stands for.
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

/// Whether a value is written as one piece of text.
fn is_text(document: &Value, schema: &Value) -> bool {
    let schema = resolved(document, schema);
    schema.get("x-handwritten").is_some()
        || matches!(
            schema["type"].as_str(),
            Some("string" | "integer" | "number" | "boolean")
        )
}
