//! Of several request media types the JSON one stays, and it has a schema: the generator takes one.

use serde_json::{Value, json};

use crate::{ledger::Ledger, pointer};

use super::walk;

const JSON: &str = "application/json";

pub(super) fn apply(document: &mut Value, ledger: &mut Ledger) {
    for operation in walk::operations(document) {
        let at = pointer::join(&pointer::join(&operation.pointer, "requestBody"), "content");
        let Some(content) = pointer::object_mut(document, &at) else {
            continue;
        };
        let Some(body) = content.get_mut(JSON).and_then(Value::as_object_mut) else {
            continue;
        };
        if !body.contains_key("schema") {
            body.insert("schema".to_owned(), json!({}));
            ledger.exact(pointer::join(&pointer::join(&at, JSON), "schema"));
        }
        let others: Vec<String> = content.keys().filter(|key| *key != JSON).cloned().collect();
        for media_type in others {
            content.shift_remove(&media_type);
            ledger.lossy(pointer::join(&at, &media_type));
        }
    }
}
