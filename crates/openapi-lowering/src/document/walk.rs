//! Finds the schemas of a document and the context of each.
//!
//! Rules find schemas only through this module. A property *named* `const`, or an example that
//! looks like a schema, is therefore never mistaken for a keyword or a schema.

use std::rc::Rc;

use heck::ToUpperCamelCase;
use serde_json::{Map, Value};

use super::pointer::{self, join, segments};

/// The keys of a path item that contain operations.
pub(crate) const METHODS: [&str; 8] = [
    "get", "put", "post", "delete", "options", "head", "patch", "trace",
];

/// The part of the document in which a tree of schemas is rooted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Position {
    /// `components.schemas`. Whether it is sent or received depends on the operations that refer to
    /// it.
    Component,
    Parameter,
    RequestBody,
    Response,
}

/// The location of one schema and its context.
#[derive(Clone, Debug)]
pub(crate) struct Site {
    pub(crate) pointer: String,
    pub(crate) position: Position,
    /// The name of the component, or that of the operation in upper camel case, as in type names.
    pub(crate) owner: Rc<str>,
    /// The keyword of the parent schema that contains it; `None` at the root of its tree.
    pub(crate) keyword: Option<&'static str>,
    /// The name of the nearest enclosing property, parameter or header.
    pub(crate) property: Option<Rc<str>>,
}

impl Site {
    /// Returns whether the schema is the root of its tree, such as a complete component.
    pub(crate) fn is_root(&self) -> bool {
        self.keyword.is_none()
    }

    /// Returns whether the schema is itself the value of a property.
    pub(crate) fn is_property(&self) -> bool {
        self.keyword == Some("properties")
    }
}

/// The form in which a keyword contains schemas.
#[derive(Clone, Copy)]
enum Contents {
    One,
    List,
    Map,
}

/// Returns a keyword that contains schemas. Most keys of a large document are looked up here, so
/// this is a `match` and not a table.
fn contents(key: &str) -> Option<(&'static str, Contents)> {
    Some(match key {
        "items" => ("items", Contents::One),
        "additionalProperties" => ("additionalProperties", Contents::One),
        "additionalItems" => ("additionalItems", Contents::One),
        "not" => ("not", Contents::One),
        "contains" => ("contains", Contents::One),
        "propertyNames" => ("propertyNames", Contents::One),
        "if" => ("if", Contents::One),
        "then" => ("then", Contents::One),
        "else" => ("else", Contents::One),
        "unevaluatedItems" => ("unevaluatedItems", Contents::One),
        "unevaluatedProperties" => ("unevaluatedProperties", Contents::One),
        "contentSchema" => ("contentSchema", Contents::One),
        "anyOf" => ("anyOf", Contents::List),
        "oneOf" => ("oneOf", Contents::List),
        "allOf" => ("allOf", Contents::List),
        "prefixItems" => ("prefixItems", Contents::List),
        "properties" => ("properties", Contents::Map),
        "patternProperties" => ("patternProperties", Contents::Map),
        "dependentSchemas" => ("dependentSchemas", Contents::Map),
        "$defs" => ("$defs", Contents::Map),
        "definitions" => ("definitions", Contents::Map),
        _ => return None,
    })
}

/// Returns every schema of the document, each after the schemas that it contains.
pub(crate) fn schemas(document: &Value) -> Vec<Site> {
    let mut sites = Vec::new();
    for root in roots(document) {
        if let Some(schema) = pointer::get(document, &root.pointer) {
            descend(schema, root, &mut sites);
        }
    }
    sites
}

/// Calls `found` with a schema and all schemas that it contains.
pub(crate) fn visit(schema: &Value, found: &mut dyn FnMut(&Value)) {
    for (key, value) in schema.as_object().into_iter().flatten() {
        match (contents(key), value) {
            (Some((_, Contents::One)), Value::Object(_)) => visit(value, found),
            (Some((_, Contents::List)), Value::Array(list)) => {
                for value in list {
                    visit(value, found);
                }
            }
            (Some((_, Contents::Map)), Value::Object(map)) => {
                for value in map.values() {
                    visit(value, found);
                }
            }
            _ => {}
        }
    }
    found(schema);
}

fn descend(schema: &Value, site: Site, sites: &mut Vec<Site>) {
    for (key, value) in schema.as_object().into_iter().flatten() {
        let Some((keyword, contents)) = contents(key) else {
            continue;
        };
        let at = join(&site.pointer, keyword);
        let child = |pointer: String, property: Option<&String>| Site {
            pointer,
            position: site.position,
            owner: Rc::clone(&site.owner),
            keyword: Some(keyword),
            property: property
                .map(|name| name.as_str().into())
                .or_else(|| site.property.clone()),
        };
        match (contents, value) {
            (Contents::One, Value::Object(_) | Value::Bool(_)) => {
                descend(value, child(at, None), sites);
            }
            (Contents::List, Value::Array(list)) => {
                for (index, value) in list.iter().enumerate() {
                    descend(value, child(join(&at, &index.to_string()), None), sites);
                }
            }
            (Contents::Map, Value::Object(map)) => {
                for (name, value) in map {
                    descend(value, child(join(&at, name), Some(name)), sites);
                }
            }
            _ => {}
        }
    }
    sites.push(site);
}

/// Returns the pointer of a component.
pub(crate) fn component_pointer(name: &str) -> String {
    join("/components/schemas", name)
}

/// Returns the component that a JSON pointer is in, if it is in one.
pub(crate) fn component(place: &str) -> Option<String> {
    let segments = segments(place);
    match segments.as_slice() {
        [components, schemas, name, ..] if components == "components" && schemas == "schemas" => {
            Some(name.clone())
        }
        _ => None,
    }
}

/// The location of one operation and its names.
pub(crate) struct Operation {
    pub(crate) pointer: String,
    pub(crate) path: String,
    pub(crate) method: &'static str,
    /// The operation's name in upper camel case, as in type names.
    pub(crate) owner: String,
}

/// Returns every operation, in document order.
pub(crate) fn operations(document: &Value) -> Vec<Operation> {
    let mut operations = Vec::new();
    let empty = Map::new();
    for (path, item) in document["paths"].as_object().unwrap_or(&empty) {
        let at = join("/paths", path);
        for key in item.as_object().unwrap_or(&empty).keys() {
            let Some(method) = METHODS.iter().find(|method| method == &key) else {
                continue;
            };
            let name = item[key]["operationId"]
                .as_str()
                .map_or_else(|| format!("{method} {path}"), str::to_owned);
            operations.push(Operation {
                pointer: join(&at, method),
                path: path.clone(),
                method,
                owner: name.to_upper_camel_case(),
            });
        }
    }
    operations
}

/// Returns the pointer of the operation that contains a place, or those of all operations of the
/// path item that does.
pub(crate) fn operations_at(document: &Value, at: &str) -> Vec<String> {
    let segments = segments(at);
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    let ["paths", path, rest @ ..] = segments.as_slice() else {
        return Vec::new();
    };
    let item = join("/paths", path);
    let of_item = METHODS
        .iter()
        .filter(|method| document["paths"][path].get(method).is_some());
    match rest.first() {
        Some(method) if METHODS.contains(method) => vec![join(&item, method)],
        _ => of_item.map(|method| join(&item, method)).collect(),
    }
}

/// Returns the roots of all schema trees: first of operations, then of path items and components.
pub(crate) fn roots(document: &Value) -> Vec<Site> {
    let mut roots = Vec::new();
    for operation in operations(document) {
        let Operation { pointer, owner, .. } = &operation;
        let value = &pointer::get(document, pointer).expect("operations() found it");
        parameters(
            &value["parameters"],
            &join(pointer, "parameters"),
            owner,
            &mut roots,
        );
        let at = join(pointer, "requestBody");
        content(
            &value["requestBody"],
            &at,
            Position::RequestBody,
            owner,
            &mut roots,
        );
        let empty = Map::new();
        for (status, response) in value["responses"].as_object().unwrap_or(&empty) {
            let at = join(&join(pointer, "responses"), status);
            content(response, &at, Position::Response, owner, &mut roots);
            for (name, header) in response["headers"].as_object().unwrap_or(&empty) {
                let at = join(&join(&at, "headers"), name);
                field(
                    header,
                    &at,
                    Position::Response,
                    owner,
                    Some(name),
                    &mut roots,
                );
            }
        }
    }
    let empty = Map::new();
    for (path, item) in document["paths"].as_object().unwrap_or(&empty) {
        let at = join(&join("/paths", path), "parameters");
        parameters(
            &item["parameters"],
            &at,
            &path.to_upper_camel_case(),
            &mut roots,
        );
    }
    let schemas = document["components"]["schemas"].as_object();
    for name in schemas.unwrap_or(&empty).keys() {
        roots.push(Site {
            pointer: join("/components/schemas", name),
            position: Position::Component,
            owner: name.as_str().into(),
            keyword: None,
            property: None,
        });
    }
    roots
}

fn parameters(list: &Value, at: &str, owner: &str, roots: &mut Vec<Site>) {
    for (index, parameter) in list.as_array().unwrap_or(&Vec::new()).iter().enumerate() {
        let at = join(at, &index.to_string());
        let name = parameter["name"].as_str();
        field(parameter, &at, Position::Parameter, owner, name, roots);
    }
}

/// Adds the `schema` of a parameter or a header, or the schemas of its `content`.
fn field(
    value: &Value,
    at: &str,
    position: Position,
    owner: &str,
    name: Option<&str>,
    roots: &mut Vec<Site>,
) {
    let first = roots.len();
    if value.get("schema").is_some() {
        roots.push(Site {
            pointer: join(at, "schema"),
            position,
            owner: owner.into(),
            keyword: None,
            property: None,
        });
    }
    content(value, at, position, owner, roots);
    for root in &mut roots[first..] {
        root.property = name.map(Rc::from);
    }
}

fn content(value: &Value, at: &str, position: Position, owner: &str, roots: &mut Vec<Site>) {
    let empty = Map::new();
    for (media_type, body) in value["content"].as_object().unwrap_or(&empty) {
        if body.get("schema").is_some() {
            let at = join(&join(at, "content"), media_type);
            roots.push(Site {
                pointer: join(&at, "schema"),
                position,
                owner: owner.into(),
                keyword: None,
                property: None,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_property_named_like_a_keyword_is_a_schema() {
        let document = json!({"components": {"schemas": {"A": {
            "type": "object",
            "properties": {"items": {"type": "string"}, "properties": {"type": "object"}},
            "example": {"items": {"type": "nothing"}},
            "enum": [{"items": {}}],
        }}}});
        let found: Vec<String> = schemas(&document).into_iter().map(|s| s.pointer).collect();
        assert_eq!(
            found,
            [
                "/components/schemas/A/properties/items",
                "/components/schemas/A/properties/properties",
                "/components/schemas/A",
            ]
        );
    }

    #[test]
    fn a_nested_schema_has_the_name_of_its_parameter() {
        let document = json!({"paths": {"/a": {"get": {
            "operationId": "list_things",
            "parameters": [{"name": "kind", "in": "query", "schema": {"anyOf": [{"enum": ["a"]}]}}],
        }}}});
        let sites = schemas(&document);
        assert_eq!(sites[0].property.as_deref(), Some("kind"));
        assert_eq!(sites[0].keyword, Some("anyOf"));
        assert_eq!(&*sites[0].owner, "ListThings");
        assert!(sites[1].is_root() && sites[1].position == Position::Parameter);
    }
}
