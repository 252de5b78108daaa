//! The formats of a diff: text for a terminal, Markdown for a pull request, JSON for programs.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::{Change, Class, Diff, Level, Severity, changelog, version};

/// The format of a diff.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// Lines for a terminal.
    #[default]
    Text,
    /// Sections for a pull request.
    Markdown,
    /// One object for programs.
    Json,
}

/// The levels, each with its name and its title in Markdown.
const LEVELS: [(Level, &str, &str); 3] = [
    (Level::Wire, "wire", "On the wire"),
    (Level::Generator, "generator", "For the generator"),
    (Level::Rust, "rust", "In Rust"),
];

impl Diff {
    /// Formats the diff. The text ends in a line break unless it is empty.
    pub fn show(&self, format: Format) -> String {
        match format {
            Format::Text => self.text(),
            Format::Markdown => self.markdown(),
            Format::Json => format!("{:#}\n", self.json()),
        }
    }

    fn text(&self) -> String {
        let mut text = String::new();
        if self.changes.is_empty() {
            return text;
        }
        for (level, name, _) in LEVELS {
            let mut changes = self.at(level).peekable();
            if changes.peek().is_some() {
                line(&mut text, name);
            }
            for change in changes {
                let mark = match change.severity {
                    Severity::Breaking => "!",
                    Severity::Warning => "?",
                    Severity::Info => " ",
                };
                line(
                    &mut text,
                    &format!("  {mark} {}{}", change.text, suffix(change)),
                );
            }
        }
        line(&mut text, &self.summary());
        line(&mut text, "\nentry for the changelog:\n");
        line(&mut text, &changelog::entry(self));
        text
    }

    fn markdown(&self) -> String {
        let mut text = String::new();
        if self.changes.is_empty() {
            line(&mut text, "Nothing has changed.");
            return text;
        }
        line(&mut text, &format!("**{}**", self.summary()));
        let sections = [
            ("Breaks callers on the network", self.breaks_callers()),
            ("Breaks Rust code only", self.breaks_rust_only()),
        ];
        for (title, changes) in sections {
            section(&mut text, title, changes.into_iter());
        }
        for (level, _, title) in LEVELS {
            section(&mut text, title, self.at(level));
        }
        let entry = changelog::entry(self);
        line(&mut text, "\n### For the changelog\n\n```markdown");
        text.push_str(&entry);
        line(&mut text, "```");
        text
    }

    fn json(&self) -> Value {
        let only_rust = self.breaks_rust_only();
        let changes: Vec<Value> = self
            .changes
            .iter()
            .map(|change| {
                json!({
                    "level": level_name(change.level),
                    "severity": severity_name(change.severity),
                    "rule": change.rule,
                    "place": change.place,
                    "text": change.text,
                    "operations": change.operations,
                    "rust_only": only_rust.contains(&change),
                })
            })
            .collect();
        json!({
            "class": self.class().to_string(),
            "version": self.version,
            "next_version": self.next_version(),
            "changes": changes,
            "changelog": changelog::entry(self),
        })
    }

    fn at(&self, level: Level) -> impl Iterator<Item = &Change> {
        self.changes
            .iter()
            .filter(move |change| change.level == level)
    }

    fn next_version(&self) -> Option<String> {
        version::next(self.version.as_deref()?, self.class())
    }

    /// Returns one line with the release that the diff requires, and the number of breaking
    /// changes.
    pub fn summary(&self) -> String {
        let class = self.class();
        let versions = match (&self.version, self.next_version()) {
            (Some(current), Some(next)) => format!(" ({current} → {next})"),
            _ => String::new(),
        };
        let breaks = match class {
            Class::Major => format!(
                "; breaking on the network: {}, in Rust code only: {}",
                self.breaks_callers().len(),
                self.breaks_rust_only().len()
            ),
            _ => String::new(),
        };
        format!("requires a {class} release{versions}{breaks}")
    }
}

fn section<'a>(text: &mut String, title: &str, changes: impl Iterator<Item = &'a Change>) {
    let mut changes = changes.peekable();
    if changes.peek().is_none() {
        return;
    }
    line(text, &format!("\n### {title}\n"));
    for change in changes {
        let mark = if change.severity == Severity::Breaking {
            "**breaking** "
        } else {
            ""
        };
        line(text, &format!("- {mark}{}{}", change.text, suffix(change)));
    }
}

/// Returns the rule and the operations of a change, unless its text contains them already.
fn suffix(change: &Change) -> String {
    match change.level {
        Level::Generator => String::new(),
        Level::Rust => format!(" [{}]", change.rule),
        Level::Wire => {
            let operations = match change.operations.as_slice() {
                [] => String::new(),
                [one] => format!(" in {one}"),
                [first, rest @ ..] => format!(" in {first} and {} more", rest.len()),
            };
            format!("{operations} [{}]", change.rule)
        }
    }
}

fn level_name(level: Level) -> &'static str {
    let found = LEVELS.iter().find(|(other, ..)| *other == level);
    found.map_or("", |(_, name, _)| name)
}

fn severity_name(severity: Severity) -> &'static str {
    match severity {
        Severity::Breaking => "breaking",
        Severity::Warning => "warning",
        Severity::Info => "info",
    }
}

fn line(text: &mut String, line: &str) {
    writeln!(text, "{line}").expect("writing to a string cannot fail");
}
