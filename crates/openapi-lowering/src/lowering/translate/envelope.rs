//! Rewrites the document around its operations and schemas: sets the version and removes what 3.0
//! does not have.

use serde_json::{Value, json};

use crate::{
    document::{pointer, walk},
    ledger::Ledger,
};

use super::inline;

/// Members that only 3.1 has, or that the generator does not use.
const REMOVED: [&str; 4] = [
    "/webhooks",
    "/jsonSchemaDialect",
    "/info/summary",
    "/info/license/identifier",
];

/// Adds a title or a version that is missing, without which the document cannot be parsed.
pub(super) fn information(document: &mut Value, ledger: &mut Ledger) {
    if !document["info"].is_object() {
        document["info"] = json!({});
    }
    for (name, placeholder) in [("title", "API"), ("version", "0.0.0")] {
        let member = &mut document["info"][name];
        if !member.is_string() {
            *member = json!(placeholder);
            let at = pointer::join("/info", name);
            ledger.lossy_because(at, "the document does not state it");
        }
    }
}

pub(super) fn apply(document: &mut Value, ledger: &mut Ledger) {
    if document["openapi"] != "3.0.3" {
        document["openapi"] = json!("3.0.3");
        ledger.exact("/openapi");
    }
    for at in REMOVED {
        if pointer::remove(document, at).is_some() {
            ledger.lossy(at);
        }
    }
    if document.get("paths").is_none() {
        document["paths"] = json!({});
        ledger.exact("/paths");
    }
    inline::drop_sections(document, ledger);
    remove_mutual_tls(document, ledger);
    for operation in walk::operations(document) {
        let at = pointer::join(&operation.pointer, "callbacks");
        if pointer::remove(document, &at).is_some() {
            ledger.lossy(at);
        }
        remove_dropshot(document, &operation.pointer, ledger);
        let at = pointer::join(&operation.pointer, "responses");
        if pointer::get(document, &at).is_none()
            && let Some(value) = pointer::object_mut(document, &operation.pointer)
        {
            value.insert("responses".to_owned(), json!({}));
            ledger.exact(at);
        }
    }
}

/// Removes the extensions of the Dropshot framework, for which the generator would write different
/// code.
fn remove_dropshot(document: &mut Value, at: &str, ledger: &mut Ledger) {
    let operation = pointer::get(document, at).and_then(Value::as_object);
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

/// Removes security schemes of type `mutualTLS`, because 3.0 readers reject documents that have
/// one.
fn remove_mutual_tls(document: &mut Value, ledger: &mut Ledger) {
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
