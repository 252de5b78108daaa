//! Replaces all error responses of an operation with `ErrorResponse` under `4XX` and `5XX`.
//!
//! The generator panics on a second error type, and on `default` next to a success response. The
//! client converts every error response to this one schema before it decodes it.

use serde_json::{Value, json};

use crate::{
    document::{pointer, reach, walk},
    ledger::Ledger,
};

use super::success::is_success;

const NAME: &str = "ErrorResponse";

pub(super) fn apply(document: &mut Value, ledger: &mut Ledger) {
    if document["components"]["schemas"].get(NAME).is_none() {
        document["components"]["schemas"][NAME] = lenient();
        ledger.exact(pointer::join("/components/schemas", NAME));
    }
    for operation in walk::operations(document) {
        let at = pointer::join(&operation.pointer, "responses");
        let Some(responses) = pointer::object_mut(document, &at) else {
            continue;
        };
        let ranges = [
            ("4XX", "The request was refused"),
            ("5XX", "The service failed"),
        ];
        for status in responses.keys().cloned().collect::<Vec<_>>() {
            let is_generated = ranges
                .iter()
                .any(|(range, text)| *range == status && responses[*range] == error(text));
            if is_success(&status) || is_generated || status.starts_with("x-") {
                continue;
            }
            responses.shift_remove(&status);
            ledger.lossy(pointer::join(&at, &status));
        }
        for (range, text) in ranges {
            responses.entry(range).or_insert_with(|| error(text));
        }
    }
}

fn error(description: &str) -> Value {
    json!({
        "description": description,
        "content": { "application/json": { "schema": reach::reference(NAME) } },
    })
}

/// Returns the documented schema without required fields, for a document that has no
/// `ErrorResponse`.
fn lenient() -> Value {
    json!({
        "type": "object",
        "description": "An error as the service reports it.",
        "properties": {
            "error": {
                "type": "object",
                "properties": {
                    "code": { "type": "string" },
                    "message": { "type": "string" },
                    "status": { "type": "integer" },
                },
            },
        },
    })
}
