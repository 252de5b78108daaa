//! Builds and lowers small documents around one schema.

use openapi_lowering::{Dialect, Progenitor, generate, lower};
use serde_json::{Value, json};

/// Returns a document with the given paths and component schemas.
pub(crate) fn document(paths: &Value, schemas: &Value) -> Value {
    json!({
        "openapi": "3.1.0",
        "info": {"title": "test", "version": "1"},
        "paths": paths,
        "components": {"schemas": schemas},
    })
}

/// Returns a path item with one operation whose JSON response has this schema.
pub(crate) fn returning(schema: &Value) -> Value {
    json!({"get": {
        "operationId": "fetch",
        "responses": {"200": {
            "description": "ok",
            "content": {"application/json": {"schema": schema}},
        }},
    }})
}

/// Returns a path item with one operation whose JSON request body has this schema.
pub(crate) fn taking(schema: &Value) -> Value {
    json!({"post": {
        "operationId": "submit",
        "requestBody": {"required": true, "content": {"application/json": {"schema": schema}}},
        "responses": {"204": {"description": "ok"}},
    }})
}

/// Lowers a document, and asserts that lowering is idempotent and that the generator accepts the
/// result.
pub(crate) fn lowered(mut document: Value) -> Value {
    lower(&mut document, Dialect::Extended).unwrap();
    let mut again = document.clone();
    let ledger = lower(&mut again, Dialect::Extended).unwrap();
    assert_eq!(again, document, "lowering is not idempotent");
    assert_eq!(
        ledger.entries(),
        [],
        "the second lowering has rewritten something"
    );
    generate(&document, &Progenitor).unwrap();
    document
}

/// Returns the message with which lowering refuses a document.
pub(crate) fn refused(mut document: Value) -> String {
    lower(&mut document, Dialect::Extended)
        .unwrap_err()
        .to_string()
}

/// Returns the lowered components of a document that receives `Subject` and also has `others`.
pub(crate) fn received_with(subject: &Value, others: &Value) -> Value {
    let mut schemas = others.clone();
    schemas["Subject"] = subject.clone();
    let paths = json!({"/fetch": returning(&json!({"$ref": "#/components/schemas/Subject"}))});
    lowered(document(&paths, &schemas))["components"]["schemas"].clone()
}

/// Returns the component `Subject` of a document that receives it, after lowering.
pub(crate) fn received(subject: &Value) -> Value {
    received_with(subject, &json!({}))["Subject"].clone()
}

/// Returns the lowered components of a document that sends `Subject` and also has `others`.
pub(crate) fn sent_with(subject: &Value, others: &Value) -> Value {
    let mut schemas = others.clone();
    schemas["Subject"] = subject.clone();
    let paths = json!({"/submit": taking(&json!({"$ref": "#/components/schemas/Subject"}))});
    lowered(document(&paths, &schemas))["components"]["schemas"].clone()
}

/// Returns the component `Subject` of a document that sends it, after lowering.
pub(crate) fn sent(subject: &Value) -> Value {
    sent_with(subject, &json!({}))["Subject"].clone()
}

/// Returns the property `it` of an object that is sent, after lowering.
pub(crate) fn sent_property(schema: &Value) -> Value {
    sent(&json!({"type": "object", "properties": {"it": schema}}))["properties"]["it"].clone()
}

/// Returns the property `it` of an object that is received, after lowering.
pub(crate) fn received_property(schema: &Value) -> Value {
    received(&json!({"type": "object", "properties": {"it": schema}}))["properties"]["it"].clone()
}
