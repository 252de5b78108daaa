//! Removes limits on strings, arrays and objects. For requests they move to the description, and in the
//! extended dialect a property of a body also keeps them for its JSON Schema.
//!
//! The generator writes a separate type for every string with a limit, so a limit that upstream
//! adds would change the signatures of the client. The service still checks the limits.

use serde_json::Value;

use crate::{
    document::{pointer, reach::Reach, walk},
    ledger::Ledger,
};

use super::{super::Target, requests};

const LIMITS: [&str; 9] = [
    "minLength",
    "maxLength",
    "pattern",
    "minItems",
    "maxItems",
    "uniqueItems",
    "minProperties",
    "maxProperties",
    "multipleOf",
];

pub(super) fn apply(document: &mut Value, ledger: &mut Ledger, target: Target) {
    let reach = Reach::of(document);
    for site in walk::schemas(document) {
        let Some(schema) = pointer::object_mut(document, &site.pointer) else {
            continue;
        };
        let remove = |keyword| Some((keyword, schema.shift_remove(keyword)?));
        let removed: Vec<(&str, Value)> = LIMITS.into_iter().filter_map(remove).collect();
        for (keyword, limit) in removed {
            if reach.is_sent(&site)
                && let Some(sentence) = sentence(keyword, &limit)
            {
                requests::note(document, &site, &sentence);
                requests::keep(document, &site, keyword, limit, target.dialect);
            }
            ledger.lossy(pointer::join(&site.pointer, keyword));
        }
    }
}

/// Returns a limit as a sentence; `None` if it has no effect.
fn sentence(keyword: &str, limit: &Value) -> Option<String> {
    let count = |unit: &str| {
        let plural = if *limit == 1 { "" } else { "s" };
        format!("{limit} {unit}{plural}")
    };
    match keyword {
        "minLength" | "minItems" | "minProperties" if *limit == 0 => None,
        "uniqueItems" if *limit == false => None,
        "minLength" => Some(format!("At least {}.", count("character"))),
        "maxLength" => Some(format!("At most {}.", count("character"))),
        "minItems" => Some(format!("At least {}.", count("item"))),
        "maxItems" => Some(format!("At most {}.", count("item"))),
        "minProperties" => Some(format!("At least {}.", count("field"))),
        "maxProperties" => Some(format!("At most {}.", count("field"))),
        "uniqueItems" => Some("No item twice.".to_owned()),
        "multipleOf" => Some(format!("A multiple of {limit}.")),
        _ => Some(format!("Matches `{}`.", limit.as_str().unwrap_or_default())),
    }
}
