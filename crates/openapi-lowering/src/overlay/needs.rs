//! Finds the operations that an overlay is about, which must not be left out.

use serde_json::Value;

use crate::{Result, document::pointer, refusal::LeftOut};

use super::action::actions;

/// Returns the first operation that an action names, and the number of the action.
///
/// An action names an operation if its target begins with the path and the method, without
/// wildcards: the action is then about this operation, not about those that happen to match.
pub(crate) fn first_needed<'a>(
    overlay: &Value,
    left_out: &'a [LeftOut],
) -> Result<Option<(&'a LeftOut, usize)>> {
    let actions = actions(overlay)?;
    let number = |found: &LeftOut| {
        let is_about = |target: &str| names(target, &found.pointer);
        actions.iter().position(|action| is_about(&action.target))
    };
    Ok(left_out
        .iter()
        .find_map(|found| Some((found, number(found)?))))
}

/// Returns whether a `JSONPath` begins with the node at a pointer.
fn names(target: &str, at: &str) -> bool {
    let mut rest = target.strip_prefix('$');
    for name in pointer::segments(at) {
        rest = rest.and_then(|rest| after(rest, &name));
    }
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

/// Returns what follows a segment of this name, in dot or bracket notation.
fn after<'a>(path: &'a str, name: &str) -> Option<&'a str> {
    [
        format!(".{name}"),
        format!("['{name}']"),
        format!("[\"{name}\"]"),
    ]
    .iter()
    .find_map(|segment| path.strip_prefix(segment.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_names_an_operation_only_without_wildcards() {
        for (target, is_named) in [
            ("$.paths['/a'].get", true),
            ("$['paths'][\"/a\"]['get'].responses", true),
            ("$.paths['/a'].get['parameters'][0]", true),
            ("$.paths['/a'].getter", false),
            ("$.paths['/ab'].get", false),
            ("$.paths['/a'].post", false),
            ("$.paths.*.*.parameters", false),
            ("$.paths['/a']", false),
        ] {
            assert_eq!(names(target, "/paths/~1a/get"), is_named, "{target}");
        }
    }
}
