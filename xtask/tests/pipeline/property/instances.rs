//! Generates values that a schema is likely to allow. A validator decides whether it does.

use serde_json::{Map, Value, json};

use super::Numbers;

/// Generates a value for the component `Subject`.
pub(super) fn of(components: &Value, numbers: &mut Numbers) -> Value {
    value(components, &components["Subject"], numbers, 0)
}

fn value(components: &Value, schema: &Value, numbers: &mut Numbers, depth: usize) -> Value {
    const DEEPEST: usize = 6;
    if depth > DEEPEST || numbers.is_one_in(40) {
        return anything(numbers);
    }
    let mut below = |schema: &Value| value(components, schema, numbers, depth + 1);
    if let Some(name) = schema["$ref"]
        .as_str()
        .and_then(|path| path.rsplit('/').next())
    {
        return below(&components[name]);
    }
    if let Some(parts) = schema["allOf"].as_array() {
        let mut merged = Map::new();
        for part in parts {
            if let Value::Object(part) = below(part) {
                merged.extend(part);
            }
        }
        return Value::Object(merged);
    }
    for keyword in ["anyOf", "oneOf"] {
        if let Some(arms) = schema[keyword].as_array() {
            let arm = numbers.pick(arms);
            return value(components, arm, numbers, depth + 1);
        }
    }
    if let Some(only) = schema.get("const") {
        return only.clone();
    }
    if let Some(values) = schema["enum"].as_array() {
        return numbers.pick(values).clone();
    }
    let kind = match &schema["type"] {
        Value::String(kind) => kind.clone(),
        Value::Array(kinds) => numbers.pick(kinds).as_str().unwrap_or("").to_owned(),
        _ => return anything(numbers),
    };
    match kind.as_str() {
        "string" => {
            json!(*numbers.pick(&["", "a", "x", "bc", "abc", "2026-01-02T03:04:05Z", "Zz9 "]))
        }
        "integer" => json!(*numbers.pick(&[0, 1, 2, 3, 5, -2, 1_000_000])),
        "number" => json!(*numbers.pick(&[0.0, 0.5, 1.0, 2.5, -1.5, 1e9])),
        "boolean" => json!(numbers.is_one_in(2)),
        "array" => array(components, schema, numbers, depth),
        "object" => object(components, schema, numbers, depth),
        _ => Value::Null,
    }
}

fn anything(numbers: &mut Numbers) -> Value {
    numbers
        .pick(&[
            Value::Null,
            json!(false),
            json!(0),
            json!(7),
            json!(1.5),
            json!(""),
            json!("text"),
            json!([]),
            json!([1, "a"]),
            json!({}),
            json!({"a": 1}),
        ])
        .clone()
}

fn array(components: &Value, schema: &Value, numbers: &mut Numbers, depth: usize) -> Value {
    let mut list = Vec::new();
    for position in schema["prefixItems"].as_array().into_iter().flatten() {
        list.push(value(components, position, numbers, depth + 1));
    }
    if schema["items"] != false {
        let unconstrained = json!({});
        let items = schema.get("items").unwrap_or(&unconstrained);
        for _ in 0..numbers.below(3) {
            list.push(value(components, items, numbers, depth + 1));
        }
    }
    Value::Array(list)
}

fn object(components: &Value, schema: &Value, numbers: &mut Numbers, depth: usize) -> Value {
    let mut object = Map::new();
    let required = schema["required"].as_array().cloned().unwrap_or_default();
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        let is_required = required.iter().any(|required| required == name);
        if is_required || (*property != false && numbers.is_one_in(2)) {
            object.insert(
                name.clone(),
                value(components, property, numbers, depth + 1),
            );
        }
    }
    if schema["additionalProperties"].is_object() && numbers.is_one_in(2) {
        let more = value(
            components,
            &schema["additionalProperties"],
            numbers,
            depth + 1,
        );
        object.insert("more".to_owned(), more);
    } else if schema["patternProperties"].is_object() && numbers.is_one_in(2) {
        object.insert("xy".to_owned(), json!(numbers.below(9)));
    } else if schema["additionalProperties"].is_null() && numbers.is_one_in(4) {
        object.insert("undocumented".to_owned(), anything(numbers));
    }
    Value::Object(object)
}
