//! Rewrites parameters to what a request can carry: one string each or, in a query, one string for
//! each item of a list.

use serde_json::{Map, Value, json};

use crate::{
    document::{
        pointer, reach,
        walk::{self, Position, Site},
    },
    ledger::Ledger,
};

use super::requests;

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
        let Some((schema, parameter)) =
            pointer::get(document, &site.pointer).zip(pointer::get(document, parameter))
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
    let Some(node) = pointer::get_mut(document, &site.pointer) else {
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

/// Replaces an object in a query with one parameter for each of its properties, which is how the
/// styles `form` and `deepObject` send it.
pub(super) fn objects(document: &mut Value, ledger: &mut Ledger) {
    for at in lists(document) {
        let list = pointer::get(document, &at)
            .and_then(Value::as_array)
            .cloned();
        let mut expanded = Vec::new();
        for (index, parameter) in list.into_iter().flatten().enumerate() {
            match members(document, &parameter) {
                Some(members) => {
                    expanded.extend(members);
                    ledger.lossy(pointer::join(&at, &index.to_string()));
                }
                None => expanded.push(parameter),
            }
        }
        if let Some(list) = pointer::get_mut(document, &at) {
            *list = json!(expanded);
        }
    }
}

/// Returns the parameters that replace an object, or `None` if it is no object whose properties
/// are known and have a string form.
fn members(document: &Value, parameter: &Value) -> Option<Vec<Value>> {
    let outer = parameter["name"].as_str()?;
    let is_deep = match parameter["style"].as_str() {
        None | Some("form") if parameter["explode"] != false => false,
        Some("deepObject") => true,
        _ => return None,
    };
    let mut properties = Map::new();
    let mut required = Vec::new();
    if parameter["in"] != "query"
        || !collect(
            document,
            &parameter["schema"],
            &mut properties,
            &mut required,
            0,
        )
    {
        return None;
    }
    let members: Vec<Value> = properties
        .into_iter()
        .map(|(name, schema)| {
            let is_required = parameter["required"] == true && required.contains(&name);
            let sent = if is_deep {
                format!("{outer}[{name}]")
            } else {
                name
            };
            json!({"name": sent, "in": "query", "required": is_required, "schema": schema})
        })
        .collect();
    let is_supported = |member: &Value| unsupported(document, member).is_none();
    (!members.is_empty() && members.iter().all(is_supported)).then_some(members)
}

/// Collects the properties of an object and those of its parts. Returns whether the schema allows
/// only these.
fn collect(
    document: &Value,
    schema: &Value,
    properties: &mut Map<String, Value>,
    required: &mut Vec<String>,
    depth: u8,
) -> bool {
    const DEEPEST: u8 = 16;
    if depth > DEEPEST || schema["additionalProperties"].is_object() {
        return false;
    }
    if let Some(name) = reach::target(schema) {
        let component = &document["components"]["schemas"][name];
        return collect(document, component, properties, required, depth + 1);
    }
    if ["anyOf", "oneOf"]
        .iter()
        .any(|keyword| schema.get(keyword).is_some())
    {
        return false;
    }
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        properties.insert(name.clone(), property.clone());
    }
    let names = schema["required"].as_array().into_iter().flatten();
    required.extend(names.filter_map(Value::as_str).map(str::to_owned));
    let mut parts = schema["allOf"].as_array().into_iter().flatten();
    parts.all(|part| collect(document, part, properties, required, depth + 1))
}

/// Drops optional parameters that the generator does not support, such as cookies.
pub(super) fn optional(document: &mut Value, ledger: &mut Ledger) {
    for at in lists(document) {
        let list = pointer::get(document, &at)
            .and_then(Value::as_array)
            .cloned();
        let mut kept = Vec::new();
        for (index, parameter) in list.into_iter().flatten().enumerate() {
            match unsupported(document, &parameter)
                .filter(|_| parameter["required"] != true && parameter["in"] != "path")
            {
                Some(reason) => {
                    ledger.lossy_because(pointer::join(&at, &index.to_string()), reason);
                }
                None => kept.push(parameter),
            }
        }
        if let Some(list) = pointer::get_mut(document, &at) {
            *list = json!(kept);
        }
    }
}

/// Returns the pointers of the lists of parameters of all operations and path items.
pub(super) fn lists(document: &Value) -> Vec<String> {
    let operations = walk::operations(document).into_iter();
    let paths = document["paths"]
        .as_object()
        .into_iter()
        .flat_map(Map::keys);
    operations
        .map(|operation| operation.pointer)
        .chain(paths.map(|path| pointer::join("/paths", path)))
        .map(|at| pointer::join(&at, "parameters"))
        .filter(|at| pointer::get(document, at).is_some_and(Value::is_array))
        .collect()
}

/// Returns why a parameter is unsupported, or `None` if it is supported.
pub(crate) fn unsupported(document: &Value, parameter: &Value) -> Option<&'static str> {
    let location = parameter["in"].as_str().unwrap_or("");
    let style = parameter["style"].as_str();
    match (location, style) {
        ("cookie", _) => {
            Some("a cookie parameter is not supported, because the client sends no cookies")
        }
        ("query", Some(style)) if style != "form" => {
            Some("a query parameter must have the style `form`")
        }
        ("path" | "header", Some(style)) if style != "simple" => {
            Some("a path or header parameter must have the style `simple`")
        }
        ("path", _) if parameter["required"] != true => Some("a path parameter must be required"),
        ("query" | "path" | "header", _) => {
            let Some(schema) = parameter.get("schema") else {
                return Some("a parameter must have a schema");
            };
            let is_list = resolved(document, schema)["type"] == "array";
            let item = if is_list {
                &resolved(document, schema)["items"]
            } else {
                schema
            };
            (!is_single_string(document, item)).then_some(
                "a parameter must be a string, a number, a boolean or, in a query, a list of these",
            )
        }
        _ => Some("a parameter must be in the path, the query or a header"),
    }
}

/// Follows references, and each `allOf` of one schema, to the schema itself.
pub(super) fn resolved<'a>(document: &'a Value, schema: &'a Value) -> &'a Value {
    let mut schema = schema;
    for _ in 0..16 {
        let only = schema["allOf"].as_array().filter(|all| all.len() == 1);
        let next = match (reach::target(schema), only) {
            (Some(name), _) => &document["components"]["schemas"][name],
            (None, Some(all)) => &all[0],
            (None, None) => return schema,
        };
        schema = next;
    }
    schema
}

/// Returns whether a value is sent as a single string.
fn is_single_string(document: &Value, schema: &Value) -> bool {
    let schema = resolved(document, schema);
    schema.get("x-handwritten").is_some()
        || matches!(
            schema["type"].as_str(),
            Some("string" | "integer" | "number" | "boolean")
        )
}
