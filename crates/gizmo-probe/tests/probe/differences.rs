//! Every planted difference is in the report at its place, and nothing else.

mod access;
mod archives;
mod jobs;
mod resources;

use gizmo_simulator::Options;
use serde_json::Value;

use crate::run::{PAID, probe};
use crate::standin::Changes;

/// A difference from the simulator, and where the report must have it.
pub(crate) struct Plant {
    pub name: &'static str,
    /// The places of the report: `SECTION OPERATION PLACE`. The first one is required, and all of them are permitted.
    /// The section is the id of an assumption, or a list of the responses. A place ends with `…` if more may follow.
    pub places: &'static [&'static str],
    pub change: fn(&mut Changes),
}

/// Everything that a report shows as different: `SECTION OPERATION PLACE`.
fn entries(report: &Value) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut entries = Vec::new();
    for assessed in report["assumptions"].as_array().unwrap() {
        for sighting in assessed["sightings"].as_array().unwrap() {
            let (id, request) = (text(&assessed["id"]), text(&sighting["request"]));
            entries.push(format!("{id} {request} {}", text(&sighting["place"])));
        }
    }
    for list in ["undecodable", "words", "members"] {
        for one in report["responses"][list].as_array().unwrap() {
            let (operation, pointer) = (text(&one["operation"]), text(&one["pointer"]));
            entries.push(format!("{list} {operation} {pointer}"));
        }
    }
    for list in ["events", "headers"] {
        for one in report["responses"][list].as_array().unwrap() {
            entries.push(format!("{list} {}", text(&one["name"])));
        }
    }
    // These are no differences, but a plant may require one.
    for one in report["behaviour"].as_array().unwrap() {
        let (operation, what) = (text(&one["operation"]), text(&one["what"]));
        entries.push(format!(
            "behaviour {operation}, {what}: {}",
            text(&one["how"])
        ));
    }
    let document = &report["document"];
    if document["changed"]
        .as_array()
        .is_none_or(|changed| !changed.is_empty())
    {
        entries.push("document changed".to_owned());
    }
    entries
}

fn is_at(entry: &str, place: &str) -> bool {
    match place.strip_suffix('…') {
        Some(start) => entry.starts_with(start),
        None => entry == place,
    }
}

/// Runs the probe with all plants at once.
async fn check(plants: &[Plant], options: Options) {
    let mut changes = Changes::default();
    for plant in plants {
        (plant.change)(&mut changes);
    }
    let probed = probe(changes, options, &PAID).await;
    let entries = entries(&probed.report());
    let shown = entries.join("\n");
    for plant in plants {
        let is_found = entries.iter().any(|entry| is_at(entry, plant.places[0]));
        assert!(
            is_found,
            "`{}` is not at `{}` of\n{shown}",
            plant.name, plant.places[0]
        );
    }
    let mut permitted = plants.iter().flat_map(|plant| plant.places);
    for entry in entries
        .iter()
        .filter(|entry| !entry.starts_with("behaviour "))
    {
        let is_planted = permitted.clone().any(|place| is_at(entry, place));
        assert!(is_planted, "nobody planted `{entry}`; all:\n{shown}");
    }
    assert!(permitted.next().is_some());
    assert_eq!(probed.output.status.code(), Some(6), "{}", probed.stderr());
}

#[test]
fn forty_differences_are_planted() {
    let all = [
        resources::PLANTS,
        access::PLANTS,
        jobs::PLANTS,
        jobs::STREAMS,
        archives::PLANTS,
    ];
    let count: usize = all.iter().map(|plants| plants.len()).sum();
    assert!(count >= 40, "{count}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn differences_of_resources_are_reported() {
    check(resources::PLANTS, Options::default()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn differences_of_access_and_errors_are_reported() {
    check(access::PLANTS, Options::default()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn differences_of_jobs_are_reported() {
    check(jobs::PLANTS, Options::default().with_speed(22.0)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn differences_of_streams_are_reported() {
    check(jobs::STREAMS, Options::default()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn differences_of_exports_are_reported() {
    check(archives::PLANTS, Options::default()).await;
}
