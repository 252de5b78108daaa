//! Generates small 3.1 schemas that together use all keywords of interest.

use serde_json::{Value, json};

use super::Numbers;

/// Names of properties, some of which are keywords.
const NAMES: [&str; 8] = ["a", "b", "const", "enum", "items", "type", "kind", "$id"];

/// Generates components: `Subject` and others that it may refer to.
pub(super) fn components(numbers: &mut Numbers) -> Value {
    let subject = match numbers.below(5) {
        0 => schema(numbers, 0),
        _ => object(numbers, 0),
    };
    json!({
        "Subject": subject,
        "Other": object(numbers, 2),
        "Mood": {"type": ["string", "null"], "enum": ["good", "bad", null]},
        "Tree": {"type": "object", "properties": {
            "left": {"$ref": "#/components/schemas/Tree"},
            "leaf": {"type": ["integer", "null"]},
        }},
    })
}

fn schema(numbers: &mut Numbers, depth: usize) -> Value {
    const DEEPEST: usize = 3;
    if depth >= DEEPEST {
        return scalar(numbers);
    }
    match numbers.below(14) {
        0..=5 => scalar(numbers),
        6 => object(numbers, depth + 1),
        7 => array(numbers, depth + 1),
        8 => json!({"anyOf": [schema(numbers, depth + 1), {"type": "null"}]}),
        9 => json!({"anyOf": [scalar(numbers), schema(numbers, depth + 1)]}),
        10 => variants(numbers),
        11 => {
            json!({"oneOf": [{"type": "string"}, {"type": "array", "items": scalar(numbers)}, {"type": "null"}]})
        }
        12 => reference(numbers),
        _ => json!({"allOf": [{"$ref": "#/components/schemas/Other"}, object(numbers, depth + 1)]}),
    }
}

fn reference(numbers: &mut Numbers) -> Value {
    let name = *numbers.pick(&["Other", "Mood", "Tree"]);
    let mut reference = json!({"$ref": format!("#/components/schemas/{name}")});
    match numbers.below(3) {
        0 => reference["description"] = json!("next to a reference"),
        1 => return json!({"oneOf": [{"type": "null"}, reference]}),
        _ => {}
    }
    reference
}

fn scalar(numbers: &mut Numbers) -> Value {
    let list = [
        json!({"type": "string"}),
        json!({"type": "string", "minLength": 1, "maxLength": 3}),
        json!({"type": "string", "pattern": "^[a-z]*$"}),
        json!({"type": "string", "format": "date-time"}),
        json!({"type": "string", "enum": ["a", "b", "A"]}),
        json!({"type": ["string", "null"], "enum": ["x", "y", null]}),
        json!({"anyOf": [{"const": "s"}, {"const": "m"}]}),
        json!({"type": "integer"}),
        json!({"type": "integer", "minimum": 1, "maximum": 5}),
        json!({"type": "integer", "exclusiveMinimum": -3, "exclusiveMaximum": 4}),
        json!({"type": "integer", "enum": [1, 2]}),
        json!({"type": "number", "exclusiveMinimum": 0}),
        json!({"type": "number", "minimum": -1.5, "maximum": 2.5, "multipleOf": 0.5}),
        json!({"type": "boolean"}),
        json!({"type": "null"}),
        json!({"type": ["string", "integer"], "maxLength": 2}),
        json!({"type": ["boolean", "string", "null"]}),
        json!({"type": ["number", "integer", "string"], "minimum": 0}),
        json!({"const": false}),
        json!({"const": 0}),
        json!({"const": ""}),
        json!({"const": null}),
        json!({"enum": ["a", 1, null]}),
        json!({"enum": [true]}),
        json!(true),
        json!({}),
        json!({"description": "anything"}),
    ];
    let mut schema = numbers.pick(&list).clone();
    if schema.is_object() && numbers.is_one_in(4) {
        schema["title"] = json!("Some Title");
        schema["examples"] = json!(["e"]);
    }
    schema
}

fn array(numbers: &mut Numbers, depth: usize) -> Value {
    match numbers.below(4) {
        0 => json!({"type": "array", "prefixItems": [scalar(numbers), scalar(numbers)]}),
        1 => json!({"type": "array", "prefixItems": [scalar(numbers)], "items": false}),
        2 => {
            json!({"type": ["array", "null"], "items": scalar(numbers), "minItems": 1, "uniqueItems": true})
        }
        _ => json!({"type": "array", "items": schema(numbers, depth), "maxItems": 3}),
    }
}

fn object(numbers: &mut Numbers, depth: usize) -> Value {
    let mut object = json!({"type": "object", "properties": {}});
    let mut required = Vec::new();
    for _ in 0..=numbers.below(4) {
        let name = *numbers.pick(&NAMES);
        object["properties"][name] = schema(numbers, depth + 1);
        if numbers.is_one_in(2) && !required.contains(&name) {
            required.push(name);
        }
    }
    if !required.is_empty() {
        object["required"] = json!(required);
    }
    match numbers.below(8) {
        0 => object["additionalProperties"] = json!(false),
        1 => object["additionalProperties"] = json!({}),
        2 => object["additionalProperties"] = json!({"type": "string"}),
        3 => object["patternProperties"] = json!({"^x": {"type": "integer"}}),
        4 => object["properties"]["never"] = json!(false),
        _ => {}
    }
    object
}

/// Generates a union whose variants are distinguished by a tag.
fn variants(numbers: &mut Numbers) -> Value {
    let mut variant = |tag: Value| {
        json!({
            "type": "object",
            "required": ["tag"],
            "properties": {"tag": tag, "value": scalar(numbers)},
        })
    };
    let arms = [
        variant(json!({"type": "string", "const": "one"})),
        variant(json!({"const": "two"})),
        variant(json!({"type": "string", "enum": ["three", "four"]})),
    ];
    json!({"oneOf": arms, "discriminator": {"propertyName": "tag"}})
}
