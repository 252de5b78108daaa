//! Checks of the document.

use serde_json::Value;

use super::{Check, kind};
use crate::evidence::{Evidence, Seen};
use crate::note;
use crate::tally::Tally;

pub(super) const CHECKS: &[Check] = &[
    ("document-location", location),
    ("document-openapi-31", version),
    ("document-operations", operations),
    ("document-untyped-successes", untyped_successes),
    ("document-credential-parameters", credential_parameters),
];

const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

fn served(evidence: &Evidence) -> Option<(Seen<'_>, &Value)> {
    let seen = evidence.noted(note::DOCUMENT).last()?;
    let document = seen.json().filter(|_| seen.is_success())?;
    document["paths"].as_object()?;
    Some((seen, document))
}

fn location(evidence: &Evidence, tally: &mut Tally) {
    if served(evidence).is_some() {
        return tally.holds();
    }
    for seen in evidence.noted(note::DOCUMENT) {
        let found = format!("{}, and not an OpenAPI document", seen.status());
        tally.fails(seen, "status", found);
    }
}

fn version(evidence: &Evidence, tally: &mut Tally) {
    if let Some((seen, document)) = served(evidence) {
        let version = &document["openapi"];
        let holds = version
            .as_str()
            .is_some_and(|version| version.starts_with("3.1"));
        tally.expect(holds, seen, "/openapi", kind(Some(version)));
    }
}

/// A path without the names of its parameters.
fn shape(path: &str) -> String {
    let segments = path.split('/').map(|segment| {
        if segment.starts_with('{') {
            "{}"
        } else {
            segment
        }
    });
    segments.collect::<Vec<_>>().join("/")
}

/// Every operation of a document, with its JSON pointer.
fn each_operation(document: &Value) -> impl Iterator<Item = (String, String, &str, &Value)> {
    let paths = document["paths"].as_object().into_iter().flatten();
    paths.flat_map(|(path, methods)| {
        let methods = methods.as_object().into_iter().flatten();
        let methods = methods.filter(|(method, _)| METHODS.contains(&method.as_str()));
        methods.map(move |(method, operation)| {
            let pointer = format!("/paths/{}/{method}", path.replace('/', "~1"));
            (pointer, shape(path), method.as_str(), operation)
        })
    })
}

fn operations(evidence: &Evidence, tally: &mut Tally) {
    let Some((seen, document)) = served(evidence) else {
        return;
    };
    let theirs: Vec<_> = each_operation(document).collect();
    for (pointer, path, method, _) in each_operation(&evidence.derived) {
        let mut theirs = theirs.iter();
        let holds = theirs
            .any(|(_, their_path, their_method, _)| *their_path == path && *their_method == method);
        tally.expect(holds, seen, &pointer, "nothing");
    }
}

fn untyped_successes(evidence: &Evidence, tally: &mut Tally) {
    let Some((seen, document)) = served(evidence) else {
        return;
    };
    for (pointer, _, _, operation) in each_operation(document) {
        let responses = operation["responses"].as_object().into_iter().flatten();
        for (status, response) in responses.filter(|(status, _)| status.starts_with('2')) {
            let schema = &response["content"]["application/json"]["schema"];
            let is_untyped = schema.is_null()
                || schema.as_object().is_some_and(|schema| {
                    schema
                        .keys()
                        .all(|key| matches!(key.as_str(), "title" | "description"))
                });
            let place = format!("{pointer}/responses/{status}");
            tally.expect(is_untyped, seen, &place, "a schema");
        }
    }
}

fn credential_parameters(evidence: &Evidence, tally: &mut Tally) {
    let Some((seen, document)) = served(evidence) else {
        return;
    };
    for (pointer, _, _, operation) in each_operation(document) {
        let parameters = operation["parameters"].as_array().into_iter().flatten();
        let headers: Vec<_> = parameters
            .filter(|parameter| parameter["in"] == "header")
            .collect();
        for name in [
            "authorization",
            "x-gizmo-service-token",
            "x-gizmo-user-id",
            "x-gizmo-convex-user-id",
        ] {
            let found = headers.iter().find(|header| {
                let header = header["name"].as_str().unwrap_or_default();
                header.eq_ignore_ascii_case(name)
            });
            let place = format!("{pointer}/parameters");
            match found {
                Some(header) if header["required"] != true => tally.holds(),
                Some(_) => tally.fails(seen, &place, format!("`{name}` is required")),
                None => tally.fails(seen, &place, format!("no `{name}`")),
            }
        }
    }
}
