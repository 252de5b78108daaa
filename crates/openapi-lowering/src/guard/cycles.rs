//! Refuses components that are defined as themselves. They allow no value of finite depth, and the
//! generator would not terminate.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::{
    document::{reach, walk},
    refusal::Refusal,
};

/// Returns the components that lead back to themselves through only `$ref`, `allOf`, `anyOf` and
/// `oneOf`.
pub(super) fn check(document: &Value) -> Vec<Refusal> {
    let mut refusals = Vec::new();
    let Some(schemas) = document["components"]["schemas"].as_object() else {
        return refusals;
    };
    let targets: BTreeMap<&String, Vec<String>> = schemas
        .iter()
        .map(|(name, schema)| {
            let mut found = Vec::new();
            collect(schema, &mut found);
            (name, found)
        })
        .collect();
    for name in schemas.keys() {
        let mut pending = targets[name].clone();
        let mut seen: Vec<String> = Vec::new();
        while let Some(next) = pending.pop() {
            if next == *name {
                let at = walk::component_pointer(name);
                refusals.push(Refusal::new(at, "the schema is defined as itself"));
                break;
            }
            if !seen.contains(&next) {
                pending.extend(targets.get(&next).into_iter().flatten().cloned());
                seen.push(next);
            }
        }
    }
    refusals
}

/// Collects the components whose values may also be values of this schema.
fn collect(schema: &Value, targets: &mut Vec<String>) {
    targets.extend(reach::target(schema));
    for keyword in ["allOf", "anyOf", "oneOf"] {
        for arm in schema[keyword].as_array().into_iter().flatten() {
            collect(arm, targets);
        }
    }
}
