//! Tests the rules that give each operation one success response, one error, one body and one name.

use openapi_lowering::{Dialect, lower};
use serde_json::{Value, json};

use crate::document::{document, lowered, refused, returning};

/// Returns the responses of one operation after lowering, without the error responses.
fn successes(responses: &Value) -> Value {
    let paths = json!({"/fetch": {"get": {"operationId": "fetch", "responses": responses}}});
    let mut result = lowered(document(&paths, &json!({})));
    let responses = result["paths"]["/fetch"]["get"]["responses"]
        .as_object_mut()
        .unwrap();
    for range in ["4XX", "5XX"] {
        let error = responses.shift_remove(range).unwrap();
        assert_eq!(
            error["content"]["application/json"]["schema"],
            json!({"$ref": "#/components/schemas/ErrorResponse"})
        );
    }
    json!(responses)
}

fn body(content: &Value) -> Value {
    json!({"description": "d", "content": content})
}

#[test]
fn the_richest_of_several_success_responses_is_kept() {
    let typed =
        body(&json!({"application/json": {"schema": {"type": "object", "properties": {"a": {}}}}}));
    let empty = json!({"description": "d"});
    assert_eq!(
        successes(&json!({"204": empty, "200": typed})),
        json!({"200": typed})
    );
    assert_eq!(
        successes(&json!({"200": typed, "201": typed})),
        json!({"200": typed}),
        "the first of equally rich responses"
    );
    assert_eq!(
        successes(&json!({"200": typed, "default": empty, "301": empty})),
        json!({"200": typed})
    );
}

#[test]
fn a_default_without_success_responses_is_the_success_response() {
    let typed =
        body(&json!({"application/json": {"schema": {"type": "object", "properties": {"a": {}}}}}));
    assert_eq!(
        successes(&json!({"default": typed, "404": typed})),
        json!({"2XX": typed})
    );
}

#[test]
fn the_richest_of_several_contents_is_kept() {
    let zip = json!({"schema": {"type": "string", "format": "binary"}});
    let untyped = json!({"schema": {}});
    let typed = json!({"schema": {"type": "object", "properties": {"a": {}}}});
    let text = json!({"schema": {"type": "string"}});
    for (content, expected) in [
        (
            json!({"application/json": untyped, "application/zip": zip}),
            "application/zip",
        ),
        (
            json!({"application/json": typed, "application/zip": zip}),
            "application/zip",
        ),
        (
            json!({"application/json": untyped, "text/event-stream": text}),
            "text/event-stream",
        ),
        (
            json!({"application/json": typed, "text/html": text}),
            "application/json",
        ),
        (
            json!({"application/json": untyped, "text/csv": text}),
            "text/csv",
        ),
    ] {
        let responses = successes(&json!({"200": body(&content)}));
        let media_types: Vec<&String> = responses["200"]["content"]
            .as_object()
            .unwrap()
            .keys()
            .collect();
        assert_eq!(media_types, [expected], "{content}");
    }
}

#[test]
fn json_without_a_schema_gets_the_empty_schema() {
    let responses = successes(&json!({"200": body(&json!({"application/json": {"example": 1}}))}));
    assert_eq!(
        responses["200"]["content"]["application/json"]["schema"],
        json!({})
    );
}

#[test]
fn an_operation_without_responses_gets_error_responses() {
    assert_eq!(successes(&json!({})), json!({}));
    let paths = json!({"/fetch": {"get": {"operationId": "fetch"}}});
    let result = lowered(document(&paths, &json!({})));
    assert!(result["paths"]["/fetch"]["get"]["responses"]["5XX"].is_object());
}

#[test]
fn every_error_becomes_the_documented_error_response() {
    let mut item = returning(&json!({}));
    let error = |name: &str| {
        body(
            &json!({"application/json": {"schema": {"$ref": format!("#/components/schemas/{name}")}}}),
        )
    };
    item["get"]["responses"]["404"] = error("ErrorResponse");
    item["get"]["responses"]["422"] = error("HTTPValidationError");
    item["get"]["responses"]["default"] = error("HTTPValidationError");
    let schemas = json!({
        "ErrorResponse": {"type": "object", "properties": {"theirs": {"type": "string"}}},
        "HTTPValidationError": {"type": "object", "properties": {"detail": {"$ref": "#/components/schemas/Detail"}}},
        "Detail": {"type": "object"},
    });
    let result = lowered(document(&json!({"/fetch": item}), &schemas));
    let statuses: Vec<&String> = result["paths"]["/fetch"]["get"]["responses"]
        .as_object()
        .unwrap()
        .keys()
        .collect();
    assert_eq!(statuses, ["200", "4XX", "5XX"]);
    let schemas = result["components"]["schemas"].as_object().unwrap();
    assert_eq!(schemas.keys().collect::<Vec<_>>(), ["ErrorResponse"]);
    assert!(schemas["ErrorResponse"]["properties"]["theirs"].is_object());
}

#[test]
fn a_document_without_an_error_response_gets_a_lenient_one() {
    let result = lowered(document(
        &json!({"/fetch": returning(&json!({}))}),
        &json!({}),
    ));
    let schema = &result["components"]["schemas"]["ErrorResponse"];
    assert_eq!(
        schema["properties"]["error"]["properties"]["code"],
        json!({"type": "string"})
    );
    assert!(schema.get("required").is_none());
}

fn named(paths: &Value) -> Vec<String> {
    let result = lowered(document(paths, &json!({})));
    let empty = serde_json::Map::new();
    result["paths"]
        .as_object()
        .unwrap()
        .values()
        .flat_map(|item| item.as_object().unwrap_or(&empty).values())
        .filter_map(|operation| operation["operationId"].as_str())
        .map(str::to_owned)
        .collect()
}

fn operation(id: Option<&str>) -> Value {
    let mut operation = json!({"responses": {"200": {"description": "d"}}});
    if let Some(id) = id {
        operation["operationId"] = json!(id);
    }
    operation
}

#[test]
fn an_operation_has_a_short_and_stable_name() {
    let id =
        json!([{"name": "scene_id", "in": "path", "required": true, "schema": {"type": "string"}}]);
    for (path, operation_id, expected) in [
        (
            "/v1/scenes",
            Some("list_scenes_v1_scenes_get"),
            "list_scenes",
        ),
        (
            "/v1/scenes/{scene_id}",
            Some("get_scene_v1_scenes__scene_id__get"),
            "get_scene",
        ),
        ("/v1/scenes", Some("listScenes"), "listScenes"),
        ("/v1/scenes", Some("_v1_scenes_get"), "_v1_scenes_get"),
        ("/v1/scenes/{scene_id}", None, "get_v1_scenes_scene_id"),
    ] {
        let mut operation = operation(operation_id);
        if path.contains('{') {
            operation["parameters"] = id.clone();
        }
        assert_eq!(named(&json!({path: {"get": operation}})), [expected]);
    }
}

#[test]
fn operations_with_the_same_short_name_keep_their_long_names() {
    let paths = json!({
        "/a": {"get": operation(Some("read_a_get"))},
        "/b": {"get": operation(Some("read_b_get"))},
    });
    assert_eq!(named(&paths), ["read_a_get", "read_b_get"]);
}

#[test]
fn an_operation_whose_id_is_taken_is_named_after_its_method_and_path_or_numbered() {
    for (first, second, expected) in [
        ("readIt", "read_it", ["readIt", "get_b"]),
        ("new", "other", ["get_a", "other"]),
        ("post", "exec", ["get_a", "get_b"]),
        ("get_b", "getB", ["get_b", "getB_2"]),
    ] {
        let paths = json!({
            "/a": {"get": operation(Some(first))},
            "/b": {"get": operation(Some(second))},
        });
        let mut document = document(&paths, &json!({}));
        lower(&mut document, Dialect::Plain).unwrap();
        let name = |path: &str| document["paths"][path]["get"]["operationId"].clone();
        assert_eq!([name("/a"), name("/b")], expected);
    }
}

#[test]
fn an_operation_of_the_root_whose_id_is_taken_is_numbered() {
    let mut document = document(&json!({"/": {"post": operation(None)}}), &json!({}));
    lower(&mut document, Dialect::Plain).unwrap();
    assert_eq!(document["paths"]["/"]["post"]["operationId"], "post_2");
}

#[test]
fn json_is_kept_of_several_request_media_types() {
    let schema = json!({"schema": {"type": "object", "properties": {"a": {"type": "string"}}}});
    let mut operation = operation(Some("submit"));
    operation["requestBody"] =
        body(&json!({"multipart/form-data": schema, "application/json": schema}));
    let result = lowered(document(
        &json!({"/submit": {"post": operation}}),
        &json!({}),
    ));
    let content = &result["paths"]["/submit"]["post"]["requestBody"]["content"];
    assert_eq!(*content, json!({"application/json": schema}));
}

#[test]
fn shared_parameters_responses_and_bodies_are_copied_to_their_uses() {
    let mut subject = document(
        &json!({"/submit": {
            "parameters": [{"$ref": "#/components/parameters/Page"}],
            "post": {
                "operationId": "submit",
                "requestBody": {"$ref": "#/components/requestBodies/Order"},
                "responses": {"200": {"$ref": "#/components/responses/Done"}},
            },
        }}),
        &json!({}),
    );
    subject["components"]["parameters"] =
        json!({"Page": {"name": "page", "in": "query", "schema": {"type": ["integer", "null"]}}});
    subject["components"]["requestBodies"] =
        json!({"Order": body(&json!({"application/json": {"schema": {"const": "x"}}}))});
    subject["components"]["responses"] = json!({"Done": body(&json!({"application/json": {"schema": {"type": ["string", "null"]}}}))});
    let result = lowered(subject);
    let item = &result["paths"]["/submit"];
    assert_eq!(
        item["parameters"][0]["schema"],
        json!({"type": "integer"}),
        "a null cannot be sent"
    );
    assert_eq!(
        item["post"]["requestBody"]["content"]["application/json"]["schema"],
        json!({"enum": ["x"], "type": "string"})
    );
    assert_eq!(
        item["post"]["responses"]["200"]["content"]["application/json"]["schema"],
        json!({"type": "string", "nullable": true})
    );
    assert_eq!(
        result["components"]
            .as_object()
            .unwrap()
            .keys()
            .collect::<Vec<_>>(),
        ["schemas"]
    );
}

#[test]
fn a_cycle_of_references_is_refused() {
    let mut subject = document(
        &json!({"/a": {"get": {"operationId": "a", "parameters": [{"$ref": "#/components/parameters/A"}]}}}),
        &json!({}),
    );
    subject["components"]["parameters"] = json!({"A": {"$ref": "#/components/parameters/A"}});
    assert!(refused(subject).contains("leads back to itself"));
}

/// Returns the operation that takes a body of these media types, after lowering.
fn sending(content: &Value, parameters: &Value) -> Value {
    let body = json!({"description": "A mesh.", "content": content});
    let schemas = json!({"Upload": {"type": "object", "required": ["file"], "properties": {
        "file": {"type": "string", "contentMediaType": "application/octet-stream"},
        "name": {"type": "string"},
    }}});
    let paths = json!({"/submit": {"post": {
        "operationId": "submit", "requestBody": body, "parameters": parameters,
        "responses": {"204": {"description": "d"}},
    }}});
    lowered(document(&paths, &schemas))["paths"]["/submit"]["post"].clone()
}

#[test]
fn a_form_with_files_is_sent_as_bytes_with_the_media_type_of_the_caller() {
    let form = json!({"schema": {"$ref": "#/components/schemas/Upload"}});
    let ignored = json!([{"name": "content-type", "in": "header", "schema": {"type": "string"}}]);
    let operation = sending(&json!({"multipart/form-data": form}), &ignored);
    assert_eq!(
        operation["requestBody"],
        json!({
            "description": "A mesh. Its fields: `file` (required), `name`.",
            "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
            "required": true,
        })
    );
    assert_eq!(
        operation["parameters"],
        json!([{
            "name": "Content-Type",
            "in": "header",
            "required": true,
            "description": "The media type of the body: `multipart/form-data`, with its boundary.",
            "schema": {"type": "string"},
        }])
    );
}

#[test]
fn of_several_media_types_the_first_supported_one_is_kept() {
    for (content, expected) in [
        (
            json!({"application/xml": {}, "text/plain": {}, "application/octet-stream": {}}),
            "text/plain",
        ),
        (
            json!({"multipart/form-data": {}, "application/x-www-form-urlencoded": {"schema": {}}}),
            "application/x-www-form-urlencoded",
        ),
        (
            json!({"application/xml": {}, "image/png": {}}),
            "application/octet-stream",
        ),
    ] {
        let operation = sending(&content, &json!([]));
        let kept = operation["requestBody"]["content"].as_object().unwrap();
        assert_eq!(kept.keys().collect::<Vec<_>>(), [expected], "{content}");
    }
}

#[test]
fn an_operation_whose_short_name_is_reserved_keeps_the_long_one() {
    let mut item = returning(&json!({}));
    item["get"]["operationId"] = json!("new_robots_get");
    let result = lowered(document(&json!({"/robots": item}), &json!({})));
    assert_eq!(
        result["paths"]["/robots"]["get"]["operationId"],
        "new_robots_get"
    );
}
