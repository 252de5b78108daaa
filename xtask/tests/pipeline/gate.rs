//! Tests how `refresh-spec` handles breaking changes and redundant overlay actions.

use std::fs;

use serde_json::{Value, json};

use super::tree::{Tree, succeeds};

fn changed(tree: &Tree, change: impl FnOnce(&mut Value)) -> String {
    let mut document: Value = serde_json::from_str(&tree.text("upstream.json")).unwrap();
    change(&mut document);
    let path = tree.root.join("input.json");
    fs::write(&path, document.to_string()).unwrap();
    path.to_str().unwrap().to_owned()
}

fn require(document: &mut Value) {
    let body = &mut document["components"]["schemas"]["GenerateSceneBody"];
    body["properties"]["robot"] = json!({"type": "string"});
    body["required"]
        .as_array_mut()
        .unwrap()
        .push(json!("robot"));
}

#[test]
fn a_breaking_document_is_accepted_only_with_allow_breaking() {
    let tree = Tree::new();
    let path = changed(&tree, require);
    let reason = "the new document requires a major release; breaking on the network: 1, in Rust code \
                  only: 0; use `--allow-breaking` to accept it";
    tree.fails(&["--file", &path], 5, reason);
    tree.fails(&["--dry-run", "--file", &path], 5, reason);
    let before = tree.files();
    let shown = succeeds(&tree.run(&["--dry-run", "--allow-breaking", "--file", &path]));
    assert!(shown.contains("[new-required-request-property]"), "{shown}");
    assert!(tree.files() == before);
    succeeds(&tree.run(&["--allow-breaking", "--file", &path]));
    assert!(tree.files() != before);
    succeeds(&tree.run(&["--check"]));
}

#[test]
fn the_diff_is_printed_in_the_requested_format() {
    let tree = Tree::new();
    let path = changed(&tree, require);
    let arguments = |format| {
        [
            "--dry-run",
            "--allow-breaking",
            "--format",
            format,
            "--file",
        ]
    };
    let run = |format| {
        let mut arguments = arguments(format).to_vec();
        arguments.push(&path);
        succeeds(&tree.run(&arguments))
    };
    let json: Value = serde_json::from_str(&run("json")).unwrap();
    assert_eq!(json["class"], "major");
    assert!(run("markdown").starts_with("**requires a major release"));
}

#[test]
fn redundant_actions_are_reported_and_dropped_with_accept() {
    let tree = Tree::new();
    let path = changed(&tree, |document| {
        document["paths"]["/v1/usage"]["get"]["operationId"] = json!("usage");
        let response = &mut document["paths"]["/v1/whoami"]["get"]["responses"]["200"];
        response["content"]["application/json"]["schema"] =
            json!({"$ref": "#/components/schemas/WhoAmI"});
    });
    let derived = tree.text("openapi.json");
    let output = tree.run(&["--dry-run", "--file", &path]);
    let warnings = String::from_utf8(output.stderr).unwrap();
    let actions = |tree: &Tree| -> usize {
        let overlay: Value = serde_json::from_str(&tree.text("overlay.json")).unwrap();
        overlay["actions"].as_array().unwrap().len()
    };
    let before = actions(&tree);
    assert!(
        warnings.contains("upstream has made overlay actions redundant: "),
        "{warnings}"
    );
    let shown = succeeds(&tree.run(&["--accept", "--file", &path]));
    assert!(
        shown.contains("dropped overlay action") && shown.contains("$.paths['/v1/usage'].get"),
        "{shown}"
    );
    assert_eq!(
        actions(&tree),
        before - 3,
        "one name, and the removal and the type of one response"
    );
    assert_eq!(tree.text("openapi.json"), derived);
    let check = tree.run(&["--check"]);
    assert!(check.status.success());
    assert_eq!(String::from_utf8(check.stderr).unwrap(), "");
}

#[test]
fn accept_without_redundant_actions_changes_no_byte() {
    let tree = Tree::new();
    let before = tree.files();
    let path = tree.path("upstream.json");
    succeeds(&tree.run(&["--accept", "--file", path.to_str().unwrap()]));
    assert!(tree.files() == before);
}
