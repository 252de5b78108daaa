//! What the generator cannot take is named in one line, with its place.

use serde_json::{Value, json};
use xtask::{guard, lower};

use crate::document::{document, received_with, returning, taking};

fn refusal(paths: &Value, schemas: &Value) -> String {
    let mut document = document(paths, schemas);
    lower::lower(&mut document).unwrap();
    let text = guard::generate(&document).unwrap_err().to_string();
    assert!(!text.contains('\n'), "{text}");
    text
}

fn with_parameter(parameter: &Value) -> Value {
    let mut item = returning(&json!({}));
    item["get"]["parameters"] = json!([parameter]);
    json!({"/ask": item})
}

#[test]
fn parameters_that_are_not_generated_are_refused_with_their_place() {
    let text = json!({"type": "string"});
    for (parameter, reason) in [
        (
            json!({"name": "a", "in": "cookie", "schema": text}),
            "cookie",
        ),
        (
            json!({"name": "a", "in": "query", "style": "deepObject", "schema": {"type": "object"}}),
            "style `form`",
        ),
        (
            json!({"name": "a", "in": "header", "style": "matrix", "schema": text}),
            "style `simple`",
        ),
        (
            json!({"name": "a", "in": "query", "content": {"application/json": {"schema": text}}}),
            "have a schema",
        ),
    ] {
        let text = refusal(&with_parameter(&parameter), &json!({}));
        assert!(
            text.starts_with("/paths/~1ask/get/parameters/0: ") && text.contains(reason),
            "{text}"
        );
    }
}

#[test]
fn bodies_that_are_not_generated_are_refused_with_their_place() {
    let schema = json!({"schema": {"type": "object"}});
    for (content, reason) in [
        (
            json!({"multipart/form-data": schema}),
            "multipart/form-data",
        ),
        (
            json!({"text/plain": schema, "application/xml": schema}),
            "text/plain and application/xml",
        ),
        (
            json!({"application/x-www-form-urlencoded": {}}),
            "have a schema",
        ),
        (json!({"application/xml": schema}), "application/xml"),
    ] {
        let mut item = taking(&json!({}));
        item["post"]["requestBody"]["content"] = content;
        let text = refusal(&json!({"/tell": item}), &json!({}));
        assert!(
            text.starts_with("/paths/~1tell/post/requestBody/content: ") && text.contains(reason),
            "{text}"
        );
    }
}

#[test]
fn a_path_whose_parameter_is_missing_is_refused_with_its_place() {
    let text = refusal(&json!({"/ask/{it}": returning(&json!({}))}), &json!({}));
    assert!(
        text.starts_with("/paths/~1ask~1{it}/get: the path's {it}"),
        "{text}"
    );
}

#[test]
fn schemas_that_have_one_name_in_rust_are_refused() {
    let schemas = json!({
        "a_thing": {"type": "object", "properties": {"x": {"type": "string"}}},
        "AThing": {"type": "object", "properties": {"y": {"type": "string"}}},
    });
    let subject = json!({"type": "object", "properties": {
        "a": {"$ref": "#/components/schemas/a_thing"},
        "b": {"$ref": "#/components/schemas/AThing"},
    }});
    let text = refusal(&json!({"/ask": returning(&subject)}), &schemas);
    assert!(text.contains("AThing"), "{text}");
}

#[test]
fn any_other_panic_of_the_generator_is_one_line() {
    let mut item = returning(&json!({}));
    item["get"]["responses"]["200"]["content"] =
        json!({"text/plain": {"schema": {"type": "string"}}});
    let mut document = document(&json!({"/ask": item}), &json!({}));
    lower::lower(&mut document).unwrap();
    document["paths"]["/ask"]["get"]["responses"]["202"] =
        json!({"description": "d", "content": {"application/json": {"schema": {}}}});
    let text = guard::generate(&document).unwrap_err().to_string();
    assert!(
        text.starts_with("/paths/~1ask/get: the generator gave up: "),
        "{text}"
    );
}

#[test]
fn an_untagged_and_a_recursive_union_are_taken() {
    received_with(
        &json!({"anyOf": [
            {"type": "string"},
            {"type": "object", "properties": {"inner": {"$ref": "#/components/schemas/Subject"}}, "required": ["inner"]},
        ]}),
        &json!({}),
    );
}
