//! Checks of the requests that start a job, and of what they made.

use gizmo_client::types::JobStatus;
use serde_json::Value;

use super::{Check, kind, places};
use crate::evidence::{Evidence, Run, Seen};
use crate::find;
use crate::note;
use crate::tally::Tally;

pub(super) const CHECKS: &[Check] = &[
    ("generation-202-ids", accepted),
    ("edit-202-ids", edit_accepted),
    ("generation-scene-id", scene_id),
    ("generation-202-ids", status),
    ("error-insufficient-credits", insufficient_credits),
    ("list-prompt", list_prompt),
    ("list-prompt", scene_prompt),
    ("scene-listed-when", scene_listed),
    ("asset-listed-when", asset_listed),
];

/// The longest time from the completion of an asset to the end of its job, in seconds.
const PUBLISHED: f64 = 10.0;

/// The latest time after its request at which a scene is listed, in seconds.
const LATEST: f64 = 20.0 * 60.0;

fn accepted(evidence: &Evidence, tally: &mut Tally) {
    let all = evidence
        .paid()
        .filter(|seen| seen.note() != note::PAID_EDIT);
    all.for_each(|seen| accepted_response(seen, tally));
}

fn edit_accepted(evidence: &Evidence, tally: &mut Tally) {
    let edits = evidence.noted(note::PAID_EDIT);
    edits.for_each(|seen| accepted_response(seen, tally));
}

fn accepted_response(seen: Seen<'_>, tally: &mut Tally) {
    // A refusal is the matter of other checks.
    if !seen.is_success() {
        return;
    }
    tally.expect_status(seen.status() == 202, seen);
    let Some(body) = seen.json() else {
        return tally.fails(seen, "", "not JSON");
    };
    let found = find::members(body, &find::JOB);
    let holds = body["job_id"].is_string();
    let elsewhere = if found.is_empty() {
        find::job_id(body).map_or(found, |id| pointers_of(body, &id))
    } else {
        found
    };
    tally.expect(holds, seen, "/job_id", places(&elsewhere));
}

/// Returns the pointers of all strings with this value.
fn pointers_of(value: &Value, text: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    find::each(value, |pointer, value| {
        if value.as_str() == Some(text) {
            found.push((pointer.to_owned(), text.to_owned()));
        }
        false
    });
    found
}

/// The last response about a job itself.
fn last_job<'a>(run: &Run<'a>) -> Option<Seen<'a>> {
    let of_job = run.of_job.iter().copied();
    of_job
        .rev()
        .find(|seen| seen.operation() == "get_job" && seen.is_success())
}

fn scene_id(evidence: &Evidence, tally: &mut Tally) {
    for run in evidence.runs() {
        if run.is(note::PAID_EDIT) || run.is(note::PAID_CANCELLED) {
            continue;
        }
        let announced = run
            .accepted
            .json()
            .is_some_and(|body| body["scene_id"].is_string());
        let job = last_job(&run);
        let finished = job.and_then(Seen::json).is_some_and(|body| {
            body["job"]["scene_id"].is_string() || body["scene_id"].is_string()
        });
        if announced || finished {
            tally.holds();
            continue;
        }
        let of = |seen: Seen<'_>| {
            let body = seen.body();
            places(&find::members(body, &find::SCENE))
        };
        tally.fails(run.accepted, "/scene_id", of(run.accepted));
        if let Some(job) = job {
            tally.fails(job, "/job/scene_id", of(job));
        }
    }
}

fn status(evidence: &Evidence, tally: &mut Tally) {
    for seen in evidence.paid().filter(|seen| seen.is_success()) {
        let status = seen.json().and_then(|body| body.get("status"));
        let holds = status.and_then(Value::as_str) == Some("queued");
        tally.expect(holds, seen, "/status", kind(status));
    }
}

fn insufficient_credits(evidence: &Evidence, tally: &mut Tally) {
    for seen in evidence.paid() {
        let code = seen.json().and_then(|body| body.pointer("/error/code"));
        let is_named = code.and_then(Value::as_str) == Some("insufficient_credits");
        if seen.status() == 402 {
            tally.expect(is_named, seen, "/error/code", kind(code));
        } else if is_named {
            tally.expect_status(false, seen);
        }
    }
}

fn runs_of<'a>(evidence: &'a Evidence, note: &'a str) -> impl Iterator<Item = Run<'a>> {
    evidence.runs().into_iter().filter(move |run| run.is(note))
}

/// Whether a list has everything, so that what is not in it is not listed.
fn is_whole(list: Seen<'_>) -> bool {
    let Some(body) = list.json().filter(|_| list.is_success()) else {
        return false;
    };
    let count = find::list(body).map_or(0, |(_, items)| items.len() as u64);
    match body["total"].as_u64() {
        Some(total) => total <= count,
        None => count < body["limit"].as_u64().unwrap_or(20),
    }
}

fn scene_listed(evidence: &Evidence, tally: &mut Tally) {
    for run in runs_of(evidence, note::PAID_SCENE) {
        match (run.first_listed(&find::SCENE), run.lists.last()) {
            (Some((list, _)), _) => {
                let after = run.since(list);
                let found = format!("listed after {after:.0} s");
                tally.expect(after <= LATEST, list, "", found);
            }
            (None, Some(last)) if run.ended().is_some() && is_whole(*last) => {
                tally.fails(*last, "", "not listed when its job had ended");
            }
            _ => {}
        }
    }
}

fn asset_listed(evidence: &Evidence, tally: &mut Tally) {
    for run in runs_of(evidence, note::PAID_ASSET) {
        if run.ended().is_none() {
            continue;
        }
        match (run.first_listed(&find::ASSET), run.lists.last()) {
            (Some((list, _)), _) => {
                let is_early = run.is_at_work_after(list.responded_at() + PUBLISHED);
                tally.expect(!is_early, list, "", "listed long before its job had ended");
            }
            (None, Some(last)) if is_whole(*last) => {
                tally.fails(*last, "", "not listed when its job had ended");
            }
            _ => {}
        }
    }
}

/// The words of a text, in which white space does not count.
fn words(text: &str) -> Vec<&str> {
    text.split_whitespace().collect()
}

/// Compares a prompt that the service shows with the one that was sent.
fn compare_prompt(
    run: &Run<'_>,
    seen: Seen<'_>,
    place: &str,
    shown: Option<&Value>,
    tally: &mut Tally,
) {
    let gizmo_client::record::Content::Json(request) = &run.accepted.exchange.request.body else {
        return;
    };
    let sent = words(request["prompt"].as_str().unwrap_or_default());
    let found = match shown.and_then(Value::as_str) {
        None => kind(shown),
        Some(shown) if words(shown) == sent => return tally.holds(),
        Some(shown) => {
            let shown = words(shown);
            let same = sent.iter().zip(&shown).take_while(|(a, b)| a == b).count();
            if same > 0 && same + 1 >= shown.len() {
                format!("cut short after {same} of {} words", sent.len())
            } else {
                "another text".to_owned()
            }
        }
    };
    tally.fails(seen, place, found);
}

fn list_prompt(evidence: &Evidence, tally: &mut Tally) {
    for (note, names) in [
        (note::PAID_SCENE, find::SCENE),
        (note::PAID_ASSET, find::ASSET),
    ] {
        for run in runs_of(evidence, note) {
            if let Some((list, item)) = run.first_listed(&names) {
                compare_prompt(&run, list, "/*/prompt", item.get("prompt"), tally);
            }
        }
    }
}

fn scene_prompt(evidence: &Evidence, tally: &mut Tally) {
    for run in runs_of(evidence, note::PAID_SCENE) {
        let made = evidence.noted(note::MADE);
        for seen in made.filter(|seen| seen.operation() == "get_scene" && seen.is_success()) {
            let Some(body) = seen.json() else { continue };
            let (place, scene) = match body.get("scene") {
                Some(scene) if scene.is_object() => ("/scene/prompt", scene),
                _ => ("/prompt", body),
            };
            compare_prompt(&run, seen, place, scene.get("prompt"), tally);
        }
    }
}

/// Whether a job has this status at the end of its run.
pub(super) fn ended_as(run: &Run<'_>, status: &JobStatus) -> bool {
    let words = run.ended().and_then(Seen::json).map(|body| {
        let found = find::members(body, &["status", "state"]);
        found.into_iter().map(|(_, word)| word).collect::<Vec<_>>()
    });
    let mut words = words.unwrap_or_default().into_iter();
    words.any(|word| JobStatus::from(word.as_str()) == *status)
}
