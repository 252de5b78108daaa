//! Rewrites strings with an encoding or a format.

use serde_json::{Value, json};

use crate::{ledger::Ledger, pointer};

use super::walk;

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

/// Formats for which the generator would use types of crates that the client does not depend on, or
/// types that reject strings which the service may send.
const TYPED: [&str; 6] = ["uuid", "date", "date-time", "ip", "ipv4", "ipv6"];

/// Removes such a format, so that the value is a plain string.
pub(super) fn formats(document: &mut Value, ledger: &mut Ledger) {
    for site in walk::schemas(document) {
        let Some(schema) = pointer::object_mut(document, &site.pointer) else {
            continue;
        };
        let format = schema.get("format").and_then(Value::as_str).unwrap_or("");
        if TYPED.contains(&format) {
            schema.shift_remove("format");
            ledger.lossy(pointer::join(&site.pointer, "format"));
        }
    }
}
