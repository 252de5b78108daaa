//! Rewrites parameters to what a request can carry: one string each or, in a query, one string for
//! each item of a list.

use serde_json::{Value, json};

use crate::{ledger::Ledger, pointer};

use super::{
    reach, requests,
    walk::{self, Position, Site},
};

/// The form in which a parameter is sent.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape {
    /// One type with a string form.
    Single,
    /// Several types, or an unspecified type: any string.
    Loose,
    /// A list of one type.
    List,
    /// A list of strings, or a single string.
    LooseList,
    /// A schema that a parameter cannot have. The guard refuses it.
    Other,
}

/// Replaces a union of single values, and a list outside a query, with a string.
pub(super) fn apply(document: &mut Value, ledger: &mut Ledger) {
    for site in walk::schemas(document) {
        if site.position != Position::Parameter || !site.is_root() {
            continue;
        }
        let Some((parameter, _)) = pointer::split(&site.pointer) else {
            continue;
        };
        let Some((schema, parameter)) = document
            .pointer(&site.pointer)
            .zip(document.pointer(parameter))
        else {
            continue;
        };
        let repeats_the_name = parameter["in"] == "query" && parameter["explode"] != false;
        let text = json!({"type": "string"});
        let (shape, note) = match shape(document, schema, 0) {
            Shape::Single | Shape::Other => continue,
            Shape::List if repeats_the_name => continue,
            Shape::LooseList if repeats_the_name => (json!({"type": "array", "items": text}), None),
            Shape::List | Shape::LooseList => (text, Some("Values separated by commas.")),
            Shape::Loose => (text, None),
        };
        replace(document, &site, shape);
        if let Some(note) = note {
            requests::note(document, &site, note);
        }
        ledger.lossy(site.pointer);
    }
}

/// Replaces the schema and keeps its annotations.
fn replace(document: &mut Value, site: &Site, mut shape: Value) {
    let Some(node) = document.pointer_mut(&site.pointer) else {
        return;
    };
    for keyword in ["description", "default", "example", "deprecated"] {
        if let Some(value) = node.get(keyword) {
            shape[keyword] = value.clone();
        }
    }
    *node = shape;
}

/// Determines the form in which a value of the schema is sent.
fn shape(document: &Value, schema: &Value, depth: u8) -> Shape {
    const DEEPEST: u8 = 16;
    if depth > DEEPEST {
        return Shape::Other;
    }
    let below = |schema: &Value| shape(document, schema, depth + 1);
    if let Some(name) = reach::target(schema) {
        return below(&document["components"]["schemas"][name]);
    }
    if let Some([only]) = schema["allOf"].as_array().map(Vec::as_slice) {
        return below(only);
    }
    if schema.get("x-handwritten").is_some() {
        return Shape::Single;
    }
    match schema["type"].as_str() {
        Some("string" | "integer" | "number" | "boolean") => return Shape::Single,
        Some("array") => {
            return match below(&schema["items"]) {
                Shape::Single => Shape::List,
                Shape::Loose => Shape::LooseList,
                _ => Shape::Other,
            };
        }
        Some(_) => return Shape::Other,
        None => {}
    }
    let arms = schema.get("anyOf").or_else(|| schema.get("oneOf"));
    let Some(arms) = arms.and_then(Value::as_array) else {
        let is_structured = ["properties", "allOf", "not", "additionalProperties"]
            .iter()
            .any(|keyword| schema.get(keyword).is_some());
        return if is_structured {
            Shape::Other
        } else {
            Shape::Loose
        };
    };
    let shapes: Vec<Shape> = arms.iter().map(below).collect();
    if shapes.contains(&Shape::Other) {
        Shape::Other
    } else if shapes.contains(&Shape::List) || shapes.contains(&Shape::LooseList) {
        Shape::LooseList
    } else {
        Shape::Loose
    }
}
