//! Finds the part of a document on which the generator fails, by trying smaller documents.

use serde_json::{Map, Value, json};

use crate::{
    lower::{reach, walk},
    pointer,
};

use super::attempt;

/// Returns the pointer of the first component that fails by itself, or else of the first such
/// operation.
pub(super) fn locate(document: &Value) -> Option<String> {
    if attempt(&with_paths(document, Map::new())).is_err() {
        return component(document);
    }
    walk::operations(document)
        .into_iter()
        .find(|operation| attempt(&with_operation(document, operation)).is_err())
        .map(|operation| operation.pointer)
}

fn with_paths(document: &Value, paths: Map<String, Value>) -> Value {
    let mut reduced = document.clone();
    reduced["paths"] = Value::Object(paths);
    reduced
}

/// Returns the document with only one operation, but with all components.
fn with_operation(document: &Value, operation: &walk::Operation) -> Value {
    let item = &document["paths"][&operation.path];
    let mut reduced = Map::new();
    for key in ["parameters", operation.method] {
        if let Some(value) = item.get(key) {
            reduced.insert(key.to_owned(), value.clone());
        }
    }
    let paths = Map::from_iter([(operation.path.clone(), Value::Object(reduced))]);
    with_paths(document, paths)
}

/// Returns the pointer of a component that fails together with only the components that it refers
/// to. Tries the component with the fewest such components first.
fn component(document: &Value) -> Option<String> {
    let schemas = document["components"]["schemas"].as_object()?;
    let mut closures: Vec<(&String, Map<String, Value>)> = schemas
        .keys()
        .map(|name| {
            let closure = reach::closure(document, name)
                .into_iter()
                .filter_map(|name| schemas.get(&name).map(|schema| (name, schema.clone())))
                .collect();
            (name, closure)
        })
        .collect();
    closures.sort_by_key(|(_, closure)| closure.len());
    closures
        .into_iter()
        .find(|(_, closure)| {
            let mut reduced = with_paths(document, Map::new());
            reduced["components"]["schemas"] = json!(closure);
            attempt(&reduced).is_err()
        })
        .map(|(name, _)| pointer::join("/components/schemas", name))
}
