//! The job operations, and the start of jobs.

use std::sync::Arc;

use gizmo_client::types::{Acknowledged, JobAccepted, JobStatus};
use http::StatusCode;
use serde_json::Map;
use tokio::sync::Semaphore;

use crate::call::Call;
use crate::events::Log;
use crate::fault::JobFaults;
use crate::feed;
use crate::job::{self, JobEntry};
use crate::observed::{self, Report};
use crate::options::Vocabulary;
use crate::response::{HandlerResult, Refusal, envelope, json_response};
use crate::state::{AssetEntry, Shared, Tables};

pub(crate) fn get(call: &Call) -> HandlerResult {
    let with_result = call.flag("include_result")?;
    let tables = call.shared.tables();
    let job = tables
        .jobs
        .get(&call.id)
        .ok_or_else(|| Refusal::not_found("job", &call.id))?;
    let assets = tables
        .scenes
        .get(&job.scene_id)
        .map_or(&[][..], |scene| &scene.assets);
    envelope("job", &job.resource(with_result, &call.shared, assets))
}

pub(crate) fn cancel(call: &Call) -> HandlerResult {
    let mut tables = call.shared.tables();
    if tables.jobs.get(&call.id).is_none() {
        return Err(Refusal::not_found("job", &call.id));
    }
    if !job::cancel(&call.shared, &mut tables, &call.id) {
        let message = format!("Job {} has already ended", call.id);
        return Err(Refusal::new(StatusCode::CONFLICT, "job_finished", message));
    }
    Ok(json_response(
        StatusCode::OK,
        &Acknowledged {
            ok: Some(true),
            extra: Map::new(),
        },
    ))
}

pub(crate) fn events(call: &Call, faults: feed::Faults) -> HandlerResult {
    let tables = call.shared.tables();
    let job = tables
        .jobs
        .get(&call.id)
        .ok_or_else(|| Refusal::not_found("job", &call.id))?;
    let log = Arc::clone(&job.log);
    drop(tables);
    let after = match call.query("after") {
        Some(_) => Some(call.number("after", 0, 0, u64::MAX)?),
        None => None,
    };
    let last_event_id = call.headers.get("last-event-id");
    let last_event_id = last_event_id.and_then(|id| id.to_str().ok());
    let last_event = last_event_id.and_then(|id| log.ordinal(id.trim()));
    let skipped = call.shared.options.numbering.skipped(after, last_event);
    Ok(feed::response(&call.shared, log, skipped, faults))
}

/// The parameters of a new job.
pub(crate) struct NewJob {
    pub(crate) mode: &'static str,
    pub(crate) prompt: String,
    pub(crate) scene_id: String,
    pub(crate) asset_id: Option<String>,
    /// The assets that the job generates.
    pub(crate) assets: Vec<AssetEntry>,
    pub(crate) faults: JobFaults,
}

/// Refuses a job when no credits are left.
pub(crate) fn check_credits(tables: &Tables) -> Result<(), Refusal> {
    if tables.credits == Some(0) {
        let message = "Not enough credits: 1 needed, 0 left";
        return Err(Refusal::new(
            StatusCode::PAYMENT_REQUIRED,
            "insufficient_credits",
            message,
        ));
    }
    Ok(())
}

/// Charges a credit for a job.
pub(crate) fn charge(tables: &mut Tables) {
    tables.credits = tables.credits.map(|credits| credits.saturating_sub(1));
    tables.spent += 1;
}

/// Stores a job, charges a credit for it and spawns the task that runs it.
pub(crate) fn start(shared: &Arc<Shared>, tables: &mut Tables, new: NewJob) -> JobAccepted {
    let id = tables.jobs.new_id();
    charge(tables);
    let unscaled = match new.mode {
        "scene" => shared.options.scene_duration,
        "edit" => shared.options.edit_duration,
        _ => shared.options.asset_duration,
    };
    let duration = shared.clock.delayed(unscaled, new.faults.delay);
    let plan = job::plan(new.mode, new.assets, new.faults);
    let log = Arc::new(Log::new(&id, shared.options.numbering));
    let steps = match shared.options.vocabulary {
        Vocabulary::Documented => job::steps(plan),
        Vocabulary::Observed => {
            log.report(Report::queued());
            let show_ids = job::reveals_asset_ids(&shared.options, new.mode);
            let seed = shared.options.seed;
            observed::steps(plan, new.mode, &new.prompt, seed, show_ids)
        }
    };
    // The task cannot run a step before the job is in the table: the caller holds the lock.
    let permits = Arc::new(Semaphore::new(0));
    let task = job::run(
        Arc::clone(shared),
        id.clone(),
        Arc::clone(&log),
        steps,
        duration,
        Arc::clone(&permits),
    );
    let task = tokio::spawn(task);
    let announced = new.mode != "scene" || shared.options.announce_scene_id;
    // Assumptions: generation-202-ids, generation-scene-id.
    let accepted = JobAccepted {
        ok: Some(true),
        job_id: id.clone(),
        scene_id: announced.then(|| new.scene_id.clone()),
        asset_id: None,
        status: Some(JobStatus::Queued),
        extra: Map::new(),
    };
    let entry = JobEntry {
        id: id.clone(),
        mode: new.mode,
        prompt: new.prompt,
        status: JobStatus::Queued,
        scene_id: new.scene_id,
        asset_id: new.asset_id,
        created_at: shared.clock.now().as_secs(),
        started_at: None,
        finished_at: None,
        ended: None,
        error: None,
        log,
        permits,
        task: Some(task.abort_handle()),
    };
    if let Some(scene) = tables.scenes.get_mut(&entry.scene_id) {
        // Assumption: scene-job-id.
        scene.job_id = Some(id.clone());
    }
    tables.jobs.insert(&id, entry);
    accepted
}

/// Returns the 202 response to a request that started a job.
#[expect(
    clippy::unnecessary_wraps,
    reason = "handlers return it as their result"
)]
pub(crate) fn accepted(accepted: &JobAccepted) -> HandlerResult {
    Ok(json_response(StatusCode::ACCEPTED, accepted))
}
