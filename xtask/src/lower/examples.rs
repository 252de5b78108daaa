//! A schema's `examples` become its one `example`.

use serde_json::Value;

use crate::{ledger::Ledger, pointer};

use super::walk;

pub(super) fn apply(document: &mut Value, ledger: &mut Ledger) {
    for site in walk::schemas(document) {
        let Some(schema) = pointer::object_mut(document, &site.pointer) else {
            continue;
        };
        let Some(examples) = schema.shift_remove("examples") else {
            continue;
        };
        // Some write the map of media types here, though a schema's is a list.
        let examples: Vec<Value> = match examples {
            Value::Array(list) => list,
            Value::Object(map) => map.into_iter().map(|(_, value)| value).collect(),
            other => vec![other],
        };
        let count = examples.len();
        let had_one = schema.contains_key("example");
        if let Some(first) = examples.into_iter().next() {
            schema.entry("example").or_insert(first);
        }
        let at = pointer::join(&site.pointer, "examples");
        if count > 1 || had_one {
            ledger.lossy(at);
        } else {
            ledger.exact(at);
        }
    }
}
