//! Refuses unknown schema keywords and drops those that the result cannot express.

use serde_json::Value;

use crate::{
    Result,
    ledger::Ledger,
    pointer,
    refusal::{self, Refusal},
};

use super::walk;

/// Keywords that are kept, or that another rule translates.
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

/// Keywords that only annotate or identify a schema. Removing them loses nothing.
const ANNOTATIONS: [&str; 7] = [
    "$schema",
    "$id",
    "$anchor",
    "$comment",
    "$vocabulary",
    "$dynamicAnchor",
    "xml",
];

/// Keywords that constrain a schema in ways that 3.0 cannot express. Without them the schema allows
/// more.
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

/// Refuses an unknown keyword, because ignoring it could change the generated type unnoticed.
pub(super) fn check(document: &mut Value, _: &mut Ledger) -> Result<()> {
    let mut refusals = Vec::new();
    for site in walk::schemas(document) {
        let schema = document.pointer(&site.pointer);
        let Some(schema) = schema.and_then(Value::as_object) else {
            continue;
        };
        for keyword in schema.keys() {
            let known = KEPT.contains(&keyword.as_str())
                || ANNOTATIONS.contains(&keyword.as_str())
                || NARROWING.contains(&keyword.as_str())
                || keyword.starts_with("x-");
            if !known {
                refusals.push(Refusal::new(
                    &site.pointer,
                    format!("`{keyword}` is not a keyword of JSON Schema"),
                ));
            }
        }
    }
    refusal::none(refusals)
}

/// Drops the keywords that 3.0 does not have.
pub(super) fn drop(document: &mut Value, ledger: &mut Ledger) {
    for site in walk::schemas(document) {
        let Some(schema) = pointer::object_mut(document, &site.pointer) else {
            continue;
        };
        for keyword in ANNOTATIONS {
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
