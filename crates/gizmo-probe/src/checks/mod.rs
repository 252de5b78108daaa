//! The checks of assumptions: each reads a recording, and notes what speaks for its assumption or against it.

mod access;
mod document;
mod early;
mod errors;
mod events;
mod exports;
mod jobs;
mod lists;
mod resources;
mod runs;

use serde_json::Value;

use crate::evidence::Evidence;
use crate::tally::Tally;

/// A check of the assumption with an id.
pub(crate) type Check = (&'static str, fn(&Evidence, &mut Tally));

/// All checks. An assumption may have several. One without any cannot be observed by requests, or only by paid ones that the probe avoids.
pub(crate) fn all() -> impl Iterator<Item = &'static Check> {
    [
        document::CHECKS,
        access::CHECKS,
        runs::CHECKS,
        jobs::CHECKS,
        events::CHECKS,
        lists::CHECKS,
        resources::CHECKS,
        errors::CHECKS,
        exports::CHECKS,
        early::CHECKS,
    ]
    .into_iter()
    .flatten()
}

/// Whether the name of an event belongs to a known vocabulary.
pub(crate) fn is_known_event(name: &str) -> bool {
    events::is_known(name)
}

/// Whether the key is one of the early-access API.
pub(crate) fn is_early(evidence: &Evidence) -> bool {
    early::is_early(evidence)
}

/// Describes a value without showing text that could be private.
fn kind(value: Option<&Value>) -> String {
    match value {
        None => "nothing".to_owned(),
        Some(Value::Null) => "null".to_owned(),
        Some(Value::Bool(_)) => "a boolean".to_owned(),
        Some(Value::Number(number)) => format!("the number {number}"),
        Some(Value::String(text)) => format!("`{text}`"),
        Some(Value::Array(_)) => "an array".to_owned(),
        Some(Value::Object(_)) => "an object".to_owned(),
    }
}

/// Lists places of ids for a report: `nothing`, or the pointers.
fn places(found: &[(String, String)]) -> String {
    if found.is_empty() {
        return "nothing like it".to_owned();
    }
    let pointers: Vec<_> = found.iter().map(|(pointer, _)| pointer.as_str()).collect();
    format!("it is at {}", pointers.join(", "))
}
