//! Moves `$defs` of a schema to the components, and redirects the references to them.

use std::collections::{BTreeMap, BTreeSet};

use heck::ToUpperCamelCase;
use serde_json::Value;

use crate::{
    document::{
        pointer, reach,
        walk::{self, Site},
    },
    ledger::Ledger,
};

pub(super) const KEYWORDS: [&str; 2] = ["$defs", "definitions"];

pub(super) fn apply(document: &mut Value, ledger: &mut Ledger) {
    // For each owner, the components moved out of it. In these, `#/$defs/…` still refers to the
    // definitions of the owner.
    let mut families = BTreeMap::new();
    for site in walk::schemas(document) {
        let family: &mut BTreeSet<String> = families.entry(site.owner.to_string()).or_default();
        for keyword in KEYWORDS {
            hoist(document, &site, keyword, family, ledger);
        }
    }
}

/// Moves the definitions of one schema to `components.schemas`.
fn hoist(
    document: &mut Value,
    site: &Site,
    keyword: &str,
    family: &mut BTreeSet<String>,
    ledger: &mut Ledger,
) {
    let at = pointer::join(&site.pointer, keyword);
    let Some(Value::Object(definitions)) = pointer::remove(document, &at) else {
        return;
    };
    let mut renamed = BTreeMap::new();
    for (name, schema) in definitions {
        let target = free_name(document, &site.owner, &name, &schema);
        let at = pointer::join(&at, &name);
        renamed.insert(format!("#/{keyword}/{name}"), target.clone());
        renamed.insert(format!("#{at}"), target.clone());
        ledger.exact(at);
        document["components"]["schemas"][target] = schema;
    }
    family.extend(renamed.values().cloned());
    for inner in walk::schemas(document) {
        let local = inner.owner == site.owner || family.contains(&*inner.owner);
        let Some(schema) = pointer::object_mut(document, &inner.pointer) else {
            continue;
        };
        let reference = schema.get("$ref").and_then(Value::as_str).unwrap_or("");
        if let Some(name) = renamed.get(reference)
            && (local || reference.starts_with(&format!("#{at}")))
        {
            schema["$ref"] = reach::reference(name)["$ref"].clone();
        }
    }
}

/// Returns the definition's name, or a longer one if a different component already has that name.
fn free_name(document: &Value, owner: &str, definition: &str, schema: &Value) -> String {
    let taken = |name: &str| {
        document["components"]["schemas"]
            .get(name)
            .is_some_and(|existing| existing != schema)
    };
    if !taken(definition) {
        return definition.to_owned();
    }
    let longer = format!("{owner}{}", definition.to_upper_camel_case());
    let mut name = longer.clone();
    let mut number = 2;
    while taken(&name) {
        name = format!("{longer}{number}");
        number += 1;
    }
    name
}

/// Replaces a reference to anything but an existing component with the schema for any value.
pub(super) fn dangling(document: &mut Value, ledger: &mut Ledger) {
    for site in walk::schemas(document) {
        let schema = pointer::get(document, &site.pointer).unwrap_or(&Value::Null);
        let exists = reach::target(schema)
            .is_some_and(|name| document["components"]["schemas"].get(&name).is_some());
        let Some(schema) = pointer::object_mut(document, &site.pointer).filter(|_| !exists) else {
            continue;
        };
        for keyword in ["$ref", "$dynamicRef", "$recursiveRef"] {
            if let Some(reference) = schema.shift_remove(keyword) {
                let shown = reference
                    .as_str()
                    .map_or_else(|| reference.to_string(), str::to_owned);
                ledger.lossy_because(
                    pointer::join(&site.pointer, keyword),
                    format!("{shown} is not a schema of the document"),
                );
            }
        }
    }
}
