//! Unions, and what tells their arms apart.

use serde_json::json;

use crate::document::{received_property, received_with, sent_with};

#[test]
fn the_arm_that_needs_most_comes_first_and_none_comes_twice() {
    let small = json!({"type": "object", "properties": {"a": {"type": "string"}}});
    let large = json!({"type": "object", "required": ["a", "b"], "properties": {
        "a": {"type": "string"}, "b": {"type": "string"},
    }});
    let text = json!({"type": "string"});
    for keyword in ["anyOf", "oneOf"] {
        let schema =
            json!({keyword: [text, small, large, {"type": "string", "description": "again"}]});
        assert_eq!(
            received_property(&schema),
            json!({"oneOf": [large, text, small]}),
            "{schema}"
        );
    }
}

#[test]
fn a_union_with_an_arm_for_anything_is_anything() {
    let schema =
        json!({"anyOf": [{"type": "string"}, {"description": "whatever"}], "description": "d"});
    assert_eq!(received_property(&schema), json!({"description": "d"}));
}

#[test]
fn a_union_of_literals_is_an_enum() {
    let schemas = received_with(
        &json!({"type": "object", "properties": {"size": {"oneOf": [
            {"const": "s", "description": "small"}, {"type": "string", "enum": ["m", "l"]}, {"type": "null"},
        ]}}}),
        &json!({}),
    );
    assert_eq!(schemas["Size"]["enum"], json!(["s", "m", "l"]));
    assert_eq!(schemas["Size"]["x-open-enum"], true);
    assert_eq!(schemas["Subject"]["properties"]["size"]["nullable"], true);
}

#[test]
fn what_tells_variants_apart_stays_closed() {
    let union = json!({"oneOf": [
        {"allOf": [
            {"$ref": "#/components/schemas/Base"},
            {"type": "object", "required": ["kind"], "properties": {"kind": {"const": "a"}}},
        ]},
        {"type": "object", "required": ["kind"], "properties": {"kind": {"$ref": "#/components/schemas/Kind"}}},
    ]});
    let schemas = received_with(
        &union,
        &json!({
            "Base": {"type": "object", "properties": {"x": {"type": "string"}}},
            "Kind": {"type": "string", "enum": ["b", "c"]},
        }),
    );
    let arms = &schemas["Subject"]["oneOf"];
    assert_eq!(
        arms[0]["allOf"][1]["properties"]["kind"],
        json!({"type": "string", "enum": ["a"]})
    );
    assert_eq!(
        arms[1]["properties"]["kind"],
        json!({"type": "string", "enum": ["b", "c"]})
    );
}

#[test]
fn values_without_names_of_their_own_are_an_open_enum_even_when_sent() {
    let schemas = sent_with(
        &json!({"type": "object", "properties": {"op": {"type": "string", "enum": ["<", ">", "="]}}}),
        &json!({}),
    );
    assert_eq!(schemas["Op"]["x-open-enum"], true);
}
