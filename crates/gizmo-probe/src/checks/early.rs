//! Checks of the early-access API, which some keys have on the same paths. They say nothing about other keys.

use gizmo_client::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use super::{Check, kind};
use crate::evidence::{Evidence, Seen};
use crate::note;
use crate::tally::Tally;

pub(super) const CHECKS: &[Check] = &[
    ("alpha-same-paths", same_paths),
    ("alpha-lists", lists),
    ("alpha-asset-status-words", status_words),
    ("alpha-formats-available", formats_available),
    ("alpha-times-iso", times),
    ("alpha-placed-assets", placed_assets),
    ("alpha-unit-quaternion", unit_quaternion),
    ("alpha-export-url", export_url),
    ("alpha-export-formats", export_formats),
    ("alpha-export-other-host", other_host),
    ("alpha-error-flat", flat_error),
];

/// The greatest deviation of a unit quaternion's length from 1.
const PRECISION: f64 = 1e-3;

/// Whether the key is one of the early-access API: its assets list their formats, or an export is a link.
pub(crate) fn is_early(evidence: &Evidence) -> bool {
    let mut assets = evidence
        .successes("list_assets")
        .chain(evidence.successes("get_asset"));
    let lists_formats = |seen: Seen<'_>| {
        let body = seen.body();
        body["formats_available"].is_array() || body["assets"][0]["formats_available"].is_array()
    };
    let mut exports = evidence.noted(note::EARLY_ACCESS);
    let is_link = |seen: Seen<'_>| {
        seen.json()
            .is_some_and(|body| body["download_url"].is_string())
    };
    assets.any(lists_formats) || exports.any(|seen| seen.is_success() && is_link(seen))
}

/// The successful responses of operations, if the key is one of the early-access API.
fn successes<'a>(evidence: &'a Evidence, operations: &'a [&'a str]) -> Vec<(Seen<'a>, &'a Value)> {
    if !is_early(evidence) {
        return Vec::new();
    }
    let all = operations
        .iter()
        .flat_map(|operation| evidence.successes(operation));
    all.filter_map(|seen| Some((seen, seen.json()?))).collect()
}

/// The assets in the responses of an operation, with their pointers.
fn listed<'a>(
    evidence: &'a Evidence,
    operation: &'a [&'a str; 1],
) -> Vec<(Seen<'a>, String, &'a Value)> {
    let responses = successes(evidence, operation).into_iter();
    let items = responses.flat_map(|(seen, body)| {
        let items = body["assets"].as_array().into_iter().flatten();
        let items = items.enumerate();
        items.map(move |(index, item)| (seen, format!("/assets/{index}"), item))
    });
    items.collect()
}

/// The assets of all responses, with their pointers.
fn assets(evidence: &Evidence) -> Vec<(Seen<'_>, String, &Value)> {
    let single = successes(evidence, &["get_asset"]).into_iter();
    let mut found: Vec<_> = single
        .map(|(seen, body)| (seen, String::new(), body))
        .collect();
    found.extend(listed(evidence, &["list_assets"]));
    found
}

fn same_paths(evidence: &Evidence, tally: &mut Tally) {
    if is_early(evidence) {
        tally.holds();
    }
}

fn lists(evidence: &Evidence, tally: &mut Tally) {
    for (seen, body) in successes(evidence, &["list_scenes", "list_assets"]) {
        let name = if seen.operation() == "list_scenes" {
            "scenes"
        } else {
            "assets"
        };
        tally.expect(
            body[name].is_array(),
            seen,
            &format!("/{name}"),
            kind(body.get(name)),
        );
        for name in ["total", "limit", "offset"] {
            let place = format!("/{name}");
            tally.expect(body[name].is_u64(), seen, &place, kind(body.get(name)));
        }
    }
}

fn status_words(evidence: &Evidence, tally: &mut Tally) {
    for (seen, pointer, asset) in assets(evidence) {
        let status = asset["status"].as_str().unwrap_or_default();
        let holds = matches!(status, "pending" | "processing" | "ready" | "failed");
        tally.expect(
            holds,
            seen,
            &format!("{pointer}/status"),
            kind(asset.get("status")),
        );
    }
}

/// A list may show less of an asset.
fn formats_available(evidence: &Evidence, tally: &mut Tally) {
    for (seen, asset) in successes(evidence, &["get_asset"]) {
        if asset["status"] == "ready" {
            let formats = asset.get("formats_available");
            let holds = formats.is_some_and(Value::is_array);
            tally.expect(holds, seen, "/formats_available", kind(formats));
        }
    }
}

fn times(evidence: &Evidence, tally: &mut Tally) {
    for (seen, pointer, asset) in assets(evidence) {
        let time = asset.get("created_at");
        let holds = time.is_some_and(|time| {
            let read = Timestamp::deserialize(time);
            time.is_string() && read.is_ok_and(|time| time.system_time().is_some())
        });
        tally.expect(holds, seen, &format!("{pointer}/created_at"), kind(time));
    }
}

fn placed_assets(evidence: &Evidence, tally: &mut Tally) {
    for (seen, pointer, asset) in listed(evidence, &["get_scene"]) {
        for name in ["asset_id", "position", "rotation"] {
            let place = format!("{pointer}/{name}");
            tally.expect(!asset[name].is_null(), seen, &place, kind(asset.get(name)));
        }
    }
}

fn unit_quaternion(evidence: &Evidence, tally: &mut Tally) {
    for (seen, pointer, asset) in listed(evidence, &["get_scene"]) {
        let rotation = &asset["rotation"];
        let parts = ["x", "y", "z", "w"].map(|name| rotation[name].as_f64().unwrap_or_default());
        let length = parts.iter().map(|part| part * part).sum::<f64>().sqrt();
        let found = format!("a rotation of length {length:.3}");
        let holds = (length - 1.0).abs() < PRECISION;
        tally.expect(holds, seen, &format!("{pointer}/rotation"), found);
    }
}

fn exports(evidence: &Evidence) -> impl Iterator<Item = Seen<'_>> {
    let is_early = is_early(evidence);
    evidence.noted(note::EARLY_ACCESS).filter(move |_| is_early)
}

fn export_url(evidence: &Evidence, tally: &mut Tally) {
    for seen in exports(evidence).filter(|seen| seen.is_success()) {
        for name in ["download_url", "expires_at"] {
            let value = seen.json().and_then(|body| body.get(name));
            let holds = value.is_some_and(Value::is_string);
            tally.expect(holds, seen, &format!("/{name}"), kind(value));
        }
    }
}

fn export_formats(evidence: &Evidence, tally: &mut Tally) {
    for seen in exports(evidence) {
        // A scene with an asset that is not ready is refused with 400 as well.
        let is_refused = seen.status() == 422;
        tally.expect_status(!is_refused, seen);
    }
}

/// A link to the service itself does not contradict: it may be on another host.
fn other_host(evidence: &Evidence, tally: &mut Tally) {
    for seen in exports(evidence).filter(|seen| seen.is_success()) {
        let url = seen.json().and_then(|body| body["download_url"].as_str());
        if url.is_some_and(|url| !url.starts_with("https://host-0/")) {
            tally.holds();
        }
    }
}

fn flat_error(evidence: &Evidence, tally: &mut Tally) {
    if !is_early(evidence) {
        return;
    }
    let unknown = evidence.noted(note::UNKNOWN_ID);
    let of_both = unknown.filter(|seen| matches!(seen.operation(), "get_scene" | "get_asset"));
    for seen in of_both.filter(|seen| seen.status() >= 400) {
        for name in ["error", "code", "message"] {
            let value = seen.json().and_then(|body| body.get(name));
            let holds = value.is_some_and(Value::is_string);
            tally.expect(holds, seen, &format!("/{name}"), kind(value));
        }
    }
}
