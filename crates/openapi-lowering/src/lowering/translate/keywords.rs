//! Drops schema keywords that are unknown or that the result cannot express.

use serde_json::Value;

use crate::{
    document::{pointer, walk},
    ledger::Ledger,
};

/// Keywords that are kept, or that another rule translates.
const KEPT: [&str; 45] = [
    "$ref",
    "$dynamicRef",
    "$recursiveRef",
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
const ANNOTATIONS: [&str; 8] = [
    "$schema",
    "$id",
    "$anchor",
    "$comment",
    "$vocabulary",
    "$dynamicAnchor",
    "$recursiveAnchor",
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

/// Drops unknown keywords, which are annotations (JSON Schema 2020-12 core, section 6.5).
///
/// The ledger names a known keyword that is spelt almost the same, because the unknown one may be a
/// misspelt constraint.
pub(super) fn unknown(document: &mut Value, ledger: &mut Ledger) {
    for site in walk::schemas(document) {
        let Some(schema) = pointer::object_mut(document, &site.pointer) else {
            continue;
        };
        let unknown: Vec<String> = schema
            .keys()
            .filter(|keyword| !keyword.starts_with("x-"))
            .filter(|keyword| !known().any(|known| known == keyword.as_str()))
            .cloned()
            .collect();
        for keyword in unknown {
            schema.shift_remove(&keyword);
            let reason = match similar(&keyword) {
                Some(known) => format!("`{keyword}` is not a keyword; `{known}` is similar"),
                None => format!("`{keyword}` is not a keyword"),
            };
            ledger.lossy_because(pointer::join(&site.pointer, &keyword), reason);
        }
    }
}

fn known() -> impl Iterator<Item = &'static str> {
    KEPT.into_iter().chain(ANNOTATIONS).chain(NARROWING)
}

/// Returns the known keyword that differs least, if it differs by at most two edits and less than
/// half of its letters.
fn similar(keyword: &str) -> Option<&'static str> {
    const MOST_EDITS: usize = 2;
    known()
        .map(|known| (edits(&keyword.to_lowercase(), &known.to_lowercase()), known))
        .filter(|(edits, known)| *edits <= MOST_EDITS && 2 * edits < known.len())
        .min_by_key(|(edits, _)| *edits)
        .map(|(_, known)| known)
}

/// Returns the number of letters to insert, remove or replace (the Levenshtein distance).
fn edits(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (index, letter) in one.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = index + 1;
        for (column, expected) in other.iter().enumerate() {
            let replaced = diagonal + usize::from(letter != *expected);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(row[column] + 1).min(diagonal + 1);
        }
    }
    row[other.len()]
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
        if schema
            .get("not")
            .is_some_and(|not| !forbids_everything(not))
        {
            schema.shift_remove("not");
            ledger.lossy(pointer::join(&site.pointer, "not"));
        }
    }
}

/// Returns whether no value is valid if this schema must not be.
fn forbids_everything(not: &Value) -> bool {
    *not == true || not.as_object().is_some_and(serde_json::Map::is_empty)
}
