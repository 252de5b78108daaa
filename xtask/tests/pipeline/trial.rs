//! Builds the crate itself from documents that the service could serve.

use std::{fs, process::Command};

use serde_json::json;
use xtask::{derive::derive, generator::Gizmo, trial};

use super::{
    typed::typed_upstream,
    workbench::{root, target},
};

#[test]
fn slow_the_crate_compiles_with_a_document_that_has_typed_responses_and_a_new_operation() {
    let mut document = typed_upstream();
    document["paths"]["/v1/robots"] = json!({"post": {
        "operationId": "make_robot_v1_robots_post",
        "parameters": [
            {"name": "tag", "in": "query", "schema": {"type": "array", "items": {"type": "string"}}},
        ],
        "requestBody": {"required": true, "content": {"application/json": {"schema": {
            "type": "object", "required": ["arms"],
            "properties": {"arms": {"type": "integer", "minimum": 1}, "at": {"type": "string", "format": "date-time"}},
        }}}},
        "responses": {"201": {"description": "d", "content": {"application/json": {"schema": {
            "type": "object", "properties": {"state": {"enum": ["idle", "in-use", "4wd"], "type": "string"}},
        }}}}},
    }});
    let overlay = fs::read(root().join("openapi/overlay.json")).unwrap();
    let derived = derive(
        &Gizmo::default(),
        document.to_string().as_bytes(),
        &overlay,
        None,
    )
    .unwrap();
    let (target, _lock) = target();
    trial::build(&root(), &derived.to_text(), &target).unwrap();
}

#[test]
fn slow_a_document_with_which_the_crate_does_not_compile_is_refused_and_the_tree_is_unchanged() {
    let (target, _lock) = target();
    let copy = target.join("refused");
    trial::mirror(&root(), &copy).unwrap();
    // Handwritten code calls the operation by its original name.
    let directory = copy.join("openapi");
    let overlay = fs::read_to_string(directory.join("overlay.json"))
        .unwrap()
        .replace(
            "\"operationId\": \"cancel_job\"",
            "\"operationId\": \"stop_job\"",
        );
    fs::write(directory.join("overlay.json"), overlay).unwrap();
    let before = fs::read(directory.join("openapi.json")).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_xtask"))
        .args(["refresh-spec", "--allow-breaking", "--file"])
        .arg(directory.join("upstream.json"))
        .arg("--root")
        .arg(&copy)
        .arg("--trial-target")
        .arg(&target)
        .output()
        .unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    assert!(
        stderr.starts_with("the crate would not compile: src/ext/"),
        "{stderr}"
    );
    assert!(stderr.contains("cancel_job"), "{stderr}");
    assert!(fs::read(directory.join("openapi.json")).unwrap() == before);
}
