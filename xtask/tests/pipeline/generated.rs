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
