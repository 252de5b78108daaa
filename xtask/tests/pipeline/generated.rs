//! Tests what the crate's generator makes of the members that lowering writes for it.

use openapi_lowering::{Document, Generated, Level, Lowering, Severity, generate, outline};
use serde_json::{Value, json};
use xtask::generator::Gizmo;

use crate::document::{document, lowered, returning, taking};

fn generated(paths: &Value, schemas: &Value) -> Generated {
    generate(&lowered(document(paths, schemas)), &Gizmo::default()).unwrap()
}

#[test]
fn a_renamed_parameter_is_sent_under_its_own_name() {
    let mut item = returning(&json!({}));
    item["get"]["parameters"] = json!([
        {"name": "id", "in": "path", "required": true, "schema": {"type": "string"}},
        {"name": "id", "in": "query", "schema": {"type": "string"}},
        {"name": "client", "in": "header", "schema": {"type": "string"}},
    ]);
    let code = generated(&json!({"/fetch/{id}": item}), &json!({}));
    for text in [code.client(), code.mocks().unwrap()] {
        assert!(text.contains("\"id\"") && text.contains("\"client\""));
        assert!(!text.contains("\"id_query\"") && !text.contains("\"client_header\""));
    }
}

#[test]
fn a_json_body_of_another_media_type_is_sent_with_that_type() {
    let mut item = taking(&json!({}));
    item["post"]["requestBody"]["content"] =
        json!({"application/merge-patch+json": {"schema": {"type": "object"}}});
    let code = generated(&json!({"/submit": item}), &json!({})).client();
    assert!(code.contains("\"application/merge-patch+json\""), "{code}");
}

#[test]
fn the_documentation_shows_what_a_builder_needs_and_describes_no_document() {
    let body = json!({"type": "object", "required": ["prompt", "tags", "count"], "properties": {
        "prompt": {"type": "string"}, "name": {"type": "string"}, "count": {"type": "integer"},
        "tags": {"type": "array", "items": {"type": "string"}},
    }});
    let mut item = taking(&body);
    item["post"]["parameters"] = json!([
        {"name": "id", "in": "path", "required": true, "schema": {"type": "string"}},
        {"name": "limit", "in": "query", "schema": {"type": "integer"}},
    ]);
    let code = generated(&json!({"/submit/{id}": item}), &json!({})).client();
    let needed = [
        "id(\"…\")",
        "count(count)",
        "prompt(\"…\")",
        "tags([\"…\"])",
        "send()",
        "await?;",
    ];
    let example = format!("client.submit()\n    .{}\n```", needed.join("\n    ."));
    assert!(code.contains(&example), "{code}");
    assert!(
        !code.contains(".body(body)") && !code.contains("Version: "),
        "{code}"
    );
}

#[test]
fn the_limits_and_defaults_of_a_request_stay_for_its_json_schema() {
    let body = json!({"type": "object", "properties": {
        "prompt": {"type": "string", "minLength": 1, "default": "a lab"},
        "count": {"type": "integer", "minimum": 2, "maximum": 9},
        "tags": {"type": "array", "items": {"type": "string", "maxLength": 9}, "maxItems": 3},
        "name": {"type": "string", "default": null},
    }});
    let taken = taking(&json!({"$ref": "#/components/schemas/Body"}));
    let document = lowered(document(&json!({"/submit": taken}), &json!({"Body": body})));
    let properties = &document["components"]["schemas"]["Body"]["properties"];
    for (name, kept) in [
        ("prompt", json!({"minLength": 1, "default": "a lab"})),
        ("count", json!({"minimum": 2})),
        ("tags", json!({"maxItems": 3})),
        ("name", Value::Null),
    ] {
        assert_eq!(properties[name]["x-json-schema"], kept, "{name}");
    }
}

#[test]
fn an_enum_in_a_response_is_open_under_every_name() {
    for (name, expected) in [
        ("JobStatus", "JobStatus"),
        ("job_status", "JobStatus"),
        ("JOB_STATUS", "JobStatus"),
        ("Job.Status", "JobStatus"),
        ("Item-Output_Mode", "ItemOutputMode"),
        ("Page[str]_Order", "PageStrOrder"),
        ("2d", "X2d"),
        ("self", "Self_"),
    ] {
        let paths =
            json!({"/fetch": returning(&json!({"$ref": format!("#/components/schemas/{name}")}))});
        let schemas = json!({name: {"type": "string", "enum": ["a", "b"]}});
        let code = generated(&paths, &schemas);
        let outline = outline(&code.client());
        assert!(
            outline.contains(&format!("open enum types::{expected}\n"))
                && outline.contains(&format!("-> crate::raw::types::{expected}\n")),
            "{outline}"
        );
    }
}

#[test]
fn a_new_value_of_an_open_enum_breaks_nothing() {
    let service = |values: &[&str]| {
        let schemas = json!({"Mood": {"type": "string", "enum": values}});
        let paths = json!({"/fetch": returning(&json!({"$ref": "#/components/schemas/Mood"}))});
        Document::from(document(&paths, &schemas))
    };
    let (before, after) = (
        service(&["calm", "wild"]),
        service(&["calm", "wild", "odd"]),
    );
    let generator = Gizmo::default();
    let diff = Lowering::new(&generator).diff(&before, &after).unwrap();
    let in_rust = diff
        .changes
        .iter()
        .filter(|change| change.level == Level::Rust);
    let in_rust: Vec<_> = in_rust
        .map(|change| (change.rule, change.severity))
        .collect();
    assert_eq!(in_rust, [("variant-added", Severity::Info)]);
}

#[test]
fn components_whose_names_differ_in_case_or_punctuation_have_shapes_of_their_own() {
    let object = json!({"type": "object", "properties": {"a": {"type": "string"}}});
    let names = [
        "pageInfo",
        "pageinfo",
        "page-one",
        "page_5Fone",
        "page_one2",
    ];
    let mut schemas = json!({});
    let mut properties = json!({});
    for name in names {
        schemas[name] = object.clone();
        properties[name] = json!({"$ref": format!("#/components/schemas/{name}")});
    }
    let item = returning(&json!({"type": "object", "properties": properties}));
    let code = generated(&json!({"/fetch": item}), &schemas).client();
    let statics: Vec<&str> = code
        .lines()
        .filter_map(|line| line.trim().strip_prefix("pub(crate) static SHAPE_"))
        .filter_map(|rest| rest.split(':').next())
        .collect();
    let distinct: std::collections::BTreeSet<&str> = statics.iter().copied().collect();
    assert!(statics.len() >= names.len(), "{statics:?}");
    assert_eq!(distinct.len(), statics.len(), "{statics:?}");
}
