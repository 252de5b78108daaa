//! All steps from a document and an overlay to a lowered document.

use serde_json::Value;

use crate::{
    Diff, Document, Error, Result, Side,
    document::walk,
    generator::Generator,
    guard::{self, Generated},
    ledger::Ledger,
    lowering::{self, Target},
    overlay,
    refusal::{self, LeftOut},
};

/// Lowers documents for a generator.
#[derive(Clone, Copy, Debug)]
pub struct Lowering<'a> {
    generator: &'a dyn Generator,
    overlay: Option<&'a Value>,
    previous: Option<&'a Value>,
}

impl<'a> Lowering<'a> {
    /// Lowers documents for this generator, without an overlay.
    pub fn new(generator: &'a dyn Generator) -> Self {
        Self {
            generator,
            overlay: None,
            previous: None,
        }
    }

    /// Corrects each document with an overlay before it is lowered.
    #[must_use]
    pub fn overlay(self, overlay: &'a Value) -> Self {
        Self {
            overlay: Some(overlay),
            ..self
        }
    }

    /// Keeps the names of types in a previously lowered document, so that a change elsewhere in the
    /// document does not rename them.
    #[must_use]
    pub fn previous(self, lowered: &'a Value) -> Self {
        Self {
            previous: Some(lowered),
            ..self
        }
    }

    /// Lowers a document.
    ///
    /// An operation that no rule can lower, or for which the generator fails, is left out.
    ///
    /// # Errors
    /// The overlay is malformed or does not fit the document, it is about an operation that has to be
    /// left out, or the document is unusable as a whole.
    pub fn lower(&self, document: &Document) -> Result<Lowered> {
        let Document {
            value: mut document,
            mut warnings,
        } = document.clone();
        if let Some(overlay) = self.overlay {
            warnings.extend(overlay::apply(&mut document, overlay)?);
        }
        let target = Target {
            dialect: self.generator.dialect(),
            methods: self.generator.methods(),
            previous: self.previous,
        };
        let ((mut ledger, code), left_out) = refusal::without_refused(&mut document, |document| {
            let ledger = lowering::lower_for(document, target)?;
            Ok((ledger, guard::generate(document, self.generator)?))
        })?;
        ledger.leave_out(&left_out);
        if let Some(overlay) = self.overlay
            && let Some((found, action)) = overlay::first_needed(overlay, &left_out)?
        {
            return Err(Error::new(format!(
                "{found}; overlay action {action} needs this operation"
            )));
        }
        Ok(Lowered {
            document,
            ledger,
            code,
            left_out,
            warnings,
        })
    }

    /// Returns the document with the overlay, translated to 3.0 but not lowered further, for a
    /// comparison. It contains what only the generator does not support. Actions of the overlay that
    /// match nothing are skipped: the document may be older than the overlay.
    ///
    /// # Errors
    /// The overlay is malformed, or the document is unusable as a whole.
    pub fn wire(&self, document: &Document) -> Result<Value> {
        let mut wire = document.value.clone();
        if let Some(overlay) = self.overlay {
            overlay::apply_what_fits(&mut wire, overlay)?;
        }
        refusal::without_refused(&mut wire, lowering::translate)?;
        Ok(wire)
    }

    /// Lowers two documents and compares them.
    ///
    /// # Errors
    /// As for [`lower`](Self::lower).
    pub fn diff(&self, old: &Document, new: &Document) -> Result<Diff> {
        let (before, after) = (self.lower(old)?, self.lower(new)?);
        Ok(Diff::between(
            Side::new(&self.wire(old)?, &before, &before.code.client()),
            Side::new(&self.wire(new)?, &after, &after.code.client()),
        ))
    }
}

/// A lowered document, and how it came about.
#[derive(Clone, Debug)]
pub struct Lowered {
    /// The lowered document.
    pub document: Value,
    /// The rewrites.
    pub ledger: Ledger,
    /// The code that the generator writes for the lowered document.
    pub code: Generated,
    /// What no rule could lower and the generator does not support.
    pub left_out: Vec<LeftOut>,
    /// What a maintainer should check, one line each.
    pub warnings: Vec<String>,
}

impl Lowered {
    /// Returns the lowered document as text.
    pub fn to_text(&self) -> String {
        format!("{:#}\n", self.document)
    }

    /// Returns the number of operations in the lowered document.
    pub fn operations(&self) -> usize {
        walk::operations(&self.document).len()
    }

    /// Returns the number of operations before lowering.
    pub fn operations_before(&self) -> usize {
        let left_out = self.left_out.iter();
        self.operations()
            + left_out
                .filter(|found| found.operation_id.is_some())
                .count()
    }

    /// Returns the operations before and after lowering, what is left out and why, and the number of
    /// rewrites, one line each.
    pub fn report(&self) -> String {
        let mut lines = vec![
            format!("operations in: {}", self.operations_before()),
            format!("operations out: {}", self.operations()),
        ];
        let left_out = self.left_out.iter();
        lines.extend(left_out.map(|found| format!("left out: {found}")));
        let entries = self.ledger.entries();
        let lossy = entries.iter().filter(|entry| entry.lossy).count() - self.left_out.len();
        lines.push(format!(
            "rewrites: {}, of which {lossy} lose information",
            entries.len() - self.left_out.len()
        ));
        lines.join("\n") + "\n"
    }
}

impl<'a> Side<'a> {
    /// Returns one side of a comparison from its parts: [`Lowering::wire`], the
    /// lowered document, and its client.
    pub fn new(wire: &'a Value, lowered: &'a Lowered, code: &'a str) -> Self {
        Self {
            wire,
            derived: &lowered.document,
            ledger: &lowered.ledger,
            code,
        }
    }
}
