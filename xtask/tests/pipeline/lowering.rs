//! What depends on the side a schema stands on: sent or received.

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
    lowered(document(&json!({"/ask": item}), &json!({})))["paths"]["/ask"]["get"]["parameters"][0]
        .clone()
}

#[test]
fn a_default_in_a_request_is_told_and_not_sent() {
    for (schema, expected) in [
        (
            json!({"type": "string", "description": "How", "default": "auto"}),
            json!({"type": "string", "description": "How. Defaults to `auto`."}),
        ),
        (
            json!({"type": "boolean", "description": "Really?", "default": false}),
            json!({"type": "boolean", "description": "Really? Defaults to `false`."}),
        ),
        (
            json!({"type": "integer", "default": 3}),
            json!({"type": "integer", "description": "Defaults to `3`."}),
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
fn a_default_in_a_response_stays() {
    let schema = json!({"type": "boolean", "default": true});
    assert_eq!(received_property(&schema), schema);
}

#[test]
fn an_unsigned_parameter_takes_any_integer_and_tells_its_bounds() {
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
            json!({"type": "integer", "minimum": 0, "format": "uint64", "description": "At least 1."}),
        ),
        (
            json!({"type": "integer", "exclusiveMinimum": 0, "format": "int32"}),
            json!({"type": "integer", "minimum": 0, "format": "uint32", "description": "At least 1."}),
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
        "a response beyond the bounds is still a response"
    );
}

#[test]
fn formats_that_would_need_other_crates_are_plain_text() {
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
fn a_response_may_grow() {
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
fn a_limit_on_what_is_sent_is_told_and_makes_no_type() {
    for (schema, expected) in [
        (
            json!({"type": "string", "minLength": 1, "maxLength": 9, "description": "A name"}),
            json!({"type": "string", "description": "A name. At least 1 character. At most 9 characters."}),
        ),
        (
            json!({"type": "string", "pattern": "^a"}),
            json!({"type": "string", "description": "Matches `^a`."}),
        ),
        (
            json!({"type": "string", "minLength": 0}),
            json!({"type": "string"}),
        ),
        (
            json!({"type": "array", "items": {}, "minItems": 2, "maxItems": 2, "uniqueItems": true}),
            json!({"type": "array", "items": {}, "description": "At least 2 items. At most 2 items. No item twice."}),
        ),
        (
            json!({"type": "number", "multipleOf": 0.5}),
            json!({"type": "number", "description": "A multiple of 0.5."}),
        ),
    ] {
        assert_eq!(sent_property(&schema), expected, "{schema}");
    }
}

#[test]
fn a_request_keeps_its_closed_objects() {
    let schema = json!({"type": "object", "additionalProperties": false, "properties": {"a": {"type": "string"}}});
    assert_eq!(sent(&schema), schema);
}

#[test]
fn what_is_both_sent_and_received_is_as_open_as_a_response() {
    let both = json!({"type": "object", "additionalProperties": false, "properties": {
        "kind": {"type": "string", "enum": ["a", "b"], "default": "a"},
        "name": {"type": "string", "maxLength": 9},
    }});
    let paths = json!({"/ask": returning(&reference("Both")), "/tell": taking(&reference("Both"))});
    let schemas =
        lowered(document(&paths, &json!({"Both": both})))["components"]["schemas"].clone();
    assert_eq!(schemas["Kind"]["x-open-enum"], true);
    assert_eq!(
        schemas["Both"],
        json!({"type": "object", "properties": {
            "kind": {"allOf": [reference("Kind")], "description": "Defaults to `a`."},
            "name": {"type": "string", "description": "At most 9 characters."},
        }})
    );
}

#[test]
fn equal_inline_enums_of_one_property_share_a_component() {
    let format =
        json!({"type": "string", "enum": ["usd", "sdf"], "description": "Which", "default": "usd"});
    let mut tell = taking(&json!({"type": "object", "properties": {"format": format}}));
    tell["post"]["parameters"] = json!([
        {"name": "format", "in": "query", "schema": {"enum": ["sdf", "usd"], "type": "string"}},
    ]);
    let mut ask = returning(&json!({}));
    ask["get"]["parameters"] = json!([
        {"name": "format", "in": "header", "schema": {"type": ["string", "null"], "enum": ["usd", "sdf", null]}},
    ]);
    let result = lowered(document(&json!({"/tell": tell, "/ask": ask}), &json!({})));
    assert_eq!(
        result["components"]["schemas"]["Format"],
        json!({"type": "string", "enum": ["sdf", "usd"]}),
        "the first in the document is taken, and it is closed"
    );
    let operation = &result["paths"]["/tell"]["post"];
    assert_eq!(operation["parameters"][0]["schema"], reference("Format"));
    assert_eq!(
        result["paths"]["/ask"]["get"]["parameters"][0]["schema"],
        reference("Format")
    );
    assert_eq!(
        operation["requestBody"]["content"]["application/json"]["schema"]["properties"]["format"],
        json!({"allOf": [reference("Format")], "description": "Which. Defaults to `usd`."})
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
fn an_enum_does_not_take_a_name_that_another_shape_has() {
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
fn a_single_value_stays_where_it_tells_variants_apart_and_nowhere_else_in_responses() {
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
fn what_a_handwritten_type_refers_to_is_kept() {
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
fn every_rewrite_is_in_the_ledger_with_what_it_gave_up() {
    let mut subject = document(
        &json!({"/ask": returning(&json!({"type": ["string", "null"], "pattern": "^a"}))}),
        &json!({}),
    );
    let ledger = xtask::lower::lower(&mut subject).unwrap();
    let at = "/paths/~1ask/get/responses/200/content/application~1json/schema";
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
