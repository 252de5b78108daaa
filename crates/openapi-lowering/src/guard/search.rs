//! Finds the parts of a document on which the generator fails, by trying smaller documents.

use serde_json::{Map, Value, json};

use crate::{
    document::{reach, walk},
    generator::Generator,
    refusal::Refusal,
};

use super::attempt;

/// Returns the first component that fails by itself, or else all operations that do.
pub(super) fn locate(document: &Value, generator: &dyn Generator) -> Vec<Refusal> {
    if attempt(&with_paths(document, Map::new()), generator).is_err() {
        return component(document, generator).into_iter().collect();
    }
    walk::operations(document)
        .into_iter()
        .filter_map(|operation| {
            let reason = attempt(&with_operation(document, &operation), generator).err()?;
            Some(Refusal::new(operation.pointer, reason))
        })
        .collect()
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

/// Returns a component that fails together with only the components that it refers
/// to. Tries the component with the fewest such components first.
fn component(document: &Value, generator: &dyn Generator) -> Option<Refusal> {
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
    closures.into_iter().find_map(|(name, closure)| {
        let mut reduced = with_paths(document, Map::new());
        reduced["components"]["schemas"] = json!(closure);
        let reason = attempt(&reduced, generator).err()?;
        Some(Refusal::new(walk::component_pointer(name), reason))
    })
}
