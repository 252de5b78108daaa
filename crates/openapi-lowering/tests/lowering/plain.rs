//! Tests the forms that progenitor itself can read where a generator around it could do more.

use openapi_lowering::{Dialect, Ledger, Progenitor, generate, lower};
use serde_json::{Value, json};

use crate::document::{document, returning, taking};

fn lowered(paths: &Value, schemas: &Value) -> (Value, Ledger) {
    let mut document = document(paths, schemas);
    let ledger = lower(&mut document, Dialect::Plain).unwrap();
    let mut again = document.clone();
    assert_eq!(lower(&mut again, Dialect::Plain).unwrap().entries(), []);
    assert_eq!(again, document);
    (document, ledger)
}

#[test]
fn an_optional_parameter_whose_name_is_taken_is_dropped() {
    let mut item = returning(&json!({}));
    item["get"]["parameters"] = json!([
        {"name": "id", "in": "path", "required": true, "schema": {"type": "string"}},
        {"name": "id", "in": "query", "schema": {"type": "string"}},
        {"name": "client", "in": "header", "schema": {"type": "string"}},
        {"name": "exchange", "in": "query", "schema": {"type": "string"}},
    ]);
    let (document, ledger) = lowered(&json!({"/fetch/{id}": item}), &json!({}));
    let list = document["paths"]["/fetch/{id}"]["get"]["parameters"]
        .as_array()
        .unwrap();
    let names: Vec<&Value> = list.iter().map(|parameter| &parameter["name"]).collect();
    assert_eq!(names, ["id", "exchange"]);
    let dropped: Vec<&str> = ledger
        .entries()
        .iter()
        .filter(|entry| entry.rule == "parameter-name" && entry.lossy)
        .map(|entry| entry.pointer.as_str())
        .collect();
    assert_eq!(
        dropped,
        [
            "/paths/~1fetch~1{id}/get/parameters/2",
            "/paths/~1fetch~1{id}/get/parameters/1"
        ]
    );
    generate(&document, &Progenitor).unwrap();
}

#[test]
fn a_required_parameter_whose_name_is_taken_is_refused() {
    let mut item = returning(&json!({}));
    item["get"]["parameters"] =
        json!([{"name": "client", "in": "query", "required": true, "schema": {"type": "string"}}]);
    let (document, _) = lowered(&json!({"/fetch": item}), &json!({}));
    let error = generate(&document, &Progenitor).unwrap_err().to_string();
    assert!(error.contains("already has a `client`"), "{error}");
}

#[test]
fn the_media_type_of_a_json_body_is_a_parameter() {
    let mut item = taking(&json!({}));
    item["post"]["requestBody"]["content"] =
        json!({"application/merge-patch+json": {"schema": {"type": "object"}}});
    let (document, _) = lowered(&json!({"/submit": item}), &json!({}));
    let operation = &document["paths"]["/submit"]["post"];
    assert!(operation["requestBody"]["content"]["application/json"].is_object());
    assert!(operation.get("x-content-type").is_none());
    let header = &operation["parameters"][0];
    assert_eq!([&header["name"], &header["in"]], ["Content-Type", "header"]);
    assert_eq!(header["required"], true);
}

#[test]
fn an_enum_without_distinct_names_is_a_string() {
    let subject = json!({"type": "object", "properties": {
        "sign": {"type": "string", "enum": ["<", ">"]},
        "mode": {"type": "string", "enum": ["a", "b"]},
    }});
    for item in [returning(&subject), taking(&subject)] {
        let (document, _) = lowered(&json!({"/it": item}), &json!({}));
        let schemas = &document["components"]["schemas"];
        assert_eq!(schemas["Sign"], json!({"type": "string"}));
        assert_eq!(schemas["Mode"]["enum"], json!(["a", "b"]));
        generate(&document, &Progenitor).unwrap();
    }
}
