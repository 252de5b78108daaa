//! The crate itself, built from documents that the service might serve.

use std::{fs, path::Path, process::Command};

use serde_json::json;
use xtask::derive::derive;

use super::typed::typed_upstream;

/// Copies what git would: all but the build and the history.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name();
        if name == "target" || name == ".git" {
            continue;
        }
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to.join(name));
        } else {
            fs::copy(entry.path(), to.join(name)).unwrap();
        }
    }
}

#[test]
fn the_crate_compiles_from_a_document_that_types_its_answers_and_has_grown() {
    let mut document = typed_upstream();
    document["paths"]["/v1/robots"] = json!({"post": {
        "operationId": "make_robot_v1_robots_post",
        "requestBody": {"required": true, "content": {"application/json": {"schema": {
            "type": "object", "required": ["arms"],
            "properties": {"arms": {"type": "integer", "minimum": 1}, "at": {"type": "string", "format": "date-time"}},
        }}}},
        "responses": {"201": {"description": "d", "content": {"application/json": {"schema": {
            "type": "object", "properties": {"state": {"enum": ["idle", "in-use", "4wd"], "type": "string"}},
        }}}}},
    }});
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let overlay = fs::read(root.join("openapi/overlay.json")).unwrap();
    let derived = derive(document.to_string().as_bytes(), &overlay).unwrap();

    let target = root.join("target/trial");
    let tree = target.join("tree");
    let _ = fs::remove_dir_all(&tree);
    copy(&root, &tree);
    fs::write(tree.join("openapi/openapi.json"), derived.to_text()).unwrap();
    let cargo = Command::new(env!("CARGO"))
        .args(["check", "--quiet", "--locked", "--package", "gizmo-client"])
        .args(["--features", "httpmock"])
        .current_dir(&tree)
        .env("CARGO_TARGET_DIR", &target)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&cargo.stderr);
    assert!(cargo.status.success(), "{said}");
}
