//! Rewrites strings with an encoding.

use serde_json::{Value, json};

use crate::{
    document::{pointer, walk},
    ledger::Ledger,
};

/// Replaces `contentEncoding` and `contentMediaType` with the formats `byte` and `binary`.
pub(super) fn apply(document: &mut Value, ledger: &mut Ledger) {
    for site in walk::schemas(document) {
        let Some(schema) = pointer::object_mut(document, &site.pointer) else {
            continue;
        };
        let encoding = schema.shift_remove("contentEncoding");
        let media_type = schema.shift_remove("contentMediaType");
        let format = match (&encoding, &media_type) {
            (None, None) => continue,
            (Some(_), _) => "byte",
            (None, Some(_)) => "binary",
        };
        schema.entry("format").or_insert(json!(format));
        let is_exact = match (encoding, media_type) {
            (Some(encoding), None) => encoding == "base64",
            (None, Some(media_type)) => media_type == "application/octet-stream",
            _ => false,
        };
        if is_exact {
            ledger.exact(site.pointer);
        } else {
            ledger.lossy(site.pointer);
        }
    }
}
