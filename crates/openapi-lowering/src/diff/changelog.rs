//! The entry of a diff for `CHANGELOG.md`.

use super::{Change, Class, Diff, Level, Severity, version};

/// Returns the entry. It is empty if there are no changes.
pub(super) fn entry(diff: &Diff) -> String {
    let class = diff.class();
    if class == Class::None {
        return String::new();
    }
    let next = diff
        .version
        .as_deref()
        .and_then(|current| version::next(current, class))
        .unwrap_or_else(|| "Next".to_owned());
    let effect = match class {
        Class::Major => "Code that uses the changed items may need changes.",
        Class::Minor => "Existing code still compiles.",
        _ => "No item of the crate changed.",
    };
    let mut lines = vec![
        format!("## {next}, unreleased"),
        String::new(),
        format!("Generated from a newer document of the service. {effect}"),
        String::new(),
    ];
    let first = lines.len();
    for change in diff.breaks_callers() {
        lines.push(format!(
            "- **Breaking** in the service, for every version of this crate: {}.",
            with_operations(change)
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
        lines.extend(wire.map(|change| format!("- {}.", with_operations(change))));
    }
    if lines.len() == first {
        lines.push("- Descriptions were updated from the newer document.".to_owned());
    }
    lines.join("\n") + "\n"
}

/// Returns the text of a change on the wire, with the operations that it affects.
fn with_operations(change: &Change) -> String {
    const MAX_NAMED: usize = 3;
    match change.operations.as_slice() {
        [] => change.text.clone(),
        operations if operations.len() > MAX_NAMED => {
            format!("{} ({} operations)", change.text, operations.len())
        }
        operations => format!("{} ({})", change.text, operations.join(", ")),
    }
}
