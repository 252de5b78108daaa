//! Refuses components that are defined as themselves. They allow no value of finite depth, and the
//! generator would not terminate.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::{Error, Result, lower::reach, pointer};

/// Refuses a component that leads back to itself through only `$ref`, `allOf`, `anyOf` and `oneOf`.
pub(super) fn check(document: &Value) -> Result<()> {
    let Some(schemas) = document["components"]["schemas"].as_object() else {
        return Ok(());
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
                return Err(Error::refused(format!(
                    "{} is defined as itself; break the cycle in the overlay",
                    pointer::join("/components/schemas", name)
                )));
            }
            if !seen.contains(&next) {
                pending.extend(targets.get(&next).into_iter().flatten().cloned());
                seen.push(next);
            }
        }
    }
    Ok(())
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
