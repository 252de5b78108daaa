//! Tests null arms, nullable references and type arrays.

use serde_json::{Value, json};

use crate::document::{received, received_property, received_with, sent_property};

const NULL: &str = "null";

fn reference(name: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{name}")})
}

#[test]
fn null_becomes_nullable() {
    for (schema, expected) in [
        (
            json!({"type": ["string", NULL]}),
            json!({"type": "string", "nullable": true}),
        ),
        (
            json!({"type": [NULL, "integer"]}),
            json!({"type": "integer", "nullable": true}),
        ),
        (json!({"type": ["string"]}), json!({"type": "string"})),
        (
            json!({"anyOf": [{"type": "string"}, {"type": NULL}], "description": "outer"}),
            json!({"description": "outer", "nullable": true, "type": "string"}),
        ),
        (
            json!({"oneOf": [{"type": NULL}, {"type": "boolean"}]}),
            json!({"nullable": true, "type": "boolean"}),
        ),
        (
            json!({"anyOf": [{"const": null}, {"type": "boolean"}]}),
            json!({"nullable": true, "type": "boolean"}),
        ),
        (
            json!({"type": "array", "items": {"type": ["number", NULL]}}),
            json!({"type": "array", "items": {"type": "number", "nullable": true}}),
        ),
        (
            json!({"anyOf": [{"type": "string"}, {"type": "boolean"}, {"type": NULL}]}),
            json!({"oneOf": [{"type": "string"}, {"type": "boolean"}], "nullable": true}),
        ),
        (
            json!({"type": NULL}),
            json!({"enum": [null], "nullable": true}),
        ),
        (
            json!({"const": null}),
            json!({"enum": [null], "nullable": true}),
        ),
    ] {
        assert_eq!(received_property(&schema), expected, "{schema}");
    }
}

#[test]
fn a_type_array_becomes_a_union_whose_arms_keep_their_keywords() {
    assert_eq!(
        sent_property(
            &json!({"type": ["string", "integer", NULL], "format": "email", "maximum": 9, "description": "d"})
        ),
        json!({
            "description": "d",
            "oneOf": [{"type": "string", "format": "email"}, {"type": "integer", "maximum": 9}],
            "nullable": true,
        })
    );
    assert_eq!(
        received_property(&json!({"type": ["boolean", "integer", "number"]})),
        json!({"oneOf": [{"type": "boolean"}, {"type": "number"}]}),
        "a number may be an integer"
    );
}

#[test]
fn a_nullable_reference_is_wrapped_in_all_of() {
    let other = json!({"Other": {"type": "object", "properties": {"a": {"type": "string"}}}});
    let expected = json!({"nullable": true, "allOf": [reference("Other")]});
    for schema in [
        json!({"anyOf": [reference("Other"), {"type": NULL}]}),
        json!({"oneOf": [{"type": NULL}, reference("Other")]}),
    ] {
        let subject = json!({"type": "object", "properties": {"it": schema}});
        assert_eq!(
            received_with(&subject, &other)["Subject"]["properties"]["it"],
            expected
        );
    }
}

#[test]
fn references_to_a_nullable_component_become_nullable() {
    let colour = json!({"Colour": {"type": ["string", NULL], "enum": ["red", "blue", null]}});
    let subject = json!({"type": "object", "properties": {
        "bare": reference("Colour"),
        "wrapped": {"allOf": [reference("Colour")], "description": "d"},
    }});
    let schemas = received_with(&subject, &colour);
    assert_eq!(
        schemas["Colour"],
        json!({"type": "string", "enum": ["red", "blue"], "x-open-enum": true})
    );
    assert_eq!(
        schemas["Subject"]["properties"]["bare"],
        json!({"nullable": true, "allOf": [reference("Colour")]})
    );
    assert_eq!(
        schemas["Subject"]["properties"]["wrapped"]["nullable"],
        true
    );
}

#[test]
fn a_recursive_schema_stays_recursive() {
    let node = json!({"type": "object", "properties": {
        "next": {"anyOf": [reference("Subject"), {"type": NULL}]},
        "children": {"type": "array", "items": reference("Subject")},
    }});
    assert_eq!(
        received(&node)["properties"],
        json!({
            "next": {"nullable": true, "allOf": [reference("Subject")]},
            "children": {"type": "array", "items": reference("Subject")},
        })
    );
}
