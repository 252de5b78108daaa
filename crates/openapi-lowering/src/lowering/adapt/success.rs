//! Reduces each operation to one success response with one body.

use serde_json::{Map, Value, json};

use crate::{
    document::{pointer, walk},
    ledger::Ledger,
};

/// Keeps the success response with the richest body.
pub(super) fn apply(document: &mut Value, ledger: &mut Ledger) {
    for operation in walk::operations(document) {
        let at = pointer::join(&operation.pointer, "responses");
        let Some(responses) = pointer::object_mut(document, &at) else {
            continue;
        };
        let successes: Vec<String> = responses
            .keys()
            .filter(|status| is_success(status))
            .cloned()
            .collect();
        if successes.is_empty() {
            // Without a success response, `default` usually describes the success. Next to one, it
            // describes errors.
            if let Some(response) = responses.shift_remove("default") {
                responses.shift_insert(0, ANY_2XX.to_owned(), response);
                ledger.lossy(pointer::join(&at, "default"));
            }
            continue;
        }
        let richest = successes
            .iter()
            .enumerate()
            .max_by_key(|(index, status)| {
                (best_rank(&responses[*status]), std::cmp::Reverse(*index))
            })
            .map(|(_, status)| status.clone())
            .expect("there is at least one");
        for status in successes.iter().filter(|status| **status != richest) {
            responses.shift_remove(status);
            ledger.lossy(pointer::join(&at, status));
        }
    }
}

pub(super) fn is_success(status: &str) -> bool {
    status.len() == 3 && status.starts_with('2')
}

/// Replaces a status without a name with `2XX`, because the mocks name their methods after the
/// status.
pub(super) fn statuses(document: &mut Value, ledger: &mut Ledger) {
    for operation in walk::operations(document) {
        let at = pointer::join(&operation.pointer, "responses");
        let Some(responses) = pointer::object_mut(document, &at) else {
            continue;
        };
        let unnamed = responses
            .keys()
            .find(|status| is_success(status) && !NAMED.contains(&status.as_str()))
            .cloned();
        if let Some(status) = unnamed
            && let Some(response) = responses.shift_remove(&status)
        {
            responses.shift_insert(0, ANY_2XX.to_owned(), response);
            ledger.lossy(pointer::join(&at, &status));
        }
    }
}

/// The range of all success statuses in 3.0.
const ANY_2XX: &str = "2XX";

/// The success statuses that HTTP has names for, and their range.
const NAMED: [&str; 11] = [
    "200", "201", "202", "203", "204", "205", "206", "207", "208", "226", ANY_2XX,
];

/// Keeps the richest of several bodies of a response, and adds the schema of JSON if it is missing.
///
/// Otherwise the generator would use the JSON body and ignore a file.
pub(super) fn contents(document: &mut Value, ledger: &mut Ledger) {
    for operation in walk::operations(document) {
        let responses = pointer::join(&operation.pointer, "responses");
        let statuses: Vec<String> = pointer::get(document, &responses)
            .and_then(Value::as_object)
            .map(|responses| {
                responses
                    .keys()
                    .filter(|s| is_success(s))
                    .cloned()
                    .collect()
            })
            .unwrap_or_default();
        for status in statuses {
            let at = pointer::join(&pointer::join(&responses, &status), "content");
            if let Some(content) = pointer::object_mut(document, &at) {
                keep_richest(content, &at, ledger);
                plain_json(content, &at, ledger);
            }
        }
    }
}

fn keep_richest(content: &mut Map<String, Value>, at: &str, ledger: &mut Ledger) {
    let best = content
        .iter()
        .enumerate()
        .max_by_key(|(index, (media_type, body))| {
            (rank(media_type, body), std::cmp::Reverse(*index))
        })
        .map(|(_, (media_type, _))| media_type.clone());
    let others: Vec<String> = content
        .keys()
        .filter(|media_type| Some(*media_type) != best.as_ref())
        .cloned()
        .collect();
    for media_type in others {
        content.shift_remove(&media_type);
        ledger.lossy(pointer::join(at, &media_type));
    }
    for (media_type, body) in content.iter_mut() {
        let at = pointer::join(at, media_type);
        let Some(body) = body.as_object_mut() else {
            continue;
        };
        if is_json(media_type) && !body.contains_key("schema") {
            body.insert("schema".to_owned(), json!({}));
            ledger.exact(pointer::join(&at, "schema"));
        }
        if body.shift_remove("encoding").is_some() {
            ledger.lossy(pointer::join(&at, "encoding"));
        }
    }
}

/// Replaces other JSON media types, such as `application/vnd.x+json`, with `application/json`,
/// because the generator would treat them as bytes.
fn plain_json(content: &mut Map<String, Value>, at: &str, ledger: &mut Ledger) {
    let other = content
        .keys()
        .find(|media_type| essence(media_type).ends_with("+json"))
        .cloned();
    if let Some(other) = other
        && let Some(mut body) = content.shift_remove(&other)
    {
        if let Some(body) = body.as_object_mut() {
            body.entry("schema").or_insert(json!({}));
        }
        content.insert("application/json".to_owned(), body);
        ledger.lossy(pointer::join(at, &other));
    }
}

/// Returns a media type without its parameters.
pub(super) fn essence(media_type: &str) -> &str {
    media_type.split(';').next().unwrap_or("").trim()
}

fn best_rank(response: &Value) -> u8 {
    response["content"]
        .as_object()
        .into_iter()
        .flat_map(|content| content.iter())
        .map(|(media_type, body)| rank(media_type, body))
        .max()
        .unwrap_or(0)
}

/// Ranks a body: a file first, then an event stream, typed JSON, other text and untyped JSON.
fn rank(media_type: &str, body: &Value) -> u8 {
    let schema = &body["schema"];
    let is_untyped = schema.as_object().is_none_or(Map::is_empty);
    let essence = essence(media_type);
    let is_json = is_json(essence) || essence.ends_with("+json");
    match essence {
        "text/event-stream" => 4,
        _ if is_json && is_untyped => 1,
        _ if is_json => 3,
        _ if essence.starts_with("text/")
            || essence.ends_with("xml")
            || essence.ends_with("json") =>
        {
            2
        }
        _ => 5,
    }
}

fn is_json(media_type: &str) -> bool {
    media_type == "application/json" || media_type.starts_with("application/json;")
}
