//! Schema keywords: those that are known, and those that the result does without.

use serde_json::Value;

use crate::{Error, Result, ledger::Ledger, pointer};

use super::walk;

/// Keywords that stay, or that a rule of their own translates.
const KEPT: [&str; 43] = [
    "$ref",
    "$defs",
    "definitions",
    "additionalProperties",
    "allOf",
    "anyOf",
    "const",
    "contentEncoding",
    "contentMediaType",
    "default",
    "deprecated",
    "description",
    "discriminator",
    "enum",
    "example",
    "examples",
    "exclusiveMaximum",
    "exclusiveMinimum",
    "externalDocs",
    "format",
    "items",
    "maxItems",
    "maxLength",
    "maxProperties",
    "maximum",
    "minItems",
    "minLength",
    "minProperties",
    "minimum",
    "multipleOf",
    "not",
    "nullable",
    "oneOf",
    "pattern",
    "patternProperties",
    "prefixItems",
    "properties",
    "readOnly",
    "required",
    "title",
    "type",
    "uniqueItems",
    "writeOnly",
];

/// Keywords that only annotate or identify; nothing is given up with them.
const IDLE: [&str; 7] = [
    "$schema",
    "$id",
    "$anchor",
    "$comment",
    "$vocabulary",
    "$dynamicAnchor",
    "xml",
];

/// Keywords that narrow a schema in ways 3.0 cannot say; without them it allows more.
const NARROWING: [&str; 14] = [
    "if",
    "then",
    "else",
    "contains",
    "minContains",
    "maxContains",
    "propertyNames",
    "dependentRequired",
    "dependentSchemas",
    "dependencies",
    "unevaluatedItems",
    "unevaluatedProperties",
    "additionalItems",
    "contentSchema",
];

/// Refuses a keyword that no rule knows: silence would change the type without a word.
pub(super) fn check(document: &mut Value, _: &mut Ledger) -> Result<()> {
    for site in walk::schemas(document) {
        let schema = document.pointer(&site.pointer);
        let Some(schema) = schema.and_then(Value::as_object) else {
            continue;
        };
        for keyword in schema.keys() {
            let known = KEPT.contains(&keyword.as_str())
                || IDLE.contains(&keyword.as_str())
                || NARROWING.contains(&keyword.as_str())
                || keyword.starts_with("x-");
            if !known {
                return Err(Error::refused(format!(
                    "unknown schema keyword `{keyword}` at {}: teach xtask's lowering about it, \
                     or remove it in the overlay",
                    site.pointer
                )));
            }
        }
    }
    Ok(())
}

/// Drops what 3.0 has no word for.
pub(super) fn drop(document: &mut Value, ledger: &mut Ledger) {
    for site in walk::schemas(document) {
        let Some(schema) = pointer::object_mut(document, &site.pointer) else {
            continue;
        };
        for keyword in IDLE {
            if schema.shift_remove(keyword).is_some() {
                ledger.exact(pointer::join(&site.pointer, keyword));
            }
        }
        for keyword in NARROWING {
            if schema.shift_remove(keyword).is_some() {
                ledger.lossy(pointer::join(&site.pointer, keyword));
            }
        }
    }
}
