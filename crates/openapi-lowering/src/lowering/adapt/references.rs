//! Converts an `allOf` of one reference to a `$ref`.

use serde_json::Value;

use crate::{
    document::{pointer, walk},
    ledger::Ledger,
};

/// Replaces an `allOf` of one reference and without siblings with that reference.
pub(super) fn apply(document: &mut Value, ledger: &mut Ledger) {
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
