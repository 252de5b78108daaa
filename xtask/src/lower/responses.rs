//! What is received: nothing that a service may grow by is refused.

use serde_json::{Value, json};

use crate::{ledger::Ledger, pointer};

use super::{reach::Reach, walk};

/// An object with a field that was not announced is read all the same.
pub(super) fn open_objects(document: &mut Value, ledger: &mut Ledger) {
    let reach = Reach::of(document);
    for site in walk::schemas(document) {
        if !reach.is_received(&site) {
            continue;
        }
        if let Some(schema) = pointer::object_mut(document, &site.pointer)
            && schema.get("additionalProperties") == Some(&json!(false))
        {
            schema.shift_remove("additionalProperties");
            ledger.lossy(pointer::join(&site.pointer, "additionalProperties"));
        }
    }
}

/// A number beyond an announced maximum, or one that is not among those announced, is read as well.
pub(super) fn open_values(document: &mut Value, ledger: &mut Ledger) {
    let reach = Reach::of(document);
    for site in walk::schemas(document) {
        if !reach.is_received(&site) {
            continue;
        }
        let Some(schema) = pointer::object_mut(document, &site.pointer) else {
            continue;
        };
        if schema.shift_remove("maximum").is_some() {
            schema.shift_remove("exclusiveMaximum");
            ledger.lossy(pointer::join(&site.pointer, "maximum"));
        }
        let is_text = schema.get("type") == Some(&json!("string"));
        let is_null = schema.get("enum") == Some(&json!([null]));
        if !is_text && !is_null && schema.shift_remove("enum").is_some() {
            ledger.lossy(pointer::join(&site.pointer, "enum"));
        }
    }
}
