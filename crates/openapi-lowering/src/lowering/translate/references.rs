//! Converts a `$ref` with siblings to an `allOf` of one reference.
//!
//! 3.0 ignores the siblings of a `$ref`, so a reference with siblings must be wrapped in `allOf`.

use serde_json::{Value, json};

use crate::{
    document::{pointer, walk},
    ledger::Ledger,
};

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
