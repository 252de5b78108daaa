//! Boolean schemas, and objects whose keys follow a pattern.

use serde_json::{Value, json};

use crate::{ledger::Ledger, pointer};

use super::walk;

/// `true` is the empty schema; a property that is `false` may not be there and is not described.
pub(super) fn booleans(document: &mut Value, ledger: &mut Ledger) {
    for site in walk::schemas(document) {
        if matches!(
            site.keyword,
            Some("additionalProperties" | "patternProperties")
        ) {
            continue; // 3.0 knows booleans there, and `patterns` reads them.
        }
        match document.pointer(&site.pointer) {
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
    if let Some(node) = document.pointer_mut(at) {
        *node = value;
    }
}

/// `patternProperties` become `additionalProperties`: the values' types without the keys' rule.
pub(super) fn patterns(document: &mut Value, ledger: &mut Ledger) {
    for site in walk::schemas(document) {
        let Some(schema) = pointer::object_mut(document, &site.pointer) else {
            continue;
        };
        let Some(Value::Object(patterns)) = schema.shift_remove("patternProperties") else {
            continue;
        };
        // Keys that match no pattern are free unless `additionalProperties` says otherwise.
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
        let is_free = rest.is_none() || kinds.contains(&json!({}));
        let merged = match (is_free, kinds.len()) {
            (true, _) => json!({}),
            (false, 0) => json!(false),
            (false, 1) => kinds.remove(0),
            (false, _) => json!({ "anyOf": kinds }),
        };
        schema.insert("additionalProperties".to_owned(), merged);
        ledger.lossy(pointer::join(&site.pointer, "patternProperties"));
    }
}
