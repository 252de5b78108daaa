//! The wire: operations, their parameters, bodies and responses. Kinds of change are named, and
//! weighed, as oasdiff does.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::pointer;

use super::{
    Change,
    Severity::{Breaking, Info, Warning},
    found::Found,
    operation::{Operation, operations},
    schema::{Direction, Schemas},
};

/// Everything that differs between two documents in 3.0's form.
pub(super) fn compare(before: &Value, after: &Value) -> Vec<Change> {
    let (old, new) = (operations(before), operations(after));
    let mut all: Vec<Change> = Vec::new();
    for (key, operation) in &old {
        let mut found = Found::default();
        match new.get(key) {
            None => removed(operation, &mut found),
            Some(other) => operation.compare(other, before, after, &mut found),
        }
        merge(&mut all, found.changes, new.get(key).unwrap_or(operation));
    }
    for (_, operation) in new.iter().filter(|(key, _)| !old.contains_key(*key)) {
        let mut found = Found::default();
        found.add(
            Info,
            "endpoint-added",
            &operation.at,
            "the operation is new".to_owned(),
        );
        merge(&mut all, found.changes, operation);
    }
    all
}

/// Puts one operation's changes to the rest; a change of a shared part is reported once.
fn merge(all: &mut Vec<Change>, found: Vec<Change>, operation: &Operation) {
    let title = operation.title();
    let name = text_of(&operation.value["operationId"]).to_owned();
    for change in found {
        let is_same = |other: &&mut Change| {
            other.rule == change.rule && other.place == change.place && other.text == change.text
        };
        match all.iter_mut().find(is_same) {
            Some(reported) if reported.operations.contains(&title) => {}
            Some(reported) => {
                reported.operations.push(title.clone());
                reported.names.push(name.clone());
            }
            None => all.push(Change {
                operations: vec![title.clone()],
                names: vec![name.clone()],
                ..change
            }),
        }
    }
}

fn removed(operation: &Operation, found: &mut Found) {
    if operation.value["deprecated"] == true {
        let text = "the operation, which was deprecated, is gone".to_owned();
        found.add(Warning, "api-removed-with-deprecation", &operation.at, text);
    } else {
        let text = "the operation is gone".to_owned();
        found.add(
            Breaking,
            "api-removed-without-deprecation",
            &operation.at,
            text,
        );
    }
}

impl Operation<'_> {
    fn compare(&self, other: &Self, before: &Value, after: &Value, found: &mut Found) {
        let mut schemas = Schemas::new(before, after, found);
        self.parameters(other, &mut schemas);
        self.request(other, &mut schemas);
        self.responses(other, &mut schemas);
        let is_deprecated = |value: &Value| value["deprecated"] == true;
        if !is_deprecated(self.value) && is_deprecated(other.value) {
            let text = "the operation is deprecated".to_owned();
            found.add(Info, "endpoint-deprecated", &other.at, text);
        }
        let security = |value: &Value, document: &Value| {
            value
                .get("security")
                .unwrap_or(&document["security"])
                .clone()
        };
        if security(self.value, before) != security(other.value, after) {
            let text = "who may call it has changed".to_owned();
            found.add(Warning, "api-security-changed", &other.at, text);
        }
    }

    fn parameters(&self, other: &Self, schemas: &mut Schemas) {
        for (key, old) in &self.parameters {
            let named = named(old);
            let Some(new) = other.parameters.get(key) else {
                let text = format!("{named} is gone");
                schemas
                    .found
                    .add(Breaking, "request-parameter-removed", &self.at, text);
                continue;
            };
            if old["name"] != new["name"] {
                let text = format!("{named} is now called `{}`", text_of(&new["name"]));
                schemas
                    .found
                    .add(Info, "request-parameter-renamed", &other.at, text);
            }
            let required = |parameter: &Value| parameter["required"] == true;
            match (required(old), required(new)) {
                (false, true) => schemas.found.add(
                    Breaking,
                    "request-parameter-became-required",
                    &other.at,
                    format!("{named} became required"),
                ),
                (true, false) => schemas.found.add(
                    Info,
                    "request-parameter-became-optional",
                    &other.at,
                    format!("{named} became optional"),
                ),
                _ => {}
            }
            if old["style"] != new["style"] || old["explode"] != new["explode"] {
                let text = format!("{named} is written in another style");
                schemas
                    .found
                    .add(Breaking, "request-parameter-style-changed", &other.at, text);
            }
            let at = pointer::join(&pointer::join(&other.at, "parameters"), &key.1);
            schemas.compare(
                &old["schema"],
                &new["schema"],
                Direction::Request,
                &at,
                &named,
            );
        }
        for (key, new) in &other.parameters {
            if self.parameters.contains_key(key) {
                continue;
            }
            let named = named(new);
            if new["required"] == true {
                let text = format!("{named} is new and required");
                schemas
                    .found
                    .add(Breaking, "new-required-request-parameter", &other.at, text);
            } else {
                let text = format!("{named} is new");
                schemas
                    .found
                    .add(Info, "new-optional-request-parameter", &other.at, text);
            }
        }
    }

    fn request(&self, other: &Self, schemas: &mut Schemas) {
        let (old, new) = (&self.value["requestBody"], &other.value["requestBody"]);
        let at = pointer::join(&other.at, "requestBody");
        let required = |body: &Value| body["required"] == true;
        let mut add =
            |severity, rule, text: &str| schemas.found.add(severity, rule, &at, text.to_owned());
        match (old.is_null(), new.is_null()) {
            (true, true) => return,
            (false, true) => {
                return add(
                    Breaking,
                    "request-body-removed",
                    "the request has no body any more",
                );
            }
            (true, false) if required(new) => {
                return add(
                    Breaking,
                    "request-body-added-required",
                    "the request needs a body now",
                );
            }
            (true, false) => {
                return add(
                    Info,
                    "request-body-added-optional",
                    "the request may have a body now",
                );
            }
            (false, false) => {}
        }
        match (required(old), required(new)) {
            (false, true) => add(
                Breaking,
                "request-body-became-required",
                "the request's body became required",
            ),
            (true, false) => add(
                Info,
                "request-body-became-optional",
                "the request's body became optional",
            ),
            _ => {}
        }
        contents(old, new, Direction::Request, &at, schemas);
    }

    fn responses(&self, other: &Self, schemas: &mut Schemas) {
        let empty = Map::new();
        let of = |value: &'_ Value| value["responses"].as_object().unwrap_or(&empty).clone();
        let (old, new) = (of(self.value), of(other.value));
        let at = pointer::join(&other.at, "responses");
        let statuses: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
        for status in statuses {
            let is_success = status.starts_with('2');
            let at = pointer::join(&at, status);
            match (old.get(status), new.get(status)) {
                (Some(_), None) if is_success => schemas.found.add(
                    Breaking,
                    "response-success-status-removed",
                    &at,
                    format!("the response {status} is gone"),
                ),
                (Some(_), None) => schemas.found.add(
                    Info,
                    "response-non-success-status-removed",
                    &at,
                    format!("the response {status} is gone"),
                ),
                (None, Some(_)) => schemas.found.add(
                    Info,
                    if is_success {
                        "response-success-status-added"
                    } else {
                        "response-non-success-status-added"
                    },
                    &at,
                    format!("the response {status} is new"),
                ),
                (Some(old), Some(new)) => {
                    // Of errors the client takes any shape.
                    let first = schemas.found.changes.len();
                    contents(old, new, Direction::Response, &at, schemas);
                    headers(old, new, &at, schemas.found);
                    if !is_success {
                        for change in &mut schemas.found.changes[first..] {
                            change.severity = change.severity.min(Warning);
                        }
                    }
                }
                (None, None) => {}
            }
        }
    }
}

fn contents(old: &Value, new: &Value, direction: Direction, at: &str, schemas: &mut Schemas) {
    let empty = Map::new();
    let old = old["content"].as_object().unwrap_or(&empty);
    let new = new["content"].as_object().unwrap_or(&empty);
    let (removed, added, body) = match direction {
        Direction::Request => (
            "request-body-media-type-removed",
            "request-body-media-type-added",
            "the request",
        ),
        Direction::Response => (
            "response-media-type-removed",
            "response-media-type-added",
            "the response",
        ),
    };
    for (media_type, value) in old {
        let at = pointer::join(&pointer::join(at, "content"), media_type);
        match new.get(media_type) {
            None => schemas
                .found
                .add(Breaking, removed, &at, format!("{media_type} is gone")),
            Some(other) => {
                let at = pointer::join(&at, "schema");
                schemas.compare(&value["schema"], &other["schema"], direction, &at, body);
            }
        }
    }
    for media_type in new
        .keys()
        .filter(|media_type| !old.contains_key(*media_type))
    {
        let at = pointer::join(&pointer::join(at, "content"), media_type);
        schemas
            .found
            .add(Info, added, &at, format!("{media_type} is new"));
    }
}

fn headers(old: &Value, new: &Value, at: &str, found: &mut Found) {
    let empty = Map::new();
    let new = new["headers"].as_object().unwrap_or(&empty);
    for (name, header) in old["headers"].as_object().unwrap_or(&empty) {
        if !new.keys().any(|other| other.eq_ignore_ascii_case(name)) {
            let (severity, rule) = if header["required"] == true {
                (Breaking, "required-response-header-removed")
            } else {
                (Warning, "optional-response-header-removed")
            };
            found.add(
                severity,
                rule,
                at,
                format!("the response's header `{name}` is gone"),
            );
        }
    }
}

fn named(parameter: &Value) -> String {
    format!(
        "the {} parameter `{}`",
        text_of(&parameter["in"]),
        text_of(&parameter["name"])
    )
}

fn text_of(value: &Value) -> &str {
    value.as_str().unwrap_or("")
}
