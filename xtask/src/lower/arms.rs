//! The arms of unions, so that the generated enum takes the arm that fits.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::{ledger::Ledger, pointer};

use super::{reach, walk};

/// A union becomes `oneOf`, arms that say the same only once, and those that need most first.
///
/// Of `anyOf` the generator makes a struct of all arms' fields, which takes objects alone; of `oneOf`
/// an enum whose first fitting variant is taken. An object that needs less would take what is
/// meant for one that needs more.
pub(super) fn first_fit(document: &mut Value, ledger: &mut Ledger) {
    for site in walk::schemas(document) {
        let Some(schema) = document.pointer(&site.pointer).and_then(Value::as_object) else {
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
            if !arms.iter().any(|other| says_the_same(other, arm)) {
                arms.push(arm.clone());
            }
        }
        arms.sort_by_key(|arm| std::cmp::Reverse(needs(document, arm, 0).len()));
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

/// Whether two schemas differ in words alone.
fn says_the_same(one: &Value, other: &Value) -> bool {
    let bare = |schema: &Value| {
        let mut schema = schema.clone();
        if let Some(schema) = schema.as_object_mut() {
            schema.retain(|key, _| key == "nullable" || !WORDS.contains(&key.as_str()));
        }
        schema
    };
    bare(one) == bare(other)
}

/// The fields that an object must have, through references and `allOf`.
fn needs(document: &Value, schema: &Value, depth: u8) -> BTreeSet<String> {
    const DEEPEST: u8 = 16;
    let mut names = BTreeSet::new();
    if depth > DEEPEST {
        return names;
    }
    if let Some(name) = reach::target(schema) {
        names.extend(needs(
            document,
            &document["components"]["schemas"][name],
            depth + 1,
        ));
    }
    for part in schema["allOf"].as_array().into_iter().flatten() {
        names.extend(needs(document, part, depth + 1));
    }
    let required = schema["required"].as_array().into_iter().flatten();
    names.extend(required.filter_map(Value::as_str).map(str::to_owned));
    names
}

/// A union with an arm that allows anything allows anything; the generator would make a type of it
/// that takes objects alone.
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

/// Whether a schema has nothing but words.
fn allows_anything(schema: &Value) -> bool {
    schema.as_object().is_some_and(|schema| {
        schema
            .keys()
            .all(|key| WORDS.contains(&key.as_str()) || key.starts_with("x-"))
            && !schema.contains_key("x-handwritten")
    })
}

/// Keywords that do not say what a value is.
const WORDS: [&str; 6] = [
    "title",
    "description",
    "example",
    "default",
    "deprecated",
    "nullable",
];
