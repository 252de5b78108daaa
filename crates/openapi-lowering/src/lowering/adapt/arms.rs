//! Orders the arms of unions, so that the generated enum decodes a value as the most specific arm.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::{
    document::{pointer, reach, walk},
    ledger::Ledger,
};

/// Rewrites a union as `oneOf`, without duplicate arms, and with the arms that require most fields
/// first.
///
/// For `anyOf` the generator writes a struct with the fields of all arms, which decodes only
/// objects. For `oneOf` it writes an enum, which decodes as the first matching variant. An arm with
/// fewer required fields would also match values that are meant for an arm with more.
pub(super) fn first_fit(document: &mut Value, ledger: &mut Ledger) {
    for site in walk::schemas(document) {
        let Some(schema) = pointer::get(document, &site.pointer).and_then(Value::as_object) else {
            continue;
        };
        let has_both = schema.contains_key("anyOf") && schema.contains_key("oneOf");
        let keyword = ["anyOf", "oneOf"]
            .into_iter()
            .find(|key| schema.contains_key(*key));
        let Some(keyword) = keyword.filter(|_| !has_both) else {
            continue;
        };
        let Some(before) = schema[keyword].as_array() else {
            continue;
        };
        let mut arms: Vec<Value> = Vec::new();
        for arm in before {
            if !arms.iter().any(|other| is_equivalent(other, arm)) {
                arms.push(arm.clone());
            }
        }
        if arms.iter().any(is_any_text) {
            arms.retain(|arm| !is_single_text(arm));
        }
        arms.sort_by_key(|arm| std::cmp::Reverse(required_fields(document, arm, 0).len()));
        if keyword == "oneOf" && arms == *before {
            continue;
        }
        let Some(schema) = pointer::object_mut(document, &site.pointer) else {
            continue;
        };
        schema.shift_remove(keyword);
        if let [only] = arms.as_slice() {
            let all = schema.entry("allOf").or_insert_with(|| json!([]));
            if let Value::Array(all) = all {
                all.push(only.clone());
            }
        } else {
            schema.insert("oneOf".to_owned(), json!(arms));
        }
        ledger.exact(pointer::join(&site.pointer, keyword));
    }
}

fn is_any_text(arm: &Value) -> bool {
    is_equivalent(arm, &json!({"type": "string"}))
}

/// Returns whether an arm allows one text, which says no more than an arm for any text.
fn is_single_text(arm: &Value) -> bool {
    arm["type"] == "string"
        && arm["enum"]
            .as_array()
            .is_some_and(|values| values.len() == 1)
}

/// Returns whether two schemas differ only in annotations.
fn is_equivalent(one: &Value, other: &Value) -> bool {
    let bare = |schema: &Value| {
        let mut schema = schema.clone();
        if let Some(schema) = schema.as_object_mut() {
            schema.retain(|key, _| key == "nullable" || !ANNOTATIONS.contains(&key.as_str()));
        }
        schema
    };
    bare(one) == bare(other)
}

/// Returns the required fields of an object, including those from references and `allOf`.
fn required_fields(document: &Value, schema: &Value, depth: u8) -> BTreeSet<String> {
    const DEEPEST: u8 = 16;
    let mut names = BTreeSet::new();
    if depth > DEEPEST {
        return names;
    }
    if let Some(name) = reach::target(schema) {
        names.extend(required_fields(
            document,
            &document["components"]["schemas"][name],
            depth + 1,
        ));
    }
    for part in schema["allOf"].as_array().into_iter().flatten() {
        names.extend(required_fields(document, part, depth + 1));
    }
    let required = schema["required"].as_array().into_iter().flatten();
    names.extend(required.filter_map(Value::as_str).map(str::to_owned));
    names
}

/// Replaces a union that has an arm for any value with the schema for any value.
///
/// From the union the generator would write a type that decodes only objects.
pub(super) fn anything(document: &mut Value, ledger: &mut Ledger) {
    for site in walk::schemas(document) {
        let Some(schema) = pointer::object_mut(document, &site.pointer) else {
            continue;
        };
        for keyword in ["anyOf", "oneOf"] {
            let arms = schema.get(keyword).and_then(Value::as_array);
            let Some(arms) = arms.filter(|arms| arms.iter().any(allows_anything)) else {
                continue;
            };
            let is_exact = keyword == "anyOf" || arms.len() == 1;
            schema.shift_remove(keyword);
            let at = pointer::join(&site.pointer, keyword);
            if is_exact {
                ledger.exact(at);
            } else {
                ledger.lossy(at);
            }
        }
    }
}

/// Returns whether a schema has only annotations and therefore allows any value.
fn allows_anything(schema: &Value) -> bool {
    schema.as_object().is_some_and(|schema| {
        schema
            .keys()
            .all(|key| ANNOTATIONS.contains(&key.as_str()) || key.starts_with("x-"))
            && !schema.contains_key("x-handwritten")
    })
}

/// Keywords that do not constrain a value.
const ANNOTATIONS: [&str; 6] = [
    "title",
    "description",
    "example",
    "default",
    "deprecated",
    "nullable",
];
