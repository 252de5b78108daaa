//! Tests unions and their tags.

use openapi_lowering::{Dialect, lower};
use serde_json::json;

use crate::document::{document, received_property, received_with, taking};

#[test]
fn arms_are_ordered_by_required_fields_and_duplicates_are_removed() {
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
fn a_union_with_an_arm_for_any_value_allows_any_value() {
    let schema =
        json!({"anyOf": [{"type": "string"}, {"description": "anything"}], "description": "d"});
    assert_eq!(received_property(&schema), json!({"description": "d"}));
}

#[test]
fn an_arm_for_any_text_includes_single_texts() {
    let schema = json!({"anyOf": [{"type": "string"}, {"const": "USD"}, {"type": "integer"}]});
    assert_eq!(
        received_property(&schema),
        json!({"oneOf": [{"type": "string"}, {"type": "integer"}]})
    );
}

#[test]
fn a_union_that_no_operation_uses_has_no_effect() {
    let variant = |tag: &str| json!({"type": "object", "properties": {"kind": {"const": tag}}});
    let schemas = received_with(
        &variant("a"),
        &json!({"Unused": {"oneOf": [{"$ref": "#/components/schemas/Subject"}, variant("b")]}}),
    );
    assert_eq!(
        schemas["Subject"]["properties"]["kind"],
        json!({"type": "string"})
    );
}

#[test]
fn a_union_of_literals_becomes_an_enum() {
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
fn the_tags_of_variants_stay_closed() {
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
fn an_enum_whose_values_have_no_distinct_names_is_open_even_if_it_is_only_sent() {
    let subject = json!({"type": "object", "properties": {"op": {"type": "string", "enum": ["<", ">", "="]}}});
    let mut document = document(&json!({"/submit": taking(&subject)}), &json!({}));
    lower(&mut document, Dialect::Extended).unwrap();
    assert_eq!(document["components"]["schemas"]["Op"]["x-open-enum"], true);
}
