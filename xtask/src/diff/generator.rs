//! The generator's level: operations and types as it is given them, and what lowering gives up.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use crate::{lower::walk, pointer};

use super::{
    Change, Level,
    Severity::{self, Breaking, Info},
    Side,
};

/// Everything that differs between two derived documents and their ledgers.
pub(super) fn compare(before: Side, after: Side) -> Vec<Change> {
    let mut changes = shapes(before.derived, after.derived);
    changes.extend(entries(
        "operation",
        &operations(before.derived),
        &operations(after.derived),
    ));
    changes.extend(entries(
        "type",
        &types(before.derived),
        &types(after.derived),
    ));
    changes.extend(given_up(before.ledger, after.ledger));
    changes
}

fn change(severity: Severity, rule: &'static str, place: &str, text: String) -> Change {
    Change::new(Level::Generator, severity, rule, place, text)
}

fn operations(document: &Value) -> BTreeMap<String, Value> {
    walk::operations(document)
        .into_iter()
        .filter_map(|operation| {
            let value = document.pointer(&operation.pointer)?;
            let name = value["operationId"].as_str()?.to_owned();
            Some((name, json!([operation.method, operation.path, value])))
        })
        .collect()
}

fn types(document: &Value) -> BTreeMap<String, Value> {
    let empty = Map::new();
    let schemas = document["components"]["schemas"]
        .as_object()
        .unwrap_or(&empty);
    schemas
        .iter()
        .map(|(name, schema)| (name.clone(), schema.clone()))
        .collect()
}

/// `+`, `-` and `~` for what was added, removed and changed, words included.
fn entries(
    kind: &str,
    before: &BTreeMap<String, Value>,
    after: &BTreeMap<String, Value>,
) -> Vec<Change> {
    let removed = before
        .keys()
        .filter(|name| !after.contains_key(*name))
        .map(|name| change(Info, "removed", name, format!("- {kind} {name}")));
    let rest = after
        .iter()
        .filter_map(|(name, value)| match before.get(name) {
            None => Some(change(Info, "added", name, format!("+ {kind} {name}"))),
            Some(old) if old != value => {
                Some(change(Info, "changed", name, format!("~ {kind} {name}")))
            }
            Some(_) => None,
        });
    removed.chain(rest).collect()
}

/// Operations whose response or body has become another kind of thing.
fn shapes(before: &Value, after: &Value) -> Vec<Change> {
    let (old, new) = (operations(before), operations(after));
    let mut changes = Vec::new();
    for (name, now) in &new {
        let Some(then) = old.get(name) else { continue };
        for (what, shape) in [
            ("returns", response as fn(&Value) -> &'static str),
            ("takes", body),
        ] {
            let (one, other) = (shape(&then[2]), shape(&now[2]));
            if one != other {
                let text = format!("{name} {what} {other} instead of {one}");
                changes.push(change(Breaking, "shape-changed", name, text));
            }
        }
    }
    changes
}

fn response(operation: &Value) -> &'static str {
    let responses = operation["responses"].as_object();
    let success = responses
        .into_iter()
        .flatten()
        .find(|(status, _)| status.starts_with('2'));
    kind(success.map_or(&Value::Null, |(_, response)| &response["content"]))
}

fn body(operation: &Value) -> &'static str {
    kind(&operation["requestBody"]["content"])
}

fn kind(content: &Value) -> &'static str {
    let media_type = content
        .as_object()
        .and_then(|content| content.keys().next());
    match media_type.map(String::as_str) {
        None => "nothing",
        Some(media_type) if media_type.starts_with("application/json") => "JSON",
        Some(media_type) if media_type.starts_with("text/event-stream") => "a stream of events",
        Some(media_type) if media_type.starts_with("application/x-www-form") => "a form",
        Some(media_type) if media_type.starts_with("text/") => "text",
        Some(_) => "bytes",
    }
}

/// What the derived document says less than upstream does, and did not before.
fn given_up(before: &Value, after: &Value) -> Vec<Change> {
    let (old, new) = (lossy(before), lossy(after));
    let mut rules: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (rule, at) in new.difference(&old) {
        rules.entry(rule).or_default().push(at);
    }
    rules
        .into_iter()
        .map(|(rule, places)| {
            const SHOWN: usize = 3;
            let more = places.len().saturating_sub(SHOWN);
            let rest = if more == 0 {
                String::new()
            } else {
                format!(" and {more} more")
            };
            let places = places[..places.len() - more].join(", ");
            change(
                Info,
                "given-up",
                rule,
                format!("lowering now gives something up by `{rule}` at {places}{rest}"),
            )
        })
        .collect()
}

fn lossy(ledger: &Value) -> BTreeSet<(&str, &str)> {
    let entries = ledger.as_array().into_iter().flatten();
    entries
        .filter(|entry| entry["lossy"] == true)
        .filter_map(|entry| Some((entry["rule"].as_str()?, entry["pointer"].as_str()?)))
        .collect()
}

/// The operation or type that a pointer on the wire speaks of, in the form of Rust's names.
pub(super) fn subject(place: &str) -> Option<String> {
    let segments = pointer::segments(place);
    match segments.as_slice() {
        [components, schemas, name, ..] if components == "components" && schemas == "schemas" => {
            Some(name.clone())
        }
        _ => None,
    }
}
