//! Replaces the `examples` of a schema with one `example`.

use serde_json::Value;

use crate::{
    document::{pointer, walk},
    ledger::Ledger,
};

pub(super) fn apply(document: &mut Value, ledger: &mut Ledger) {
    for site in walk::schemas(document) {
        let Some(schema) = pointer::object_mut(document, &site.pointer) else {
            continue;
        };
        let Some(examples) = schema.shift_remove("examples") else {
            continue;
        };
        // In a schema `examples` is a list, but some documents use the map of media types here.
        let examples: Vec<Value> = match examples {
            Value::Array(list) => list,
            Value::Object(map) => map.into_iter().map(|(_, value)| value).collect(),
            other => vec![other],
        };
        let count = examples.len();
        let had_example = schema.contains_key("example");
        if let Some(first) = examples.into_iter().next() {
            schema.entry("example").or_insert(first);
        }
        let at = pointer::join(&site.pointer, "examples");
        if count > 1 || had_example {
            ledger.lossy(at);
        } else {
            ledger.exact(at);
        }
    }
}
