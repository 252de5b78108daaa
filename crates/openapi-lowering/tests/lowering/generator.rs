//! Tests that documents which the generator does not support are refused in one line with the JSON
//! pointer.

use openapi_lowering::{Dialect, Progenitor, generate, lower};
use serde_json::{Value, json};

use crate::document::{document, received_with, returning, taking};

fn refusal(paths: &Value, schemas: &Value) -> String {
    let mut document = document(paths, schemas);
    lower(&mut document, Dialect::Plain).unwrap();
    let text = generate(&document, &Progenitor).unwrap_err().to_string();
    assert!(!text.contains('\n'), "{text}");
    text
}

fn with_parameter(parameter: &Value) -> Value {
    let mut item = returning(&json!({}));
    item["get"]["parameters"] = json!([parameter]);
    json!({"/fetch": item})
}

#[test]
fn unsupported_parameters_are_refused_with_their_pointer() {
    let text = json!({"type": "string"});
    for (parameter, reason) in [
        (
            json!({"name": "a", "in": "cookie", "required": true, "schema": text}),
            "cookie",
        ),
        (
            json!({"name": "a", "in": "query", "style": "deepObject", "required": true, "schema": {"type": "object"}}),
            "style `form`",
        ),
        (
            json!({"name": "a", "in": "header", "style": "matrix", "required": true, "schema": text}),
            "style `simple`",
        ),
        (
            json!({"name": "a", "in": "query", "required": true, "content": {"application/json": {"schema": text}}}),
            "have a schema",
        ),
    ] {
        let text = refusal(&with_parameter(&parameter), &json!({}));
        assert!(
            text.starts_with("/paths/~1fetch/get/parameters/0: ") && text.contains(reason),
            "{text}"
        );
    }
}

#[test]
fn unsupported_bodies_are_refused_with_their_pointer() {
    let mut item = taking(&json!({}));
    item["post"]["requestBody"]["content"] = json!({"application/x-www-form-urlencoded": {}});
    let text = refusal(&json!({"/submit": item}), &json!({}));
    assert!(
        text.starts_with("/paths/~1submit/post/requestBody/content: ")
            && text.contains("have a schema"),
        "{text}"
    );
}

#[test]
fn a_path_placeholder_without_a_parameter_is_refused_with_its_pointer() {
    let text = refusal(&json!({"/fetch/{it}": returning(&json!({}))}), &json!({}));
    assert!(
        text.starts_with("/paths/~1fetch~1{it}/get: the placeholder {it}"),
        "{text}"
    );
}

#[test]
fn schemas_with_the_same_name_in_rust_are_refused() {
    let schemas = json!({
        "a_thing": {"type": "object", "properties": {"x": {"type": "string"}}},
        "AThing": {"type": "object", "properties": {"y": {"type": "string"}}},
    });
    let subject = json!({"type": "object", "properties": {
        "a": {"$ref": "#/components/schemas/a_thing"},
        "b": {"$ref": "#/components/schemas/AThing"},
    }});
    let text = refusal(&json!({"/fetch": returning(&subject)}), &schemas);
    assert!(text.contains("AThing"), "{text}");
}

#[test]
fn any_other_panic_of_the_generator_is_reported_in_one_line() {
    let mut item = returning(&json!({}));
    item["get"]["responses"]["200"]["content"] =
        json!({"text/plain": {"schema": {"type": "string"}}});
    let mut document = document(&json!({"/fetch": item}), &json!({}));
    lower(&mut document, Dialect::Plain).unwrap();
    document["paths"]["/fetch"]["get"]["responses"]["202"] =
        json!({"description": "d", "content": {"application/json": {"schema": {}}}});
    let text = generate(&document, &Progenitor).unwrap_err().to_string();
    assert!(
        text.starts_with("/paths/~1fetch/get: the generator panicked: "),
        "{text}"
    );
}

#[test]
fn a_missing_title_or_version_is_replaced() {
    for info in [
        json!({}),
        json!({"title": 1, "version": 2.0}),
        json!(null),
        json!("x"),
    ] {
        let mut document = document(&json!({"/fetch": returning(&json!({}))}), &json!({}));
        document["info"] = info;
        lower(&mut document, Dialect::Plain).unwrap();
        assert_eq!(
            document["info"],
            json!({"title": "API", "version": "0.0.0"})
        );
        generate(&document, &Progenitor).unwrap();
    }
}

#[test]
fn an_untagged_recursive_union_is_supported() {
    received_with(
        &json!({"anyOf": [
            {"type": "string"},
            {"type": "object", "properties": {"inner": {"$ref": "#/components/schemas/Subject"}}, "required": ["inner"]},
        ]}),
        &json!({}),
    );
}
