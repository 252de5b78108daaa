//! Tests that the overlay fits other documents that the service could serve.

use serde_json::{Value, json};

use crate::tree::{Tree, succeeds};

/// Refreshes from the upstream document after `change`, and returns the derived document.
fn refreshed(change: impl Fn(&mut Value)) -> Value {
    let tree = Tree::new();
    let mut document: Value = serde_json::from_str(&tree.text("upstream.json")).unwrap();
    change(&mut document);
    let path = tree.root.join("input.json");
    std::fs::write(&path, document.to_string()).unwrap();
    succeeds(&tree.run(&["--allow-breaking", "--file", path.to_str().unwrap()]));
    succeeds(&tree.run(&["--check"]));
    serde_json::from_str(&tree.text("openapi.json")).unwrap()
}

fn operations(document: &mut Value) -> impl Iterator<Item = &mut Value> {
    let paths = document["paths"].as_object_mut().unwrap().values_mut();
    paths.flat_map(|item| item.as_object_mut().unwrap().values_mut())
}

/// Returns the ids of the operations with the schemas of their successes.
fn shape(document: &Value) -> Vec<(String, String)> {
    let mut document = document.clone();
    let mut shape: Vec<(String, String)> = operations(&mut document)
        .map(|operation| {
            let responses = operation["responses"].as_object().unwrap();
            let success = responses.iter().find(|(status, _)| status.starts_with('2'));
            let content = &success.unwrap().1["content"];
            (
                operation["operationId"].as_str().unwrap().to_owned(),
                content.to_string(),
            )
        })
        .collect();
    shape.sort();
    shape
}

/// A change of the upstream document.
type Change = fn(&mut Value);

#[test]
fn the_overlay_fits_documents_that_differ_in_what_the_service_may_change() {
    let usual = shape(&refreshed(|_| {}));
    assert!(usual.len() >= 21);
    let changes: [(&str, Change); 5] = [
        ("no credential headers", |document| {
            for operation in operations(document) {
                if let Some(parameters) = operation["parameters"].as_array_mut() {
                    parameters.retain(|parameter| parameter["in"] != "header");
                }
            }
        }),
        ("other operation ids", |document| {
            for (number, operation) in operations(document).enumerate() {
                operation["operationId"] = json!(format!("handler_{number}"));
            }
        }),
        ("no operation ids", |document| {
            for operation in operations(document) {
                operation.as_object_mut().unwrap().remove("operationId");
            }
        }),
        ("problem details", |document| {
            document["components"]["schemas"]["Problem"] =
                json!({"type": "object", "properties": {"title": {"type": "string"}}});
            let problem = json!({"description": "d", "content": {
                "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}
            }});
            for operation in operations(document) {
                operation["responses"]["422"] = problem.clone();
                operation["responses"]["default"] = problem.clone();
            }
        }),
        ("other success statuses", |document| {
            for operation in operations(document) {
                let responses = operation["responses"].as_object_mut().unwrap();
                for (from, to) in [("202", "200"), ("200", "201")] {
                    if let Some(response) = responses.remove(from) {
                        responses.insert(to.to_owned(), response);
                        break;
                    }
                }
            }
        }),
    ];
    for (name, change) in changes {
        assert_eq!(shape(&refreshed(change)), usual, "{name}");
    }
}

#[test]
fn an_operation_with_the_name_of_a_handwritten_method_gets_another() {
    let tree = Tree::new();
    std::fs::create_dir_all(tree.root.join("src/ext")).unwrap();
    let code = "impl Client { pub fn fetch_file(&self) {} }";
    std::fs::write(tree.root.join("src/ext/client.rs"), code).unwrap();
    let mut document: Value = serde_json::from_str(&tree.text("upstream.json")).unwrap();
    document["paths"]["/v1/files"] = json!({"get": {
        "operationId": "fetch_file",
        "responses": {"204": {"description": "d"}},
    }});
    let path = tree.root.join("input.json");
    std::fs::write(&path, document.to_string()).unwrap();
    succeeds(&tree.run(&["--file", path.to_str().unwrap()]));
    let derived: Value = serde_json::from_str(&tree.text("openapi.json")).unwrap();
    assert_eq!(
        derived["paths"]["/v1/files"]["get"]["operationId"],
        "get_v1_files"
    );
}
