//! The generator level: the operations and types of the derived documents, and the information that
//! lowering loses.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use crate::{document::walk, ledger::Ledger};

use super::{
    Change, Level,
    Severity::{Breaking, Info},
    Side,
    found::Found,
};

/// Returns the changes between two derived documents and their ledgers.
pub(super) fn compare(before: Side, after: Side) -> Vec<Change> {
    let mut found = Found::new(Level::Generator);
    let (old, new) = (operations(before.derived), operations(after.derived));
    body_kinds(&old, &new, &mut found);
    entries("operation", &old, &new, &mut found);
    let (old, new) = (types(before.derived), types(after.derived));
    entries("type", &old, &new, &mut found);
    losses(before.ledger, after.ledger, &mut found);
    found.changes
}

/// Returns method, path and definition of the operations, by their ids.
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

/// Lists the entries that were added (`+`), removed (`-`) or changed (`~`), descriptions included.
fn entries(
    kind: &str,
    old: &BTreeMap<String, Value>,
    new: &BTreeMap<String, Value>,
    found: &mut Found,
) {
    for name in old.keys().filter(|name| !new.contains_key(*name)) {
        found.add(Info, "removed", name, format!("- {kind} {name}"));
    }
    for (name, value) in new {
        match old.get(name) {
            None => found.add(Info, "added", name, format!("+ {kind} {name}")),
            Some(old) if old != value => {
                found.add(Info, "changed", name, format!("~ {kind} {name}"));
            }
            Some(_) => {}
        }
    }
}

/// Finds the operations whose response or request body changed its kind.
fn body_kinds(old: &BTreeMap<String, Value>, new: &BTreeMap<String, Value>, found: &mut Found) {
    for (name, new_operation) in new {
        let Some(old_operation) = old.get(name) else {
            continue;
        };
        for (verb, kind_of) in [
            ("returns", response as fn(&Value) -> &'static str),
            ("takes", body),
        ] {
            let (old_kind, new_kind) = (kind_of(&old_operation[2]), kind_of(&new_operation[2]));
            if old_kind != new_kind {
                let text = format!("{name} {verb} {new_kind} instead of {old_kind}");
                found.add(Breaking, "shape-changed", name, text);
            }
        }
    }
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

/// Finds the places where lowering newly loses information, by rule.
fn losses(before: &Ledger, after: &Ledger, found: &mut Found) {
    const MAX_NAMED: usize = 3;
    let (old, new) = (lossy(before), lossy(after));
    let mut rules: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (rule, at) in new.difference(&old) {
        rules.entry(rule).or_default().push(at);
    }
    for (rule, places) in rules {
        let named = places.len().min(MAX_NAMED);
        let rest = match places.len() - named {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let places = places[..named].join(", ");
        let text = format!("lowering now loses information by `{rule}` at {places}{rest}");
        found.add(Info, "given-up", rule, text);
    }
}

/// Returns rule and pointer of the lossy entries of a ledger.
fn lossy(ledger: &Ledger) -> BTreeSet<(&str, &str)> {
    let entries = ledger.entries().iter().filter(|entry| entry.lossy);
    entries
        .map(|entry| (&*entry.rule, entry.pointer.as_str()))
        .collect()
}
