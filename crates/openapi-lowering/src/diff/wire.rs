//! The wire: operations, with their parameters, bodies and responses. The names of the kinds of
//! change, and their severities, are those of oasdiff.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::document::pointer;

use super::{
    Change, Level,
    Severity::{Breaking, Info, Warning},
    found::Found,
    operation::{Operation, operations},
    place::{Direction, Place},
    schema::Schemas,
};

/// Returns the changes between two documents in the form of 3.0.
pub(super) fn compare(before: &Value, after: &Value) -> Vec<Change> {
    let (old, new) = (operations(before), operations(after));
    let mut all: Vec<Change> = Vec::new();
    for (key, old_operation) in &old {
        let mut found = Found::new(Level::Wire);
        match new.get(key) {
            None => removed(old_operation, &mut found),
            Some(new_operation) => {
                old_operation.compare(new_operation, before, after, &mut found);
            }
        }
        merge(
            &mut all,
            found.changes,
            new.get(key).unwrap_or(old_operation),
        );
    }
    for (_, operation) in new.iter().filter(|(key, _)| !old.contains_key(*key)) {
        let mut found = Found::new(Level::Wire);
        let text = "the operation was added";
        found.add(Info, "endpoint-added", &operation.at, text);
        merge(&mut all, found.changes, operation);
    }
    all
}

/// Appends the changes of one operation. A change of a shared component is reported once, with all
/// operations that it affects.
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
    let (severity, rule, text) = if is_true(&operation.value["deprecated"]) {
        (
            Warning,
            "api-removed-with-deprecation",
            "the operation, which was deprecated, was removed",
        )
    } else {
        (
            Breaking,
            "api-removed-without-deprecation",
            "the operation was removed",
        )
    };
    found.add(severity, rule, &operation.at, text);
}

impl Operation<'_> {
    fn compare(&self, new: &Self, before: &Value, after: &Value, found: &mut Found) {
        let mut schemas = Schemas::new(before, after, found);
        self.parameters(new, &mut schemas);
        self.request(new, &mut schemas);
        self.responses(new, &mut schemas);
        if !is_true(&self.value["deprecated"]) && is_true(&new.value["deprecated"]) {
            let text = "the operation was deprecated";
            found.add(Info, "endpoint-deprecated", &new.at, text);
        }
        let security = |operation: &Value, document: &Value| {
            let default = &document["security"];
            operation.get("security").unwrap_or(default).clone()
        };
        if security(self.value, before) != security(new.value, after) {
            let text = "the security requirements changed";
            found.add(Warning, "api-security-changed", &new.at, text);
        }
    }

    fn parameters(&self, new: &Self, schemas: &mut Schemas) {
        let at = &new.at;
        for (key, old_parameter) in &self.parameters {
            let name = parameter_name(old_parameter);
            let found = &mut *schemas.found;
            let Some(new_parameter) = new.parameters.get(key) else {
                let text = format!("{name} was removed");
                found.add(Breaking, "request-parameter-removed", &self.at, text);
                continue;
            };
            if old_parameter["name"] != new_parameter["name"] {
                let text = format!(
                    "{name} was renamed to `{}`",
                    text_of(&new_parameter["name"])
                );
                found.add(Info, "request-parameter-renamed", at, text);
            }
            match (
                is_true(&old_parameter["required"]),
                is_true(&new_parameter["required"]),
            ) {
                (false, true) => {
                    let text = format!("{name} became required");
                    found.add(Breaking, "request-parameter-became-required", at, text);
                }
                (true, false) => {
                    let text = format!("{name} became optional");
                    found.add(Info, "request-parameter-became-optional", at, text);
                }
                _ => {}
            }
            let has_changed = |keyword: &str| old_parameter[keyword] != new_parameter[keyword];
            if has_changed("style") || has_changed("explode") {
                let text = format!("the style of {name} changed");
                found.add(Breaking, "request-parameter-style-changed", at, text);
            }
            let place = Place {
                direction: Direction::Request,
                at: &pointer::join(&pointer::join(at, "parameters"), &key.1),
                name: &name,
            };
            schemas.compare(&old_parameter["schema"], &new_parameter["schema"], &place);
        }
        let found = &mut *schemas.found;
        for (key, parameter) in &new.parameters {
            if self.parameters.contains_key(key) {
                continue;
            }
            let name = parameter_name(parameter);
            if is_true(&parameter["required"]) {
                let text = format!("{name} was added and is required");
                found.add(Breaking, "new-required-request-parameter", at, text);
            } else {
                let text = format!("{name} was added");
                found.add(Info, "new-optional-request-parameter", at, text);
            }
        }
    }

    fn request(&self, new: &Self, schemas: &mut Schemas) {
        let at = pointer::join(&new.at, "requestBody");
        let (old, new) = (&self.value["requestBody"], &new.value["requestBody"]);
        let is_required = |body: &Value| is_true(&body["required"]);
        let change = match (old.is_null(), new.is_null()) {
            (true, true) => None,
            (false, true) => Some((
                Breaking,
                "request-body-removed",
                "the request body was removed",
            )),
            (true, false) if is_required(new) => Some((
                Breaking,
                "request-body-added-required",
                "a required request body was added",
            )),
            (true, false) => Some((
                Info,
                "request-body-added-optional",
                "an optional request body was added",
            )),
            (false, false) => match (is_required(old), is_required(new)) {
                (false, true) => Some((
                    Breaking,
                    "request-body-became-required",
                    "the request body became required",
                )),
                (true, false) => Some((
                    Info,
                    "request-body-became-optional",
                    "the request body became optional",
                )),
                _ => None,
            },
        };
        if let Some((severity, rule, text)) = change {
            schemas.found.add(severity, rule, &at, text);
        }
        if !old.is_null() && !new.is_null() {
            contents(old, new, Direction::Request, &at, schemas);
        }
    }

    fn responses(&self, new: &Self, schemas: &mut Schemas) {
        let empty = Map::new();
        let old_responses = self.value["responses"].as_object().unwrap_or(&empty);
        let new_responses = new.value["responses"].as_object().unwrap_or(&empty);
        let responses = pointer::join(&new.at, "responses");
        let statuses: BTreeSet<&String> =
            old_responses.keys().chain(new_responses.keys()).collect();
        for status in statuses {
            let is_success = status.starts_with('2');
            let at = pointer::join(&responses, status);
            match (old_responses.get(status), new_responses.get(status)) {
                (Some(_), None) => {
                    let (severity, rule) = if is_success {
                        (Breaking, "response-success-status-removed")
                    } else {
                        (Info, "response-non-success-status-removed")
                    };
                    let text = format!("the response {status} was removed");
                    schemas.found.add(severity, rule, &at, text);
                }
                (None, Some(_)) => {
                    let rule = if is_success {
                        "response-success-status-added"
                    } else {
                        "response-non-success-status-added"
                    };
                    let text = format!("the response {status} was added");
                    schemas.found.add(Info, rule, &at, text);
                }
                (Some(old), Some(new)) => {
                    let first = schemas.found.changes.len();
                    contents(old, new, Direction::Response, &at, schemas);
                    headers(old, new, &at, schemas.found);
                    if !is_success {
                        // The client accepts errors of any shape.
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
    let content = pointer::join(at, "content");
    let (removed, added, name) = match direction {
        Direction::Request => (
            "request-body-media-type-removed",
            "request-body-media-type-added",
            "the request body",
        ),
        Direction::Response => (
            "response-media-type-removed",
            "response-media-type-added",
            "the response body",
        ),
    };
    for (media_type, old_body) in old {
        let at = pointer::join(&content, media_type);
        match new.get(media_type) {
            None => {
                let text = format!("the media type {media_type} was removed");
                schemas.found.add(Breaking, removed, &at, text);
            }
            Some(new_body) => {
                let place = Place {
                    direction,
                    at: &pointer::join(&at, "schema"),
                    name,
                };
                schemas.compare(&old_body["schema"], &new_body["schema"], &place);
            }
        }
    }
    for media_type in new.keys().filter(|name| !old.contains_key(*name)) {
        let at = pointer::join(&content, media_type);
        let text = format!("the media type {media_type} was added");
        schemas.found.add(Info, added, &at, text);
    }
}

fn headers(old: &Value, new: &Value, at: &str, found: &mut Found) {
    let empty = Map::new();
    let new = new["headers"].as_object().unwrap_or(&empty);
    for (name, header) in old["headers"].as_object().unwrap_or(&empty) {
        if !new.keys().any(|other| other.eq_ignore_ascii_case(name)) {
            let (severity, rule) = if is_true(&header["required"]) {
                (Breaking, "required-response-header-removed")
            } else {
                (Warning, "optional-response-header-removed")
            };
            let text = format!("the response header `{name}` was removed");
            found.add(severity, rule, at, text);
        }
    }
}

/// Returns a parameter in words, such as "the query parameter `limit`".
fn parameter_name(parameter: &Value) -> String {
    format!(
        "the {} parameter `{}`",
        text_of(&parameter["in"]),
        text_of(&parameter["name"])
    )
}

fn text_of(value: &Value) -> &str {
    value.as_str().unwrap_or("")
}

fn is_true(value: &Value) -> bool {
    *value == true
}
