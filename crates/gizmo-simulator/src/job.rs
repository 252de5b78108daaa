//! Jobs: their plans, and the task that carries a plan out.

use std::sync::Arc;
use std::time::Duration;

use gizmo_client::types::{Job, JobStatus};
use serde_json::{Map, Value, json};
use tokio::sync::Semaphore;
use tokio::task::AbortHandle;
use tokio::time::Instant;

use crate::clock::timestamp;
use crate::events::Log;
use crate::export::{Kind, kinds_in};
use crate::fault::JobFaults;
use crate::observed::Report;
use crate::options::{AssetIdIn, Options, Vocabulary};
use crate::state::{AssetEntry, Shared, Tables};

/// A snapshot of a job, for tests to inspect.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct JobState {
    /// The id.
    pub id: String,
    /// `scene`, `asset` or `edit`.
    pub mode: &'static str,
    /// The prompt.
    pub prompt: String,
    /// The current status.
    pub status: JobStatus,
    /// The scene that the job generates or changes.
    pub scene_id: String,
    /// The asset that the job generates, if it is an asset job.
    pub asset_id: Option<String>,
    /// Number of events that the job has reported.
    pub events: usize,
}

/// A stored job.
#[derive(Debug)]
pub(crate) struct JobEntry {
    pub(crate) id: String,
    pub(crate) mode: &'static str,
    pub(crate) prompt: String,
    pub(crate) status: JobStatus,
    pub(crate) scene_id: String,
    pub(crate) asset_id: Option<String>,
    pub(crate) created_at: u64,
    pub(crate) started_at: Option<u64>,
    pub(crate) finished_at: Option<u64>,
    /// The time of `finished_at` on tokio's clock.
    pub(crate) ended: Option<Instant>,
    pub(crate) error: Option<Value>,
    pub(crate) log: Arc<Log>,
    /// Permits for steps that run before they are due.
    pub(crate) permits: Arc<Semaphore>,
    /// Aborts the task that runs the job.
    pub(crate) task: Option<AbortHandle>,
}

impl JobEntry {
    /// Returns the job as responses represent it.
    pub(crate) fn resource(&self, with_result: bool, shared: &Shared, assets: &[String]) -> Value {
        let options = &shared.options;
        let lag = shared.clock.scaled(options.status_lag);
        let lags = self.ended.is_some_and(|ended| ended.elapsed() < lag);
        let status = if lags {
            &JobStatus::Running
        } else {
            &self.status
        };
        let ended = status.is_terminal();
        let mut result = json!({ "scene_id": self.scene_id, "assets": assets });
        if let Some(asset_id) = &self.asset_id {
            result = json!({ "scene_id": self.scene_id });
            // Assumption: job-result-asset-id.
            if options.asset_id_in == AssetIdIn::Result {
                result["asset_id"] = json!(asset_id);
            }
        }
        // Assumption: job-fields.
        let job = Job {
            id: Some(self.id.clone()),
            status: status.clone(),
            mode: Some(self.mode.to_owned()),
            scene_id: (options.announce_scene_id || ended || self.mode != "scene")
                .then(|| self.scene_id.clone()),
            asset_id: None,
            created_at: Some(timestamp(self.created_at)),
            started_at: self.started_at.map(timestamp),
            finished_at: self.finished_at.filter(|_| ended).map(timestamp),
            error: self.error.clone().filter(|_| ended),
            result: (with_result && *status == JobStatus::Succeeded).then_some(result),
            extra: Map::new(),
        };
        let mut job = json!(job);
        job["status"] = json!(options.status_words.word(status));
        job
    }

    /// Makes the job run its next `steps` steps immediately.
    pub(crate) fn advance(&self, steps: usize) {
        self.permits.add_permits(steps);
    }

    /// Makes the job run all its remaining steps immediately.
    pub(crate) fn finish(&self) {
        self.advance(1 << 20);
    }

    pub(crate) fn state(&self) -> JobState {
        JobState {
            id: self.id.clone(),
            mode: self.mode,
            prompt: self.prompt.clone(),
            status: self.status.clone(),
            scene_id: self.scene_id.clone(),
            asset_id: self.asset_id.clone(),
            events: self.log.len(),
        }
    }
}

/// A change that a job makes.
#[derive(Debug, Clone)]
pub(crate) enum Action {
    Start,
    StageStart(&'static str),
    StageComplete(&'static str),
    Ready(Box<AssetEntry>),
    AssetFailed(Box<AssetEntry>),
    Fail(&'static str),
    Succeed,
}

/// The actions of a job. Each is due after a fraction of the job's duration.
pub(crate) type Plan = Vec<(f64, Action)>;

/// The actions of a job that are due at one time.
#[derive(Debug)]
pub(crate) struct Step {
    /// The fraction of the job's duration after which the step is due.
    pub(crate) at: f64,
    pub(crate) actions: Vec<Action>,
    /// The event of the observed vocabulary that follows the actions.
    pub(crate) report: Option<Report>,
}

/// Returns the steps of a plan for the documented vocabulary, which derives events from the actions.
pub(crate) fn steps(plan: Plan) -> Vec<Step> {
    let steps = plan.into_iter().map(|(at, action)| Step {
        at,
        actions: vec![action],
        report: None,
    });
    steps.collect()
}

/// The time from the failure of its only asset to that of the job, as a fraction of the job's duration.
const ASSET_TO_JOB: f64 = 0.01;

/// Returns the plan of a job: consecutive stages, with the assets spread over the stage `assets`.
pub(crate) fn plan(mode: &str, mut assets: Vec<AssetEntry>, faults: JobFaults) -> Plan {
    let mut plan = vec![(0.02, Action::Start)];
    let mut from = 0.02;
    let stages = stages(mode);
    let last = stages.last().map_or("", |(name, _)| *name);
    for (name, to) in stages {
        plan.push((from, Action::StageStart(name)));
        if *name == "assets" {
            let assets = std::mem::take(&mut assets);
            plan.extend(make_assets(assets, from, *to, faults));
            if mode == "asset"
                && let Some((at, Action::AssetFailed(_))) = plan.last()
            {
                let message = "the geometry of the asset did not close";
                plan.push((at + ASSET_TO_JOB, Action::Fail(message)));
                return plan;
            }
        }
        if faults.fails && *name == last {
            plan.push(((from + to) / 2.0, Action::Fail(not_assembled(mode))));
            return plan;
        }
        plan.push((*to, Action::StageComplete(name)));
        from = *to;
    }
    plan.push((1.0, Action::Succeed));
    plan
}

/// Returns the actions that make these assets between two times.
fn make_assets(assets: Vec<AssetEntry>, from: f64, to: f64, faults: JobFaults) -> Plan {
    let count = u32::try_from(assets.len()).unwrap_or(u32::MAX);
    let step = (to - from) / (f64::from(count) + 1.0);
    let numbered = (1..=count).zip(assets);
    let actions = numbered.map(|(number, asset)| {
        let asset = Box::new(asset);
        let action = if faults.asset_fails && number == count {
            Action::AssetFailed(asset)
        } else {
            Action::Ready(asset)
        };
        (from + f64::from(number) * step, action)
    });
    actions.collect()
}

/// Returns the message of a job that fails in its last stage.
fn not_assembled(mode: &str) -> &'static str {
    match mode {
        "asset" => "the asset could not be simulated",
        _ => "the scene could not be assembled",
    }
}

/// Returns the stages of a mode, each with the fraction of the duration at which it ends.
pub(crate) fn stages(mode: &str) -> &'static [(&'static str, f64)] {
    match mode {
        "scene" => &[
            ("layout", 0.14),
            ("assets", 0.64),
            ("articulation", 0.78),
            ("physics", 0.9),
            ("assembly", 1.0),
        ],
        "edit" => &[("layout", 0.4), ("assets", 0.8), ("assembly", 1.0)],
        _ => &[("assets", 0.6), ("articulation", 0.8), ("physics", 1.0)],
    }
}

/// Returns the furniture of a new scene: the pieces that the prompt names, and at least one piece each
/// of several kinds, so that something opens, slides and falls.
pub(crate) fn furniture(prompt: &str) -> Vec<Kind> {
    let mut kinds = kinds_in(prompt);
    for kind in [
        Kind::Workbench,
        Kind::Toolbox,
        Kind::Drawers,
        Kind::Cabinet,
        Kind::Crate,
    ] {
        if !kinds.contains(&kind) {
            kinds.push(kind);
        }
    }
    kinds
}

/// Runs the steps of a job, each when it is due or a permit is available, until the job has ended.
pub(crate) async fn run(
    shared: Arc<Shared>,
    job_id: String,
    log: Arc<Log>,
    steps: Vec<Step>,
    duration: Duration,
    permits: Arc<Semaphore>,
) {
    let start = Instant::now();
    for step in steps {
        let due = start + duration.mul_f64(step.at);
        if due > Instant::now() {
            tokio::select! {
                permit = permits.acquire() => if let Ok(permit) = permit {
                    permit.forget();
                },
                () = tokio::time::sleep_until(due) => {}
            }
        }
        if !apply(&shared, &job_id, step.actions) {
            return;
        }
        if !step.report.is_none_or(|report| log.report(report)) {
            return;
        }
    }
}

/// Applies actions to a job. Returns whether the job continues.
fn apply(shared: &Shared, job_id: &str, actions: Vec<Action>) -> bool {
    if actions.is_empty() {
        return true;
    }
    let now = shared.clock.now().as_secs();
    let mut tables = shared.tables();
    let Tables {
        scenes,
        assets,
        jobs,
        ..
    } = &mut *tables;
    let Some(job) = jobs.get_mut(job_id).filter(|job| !job.status.is_terminal()) else {
        return false;
    };
    let mut scene = scenes.get_mut(&job.scene_id);
    let options = &shared.options;
    let documented = options.vocabulary == Vocabulary::Documented;
    for action in actions {
        if documented {
            report(job, &action, reveals_asset_ids(options, job.mode));
        }
        match action {
            Action::Start => {
                job.status = JobStatus::Running;
                job.started_at = Some(now);
                if let Some(scene) = &mut scene {
                    scene.status = JobStatus::Running;
                }
            }
            Action::StageStart(stage) => {
                if let Some(scene) = &mut scene {
                    scene.set_stage(stage, "running");
                }
            }
            Action::StageComplete(stage) => {
                if let Some(scene) = &mut scene {
                    scene.set_stage(stage, "completed");
                }
            }
            Action::Ready(asset) => {
                if let Some(scene) = &mut scene {
                    scene.assets.push(asset.id.clone());
                    let id = asset.id.clone();
                    let asset = AssetEntry {
                        created_at: now,
                        job_id: Some(job_id.to_owned()),
                        ..*asset
                    };
                    assets.insert(&id, asset);
                }
            }
            Action::AssetFailed(asset) => {
                if let Some(scene) = &mut scene {
                    scene.failed.push(*asset);
                }
            }
            Action::Fail(message) => {
                let error = json!({ "code": "generation_failed", "message": message });
                end(job, JobStatus::Failed, Some(error), now, options);
            }
            Action::Succeed => end(job, JobStatus::Succeeded, None, now, options),
        }
    }
    if !job.status.is_terminal() {
        return true;
    }
    if let Some(scene) = scene {
        record_outcome(scene, job, now);
    }
    false
}

/// Reports an action in the documented vocabulary, unless it has no event for the action.
fn report(job: &JobEntry, action: &Action, with_id: bool) {
    let log = &job.log;
    match action {
        Action::StageStart(stage) => log.push("stage_start", json!({ "stage": stage })),
        Action::StageComplete(stage) => log.push("stage_complete", json!({ "stage": stage })),
        Action::Ready(asset) if with_id => {
            let fields = json!({ "asset_id": asset.id, "name": asset.name });
            log.push("asset_ready", fields);
        }
        Action::Ready(asset) => log.push("asset_ready", json!({ "name": asset.name })),
        Action::AssetFailed(_) => {
            let message = "the geometry of one asset did not close";
            let fields = json!({ "message": message, "code": "asset_failed", "fatal": false });
            log.push("error", fields);
        }
        Action::Fail(message) => {
            let fields = json!({ "code": "generation_failed", "message": message });
            log.push("error", fields);
        }
        Action::Start | Action::Succeed => {}
    }
}

/// Returns whether events before the terminal one carry asset ids.
pub(crate) fn reveals_asset_ids(options: &Options, mode: &str) -> bool {
    mode != "asset" || options.asset_id_in == AssetIdIn::Result
}

/// Ends a job: sets its status and reports the terminal event.
fn end(job: &mut JobEntry, status: JobStatus, error: Option<Value>, now: u64, options: &Options) {
    let word = options.status_words.word(&status);
    let mut data = json!({ "status": word, "scene_id": job.scene_id });
    if let Some(asset_id) = &job.asset_id
        && status == JobStatus::Succeeded
        && options.asset_id_in != AssetIdIn::List
    {
        data["asset_id"] = asset_id.as_str().into();
    }
    if let Some(error) = &error {
        data["error"] = error.clone();
    }
    let (observed, message) = match status {
        JobStatus::Succeeded => ("job_succeeded", "The job succeeded"),
        JobStatus::Failed => ("job_failed", "The job failed"),
        _ => ("job_cancelled", "The job was cancelled"),
    };
    let name = match options.vocabulary {
        Vocabulary::Documented => "done",
        Vocabulary::Observed => {
            data["stage"] = "job".into();
            data["message"] = message.into();
            observed
        }
    };
    job.status = status;
    job.error = error;
    job.finished_at = Some(now);
    job.ended = Some(Instant::now());
    job.log.end(name, data);
}

/// Updates the scene with the outcome of its job, which has ended.
fn record_outcome(scene: &mut crate::state::SceneEntry, job: &JobEntry, now: u64) {
    scene.status = job.status.clone();
    scene.error.clone_from(&job.error);
    scene.updated_at = now;
    if job.status == JobStatus::Succeeded {
        scene.generated = true;
        if job.mode != "scene" {
            scene.revision += 1;
        }
        if job.mode == "edit" {
            scene.edits.push(job.prompt.clone());
            scene.description = format!("{}; {}", scene.description, job.prompt);
        }
    } else {
        let unfinished: Vec<&str> = scene
            .stages
            .iter()
            .filter(|(_, status)| *status != "completed")
            .map(|(name, _)| *name)
            .collect();
        let status = if job.status == JobStatus::Failed {
            "failed"
        } else {
            "cancelled"
        };
        for stage in unfinished {
            scene.set_stage(stage, status);
        }
    }
}

/// Deletes a job, whether it has ended or not, and ends its event streams.
pub(crate) fn delete(tables: &mut Tables, job_id: &str) {
    if let Some(job) = tables.jobs.remove(job_id) {
        if let Some(task) = job.task {
            task.abort();
        }
        job.log.delete();
    }
}

/// Cancels a job. Returns false if it is unknown or has already ended.
pub(crate) fn cancel(shared: &Shared, tables: &mut Tables, job_id: &str) -> bool {
    let now = shared.clock.now().as_secs();
    let Some(job) = tables
        .jobs
        .get_mut(job_id)
        .filter(|job| !job.status.is_terminal())
    else {
        return false;
    };
    if let Some(task) = job.task.take() {
        task.abort();
    }
    end(job, JobStatus::Cancelled, None, now, &shared.options);
    if let Some(scene) = tables.scenes.get_mut(&job.scene_id) {
        record_outcome(scene, job, now);
    }
    true
}
