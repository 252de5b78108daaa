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

/// Limits on what the service may say; a client has no business to refuse its answer.
const LIMITS: [&str; 9] = [
    "minLength",
    "maxLength",
    "minItems",
    "maxItems",
    "uniqueItems",
    "minProperties",
    "maxProperties",
    "multipleOf",
    "maximum",
];

/// A value beyond an announced limit is read all the same.
pub(super) fn open_values(document: &mut Value, ledger: &mut Ledger) {
    let reach = Reach::of(document);
    for site in walk::schemas(document) {
        if !reach.is_received(&site) {
            continue;
        }
        let Some(schema) = pointer::object_mut(document, &site.pointer) else {
            continue;
        };
        for keyword in LIMITS {
            if schema.shift_remove(keyword).is_some() {
                schema.shift_remove("exclusiveMaximum");
                ledger.lossy(pointer::join(&site.pointer, keyword));
            }
        }
        let is_text = schema.get("type") == Some(&json!("string"));
        let is_null = schema.get("enum") == Some(&json!([null]));
        if !is_text && !is_null && schema.shift_remove("enum").is_some() {
            ledger.lossy(pointer::join(&site.pointer, "enum"));
        }
    }
}
