//! Replaces type arrays and null arms with `nullable`.

use serde_json::{Map, Value, json};

use crate::{
    document::{
        pointer, reach,
        walk::{self, Position},
    },
    ledger::Ledger,
};

use super::constants::kind_of;

type Schema = Map<String, Value>;

/// Keywords that constrain only certain types, with those types.
const TYPED: [(&str, &[&str]); 19] = [
    ("minLength", &["string"]),
    ("maxLength", &["string"]),
    ("pattern", &["string"]),
    ("minimum", &["number", "integer"]),
    ("maximum", &["number", "integer"]),
    ("exclusiveMinimum", &["number", "integer"]),
    ("exclusiveMaximum", &["number", "integer"]),
    ("multipleOf", &["number", "integer"]),
    ("items", &["array"]),
    ("minItems", &["array"]),
    ("maxItems", &["array"]),
    ("uniqueItems", &["array"]),
    ("properties", &["object"]),
    ("required", &["object"]),
    ("additionalProperties", &["object"]),
    ("minProperties", &["object"]),
    ("maxProperties", &["object"]),
    ("discriminator", &["object"]),
    ("format", &["string", "number", "integer"]),
];

pub(super) fn apply(document: &mut Value, ledger: &mut Ledger) {
    for site in walk::schemas(document) {
        let Some(schema) = pointer::object_mut(document, &site.pointer) else {
            continue;
        };
        let before = schema.clone();
        types(schema);
        for keyword in ["anyOf", "oneOf"] {
            arms(schema, keyword);
        }
        values(schema);
        bare_reference(schema);
        if *schema != before {
            ledger.exact(site.pointer);
        }
    }
}

fn is_nullable(schema: &Schema) -> bool {
    schema.get("nullable") == Some(&json!(true))
}

fn set_nullable(schema: &mut Schema) {
    schema.insert("nullable".to_owned(), json!(true));
}

/// Rewrites a schema that allows only `null` into its 3.0 form.
fn allow_only_null(schema: &mut Schema) {
    schema.shift_remove("type");
    schema.insert("enum".to_owned(), json!([null]));
    set_nullable(schema);
}

/// Rewrites type arrays such as `["string", "null"]` and `["string", "integer"]`.
fn types(schema: &mut Schema) {
    let mut names: Vec<String> = match schema.get("type") {
        Some(Value::String(name)) if name == "null" => vec![name.clone()],
        Some(Value::Array(names)) => names
            .iter()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect(),
        _ => return,
    };
    let has_null = names.iter().any(|name| name == "null");
    names.retain(|name| name != "null");
    if names.iter().any(|name| name == "number") {
        names.retain(|name| name != "integer");
    }
    match names.len() {
        0 => return allow_only_null(schema),
        1 => {
            schema.insert("type".to_owned(), json!(names[0]));
        }
        _ => split(schema, &names),
    }
    if has_null {
        set_nullable(schema);
    }
}

/// Splits a schema of several types into one arm for each type, with the keywords that apply to it.
fn split(schema: &mut Schema, names: &[String]) {
    schema.shift_remove("type");
    let mut arms: Vec<Schema> = names
        .iter()
        .map(|name| Schema::from_iter([("type".to_owned(), json!(name))]))
        .collect();
    for (keyword, kinds) in TYPED {
        let Some(value) = schema.shift_remove(keyword) else {
            continue;
        };
        for (arm, name) in arms.iter_mut().zip(names) {
            // If a string is among the types, as in `["string", "integer"]`, the format is the
            // string's.
            let is_string_format = keyword == "format" && names.iter().any(|name| name == "string");
            if kinds.contains(&name.as_str()) && (!is_string_format || name == "string") {
                arm.insert(keyword.to_owned(), value.clone());
            }
        }
    }
    if let Some(Value::Array(values)) = schema.shift_remove("enum") {
        for (arm, name) in arms.iter_mut().zip(names) {
            let matching: Vec<&Value> = values
                .iter()
                .filter(|value| has_type(value, name))
                .collect();
            arm.insert("enum".to_owned(), json!(matching));
        }
        arms.retain(|arm| arm["enum"] != json!([]));
    }
    let union = json!(arms);
    if schema.contains_key("anyOf") {
        let all = schema.entry("allOf").or_insert_with(|| json!([]));
        if let Value::Array(all) = all {
            all.push(json!({ "anyOf": union }));
        }
    } else {
        schema.insert("anyOf".to_owned(), union);
    }
}

fn has_type(value: &Value, name: &str) -> bool {
    match value {
        Value::Object(_) => name == "object",
        Value::Array(_) => name == "array",
        value => {
            let kind = kind_of(value);
            kind == Some(name) || (kind == Some("integer") && name == "number")
        }
    }
}

/// Rewrites unions with a null arm, such as `anyOf: [X, null]`.
fn arms(schema: &mut Schema, keyword: &str) {
    let Some(Value::Array(arms)) = schema.get(keyword) else {
        return;
    };
    let mut rest: Vec<Value> = arms
        .iter()
        .filter(|arm| !is_null_arm(arm))
        .cloned()
        .collect();
    if rest.len() == arms.len() && rest.len() != 1 {
        return;
    }
    if rest.len() < arms.len() {
        if rest.is_empty() {
            schema.shift_remove(keyword);
            return allow_only_null(schema);
        }
        set_nullable(schema);
    }
    if rest.len() > 1 {
        schema.insert(keyword.to_owned(), json!(rest));
        return;
    }
    schema.shift_remove(keyword);
    inline(schema, rest.remove(0));
}

/// Returns whether an arm allows only null. It may have a title or a description.
fn is_null_arm(arm: &Value) -> bool {
    let Some(arm) = arm.as_object() else {
        return false;
    };
    arm.get("enum") == Some(&json!([null])) || arm.get("type") == Some(&json!("null"))
}

/// Merges the one remaining arm into the schema that contained it, whose own keywords take
/// precedence.
fn inline(schema: &mut Schema, arm: Value) {
    const ANNOTATIONS: [&str; 6] = [
        "title",
        "description",
        "default",
        "example",
        "deprecated",
        "nullable",
    ];
    let Value::Object(arm) = arm else {
        return;
    };
    let is_plain = schema
        .keys()
        .all(|key| ANNOTATIONS.contains(&key.as_str()) || key.starts_with("x-"));
    if arm.contains_key("$ref") || !is_plain {
        let all = schema.entry("allOf").or_insert_with(|| json!([]));
        if let Value::Array(all) = all {
            all.push(Value::Object(arm));
        }
        return;
    }
    for (key, value) in arm {
        schema.entry(key).or_insert(value);
    }
}

/// Rewrites enums that contain null, such as `enum: ["a", null]`.
fn values(schema: &mut Schema) {
    let allows_null = is_nullable(schema) || !schema.contains_key("type");
    let Some(Value::Array(values)) = schema.get_mut("enum") else {
        return;
    };
    if *values == [Value::Null] {
        return set_nullable(schema);
    }
    if values.contains(&Value::Null) {
        values.retain(|value| !value.is_null());
        let kind = kind_of(&values[0])
            .filter(|kind| values.iter().all(|value| kind_of(value) == Some(kind)));
        if allows_null {
            set_nullable(schema);
        }
        if let Some(kind) = kind {
            schema.entry("type").or_insert(json!(kind));
        }
    }
}

/// Wraps a nullable `$ref` in `allOf`, because the generator ignores `nullable` next to a bare
/// `$ref`.
fn bare_reference(schema: &mut Schema) {
    if is_nullable(schema)
        && let Some(reference) = schema.shift_remove("$ref")
    {
        let all = schema.entry("allOf").or_insert_with(|| json!([]));
        if let Value::Array(all) = all {
            all.push(json!({ "$ref": reference }));
        }
    }
}

/// Moves `nullable` from a component to the schemas that refer to it.
///
/// Otherwise the generator would give the component's name to a wrapper around an unnamed type.
pub(super) fn components(document: &mut Value, ledger: &mut Ledger) {
    let mut moved: Vec<String> = Vec::new();
    for site in walk::schemas(document) {
        if !(site.is_root() && site.position == Position::Component) {
            continue;
        }
        let Some(schema) = pointer::object_mut(document, &site.pointer) else {
            continue;
        };
        // A schema that allows only null, or any value, does not define a type.
        let defines_type = schema.keys().any(|key| {
            matches!(
                key.as_str(),
                "type" | "allOf" | "anyOf" | "oneOf" | "properties"
            )
        });
        if is_nullable(schema) && defines_type {
            schema.shift_remove("nullable");
            ledger.exact(site.pointer);
            moved.push(site.owner.to_string());
        }
    }
    let is_moved = |schema: &Value| reach::target(schema).is_some_and(|name| moved.contains(&name));
    for site in walk::schemas(document) {
        let Some(schema) = pointer::get_mut(document, &site.pointer) else {
            continue;
        };
        // A part of an `allOf` cannot be nullable by itself: the schema with the `allOf` is marked,
        // and only if every part was nullable.
        let is_reference = site.keyword != Some("allOf") && is_moved(schema);
        let is_wrapper = schema["allOf"]
            .as_array()
            .is_some_and(|parts| parts.iter().all(is_moved));
        if let Value::Object(schema) = schema
            && (is_reference || is_wrapper)
        {
            set_nullable(schema);
            bare_reference(schema);
            ledger.exact(site.pointer);
        }
    }
}
