//! Of several request media types the JSON one stays: the generator takes one.

use serde_json::Value;

use crate::{Result, ledger::Ledger, pointer};

use super::walk;

const JSON: &str = "application/json";

pub(super) fn apply(document: &mut Value, ledger: &mut Ledger) -> Result<()> {
    for operation in walk::operations(document) {
        let at = pointer::join(&pointer::join(&operation.pointer, "requestBody"), "content");
        let Some(content) = pointer::object_mut(document, &at) else {
            continue;
        };
        if content.len() < 2 || !content.contains_key(JSON) {
            continue;
        }
        let others: Vec<String> = content.keys().filter(|key| *key != JSON).cloned().collect();
        for media_type in others {
            content.shift_remove(&media_type);
            ledger.lossy(pointer::join(&at, &media_type));
        }
    }
    Ok(())
}
