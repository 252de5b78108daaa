//! Which nodes of a document are schemas, and where each stands.
//!
//! Rules see schemas only through here, so that a property *called* `const`, or an example
//! that looks like a schema, is never taken for one.

use heck::ToUpperCamelCase;
use serde_json::{Map, Value};

use crate::pointer::join;

/// The HTTP methods under which a path item holds operations.
pub(crate) const METHODS: [&str; 8] = [
    "get", "put", "post", "delete", "options", "head", "patch", "trace",
];

/// What a tree of schemas hangs from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Position {
    /// `components.schemas`: request or response, by who refers to it.
    Component,
    Parameter,
    RequestBody,
    Response,
}

/// One schema and where it stands.
#[derive(Clone, Debug)]
pub(crate) struct Site {
    pub(crate) pointer: String,
    pub(crate) position: Position,
    /// The component, or the operation in the form that names types.
    pub(crate) owner: String,
    /// The keyword it hangs from; `None` at the root of its tree.
    pub(crate) keyword: Option<&'static str>,
    /// The nearest property or parameter it is, or is the value of.
    pub(crate) property: Option<String>,
}

impl Site {
    /// Whether it is the root of its tree, such as a whole component.
    pub(crate) fn is_root(&self) -> bool {
        self.keyword.is_none()
    }

    /// Whether it is itself the value of a property.
    pub(crate) fn is_property(&self) -> bool {
        self.keyword == Some("properties")
    }
}

/// How a keyword holds schemas.
#[derive(Clone, Copy)]
enum Holds {
    One,
    List,
    Map,
}

const HOLDERS: [(&str, Holds); 21] = [
    ("items", Holds::One),
    ("additionalProperties", Holds::One),
    ("additionalItems", Holds::One),
    ("not", Holds::One),
    ("contains", Holds::One),
    ("propertyNames", Holds::One),
    ("if", Holds::One),
    ("then", Holds::One),
    ("else", Holds::One),
    ("unevaluatedItems", Holds::One),
    ("unevaluatedProperties", Holds::One),
    ("contentSchema", Holds::One),
    ("anyOf", Holds::List),
    ("oneOf", Holds::List),
    ("allOf", Holds::List),
    ("prefixItems", Holds::List),
    ("properties", Holds::Map),
    ("patternProperties", Holds::Map),
    ("dependentSchemas", Holds::Map),
    ("$defs", Holds::Map),
    ("definitions", Holds::Map),
];

/// Every schema of the document, the inner ones before those that hold them.
pub(crate) fn schemas(document: &Value) -> Vec<Site> {
    let mut sites = Vec::new();
    for root in roots(document) {
        if let Some(schema) = document.pointer(&root.pointer) {
            descend(schema, root, &mut sites);
        }
    }
    sites
}

/// The schemas at and below `root`, the inner ones first.
pub(crate) fn below(document: &Value, root: &Site) -> Vec<Site> {
    let mut sites = Vec::new();
    if let Some(schema) = document.pointer(&root.pointer) {
        descend(schema, root.clone(), &mut sites);
    }
    sites
}

fn descend(schema: &Value, site: Site, sites: &mut Vec<Site>) {
    let empty = Map::new();
    for (key, value) in schema.as_object().unwrap_or(&empty) {
        let Some((keyword, holds)) = HOLDERS.iter().find(|(keyword, _)| keyword == key) else {
            continue;
        };
        let at = join(&site.pointer, keyword);
        let child = |pointer: String, property: Option<&String>| Site {
            pointer,
            keyword: Some(keyword),
            property: property.or(site.property.as_ref()).cloned(),
            ..site.clone()
        };
        match (holds, value) {
            (Holds::One, Value::Object(_) | Value::Bool(_)) => {
                descend(value, child(at, None), sites);
            }
            (Holds::List, Value::Array(list)) => {
                for (index, value) in list.iter().enumerate() {
                    descend(value, child(join(&at, &index.to_string()), None), sites);
                }
            }
            (Holds::Map, Value::Object(map)) => {
                for (name, value) in map {
                    descend(value, child(join(&at, name), Some(name)), sites);
                }
            }
            _ => {}
        }
    }
    sites.push(site);
}

/// One operation's pointer and the form of its name that names types.
pub(crate) struct Operation {
    pub(crate) pointer: String,
    pub(crate) path: String,
    pub(crate) method: &'static str,
    pub(crate) owner: String,
}

/// Every operation, in the document's order.
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

/// The roots of all schema trees: of operations, of path items, then of components.
pub(crate) fn roots(document: &Value) -> Vec<Site> {
    let mut roots = Vec::new();
    for operation in operations(document) {
        let Operation { pointer, owner, .. } = &operation;
        let value = &document.pointer(pointer).expect("operations() found it");
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
                carrier(
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
            owner: name.clone(),
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
        carrier(parameter, &at, Position::Parameter, owner, name, roots);
    }
}

/// A parameter or a header: its `schema`, or the schemas of its `content`.
fn carrier(
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
            owner: owner.to_owned(),
            keyword: None,
            property: None,
        });
    }
    content(value, at, position, owner, roots);
    for root in &mut roots[first..] {
        root.property = name.map(str::to_owned);
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
                owner: owner.to_owned(),
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
    fn properties_named_like_keywords_are_schemas_and_not_keywords() {
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
    fn a_schema_inside_knows_the_property_it_belongs_to() {
        let document = json!({"paths": {"/a": {"get": {
            "operationId": "list_things",
            "parameters": [{"name": "kind", "in": "query", "schema": {"anyOf": [{"enum": ["a"]}]}}],
        }}}});
        let sites = schemas(&document);
        assert_eq!(sites[0].property.as_deref(), Some("kind"));
        assert_eq!(sites[0].keyword, Some("anyOf"));
        assert_eq!(sites[0].owner, "ListThings");
        assert!(sites[1].is_root() && sites[1].position == Position::Parameter);
    }
}
