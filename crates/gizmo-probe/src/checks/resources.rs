//! Checks of scenes, assets and catalog items.

use serde_json::Value;

use super::{Check, kind};
use crate::evidence::{Evidence, Seen};
use crate::find;
use crate::note;
use crate::tally::Tally;

pub(super) const CHECKS: &[Check] = &[
    ("scene-envelope", scene_envelope),
    ("scene-fields", scene_fields),
    ("scene-record-option", record_option),
    ("scene-job-id", scene_job),
    ("scene-status-fields", status_fields),
    ("scene-status-words", status_words),
    ("asset-envelope", asset_envelope),
    ("asset-fields", asset_fields),
    ("asset-job-id", asset_job),
    ("catalog-item-files", item_files),
    ("catalog-file-origin", file_origin),
];

/// Returns the resource of a response, and its pointer.
fn inner<'a>(seen: Seen<'a>, name: &str) -> Option<(String, &'a Value)> {
    let body = seen.json()?;
    match body.get(name) {
        Some(inner) if inner.is_object() => Some((format!("/{name}"), inner)),
        _ => Some((String::new(), body)),
    }
}

fn enveloped(evidence: &Evidence, operation: &str, name: &str, tally: &mut Tally) {
    for seen in evidence.successes(operation) {
        let inner = seen.json().and_then(|body| body.get(name));
        let holds = inner.is_some_and(Value::is_object);
        tally.expect(holds, seen, &format!("/{name}"), kind(inner));
    }
}

fn scene_envelope(evidence: &Evidence, tally: &mut Tally) {
    enveloped(evidence, "get_scene", "scene", tally);
}

fn asset_envelope(evidence: &Evidence, tally: &mut Tally) {
    enveloped(evidence, "get_asset", "asset", tally);
}

/// The resources that responses contain, alone or in a list.
fn each<'a>(
    evidence: &'a Evidence,
    (single, list, name): (&'a str, &'a str, &str),
    mut visit: impl FnMut(Seen<'a>, &str, &'a Value),
) {
    for seen in evidence.successes(single) {
        if let Some((pointer, inner)) = inner(seen, name) {
            visit(seen, &pointer, inner);
        }
    }
    for seen in evidence.successes(list) {
        let Some((pointer, items)) = seen.json().and_then(find::list) else {
            continue;
        };
        for item in items {
            visit(seen, &format!("{pointer}/*"), item);
        }
    }
}

const SCENE: (&str, &str, &str) = ("get_scene", "list_scenes", "scene");
const ASSET: (&str, &str, &str) = ("get_asset", "list_assets", "asset");

fn scene_fields(evidence: &Evidence, tally: &mut Tally) {
    each(evidence, SCENE, |seen, pointer, scene| {
        has(
            seen,
            pointer,
            scene,
            &["id", "name", "prompt", "created_at"],
            tally,
        );
    });
}

fn asset_fields(evidence: &Evidence, tally: &mut Tally) {
    each(evidence, ASSET, |seen, pointer, asset| {
        has(
            seen,
            pointer,
            asset,
            &["id", "scene_id", "prompt", "created_at"],
            tally,
        );
    });
}

fn has(seen: Seen<'_>, pointer: &str, value: &Value, names: &[&str], tally: &mut Tally) {
    for name in names {
        let holds = value.get(*name).is_some();
        tally.expect(holds, seen, &format!("{pointer}/{name}"), "nothing");
    }
}

fn record_option(evidence: &Evidence, tally: &mut Tally) {
    for seen in evidence.successes("get_scene") {
        let Some((pointer, scene)) = inner(seen, "scene") else {
            continue;
        };
        let place = format!("{pointer}/record");
        let record = scene.get("record").filter(|record| !record.is_null());
        if seen.query().contains("include_record=true") {
            tally.expect(record.is_some(), seen, &place, "nothing");
        } else if record.is_some() {
            tally.fails(seen, &place, "a record without the parameter");
        }
    }
}

/// Compares the members that name a job with those that the client reads. A resource that names none may do so.
fn job_names(evidence: &Evidence, resource: (&str, &str, &str), names: &[&str], tally: &mut Tally) {
    each(evidence, resource, |seen, pointer, value| {
        let members = value.as_object().into_iter().flatten();
        let mut of_job = members.filter(|(name, value)| {
            let is_id = value.is_string() || value["id"].is_string();
            name.to_lowercase().contains("job") && is_id
        });
        let is_known = |(name, _): (&String, _)| names.contains(&name.as_str());
        if of_job.clone().any(is_known) {
            tally.holds();
        } else if let Some((name, _)) = of_job.next() {
            tally.fails(seen, &format!("{pointer}/{name}"), "the id of a job");
        }
    });
}

fn scene_job(evidence: &Evidence, tally: &mut Tally) {
    const NAMES: [&str; 5] = [
        "job_id",
        "latest_job_id",
        "last_job_id",
        "generation_job_id",
        "job",
    ];
    job_names(evidence, SCENE, &NAMES, tally);
}

fn asset_job(evidence: &Evidence, tally: &mut Tally) {
    job_names(evidence, ASSET, &["job_id"], tally);
}

/// A pipeline without a failure may have no `error`.
fn status_fields(evidence: &Evidence, tally: &mut Tally) {
    for seen in evidence.successes("scene_status") {
        let body = seen.body();
        has(
            seen,
            "",
            body,
            &["pipeline_status", "pipeline_stages"],
            tally,
        );
    }
}

fn status_words(evidence: &Evidence, tally: &mut Tally) {
    const ENDS: [&str; 7] = [
        "succeeded",
        "completed",
        "done",
        "ready",
        "failed",
        "error",
        "cancelled",
    ];
    let made = evidence
        .noted(note::MADE)
        .chain(evidence.noted(note::KNOWN));
    for seen in made.filter(|seen| seen.operation() == "scene_status" && seen.is_success()) {
        let status = seen.json().and_then(|body| body.get("pipeline_status"));
        // A scene of the account may be at work.
        let is_known = status.and_then(Value::as_str).is_some_and(|word| {
            ENDS.contains(&word) || (seen.note() == note::KNOWN && !find::is_terminal(word))
        });
        tally.expect(is_known, seen, "/pipeline_status", kind(status));
    }
}

fn item_files(evidence: &Evidence, tally: &mut Tally) {
    for seen in evidence.successes("get_catalog_item") {
        let body = seen.body();
        for extension in [".glb", ".usdz"] {
            let mut holds = false;
            find::each(body, |_, value| {
                let path = value.as_str().unwrap_or_default();
                let path = path.split('?').next().unwrap_or_default();
                holds |= path.ends_with(extension);
                holds
            });
            tally.expect(
                holds,
                seen,
                "/item",
                format!("no path that ends in {extension}"),
            );
        }
    }
}

fn file_origin(evidence: &Evidence, tally: &mut Tally) {
    for seen in evidence.noted(note::FILE) {
        let is_redirect = (300..400).contains(&seen.status());
        let holds = seen.is_success() || is_redirect;
        tally.expect_status(holds, seen);
    }
}
