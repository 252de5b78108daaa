//! The changes that a comparison of the wire has found.

use super::{Change, Level, Severity};

/// The changes of one operation.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) changes: Vec<Change>,
}

impl Found {
    pub(super) fn add(
        &mut self,
        severity: Severity,
        rule: &'static str,
        place: &str,
        text: String,
    ) {
        self.changes
            .push(Change::new(Level::Wire, severity, rule, place, text));
    }
}
