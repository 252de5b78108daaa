//! Compares two documents at three levels: the wire, the generator and Rust.
//!
//! Each level detects changes that the others cannot. A stricter limit breaks requests, but no Rust
//! code. A new value of an enum breaks an exhaustive `match`, but no request.

mod changelog;
mod constraints;
mod found;
mod generator;
mod operation;
mod place;
mod rust;
mod schema;
mod show;
mod surface;
mod version;
mod wire;

use std::{cmp::Reverse, fmt};

use serde_json::Value;

use crate::ledger::Ledger;

pub use show::Format;
pub use surface::outline;

/// The level at which a change is visible.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// The requests and responses of any client.
    Wire,
    /// The input of the generator.
    Generator,
    /// The public items of the generated code.
    Rust,
}

/// The effect of a change on existing callers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// An addition, or a change that no caller can observe.
    Info,
    /// May break callers that rely on more than the document guarantees.
    Warning,
    /// Breaks callers that rely only on what the document guarantees.
    Breaking,
}

/// One change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The level at which it is visible.
    pub level: Level,
    /// Its effect on existing callers.
    pub severity: Severity,
    /// The kind of change. On the wire, the names are those of oasdiff.
    pub rule: &'static str,
    /// The part that changed: a JSON pointer on the wire, a name at the other levels.
    pub place: String,
    /// The change in words.
    pub text: String,
    /// The affected operations, by method and path. Empty unless the level is the wire.
    pub operations: Vec<String>,
    /// The ids of those operations.
    pub names: Vec<String>,
}

/// The release that a set of changes requires, by semantic versioning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// No release: there are no changes.
    None,
    /// Changes that no Rust code can observe.
    Patch,
    /// Changes in the public items that break no code.
    Minor,
    /// Breaking changes at any level.
    Major,
}

impl fmt::Display for Class {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::None => "none",
            Self::Patch => "patch",
            Self::Minor => "minor",
            Self::Major => "major",
        })
    }
}

/// The changes between two documents.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diff {
    /// The changes by level, and by descending severity within a level.
    pub changes: Vec<Change>,
    /// The current version of the crate, if it is known.
    pub version: Option<String>,
}

/// One side of a comparison.
#[derive(Clone, Copy, Debug)]
pub struct Side<'a> {
    /// The document with the overlay, translated to 3.0 but not lowered further.
    pub wire: &'a Value,
    /// The derived document.
    pub derived: &'a Value,
    /// The record of the rewrites.
    pub ledger: &'a Ledger,
    /// The code of the generated client.
    pub code: &'a str,
}

impl Diff {
    /// Compares two documents at all levels.
    pub fn between(before: Side, after: Side) -> Self {
        let mut changes = wire::compare(before.wire, after.wire);
        changes.extend(generator::compare(before, after));
        changes.extend(rust::compare(before.code, after.code));
        changes.sort_by_key(|change| (change.level, Reverse(change.severity)));
        Self {
            changes,
            version: None,
        }
    }

    /// Returns the release that the worst change requires.
    pub fn class(&self) -> Class {
        let class = |change: &Change| match (change.level, change.severity) {
            (_, Severity::Breaking) => Class::Major,
            (Level::Rust, Severity::Info | Severity::Warning) => Class::Minor,
            _ => Class::Patch,
        };
        self.changes.iter().map(class).max().unwrap_or(Class::None)
    }

    /// Returns the changes that break callers on the network.
    pub fn breaks_callers(&self) -> Vec<&Change> {
        self.breaking(|change| change.level == Level::Wire)
    }

    /// Returns the changes that break Rust code although the same requests and responses still
    /// work.
    pub fn breaks_rust_only(&self) -> Vec<&Change> {
        let wire = self.breaks_callers();
        self.breaking(|change| {
            change.level != Level::Wire && !wire.iter().any(|wire| rust::stems_from(change, wire))
        })
    }

    fn breaking(&self, filter: impl Fn(&Change) -> bool) -> Vec<&Change> {
        self.changes
            .iter()
            .filter(|change| change.severity == Severity::Breaking && filter(change))
            .collect()
    }
}
