//! From `OpenAPI` 3.1 to 3.0.3, and then to what the generator takes.
//!
//! One rule a file or a small function. A rule reads positions from `walk`, rewrites in place and
//! writes each rewrite into the ledger. Lowering what has been lowered changes nothing.

mod arms;
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
mod limits;
mod nullable;
mod objects;
mod operation_ids;
mod parameters;
mod prune;
pub(crate) mod reach;
mod references;
mod requests;
mod responses;
mod success;
mod titles;
mod tuples;
mod unions;
pub(crate) mod walk;

use serde_json::Value;

use crate::{Result, ledger::Ledger};

/// A pass over the whole document.
enum Rule {
    Rewrite(fn(&mut Value, &mut Ledger)),
    /// A pass that may find something without a place in the result.
    Demand(fn(&mut Value, &mut Ledger) -> Result<()>),
}

use Rule::{Demand, Rewrite};

impl Rule {
    fn apply(&self, document: &mut Value, ledger: &mut Ledger) -> Result<()> {
        match self {
            Rewrite(rewrite) => {
                rewrite(document, ledger);
                Ok(())
            }
            Demand(demand) => demand(document, ledger),
        }
    }
}

/// The rules in the order they run. The first half is 3.1 → 3.0, the second the generator's needs.
const RULES: [(&str, Rule); 40] = [
    ("inline-component", Demand(inline::apply)),
    ("unknown-keyword", Demand(keywords::check)),
    ("dropped-section", Rewrite(envelope::apply)),
    ("definitions", Demand(definitions::apply)),
    ("dropped-keyword", Rewrite(keywords::drop)),
    ("boolean-schema", Rewrite(objects::booleans)),
    ("content-encoding", Rewrite(contents::apply)),
    ("prefix-items", Rewrite(tuples::apply)),
    ("pattern-properties", Rewrite(objects::patterns)),
    ("const", Rewrite(constants::apply)),
    ("exclusive-bounds", Rewrite(bounds::exclusive)),
    ("examples", Rewrite(examples::apply)),
    ("nullable", Rewrite(nullable::apply)),
    ("nullable-component", Rewrite(nullable::components)),
    ("ref-siblings", Rewrite(references::apply)),
    ("title", Rewrite(titles::apply)),
    ("format", Rewrite(contents::formats)),
    ("operation-id", Demand(operation_ids::apply)),
    ("request-media-type", Rewrite(bodies::media_types)),
    ("request-body", Rewrite(bodies::shapes)),
    ("success-response", Rewrite(success::apply)),
    ("success-content", Rewrite(success::contents)),
    ("success-status", Rewrite(success::statuses)),
    ("error-response", Rewrite(errors::apply)),
    ("nullable-parameter", Rewrite(requests::nullable_parameters)),
    ("anything", Rewrite(arms::anything)),
    ("literal-union", Rewrite(unions::literals)),
    ("parameter-shape", Rewrite(parameters::apply)),
    ("union-tag", Rewrite(unions::tags)),
    ("first-fit", Rewrite(arms::first_fit)),
    ("named-enum", Rewrite(enums::hoist)),
    ("unsigned-integer", Rewrite(bounds::unsigned)),
    ("limit", Rewrite(limits::apply)),
    ("request-default", Rewrite(requests::defaults)),
    ("plain-reference", Rewrite(references::plain)),
    ("open-object", Rewrite(responses::open_objects)),
    ("open-value", Rewrite(responses::open_values)),
    ("open-enum", Rewrite(enums::open)),
    ("prune", Rewrite(prune::apply)),
    ("order", Rewrite(prune::sort)),
];

/// The names of all rules, in the order they run.
pub fn rules() -> impl Iterator<Item = &'static str> {
    RULES.iter().map(|(name, _)| *name)
}

/// The last rule that translates to 3.0; what follows serves the generator.
const LAST_OF_TRANSLATION: &str = "ref-siblings";

/// Translates `document` to 3.0 in place and no further, so that it still says all of the wire.
///
/// # Errors
/// As [`lower`].
pub fn translate(document: &mut Value) -> Result<()> {
    let mut ledger = Ledger::default();
    for (name, rule) in RULES {
        rule.apply(document, &mut ledger)?;
        if name == LAST_OF_TRANSLATION {
            break;
        }
    }
    Ok(())
}

/// Lowers `document` in place and returns what was rewritten.
///
/// # Errors
/// The document uses something that has no place in the result; the message names its pointer.
pub fn lower(document: &mut Value) -> Result<Ledger> {
    let mut ledger = Ledger::default();
    for (name, rule) in RULES {
        ledger.begin(name);
        rule.apply(document, &mut ledger)?;
    }
    Ok(ledger)
}
