//! Tests the complete derivation with documents that the service could serve.

use std::{collections::BTreeSet, fs, path::Path};

use openapi_lowering::Lowered;
use serde_json::{Value, json};
use xtask::{derive::derive, generator::Gizmo};

/// The names of all documented operations, as users call them.
const OPERATIONS: [&str; 21] = [
    "cancel_job",
    "delete_asset",
    "delete_scene",
    "edit_scene",
    "export_asset",
    "export_scene",
    "generate_asset",
    "generate_scene",
    "get_asset",
    "get_catalog_item",
    "get_job",
    "get_scene",
    "job_events",
    "list_assets",
    "list_categories",
    "list_scenes",
    "scene_status",
    "search_catalog",
    "update_scene",
    "usage",
    "whoami",
];

fn read(name: &str) -> Vec<u8> {
    fs::read(
        Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../openapi")
            .join(name),
    )
    .unwrap()
}

fn upstream() -> Value {
    serde_json::from_slice(&read("upstream.json")).unwrap()
}

fn derived(upstream: &Value) -> Lowered {
    derive(
        &Gizmo::default(),
        upstream.to_string().as_bytes(),
        &read("overlay.json"),
        None,
    )
    .unwrap()
}

fn success_schemas(document: &Value) -> Vec<(String, Value)> {
    let mut found = Vec::new();
    for item in document["paths"].as_object().unwrap().values() {
        for operation in item.as_object().unwrap().values() {
            let name = operation["operationId"].as_str().unwrap().to_owned();
            for (status, response) in operation["responses"].as_object().unwrap() {
                if status.starts_with('2') {
                    let content = response["content"].as_object().unwrap();
                    found.push((
                        name.clone(),
                        content.values().next().unwrap()["schema"].clone(),
                    ));
                }
            }
        }
    }
    found.sort_by(|left, right| left.0.cmp(&right.0));
    found
}

#[test]
fn every_operation_has_its_name_and_one_typed_success_body() {
    let schemas = success_schemas(&derived(&upstream()).document);
    assert_eq!(
        schemas.iter().map(|(name, _)| name).collect::<Vec<_>>(),
        OPERATIONS
    );
    for (name, schema) in schemas {
        assert_ne!(schema, json!({}), "{name}");
    }
}

#[test]
fn the_current_document_gives_no_warnings() {
    assert_eq!(derived(&upstream()).warnings, Vec::<String>::new());
}

#[test]
fn no_credential_is_a_parameter() {
    let text = derived(&upstream()).to_text();
    for name in [
        "authorization",
        "x-gizmo-service-token",
        "x-gizmo-user-id",
        "x-gizmo-convex-user-id",
    ] {
        assert!(!text.contains(&format!("\"{name}\"")), "{name}");
    }
}

#[test]
fn the_types_that_users_name_exist() {
    let document = derived(&upstream()).document;
    let schemas = document["components"]["schemas"].as_object().unwrap();
    for name in [
        "Format",
        "AssetPipeline",
        "JobStatus",
        "GenerateSceneBody",
        "Scene",
        "Job",
        "ErrorResponse",
    ] {
        assert!(schemas.contains_key(name), "{name}");
    }
    assert_eq!(schemas["JobStatus"]["x-open-enum"], true);
    assert!(
        schemas["Format"].get("x-open-enum").is_none(),
        "Format is only sent"
    );
    assert_eq!(schemas["Scene"]["additionalProperties"], json!({}));
    for name in ["HTTPValidationError", "ValidationError"] {
        assert!(!schemas.contains_key(name), "{name}");
    }
}

#[test]
fn success_bodies_without_content_are_still_typed() {
    let mut document = upstream();
    for item in document["paths"].as_object_mut().unwrap().values_mut() {
        for operation in item.as_object_mut().unwrap().values_mut() {
            for (status, response) in operation["responses"].as_object_mut().unwrap() {
                if status.starts_with('2') && response["content"].get("application/json").is_some()
                {
                    response.as_object_mut().unwrap().remove("content");
                }
            }
        }
    }
    assert_eq!(
        derived(&document).document["components"],
        derived(&upstream()).document["components"]
    );
}

/// Returns a document in which upstream has started to type its responses in the style of
/// `FastAPI`.
pub(crate) fn typed_upstream() -> Value {
    let mut document = upstream();
    let reference = |name: &str| json!({"$ref": format!("#/components/schemas/{name}")});
    let nullable = |schema: Value| json!({"anyOf": [schema, {"type": "null"}], "title": "A Title"});
    let text = json!({"type": "string"});
    let schemas = [
        (
            "JobStatus",
            json!({"type": "string", "enum": ["queued", "running", "done"], "title": "JobStatus"}),
        ),
        (
            "Job",
            json!({
                "type": "object",
                "title": "Job",
                "required": ["id", "status"],
                "additionalProperties": false,
                "properties": {
                    "id": text,
                    "status": reference("JobStatus"),
                    "created_at": {"type": "string", "format": "date-time"},
                    "scene_id": nullable(json!({"type": "string", "format": "uuid"})),
                },
            }),
        ),
        (
            "JobResponse",
            json!({"type": "object", "properties": {"ok": {"const": true}, "job": reference("Job")}}),
        ),
        (
            "SceneListResponse",
            json!({"type": "object", "properties": {
                "scenes": {"type": "array", "items": reference("SceneSummary")},
                "total": {"type": "integer", "minimum": 0},
            }}),
        ),
        (
            "SceneSummary",
            json!({"type": "object", "properties": {"id": text, "kind": {"enum": ["a", "b"]}}}),
        ),
        (
            "ErrorResponse",
            json!({"type": "object", "required": ["error"], "properties": {
                "error": {"oneOf": [reference("ErrorDetail"), text]},
                "request_id": nullable(text.clone()),
            }}),
        ),
    ];
    for (name, schema) in schemas {
        document["components"]["schemas"][name] = schema;
    }
    let inline = json!({"type": "object", "properties": {"plan": {"enum": ["free", "pro"]}, "user_id": text}});
    for (path, method, schema) in [
        ("/v1/jobs/{job_id}", "get", reference("JobResponse")),
        ("/v1/scenes", "get", reference("SceneListResponse")),
        ("/v1/whoami", "get", inline),
        (
            "/v1/usage",
            "get",
            json!({"type": "array", "items": {"type": "object"}}),
        ),
    ] {
        document["paths"][path][method]["responses"]["200"]["content"]["application/json"]["schema"] =
            schema;
    }
    document["paths"]["/v1/jobs/{job_id}/events"]["get"]["responses"]["200"]["content"] = json!({"application/json": {"schema": {}}, "text/event-stream": {"schema": {"type": "string"}}});
    document
}

#[test]
fn the_overlay_replaces_types_that_upstream_adds_and_reports_the_difference() {
    let derived = derived(&typed_upstream());
    let baseline = self::derived(&upstream()).document;
    assert_eq!(
        success_schemas(&derived.document),
        success_schemas(&baseline)
    );
    for name in ["Job", "JobStatus", "WhoAmI", "ScenePage"] {
        let at = format!("/components/schemas/{name}");
        assert_eq!(
            derived.document.pointer(&at),
            baseline.pointer(&at),
            "{name}"
        );
    }
    let warnings: BTreeSet<&str> = derived.warnings.iter().map(String::as_str).collect();
    for expected in [
        "/v1/jobs/{job_id}",
        "JobResponse",
        "SceneListResponse",
        "~1v1~1whoami",
        "upstream now has /components/schemas/Job;",
        "upstream now has /components/schemas/JobStatus;",
        "events/get/responses/200/content",
    ] {
        let expected = expected
            .replace("/v1/", "~1v1~1")
            .replace("jobs/{", "jobs~1{");
        assert!(
            warnings.iter().any(|warning| warning.contains(&expected)),
            "{expected}: {warnings:#?}"
        );
    }
}

#[test]
fn a_new_operation_is_derived_with_its_types() {
    let mut document = upstream();
    document["components"]["schemas"]["Robot"] = json!({
        "type": "object",
        "properties": {
            "id": {"type": "string", "format": "uuid"},
            "arms": {"type": "integer", "minimum": 1},
            "kind": {"type": "string", "enum": ["arm", "rover"]},
        },
        "required": ["id", "kind"],
    });
    document["paths"]["/v1/robots"] = json!({"get": {
        "operationId": "list_robots_v1_robots_get",
        "responses": {"200": {"description": "d", "content": {"application/json": {"schema": {
            "type": "array", "items": {"$ref": "#/components/schemas/Robot"},
        }}}}},
    }});
    let derived = derived(&document);
    assert_eq!(
        derived.document["paths"]["/v1/robots"]["get"]["operationId"],
        "list_robots"
    );
    assert_eq!(
        derived.document["components"]["schemas"]["Kind"]["x-open-enum"],
        true
    );
}

#[test]
fn the_error_for_a_removed_operation_names_it() {
    let mut document = upstream();
    document["paths"]
        .as_object_mut()
        .unwrap()
        .remove("/v1/usage");
    let error = derive(
        &Gizmo::default(),
        document.to_string().as_bytes(),
        &read("overlay.json"),
        None,
    )
    .unwrap_err();
    assert!(
        error.to_string().contains("$.paths['/v1/usage'].get"),
        "{error}"
    );
}
