//! Rewrites unions of string literals as enums, and finds the tags that distinguish the variants of
//! unions of objects.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::{
    document::{pointer, reach, walk},
    ledger::Ledger,
};

/// Merges an `anyOf` or `oneOf` of string enums into one enum of all their values.
///
/// Schema libraries write such unions for a union of literals, and for an enum whose values have
/// descriptions.
pub(super) fn literals(document: &mut Value, ledger: &mut Ledger) {
    for site in walk::schemas(document) {
        let Some(schema) = pointer::object_mut(document, &site.pointer) else {
            continue;
        };
        if schema.contains_key("type") || schema.contains_key("enum") {
            continue;
        }
        let Some(keyword) = ["anyOf", "oneOf"]
            .into_iter()
            .find(|key| schema.contains_key(*key))
        else {
            continue;
        };
        let Some(arms) = schema[keyword].as_array().filter(|arms| !arms.is_empty()) else {
            continue;
        };
        if !arms.iter().all(is_literal) {
            continue;
        }
        let has_descriptions = arms.iter().any(|arm| arm.get("description").is_some());
        let mut values: Vec<Value> = Vec::new();
        for value in arms
            .iter()
            .filter_map(|arm| arm["enum"].as_array())
            .flatten()
        {
            if !values.contains(value) {
                values.push(value.clone());
            }
        }
        let is_nullable = arms.iter().any(|arm| arm["nullable"] == true);
        schema.shift_remove(keyword);
        if is_nullable {
            schema.insert("nullable".to_owned(), json!(true));
        }
        schema.insert("type".to_owned(), json!("string"));
        schema.insert("enum".to_owned(), json!(values));
        let at = pointer::join(&site.pointer, keyword);
        if has_descriptions {
            ledger.lossy(at);
        } else {
            ledger.exact(at);
        }
    }
}

/// Returns whether an arm is a string enum with no further constraints.
fn is_literal(arm: &Value) -> bool {
    const PERMITTED: [&str; 7] = [
        "nullable",
        "type",
        "enum",
        "title",
        "description",
        "example",
        "deprecated",
    ];
    arm["type"] == "string"
        && arm["enum"].is_array()
        && arm
            .as_object()
            .is_some_and(|arm| arm.keys().all(|key| PERMITTED.contains(&key.as_str())))
}

/// Replaces a tag that refers to an enum with the enum itself.
///
/// The enum may have to be open where it is used elsewhere. An open tag would let the first variant
/// match every value.
pub(super) fn tags(document: &mut Value, ledger: &mut Ledger) {
    for at in tag_pointers(document) {
        let Some(name) = pointer::get(document, &at).and_then(referred) else {
            continue;
        };
        let component = document["components"]["schemas"][&name].clone();
        if component["enum"].is_array() {
            if let Some(node) = pointer::get_mut(document, &at) {
                *node = component;
            }
            ledger.exact(at);
        }
    }
}

/// Returns the component that a reference, or an `allOf` of one reference, refers to.
fn referred(schema: &Value) -> Option<String> {
    match schema["allOf"].as_array().map(Vec::as_slice) {
        Some([only]) => reach::target(only),
        _ => reach::target(schema),
    }
}

/// Returns the pointers of all tags: properties that every variant of a union has, each time with
/// values that no other variant permits.
pub(super) fn tag_pointers(document: &Value) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for site in walk::schemas(document) {
        let schema = pointer::get(document, &site.pointer).unwrap_or(&Value::Null);
        for keyword in ["anyOf", "oneOf"] {
            let count = schema[keyword].as_array().map_or(0, Vec::len);
            let variants: Vec<Map<String, Value>> = (0..count)
                .map(|index| {
                    let at = format!("{}/{keyword}/{index}", site.pointer);
                    let mut properties = Map::new();
                    collect(document, &at, &mut properties, 0);
                    properties
                })
                .collect();
            found.extend(tags_of(document, &variants));
        }
    }
    found
}

/// Collects the pointers of an object's properties by name, including those from references and
/// `allOf`.
fn collect(document: &Value, at: &str, properties: &mut Map<String, Value>, depth: u8) {
    const DEEPEST: u8 = 16;
    let Some(schema) = pointer::get(document, at).filter(|_| depth < DEEPEST) else {
        return;
    };
    if let Some(name) = reach::target(schema) {
        let at = pointer::join("/components/schemas", &name);
        collect(document, &at, properties, depth + 1);
    }
    for index in 0..schema["allOf"].as_array().map_or(0, Vec::len) {
        collect(
            document,
            &format!("{at}/allOf/{index}"),
            properties,
            depth + 1,
        );
    }
    let here = pointer::join(at, "properties");
    for name in schema["properties"]
        .as_object()
        .into_iter()
        .flat_map(Map::keys)
    {
        properties.insert(name.clone(), json!(pointer::join(&here, name)));
    }
}

fn tags_of(document: &Value, variants: &[Map<String, Value>]) -> Vec<String> {
    let Some((first, rest)) = variants.split_first().filter(|(_, rest)| !rest.is_empty()) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for name in first.keys() {
        let pointers: Option<Vec<&str>> = std::iter::once(first)
            .chain(rest)
            .map(|variant| variant.get(name).and_then(Value::as_str))
            .collect();
        let Some(pointers) = pointers else { continue };
        let values: Option<Vec<&Vec<Value>>> =
            pointers.iter().map(|at| values_at(document, at)).collect();
        let Some(values) = values else { continue };
        let total: usize = values.iter().map(|values| values.len()).sum();
        let distinct: BTreeSet<String> = values
            .into_iter()
            .flatten()
            .map(ToString::to_string)
            .collect();
        if distinct.len() == total {
            found.extend(pointers.into_iter().map(str::to_owned));
        }
    }
    found
}

/// Returns the values of a property that is an enum or a reference to one.
fn values_at<'a>(document: &'a Value, at: &str) -> Option<&'a Vec<Value>> {
    let schema = pointer::get(document, at)?;
    let resolved = match referred(schema) {
        Some(name) => &document["components"]["schemas"][name],
        None => schema,
    };
    resolved["enum"].as_array()
}
