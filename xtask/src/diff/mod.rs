//! What a new document changes, at three levels: on the wire, for the generator, and in Rust.
//!
//! Each level sees what the others cannot. A limit that shrinks breaks callers on the network and no
//! line of Rust; an enum's new value is welcome on the network and breaks a `match`.

mod changelog;
mod constraints;
mod found;
mod generator;
mod operation;
mod rust;
mod schema;
mod show;
mod surface;
mod version;
mod wire;

use std::fmt;

use serde_json::Value;

pub use show::Format;
pub(crate) use surface::open_enum;
pub use surface::outline;
pub(crate) use version::present as present_version;

/// Where a change shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Between any client and the service.
    Wire,
    /// In what the generator is given.
    Generator,
    /// In the public items of the generated code.
    Rust,
}

/// What a change does to those who have done without it so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Something new, or nothing that anyone notices.
    Info,
    /// Breaks some who relied on what was never promised.
    Warning,
    /// Breaks what worked.
    Breaking,
}

/// One change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Where it shows.
    pub level: Level,
    /// What it does.
    pub severity: Severity,
    /// The kind of change; on the wire by oasdiff's names.
    pub rule: &'static str,
    /// What has changed: a JSON pointer on the wire, else a name.
    pub place: String,
    /// The change in words.
    pub text: String,
    /// The operations that it concerns, by method and path.
    pub operations: Vec<String>,
    /// The names of those operations.
    pub names: Vec<String>,
}

impl Change {
    fn new(
        level: Level,
        severity: Severity,
        rule: &'static str,
        place: &str,
        text: String,
    ) -> Self {
        Self {
            level,
            severity,
            rule,
            place: place.to_owned(),
            text,
            operations: Vec::new(),
            names: Vec::new(),
        }
    }
}

/// The semantic version that changes ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// Nothing has changed.
    None,
    /// Words, or what no one's code sees.
    Patch,
    /// Something new.
    Minor,
    /// Something that breaks.
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

/// All changes from one document to the next.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diff {
    /// Level by level; the worst first.
    pub changes: Vec<Change>,
    /// The crate's present version, where it is known.
    pub version: Option<String>,
}

/// One side of a comparison.
#[derive(Clone, Copy, Debug)]
pub struct Side<'a> {
    /// The document with the overlay, translated to 3.0 and no further: what is said on the wire.
    pub wire: &'a Value,
    /// The derived document.
    pub derived: &'a Value,
    /// The ledger that led to it.
    pub ledger: &'a Value,
    /// The generated client.
    pub code: &'a str,
}

impl Diff {
    /// Compares at all three levels.
    pub fn between(before: Side, after: Side) -> Self {
        let mut changes = wire::compare(before.wire, after.wire);
        changes.extend(generator::compare(before, after));
        changes.extend(rust::compare(before.code, after.code));
        changes.sort_by(|one, other| {
            (one.level, std::cmp::Reverse(one.severity))
                .cmp(&(other.level, std::cmp::Reverse(other.severity)))
        });
        Self {
            changes,
            version: None,
        }
    }

    /// The version that the worst of the changes asks for.
    pub fn class(&self) -> Class {
        let class = |change: &Change| match (change.level, change.severity) {
            (_, Severity::Breaking) => Class::Major,
            (Level::Rust, Severity::Info | Severity::Warning) => Class::Minor,
            _ => Class::Patch,
        };
        self.changes.iter().map(class).max().unwrap_or(Class::None)
    }

    /// What breaks callers on the network.
    pub fn breaks_callers(&self) -> Vec<&Change> {
        self.breaking(|change| change.level == Level::Wire)
    }

    /// What breaks Rust code although the same requests and responses still work.
    pub fn breaks_rust_only(&self) -> Vec<&Change> {
        let wire = self.breaks_callers();
        self.breaking(|change| {
            change.level != Level::Wire && !wire.iter().any(|wire| rust::stems_from(change, wire))
        })
    }

    fn breaking(&self, is_meant: impl Fn(&Change) -> bool) -> Vec<&Change> {
        self.changes
            .iter()
            .filter(|change| change.severity == Severity::Breaking && is_meant(change))
            .collect()
    }
}
