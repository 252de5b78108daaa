//! The ledger: a record of every rewrite of lowering, and whether it lost information.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{Error, Result, refusal::LeftOut};

/// The name under which the ledger records what was left out. It is not the name of a rule.
const LEFT_OUT: &str = "left-out";

/// A rewrite.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The rule that made it.
    pub rule: Cow<'static, str>,
    /// A JSON pointer into the document at the time when the rule ran.
    pub pointer: String,
    /// Whether the rewrite lost information.
    pub lossy: bool,
    /// Why, where neither the rule nor the place says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// A list of rewrites in chronological order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ledger {
    entries: Vec<Entry>,
    rule: &'static str,
}

impl Ledger {
    /// Sets the rule of the entries that follow.
    pub(crate) fn begin(&mut self, rule: &'static str) {
        self.rule = rule;
    }

    /// Records a rewrite that preserves the meaning.
    pub(crate) fn exact(&mut self, pointer: impl Into<String>) {
        self.record(pointer.into(), false, None);
    }

    /// Records a rewrite that loses information.
    pub(crate) fn lossy(&mut self, pointer: impl Into<String>) {
        self.record(pointer.into(), true, None);
    }

    /// Records a rewrite that loses information for a reason that depends on the document.
    pub(crate) fn lossy_because(&mut self, pointer: impl Into<String>, reason: impl Into<String>) {
        self.record(pointer.into(), true, Some(reason.into()));
    }

    /// Records what is left out, before the rewrites of the rest.
    pub(crate) fn leave_out(&mut self, left_out: &[LeftOut]) {
        let entries = left_out.iter().map(|found| Entry {
            rule: LEFT_OUT.into(),
            pointer: found.pointer.clone(),
            lossy: true,
            reason: Some(found.reason.clone()),
        });
        self.entries.splice(..0, entries);
    }

    fn record(&mut self, pointer: String, lossy: bool, reason: Option<String>) {
        self.entries.push(Entry {
            rule: self.rule.into(),
            pointer,
            lossy,
            reason,
        });
    }

    /// Returns the rewrites in chronological order.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Returns the number of rewrites of each rule that made any, in order of first use.
    pub fn counts(&self) -> Vec<(&str, usize)> {
        let mut counts: Vec<(&str, usize)> = Vec::new();
        for entry in self.entries.iter().filter(|entry| entry.rule != LEFT_OUT) {
            match counts.iter_mut().find(|(rule, _)| *rule == entry.rule) {
                Some((_, count)) => *count += 1,
                None => counts.push((&entry.rule, 1)),
            }
        }
        counts
    }

    /// Returns the text of `ledger.json`, with one rewrite per line, so that a diff shows single
    /// rewrites.
    pub fn to_text(&self) -> String {
        let lines: Vec<String> = self
            .entries
            .iter()
            .map(|entry| format!("  {}", json!(entry)))
            .collect();
        if lines.is_empty() {
            return "[]\n".to_owned();
        }
        format!("[\n{}\n]\n", lines.join(",\n"))
    }

    /// Reads the text that [`to_text`](Self::to_text) has written.
    ///
    /// # Errors
    /// The text is not a ledger.
    pub fn parse(text: &str) -> Result<Self> {
        let entries = serde_json::from_str(text)
            .map_err(|error| Error::new(format!("the ledger is malformed: {error}")))?;
        Ok(Self { entries, rule: "" })
    }
}
