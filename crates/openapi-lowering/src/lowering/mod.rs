//! Lowers a document: translates it from `OpenAPI` 3.1 to 3.0.3, and then adapts it to the generator.
//!
//! Each rule is one function, in a module named after its subject. A rule finds schemas through
//! `walk`, rewrites the document in place and records each rewrite in the ledger. Lowering is
//! idempotent.

pub(crate) mod adapt;
mod translate;

use serde_json::Value;

use crate::{Error, Result, generator::Dialect, ledger::Ledger};

/// What the rules depend on beside the document.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Target<'a> {
    pub(crate) dialect: Dialect,
    /// The methods that a client has beside those of its operations.
    pub(crate) methods: &'a [String],
    /// The previously lowered document, whose names are kept.
    pub(crate) previous: Option<&'a Value>,
}

/// One pass over the document.
enum Rule {
    Rewrite(fn(&mut Value, &mut Ledger)),
    /// A pass that fails if the document uses something that the result cannot express.
    TryRewrite(fn(&mut Value, &mut Ledger) -> Result<()>),
    /// A pass that depends on the target.
    RewriteFor(fn(&mut Value, &mut Ledger, Target)),
}

use Rule::{Rewrite, RewriteFor, TryRewrite};

impl Rule {
    fn apply(&self, document: &mut Value, ledger: &mut Ledger, target: Target) -> Result<()> {
        match self {
            Rewrite(rewrite) => rewrite(document, ledger),
            TryRewrite(rewrite) => rewrite(document, ledger)?,
            RewriteFor(rewrite) => rewrite(document, ledger, target),
        }
        Ok(())
    }
}

/// Returns the names of all rules, in the order in which they run.
pub fn rules() -> impl Iterator<Item = &'static str> {
    let rules = translate::RULES.iter().chain(&adapt::RULES);
    rules.map(|(name, _)| *name)
}

/// Translates `document` to 3.0 in place and stops there, so that it still describes the complete
/// wire format.
pub(crate) fn translate(document: &mut Value) -> Result<()> {
    run(
        document,
        &translate::RULES,
        Target::default(),
        &mut Ledger::default(),
    )
}

/// Applies the rules alone to a document, without an overlay and without trying a generator, and
/// returns the record of all rewrites.
///
/// # Errors
/// The document uses something that the result cannot express. The message names its JSON pointer.
pub fn lower(document: &mut Value, dialect: Dialect) -> Result<Ledger> {
    let target = Target {
        dialect,
        ..Target::default()
    };
    lower_for(document, target)
}

pub(crate) fn lower_for(document: &mut Value, target: Target) -> Result<Ledger> {
    let mut ledger = Ledger::default();
    run(document, &translate::RULES, target, &mut ledger)?;
    run(document, &adapt::RULES, target, &mut ledger)?;
    Ok(ledger)
}

fn run(
    document: &mut Value,
    rules: &[(&'static str, Rule)],
    target: Target,
    ledger: &mut Ledger,
) -> Result<()> {
    if !document.is_object() {
        return Err(Error::new("the document is not a JSON object"));
    }
    for (name, rule) in rules {
        ledger.begin(name);
        rule.apply(document, ledger, target)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_document_that_is_not_an_object_is_refused() {
        for mut document in [json!(12), json!([]), json!("x"), Value::Null] {
            assert!(lower(&mut document, Dialect::Plain).is_err(), "{document}");
            assert!(translate(&mut document).is_err(), "{document}");
        }
    }
}
