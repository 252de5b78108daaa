//! Times and sizes of a recording. No assumption depends on them.

use gizmo_client::record::{Content, End};
use serde::Serialize;

use crate::evidence::{Event, Evidence, Run, Seen};
use crate::find;
use crate::note;

/// Something that was measured.
#[derive(Debug, Serialize)]
pub(crate) struct Measurement {
    pub(crate) what: String,
    pub(crate) value: String,
}

/// Measures a recording.
pub(crate) fn of(evidence: &Evidence) -> Vec<Measurement> {
    let mut measured = Vec::new();
    let mut add = |what: String, value: String| measured.push(Measurement { what, value });
    for run in evidence.runs() {
        job(&run, &mut add);
    }
    for seen in evidence
        .noted(note::EXPORT)
        .filter(|seen| seen.is_success())
    {
        let what = format!("exchange {}: {}", seen.exchange.number, seen.operation());
        add(what, export(seen));
    }
    for name in [
        "x-ratelimit-limit",
        "x-ratelimit-reset",
        "server",
        "via",
        "cf-ray",
        "etag",
    ] {
        if let Some(value) = evidence.seen().find_map(|seen| seen.header(name)) {
            add(format!("header {name}, first seen"), value.to_owned());
        }
    }
    measured
}

fn job(run: &Run<'_>, add: &mut impl FnMut(String, String)) {
    let name = run.accepted.note();
    if let Some(ended) = run.ended() {
        add(
            format!("{name}: until its job had ended"),
            format!("{:.1} s", run.since(ended)),
        );
    }
    for (note, names) in [
        (note::PAID_SCENE, find::SCENE),
        (note::PAID_ASSET, find::ASSET),
    ] {
        if let Some((list, _)) = run.first_listed(&names).filter(|_| run.is(note)) {
            add(
                format!("{name}: until it was listed"),
                format!("{:.1} s", run.since(list)),
            );
        }
    }
    let Some(stream) = run.stream() else { return };
    let pings: Vec<_> = stream
        .events
        .iter()
        .filter(|event| event.is_ping())
        .collect();
    let events = stream.events.len() - pings.len();
    let end = match stream.end {
        End::Complete => "closed by the service",
        End::Dropped => "left by the probe",
        _ => "broken",
    };
    add(
        format!("{name}: stream"),
        format!(
            "{events} events and {} pings in {:.1} s, {end}",
            pings.len(),
            stream.seen.response.ended_after
        ),
    );
    let gaps: Vec<_> = pings
        .windows(2)
        .map(|pair: &[&Event]| pair[1].after - pair[0].after)
        .collect();
    if let Some(longest) = gaps.iter().copied().reduce(f64::max) {
        add(
            format!("{name}: longest time between pings"),
            format!("{longest:.1} s"),
        );
    }
}

fn export(seen: Seen<'_>) -> String {
    let seconds = seen.response.ended_after;
    match &seen.response.body {
        Content::Archive { size, entries } => {
            format!("{} files, {size} bytes, in {seconds:.1} s", entries.len())
        }
        Content::Bytes(size) => format!("{size} bytes in {seconds:.1} s"),
        _ => format!("{seconds:.1} s"),
    }
}
