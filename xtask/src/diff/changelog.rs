//! An entry for `CHANGELOG.md`, ready to paste.

use super::{Change, Class, Diff, Level, Severity, version};

/// The entry; empty when nothing has changed that a user of the crate could notice.
pub(super) fn entry(diff: &Diff) -> String {
    let class = diff.class();
    if class == Class::None {
        return String::new();
    }
    let next = diff
        .version
        .as_deref()
        .and_then(|present| version::next(present, class))
        .unwrap_or_else(|| "Next".to_owned());
    let second = match class {
        Class::Major => "Some code that uses what has changed must change with it.",
        Class::Minor => "What compiled before compiles still.",
        _ => "No item of the crate has changed.",
    };
    let mut lines = vec![
        format!("## {next}, unreleased"),
        String::new(),
        format!("Follows the service's newer document. {second}"),
        String::new(),
    ];
    let first = lines.len();
    for change in diff.breaks_callers() {
        lines.push(format!(
            "- **Breaking**, whichever version of this crate you use: {}.",
            on(change)
        ));
    }
    for change in diff
        .changes
        .iter()
        .filter(|change| change.level != Level::Wire)
    {
        if change.severity == Severity::Breaking {
            lines.push(format!("- **Breaking**: {}.", change.text));
        }
    }
    let added = diff
        .changes
        .iter()
        .filter(|change| change.level == Level::Rust && change.severity != Severity::Breaking);
    lines.extend(added.map(|change| format!("- {}.", change.text)));
    if lines.len() == first {
        let wire = diff
            .changes
            .iter()
            .filter(|change| change.level == Level::Wire);
        lines.extend(wire.map(|change| format!("- {}.", on(change))));
    }
    if lines.len() == first {
        lines.push("- Descriptions are those of the service's newer document.".to_owned());
    }
    lines.join("\n") + "\n"
}

/// A change on the wire, with the operations that it concerns.
fn on(change: &Change) -> String {
    const NAMED: usize = 3;
    match change.operations.as_slice() {
        [] => change.text.clone(),
        operations if operations.len() > NAMED => {
            format!("{} ({} operations)", change.text, operations.len())
        }
        operations => format!("{} ({})", change.text, operations.join(", ")),
    }
}
