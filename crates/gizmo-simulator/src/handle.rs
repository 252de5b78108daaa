//! The handle with which tests inspect and control a simulator.

use std::sync::Arc;

use gizmo_client::types::JobStatus;

use crate::fault::{Fault, Injected, JobFaults, On};
use crate::job::{self, JobState};
use crate::record::Received;
use crate::scenes;
use crate::state::Shared;

/// Inspects a running [`Simulator`](crate::Simulator) and injects faults. Clones refer to the same
/// simulator.
#[derive(Debug, Clone)]
pub struct Handle {
    shared: Arc<Shared>,
}

impl Handle {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// Injects a fault into the requests that `on` selects. If several faults apply to one request, all of
    /// them occur, in the order of injection.
    pub fn inject(&self, on: On, fault: Fault) -> Injected {
        self.shared.faults().inject(on, fault)
    }

    /// Removes all faults.
    pub fn clear_faults(&self) {
        self.shared.faults().clear();
    }

    /// Sets whether the ports accept connections. While they do not, new connections are refused; open
    /// connections are unaffected.
    pub fn listen(&self, listening: bool) {
        self.shared
            .network
            .send_modify(|network| network.listening = listening);
    }

    /// Resets the next `count` connections as soon as they are accepted, before anything is read.
    pub fn reset_connections(&self, count: u64) {
        self.shared
            .network
            .send_modify(|network| network.resets = count);
    }

    /// Closes all open connections, including those with requests in flight.
    pub fn close_connections(&self) {
        self.shared
            .network
            .send_modify(|network| network.purges += 1);
    }

    /// Freezes all open connections. They stay open, but nothing is read from or written to them, not even
    /// the acknowledgement of an HTTP/2 PING. New connections are served.
    pub fn freeze_connections(&self) {
        self.shared
            .network
            .send_modify(|network| network.freezes += 1);
    }

    /// Returns the received requests, oldest first: at most the last
    /// [`requests_kept`](crate::Options::requests_kept).
    pub fn requests(&self) -> Vec<Received> {
        self.shared.record().requests().cloned().collect()
    }

    /// Returns the received requests for one operation, oldest first.
    pub fn requests_of(&self, operation: &str) -> Vec<Received> {
        let record = self.shared.record();
        record
            .requests()
            .filter(|request| request.operation == Some(operation))
            .cloned()
            .collect()
    }

    /// Returns the number of requests for one operation, including those with a fault.
    pub fn count(&self, operation: &str) -> u64 {
        self.shared.record().count(operation)
    }

    /// Returns the total number of requests.
    pub fn total(&self) -> u64 {
        self.shared.record().total()
    }

    /// Deletes the received requests and resets their counts.
    pub fn clear_requests(&self) {
        self.shared.record().clear();
    }

    /// Returns all jobs, in the order in which they were started.
    pub fn jobs(&self) -> Vec<JobState> {
        self.shared
            .tables()
            .jobs
            .newest()
            .rev()
            .map(job::JobEntry::state)
            .collect()
    }

    /// Returns the job with this id.
    pub fn job(&self, id: &str) -> Option<JobState> {
        self.shared.tables().jobs.get(id).map(job::JobEntry::state)
    }

    /// Returns the time since a job ended, on tokio's clock, or `None` if it has not ended.
    pub fn since_end(&self, id: &str) -> Option<std::time::Duration> {
        let tables = self.shared.tables();
        let ended = tables.jobs.get(id)?.ended;
        ended.map(|ended| ended.elapsed())
    }

    /// Returns the number of jobs that were started, without deleted ones.
    pub fn job_count(&self) -> usize {
        self.shared.tables().jobs.newest().count()
    }

    /// Returns the number of jobs that are queued or running.
    pub fn running(&self) -> usize {
        let tables = self.shared.tables();
        let running = tables
            .jobs
            .newest()
            .filter(|job| matches!(job.status, JobStatus::Queued | JobStatus::Running));
        running.count()
    }

    /// Makes a job run its next `steps` steps immediately. In the documented vocabulary, a step starts the
    /// job, starts or completes a stage, generates an asset, or ends the job. In the observed vocabulary, a
    /// step reports one event. At speed 0 a job runs only the steps that are requested here.
    pub fn advance(&self, job_id: &str, steps: usize) {
        if let Some(job) = self.shared.tables().jobs.get(job_id) {
            job.advance(steps);
        }
    }

    /// Makes a job run all its remaining steps immediately.
    pub fn finish(&self, job_id: &str) {
        if let Some(job) = self.shared.tables().jobs.get(job_id) {
            job.finish();
        }
    }

    /// Deletes a job. Requests for it return 404, and its open event streams end without a terminal event.
    pub fn delete_job(&self, job_id: &str) {
        job::delete(&mut self.shared.tables(), job_id);
    }

    /// Starts a scene for another user of the account, and returns its id. No fault applies to its job.
    pub fn start_scene(&self, prompt: &str) -> String {
        let mut tables = self.shared.tables();
        let accepted = scenes::start(
            &self.shared,
            &mut tables,
            prompt.to_owned(),
            true,
            JobFaults::default(),
        );
        let job = tables.jobs.get(&accepted.job_id);
        job.map(|job| job.scene_id.clone()).unwrap_or_default()
    }

    /// Returns the ids of all scenes, in the order in which they were created.
    pub fn scenes(&self) -> Vec<String> {
        self.shared
            .tables()
            .scenes
            .newest()
            .rev()
            .map(|scene| scene.id.clone())
            .collect()
    }

    /// Returns the ids of all assets of the early-access API, in the order in which they were created.
    pub fn alpha_assets(&self) -> Vec<String> {
        let tables = self.shared.tables();
        let assets = tables.alpha.assets.newest().rev();
        assets.map(|asset| asset.id.clone()).collect()
    }

    /// Restarts the generation of an asset of the early-access API, which is then not ready until it is
    /// complete.
    pub fn remake(&self, asset_id: &str) {
        if let Some(asset) = self.shared.tables().alpha.assets.get_mut(asset_id) {
            asset.remake();
        }
    }

    /// Sets how many jobs, or assets of the early-access API, may still be started. `None` means no limit.
    pub fn set_credits(&self, credits: Option<u64>) {
        self.shared.tables().credits = credits;
    }

    /// Uses up the current rate limit window of the API key, as another process with the same key would.
    pub fn exhaust_rate_limit(&self) {
        self.shared.limits().exhaust(&self.shared.options.api_key);
    }
}
