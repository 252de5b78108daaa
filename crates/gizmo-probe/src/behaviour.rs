//! How the service does what its documentation leaves open. The client copes with all of it.

use gizmo_client::record::{Content, End};
use serde::Serialize;
use serde_json::Value;

use crate::checks;
use crate::evidence::{Event, Evidence, Run, Seen};
use crate::find;
use crate::note;

/// A list shows something at once if it does within this many seconds.
const AT_ONCE: f64 = 5.0;

/// An observed behaviour.
#[derive(Debug, PartialEq, Serialize)]
pub(crate) struct Behaviour {
    /// The operation.
    pub(crate) operation: String,
    /// What the documentation leaves open.
    pub(crate) what: &'static str,
    /// How the service does it.
    pub(crate) how: String,
}

/// Lists the behaviour that a recording shows, each once.
pub(crate) fn of(evidence: &Evidence) -> Vec<Behaviour> {
    let mut found = Vec::new();
    let mut add = |operation: &str, what: &'static str, how: String| {
        let behaviour = Behaviour {
            operation: operation.to_owned(),
            what,
            how,
        };
        if !found.contains(&behaviour) {
            found.push(behaviour);
        }
    };
    for run in evidence.runs() {
        job(&run, &mut add);
        stream(&run, &mut add);
    }
    if checks::is_early(evidence) {
        let which = "the early-access API, which the client has as `Client::alpha`";
        add("every operation", "the API of this key", which.to_owned());
    }
    for seen in evidence.noted(note::UNKNOWN_ID) {
        let code = seen.json().and_then(|body| body["error"]["code"].as_str());
        let code = code.map_or_else(|| "no code".to_owned(), |code| format!("`{code}`"));
        let how = format!("{}, {code}", seen.status());
        add(seen.operation(), "an unknown id", how);
    }
    for seen in evidence.noted(note::DELETED) {
        add(seen.operation(), "a deleted id", seen.status().to_string());
    }
    for seen in evidence.noted(note::CANCEL_AGAIN) {
        add(
            "cancel_job",
            "a second cancellation",
            seen.status().to_string(),
        );
    }
    for seen in evidence.noted(note::STREAM_INVALID) {
        add(
            "job_events",
            "a cursor that is not a number",
            seen.status().to_string(),
        );
    }
    for seen in evidence.noted(note::DOCUMENT) {
        let etag = seen.header("etag").map_or("none", |_| "one");
        add("the document", "its `ETag`", etag.to_owned());
    }
    for note in [note::EXPORT_RANGE, note::FILE_RANGE] {
        for seen in evidence.noted(note) {
            let how = match seen.status() {
                206 => "only that part is sent".to_owned(),
                200 => "everything is sent".to_owned(),
                status => format!("refused with {status}"),
            };
            let operation = if seen.operation().is_empty() {
                "a file of the catalog"
            } else {
                seen.operation()
            };
            add(operation, "a request for a part of it (`Range`)", how);
        }
    }
    found
}

fn job(run: &Run<'_>, add: &mut impl FnMut(&str, &'static str, String)) {
    let operation = run.accepted.operation();
    let pointers = |body: &Value, names: &[&str]| {
        let found = find::members(body, names).into_iter();
        found.map(|(pointer, _)| pointer).collect::<Vec<_>>()
    };
    let responses = [Some(run.accepted), run.noted(note::RESULT).last()];
    for (seen, what) in responses.into_iter().zip([
        "the places of ids in its response",
        "the places of ids in the finished job",
    ]) {
        let Some(body) = seen.and_then(Seen::json) else {
            continue;
        };
        let mut places = pointers(body, &find::JOB);
        places.extend(pointers(body, &find::SCENE));
        places.extend(pointers(body, &find::ASSET));
        places.retain(|place| place.len() < 100);
        add(operation, what, places.join(", "));
    }
    let (list, names): (_, &[&str]) = match run.accepted.note() {
        note::PAID_SCENE => ("list_scenes", &find::SCENE),
        note::PAID_ASSET => ("list_assets", &find::ASSET),
        _ => return,
    };
    let how = match run.first_listed(names) {
        None => "not while its job ran",
        Some((seen, _)) => {
            let mut earlier = run.lists.iter().rev();
            let before = earlier.find(|list| list.exchange.number < seen.exchange.number);
            // The list before showed nothing new, so the delay is at least until then.
            let least = before.map_or(0.0, |list| run.since(*list));
            if least <= AT_ONCE {
                "at once, within 5 s of its request"
            } else if run.is_at_work_after(seen.responded_at()) {
                "later than 5 s after its request, while its job runs"
            } else {
                "later than 5 s after its request, when its job has ended"
            }
        }
    };
    add(list, "when something new is listed", how.to_owned());
}

fn stream(run: &Run<'_>, add: &mut impl FnMut(&str, &'static str, String)) {
    const OPERATION: &str = "job_events";
    let Some(stream) = run.stream() else { return };
    let end = match stream.end {
        End::Complete => "the service closes it",
        End::Dropped => "it stays open",
        _ => "the connection breaks",
    };
    if stream.end_event().is_some() {
        add(OPERATION, "the stream after its end", end.to_owned());
    }
    let events = || stream.events.iter().filter(|event| !event.is_ping());
    let number = |event: &Event| match (&event.id, event.data.get("seq")) {
        (Some(_), Some(_)) => "the `id` and `seq` of the data",
        (Some(_), None) => "the `id`",
        (None, Some(_)) => "`seq` of the data",
        (None, None) => "none",
    };
    let mut numbers: Vec<_> = events().map(number).collect();
    numbers.sort_unstable();
    numbers.dedup();
    if !numbers.is_empty() {
        add(OPERATION, "the number of an event", numbers.join(", or "));
    }
    let is_named = |named: bool| events().any(|event| event.has_name_line == named);
    let how = match (is_named(true), is_named(false)) {
        (true, false) => "in the line `event`",
        (false, true) => "in the data",
        (true, true) => "in the line `event`, or in the data",
        (false, false) => return,
    };
    add(OPERATION, "the name of an event", how.to_owned());
    if let Content::Events(blocks) = &stream.seen.response.body
        && blocks.iter().any(|block| block.text.starts_with("retry:"))
    {
        add(
            OPERATION,
            "the time until reconnecting",
            "the service sets it".to_owned(),
        );
    }
}
