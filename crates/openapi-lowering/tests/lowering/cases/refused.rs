//! The documents that are refused, with the complete message.

use serde_json::{Value, json};

use crate::document::{returning, taking};

type Refusal = (Value, Value, &'static str);

pub(super) fn cases() -> Vec<Refusal> {
    [schemas(), parameters(), bodies(), names()]
        .into_iter()
        .flatten()
        .collect()
}

fn schemas() -> Vec<Refusal> {
    let subject = json!({"/fetch": returning(&json!({"$ref": "#/components/schemas/A"}))});
    let case = |schemas: Value, text| (subject.clone(), schemas, text);
    vec![
        case(
            json!({"A": {"$ref": "#/components/schemas/A"}}),
            "/components/schemas/A: the schema is defined as itself; remove or replace it in the overlay",
        ),
        case(
            json!({
                "A": {"allOf": [{"$ref": "#/components/schemas/B"}, {"type": "object"}]},
                "B": {"anyOf": [{"type": "string"}, {"$ref": "#/components/schemas/A"}]},
            }),
            "/components/schemas/A: the schema is defined as itself; remove or replace it in the overlay",
        ),
        case(
            json!({
                "A": {"type": "object", "properties": {"x": {"$ref": "#/components/schemas/a"}}},
                "a": {"type": "object", "properties": {"y": {"type": "string"}}},
            }),
            "/components/schemas/a: /components/schemas/A is also named A in Rust; remove or replace it in the \
             overlay",
        ),
        case(
            json!({
                "A": {"type": "object", "properties": {"x": {"$ref": "#/components/schemas/a"}}},
                "a": {"type": "string", "enum": ["y", "z"]},
            }),
            "/components/schemas/a: /components/schemas/A is also named A in Rust; remove or replace it in the \
             overlay",
        ),
    ]
}

fn parameters() -> Vec<Refusal> {
    let with = |path: &str, list: Value| {
        let mut item = returning(&json!({}));
        item["get"]["parameters"] = list;
        json!({path: item})
    };
    let text = json!({"type": "string"});
    let case = |path: &str, list: Value, expected| (with(path, list), json!({}), expected);
    vec![
        case(
            "/fetch",
            json!([{"name": "a", "in": "cookie", "required": true, "schema": text}]),
            "/paths/~1fetch/get/parameters/0: a cookie parameter is not supported, because the client \
             sends no cookies; remove or replace it in the overlay",
        ),
        case(
            "/fetch",
            json!([{"name": "a", "in": "query", "style": "deepObject", "required": true, "schema": {"type": "object"}}]),
            "/paths/~1fetch/get/parameters/0: a query parameter must have the style `form`; remove or \
             replace it in the overlay",
        ),
        case(
            "/fetch",
            json!([{"name": "a", "in": "query", "required": true, "schema": {"type": "object"}}]),
            "/paths/~1fetch/get/parameters/0: a parameter must be a string, a number, a boolean or, in a \
             query, a list of these; remove or replace it in the overlay",
        ),
        case(
            "/fetch",
            json!([{"name": "a", "in": "query", "required": true, "content": {"application/json": {"schema": text}}}]),
            "/paths/~1fetch/get/parameters/0: a parameter must have a schema; remove or replace it in the \
             overlay",
        ),
        case(
            "/fetch/{a-b}/{a_b}",
            json!([
                {"name": "a-b", "in": "path", "required": true, "schema": text},
                {"name": "a_b", "in": "path", "required": true, "schema": text},
            ]),
            "/paths/~1fetch~1{a-b}~1{a_b}/get/parameters/1: the operation has two parameters that are both \
             named a_b in Rust; remove or replace it in the overlay",
        ),
        case(
            "/fetch/{client}",
            json!([{"name": "client", "in": "path", "required": true, "schema": text}]),
            "/paths/~1fetch~1{client}/get/parameters/0: the generated builder already has a `client`; remove \
             or replace it in the overlay",
        ),
        case(
            "/fetch/{it}",
            json!([]),
            "/paths/~1fetch~1{it}/get: the placeholder {it} of the path has no parameter; remove or \
             replace it in the overlay",
        ),
        case(
            "/fetch",
            json!([{"name": "it", "in": "path", "required": true, "schema": text}]),
            "/paths/~1fetch/get/parameters/0: the path has no placeholder for this parameter; remove or \
             replace it in the overlay",
        ),
        case(
            "/fetch/{it}",
            json!([{"name": "it", "in": "path", "schema": text}]),
            "/paths/~1fetch~1{it}/get/parameters/0: a path parameter must be required; remove or replace \
             it in the overlay",
        ),
    ]
}

fn bodies() -> Vec<Refusal> {
    let case = |content: Value, expected| {
        let mut item = taking(&json!({}));
        item["post"]["requestBody"]["content"] = content;
        (json!({"/submit": item}), json!({}), expected)
    };
    vec![
        case(
            json!({"application/x-www-form-urlencoded": {}}),
            "/paths/~1submit/post/requestBody/content: a request body must have a schema; remove or \
             replace it in the overlay",
        ),
        case(
            json!({"application/json": {"schema": {"type": "object"}, "encoding": {"a": {"contentType": "image/png"}}}}),
            "/paths/~1submit/post/requestBody/content: a request body with an `encoding` is not supported; \
             remove or replace it in the overlay",
        ),
    ]
}

fn names() -> Vec<Refusal> {
    let named = |name: &str| {
        let mut item = returning(&json!({}));
        item["get"]["operationId"] = json!(name);
        item
    };
    vec![
        (
            json!({"/a/{b": named("fetch")}),
            json!({}),
            "/paths/~1a~1{b/get: the placeholder {b} of the path has no parameter; remove or replace it in \
             the overlay",
        ),
        (
            json!({"/a}": named("fetch")}),
            json!({}),
            "/paths/~1a}: the braces of the path do not match; remove or replace it in the overlay",
        ),
        (
            json!({"a": named("fetch")}),
            json!({}),
            "/paths/a: a path must start with a slash; remove or replace it in the overlay",
        ),
        (
            json!({"/a": {"$ref": "#/components/pathItems/Gone"}}),
            json!({}),
            "/paths/~1a: #/components/pathItems/Gone is not in the document; remove or replace it in the overlay",
        ),
    ]
}
