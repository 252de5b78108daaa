//! Checks of event streams.

use gizmo_client::record::{Content, End};
use serde_json::Value;

use super::{Check, kind};
use crate::evidence::{Event, Evidence, Run, Stream};
use crate::find;
use crate::note;
use crate::tally::Tally;

pub(super) const CHECKS: &[Check] = &[
    ("event-stream-media-type", media_type),
    ("event-names-documented", documented_names),
    ("event-names-pipeline", pipeline_names),
    ("event-end-names", end_names),
    ("event-end-status", end_status),
    ("event-ping-interval", ping_interval),
    ("event-ping-name", ping_name),
    ("stream-stays-open", stays_open),
    ("stream-closes-at-end", closes),
    ("event-data-fields", data_object),
    ("event-data-fields", data_fields),
    ("event-number", number),
    ("event-numbers-grow", numbers_grow),
    ("event-after", after),
    ("event-last-event-id", last_event_id),
    ("event-replay", replay),
    ("event-cursor-refused", cursor_refused),
    ("event-count", count),
    ("event-error-partial", partial_error),
];

/// The names on the page, without `ping`, which both vocabularies have.
const DOCUMENTED: [&str; 5] = [
    "stage_start",
    "stage_complete",
    "asset_ready",
    "error",
    "done",
];

/// The beginnings of the names that were observed.
const PIPELINE: [&str; 13] = [
    "job_",
    "modal_",
    "scene_director",
    "asset_",
    "floorplan",
    "task_plan",
    "placement",
    "structure",
    "scripting",
    "lighting",
    "acceptance",
    "texture",
    "surface_texture",
];

/// The members of an event's data that the client reads, and other names that a service may give them.
const OTHER_NAMES: [(&str, &[&str]); 2] = [
    ("stage", &["stageName", "stage_name", "step", "phase"]),
    ("asset_id", &["assetId", "asset_uid", "assetUid"]),
];

const END_NAMES: [&str; 4] = ["done", "job_succeeded", "job_failed", "job_cancelled"];

/// The longest silence of a stream, in seconds.
const SILENCE: f64 = 45.0;

/// The most events that the client keeps apart.
const MAX_EVENTS: usize = 8192;

/// The number after which the probe asks for events.
const AFTER: u64 = 2;

/// The events of all streams that are not pings.
fn each_event(evidence: &Evidence, mut visit: impl FnMut(&Stream<'_>, &Event)) {
    for stream in evidence.streams() {
        for event in stream.events.iter().filter(|event| !event.is_ping()) {
            visit(&stream, event);
        }
    }
}

fn media_type(evidence: &Evidence, tally: &mut Tally) {
    let opened = evidence
        .seen()
        .filter(|seen| seen.operation() == "job_events" && seen.is_success());
    for seen in opened {
        let media_type = seen.header("content-type").unwrap_or("nothing");
        let holds = media_type.starts_with("text/event-stream");
        tally.expect(holds, seen, "content-type", format!("`{media_type}`"));
        let encoding = seen.header("content-encoding").unwrap_or("identity");
        tally.expect(
            encoding == "identity",
            seen,
            "content-encoding",
            format!("`{encoding}`"),
        );
    }
}

/// Whether a name belongs to one of the vocabularies.
pub(crate) fn is_known(name: &str) -> bool {
    DOCUMENTED.contains(&name) || is_of_pipeline(name)
}

fn is_of_pipeline(name: &str) -> bool {
    !DOCUMENTED.contains(&name) && PIPELINE.iter().any(|start| name.starts_with(start))
}

/// Each vocabulary is confirmed by its names. A stream without any known name contradicts both.
fn names(evidence: &Evidence, is_own: fn(&str) -> bool, tally: &mut Tally) {
    for stream in evidence.streams() {
        let names = || stream.events.iter().filter(|event| !event.is_ping());
        if names().any(|event| is_own(&event.name)) {
            tally.holds();
        } else if let Some(event) = names().next()
            && !names().any(|event| is_known(&event.name))
        {
            tally.fails(stream.seen, &event.name, "an event of another vocabulary");
        }
    }
}

fn documented_names(evidence: &Evidence, tally: &mut Tally) {
    names(evidence, |name| DOCUMENTED.contains(&name), tally);
}

fn pipeline_names(evidence: &Evidence, tally: &mut Tally) {
    names(evidence, is_of_pipeline, tally);
}

/// The runs that have ended, with the stream of each that was read past the end.
fn ended_streams(evidence: &Evidence) -> Vec<(Run<'_>, Stream<'_>)> {
    let runs = evidence.runs().into_iter();
    let ended = runs.filter_map(|run| {
        run.ended()?;
        // A connection that broke has not shown the end. The later request has.
        let during = run.noted(note::STREAM);
        let mut streams: Vec<_> = during
            .chain(run.noted(note::STREAM_ENDED))
            .filter_map(Stream::of)
            .filter(|stream| !stream.events.is_empty())
            .collect();
        let at = streams
            .iter()
            .position(|stream| stream.end_event().is_some());
        let at = at.or_else(|| streams.len().checked_sub(1))?;
        let stream = streams.swap_remove(at);
        Some((run, stream))
    });
    ended.collect()
}

fn end_names(evidence: &Evidence, tally: &mut Tally) {
    for (_, stream) in ended_streams(evidence) {
        let mut events = stream.events.iter();
        if events.any(|event| END_NAMES.contains(&event.name.as_str())) {
            tally.holds();
            continue;
        }
        let last = stream.events.iter().rev().find(|event| !event.is_ping());
        let name = stream
            .end_event()
            .or(last)
            .map_or("", |event| event.name.as_str());
        tally.fails(stream.seen, name, "the last event of a job that has ended");
    }
}

fn end_status(evidence: &Evidence, tally: &mut Tally) {
    for (_, stream) in ended_streams(evidence) {
        let Some(event) = stream.end_event() else {
            continue;
        };
        let in_name = event
            .name
            .strip_prefix("job_")
            .is_some_and(find::is_terminal);
        let status = event.data["status"].as_str();
        let holds = in_name || status.is_some_and(find::is_terminal);
        let place = format!("{} /status", event.name);
        tally.expect(holds, stream.seen, &place, kind(event.data.get("status")));
    }
}

/// The times of everything that arrived in a stream.
fn arrivals(stream: &Stream<'_>) -> Vec<f64> {
    let Content::Events(blocks) = &stream.seen.response.body else {
        return Vec::new();
    };
    blocks.iter().map(|block| block.after).collect()
}

fn ping_interval(evidence: &Evidence, tally: &mut Tally) {
    for stream in evidence.streams() {
        let mut times = arrivals(&stream);
        if stream.end == End::Dropped {
            times.push(stream.seen.response.ended_after);
        }
        for pair in times.windows(2) {
            let gap = pair[1] - pair[0];
            if gap > SILENCE {
                tally.fails(stream.seen, "ping", format!("a silence of {gap:.0} s"));
            }
        }
        if stream.events.iter().any(Event::is_ping) {
            tally.holds();
        }
    }
}

fn ping_name(evidence: &Evidence, tally: &mut Tally) {
    for stream in evidence.streams() {
        for event in stream.events.iter().filter(|event| event.is_ping()) {
            let found = format!("an event `{}`", event.name);
            tally.expect(event.name == "ping", stream.seen, "ping", found);
        }
        // One comment may be a greeting. A repeated one keeps the connection alive.
        let comments = stream.comments.iter().map(|(_, text)| text.trim());
        let texts: Vec<_> = comments.filter(|text| text.starts_with(':')).collect();
        let mut repeated = texts.windows(2).filter(|pair| pair[0] == pair[1]);
        if let Some(text) = repeated.find_map(|pair| pair.first()) {
            tally.fails(stream.seen, "ping", format!("a comment `{text}`"));
        }
    }
}

/// A stream that the probe left after the end has stayed open.
fn stays_open(evidence: &Evidence, tally: &mut Tally) {
    for (_, stream) in ended_streams(evidence) {
        let is_left = stream.end == End::Dropped && stream.seen.note() == note::STREAM;
        if is_left && stream.end_event().is_some() {
            tally.holds();
        }
    }
}

fn closes(evidence: &Evidence, tally: &mut Tally) {
    for (_, stream) in ended_streams(evidence) {
        if stream.end == End::Complete && stream.end_event().is_some() {
            tally.holds();
        }
    }
}

fn data_object(evidence: &Evidence, tally: &mut Tally) {
    each_event(evidence, |stream, event| {
        let found = kind(Some(&event.data));
        tally.expect(event.data.is_object(), stream.seen, &event.name, found);
    });
}

fn data_fields(evidence: &Evidence, tally: &mut Tally) {
    each_event(evidence, |stream, event| {
        for (name, others) in OTHER_NAMES {
            let is_there = event.data.get(name).is_some();
            let mut others = others.iter();
            let other = others.find(|other| event.data.get(**other).is_some_and(Value::is_string));
            if let Some(other) = other.filter(|_| !is_there) {
                let place = format!("{} /{other}", event.name);
                tally.fails(stream.seen, &place, format!("instead of `{name}`"));
            }
        }
        let required = match event.name.as_str() {
            "stage_start" | "stage_complete" => "stage",
            "asset_ready" => "asset_id",
            "error" => "message",
            _ => return,
        };
        let place = format!("{} /{required}", event.name);
        let value = event.data.get(required);
        tally.expect(
            value.is_some_and(Value::is_string),
            stream.seen,
            &place,
            kind(value),
        );
    });
}

fn number(evidence: &Evidence, tally: &mut Tally) {
    each_event(evidence, |stream, event| {
        let id = event.id.as_deref().map(str::parse::<u64>);
        let seq = event.data.get("seq").and_then(Value::as_u64);
        match (&id, seq) {
            (Some(Ok(id)), Some(seq)) => {
                let found = format!("the id `{id}` and the seq `{seq}`");
                tally.expect(*id == seq, stream.seen, "id", found);
            }
            (Some(Ok(_)), None) | (None, Some(_)) => tally.holds(),
            (Some(Err(_)), Some(_)) => {
                tally.fails(stream.seen, "id", "an id that is not a number beside a seq");
            }
            (Some(Err(_)), None) => tally.fails(stream.seen, "id", "an id that is not a number"),
            (None, None) => {
                let numbers = event.data.as_object().into_iter().flatten();
                let numbers = numbers.filter(|(_, value)| value.is_u64());
                let names: Vec<_> = numbers.map(|(name, _)| name.as_str()).take(5).collect();
                let found = if names.is_empty() {
                    "no number".to_owned()
                } else {
                    format!("no `id` and no `seq`, but {}", names.join(", "))
                };
                tally.fails(stream.seen, "id", found);
            }
        }
    });
}

fn numbers_grow(evidence: &Evidence, tally: &mut Tally) {
    for stream in evidence.streams() {
        let events = stream.events.iter().filter(|event| !event.is_ping());
        let numbers: Vec<_> = events.filter_map(Event::number).collect();
        let is_whole = matches!(stream.seen.note(), note::STREAM_ENDED | note::STREAM);
        if let Some(first) = numbers.first().filter(|_| is_whole) {
            let found = format!("the first number is {first}");
            tally.expect(*first <= 1, stream.seen, "id", found);
        }
        for pair in numbers.windows(2) {
            let found = format!("{} after {}", pair[1], pair[0]);
            tally.expect(pair[1] > pair[0], stream.seen, "id", found);
        }
    }
}

/// Compares a stream with a cursor to the whole one of the same job.
fn resumed(evidence: &Evidence, note: &str, place: &str, tally: &mut Tally) {
    for seen in evidence.noted(note) {
        if !seen.is_success() {
            tally.expect_status(false, seen);
            continue;
        }
        let whole = evidence.noted(note::STREAM_ENDED).filter_map(Stream::of);
        let mut whole = whole.filter(|whole| whole.seen.segment(2) == seen.segment(2));
        let (Some(stream), Some(whole)) = (Stream::of(seen), whole.next()) else {
            continue;
        };
        let numbers = |stream: &Stream<'_>| -> Vec<u64> {
            let events = stream.events.iter().filter(|event| !event.is_ping());
            events.filter_map(Event::number).collect()
        };
        let expected = numbers(&whole).into_iter().find(|number| *number > AFTER);
        let first = numbers(&stream).first().copied();
        if expected.is_some() {
            let found = match first {
                Some(first) => format!("the first event is number {first}"),
                None => "no event".to_owned(),
            };
            tally.expect(first == expected, seen, place, found);
        }
    }
}

fn after(evidence: &Evidence, tally: &mut Tally) {
    resumed(evidence, note::STREAM_AFTER, "after", tally);
}

fn last_event_id(evidence: &Evidence, tally: &mut Tally) {
    resumed(evidence, note::STREAM_LAST_EVENT_ID, "last-event-id", tally);
}

fn replay(evidence: &Evidence, tally: &mut Tally) {
    for run in evidence.runs() {
        let during = run.stream();
        let after = run.noted(note::STREAM_ENDED).next();
        let (Some(during), Some(seen)) = (during, after) else {
            continue;
        };
        let name = |stream: &Stream<'_>| {
            let mut events = stream.events.iter().filter(|event| !event.is_ping());
            events.next().map(|event| event.name.clone())
        };
        let Some(expected) = name(&during) else {
            continue;
        };
        let found = Stream::of(seen).and_then(|stream| name(&stream));
        let holds = found.as_ref() == Some(&expected);
        let found = match found {
            Some(name) => format!("the first event is `{name}` and not `{expected}`"),
            None => format!("no event, status {}", seen.status()),
        };
        tally.expect(holds, seen, "event", found);
    }
}

fn cursor_refused(evidence: &Evidence, tally: &mut Tally) {
    for seen in evidence.noted(note::STREAM_INVALID) {
        let is_refused = matches!(seen.status(), 400 | 409 | 410 | 412 | 416 | 422);
        // A service may also take it for none.
        if !seen.is_success() {
            tally.expect_status(is_refused, seen);
        }
    }
}

fn count(evidence: &Evidence, tally: &mut Tally) {
    for (_, stream) in ended_streams(evidence) {
        let found = format!("{} events", stream.events.len());
        tally.expect(stream.events.len() < MAX_EVENTS, stream.seen, "", found);
    }
}

/// Only an `error` of a job that goes on confirms.
fn partial_error(evidence: &Evidence, tally: &mut Tally) {
    for (run, stream) in ended_streams(evidence) {
        let mut events = stream.events.iter();
        let partial = events.any(|event| {
            event.name == "error" || (event.name.ends_with("_failed") && !event.claims_end)
        });
        let succeeded = super::runs::ended_as(&run, &gizmo_client::types::JobStatus::Succeeded);
        if partial && succeeded {
            tally.holds();
        }
    }
}
