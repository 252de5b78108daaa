//! The record of every rewrite that lowering made, and whether it gave something up.

use serde_json::{Value, json};

/// One rewrite.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The rule that made it.
    pub rule: &'static str,
    /// Where, as a JSON pointer into the document as it was when the rule ran.
    pub pointer: String,
    /// Whether the result says less than the original did.
    pub lossy: bool,
}

/// All rewrites, in the order they were made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ledger {
    entries: Vec<Entry>,
    rule: &'static str,
}

impl Ledger {
    /// Names the rule that the next entries belong to.
    pub(crate) fn begin(&mut self, rule: &'static str) {
        self.rule = rule;
    }

    /// Records a rewrite that means the same as before.
    pub(crate) fn exact(&mut self, pointer: impl Into<String>) {
        self.record(pointer.into(), false);
    }

    /// Records a rewrite that gives something up.
    pub(crate) fn lossy(&mut self, pointer: impl Into<String>) {
        self.record(pointer.into(), true);
    }

    fn record(&mut self, pointer: String, lossy: bool) {
        self.entries.push(Entry {
            rule: self.rule,
            pointer,
            lossy,
        });
    }

    /// The rewrites, in the order they were made.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Each rule that rewrote something with the number of its rewrites, in order of first use.
    pub fn counts(&self) -> Vec<(&'static str, usize)> {
        let mut counts: Vec<(&'static str, usize)> = Vec::new();
        for entry in &self.entries {
            match counts.iter_mut().find(|(rule, _)| *rule == entry.rule) {
                Some((_, count)) => *count += 1,
                None => counts.push((entry.rule, 1)),
            }
        }
        counts
    }

    /// The text of `ledger.json`: one rewrite a line, so that a diff shows single rewrites.
    pub fn to_text(&self) -> String {
        let lines: Vec<String> = self
            .entries
            .iter()
            .map(|entry| {
                let line: Value = json!({
                    "rule": entry.rule,
                    "pointer": entry.pointer,
                    "lossy": entry.lossy,
                });
                format!("  {line}")
            })
            .collect();
        if lines.is_empty() {
            return "[]\n".to_owned();
        }
        format!("[\n{}\n]\n", lines.join(",\n"))
    }
}
