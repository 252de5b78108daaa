//! Tests the rules that depend on whether a schema is sent or received.

use openapi_lowering::{Dialect, lower};
use serde_json::{Value, json};

use crate::document::{
    document, lowered, received, received_property, received_with, returning, sent, sent_property,
    sent_with, taking,
};

fn reference(name: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{name}")})
}

fn parameter(schema: &Value) -> Value {
    let mut item = returning(&json!({}));
    item["get"]["parameters"] =
        json!([{"name": "limit", "in": "query", "required": false, "schema": schema}]);
    lowered(document(&json!({"/fetch": item}), &json!({})))["paths"]["/fetch"]["get"]["parameters"]
        [0]
    .clone()
}

/// Returns the lowered parameters of an operation.
fn parameters(list: &Value) -> Value {
    let mut item = returning(&json!({}));
    item["get"]["parameters"] = list.clone();
    lowered(document(&json!({"/fetch": item}), &json!({})))["paths"]["/fetch"]["get"]["parameters"]
        .clone()
}

#[test]
fn an_object_in_a_query_becomes_a_parameter_for_each_property() {
    let object = json!({"type": "object", "required": ["limit"], "properties": {
        "limit": {"type": "integer"}, "sort": {"type": "string"},
    }});
    let of = |extra: Value| {
        let mut parameter = json!({"name": "page", "in": "query", "schema": object});
        for (key, value) in extra.as_object().unwrap() {
            parameter[key] = value.clone();
        }
        parameters(&json!([parameter]))
    };
    let expected = |names: [&str; 2], is_required: bool| {
        json!([
            {"name": names[0], "in": "query", "required": is_required, "schema": {"type": "integer"}},
            {"name": names[1], "in": "query", "required": false, "schema": {"type": "string"}},
        ])
    };
    let plain = ["limit", "sort"];
    assert_eq!(of(json!({})), expected(plain, false));
    assert_eq!(of(json!({"required": true})), expected(plain, true));
    assert_eq!(
        of(json!({"style": "deepObject", "required": true})),
        expected(["page[limit]", "page[sort]"], true)
    );
    assert_eq!(of(json!({"explode": false})), json!([]), "joined values");
}

#[test]
fn an_optional_parameter_that_is_not_supported_is_removed() {
    let text = json!({"type": "string"});
    let kept = json!({"name": "q", "in": "query", "schema": text});
    for unsupported in [
        json!({"name": "a", "in": "cookie", "schema": text}),
        json!({"name": "a", "in": "query", "schema": {"type": "object"}}),
        json!({"name": "a", "in": "header", "style": "matrix", "schema": text}),
    ] {
        assert_eq!(parameters(&json!([unsupported, kept])), json!([kept]));
    }
}

#[test]
fn a_parameter_whose_name_is_taken_is_renamed_and_sent_under_its_own_name() {
    let mut item = returning(&json!({}));
    item["get"]["parameters"] = json!([
        {"name": "id", "in": "path", "required": true, "schema": {"type": "string"}},
        {"name": "id", "in": "query", "schema": {"type": "string"}},
        {"name": "client", "in": "header", "schema": {"type": "string"}},
    ]);
    let result = lowered(document(&json!({"/fetch/{id}": item}), &json!({})));
    let list = &result["paths"]["/fetch/{id}"]["get"]["parameters"];
    assert_eq!(list[0]["name"], "id");
    assert_eq!([&list[1]["name"], &list[1]["x-name"]], ["id_query", "id"]);
    assert_eq!(
        [&list[2]["name"], &list[2]["x-name"]],
        ["client_header", "client"]
    );
}

#[test]
fn a_default_in_a_request_moves_to_the_description() {
    for (schema, expected) in [
        (
            json!({"type": "string", "description": "How", "default": "auto"}),
            json!({"type": "string", "description": "How. Defaults to `auto`.", "x-json-schema": {"default": "auto"}}),
        ),
        (
            json!({"type": "boolean", "description": "Really?", "default": false}),
            json!({"type": "boolean", "description": "Really? Defaults to `false`.", "x-json-schema": {"default": false}}),
        ),
        (
            json!({"type": "integer", "default": 3}),
            json!({"type": "integer", "description": "Defaults to `3`.", "x-json-schema": {"default": 3}}),
        ),
        (
            json!({"type": ["string", "null"], "default": null}),
            json!({"type": "string", "nullable": true}),
        ),
    ] {
        assert_eq!(sent_property(&schema), expected, "{schema}");
    }
}

#[test]
fn a_default_in_a_response_is_kept() {
    let schema = json!({"type": "boolean", "default": true});
    assert_eq!(received_property(&schema), schema);
}

#[test]
fn the_bounds_of_an_unsigned_parameter_move_to_the_description() {
    let limit =
        json!({"type": "integer", "minimum": 1, "maximum": 100, "default": 20, "title": "Limit"});
    assert_eq!(
        parameter(&limit),
        json!({
            "name": "limit",
            "in": "query",
            "required": false,
            "schema": {"type": "integer", "minimum": 0, "maximum": 100, "format": "uint64"},
            "description": "Between 1 and 100. Defaults to `20`.",
        })
    );
    let offset = parameter(&json!({"type": "integer", "minimum": 0}));
    assert_eq!(
        offset["schema"],
        json!({"type": "integer", "minimum": 0, "format": "uint64"})
    );
    assert!(offset.get("description").is_none());
}

#[test]
fn integers_never_become_non_zero_types() {
    for (schema, expected) in [
        (
            json!({"type": "integer", "minimum": 1}),
            json!({"type": "integer", "minimum": 0, "format": "uint64", "description": "At least 1.", "x-json-schema": {"minimum": 1}}),
        ),
        (
            json!({"type": "integer", "exclusiveMinimum": 0, "format": "int32"}),
            json!({"type": "integer", "minimum": 0, "format": "uint32", "description": "At least 1.", "x-json-schema": {"minimum": 1}}),
        ),
        (
            json!({"type": "integer", "minimum": 0, "maximum": 255}),
            json!({
                "type": "integer", "minimum": 0, "maximum": 255, "format": "uint64", "description": "At most 255.",
            }),
        ),
        (
            json!({"type": "integer", "minimum": -1}),
            json!({"type": "integer", "minimum": -1}),
        ),
    ] {
        assert_eq!(sent_property(&schema), expected, "{schema}");
    }
    assert_eq!(
        received_property(&json!({"type": "integer", "minimum": 1, "maximum": 255})),
        json!({"type": "integer", "minimum": 0, "format": "uint64"}),
        "a response outside the bounds must still decode"
    );
}

#[test]
fn formats_that_would_need_other_crates_become_plain_strings() {
    for format in ["uuid", "date", "date-time", "ip", "ipv4", "ipv6"] {
        let schema = json!({"type": "string", "format": format});
        assert_eq!(
            received_property(&schema),
            json!({"type": "string"}),
            "{format}"
        );
        assert_eq!(
            sent_property(&schema),
            json!({"type": "string"}),
            "{format}"
        );
    }
    let schema = json!({"type": "string", "format": "email"});
    assert_eq!(received_property(&schema), schema);
}

#[test]
fn responses_are_relaxed() {
    assert_eq!(
        received(&json!({
            "type": "object",
            "properties": {
                "name": {"type": "string", "minLength": 1, "maxLength": 9, "pattern": "^a"},
                "list": {"type": "array", "items": {"type": "string"}, "minItems": 2, "maxItems": 2},
                "inner": {"type": "object", "additionalProperties": false, "properties": {"a": {"type": "string"}}},
                "version": {"type": "integer", "enum": [1, 2]},
                "share": {"type": "number", "exclusiveMaximum": 1},
            },
            "additionalProperties": false,
        })),
        json!({
            "type": "object",
            "properties": {
                "name": {"type": "string"},
                "list": {"type": "array", "items": {"type": "string"}},
                "inner": {"type": "object", "properties": {"a": {"type": "string"}}},
                "version": {"type": "integer"},
                "share": {"type": "number"},
            },
        })
    );
}

#[test]
fn a_limit_in_a_request_moves_to_the_description() {
    for (schema, expected) in [
        (
            json!({"type": "string", "minLength": 1, "maxLength": 9, "description": "A name"}),
            json!({"type": "string", "description": "A name. At least 1 character. At most 9 characters.", "x-json-schema": {"minLength": 1, "maxLength": 9}}),
        ),
        (
            json!({"type": "string", "pattern": "^a"}),
            json!({"type": "string", "description": "Matches `^a`.", "x-json-schema": {"pattern": "^a"}}),
        ),
        (
            json!({"type": "string", "minLength": 0}),
            json!({"type": "string"}),
        ),
        (
            json!({"type": "array", "items": {}, "minItems": 2, "maxItems": 2, "uniqueItems": true}),
            json!({"type": "array", "items": {}, "description": "At least 2 items. At most 2 items. No item twice.", "x-json-schema": {"minItems": 2, "maxItems": 2, "uniqueItems": true}}),
        ),
        (
            json!({"type": "number", "multipleOf": 0.5}),
            json!({"type": "number", "description": "A multiple of 0.5.", "x-json-schema": {"multipleOf": 0.5}}),
        ),
    ] {
        assert_eq!(sent_property(&schema), expected, "{schema}");
    }
}

#[test]
fn a_closed_object_in_a_request_stays_closed() {
    let schema = json!({"type": "object", "additionalProperties": false, "properties": {"a": {"type": "string"}}});
    assert_eq!(sent(&schema), schema);
}

#[test]
fn a_schema_that_is_sent_and_received_is_as_open_as_a_response() {
    let both = json!({"type": "object", "additionalProperties": false, "properties": {
        "kind": {"type": "string", "enum": ["a", "b"], "default": "a"},
        "name": {"type": "string", "maxLength": 9},
    }});
    let paths =
        json!({"/fetch": returning(&reference("Both")), "/submit": taking(&reference("Both"))});
    let schemas =
        lowered(document(&paths, &json!({"Both": both})))["components"]["schemas"].clone();
    assert_eq!(schemas["Kind"]["x-open-enum"], true);
    assert_eq!(
        schemas["Both"],
        json!({"type": "object", "properties": {
            "kind": {"allOf": [reference("Kind")], "description": "Defaults to `a`.", "x-json-schema": {"default": "a"}},
            "name": {"type": "string", "description": "At most 9 characters.", "x-json-schema": {"maxLength": 9}},
        }})
    );
}

#[test]
fn equal_inline_enums_with_one_property_name_share_a_component() {
    let format =
        json!({"type": "string", "enum": ["usd", "sdf"], "description": "Which", "default": "usd"});
    let mut submit = taking(&json!({"type": "object", "properties": {"format": format}}));
    submit["post"]["parameters"] = json!([
        {"name": "format", "in": "query", "schema": {"enum": ["sdf", "usd"], "type": "string"}},
    ]);
    let mut fetch = returning(&json!({}));
    fetch["get"]["parameters"] = json!([
        {"name": "format", "in": "header", "schema": {"type": ["string", "null"], "enum": ["usd", "sdf", null]}},
    ]);
    let result = lowered(document(
        &json!({"/submit": submit, "/fetch": fetch}),
        &json!({}),
    ));
    assert_eq!(
        result["components"]["schemas"]["Format"],
        json!({"type": "string", "enum": ["sdf", "usd"]}),
        "the first enum in the document is used, and it is closed"
    );
    let operation = &result["paths"]["/submit"]["post"];
    assert_eq!(operation["parameters"][0]["schema"], reference("Format"));
    assert_eq!(
        result["paths"]["/fetch"]["get"]["parameters"][0]["schema"],
        reference("Format")
    );
    assert_eq!(
        operation["requestBody"]["content"]["application/json"]["schema"]["properties"]["format"],
        json!({"allOf": [reference("Format")], "description": "Which. Defaults to `usd`.", "x-json-schema": {"default": "usd"}})
    );
}

#[test]
fn unequal_inline_enums_are_named_after_their_owners() {
    let with =
        |values: [&str; 2]| json!({"type": "object", "properties": {"mode": {"enum": values}}});
    let subject =
        json!({"type": "object", "properties": {"a": reference("A"), "b": reference("B")}});
    let schemas = sent_with(
        &subject,
        &json!({"A": with(["x", "y"]), "B": with(["x", "z"])}),
    );
    assert_eq!(schemas["AMode"]["enum"], json!(["x", "y"]));
    assert_eq!(schemas["BMode"]["enum"], json!(["x", "z"]));
    assert_eq!(schemas["A"]["properties"]["mode"], reference("AMode"));
}

#[test]
fn an_enum_does_not_take_the_name_of_a_different_schema() {
    let subject = json!({"type": "object", "properties": {
        "mode": {"type": "string", "enum": ["x", "y"]},
        "other": reference("Mode"),
    }});
    let schemas = received_with(
        &subject,
        &json!({"Mode": {"type": "object", "properties": {"a": {}}}}),
    );
    assert_eq!(
        schemas["Subject"]["properties"]["mode"],
        reference("SubjectMode")
    );
    assert_eq!(schemas["Mode"]["type"], "object");
    assert_eq!(schemas["SubjectMode"]["x-open-enum"], true);
}

#[test]
fn an_enum_does_not_take_a_name_that_is_the_same_in_rust() {
    let subject = json!({"type": "object", "properties": {
        "mode": {"type": "string", "enum": ["x", "y"]},
        "other": reference("mode"),
    }});
    let others = json!({"mode": {"type": "object", "properties": {"a": {}}}});
    let schemas = received_with(&subject, &others);
    assert_eq!(
        schemas["Subject"]["properties"]["mode"],
        reference("SubjectMode")
    );
}

#[test]
fn an_enum_does_not_take_the_name_of_an_inline_type() {
    let payment = json!({"type": "object", "required": ["type"], "properties": {
        "type": {"const": "payment"},
        "payment_type": {"type": "string", "enum": ["card", "bank"]},
    }});
    let refund = json!({"type": "object", "required": ["type"], "properties": {"type": {"const": "refund"}}});
    let subject = json!({"oneOf": [reference("Payment"), reference("Refund")]});
    let schemas = received_with(&subject, &json!({"Payment": payment, "Refund": refund}));
    assert_eq!(
        schemas["Payment"]["properties"]["payment_type"],
        reference("PaymentPaymentType")
    );
}

#[test]
fn an_enum_inside_an_array_is_named_after_the_property() {
    let subject = json!({"type": "object", "properties": {
        "kinds": {"type": "array", "items": {"type": "string", "enum": ["x", "y"]}},
    }});
    let schemas = received_with(&subject, &json!({}));
    assert_eq!(
        schemas["Subject"]["properties"]["kinds"]["items"],
        reference("Kinds")
    );
}

#[test]
fn a_single_value_in_a_response_is_kept_only_as_the_tag_of_a_variant() {
    let variant = |tag: &str| {
        json!({
            "type": "object",
            "properties": {"kind": {"const": tag}, tag: {"type": "string"}},
            "required": ["kind", tag],
        })
    };
    let subject = json!({"type": "object", "properties": {
        "one_of_them": {"oneOf": [reference("Cat"), reference("Dog")], "discriminator": {"propertyName": "kind"}},
        "object": {"const": "list"},
    }});
    let schemas = received_with(
        &subject,
        &json!({"Cat": variant("cat"), "Dog": variant("dog")}),
    );
    assert_eq!(
        schemas["Cat"]["properties"]["kind"],
        json!({"enum": ["cat"], "type": "string"})
    );
    assert_eq!(
        schemas["Subject"]["properties"]["object"],
        json!({"type": "string"})
    );
}

#[test]
fn components_that_a_handwritten_type_refers_to_are_kept() {
    let page = json!({
        "type": "object",
        "properties": {"items": {"type": "array", "items": reference("Item")}},
        "x-handwritten": "crate::Page<crate::types::Item>",
    });
    let schemas = received_with(
        &page,
        &json!({"Item": {"type": "object"}, "Other": {"type": "object"}}),
    );
    assert_eq!(schemas["Subject"]["x-handwritten"], page["x-handwritten"]);
    assert!(schemas["Item"].is_object());
    assert!(schemas.get("Other").is_none());
}

#[test]
fn the_ledger_records_every_rewrite_and_whether_it_is_lossy() {
    let mut subject = document(
        &json!({"/fetch": returning(&json!({"type": ["string", "null"], "pattern": "^a"}))}),
        &json!({}),
    );
    let ledger = lower(&mut subject, Dialect::Extended).unwrap();
    let at = "/paths/~1fetch/get/responses/200/content/application~1json/schema";
    let found = |rule: &str, pointer: &str| {
        ledger
            .entries()
            .iter()
            .find(|entry| entry.rule == rule && entry.pointer == pointer)
            .map(|entry| entry.lossy)
    };
    assert_eq!(found("nullable", at), Some(false));
    assert_eq!(found("limit", &format!("{at}/pattern")), Some(true));
    let text: Value = serde_json::from_str(&ledger.to_text()).unwrap();
    assert_eq!(text.as_array().unwrap().len(), ledger.entries().len());
}
