//! Checks of jobs.

use std::collections::HashMap;

use gizmo_client::types::JobStatus;
use serde_json::Value;

use super::runs::ended_as;
use super::{Check, kind, places};
use crate::evidence::{Evidence, Seen};
use crate::find;
use crate::note;
use crate::tally::Tally;

pub(super) const CHECKS: &[Check] = &[
    ("job-status-words", status_words),
    ("job-terminal-final", terminal_is_final),
    ("job-envelope", envelope),
    ("job-fields", fields),
    ("job-times-unix", times),
    ("job-mode-words", mode),
    ("job-result-option", result_option),
    ("job-result-asset-id", result_asset_id),
    ("job-asset-id-elsewhere", asset_id_elsewhere),
    ("job-scene-id", scene_id),
    ("job-error", error),
    ("job-shown-after", shown_after),
    ("job-cancel", cancel),
    ("scene-duration", duration),
];

/// Unix seconds from 2001 to 2286.
const UNIX_SECONDS: std::ops::Range<f64> = 1e9..1e10;

/// The longest time until a job is found by its id, in seconds.
const SHOWN_AFTER: f64 = 30.0;

/// Returns the job of a response, and the pointer of it.
fn job_of(seen: Seen<'_>) -> Option<(&'static str, &Value)> {
    let body = seen.json()?;
    match body.get("job") {
        Some(job) if job.is_object() => Some(("/job", job)),
        _ => Some(("", body)),
    }
}

fn each_job(evidence: &Evidence, mut visit: impl FnMut(Seen<'_>, &str, &Value)) {
    for seen in evidence.successes("get_job") {
        if let Some((pointer, job)) = job_of(seen) {
            visit(seen, pointer, job);
        }
    }
}

fn status_words(evidence: &Evidence, tally: &mut Tally) {
    each_job(evidence, |seen, pointer, job| {
        let status = job.get("status");
        let holds = status.and_then(Value::as_str).is_some_and(|status| {
            matches!(
                status,
                "queued" | "running" | "succeeded" | "failed" | "cancelled"
            )
        });
        tally.expect(holds, seen, &format!("{pointer}/status"), kind(status));
    });
}

fn terminal_is_final(evidence: &Evidence, tally: &mut Tally) {
    let mut ends: HashMap<String, String> = HashMap::new();
    each_job(evidence, |seen, pointer, job| {
        let id = seen.segment(2).unwrap_or_default().to_owned();
        let Some(status) = job["status"].as_str() else {
            return;
        };
        match ends.get(&id) {
            Some(end) => {
                let found = format!("`{status}` after `{end}`");
                tally.expect(end == status, seen, &format!("{pointer}/status"), found);
            }
            None if find::is_terminal(status) => {
                ends.insert(id, status.to_owned());
            }
            None => {}
        }
    });
}

fn envelope(evidence: &Evidence, tally: &mut Tally) {
    for seen in evidence.successes("get_job") {
        let job = seen.json().and_then(|body| body.get("job"));
        tally.expect(job.is_some_and(Value::is_object), seen, "/job", kind(job));
    }
}

fn fields(evidence: &Evidence, tally: &mut Tally) {
    each_job(evidence, |seen, pointer, job| {
        let has_ended = find::has_ended(job);
        for name in ["id", "status", "mode", "scene_id", "created_at"] {
            // The scene may be known only when the job has succeeded.
            if name != "scene_id" || has_ended {
                let place = format!("{pointer}/{name}");
                tally.expect(job.get(name).is_some(), seen, &place, "nothing");
            }
        }
    });
}

fn times(evidence: &Evidence, tally: &mut Tally) {
    each_job(evidence, |seen, pointer, job| {
        for name in ["created_at", "started_at", "finished_at", "completed_at"] {
            let Some(time) = job.get(name).filter(|time| !time.is_null()) else {
                continue;
            };
            let holds = time
                .as_f64()
                .is_some_and(|time| UNIX_SECONDS.contains(&time));
            tally.expect(holds, seen, &format!("{pointer}/{name}"), kind(Some(time)));
        }
    });
}

fn mode(evidence: &Evidence, tally: &mut Tally) {
    for run in evidence.runs() {
        let expected = match run.accepted.note() {
            note::PAID_ASSET => "asset",
            note::PAID_EDIT => "edit",
            _ => "scene",
        };
        let jobs = run.of_job.iter().copied();
        for seen in jobs.filter(|seen| seen.operation() == "get_job" && seen.is_success()) {
            let Some((pointer, job)) = job_of(seen) else {
                continue;
            };
            if let Some(mode) = job.get("mode").filter(|mode| !mode.is_null()) {
                let holds = mode.as_str().is_some_and(|mode| mode.contains(expected));
                tally.expect(holds, seen, &format!("{pointer}/mode"), kind(Some(mode)));
            }
        }
    }
}

fn succeeded(job: &Value) -> bool {
    let status = job["status"].as_str().unwrap_or_default();
    JobStatus::from(status) == JobStatus::Succeeded
}

fn result_option(evidence: &Evidence, tally: &mut Tally) {
    each_job(evidence, |seen, pointer, job| {
        if !succeeded(job) {
            return;
        }
        let place = format!("{pointer}/result");
        let result = job.get("result").filter(|result| !result.is_null());
        if seen.query().contains("include_result=true") {
            tally.expect(result.is_some(), seen, &place, "nothing");
        } else if let Some(result) = result {
            tally.fails(
                seen,
                &place,
                format!("{} without the parameter", kind(Some(result))),
            );
        }
    });
}

/// The responses with the results of asset jobs.
fn asset_results(evidence: &Evidence) -> Vec<Seen<'_>> {
    let mut found = Vec::new();
    for run in evidence.runs() {
        if run.is(note::PAID_ASSET) && ended_as(&run, &JobStatus::Succeeded) {
            found.extend(run.noted(note::RESULT).filter(|seen| seen.is_success()));
        }
    }
    found
}

fn result_asset_id(evidence: &Evidence, tally: &mut Tally) {
    for seen in asset_results(evidence) {
        let Some((pointer, job)) = job_of(seen) else {
            continue;
        };
        let holds = job["result"]["asset_id"].is_string();
        let found = places(&find::members(job, &find::ASSET));
        tally.expect(holds, seen, &format!("{pointer}/result/asset_id"), found);
    }
}

fn asset_id_elsewhere(evidence: &Evidence, tally: &mut Tally) {
    for run in evidence
        .runs()
        .iter()
        .filter(|run| run.is(note::PAID_ASSET))
    {
        let of_events = run.stream().is_some_and(|stream| {
            let mut events = stream.events.iter();
            events.any(|event| find::member(&event.data, &find::ASSET).is_some())
        });
        for seen in run.noted(note::RESULT).filter(|seen| seen.is_success()) {
            let body = seen.body();
            let holds = of_events || find::member(body, &find::ASSET).is_some();
            tally.expect(holds, seen, "/job/result", "no `asset_id` and no `assetId`");
        }
    }
}

fn scene_id(evidence: &Evidence, tally: &mut Tally) {
    each_job(evidence, |seen, pointer, job| {
        if succeeded(job) {
            let holds = job["scene_id"].is_string() || job["scene_id"].is_number();
            let found = places(&find::members(job, &find::SCENE));
            tally.expect(holds, seen, &format!("{pointer}/scene_id"), found);
        }
    });
}

fn error(evidence: &Evidence, tally: &mut Tally) {
    each_job(evidence, |seen, pointer, job| {
        let status = job["status"].as_str().unwrap_or_default();
        if JobStatus::from(status) == JobStatus::Failed {
            let error = job.get("error");
            let holds =
                error.is_some_and(|error| error.is_string() || error["message"].is_string());
            tally.expect(holds, seen, &format!("{pointer}/error"), kind(error));
        }
    });
}

fn shown_after(evidence: &Evidence, tally: &mut Tally) {
    for run in evidence.runs() {
        let accepted_at = run.accepted.responded_at();
        let mut polls = run
            .of_job
            .iter()
            .filter(|seen| seen.operation() == "get_job");
        let late = polls.clone().rfind(|seen| {
            seen.status() == 404 && seen.exchange.sent_at > accepted_at + SHOWN_AFTER
        });
        if let Some(seen) = late {
            let after = seen.exchange.sent_at - accepted_at;
            tally.fails(*seen, "status", format!("404 after {after:.0} s"));
        } else if polls.any(|seen| seen.is_success()) {
            tally.holds();
        }
    }
}

fn cancel(evidence: &Evidence, tally: &mut Tally) {
    for run in evidence
        .runs()
        .iter()
        .filter(|run| run.is(note::PAID_CANCELLED))
    {
        let cancelled = run.noted(note::CANCEL).any(Seen::is_success);
        let Some(last) = run.noted(note::POLL_CANCELLED).last().filter(|_| cancelled) else {
            continue;
        };
        let status = job_of(last).and_then(|(_, job)| job.get("status"));
        let holds = status.and_then(Value::as_str) == Some("cancelled");
        tally.expect(holds, last, "/job/status", kind(status));
    }
}

/// Longer than 20 minutes contradicts. A shorter time does not: an idle service may be quick.
fn duration(evidence: &Evidence, tally: &mut Tally) {
    for run in evidence
        .runs()
        .iter()
        .filter(|run| run.is(note::PAID_SCENE))
    {
        if let Some(ended) = run.ended() {
            let minutes = (ended.responded_at() - run.accepted.exchange.sent_at) / 60.0;
            let found = format!("{minutes:.0} minutes");
            tally.expect(minutes <= 20.0, ended, "", found);
        }
    }
}
