//! Applies an `OpenAPI` Overlay 1.0 with two extensions: optional actions and expected values.
//!
//! An overlay is a list of corrections of the upstream document. Each is checked
//! against the current upstream document. The target of an update must exist. A
//! correction that upstream has made itself is a warning.

mod action;
mod merge;
mod needs;
mod redundant;

use serde_json::Value;
use serde_json_path::JsonPath;

use crate::{Error, Result, document::pointer};

use action::{Change, actions};
use merge::{merge_at, shorten};

pub(crate) use needs::first_needed;
pub use redundant::without_redundant;

/// The differences between an overlay and the current upstream document.
#[derive(Debug, Default)]
struct Drift {
    warnings: Vec<String>,
    /// Updates that changed nothing, and removals that matched nothing.
    idle: Vec<usize>,
    /// Removals that found a value other than the expected one.
    unexpected: Vec<usize>,
}

/// Applies every action of `overlay` to `document`, and returns warnings for the maintainer.
///
/// # Errors
/// The overlay is malformed, or the target of an update matches nothing.
pub(crate) fn apply(document: &mut Value, overlay: &Value) -> Result<Vec<String>> {
    let before = document.clone();
    let drift = run(document, overlay, true)?;
    let redundant = redundant::find(&before, overlay, &drift)?;
    let mut warnings = drift.warnings;
    if !redundant.is_empty() {
        let numbers: Vec<String> = redundant.iter().map(usize::to_string).collect();
        warnings.push(format!(
            "upstream has made overlay actions redundant: {}; drop them",
            numbers.join(", ")
        ));
    }
    Ok(warnings)
}

/// Applies the actions whose targets match something, and skips the others.
///
/// # Errors
/// The overlay is malformed.
pub(crate) fn apply_what_fits(document: &mut Value, overlay: &Value) -> Result<()> {
    run(document, overlay, false).map(|_| ())
}

fn run(document: &mut Value, overlay: &Value, is_strict: bool) -> Result<Drift> {
    let mut drift = Drift::default();
    for (number, action) in actions(overlay)?.iter().enumerate() {
        let place = format!("overlay action {number}");
        let mut found = locate(document, &action.target)
            .map_err(|error| error.within(&format!("{place} ({})", action.description)))?;
        let is_removal = matches!(action.change, Change::Remove { .. });
        if found.is_empty() && !is_removal && !action.optional && is_strict {
            return Err(Error::new(format!(
                "{place} matches nothing: {} ({}); upstream has changed there; change or drop \
                 the action",
                action.target, action.description
            )));
        }
        let warnings_before = drift.warnings.len();
        if is_removal && action.optional && action.expected().is_none() {
            drift.warnings.extend(found.iter().map(|at| {
                format!(
                    "upstream now has {at}; {place} expects it to be absent ({})",
                    action.description
                )
            }));
        }
        match &action.change {
            Change::Update(update) => {
                let mut has_changed = found.is_empty();
                for at in &found {
                    if let Some(node) = document.pointer_mut(at) {
                        let before = node.clone();
                        drift.warnings.extend(merge_at(node, update, at, &place));
                        has_changed |= *node != before;
                    }
                }
                if !has_changed {
                    drift.idle.push(number);
                }
            }
            Change::Remove { expect } => {
                if found.is_empty() && !action.optional {
                    drift.idle.push(number);
                }
                found.sort_by(|left, right| pointer::compare(right, left));
                for at in &found {
                    let removed = pointer::remove(document, at);
                    if let (Some(removed), Some(expect)) = (removed, expect)
                        && removed != *expect
                    {
                        drift.warnings.push(format!(
                            "upstream now types {at} as {}; the type in the overlay replaces it",
                            shorten(&removed)
                        ));
                    }
                }
                if drift.warnings.len() > warnings_before {
                    drift.unexpected.push(number);
                }
            }
        }
    }
    Ok(drift)
}

/// Returns the JSON pointers of the nodes that a `JSONPath` selects, in document order.
fn locate(document: &Value, target: &str) -> Result<Vec<String>> {
    let path = JsonPath::parse(target)
        .map_err(|error| Error::new(format!("{target} is not a JSONPath: {error}")))?;
    let mut found: Vec<String> = path
        .query_located(document)
        .locations()
        .map(serde_json_path::NormalizedPath::to_json_pointer)
        .collect();
    found.sort_by(|left, right| pointer::compare(left, right));
    found.dedup();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn run(mut document: Value, actions: &Value) -> (Value, Vec<String>) {
        let warnings = apply(
            &mut document,
            &json!({"overlay": "1.0.0", "actions": actions}),
        )
        .unwrap();
        (document, warnings)
    }

    fn refusal(mut document: Value, overlay: &Value) -> String {
        apply(&mut document, overlay).unwrap_err().to_string()
    }

    #[test]
    fn an_update_merges_objects_and_replaces_scalars() {
        let (document, warnings) = run(
            json!({"a": {"b": 1, "c": {"d": [1]}}}),
            &json!([{"target": "$.a", "update": {"b": 2, "c": {"d": [2], "e": 3}}}]),
        );
        assert_eq!(document, json!({"a": {"b": 2, "c": {"d": [1, 2], "e": 3}}}));
        assert!(warnings.is_empty());
    }

    #[test]
    fn an_update_of_an_array_appends_one_entry() {
        let (document, _) = run(
            json!({"list": [{"name": "a"}]}),
            &json!([{"target": "$.list", "update": {"name": "b"}}]),
        );
        assert_eq!(document, json!({"list": [{"name": "a"}, {"name": "b"}]}));
    }

    #[test]
    fn a_parameter_that_upstream_has_added_is_replaced_and_reported() {
        let (document, warnings) = run(
            json!({"parameters": [{"in": "header", "name": "last-event-id", "schema": {}}]}),
            &json!([{
                "target": "$.parameters",
                "update": {"in": "header", "name": "Last-Event-ID", "schema": {"type": "string"}},

            }]),
        );
        assert_eq!(document["parameters"].as_array().unwrap().len(), 1);
        assert_eq!(document["parameters"][0]["name"], "Last-Event-ID");
        assert!(warnings[0].contains("replaces it"), "{warnings:?}");
    }

    #[test]
    fn a_removal_removes_every_match_from_an_array() {
        let (document, _) = run(
            json!({"list": [{"n": 1}, {"n": 2}, {"n": 1}, {"n": 3}]}),
            &json!([{"target": "$.list[?@.n == 1]", "remove": true}]),
        );
        assert_eq!(document, json!({"list": [{"n": 2}, {"n": 3}]}));
    }

    #[test]
    fn the_removal_of_an_unexpected_value_is_reported() {
        let actions = json!([{"target": "$.a", "remove": true, "x-expect": {}}]);
        assert!(run(json!({"a": {}}), &actions).1.is_empty());
        let (_, warnings) = run(json!({"a": {"$ref": "#/components/schemas/Job"}}), &actions);
        assert_eq!(
            warnings,
            [
                "upstream now types /a as #/components/schemas/Job; the type in the overlay replaces it"
            ]
        );
    }

    #[test]
    fn an_optional_action_gives_a_warning_only_if_it_matches() {
        let actions = json!([{"target": "$.a", "remove": true, "x-optional": true}]);
        assert!(run(json!({}), &actions).1.is_empty());
        assert!(run(json!({"a": 1}), &actions).1[0].starts_with("upstream now has /a"));
    }

    #[test]
    fn an_update_that_changes_nothing_is_reported_as_redundant() {
        let (_, warnings) = run(
            json!({"a": {"b": 1}}),
            &json!([{"target": "$.a", "update": {"b": 1}}]),
        );
        assert!(warnings[0].contains("redundant"), "{warnings:?}");
    }

    #[test]
    fn a_removal_that_matches_nothing_is_reported_as_redundant() {
        let actions = json!([{"target": "$.gone", "remove": true}]);
        let (document, warnings) = run(json!({"a": 1}), &actions);
        assert_eq!(document, json!({"a": 1}));
        assert!(warnings[0].contains("redundant: 0"), "{warnings:?}");
    }

    #[test]
    fn the_error_for_a_target_that_matches_nothing_names_the_target() {
        let text = refusal(
            json!({}),
            &json!({"overlay": "1.0.0", "actions": [
                {"target": "$.gone", "description": "why", "update": 1}
            ]}),
        );
        assert!(text.contains("$.gone") && text.contains("why"), "{text}");
    }

    #[test]
    fn the_error_for_a_malformed_overlay_names_the_cause() {
        for (overlay, reason) in [
            (json!({}), "overlay"),
            (json!({"overlay": "1.0.0"}), "no list of actions"),
            (
                json!({"overlay": "1.0.0", "actions": [{}]}),
                "action 0: it has no target",
            ),
            (
                json!({"overlay": "1.0.0", "actions": [{"target": "$"}]}),
                "either `update` or",
            ),
            (
                json!({"overlay": "1.0.0", "actions": [
                    {"target": "$[", "update": 1}
                ]}),
                "not a JSONPath",
            ),
        ] {
            let text = refusal(json!({"a": 1}), &overlay);
            assert!(text.contains(reason), "{text}");
        }
    }

    #[test]
    fn only_redundant_actions_are_dropped() {
        let typed = json!({"$ref": "#/components/schemas/Job"});
        let overlay = json!({"overlay": "1.0.0", "actions": [
            {"target": "$.a.schema", "remove": true, "x-optional": true, "x-expect": {}},
            {"target": "$.a", "update": {"schema": typed}},
            {"target": "$.b.schema", "remove": true, "x-optional": true, "x-expect": {}},
            {"target": "$.b", "update": {"schema": typed}},
            {"target": "$.c", "update": {"name": "c"}},
        ]});
        let mut document = json!({"a": {"schema": {}}, "b": {"schema": {}}, "c": {}});
        assert_eq!(
            without_redundant(&document, &overlay).unwrap(),
            (overlay.clone(), vec![])
        );
        document["b"]["schema"] = typed.clone();
        document["c"]["name"] = json!("c");
        let (less, dropped) = without_redundant(&document, &overlay).unwrap();
        assert_eq!(
            dropped,
            [
                "dropped overlay action 2: $.b.schema",
                "dropped overlay action 3: $.b",
                "dropped overlay action 4: $.c",
            ]
        );
        assert_eq!(less["actions"].as_array().unwrap().len(), 2);
        let warnings = apply(&mut document.clone(), &overlay).unwrap();
        assert!(
            warnings.last().unwrap().contains("redundant: 2, 3, 4"),
            "{warnings:?}"
        );
        let (mut before, mut after) = (document.clone(), document);
        apply(&mut before, &overlay).unwrap();
        apply(&mut after, &less).unwrap();
        assert_eq!(before, after);
    }

    #[test]
    fn apply_what_fits_skips_actions_that_match_nothing() {
        let mut document = json!({"a": {}});
        let overlay = json!({"overlay": "1.0.0", "actions": [
            {"target": "$.gone", "update": {"x": 1}},
            {"target": "$.a", "update": {"x": 1}},
        ]});
        apply_what_fits(&mut document, &overlay).unwrap();
        assert_eq!(document, json!({"a": {"x": 1}}));
    }
}
