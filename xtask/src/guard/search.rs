//! Finds what the generator stumbles over, by giving it less and less.

use serde_json::{Map, Value, json};

use crate::{
    lower::{reach, walk},
    pointer,
};

use super::attempt;

/// The pointer of the first component, else of the first operation, that fails by itself.
pub(super) fn locate(document: &Value) -> Option<String> {
    if attempt(&with_paths(document, Map::new())).is_err() {
        return component(document);
    }
    walk::operations(document)
        .into_iter()
        .find(|operation| attempt(&alone(document, operation)).is_err())
        .map(|operation| operation.pointer)
}

fn with_paths(document: &Value, paths: Map<String, Value>) -> Value {
    let mut less = document.clone();
    less["paths"] = Value::Object(paths);
    less
}

/// The document with one operation and all components.
fn alone(document: &Value, operation: &walk::Operation) -> Value {
    let item = &document["paths"][&operation.path];
    let mut rest = Map::new();
    for key in ["parameters", operation.method] {
        if let Some(value) = item.get(key) {
            rest.insert(key.to_owned(), value.clone());
        }
    }
    let paths = Map::from_iter([(operation.path.clone(), Value::Object(rest))]);
    with_paths(document, paths)
}

/// The component that fails with nothing but what it refers to, the smallest such family first.
fn component(document: &Value) -> Option<String> {
    let schemas = document["components"]["schemas"].as_object()?;
    let mut families: Vec<(&String, Map<String, Value>)> = schemas
        .keys()
        .map(|name| {
            let family = reach::closure(document, name)
                .into_iter()
                .filter_map(|name| schemas.get(&name).map(|schema| (name, schema.clone())))
                .collect();
            (name, family)
        })
        .collect();
    families.sort_by_key(|(_, family)| family.len());
    families
        .into_iter()
        .find(|(_, family)| {
            let mut less = with_paths(document, Map::new());
            less["components"]["schemas"] = json!(family);
            attempt(&less).is_err()
        })
        .map(|(name, _)| pointer::join("/components/schemas", name))
}
