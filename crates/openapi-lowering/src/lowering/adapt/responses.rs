//! Relaxes what is received, so that responses still decode when the service adds fields or values.

use serde_json::{Value, json};

use crate::{
    document::{pointer, reach::Reach, walk},
    ledger::Ledger,
};

/// Permits unknown fields in objects.
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

/// Permits numbers above the documented maximum, and undocumented values in enums that are not
/// strings.
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
        let is_string = schema.get("type") == Some(&json!("string"));
        let is_null_only = schema.get("enum") == Some(&json!([null]));
        if !is_string && !is_null_only && schema.shift_remove("enum").is_some() {
            ledger.lossy(pointer::join(&site.pointer, "enum"));
        }
    }
}
