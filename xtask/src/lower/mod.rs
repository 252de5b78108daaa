//! From `OpenAPI` 3.1 to 3.0.3, and then to what the generator takes.
//!
//! One rule a file or a small function. A rule reads positions from `walk`, rewrites in place and
//! writes each rewrite into the ledger. Lowering what has been lowered changes nothing.

mod bodies;
mod bounds;
mod constants;
mod contents;
mod definitions;
mod enums;
mod envelope;
mod errors;
mod examples;
mod inline;
mod keywords;
mod nullable;
mod objects;
mod operation_ids;
mod prune;
mod reach;
mod references;
mod requests;
mod responses;
mod success;
mod titles;
mod tuples;
pub(crate) mod walk;

use serde_json::Value;

use crate::{Result, ledger::Ledger};

/// A rewrite of the whole document.
type Rule = fn(&mut Value, &mut Ledger) -> Result<()>;

/// The rules in the order they run. The first half is 3.1 → 3.0, the second the generator's needs.
const RULES: [(&str, Rule); 34] = [
    ("inline-component", inline::apply),
    ("unknown-keyword", keywords::check),
    ("dropped-section", envelope::apply),
    ("definitions", definitions::apply),
    ("dropped-keyword", keywords::drop),
    ("boolean-schema", objects::booleans),
    ("content-encoding", contents::apply),
    ("prefix-items", tuples::apply),
    ("pattern-properties", objects::patterns),
    ("const", constants::apply),
    ("exclusive-bounds", bounds::exclusive),
    ("examples", examples::apply),
    ("nullable", nullable::apply),
    ("nullable-component", nullable::components),
    ("ref-siblings", references::apply),
    ("title", titles::apply),
    ("format", contents::formats),
    ("operation-id", operation_ids::apply),
    ("request-media-type", bodies::apply),
    ("success-response", success::apply),
    ("success-content", success::contents),
    ("error-response", errors::apply),
    ("nullable-parameter", requests::nullable_parameters),
    ("named-enum", enums::hoist),
    ("non-negative", bounds::non_negative),
    ("request-default", requests::defaults),
    ("plain-reference", references::plain),
    ("pattern", requests::patterns),
    ("open-object", responses::open_objects),
    ("open-value", responses::open_values),
    ("text-length", requests::text_lengths),
    ("open-enum", enums::open),
    ("prune", prune::apply),
    ("order", prune::sort),
];

/// Lowers `document` in place and returns what was rewritten.
///
/// # Errors
/// The document uses something that has no place in the result; the message names its pointer.
pub fn lower(document: &mut Value) -> Result<Ledger> {
    let mut ledger = Ledger::default();
    for (name, rule) in RULES {
        ledger.begin(name);
        rule(document, &mut ledger)?;
    }
    Ok(ledger)
}
