//! Lowers a document from `OpenAPI` 3.1 to 3.0.3, and then to the subset that the generator
//! supports.
//!
//! Each rule is one function, in a module named after its subject. A rule finds schemas through
//! `walk`, rewrites the document in place and records each rewrite in the ledger. Lowering is
//! idempotent.

mod arms;
pub(crate) mod bodies;
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
pub(crate) mod operation_ids;
pub(crate) mod parameter_names;
pub(crate) mod parameters;
mod prune;
mod raw_bodies;
pub(crate) mod reach;
mod references;
mod requests;
mod responses;
mod schema_pointers;
mod success;
mod titles;
mod tuples;
mod unions;
pub(crate) mod walk;

use serde_json::Value;

use crate::{Error, Result, ledger::Ledger};

/// One pass over the document.
enum Rule {
    Rewrite(fn(&mut Value, &mut Ledger)),
    /// A pass that fails if the document uses something that the result cannot express.
    TryRewrite(fn(&mut Value, &mut Ledger) -> Result<()>),
}

use Rule::{Rewrite, TryRewrite};

impl Rule {
    fn apply(&self, document: &mut Value, ledger: &mut Ledger) -> Result<()> {
        match self {
            Rewrite(rewrite) => {
                rewrite(document, ledger);
                Ok(())
            }
            TryRewrite(rewrite) => rewrite(document, ledger),
        }
    }
}

/// The rules in the order in which they run.
///
/// Those up to [`LAST_OF_TRANSLATION`] translate 3.1 to 3.0. The others adapt the document to the
/// generator.
const RULES: [(&str, Rule); 48] = [
    ("inline-component", TryRewrite(inline::apply)),
    ("unknown-keyword", Rewrite(keywords::unknown)),
    ("schema-pointer", Rewrite(schema_pointers::apply)),
    ("dropped-section", Rewrite(envelope::apply)),
    ("definitions", Rewrite(definitions::apply)),
    ("dangling-reference", Rewrite(definitions::dangling)),
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
    ("operation-id", TryRewrite(operation_ids::apply)),
    ("request-content-type", Rewrite(bodies::names)),
    ("request-media-type", Rewrite(bodies::media_types)),
    ("request-bytes", Rewrite(raw_bodies::apply)),
    ("request-body", Rewrite(bodies::shapes)),
    ("success-response", Rewrite(success::apply)),
    ("success-content", Rewrite(success::contents)),
    ("success-status", Rewrite(success::statuses)),
    ("error-response", Rewrite(errors::apply)),
    ("unused-component", Rewrite(prune::apply)),
    ("nullable-parameter", Rewrite(requests::nullable_parameters)),
    ("anything", Rewrite(arms::anything)),
    ("literal-union", Rewrite(unions::literals)),
    ("parameter-shape", Rewrite(parameters::apply)),
    ("object-parameter", Rewrite(parameters::objects)),
    ("optional-parameter", Rewrite(parameters::optional)),
    ("parameter-name", Rewrite(parameter_names::apply)),
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

/// Returns the names of all rules, in the order in which they run.
pub fn rules() -> impl Iterator<Item = &'static str> {
    RULES.iter().map(|(name, _)| *name)
}

/// The last rule that translates to 3.0. The rules after it adapt the document to the generator.
const LAST_OF_TRANSLATION: &str = "ref-siblings";

/// Translates `document` to 3.0 in place and stops there, so that it still describes the complete
/// wire format.
///
/// # Errors
/// The same as for [`lower`].
pub fn translate(document: &mut Value) -> Result<()> {
    check_object(document)?;
    let mut ledger = Ledger::default();
    for (name, rule) in RULES {
        rule.apply(document, &mut ledger)?;
        if name == LAST_OF_TRANSLATION {
            break;
        }
    }
    Ok(())
}

/// Lowers `document` in place and returns the record of all rewrites.
///
/// # Errors
/// The document uses something that the result cannot express. The message names its JSON pointer.
pub fn lower(document: &mut Value) -> Result<Ledger> {
    check_object(document)?;
    let mut ledger = Ledger::default();
    for (name, rule) in RULES {
        ledger.begin(name);
        rule.apply(document, &mut ledger)?;
    }
    Ok(ledger)
}

fn check_object(document: &Value) -> Result<()> {
    if document.is_object() {
        return Ok(());
    }
    Err(Error::refused("the document is not a JSON object"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_document_that_is_not_an_object_is_refused() {
        for mut document in [json!(12), json!([]), json!("x"), Value::Null] {
            assert!(lower(&mut document).is_err(), "{document}");
            assert!(translate(&mut document).is_err(), "{document}");
        }
    }
}
