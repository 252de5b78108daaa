//! Refuses names that differ in the document but clash in the generated code.

use std::collections::BTreeSet;

use heck::{ToSnakeCase, ToUpperCamelCase};
use serde_json::{Map, Value};
use syn::Item;

use crate::{Error, Result, lower::walk, pointer};

use super::refusal;

/// Methods that every client has, or that build.rs removes by name.
const RESERVED: [&str; 2] = ["new", "new_with_client"];

/// Refuses operations with reserved names, and paths that the generator would skip.
pub(super) fn check(document: &Value) -> Result<()> {
    for path in document["paths"]
        .as_object()
        .into_iter()
        .flat_map(Map::keys)
    {
        if !(path.starts_with('/') || path.starts_with("x-")) {
            let at = pointer::join("/paths", path);
            return Err(refusal(&at, "a path must start with a slash"));
        }
    }
    for operation in walk::operations(document) {
        let at = pointer::join(&operation.pointer, "operationId");
        let name = document.pointer(&at).and_then(Value::as_str).unwrap_or("");
        if RESERVED.contains(&name.to_snake_case().as_str()) {
            return Err(refusal(
                &at,
                &format!("the generated client already has a method `{name}`"),
            ));
        }
    }
    Ok(())
}

/// Refuses generated code in which one module has two types of the same name.
pub(super) fn check_code(document: &Value, file: &syn::File) -> Result<()> {
    for (module, what) in [("types", "schemas"), ("builder", "operations")] {
        let items = file.items.iter().find_map(|item| match item {
            Item::Mod(found) if found.ident == module => found.content.as_ref(),
            _ => None,
        });
        let mut seen = BTreeSet::new();
        for item in items.into_iter().flat_map(|(_, items)| items) {
            let name = match item {
                Item::Struct(item) => &item.ident,
                Item::Enum(item) => &item.ident,
                Item::Type(item) => &item.ident,
                Item::Macro(item) => &match crate::diff::open_enum(&item.mac.tokens) {
                    Some((name, _)) => name,
                    None => continue,
                },
                _ => continue,
            };
            if !seen.insert(name.to_string()) {
                let places = places(document, module, &name.to_string()).join(" and ");
                return Err(Error::refused(format!(
                    "{places}: two {what} are both named {name} in Rust; rename one of them in the overlay"
                )));
            }
        }
    }
    Ok(())
}

/// Returns the pointers of the components or operations that have this name in Rust.
fn places(document: &Value, module: &str, name: &str) -> Vec<String> {
    let is_same = |other: &str| other.to_upper_camel_case() == name;
    if module == "types" {
        let schemas = document["components"]["schemas"].as_object();
        let names = schemas.into_iter().flat_map(Map::keys);
        let places: Vec<String> = names
            .filter(|other| is_same(other))
            .map(|other| pointer::join("/components/schemas", other))
            .collect();
        if places.is_empty() {
            return vec!["/components/schemas".to_owned()];
        }
        return places;
    }
    walk::operations(document)
        .into_iter()
        .filter(|operation| is_same(&operation.owner))
        .map(|operation| operation.pointer)
        .collect()
}
