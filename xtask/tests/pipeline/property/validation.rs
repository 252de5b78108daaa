//! Validators of a schema in 3.1 and in 3.0's form.

use jsonschema::{Draft, Validator};
use serde_json::{Map, Value, json};

/// A validator of the component `Subject` in 3.1, which is JSON Schema as it is.
pub(super) fn of_3_1(components: &Value) -> Validator {
    validator(&json!({"$ref": "#/components/schemas/Subject"}), components)
}

/// A validator of one schema of a document of 3.0, whose own words are said in JSON Schema's.
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

/// Walks plain JSON: the samples have no property that is called like one of these words, so
/// that this needs nothing of the code under test.
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
    // The generated type of either takes the first arm that fits.
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
