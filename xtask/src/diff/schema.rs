//! One schema against another, seen from the side it stands on.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::{lower::reach, pointer};

use super::{
    Severity::{self, Breaking, Info, Warning},
    found::Found,
};

/// Whether a schema says what may be sent or what may come back: each breaks the other way round.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Direction {
    Request,
    Response,
}

use Direction::{Request, Response};

/// Two documents' schemas, and what was found so far.
pub(super) struct Schemas<'a> {
    before: &'a Value,
    after: &'a Value,
    pub(super) found: &'a mut Found,
    /// Pairs that were compared already, or are being compared.
    seen: BTreeSet<(Direction, String, String)>,
}

/// A kind of change by the side it is on.
pub(super) type Rules = (&'static str, &'static str);

impl<'a> Schemas<'a> {
    pub(super) fn new(before: &'a Value, after: &'a Value, found: &'a mut Found) -> Self {
        Self {
            before,
            after,
            found,
            seen: BTreeSet::new(),
        }
    }

    pub(super) fn add(
        &mut self,
        severity: Severity,
        direction: Direction,
        rules: Rules,
        at: &str,
        text: String,
    ) {
        let rule = match direction {
            Request => rules.0,
            Response => rules.1,
        };
        self.found.add(severity, rule, at, text);
    }

    /// Compares two schemas; `what` names them in words.
    pub(super) fn compare(
        &mut self,
        old: &Value,
        new: &Value,
        direction: Direction,
        at: &str,
        what: &str,
    ) {
        let (at, what) = match reach::target(new) {
            Some(name) => (
                pointer::join("/components/schemas", &name),
                format!("`{name}`"),
            ),
            None => (at.to_owned(), what.to_owned()),
        };
        if let (Some(one), Some(other)) = (reach::target(old), reach::target(new))
            && !self.seen.insert((direction, one, other))
        {
            return;
        }
        let old = flat(self.before, old, 0);
        let new = flat(self.after, new, 0);
        if old == new && !refers(&old) {
            return;
        }
        self.types(&old, &new, direction, &at, &what);
        self.enums(&old, &new, direction, &at, &what);
        self.limits(&old, &new, direction, &at, &what);
        self.properties(&old, &new, direction, &at, &what);
        self.rest(&old, &new, direction, &at, &what);
        for keyword in ["anyOf", "oneOf"] {
            self.union(keyword, (&old, &new), direction, &at, &what);
        }
        if old.get("items").is_some() && new.get("items").is_some() {
            let at = pointer::join(&at, "items");
            let what = format!("an item of {what}");
            self.compare(&old["items"], &new["items"], direction, &at, &what);
        }
    }

    fn properties(&mut self, old: &Value, new: &Value, direction: Direction, at: &str, what: &str) {
        let empty = Map::new();
        let one = old["properties"].as_object().unwrap_or(&empty);
        let other = new["properties"].as_object().unwrap_or(&empty);
        // What is only read is never sent, and the other way round.
        let mark = if direction == Request {
            "readOnly"
        } else {
            "writeOnly"
        };
        for (name, schema) in one.iter().filter(|(_, schema)| schema[mark] != true) {
            let field = format!("the field `{name}` of {what}");
            let at = pointer::join(&pointer::join(at, "properties"), name);
            let Some(now) = other.get(name) else {
                let (severity, rules) = match (direction, is_required(old, name)) {
                    (Response, true) => (Breaking, ("", "response-required-property-removed")),
                    _ => (
                        Warning,
                        (
                            "request-property-removed",
                            "response-optional-property-removed",
                        ),
                    ),
                };
                self.add(severity, direction, rules, &at, format!("{field} is gone"));
                continue;
            };
            match (is_required(old, name), is_required(new, name)) {
                (false, true) => {
                    let severity = if direction == Request { Breaking } else { Info };
                    let rules = (
                        "request-property-became-required",
                        "response-property-became-required",
                    );
                    self.add(
                        severity,
                        direction,
                        rules,
                        &at,
                        format!("{field} became required"),
                    );
                }
                (true, false) => {
                    let severity = if direction == Request { Info } else { Breaking };
                    let rules = (
                        "request-property-became-optional",
                        "response-property-became-optional",
                    );
                    self.add(
                        severity,
                        direction,
                        rules,
                        &at,
                        format!("{field} became optional"),
                    );
                }
                _ => {}
            }
            self.compare(schema, now, direction, &at, &field);
        }
        for (name, schema) in other {
            if one.contains_key(name) || schema[mark] == true {
                continue;
            }
            let field = format!("the field `{name}` of {what}");
            let at = pointer::join(&pointer::join(at, "properties"), name);
            match (direction, is_required(new, name)) {
                (Request, true) => {
                    let rules = ("new-required-request-property", "");
                    self.add(
                        Breaking,
                        direction,
                        rules,
                        &at,
                        format!("{field} is new and required"),
                    );
                }
                (Request, false) | (Response, _) => {
                    let rules = ("new-optional-request-property", "response-property-added");
                    self.add(Info, direction, rules, &at, format!("{field} is new"));
                }
            }
        }
    }

    fn union(
        &mut self,
        keyword: &str,
        (old, new): (&Value, &Value),
        direction: Direction,
        at: &str,
        what: &str,
    ) {
        let none = Vec::new();
        let one = old[keyword].as_array().unwrap_or(&none);
        let other = new[keyword].as_array().unwrap_or(&none);
        let same = |one: &Value, other: &Value| match (reach::target(one), reach::target(other)) {
            (None, None) => one == other,
            (one, other) => one == other,
        };
        let mut gone: Vec<&Value> = Vec::new();
        for arm in one {
            match other.iter().find(|now| same(arm, now)) {
                Some(now) => self.compare(arm, now, direction, at, what),
                None => gone.push(arm),
            }
        }
        let came: Vec<&Value> = other
            .iter()
            .filter(|now| !one.iter().any(|arm| same(arm, now)))
            .collect();
        if let ([arm], [now]) = (gone.as_slice(), came.as_slice()) {
            return self.compare(arm, now, direction, at, &format!("a variant of {what}"));
        }
        for arm in gone {
            let severity = if direction == Request { Breaking } else { Info };
            let rules = (
                "request-body-one-of-removed",
                "response-body-one-of-removed",
            );
            self.add(
                severity,
                direction,
                rules,
                at,
                format!("{what} is never {} any more", short(arm)),
            );
        }
        for arm in came {
            let severity = if direction == Request { Info } else { Breaking };
            let rules = ("request-body-one-of-added", "response-body-one-of-added");
            self.add(
                severity,
                direction,
                rules,
                at,
                format!("{what} may be {} now", short(arm)),
            );
        }
    }
}

pub(super) fn kind(schema: &Value) -> Option<&str> {
    schema["type"].as_str()
}

pub(super) fn said(kind: Option<&str>) -> &str {
    kind.unwrap_or("any")
}

fn is_required(schema: &Value, name: &str) -> bool {
    schema["required"]
        .as_array()
        .is_some_and(|names| names.iter().any(|required| required == name))
}

fn short(arm: &Value) -> String {
    match reach::target(arm) {
        Some(name) => format!("`{name}`"),
        None => said(kind(arm)).to_owned(),
    }
}

/// Whether anything inside is defined elsewhere, and so may have changed unseen.
fn refers(schema: &Value) -> bool {
    match schema {
        Value::Object(map) => map.contains_key("$ref") || map.values().any(refers),
        Value::Array(list) => list.iter().any(refers),
        _ => false,
    }
}

/// The schema without references and `allOf` at its top: all that is said of a value in one place.
fn flat(document: &Value, schema: &Value, depth: u8) -> Value {
    const DEEPEST: u8 = 16;
    let mut flattened = json!({});
    let parts = schema["allOf"].as_array().into_iter().flatten();
    let target = reach::target(schema).map(|name| &document["components"]["schemas"][name]);
    if depth < DEEPEST {
        for part in target.into_iter().chain(parts) {
            join(&mut flattened, &flat(document, part, depth + 1));
        }
    }
    let mut own = schema.as_object().cloned().unwrap_or_default();
    own.shift_remove("$ref");
    own.shift_remove("allOf");
    join(&mut flattened, &Value::Object(own));
    flattened
}

fn join(into: &mut Value, part: &Value) {
    for (key, value) in part.as_object().into_iter().flatten() {
        match (key.as_str(), into.get_mut(key), value) {
            ("properties", Some(Value::Object(old)), Value::Object(more)) => {
                old.extend(more.clone());
            }
            ("required", Some(Value::Array(old)), Value::Array(more)) => old.extend(more.clone()),
            _ => into[key] = value.clone(),
        }
    }
}
