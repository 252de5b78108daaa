//! Converts between a `$ref` and an `allOf` of one reference.
//!
//! 3.0 ignores the siblings of a `$ref`, so a reference with siblings must be wrapped in `allOf`.

use serde_json::{Value, json};

use crate::{ledger::Ledger, pointer};

use super::walk;

/// Moves a `$ref` with siblings into `allOf`.
pub(super) fn apply(document: &mut Value, ledger: &mut Ledger) {
    for site in walk::schemas(document) {
        let Some(schema) = pointer::object_mut(document, &site.pointer) else {
            continue;
        };
        if schema.len() < 2 {
            continue;
        }
        let Some(reference) = schema.shift_remove("$ref") else {
            continue;
        };
        let all = schema.entry("allOf").or_insert_with(|| json!([]));
        if let Value::Array(all) = all {
            all.insert(0, json!({ "$ref": reference }));
        }
        ledger.exact(site.pointer);
    }
}

/// Replaces an `allOf` of one reference and without siblings with that reference.
pub(super) fn plain(document: &mut Value, ledger: &mut Ledger) {
    for site in walk::schemas(document) {
        let Some(schema) = pointer::get_mut(document, &site.pointer) else {
            continue;
        };
        let has_no_siblings = schema.as_object().is_some_and(|schema| schema.len() == 1);
        let Some([only]) = schema["allOf"].as_array().map(Vec::as_slice) else {
            continue;
        };
        if has_no_siblings && only.get("$ref").is_some() {
            *schema = only.clone();
            ledger.exact(site.pointer);
        }
    }
}
