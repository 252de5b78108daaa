//! Replaces `prefixItems` with an array whose items are the union of the schemas of all positions.

use serde_json::{Value, json};

use crate::{
    document::{pointer, walk},
    ledger::Ledger,
};

pub(super) fn apply(document: &mut Value, ledger: &mut Ledger) {
    for site in walk::schemas(document) {
        let Some(schema) = pointer::object_mut(document, &site.pointer) else {
            continue;
        };
        let Some(Value::Array(prefix)) = schema.shift_remove("prefixItems") else {
            continue;
        };
        let positions = prefix.len() as u64;
        let is_closed = schema.get("items").is_some_and(is_never)
            || schema
                .get("maxItems")
                .and_then(Value::as_u64)
                .is_some_and(|most| most <= positions);
        let rest = schema
            .shift_remove("items")
            .filter(|items| !is_never(items));
        if is_closed {
            schema.entry("maxItems").or_insert(json!(positions));
        }
        let rest = match (is_closed, rest) {
            (true, _) => None,
            (false, rest) => Some(rest.unwrap_or_else(|| json!({}))),
        };
        let mut kinds: Vec<Value> = Vec::new();
        for kind in prefix.into_iter().chain(rest) {
            if !kinds.contains(&kind) {
                kinds.push(kind);
            }
        }
        let items = match kinds.len() {
            _ if kinds.contains(&json!({})) => json!({}),
            0 => json!({}),
            1 => kinds.remove(0),
            _ => json!({ "anyOf": kinds }),
        };
        schema.insert("items".to_owned(), items);
        ledger.lossy(pointer::join(&site.pointer, "prefixItems"));
    }
}

/// Returns whether a schema is `false`, or the form into which `boolean-schema` rewrites it.
fn is_never(schema: &Value) -> bool {
    *schema == json!(false) || *schema == json!({ "not": {} })
}
