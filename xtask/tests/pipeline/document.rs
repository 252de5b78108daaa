//! Small documents with one schema in a place of interest.

use serde_json::{Value, json};
use xtask::{guard, lower};

/// A document with the given operations and component schemas.
pub(crate) fn document(paths: &Value, schemas: &Value) -> Value {
    json!({
        "openapi": "3.1.0",
        "info": {"title": "test", "version": "1"},
        "paths": paths,
        "components": {"schemas": schemas},
    })
}

/// One operation whose JSON response is `schema`.
pub(crate) fn returning(schema: &Value) -> Value {
    json!({"get": {
        "operationId": "ask",
        "responses": {"200": {
            "description": "ok",
            "content": {"application/json": {"schema": schema}},
        }},
    }})
}

/// One operation whose JSON request body is `schema`.
pub(crate) fn taking(schema: &Value) -> Value {
    json!({"post": {
        "operationId": "tell",
        "requestBody": {"required": true, "content": {"application/json": {"schema": schema}}},
        "responses": {"204": {"description": "ok"}},
    }})
}

/// Lowers, and sees to it that lowering again changes nothing and that the generator takes it.
pub(crate) fn lowered(mut document: Value) -> Value {
    lower::lower(&mut document).unwrap();
    let mut again = document.clone();
    let ledger = lower::lower(&mut again).unwrap();
    assert_eq!(again, document, "lowering is not idempotent");
    assert_eq!(
        ledger.entries(),
        [],
        "a second lowering has rewritten something"
    );
    guard::generate(&document).unwrap();
    document
}

/// Why lowering refuses a document.
pub(crate) fn refused(mut document: Value) -> String {
    lower::lower(&mut document).unwrap_err().to_string()
}

/// A component `Subject` that is received, with others beside it, after lowering.
pub(crate) fn received_with(subject: &Value, others: &Value) -> Value {
    let mut schemas = others.clone();
    schemas["Subject"] = subject.clone();
    let paths = json!({"/ask": returning(&json!({"$ref": "#/components/schemas/Subject"}))});
    lowered(document(&paths, &schemas))["components"]["schemas"].clone()
}

/// A component `Subject` that is received, after lowering.
pub(crate) fn received(subject: &Value) -> Value {
    received_with(subject, &json!({}))["Subject"].clone()
}

/// A component `Subject` that is sent, with others beside it, after lowering.
pub(crate) fn sent_with(subject: &Value, others: &Value) -> Value {
    let mut schemas = others.clone();
    schemas["Subject"] = subject.clone();
    let paths = json!({"/tell": taking(&json!({"$ref": "#/components/schemas/Subject"}))});
    lowered(document(&paths, &schemas))["components"]["schemas"].clone()
}

/// A component `Subject` that is sent, after lowering.
pub(crate) fn sent(subject: &Value) -> Value {
    sent_with(subject, &json!({}))["Subject"].clone()
}

/// An object with one property `it`, as sent, after lowering.
pub(crate) fn sent_property(schema: &Value) -> Value {
    sent(&json!({"type": "object", "properties": {"it": schema}}))["properties"]["it"].clone()
}

/// An object with one property `it`, as received, after lowering.
pub(crate) fn received_property(schema: &Value) -> Value {
    received(&json!({"type": "object", "properties": {"it": schema}}))["properties"]["it"].clone()
}
