//! Collects the changes at one level.

use super::{Change, Level, Severity};

/// The changes found so far at one level.
#[derive(Debug)]
pub(super) struct Found {
    level: Level,
    pub(super) changes: Vec<Change>,
}

impl Found {
    pub(super) fn new(level: Level) -> Self {
        Self {
            level,
            changes: Vec::new(),
        }
    }

    pub(super) fn add(
        &mut self,
        severity: Severity,
        rule: &'static str,
        place: &str,
        text: impl Into<String>,
    ) {
        self.changes.push(Change {
            level: self.level,
            severity,
            rule,
            place: place.to_owned(),
            text: text.into(),
            operations: Vec::new(),
            names: Vec::new(),
        });
    }
}
