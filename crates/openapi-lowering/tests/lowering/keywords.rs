//! Tests keywords of 3.1 that 3.0 expresses differently or not at all.

use openapi_lowering::{Dialect, lower};
use serde_json::{Value, json};

use crate::document::{
    document, lowered, received, received_property, received_with, returning, sent_property,
    sent_with,
};

fn reference(name: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{name}")})
}

#[test]
fn a_reference_with_siblings_is_wrapped_in_all_of() {
    let other = json!({"Other": {"type": "object", "properties": {"a": {"type": "string"}}}});
    let subject = json!({"type": "object", "properties": {
        "it": {"$ref": "#/components/schemas/Other", "description": "d"},
        "plain": {"allOf": [reference("Other")]},
    }});
    let properties = &received_with(&subject, &other)["Subject"]["properties"];
    assert_eq!(
        properties["it"],
        json!({"description": "d", "allOf": [reference("Other")]})
    );
    assert_eq!(properties["plain"], reference("Other"));
}

#[test]
fn const_becomes_an_enum_with_one_value() {
    for (schema, expected) in [
        (
            json!({"const": "a"}),
            json!({"enum": ["a"], "type": "string"}),
        ),
        (
            json!({"const": ""}),
            json!({"enum": [""], "type": "string"}),
        ),
        (json!({"const": 0}), json!({"enum": [0], "type": "integer"})),
        (
            json!({"const": false, "type": "boolean"}),
            json!({"enum": [false], "type": "boolean"}),
        ),
    ] {
        assert_eq!(sent_property(&schema), expected, "{schema}");
    }
}

#[test]
fn exclusive_bounds_take_the_form_of_3_0() {
    for (schema, expected) in [
        (
            json!({"type": "number", "exclusiveMinimum": 0}),
            json!({"type": "number", "minimum": 0, "exclusiveMinimum": true}),
        ),
        (
            json!({"type": "number", "exclusiveMaximum": 1.5}),
            json!({"type": "number", "maximum": 1.5, "exclusiveMaximum": true}),
        ),
        (
            json!({"type": "number", "minimum": 3, "exclusiveMinimum": 2}),
            json!({"type": "number", "minimum": 3}),
        ),
        (
            json!({"type": "integer", "exclusiveMinimum": -5}),
            json!({"type": "integer", "minimum": -4}),
        ),
        (
            json!({"type": "integer", "exclusiveMaximum": 10}),
            json!({"type": "integer", "maximum": 9}),
        ),
        (
            json!({"type": "integer", "minimum": -3.0, "maximum": 3.0}),
            json!({"type": "integer", "minimum": -3, "maximum": 3}),
        ),
    ] {
        assert_eq!(sent_property(&schema), expected, "{schema}");
    }
}

#[test]
fn examples_are_replaced_with_the_first_one() {
    for (schema, expected) in [
        (
            json!({"type": "string", "examples": ["a", "b"]}),
            json!({"type": "string", "example": "a"}),
        ),
        (
            json!({"type": "string", "examples": []}),
            json!({"type": "string"}),
        ),
        (
            json!({"type": "string", "example": "x", "examples": ["a"]}),
            json!({"type": "string", "example": "x"}),
        ),
    ] {
        assert_eq!(received_property(&schema), expected, "{schema}");
    }
}

#[test]
fn encodings_become_formats() {
    for (schema, expected) in [
        (
            json!({"type": "string", "contentEncoding": "base64"}),
            json!({"type": "string", "format": "byte"}),
        ),
        (
            json!({"type": "string", "contentMediaType": "application/octet-stream"}),
            json!({"type": "string", "format": "binary"}),
        ),
        (
            json!({"type": "string", "contentEncoding": "base64", "contentMediaType": "image/png"}),
            json!({"type": "string", "format": "byte"}),
        ),
    ] {
        assert_eq!(received_property(&schema), expected, "{schema}");
    }
}

#[test]
fn a_tuple_becomes_an_array_of_the_union_of_its_positions() {
    let number = json!({"type": "number"});
    for (schema, expected) in [
        (
            json!({"type": "array", "prefixItems": [number, number, number], "minItems": 3, "maxItems": 3}),
            json!({"type": "array", "items": number}),
        ),
        (
            json!({"type": "array", "prefixItems": [number, {"type": "string"}], "items": false}),
            json!({"type": "array", "items": {"oneOf": [number, {"type": "string"}]}}),
        ),
        (
            json!({"type": "array", "prefixItems": [number], "items": {"type": "boolean"}}),
            json!({"type": "array", "items": {"oneOf": [number, {"type": "boolean"}]}}),
        ),
        (
            json!({"type": "array", "prefixItems": [number]}),
            json!({"type": "array", "items": {}}),
        ),
    ] {
        assert_eq!(received_property(&schema), expected, "{schema}");
    }
}

#[test]
fn boolean_schemas_are_replaced() {
    let subject = json!({"type": "object", "properties": {"any": true, "none": false}, "additionalProperties": true});
    assert_eq!(
        received(&subject),
        json!({"type": "object", "properties": {"any": {}}, "additionalProperties": true})
    );
    assert_eq!(
        received_property(&json!({"type": "array", "items": true})),
        json!({"type": "array", "items": {}})
    );
}

#[test]
fn pattern_properties_become_additional_properties() {
    for (rest, expected) in [
        (json!(false), json!({"type": "integer"})),
        (
            json!({"type": "string"}),
            json!({"oneOf": [{"type": "integer"}, {"type": "string"}]}),
        ),
        (json!(true), json!({})),
    ] {
        let schema = json!({
            "type": "object",
            "patternProperties": {"^n_": {"type": "integer"}},
            "additionalProperties": rest,
        });
        assert_eq!(
            sent_property(&schema)["additionalProperties"],
            expected,
            "{schema}"
        );
    }
    let open = json!({"type": "object", "patternProperties": {"^n_": {"type": "integer"}}});
    assert_eq!(
        sent_property(&open)["additionalProperties"],
        json!({}),
        "keys that match no pattern may have any value"
    );
}

#[test]
fn definitions_become_components_and_references_are_redirected() {
    let subject = json!({
        "type": "object",
        "properties": {"a": {"$ref": "#/$defs/Part"}, "b": {"$ref": "#/components/schemas/Subject/$defs/Part"}},
        "$defs": {
            "Part": {
                "type": "object",
                "properties": {"inner": {"$ref": "#/$defs/Inner"}, "up": {"$ref": "#/$defs/Part"}},
                "$defs": {"Inner": {"type": "object", "properties": {"up": {"$ref": "#/$defs/Part"}}}},
            },
        },
    });
    let schemas = received_with(&subject, &json!({}));
    assert_eq!(
        schemas["Subject"]["properties"],
        json!({"a": reference("Part"), "b": reference("Part")})
    );
    assert_eq!(
        schemas["Part"]["properties"],
        json!({"inner": reference("Inner"), "up": reference("Part")})
    );
    assert_eq!(schemas["Inner"]["properties"]["up"], reference("Part"));
}

#[test]
fn a_definition_whose_name_is_taken_gets_the_name_of_its_owner_as_a_prefix() {
    let part = json!({"type": "object", "properties": {"it": {"$ref": "#/$defs/Item"}}, "$defs": {
        "Item": {"type": "object", "properties": {"mine": {"type": "string"}}},
    }});
    let others = json!({"Item": {"type": "object", "properties": {"other": reference("Subject")}}});
    let schemas = received_with(&part, &others);
    assert_eq!(
        schemas["Subject"]["properties"]["it"],
        reference("SubjectItem")
    );
    assert!(
        schemas.get("Item").is_none(),
        "Item is unreachable: {schemas}"
    );
}

#[test]
fn keywords_that_3_0_does_not_have_are_dropped() {
    let subject = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "x",
        "$comment": "y",
        "type": "object",
        "properties": {"a": {"type": "string"}},
        "if": {"properties": {"a": {"const": "x"}}},
        "then": {"required": ["a"]},
        "dependentRequired": {"a": ["b"]},
        "unevaluatedProperties": false,
        "propertyNames": {"pattern": "^a"},
    });
    assert_eq!(
        received(&subject),
        json!({"type": "object", "properties": {"a": {"type": "string"}}})
    );
}

#[test]
fn properties_named_like_keywords_are_unchanged() {
    let names = [
        "const", "examples", "enum", "type", "$ref", "nullable", "default", "title", "format", "if",
    ];
    let mut properties = json!({});
    for name in names {
        properties[name] = json!({"type": "string"});
    }
    let subject = json!({"type": "object", "properties": properties, "required": ["type"]});
    assert_eq!(received(&subject), subject);
    assert_eq!(crate::document::sent(&subject), subject);
}

#[test]
fn values_that_look_like_schemas_are_unchanged() {
    let example = json!({"const": 1, "type": ["a", "null"], "properties": {"x": {"title": "y"}}});
    let subject = json!({"type": "object", "example": example});
    assert_eq!(received(&subject)["example"], example);
}

/// Returns the response schema of a document after lowering, and the reasons in the ledger.
fn received_with_reasons(schema: &Value, others: &Value) -> (Value, Vec<String>) {
    let mut subject = document(&json!({"/fetch": returning(schema)}), others);
    let ledger = lower(&mut subject, Dialect::Plain).unwrap();
    let entries = ledger.entries().iter();
    let reasons = entries.filter_map(|entry| entry.reason.clone()).collect();
    let content = &subject["paths"]["/fetch"]["get"]["responses"]["200"]["content"];
    (content["application/json"]["schema"].clone(), reasons)
}

#[test]
fn an_unknown_keyword_is_dropped_and_a_known_one_suggested() {
    for (keyword, reason) in [
        (
            "minimun",
            "`minimun` is not a keyword; `minimum` is similar",
        ),
        (
            "maxLenght",
            "`maxLenght` is not a keyword; `maxLength` is similar",
        ),
        ("Title", "`Title` is not a keyword; `title` is similar"),
        ("placeholder", "`placeholder` is not a keyword"),
        ("of", "`of` is not a keyword"),
    ] {
        let (schema, reasons) =
            received_with_reasons(&json!({"type": "string", keyword: 1}), &json!({}));
        assert_eq!(schema, json!({"type": "string"}));
        assert_eq!(reasons, [reason]);
    }
}

#[test]
fn a_negation_is_dropped_unless_it_forbids_every_value() {
    let schema = json!({"type": "string", "not": {"const": "a"}});
    assert_eq!(received_property(&schema), json!({"type": "string"}));
    let schema = json!({"type": "array", "items": false});
    assert_eq!(received_property(&schema)["items"], json!({"not": {}}));
}

#[test]
fn a_reference_into_another_schema_makes_its_target_a_component() {
    let part = json!({"type": "object", "properties": {"x": {"type": "string"}}});
    let other = json!({"type": "object", "properties": {"part": part}});
    let subject = json!({"type": "object", "properties": {
        "it": {"$ref": "#/components/schemas/Other/properties/part"},
        "deeper": {"$ref": "#/components/schemas/Other/properties/part/properties/x"},
        "other": reference("Other"),
    }});
    let schemas = received_with(&subject, &json!({"Other": other}));
    let properties = &schemas["Subject"]["properties"];
    assert_eq!(properties["it"], reference("OtherPart"));
    assert_eq!(properties["deeper"], reference("OtherX"));
    assert_eq!(
        schemas["Other"]["properties"]["part"],
        reference("OtherPart")
    );
    assert_eq!(schemas["OtherPart"]["properties"]["x"], reference("OtherX"));
    assert_eq!(schemas["OtherX"], json!({"type": "string"}));
}

#[test]
fn a_reference_into_a_path_or_a_shared_parameter_makes_its_target_a_component() {
    let part = json!({"type": "object", "properties": {"x": {"type": "string"}}});
    let at = "#/paths/~1fetch/get/responses/200/content/application~1json/schema";
    let mut subject = document(
        &json!({
            "/fetch": returning(&part),
            "/list": {"get": {"operationId": "list", "responses": returning(&json!({
                "type": "object",
                "properties": {"it": {"$ref": at}, "id": {"$ref": "#/components/parameters/Id/schema"}},
            }))["get"]["responses"]}},
        }),
        &json!({}),
    );
    subject["components"]["parameters"] =
        json!({"Id": {"name": "id", "in": "query", "schema": {"type": "integer"}}});
    let result = lowered(subject);
    let content = |path: &str| {
        result["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
            .clone()
    };
    assert_eq!(content("/fetch"), reference("Fetch"));
    assert_eq!(
        content("/list")["properties"],
        json!({"it": reference("Fetch"), "id": reference("IdSchema")})
    );
    assert_eq!(result["components"]["schemas"]["Fetch"], part);
    assert_eq!(
        result["components"]["schemas"]["IdSchema"],
        json!({"type": "integer"})
    );
}

#[test]
fn dynamic_references_refer_to_the_schema_with_the_anchor() {
    for (keyword, target) in [
        ("$recursiveRef", "#"),
        ("$dynamicRef", "#node"),
        ("$ref", "#node"),
        ("$dynamicRef", "#/components/schemas/Subject"),
    ] {
        let subject = json!({
            "$dynamicAnchor": "node",
            "type": "object",
            "properties": {"children": {"type": "array", "items": {keyword: target}}},
        });
        assert_eq!(
            received(&subject)["properties"]["children"]["items"],
            reference("Subject"),
            "{keyword} {target}"
        );
    }
}

#[test]
fn extensions_are_kept() {
    let schema = received_property(&json!({"type": "string", "x-anything": {"const": 1}}));
    assert_eq!(schema["x-anything"], json!({"const": 1}));
}

#[test]
fn a_reference_without_a_schema_allows_any_value() {
    for (keyword, target) in [
        ("$ref", "#/components/schemas/Gone"),
        ("$ref", "#/components/schemas/Other/properties/gone"),
        ("$ref", "other.json#/A"),
        ("$ref", "#"),
        ("$dynamicRef", "#gone"),
        ("$recursiveRef", "#"),
    ] {
        let subject = json!({keyword: target, "description": "d"});
        let (schema, reasons) =
            received_with_reasons(&subject, &json!({"Other": {"type": "object"}}));
        assert_eq!(schema, json!({"description": "d"}));
        assert_eq!(
            reasons,
            [format!("{target} is not a schema of the document")]
        );
    }
}

#[test]
fn titles_do_not_name_types() {
    for (schema, expected) in [
        (
            json!({"type": "string", "title": "It"}),
            json!({"type": "string"}),
        ),
        (
            json!({"type": "string", "title": "It", "description": "d"}),
            json!({"type": "string", "description": "d"}),
        ),
        (
            json!({"type": "string", "title": "Another title"}),
            json!({"type": "string", "description": "Another title"}),
        ),
    ] {
        assert_eq!(received_property(&schema), expected, "{schema}");
    }
    let prompt = json!({"type": "object", "properties": {"prompt": {"type": "string", "minLength": 1, "title": "Prompt"}}});
    let mut other = prompt.clone();
    other["properties"]["prompt"]["description"] = json!("a difference");
    let subject =
        json!({"type": "object", "properties": {"a": reference("A"), "b": reference("B")}});
    sent_with(&subject, &json!({"A": prompt, "B": other}));
}

#[test]
fn the_envelope_loses_members_that_only_3_1_has() {
    let mut subject = document(&json!({"/fetch": returning(&json!({}))}), &json!({}));
    subject["webhooks"] = json!({"x": {}});
    subject["jsonSchemaDialect"] = json!("https://json-schema.org/draft/2020-12/schema");
    subject["info"]["summary"] = json!("s");
    subject["info"]["license"] = json!({"name": "MIT", "identifier": "MIT"});
    subject["components"]["pathItems"] = json!({"x": {}});
    subject["components"]["securitySchemes"] =
        json!({"key": {"type": "http", "scheme": "bearer"}, "cert": {"type": "mutualTLS"}});
    let result = lowered(subject);
    assert_eq!(result["openapi"], "3.0.3");
    assert_eq!(
        result["info"],
        json!({"title": "test", "version": "1", "license": {"name": "MIT"}})
    );
    assert_eq!(
        result["components"]["securitySchemes"],
        json!({"key": {"type": "http", "scheme": "bearer"}})
    );
    for at in ["/webhooks", "/jsonSchemaDialect", "/components/pathItems"] {
        assert!(result.pointer(at).is_none(), "{at}");
    }
}
