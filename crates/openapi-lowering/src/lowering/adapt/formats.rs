//! Removes formats that would require types of other crates.

use serde_json::Value;

use crate::{
    document::{pointer, walk},
    ledger::Ledger,
};

/// Formats for which the generator would use types of crates that a client need not depend on, or
/// types that reject strings which a service may send.
const TYPED: [&str; 6] = ["uuid", "date", "date-time", "ip", "ipv4", "ipv6"];

/// Removes such a format, so that the value is a plain string.
pub(super) fn apply(document: &mut Value, ledger: &mut Ledger) {
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
