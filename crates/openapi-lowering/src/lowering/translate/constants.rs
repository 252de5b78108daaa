//! Replaces `const` with an `enum` with one value, and adds the type to an `enum` without one.

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
        if let Some(value) = schema.shift_remove("const") {
            schema.insert("enum".to_owned(), json!([value]));
            ledger.exact(pointer::join(&site.pointer, "const"));
        }
        if schema.contains_key("type") {
            continue;
        }
        let Some(Value::Array(values)) = schema.get("enum") else {
            continue;
        };
        let kind = values.first().and_then(kind_of);
        if let Some(kind) = kind
            && values.iter().all(|value| kind_of(value) == Some(kind))
        {
            schema.insert("type".to_owned(), json!(kind));
            ledger.exact(pointer::join(&site.pointer, "enum"));
        }
    }
}

/// Returns the schema type of a scalar; `None` for `null`, because 3.0 has no such type.
pub(super) fn kind_of(value: &Value) -> Option<&'static str> {
    match value {
        Value::String(_) => Some("string"),
        Value::Bool(_) => Some("boolean"),
        Value::Number(number) if number.is_f64() => Some("number"),
        Value::Number(_) => Some("integer"),
        _ => None,
    }
}
