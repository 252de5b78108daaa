//! The document around its operations and schemas: the version, and what 3.0 has no place for.

use serde_json::{Value, json};

use crate::{ledger::Ledger, pointer};

use super::walk;

/// Members of 3.1 alone, or that the generator has no use for.
const GONE: [&str; 4] = [
    "/webhooks",
    "/jsonSchemaDialect",
    "/info/summary",
    "/info/license/identifier",
];

pub(super) fn apply(document: &mut Value, ledger: &mut Ledger) {
    if document["openapi"] != "3.0.3" {
        document["openapi"] = json!("3.0.3");
        ledger.exact("/openapi");
    }
    for at in GONE {
        if pointer::remove(document, at).is_some() {
            ledger.lossy(at);
        }
    }
    if document.get("paths").is_none() {
        document["paths"] = json!({});
        ledger.exact("/paths");
    }
    mutual_tls(document, ledger);
    for operation in walk::operations(document) {
        let at = pointer::join(&operation.pointer, "callbacks");
        if pointer::remove(document, &at).is_some() {
            ledger.lossy(at);
        }
        dropshot(document, &operation.pointer, ledger);
        let at = pointer::join(&operation.pointer, "responses");
        if document.pointer(&at).is_none()
            && let Some(value) = pointer::object_mut(document, &operation.pointer)
        {
            value.insert("responses".to_owned(), json!({}));
            ledger.exact(at);
        }
    }
}

/// Extensions of another framework, for which the generator would write other code.
fn dropshot(document: &mut Value, at: &str, ledger: &mut Ledger) {
    let operation = document.pointer(at).and_then(Value::as_object);
    let names: Vec<String> = operation
        .into_iter()
        .flat_map(serde_json::Map::keys)
        .filter(|name| name.starts_with("x-dropshot"))
        .map(|name| pointer::join(at, name))
        .collect();
    for at in names {
        pointer::remove(document, &at);
        ledger.lossy(at);
    }
}

/// A security scheme of type `mutualTLS` is 3.1's own; 3.0 readers reject the document for it.
fn mutual_tls(document: &mut Value, ledger: &mut Ledger) {
    let schemes = pointer::object_mut(document, "/components/securitySchemes");
    let names: Vec<String> = schemes
        .into_iter()
        .flat_map(|schemes| schemes.iter())
        .filter(|(_, scheme)| scheme["type"] == "mutualTLS")
        .map(|(name, _)| pointer::join("/components/securitySchemes", name))
        .collect();
    for at in names {
        pointer::remove(document, &at);
        ledger.lossy(at);
    }
}
