//! One schema against another, seen from the side it stands on.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::{lower::reach, pointer};

use super::{
    Severity::{self, Breaking, Info, Warning},
    wire::Found,
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
type Rules = (&'static str, &'static str);

impl<'a> Schemas<'a> {
    pub(super) fn new(before: &'a Value, after: &'a Value, found: &'a mut Found) -> Self {
        Self {
            before,
            after,
            found,
            seen: BTreeSet::new(),
        }
    }

    fn add(
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

    fn types(&mut self, old: &Value, new: &Value, direction: Direction, at: &str, what: &str) {
        const CHANGED: Rules = (
            "request-property-type-changed",
            "response-property-type-changed",
        );
        const WIDER: Rules = (
            "request-property-type-generalized",
            "response-property-type-generalized",
        );
        const NARROWER: Rules = (
            "request-property-type-specialized",
            "response-property-type-specialized",
        );
        let (one, other) = (kind(old), kind(new));
        if one != other {
            let text = format!(
                "the type of {what} has changed from {} to {}",
                said(one),
                said(other)
            );
            let is_wider = other.is_none() || (one, other) == (Some("integer"), Some("number"));
            let is_narrower = one.is_none() || (one, other) == (Some("number"), Some("integer"));
            let (severity, rules) = match (is_wider, is_narrower, direction) {
                (true, _, Request) => (Info, WIDER),
                (true, _, Response) => (Breaking, WIDER),
                (_, true, Request) => (Breaking, NARROWER),
                (_, true, Response) => (Info, NARROWER),
                _ => (Breaking, CHANGED),
            };
            self.add(severity, direction, rules, at, text);
        } else if old["format"] != new["format"] {
            let severity = match (direction, old.get("format"), new.get("format")) {
                (Request, _, None) | (Response, None, _) => Info,
                _ => Breaking,
            };
            let text = format!(
                "the format of {what} has changed from {} to {}",
                old["format"], new["format"]
            );
            self.add(severity, direction, CHANGED, at, text);
        }
        let nullable = |schema: &Value| schema["nullable"] == true;
        let (severity, rules, text) = match (nullable(old), nullable(new), direction) {
            (true, false, _) => (
                if direction == Request { Breaking } else { Info },
                (
                    "request-property-became-not-nullable",
                    "response-property-became-not-nullable",
                ),
                format!("{what} may not be null any more"),
            ),
            (false, true, _) => (
                if direction == Request { Info } else { Breaking },
                (
                    "request-property-became-nullable",
                    "response-property-became-nullable",
                ),
                format!("{what} may be null now"),
            ),
            _ => return,
        };
        self.add(severity, direction, rules, at, text);
    }

    fn enums(&mut self, old: &Value, new: &Value, direction: Direction, at: &str, what: &str) {
        let (one, other) = match (old["enum"].as_array(), new["enum"].as_array()) {
            (None, None) => return,
            (None, Some(_)) => {
                let severity = if direction == Request { Breaking } else { Info };
                let rules = (
                    "request-property-became-enum",
                    "response-property-became-enum",
                );
                let text = format!("{what} takes only some values now");
                return self.add(severity, direction, rules, at, text);
            }
            (Some(_), None) => {
                let severity = if direction == Request { Info } else { Warning };
                let rules = (
                    "request-property-became-not-enum",
                    "response-property-became-not-enum",
                );
                return self.add(
                    severity,
                    direction,
                    rules,
                    at,
                    format!("{what} takes any value now"),
                );
            }
            (Some(one), Some(other)) => (one, other),
        };
        for value in one.iter().filter(|value| !other.contains(value)) {
            let severity = if direction == Request { Breaking } else { Info };
            let rules = (
                "request-property-enum-value-removed",
                "response-property-enum-value-removed",
            );
            self.add(
                severity,
                direction,
                rules,
                at,
                format!("the value {value} of {what} is gone"),
            );
        }
        for value in other.iter().filter(|value| !one.contains(value)) {
            let severity = if direction == Request { Info } else { Warning };
            let rules = (
                "request-property-enum-value-added",
                "response-property-enum-value-added",
            );
            self.add(
                severity,
                direction,
                rules,
                at,
                format!("the value {value} of {what} is new"),
            );
        }
    }

    fn limits(&mut self, old: &Value, new: &Value, direction: Direction, at: &str, what: &str) {
        for (keyword, sign, rules) in LIMITS {
            let (one, other) = (limit(old, keyword), limit(new, keyword));
            if one == other {
                continue;
            }
            // Towards plus infinity a lower limit gets stricter, an upper one laxer.
            let is_stricter = match (one, other) {
                (None, _) => true,
                (_, None) => false,
                (Some(one), Some(other)) => (other - one) * sign > 0.0,
            };
            let severity = if is_stricter == (direction == Request) {
                Breaking
            } else {
                Info
            };
            let text = format!(
                "the `{keyword}` of {what} has changed from {} to {}",
                shown(one),
                shown(other)
            );
            self.add(severity, direction, rules, at, text);
        }
        for keyword in [
            "pattern",
            "multipleOf",
            "uniqueItems",
            "exclusiveMinimum",
            "exclusiveMaximum",
            "not",
        ] {
            if old[keyword] != new[keyword] {
                let rules = (
                    "request-property-constraint-changed",
                    "response-property-constraint-changed",
                );
                let text = format!("the `{keyword}` of {what} has changed");
                self.add(Warning, direction, rules, at, text);
            }
        }
    }

    fn rest(&mut self, old: &Value, new: &Value, direction: Direction, at: &str, what: &str) {
        if old["default"] != new["default"] {
            let rules = (
                "request-property-default-value-changed",
                "response-property-default-value-changed",
            );
            let text = format!(
                "the default of {what} has changed from {} to {}",
                old["default"], new["default"]
            );
            self.add(Info, direction, rules, at, text);
        }
        let (one, other) = (&old["additionalProperties"], &new["additionalProperties"]);
        if one.is_object() && other.is_object() {
            let at = pointer::join(at, "additionalProperties");
            self.compare(
                one,
                other,
                direction,
                &at,
                &format!("another field of {what}"),
            );
        } else if (*one == false) != (*other == false) {
            let severity = if (*other == false) == (direction == Request) {
                Breaking
            } else {
                Info
            };
            let rules = (
                "request-property-additional-properties-changed",
                "response-property-additional-properties-changed",
            );
            let now = if *other == false {
                "no other fields"
            } else {
                "other fields"
            };
            // An answer with more fields than announced is read all the same.
            let severity = if direction == Response {
                Info
            } else {
                severity
            };
            self.add(
                severity,
                direction,
                rules,
                at,
                format!("{what} takes {now} now"),
            );
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

/// Limits, the direction in which each gets stricter, and the kinds of change.
const LIMITS: [(&str, f64, Rules); 8] = [
    (
        "minLength",
        1.0,
        (
            "request-property-min-length-changed",
            "response-property-min-length-changed",
        ),
    ),
    (
        "maxLength",
        -1.0,
        (
            "request-property-max-length-changed",
            "response-property-max-length-changed",
        ),
    ),
    (
        "minimum",
        1.0,
        (
            "request-property-min-changed",
            "response-property-min-changed",
        ),
    ),
    (
        "maximum",
        -1.0,
        (
            "request-property-max-changed",
            "response-property-max-changed",
        ),
    ),
    (
        "minItems",
        1.0,
        (
            "request-property-min-items-changed",
            "response-property-min-items-changed",
        ),
    ),
    (
        "maxItems",
        -1.0,
        (
            "request-property-max-items-changed",
            "response-property-max-items-changed",
        ),
    ),
    (
        "minProperties",
        1.0,
        (
            "request-property-min-properties-changed",
            "response-property-min-properties-changed",
        ),
    ),
    (
        "maxProperties",
        -1.0,
        (
            "request-property-max-properties-changed",
            "response-property-max-properties-changed",
        ),
    ),
];

fn limit(schema: &Value, keyword: &str) -> Option<f64> {
    let is_idle = keyword.starts_with("min") && keyword != "minimum" && schema[keyword] == 0;
    schema[keyword].as_f64().filter(|_| !is_idle)
}

fn shown(limit: Option<f64>) -> String {
    limit.map_or_else(|| "none".to_owned(), |limit| limit.to_string())
}

fn kind(schema: &Value) -> Option<&str> {
    schema["type"].as_str()
}

fn said(kind: Option<&str>) -> &str {
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
                old.extend(more.clone())
            }
            ("required", Some(Value::Array(old)), Value::Array(more)) => old.extend(more.clone()),
            _ => into[key] = value.clone(),
        }
    }
}
