//! Components that contain themselves with nothing between: no value is of finite depth, and the
//! generator would descend for ever.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::{Error, Result, lower::reach, pointer};

/// Refuses a component that is itself by `$ref`, `allOf`, `anyOf` or `oneOf` alone.
pub(super) fn check(document: &Value) -> Result<()> {
    let Some(schemas) = document["components"]["schemas"].as_object() else {
        return Ok(());
    };
    let same: BTreeMap<&String, Vec<String>> = schemas
        .iter()
        .map(|(name, schema)| {
            let mut targets = Vec::new();
            collect(schema, &mut targets);
            (name, targets)
        })
        .collect();
    for name in schemas.keys() {
        let mut pending = same[name].clone();
        let mut seen: Vec<String> = Vec::new();
        while let Some(next) = pending.pop() {
            if next == *name {
                return Err(Error::refused(format!(
                    "{} is defined as itself; break the circle in the overlay",
                    pointer::join("/components/schemas", name)
                )));
            }
            if !seen.contains(&next) {
                pending.extend(same.get(&next).into_iter().flatten().cloned());
                seen.push(next);
            }
        }
    }
    Ok(())
}

/// The components that a value of this schema is a value of as well.
fn collect(schema: &Value, targets: &mut Vec<String>) {
    targets.extend(reach::target(schema));
    for keyword in ["allOf", "anyOf", "oneOf"] {
        for arm in schema[keyword].as_array().into_iter().flatten() {
            collect(arm, targets);
        }
    }
}
