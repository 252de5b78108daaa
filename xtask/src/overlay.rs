//! `OpenAPI` Overlay 1.0 with our extensions: evidence, optional actions, expected values.
//!
//! An overlay is a list of statements about the upstream document. Here each must say what it
//! rests on, and each is checked against what upstream serves today: a target that is gone is
//! an error, a correction that upstream has made itself is a warning.

use serde_json::{Map, Value};
use serde_json_path::JsonPath;

use crate::{Error, Result, pointer};

const EVIDENCE: [&str; 3] = ["documented", "observed", "guess"];

/// One action: what it is aimed at and what it does there.
#[derive(Debug)]
struct Action {
    target: String,
    description: String,
    change: Change,
    optional: bool,
}

impl Action {
    /// What the overlay expects to find; only something else is worth a word.
    fn expected(&self) -> Option<&Value> {
        match &self.change {
            Change::Remove { expect } => expect.as_ref(),
            Change::Update(_) => None,
        }
    }
}

#[derive(Debug)]
enum Change {
    Update(Value),
    Remove { expect: Option<Value> },
}

/// Applies every action of `overlay` to `document`; returns what a maintainer should look at.
///
/// # Errors
/// The overlay is malformed, an action lacks its evidence, or its target matches nothing.
pub fn apply(document: &mut Value, overlay: &Value) -> Result<Vec<String>> {
    let mut warnings = Vec::new();
    for (number, action) in actions(overlay)?.iter().enumerate() {
        let place = format!("overlay action {number}");
        let mut found = locate(document, &action.target)
            .map_err(|error| error.within(&format!("{place} ({})", action.description)))?;
        if found.is_empty() && !action.optional {
            return Err(Error::refused(format!(
                "{place} matches nothing: {} ({}); upstream has changed there, so change or drop \
                 the action",
                action.target, action.description
            )));
        }
        if action.optional && action.expected().is_none() {
            warnings.extend(found.iter().map(|at| {
                format!(
                    "upstream now has {at}; {place} was written for when it does not ({})",
                    action.description
                )
            }));
        }
        match &action.change {
            Change::Update(update) => {
                for at in &found {
                    if let Some(node) = document.pointer_mut(at) {
                        warnings.extend(merge_at(node, update, at, &place));
                    }
                }
            }
            Change::Remove { expect } => {
                found.sort_by(|left, right| pointer::compare(right, left));
                for at in &found {
                    let removed = pointer::remove(document, at);
                    if let (Some(removed), Some(expect)) = (removed, expect)
                        && removed != *expect
                    {
                        warnings.push(format!(
                            "upstream now types {at} as {}; ours replaces it",
                            shorten(&removed)
                        ));
                    }
                }
            }
        }
    }
    Ok(warnings)
}

fn actions(overlay: &Value) -> Result<Vec<Action>> {
    if !overlay["overlay"]
        .as_str()
        .is_some_and(|version| version.starts_with("1."))
    {
        return Err(Error::refused(
            "the overlay does not say `\"overlay\": \"1.0.0\"`",
        ));
    }
    let actions = overlay["actions"]
        .as_array()
        .ok_or_else(|| Error::refused("the overlay has no list of actions"))?;
    actions
        .iter()
        .enumerate()
        .map(|(number, action)| {
            parse(action).map_err(|error| error.within(&format!("overlay action {number}")))
        })
        .collect()
}

fn parse(action: &Value) -> Result<Action> {
    let target = action["target"]
        .as_str()
        .ok_or_else(|| Error::refused("it has no target"))?;
    if !action["x-evidence"]
        .as_str()
        .is_some_and(|evidence| EVIDENCE.contains(&evidence))
    {
        return Err(Error::refused(format!(
            "{target} lacks `x-evidence`: documented, observed or guess"
        )));
    }
    let change = match (action.get("update"), action["remove"].as_bool()) {
        (Some(update), None | Some(false)) => Change::Update(update.clone()),
        (None, Some(true)) => Change::Remove {
            expect: action.get("x-expect").cloned(),
        },
        _ => {
            return Err(Error::refused(format!(
                "{target} must have either `update` or `\"remove\": true`"
            )));
        }
    };
    Ok(Action {
        target: target.to_owned(),
        description: action["description"].as_str().unwrap_or("").to_owned(),
        change,
        optional: action["x-optional"].as_bool().unwrap_or(false),
    })
}

/// The JSON pointers of the nodes that a `JSONPath` selects, in document order.
fn locate(document: &Value, target: &str) -> Result<Vec<String>> {
    let path = JsonPath::parse(target)
        .map_err(|error| Error::refused(format!("{target} is no JSONPath: {error}")))?;
    let mut found: Vec<String> = path
        .query_located(document)
        .locations()
        .map(serde_json_path::NormalizedPath::to_json_pointer)
        .collect();
    found.sort_by(|left, right| pointer::compare(left, right));
    found.dedup();
    Ok(found)
}

/// Merges into one selected node; an array takes the update as its next entry.
fn merge_at(node: &mut Value, update: &Value, at: &str, place: &str) -> Vec<String> {
    let before = node.clone();
    let mut warnings = Vec::new();
    if let Value::Array(list) = node {
        append(list, update, at, place, &mut warnings);
    } else {
        merge(node, update, at, place, &mut warnings);
    }
    if *node == before {
        warnings.push(format!(
            "{place} is redundant: upstream already says the same at {at}"
        ));
    }
    warnings
}

fn merge(node: &mut Value, update: &Value, at: &str, place: &str, warnings: &mut Vec<String>) {
    match (node, update) {
        (Value::Object(node), Value::Object(update)) => {
            for (key, value) in update {
                match node.get_mut(key) {
                    Some(old) => merge(old, value, &pointer::join(at, key), place, warnings),
                    None => {
                        node.insert(key.clone(), value.clone());
                    }
                }
            }
        }
        (Value::Array(list), Value::Array(update)) => {
            for entry in update {
                append(list, entry, at, place, warnings);
            }
        }
        (node, update) => *node = update.clone(),
    }
}

/// Appends an entry, or puts it where upstream has an entry of the same name.
fn append(list: &mut Vec<Value>, entry: &Value, at: &str, place: &str, warnings: &mut Vec<String>) {
    match list.iter_mut().find(|old| is_same_entry(old, entry)) {
        None => list.push(entry.clone()),
        Some(old) if old == entry => {}
        Some(old) => {
            warnings.push(format!(
                "upstream now has {} in {at}; that of {place} replaces it",
                shorten(old)
            ));
            *old = entry.clone();
        }
    }
}

/// Equal entries, or parameters of the same place and name (a header's name has no case).
fn is_same_entry(old: &Value, new: &Value) -> bool {
    let parameter = |value: &Value| -> Option<(String, String)> {
        let place = value["in"].as_str()?;
        let name = value["name"].as_str()?;
        let name = if place == "header" {
            name.to_ascii_lowercase()
        } else {
            name.to_owned()
        };
        Some((place.to_owned(), name))
    };
    old == new || parameter(old).is_some_and(|old| parameter(new) == Some(old))
}

/// A value as it fits into a sentence.
fn shorten(value: &Value) -> String {
    let named =
        |map: &Map<String, Value>| map.get("$ref").and_then(Value::as_str).map(str::to_owned);
    let text = value
        .as_object()
        .and_then(named)
        .unwrap_or_else(|| value.to_string());
    match text.char_indices().nth(80) {
        Some((cut, _)) => format!("{}…", &text[..cut]),
        None => text,
    }
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
            &json!([{"target": "$.a", "update": {"b": 2, "c": {"d": [2], "e": 3}}, "x-evidence": "guess"}]),
        );
        assert_eq!(document, json!({"a": {"b": 2, "c": {"d": [1, 2], "e": 3}}}));
        assert!(warnings.is_empty());
    }

    #[test]
    fn an_update_of_an_array_appends_one_entry() {
        let (document, _) = run(
            json!({"list": [{"name": "a"}]}),
            &json!([{"target": "$.list", "update": {"name": "b"}, "x-evidence": "guess"}]),
        );
        assert_eq!(document, json!({"list": [{"name": "a"}, {"name": "b"}]}));
    }

    #[test]
    fn a_parameter_that_upstream_has_itself_is_replaced_and_reported() {
        let (document, warnings) = run(
            json!({"parameters": [{"in": "header", "name": "last-event-id", "schema": {}}]}),
            &json!([{
                "target": "$.parameters",
                "update": {"in": "header", "name": "Last-Event-ID", "schema": {"type": "string"}},
                "x-evidence": "guess"
            }]),
        );
        assert_eq!(document["parameters"].as_array().unwrap().len(), 1);
        assert_eq!(document["parameters"][0]["name"], "Last-Event-ID");
        assert!(warnings[0].contains("replaces it"), "{warnings:?}");
    }

    #[test]
    fn a_removal_takes_every_match_of_an_array() {
        let (document, _) = run(
            json!({"list": [{"n": 1}, {"n": 2}, {"n": 1}, {"n": 3}]}),
            &json!([{"target": "$.list[?@.n == 1]", "remove": true, "x-evidence": "observed"}]),
        );
        assert_eq!(document, json!({"list": [{"n": 2}, {"n": 3}]}));
    }

    #[test]
    fn a_removed_value_that_is_not_the_expected_one_is_reported() {
        let actions =
            json!([{"target": "$.a", "remove": true, "x-expect": {}, "x-evidence": "observed"}]);
        assert!(run(json!({"a": {}}), &actions).1.is_empty());
        let (_, warnings) = run(json!({"a": {"$ref": "#/components/schemas/Job"}}), &actions);
        assert_eq!(
            warnings,
            ["upstream now types /a as #/components/schemas/Job; ours replaces it"]
        );
    }

    #[test]
    fn an_optional_action_is_silent_until_it_matches() {
        let actions = json!([{"target": "$.a", "remove": true, "x-optional": true, "x-evidence": "observed"}]);
        assert!(run(json!({}), &actions).1.is_empty());
        assert!(run(json!({"a": 1}), &actions).1[0].starts_with("upstream now has /a"));
    }

    #[test]
    fn an_update_that_changes_nothing_is_reported_as_redundant() {
        let (_, warnings) = run(
            json!({"a": {"b": 1}}),
            &json!([{"target": "$.a", "update": {"b": 1}, "x-evidence": "guess"}]),
        );
        assert!(warnings[0].contains("redundant"), "{warnings:?}");
    }

    #[test]
    fn a_target_that_matches_nothing_is_an_error_that_names_it() {
        let text = refusal(
            json!({}),
            &json!({"overlay": "1.0.0", "actions": [
                {"target": "$.gone", "description": "why", "update": 1, "x-evidence": "guess"}
            ]}),
        );
        assert!(text.contains("$.gone") && text.contains("why"), "{text}");
    }

    #[test]
    fn a_malformed_overlay_is_refused_with_its_action() {
        for (overlay, reason) in [
            (json!({}), "overlay"),
            (json!({"overlay": "1.0.0"}), "no list of actions"),
            (
                json!({"overlay": "1.0.0", "actions": [{}]}),
                "action 0: it has no target",
            ),
            (
                json!({"overlay": "1.0.0", "actions": [{"target": "$", "update": 1}]}),
                "x-evidence",
            ),
            (
                json!({"overlay": "1.0.0", "actions": [{"target": "$", "x-evidence": "guess"}]}),
                "either `update` or",
            ),
            (
                json!({"overlay": "1.0.0", "actions": [
                    {"target": "$[", "update": 1, "x-evidence": "guess"}
                ]}),
                "no JSONPath",
            ),
        ] {
            let text = refusal(json!({"a": 1}), &overlay);
            assert!(text.contains(reason), "{text}");
        }
    }
}
