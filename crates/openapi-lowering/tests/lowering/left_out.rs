//! Tests that an operation which nothing can lower is left out of the client, and nothing else is.

use openapi_lowering::{Document, Lowered, Lowering, Progenitor, Result};
use serde_json::{Value, json};

use crate::document::{document, returning, taking};

/// Returns an operation with a request body that the generator does not support.
fn unsupported() -> Value {
    let mut item = taking(&json!({"type": "object"}));
    item["post"]["requestBody"]["content"] = json!({"application/x-www-form-urlencoded": {}});
    item
}

fn derived(paths: &Value, schemas: &Value, actions: &Value) -> Result<Lowered> {
    let overlay = json!({"overlay": "1.0.0", "actions": actions});
    let document = Document::from(document(paths, schemas));
    Lowering::new(&Progenitor)
        .overlay(&overlay)
        .lower(&document)
}

/// Returns pointer and reason of all that is left out.
fn left_out(paths: &Value, schemas: &Value) -> Vec<(String, String)> {
    let derived = derived(paths, schemas, &json!([])).unwrap();
    let found = derived.left_out.into_iter();
    found.map(|found| (found.pointer, found.reason)).collect()
}

fn pair(pointer: &str, reason: &str) -> (String, String) {
    (pointer.to_owned(), reason.to_owned())
}

#[test]
fn the_rest_is_derived_as_if_the_operation_had_never_been_there() {
    let fetch = returning(&json!({"type": "string", "enum": ["a", "b"]}));
    let all = json!({"/fetch": fetch, "/submit": unsupported()});
    let rest = derived(&json!({"/fetch": fetch}), &json!({}), &json!([])).unwrap();
    let all = derived(&all, &json!({}), &json!([])).unwrap();
    assert_eq!(all.document, rest.document);
    assert_eq!(all.code.client(), rest.code.client());
    assert_eq!(all.left_out.len(), 1);
    assert_eq!(all.left_out[0].operation_id.as_deref(), Some("submit"));
    assert_eq!(
        all.ledger.to_text().lines().nth(1).unwrap(),
        r#"  {"rule":"left-out","pointer":"/paths/~1submit/post","lossy":true,"reason":"/paths/~1submit/post/requestBody/content: a request body must have a schema"},"#
    );
}

#[test]
fn a_component_takes_with_it_only_the_operations_that_refer_to_it() {
    let refer = |name: &str| json!({"$ref": format!("#/components/schemas/{name}")});
    let schemas = json!({
        "Loop": {"allOf": [refer("Loop")]},
        "Inner": {"type": "object", "properties": {"it": refer("Loop")}},
        "Fine": {"type": "object"},
    });
    let mut submit = taking(&refer("Loop"));
    submit["post"]["operationId"] = json!("submit_loop");
    let paths = json!({
        "/inner": returning(&refer("Inner")),
        "/fine": {"get": {"operationId": "fine", "responses": returning(&refer("Fine"))["get"]["responses"]}},
        "/submit": submit,
    });
    let reason = "/components/schemas/Loop: the schema is defined as itself";
    assert_eq!(
        left_out(&paths, &schemas),
        [
            pair("/paths/~1inner/get", reason),
            pair("/paths/~1submit/post", reason),
        ]
    );
}

#[test]
fn a_component_that_no_operation_uses_leaves_nothing_out() {
    let paths = json!({"/fetch": returning(&json!({}))});
    let schemas = json!({"Loop": {"allOf": [{"$ref": "#/components/schemas/Loop"}]}});
    assert_eq!(left_out(&paths, &schemas), []);
}

#[test]
fn a_path_item_without_a_target_is_left_out() {
    let paths =
        json!({"/a": {"$ref": "#/components/pathItems/Gone"}, "/fetch": returning(&json!({}))});
    assert_eq!(
        left_out(&paths, &json!({})),
        [pair(
            "/paths/~1a",
            "#/components/pathItems/Gone is not in the document"
        )]
    );
}

#[test]
fn an_operation_that_the_overlay_names_is_not_left_out() {
    let paths = json!({"/submit": unsupported(), "/fetch": returning(&json!({}))});
    let action = |target: &str| json!([{"target": target, "update": {"summary": "s"}}]);
    let error = derived(&paths, &json!({}), &action("$.paths['/submit'].post")).unwrap_err();
    assert_eq!(
        error.to_string(),
        "/paths/~1submit/post: /paths/~1submit/post/requestBody/content: a request body must \
         have a schema; overlay action 0 needs this operation"
    );
    assert!(derived(&paths, &json!({}), &action("$.paths.*.*")).is_ok());
}
