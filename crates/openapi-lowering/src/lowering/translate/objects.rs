//! Rewrites boolean schemas, and objects with key patterns.

use serde_json::{Value, json};

use crate::{
    document::{pointer, walk},
    ledger::Ledger,
};

/// Replaces `true` with the empty schema, and removes properties that `false` forbids.
pub(super) fn booleans(document: &mut Value, ledger: &mut Ledger) {
    for site in walk::schemas(document) {
        if matches!(
            site.keyword,
            Some("additionalProperties" | "patternProperties")
        ) {
            continue; // 3.0 permits booleans there, and `patterns` reads them.
        }
        match pointer::get(document, &site.pointer) {
            Some(Value::Bool(true)) => {
                set(document, &site.pointer, json!({}));
                ledger.exact(site.pointer);
            }
            Some(Value::Bool(false)) if site.is_property() => {
                pointer::remove(document, &site.pointer);
                ledger.lossy(site.pointer);
            }
            Some(Value::Bool(false)) => {
                set(document, &site.pointer, json!({ "not": {} }));
                ledger.exact(site.pointer);
            }
            _ => {}
        }
    }
}

fn set(document: &mut Value, at: &str, value: Value) {
    if let Some(node) = pointer::get_mut(document, at) {
        *node = value;
    }
}

/// Replaces `patternProperties` with `additionalProperties`, which keeps the types of the values
/// and drops the patterns of the keys.
pub(super) fn patterns(document: &mut Value, ledger: &mut Ledger) {
    for site in walk::schemas(document) {
        let Some(schema) = pointer::object_mut(document, &site.pointer) else {
            continue;
        };
        let Some(Value::Object(patterns)) = schema.shift_remove("patternProperties") else {
            continue;
        };
        // Without `additionalProperties`, keys that match no pattern may have any value.
        let rest = schema.get("additionalProperties").cloned();
        let mut kinds: Vec<Value> = Vec::new();
        for kind in patterns
            .into_iter()
            .map(|(_, kind)| kind)
            .chain(rest.clone())
        {
            let kind = if kind == json!(true) { json!({}) } else { kind };
            if kind != json!(false) && !kinds.contains(&kind) {
                kinds.push(kind);
            }
        }
        let allows_anything = rest.is_none() || kinds.contains(&json!({}));
        let merged = match (allows_anything, kinds.len()) {
            (true, _) => json!({}),
            (false, 0) => json!(false),
            (false, 1) => kinds.remove(0),
            (false, _) => json!({ "anyOf": kinds }),
        };
        schema.insert("additionalProperties".to_owned(), merged);
        ledger.lossy(pointer::join(&site.pointer, "patternProperties"));
    }
}
