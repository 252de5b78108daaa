//! The documents that give code that compiles.

use serde_json::{Value, json};

use crate::document::{returning, taking};

use super::Case;

fn component(name: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{name}")})
}

/// Returns a document that receives and sends `Subject`.
fn both(rule: &'static str, subject: &Value) -> Case {
    with(rule, subject, &json!({}))
}

/// Returns a document that receives and sends `Subject` and also has `others`.
fn with(rule: &'static str, subject: &Value, others: &Value) -> Case {
    let mut schemas = others.clone();
    schemas["Subject"] = subject.clone();
    let mut item = returning(&component("Subject"));
    item["post"] = taking(&component("Subject"))["post"].clone();
    Case {
        rule,
        paths: json!({"/subject": item}),
        schemas,
    }
}

/// Returns a document that receives and sends an object with one property.
fn property(rule: &'static str, schema: &Value) -> Case {
    both(
        rule,
        &json!({"type": "object", "properties": {"it": schema}}),
    )
}

/// Returns a document with one operation, modified by `change`.
fn operation(rule: &'static str, change: impl FnOnce(&mut Value)) -> Case {
    let mut item = returning(&json!({"type": "object"}));
    change(&mut item["get"]);
    Case {
        rule,
        paths: json!({"/fetch": item}),
        schemas: json!({}),
    }
}

/// Returns a document with one operation that has these parameters.
fn parameters(rule: &'static str, list: &Value) -> Case {
    operation(rule, |get| get["parameters"] = list.clone())
}

/// Returns a document with one operation that sends a body with this content.
fn body(rule: &'static str, content: &Value) -> Case {
    operation(rule, |get| get["requestBody"] = json!({"content": content}))
}

pub(super) fn cases() -> Vec<Case> {
    [
        types(),
        keywords(),
        unions(),
        bodies(),
        requests(),
        responses(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn types() -> Vec<Case> {
    vec![
        property("nullable", &json!({"type": ["string", "integer", "null"]})),
        property(
            "nullable",
            &json!({"type": ["array", "object", "boolean"], "items": {"type": "string"}}),
        ),
        with(
            "nullable",
            &json!({"type": "object", "required": ["it"], "properties": {"it": {"anyOf": [component("Other"), {"type": "null"}]}}}),
            &json!({"Other": {"type": "object", "properties": {"a": {"type": "string"}}}}),
        ),
        with(
            "nullable-component",
            &json!({"type": "object", "properties": {"it": component("Mood")}}),
            &json!({"Mood": {"type": ["string", "null"], "enum": ["good", "bad", null]}}),
        ),
        property("const", &json!({"const": false})),
        property("const", &json!({"const": 0})),
        property("const", &json!({"const": ""})),
        property("boolean-schema", &json!(true)),
        both(
            "boolean-schema",
            &json!({"type": "object", "properties": {"gone": false, "kept": {"type": "string"}}}),
        ),
        property(
            "prefix-items",
            &json!({"type": "array", "prefixItems": [{"type": "string"}, {"type": "integer"}]}),
        ),
        property(
            "prefix-items",
            &json!({"type": "array", "prefixItems": [{"type": "number"}, {"type": "number"}, {"type": "number"}], "items": false}),
        ),
        property(
            "pattern-properties",
            &json!({"type": "object", "patternProperties": {"^x": {"type": "integer"}}, "additionalProperties": false}),
        ),
        property(
            "content-encoding",
            &json!({"type": "string", "contentEncoding": "base64"}),
        ),
        property("format", &json!({"type": "string", "format": "uuid"})),
        property(
            "unsigned-integer",
            &json!({"type": "integer", "minimum": 1}),
        ),
        property(
            "exclusive-bounds",
            &json!({"type": "number", "exclusiveMinimum": 0}),
        ),
        // Components with the names of types in Rust's prelude.
        with(
            "title",
            &json!({"type": "object", "title": "A title", "properties": {
                "a": component("Option"), "b": component("String"), "c": component("Error"), "d": component("Vec"),
            }}),
            &json!({
                "Option": {"type": "object", "properties": {"x": {"type": "string"}}},
                "String": {"type": "object", "properties": {"x": {"type": ["string", "null"]}}},
                "Error": {"type": "object", "properties": {"x": {"type": "array", "items": {"type": "string"}}}},
                "Vec": {"type": "object", "required": ["x"], "properties": {"x": {"type": "integer"}}},
            }),
        ),
    ]
}

fn keywords() -> Vec<Case> {
    vec![
        both(
            "definitions",
            &json!({
                "type": "object",
                "properties": {"tree": {"$ref": "#/$defs/Tree"}},
                "$defs": {"Tree": {"type": "object", "properties": {
                    "left": {"$ref": "#/$defs/Tree"},
                    "leaf": {"$ref": "#/$defs/Leaf"},
                }, "$defs": {"Leaf": {"type": "object", "properties": {"value": {"type": "number"}}}}}, "Leaf": {"type": "string"}},
            }),
        ),
        both(
            "dropped-keyword",
            &json!({"type": "object", "$comment": "c", "properties": {"a": {"type": "string"}}, "if": {"required": ["a"]}, "then": true}),
        ),
        property(
            "unknown-keyword",
            &json!({"type": "string", "placeholder": "a", "maxLenght": 9}),
        ),
        property("dropped-keyword", &json!({"not": {"type": "string"}})),
        with(
            "schema-pointer",
            &json!({"type": "object", "properties": {
                "it": {"$ref": "#/components/schemas/Other/properties/part"},
                "next": {"$recursiveRef": "#"},
            }}),
            &json!({"Other": {"type": "object", "properties": {
                "part": {"type": "object", "properties": {"up": {"$ref": "#/components/schemas/Other/properties/part"}}},
            }}}),
        ),
        both(
            "dangling-reference",
            &json!({"type": "object", "properties": {"it": {"$ref": "other.json#/A"}}}),
        ),
        property(
            "examples",
            &json!({"type": "string", "examples": ["a", "b"]}),
        ),
        property(
            "limit",
            &json!({"type": "array", "items": {"type": "string", "pattern": "^a$"}, "uniqueItems": true, "minItems": 1}),
        ),
        property(
            "request-default",
            &json!({"type": "boolean", "default": true}),
        ),
        with(
            "ref-siblings",
            &json!({"type": "object", "properties": {"it": {"$ref": "#/components/schemas/Other", "description": "d"}}}),
            &json!({"Other": {"type": "object", "properties": {"a": {"type": "string"}}}}),
        ),
        with(
            "plain-reference",
            &json!({"type": "object", "properties": {"it": {"allOf": [component("Other")]}}}),
            &json!({"Other": {"type": "object", "properties": {"a": {"type": "string"}}}}),
        ),
        // `allOf` with siblings.
        with(
            "title",
            &json!({"allOf": [component("Base")], "title": "Subject", "type": "object", "required": ["more"], "properties": {"more": {"type": "string"}}}),
            &json!({"Base": {"type": "object", "properties": {"a": {"type": "string"}}}}),
        ),
        // Properties with the names of schema keywords and of Rust keywords.
        both(
            "title",
            &json!({"type": "object", "title": "Subject again", "properties": {
                "const": {"type": "string"}, "enum": {"type": "string"}, "$ref": {"type": "string"},
                "type": {"type": "string"}, "items": {"type": "array", "items": {"type": "string"}},
                "properties": {"type": "object"}, "self": {"type": "string"}, "2d": {"type": "string"},
                "examples": {"type": "object", "properties": {"nullable": {"type": "boolean"}}},
            }}),
        ),
        // A component that contains itself.
        both(
            "open-object",
            &json!({"type": "object", "additionalProperties": false, "properties": {
                "next": component("Subject"),
                "children": {"type": "array", "items": component("Subject")},
            }}),
        ),
        with(
            "unused-component",
            &json!({"type": "object"}),
            &json!({"Unused": {"type": "string"}}),
        ),
        // The tags are copied into their variants.
        with(
            "prune",
            &json!({"oneOf": [
                {"type": "object", "required": ["kind"], "properties": {"kind": component("First")}},
                {"type": "object", "required": ["kind"], "properties": {"kind": component("Second")}},
            ]}),
            &json!({
                "First": {"type": "string", "enum": ["a", "b"]},
                "Second": {"type": "string", "enum": ["c", "d"]},
            }),
        ),
    ]
}

fn unions() -> Vec<Case> {
    let variant = |tag: &str| json!({"type": "object", "required": ["kind"], "properties": {"kind": {"const": tag}, tag: {"type": "number"}}});
    vec![
        with(
            "const",
            &json!({
                "oneOf": [component("Circle"), component("Square")],
                "discriminator": {"propertyName": "kind", "mapping": {"circle": "#/components/schemas/Circle"}},
            }),
            &json!({"Circle": variant("circle"), "Square": variant("square")}),
        ),
        property(
            "const",
            &json!({"anyOf": [variant("a"), variant("b"), {"type": "null"}]}),
        ),
        with(
            "union-tag",
            &json!({"oneOf": [
                {"type": "object", "required": ["kind"], "properties": {"kind": component("RoundKind"), "radius": {"type": "number"}}},
                {"type": "object", "required": ["kind"], "properties": {"kind": component("FlatKind"), "side": {"type": "number"}}},
            ]}),
            &json!({
                "RoundKind": {"type": "string", "enum": ["circle", "ellipse"]},
                "FlatKind": {"type": "string", "enum": ["square"]},
            }),
        ),
        property(
            "first-fit",
            &json!({"anyOf": [
                {"type": "string"},
                {"type": "object", "properties": {"a": {"type": "string"}}},
                {"type": "object", "required": ["a"], "properties": {"a": {"type": "string"}}},
                {"type": "string", "description": "the first again"},
            ]}),
        ),
        property(
            "anything",
            &json!({"anyOf": [{"type": "boolean"}, {"description": "anything"}]}),
        ),
        property(
            "literal-union",
            &json!({"anyOf": [{"const": "small"}, {"const": "large"}, {"type": "null"}]}),
        ),
        property(
            "named-enum",
            &json!({"type": "string", "enum": ["a", "b-c", "4wd", "", "A"]}),
        ),
        property("open-enum", &json!({"type": "string", "enum": ["only"]})),
        // Names that Rust writes otherwise, and more values than a recursive macro accepts.
        with(
            "open-enum",
            &json!({"type": "object", "properties": {
                "a": component("job_status"), "b": component("ITEM-Output_Mode"), "c": component("Page[str]_Order"),
                "d": component("self"), "e": component("2d"), "f": {"allOf": [component("Job.Kind")], "description": "d"},
            }}),
            &json!({
                "job_status": {"type": "string", "enum": ["queued", "running"]},
                "ITEM-Output_Mode": {"type": "string", "enum": ["a", "b"]},
                "Page[str]_Order": {"type": "string", "enum": ["up", "down"]},
                "self": {"type": "string", "enum": ["x", "y"]},
                "2d": {"type": "string", "enum": ["flat", "round"]},
                "Job.Kind": {"type": "string", "enum": (0..150).map(|number| format!("kind{number}")).collect::<Vec<_>>()},
            }),
        ),
        // The name of the enum would be that of the tag.
        with(
            "named-enum",
            &json!({"oneOf": [component("Payment"), component("Refund")]}),
            &json!({
                "Payment": {"type": "object", "required": ["type", "payment_type"], "properties": {
                    "type": {"const": "payment"}, "payment_type": {"type": "string", "enum": ["card", "bank"]},
                }},
                "Refund": {"type": "object", "required": ["type"], "properties": {"type": {"const": "refund"}}},
            }),
        ),
        Case {
            rule: "open-enum",
            paths: json!({"/submit": taking(&json!({"type": "object", "properties": {
                "op": {"type": "string", "enum": ["=", "!=", "<", ">"]},
                "size": {"type": "string", "enum": ["xs", "XS"]},
            }}))}),
            schemas: json!({}),
        },
        property("open-value", &json!({"type": "integer", "enum": [1, 2, 3]})),
    ]
}

fn bodies() -> Vec<Case> {
    let object = json!({"schema": {"type": "object", "properties": {"a": {"type": "string"}}}});
    vec![
        body(
            "request-media-type",
            &json!({"multipart/form-data": object, "application/json": object}),
        ),
        body(
            "request-content-type",
            &json!({"application/vnd.api+json": object}),
        ),
        body(
            "request-content-type",
            &json!({"application/merge-patch+json": object}),
        ),
        body("request-content-type", &json!({"*/*": object})),
        body(
            "request-content-type",
            &json!({"*/*": {"schema": {"type": "string", "format": "binary"}}}),
        ),
        // Bodies of one number, boolean or text, with their mocks.
        body(
            "request-body",
            &json!({"application/json": {"schema": {"type": "integer"}}}),
        ),
        body(
            "request-body",
            &json!({"application/json": {"schema": {"type": "boolean"}}}),
        ),
        body(
            "request-body",
            &json!({"application/json": {"schema": {"type": "string"}}}),
        ),
        body("request-body", &json!({"application/octet-stream": {}})),
        body(
            "request-body",
            &json!({"text/plain": {"schema": {"type": "string", "maxLength": 9}}}),
        ),
        body(
            "request-body",
            &json!({"application/x-www-form-urlencoded": object}),
        ),
        body("request-bytes", &json!({"multipart/form-data": object})),
        body(
            "request-bytes",
            &json!({"application/xml": {}, "image/*": {}}),
        ),
    ]
}

fn requests() -> Vec<Case> {
    let schema = json!({"type": "string"});
    vec![
        // Lists in a query. The mocks match one value at a time.
        parameters(
            "named-enum",
            &json!([
                {"name": "tags", "in": "query", "schema": {"type": "array", "items": {"type": "string"}}},
                {"name": "ids", "in": "query", "required": true, "schema": {"type": "array", "items": {"type": "integer"}}},
                {"name": "kinds", "in": "query", "schema": {"type": "array", "items": {"type": "string", "enum": ["a", "b"]}}},
                {"name": "include", "in": "query", "schema": {"type": "array", "items": {"type": "string", "enum": ["a"]}}},
            ]),
        ),
        parameters(
            "parameter-shape",
            &json!([
                {"name": "id", "in": "query", "schema": {"anyOf": [{"type": "string"}, {"type": "integer"}]}},
                {"name": "any", "in": "query", "schema": {}},
                {"name": "one_or_more", "in": "query", "schema": {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}},
                {"name": "joined", "in": "query", "explode": false, "schema": {"type": "array", "items": {"type": "string"}}},
                {"name": "X-Parts", "in": "header", "schema": {"type": "array", "items": {"type": "integer"}}},
            ]),
        ),
        parameters(
            "nullable-parameter",
            &json!([{"name": "q", "in": "query", "required": true, "schema": {"type": ["string", "null"]}}]),
        ),
        // Parameters with the names of Rust keywords and of variables in the generated code.
        parameters(
            "title",
            &json!([
                {"name": "type", "in": "query", "schema": {"type": "string", "title": "Its type"}},
                {"name": "request", "in": "query", "schema": schema},
                {"name": "response", "in": "query", "schema": schema},
                {"name": "url", "in": "query", "schema": schema},
                {"name": "value", "in": "query", "schema": schema},
                {"name": "X-Kebab.And-Dot", "in": "header", "schema": schema},
            ]),
        ),
        parameters(
            "object-parameter",
            &json!([
                {"name": "filter", "in": "query", "style": "deepObject", "schema": {"type": "object", "properties": {
                    "size": {"type": "integer"}, "kind": {"type": "string", "enum": ["a", "b"]},
                }}},
                {"name": "page", "in": "query", "required": true, "schema": {"type": "object", "required": ["limit"], "properties": {
                    "limit": {"type": "integer"}, "sort": {"type": "array", "items": {"type": "string"}},
                }}},
            ]),
        ),
        parameters(
            "optional-parameter",
            &json!([{"name": "session", "in": "cookie", "schema": schema}]),
        ),
        parameters(
            "parameter-name",
            &json!([
                {"name": "client", "in": "query", "schema": schema},
                {"name": "send", "in": "header", "schema": schema},
                {"name": "id", "in": "query", "schema": schema},
                {"name": "id", "in": "header", "schema": {"type": "integer"}},
            ]),
        ),
        // Methods of progenitor's traits, which an operation of the same name would hide.
        operation("operation-id", |get| get["operationId"] = json!("post")),
        operation("operation-id", |get| {
            get["operationId"] = json!("fetch_fetch_get");
        }),
        operation("operation-id", |get| {
            get.as_object_mut().unwrap().remove("operationId");
        }),
        Case {
            rule: "inline-component",
            paths: json!({"/fetch/{id}": {
                "parameters": [{"$ref": "#/components/parameters/Id"}],
                "get": returning(&json!({}))["get"],
            }}),
            schemas: json!({}),
        }
        .with_parameter(),
    ]
}

impl Case {
    /// Adds a shared path parameter `id`, because the other components of a case are only schemas.
    fn with_parameter(mut self) -> Self {
        let parameter =
            json!({"name": "id", "in": "path", "required": true, "schema": {"type": "string"}});
        self.paths["/other/{id}"] = json!({"parameters": [parameter], "get": {"responses": {}}});
        self.paths["/fetch/{id}"]["parameters"] =
            json!([{"$ref": "#/paths/~1other~1{id}/parameters/0"}]);
        self
    }
}

fn responses() -> Vec<Case> {
    let json = |schema: Value| json!({"application/json": {"schema": schema}});
    let object = json!({"type": "object", "properties": {"a": {"type": "string"}}});
    vec![
        operation("success-response", |get| {
            get["responses"] = json!({
                "200": {"description": "d", "content": json(object.clone())},
                "201": {"description": "d", "content": json(json!({"type": "string"}))},
                "202": {"description": "d"},
            });
        }),
        operation("success-response", |get| {
            get["responses"] =
                json!({"default": {"description": "d", "content": json(object.clone())}});
        }),
        operation("success-content", |get| {
            get["responses"]["200"]["content"] =
                json!({"application/zip": {}, "application/json": {"schema": {}}});
        }),
        operation("success-content", |get| {
            get["responses"]["200"]["content"] = json!({"application/json": {}});
        }),
        operation("success-content", |get| {
            get["responses"]["200"]["content"] =
                json!({"application/vnd.api+json": {"schema": object}});
        }),
        operation("success-status", |get| {
            get["responses"] =
                json!({"218": {"description": "d", "content": json(object.clone())}});
        }),
        operation("error-response", |get| {
            get["responses"]["404"] = json!({"description": "d", "content": json(object.clone())});
            get["responses"]["409"] = json!({"description": "d", "content": {"text/plain": {"schema": {"type": "string"}}}});
            get["responses"]["default"] =
                json!({"description": "d", "content": json(json!({"type": "array", "items": {}}))});
        }),
        operation("dropped-section", |get| {
            get["callbacks"] = json!({"done": {}});
            get["x-dropshot-websocket"] = json!({});
            get.as_object_mut().unwrap().remove("responses");
        }),
    ]
}
