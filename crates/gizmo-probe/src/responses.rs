//! The responses of a recording, compared with the types that decode them.

use std::collections::{BTreeMap, BTreeSet};

use gizmo_client::drift::{DifferenceKind, differences};
use serde::Serialize;
use serde_json::Value;

use crate::checks;
use crate::evidence::{Evidence, Seen};
use crate::find;
use crate::repository::{Form, Repository};

/// Everything that the types do not know, or that never came.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Responses {
    /// What cannot be decoded, or is lost.
    pub(crate) undecodable: Vec<TypeDifference>,
    /// Words that an enum does not list.
    pub(crate) words: Vec<TypeDifference>,
    /// Members that the type does not have.
    pub(crate) members: Vec<TypeDifference>,
    /// Names of events of no known vocabulary.
    pub(crate) events: Vec<New>,
    /// Response headers that nothing in the crate knows.
    pub(crate) headers: Vec<New>,
    /// Members of types that no response had.
    pub(crate) never_present: Vec<Never>,
}

/// A difference between responses of an operation and its type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct TypeDifference {
    pub(crate) operation: String,
    /// A JSON pointer, with `*` for the index of an array.
    pub(crate) pointer: String,
    pub(crate) expected: String,
    pub(crate) found: String,
    /// The number of places with it, in all responses.
    pub(crate) count: usize,
    /// The first exchange with it.
    pub(crate) exchange: u32,
    /// Where the type is defined.
    pub(crate) place: String,
}

/// A name that was not known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct New {
    pub(crate) name: String,
    pub(crate) count: usize,
    /// The first exchange with it.
    pub(crate) exchange: u32,
}

/// A member that no response had.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Never {
    pub(crate) schema: String,
    pub(crate) member: String,
    /// The number of objects that could have had it.
    pub(crate) objects: usize,
    pub(crate) place: String,
}

/// Response headers that are known: those of HTTP, of usual intermediaries, and of the service.
const HEADERS: [&str; 51] = [
    "accept-ranges",
    "age",
    "allow",
    "alt-svc",
    "cache-control",
    "cf-cache-status",
    "cf-ray",
    "connection",
    "content-disposition",
    "content-encoding",
    "content-language",
    "content-length",
    "content-range",
    "content-security-policy",
    "content-type",
    "cross-origin-opener-policy",
    "cross-origin-resource-policy",
    "date",
    "etag",
    "expires",
    "keep-alive",
    "last-modified",
    "link",
    "location",
    "nel",
    "permissions-policy",
    "pragma",
    "ratelimit",
    "ratelimit-limit",
    "ratelimit-policy",
    "ratelimit-remaining",
    "ratelimit-reset",
    "referrer-policy",
    "report-to",
    "request-id",
    "retry-after",
    "server",
    "server-timing",
    "set-cookie",
    "strict-transport-security",
    "transfer-encoding",
    "vary",
    "via",
    "www-authenticate",
    "x-accel-buffering",
    "x-content-type-options",
    "x-correlation-id",
    "x-frame-options",
    "x-request-id",
    "x-powered-by",
    "x-cache",
];

/// Compares all responses of a recording.
pub(crate) fn compare(evidence: &Evidence, repository: &Repository) -> Responses {
    let mut responses = Responses::default();
    let mut found: BTreeMap<(String, u8, String, String, String), TypeDifference> = BTreeMap::new();
    let mut seen_members = Members::default();
    for seen in evidence.seen().filter(|seen| seen.is_success()) {
        let Some(body) = seen.json() else { continue };
        let operation = seen.operation();
        seen_members.add(repository, operation, body);
        for difference in differences(operation, body).unwrap_or_default() {
            let word = || {
                let word = body.pointer(&difference.pointer)?.as_str()?;
                Some(format!("`{word}`"))
            };
            let found_there = match difference.kind {
                DifferenceKind::Word => word().unwrap_or_else(|| difference.found.to_owned()),
                _ => difference.found.to_owned(),
            };
            let pattern = difference.pattern();
            let key = (
                operation.to_owned(),
                difference.kind as u8,
                pattern.clone(),
                difference.expected.clone(),
                found_there.clone(),
            );
            let entry = found.entry(key).or_insert_with(|| TypeDifference {
                operation: operation.to_owned(),
                place: place(repository, operation, &pattern),
                pointer: pattern,
                expected: difference.expected.clone(),
                found: found_there,
                count: 0,
                exchange: seen.exchange.number,
            });
            entry.count += 1;
        }
    }
    for ((_, kind, ..), difference) in found {
        let list = match kind {
            kind if kind == DifferenceKind::Word as u8 => &mut responses.words,
            kind if kind == DifferenceKind::Unknown as u8 => &mut responses.members,
            _ => &mut responses.undecodable,
        };
        list.push(difference);
    }
    responses.never_present = seen_members.never(repository);
    responses.events = new_events(evidence);
    responses.headers = new_headers(evidence);
    responses
}

/// Where the type of a place in a body is defined.
fn place(repository: &Repository, operation: &str, pattern: &str) -> String {
    let Some(body) = repository.body(operation) else {
        return "openapi/openapi.json".to_owned();
    };
    let is_inner = |form: Form| match form {
        Form::Page => pattern.contains("/*"),
        Form::Envelope => !matches!(pattern, "" | "/ok"),
    };
    match body.inner {
        Some((form, inner)) if is_inner(form) => repository.place(&inner),
        _ => repository.place(&body.schema),
    }
}

/// The members that the objects of each component had.
#[derive(Debug, Default)]
struct Members(BTreeMap<String, (usize, BTreeSet<String>)>);

impl Members {
    fn add(&mut self, repository: &Repository, operation: &str, response: &Value) {
        let Some(body) = repository.body(operation) else {
            return;
        };
        let Some((form, inner)) = body.inner else {
            return self.object(&body.schema, response);
        };
        match form {
            Form::Page => {
                self.object(&body.schema, response);
                let items = find::list(response).map(|(_, items)| items.as_slice());
                for item in items.unwrap_or_default() {
                    self.object(&inner, item);
                }
            }
            Form::Envelope => {
                let members = response.as_object().into_iter().flatten();
                let mut objects = members.filter(|(_, value)| value.is_object());
                let properties = repository.schema(&body.schema)["properties"].as_object();
                let wrapped = objects.find(|(name, _)| {
                    properties.is_some_and(|properties| properties.contains_key(*name))
                });
                self.object(&inner, wrapped.map_or(response, |(_, inner)| inner));
            }
        }
    }

    fn object(&mut self, schema: &str, value: &Value) {
        if let Value::Object(map) = value {
            let (count, names) = self.0.entry(schema.to_owned()).or_default();
            *count += 1;
            names.extend(map.keys().cloned());
        }
    }

    fn never(&self, repository: &Repository) -> Vec<Never> {
        let mut never = Vec::new();
        for (schema, (objects, names)) in &self.0 {
            let properties = repository.schema(schema)["properties"].as_object();
            for member in properties.into_iter().flatten().map(|(name, _)| name) {
                if !names.contains(member) {
                    never.push(Never {
                        schema: schema.clone(),
                        member: member.clone(),
                        objects: *objects,
                        place: repository.place(schema),
                    });
                }
            }
        }
        never
    }
}

fn new_events(evidence: &Evidence) -> Vec<New> {
    let mut names: BTreeMap<String, New> = BTreeMap::new();
    for stream in evidence.streams() {
        for event in &stream.events {
            if !event.is_ping() && !checks::is_known_event(&event.name) {
                count(&mut names, &event.name, stream.seen);
            }
        }
    }
    names.into_values().collect()
}

fn new_headers(evidence: &Evidence) -> Vec<New> {
    let mut names: BTreeMap<String, New> = BTreeMap::new();
    for seen in evidence.seen() {
        for (name, _) in &seen.response.headers {
            let is_known = HEADERS.contains(&name.as_str())
                || name.starts_with("x-ratelimit-")
                || name.starts_with("access-control-");
            if !is_known {
                count(&mut names, name, seen);
            }
        }
    }
    names.into_values().collect()
}

fn count(names: &mut BTreeMap<String, New>, name: &str, seen: Seen<'_>) {
    let new = names.entry(name.to_owned()).or_insert_with(|| New {
        name: name.to_owned(),
        count: 0,
        exchange: seen.exchange.number,
    });
    new.count += 1;
}
