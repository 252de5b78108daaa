//! Tests that a refresh reports what is left out of the client.

use std::fs;

use serde_json::{Value, json};

use crate::{
    document::taking,
    tree::{Tree, succeeds},
};

/// Returns an operation with a request body that the generator does not support.
fn unsupported() -> Value {
    let mut item = taking(&json!({"type": "object"}));
    item["post"]["requestBody"]["content"] = json!({"application/x-www-form-urlencoded": {}});
    item
}

/// Adds an operation that is left out to the document of a tree, and returns the path of the result.
fn with_unsupported(tree: &Tree) -> String {
    let mut document: Value = serde_json::from_str(&tree.text("upstream.json")).unwrap();
    document["paths"]["/v1/import"] = unsupported();
    let path = tree.root.join("input.json");
    fs::write(&path, document.to_string()).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn the_refresh_reports_what_is_left_out() {
    let tree = Tree::new();
    let path = with_unsupported(&tree);
    let output = tree.run(&["--file", &path]);
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        stderr.contains("left out: /paths/~1v1~1import/post: "),
        "{stderr}"
    );
    let shown = succeeds(&output);
    assert!(shown.contains("operations and 1 left out"), "{shown}");
    assert!(!tree.text("openapi.json").contains("/v1/import"));
    assert!(tree.text("ledger.json").contains("left-out"));
    succeeds(&tree.run(&["--check"]));
}

#[test]
fn an_operation_that_the_handwritten_layer_calls_is_not_left_out() {
    let tree = Tree::new();
    let path = with_unsupported(&tree);
    fs::create_dir_all(tree.root.join("src/ext")).unwrap();
    fs::write(
        tree.root.join("src/ext/import.rs"),
        "client.submit().send()",
    )
    .unwrap();
    tree.fails(
        &["--file", &path],
        1,
        "src/ext/import.rs needs this operation",
    );
}
