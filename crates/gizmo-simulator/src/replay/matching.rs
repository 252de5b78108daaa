//! Decides which exchange of a recording responds to a request.

use std::collections::HashSet;

use gizmo_client::record::{Content, End, Exchange};
use http::Method;
use serde_json::Value;

use super::elsewhere;
use crate::call::{decode, read_query};
use crate::routes::is_paid;

/// The headers that tell requests apart by their values, in the order in which they decide.
const TELLING: [&str; 3] = ["range", "if-range", LAST_EVENT_ID];

const LAST_EVENT_ID: &str = "last-event-id";

/// The headers that carry a credential. Only whether there is one tells requests apart.
const CREDENTIALS: [&str; 2] = ["authorization", "x-gizmo-service-token"];

/// The number of recorded requests that a refusal names.
const NEAREST: usize = 3;

/// A request, as far as it decides about the response.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Asked {
    pub(crate) method: String,
    /// The path, decoded.
    pub(crate) path: String,
    /// The decoded parameters in the order of their names.
    pub(crate) query: Vec<(String, String)>,
    has_credential: bool,
    /// The values of [`TELLING`].
    headers: [Option<String>; 3],
    body: Option<Value>,
}

impl Asked {
    /// Takes what decides from a request with a path and a query.
    pub(crate) fn new<'a>(
        method: &str,
        target: &str,
        headers: impl Iterator<Item = (&'a str, &'a str)>,
        body: Option<Value>,
    ) -> Self {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let mut query = read_query(query);
        query.sort();
        let mut asked = Self {
            method: method.to_owned(),
            path: decode(path),
            query,
            has_credential: false,
            headers: [const { None }; 3],
            body,
        };
        for (name, value) in headers {
            asked.has_credential |= CREDENTIALS.contains(&name);
            if let Some(index) = TELLING.iter().position(|telling| *telling == name) {
                asked.headers[index] = Some(value.to_owned());
            }
        }
        asked
    }

    /// Returns the cursor of a request for events: its `Last-Event-ID`, or its parameter `after`.
    pub(crate) fn cursor(&self) -> Option<&str> {
        let after = || self.query.iter().rfind(|(name, _)| name == "after");
        let header = self.last_event_id();
        header.or_else(|| after().map(|(_, value)| value.as_str()))
    }

    fn last_event_id(&self) -> Option<&str> {
        let header = TELLING.iter().zip(&self.headers);
        let mut header = header.filter(|(name, _)| **name == LAST_EVENT_ID);
        header.next().and_then(|(_, value)| value.as_deref())
    }

    /// Whether both address the same resource by the same method and query.
    fn addresses(&self, other: &Self) -> bool {
        (&self.method, &self.path, &self.query) == (&other.method, &other.path, &other.query)
    }

    /// Whether the responses to both are the same file, or parts of it.
    pub(crate) fn requests_file_of(&self, other: &Self) -> bool {
        self.addresses(other) && self.body == other.body
    }

    /// Returns the number of fields that both bodies contain with the same value.
    fn fields_in_common(&self, other: &Self) -> usize {
        match (&self.body, &other.body) {
            (Some(Value::Object(own)), Some(Value::Object(others))) => own
                .iter()
                .filter(|(name, value)| others.get(*name) == Some(value))
                .count(),
            _ => 0,
        }
    }

    /// Returns the request as a line: method, path and query.
    pub(crate) fn line(&self) -> String {
        let mut line = format!("{} {}", self.method, self.path);
        for (index, (name, value)) in self.query.iter().enumerate() {
            line.push(if index == 0 { '?' } else { '&' });
            line.push_str(name);
            line.push('=');
            line.push_str(value);
        }
        line
    }
}

/// How a recorded request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Outcome {
    Failed,
    Partial,
    Complete,
}

/// A recorded exchange, as far as it decides which one responds.
#[derive(Debug)]
pub(crate) struct Candidate {
    pub(crate) asked: Asked,
    /// Whether it may have spent credits. Such an exchange is served once.
    paid: bool,
    /// Whether its response is an event stream.
    pub(crate) is_stream: bool,
    outcome: Outcome,
}

impl Candidate {
    pub(crate) fn new(exchange: &Exchange) -> Self {
        let request = &exchange.request;
        let headers = request.headers.iter();
        let headers = headers.map(|(name, value)| (name.as_str(), value.as_str()));
        let body = match &request.body {
            Content::Json(value) => Some(value.clone()),
            Content::Text(text) => Some(Value::String(text.clone())),
            _ => None,
        };
        let target = elsewhere::local_target(&request.target);
        let asked = Asked::new(&request.method, &target, headers, body);
        let response = exchange.response.as_ref();
        let outcome = match response.map(|response| response.end) {
            Some(End::Complete) => Outcome::Complete,
            Some(_) => Outcome::Partial,
            None => Outcome::Failed,
        };
        let method = Method::from_bytes(request.method.as_bytes()).unwrap_or_default();
        Self {
            paid: is_paid(exchange.operation.as_deref(), &method, &asked.path),
            asked,
            is_stream: response.is_some_and(|response| matches!(response.body, Content::Events(_))),
            outcome,
        }
    }
}

/// Returns the index of the exchange that responds to a request, if there is one. `served` says which have
/// responded already.
pub(crate) fn choose(all: &[Candidate], served: &[bool], asked: &Asked) -> Option<usize> {
    let mut found: Vec<usize> = (0..all.len())
        .filter(|index| {
            let candidate = &all[*index];
            let at_cursor = candidate.asked.last_event_id() == asked.last_event_id();
            candidate.asked.addresses(asked) && (at_cursor || !candidate.is_stream)
        })
        .collect();
    prefer(&mut found, |index| {
        all[index].asked.has_credential == asked.has_credential
    });
    for (position, value) in asked.headers.iter().enumerate() {
        let recorded = |index: usize| &all[index].asked.headers[position];
        prefer(&mut found, |index| {
            recorded(index).is_some() == value.is_some()
        });
        prefer(&mut found, |index| recorded(index) == value);
    }
    prefer(&mut found, |index| all[index].asked.body == asked.body);
    // Without an equal body, these are all that were recorded, and the most similar one goes first.
    let in_common = |index: usize| asked.fields_in_common(&all[index].asked);
    let unserved = found.iter().copied().filter(|index| !served[*index]);
    let next = unserved.max_by_key(|index| (in_common(*index), std::cmp::Reverse(*index)));
    let repeated = || {
        let repeatable = found.iter().copied().filter(|index| !all[*index].paid);
        repeatable.max_by_key(|index| (in_common(*index), all[*index].outcome, *index))
    };
    next.or_else(repeated)
}

/// Keeps the elements that satisfy the condition, if there are any.
fn prefer(found: &mut Vec<usize>, condition: impl Fn(usize) -> bool) {
    if found.iter().any(|index| condition(*index)) {
        found.retain(|index| condition(*index));
    }
}

/// Returns the message of the refusal of a request that has no exchange.
pub(crate) fn refusal(all: &[Candidate], asked: &Asked) -> String {
    let line = asked.line();
    let times = all
        .iter()
        .filter(|candidate| candidate.asked.addresses(asked))
        .count();
    if times > 0 {
        return format!(
            "{line} is recorded {times} times and was served as often; a paid request is not repeated"
        );
    }
    let mut seen = HashSet::new();
    let mut nearest: Vec<_> = all
        .iter()
        .map(|candidate| (likeness(&candidate.asked, asked), candidate.asked.line()))
        .filter(|(_, line)| seen.insert(line.clone()))
        .collect();
    nearest.sort_by_key(|(likeness, _)| std::cmp::Reverse(*likeness));
    nearest.truncate(NEAREST);
    let nearest: Vec<String> = nearest.into_iter().map(|(_, line)| line).collect();
    if nearest.is_empty() {
        return format!("{line} is not recorded; the recording contains no requests");
    }
    format!(
        "{line} is not recorded; the nearest recorded requests are {}",
        nearest.join(", ")
    )
}

/// Returns how alike two requests are: in their path first, then in method, length and query.
fn likeness(one: &Asked, other: &Asked) -> (usize, bool, bool, usize) {
    let segments = |asked: &Asked| asked.path.split('/').count();
    let pairs = one.path.split('/').zip(other.path.split('/'));
    (
        pairs.take_while(|(one, other)| one == other).count(),
        one.method == other.method,
        segments(one) == segments(other),
        one.query
            .iter()
            .filter(|pair| other.query.contains(pair))
            .count(),
    )
}
