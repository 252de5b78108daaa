//! Builds validators for schemas of 3.1 and 3.0.

use jsonschema::{Draft, Validator};
use serde_json::{Map, Value, json};

/// Returns a validator for the component `Subject` of a 3.1 document, whose schemas are JSON
/// Schema.
pub(super) fn of_3_1(components: &Value) -> Validator {
    validator(&json!({"$ref": "#/components/schemas/Subject"}), components)
}

/// Returns a validator for one schema of a 3.0 document, after translating its keywords to JSON
/// Schema.
pub(super) fn of_3_0(document: &Value, schema: &Value) -> Validator {
    let components = translated(&document["components"]["schemas"]);
    validator(&translated(schema), &components)
}

fn validator(schema: &Value, components: &Value) -> Validator {
    let schema = json!({"allOf": [schema], "components": {"schemas": components}});
    jsonschema::options()
        .with_draft(Draft::Draft202012)
        .build(&schema)
        .unwrap()
}

/// Translates the keywords of 3.0 to JSON Schema.
///
/// It treats every key as a keyword, because no sample has a property with the name of one of these
/// keywords. It therefore does not depend on the code under test.
fn translated(value: &Value) -> Value {
    let Value::Object(map) = value else {
        return match value {
            Value::Array(list) => list.iter().map(translated).collect(),
            other => other.clone(),
        };
    };
    let mut result: Map<String, Value> = map
        .iter()
        .map(|(key, value)| (key.clone(), translated(value)))
        .collect();
    for (exclusive, inclusive) in [
        ("exclusiveMinimum", "minimum"),
        ("exclusiveMaximum", "maximum"),
    ] {
        if result.get(exclusive) == Some(&json!(true)) {
            let bound = result.remove(inclusive).unwrap();
            result.insert(exclusive.to_owned(), bound);
        }
    }
    // The generated type decodes as the first matching arm, so more than one arm may match.
    if let Some(arms) = result.remove("oneOf") {
        result.insert("anyOf".to_owned(), arms);
    }
    if result.contains_key("x-open-enum") {
        result.remove("enum");
    }
    if result.remove("nullable") == Some(json!(true)) {
        return json!({"anyOf": [result, {"type": "null"}]});
    }
    Value::Object(result)
}
