//! The handle that tests hold: it looks into a simulator and makes it misbehave.

use std::sync::Arc;

use gizmo_client::types::JobStatus;

use crate::fault::{Fault, Injected, On};
use crate::job::{self, JobState};
use crate::record::Received;
use crate::state::Shared;

/// Looks into a running [`Simulator`](crate::Simulator) and makes it misbehave; clones are the same handle.
#[derive(Debug, Clone)]
pub struct Handle {
    shared: Arc<Shared>,
}

impl Handle {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// Lets these requests meet a fault. Several faults on one request all happen, in this order.
    pub fn inject(&self, on: On, fault: Fault) -> Injected {
        self.shared.faults().inject(on, fault)
    }

    /// Takes all faults back that have not happened.
    pub fn clear_faults(&self) {
        self.shared.faults().clear();
    }

    /// Whether the port takes connections; while it does not, they are refused. Open ones stay.
    pub fn listen(&self, listening: bool) {
        self.shared
            .network
            .send_modify(|network| network.listening = listening);
    }

    /// Resets the next so many connections as soon as they are made, before anything is read.
    pub fn reset_connections(&self, count: u64) {
        self.shared
            .network
            .send_modify(|network| network.resets = count);
    }

    /// Closes all connections that are open, also in the middle of a response.
    pub fn close_connections(&self) {
        self.shared
            .network
            .send_modify(|network| network.purges += 1);
    }

    /// Stops to serve all connections that are open now: nothing is read from them or written to them,
    /// not even the acknowledgement of an HTTP/2 PING, while they stay open. New ones are served.
    pub fn freeze_connections(&self) {
        self.shared
            .network
            .send_modify(|network| network.freezes += 1);
    }

    /// The requests that have come, in their order (at most the last [`requests_kept`](crate::Options::requests_kept)).
    pub fn requests(&self) -> Vec<Received> {
        self.shared.record().requests().cloned().collect()
    }

    /// The requests of one operation.
    pub fn requests_of(&self, operation: &str) -> Vec<Received> {
        let record = self.shared.record();
        record
            .requests()
            .filter(|request| request.operation == Some(operation))
            .cloned()
            .collect()
    }

    /// Number of requests of one operation, those that met a fault included.
    pub fn count(&self, operation: &str) -> u64 {
        self.shared.record().count(operation)
    }

    /// Number of all requests.
    pub fn total(&self) -> u64 {
        self.shared.record().total()
    }

    /// Forgets the requests that have come.
    pub fn clear_requests(&self) {
        self.shared.record().clear();
    }

    /// All jobs, in the order they were started.
    pub fn jobs(&self) -> Vec<JobState> {
        self.shared
            .tables()
            .jobs
            .newest()
            .rev()
            .map(job::JobEntry::state)
            .collect()
    }

    /// One job.
    pub fn job(&self, id: &str) -> Option<JobState> {
        self.shared.tables().jobs.get(id).map(job::JobEntry::state)
    }

    /// How long ago a job ended, in tokio's time; `None` while it is running.
    pub fn since_end(&self, id: &str) -> Option<std::time::Duration> {
        let tables = self.shared.tables();
        let ended = tables.jobs.get(id)?.ended;
        ended.map(|ended| ended.elapsed())
    }

    /// Number of jobs that have been started.
    pub fn job_count(&self) -> usize {
        self.shared.tables().jobs.newest().count()
    }

    /// Number of jobs that have neither succeeded nor failed nor been cancelled.
    pub fn running(&self) -> usize {
        let tables = self.shared.tables();
        let running = tables
            .jobs
            .newest()
            .filter(|job| matches!(job.status, JobStatus::Queued | JobStatus::Running));
        running.count()
    }

    /// Lets a job take its next so many steps at once, without regard to the time: in the documented
    /// vocabulary start, begin a stage, end one, make an asset or end; in the observed one report an
    /// event. At speed 0 it does nothing else.
    pub fn advance(&self, job_id: &str, actions: usize) {
        if let Some(job) = self.shared.tables().jobs.get(job_id) {
            job.hurry.add_permits(actions);
        }
    }

    /// Lets a job do all that it has left to do at once.
    pub fn finish(&self, job_id: &str) {
        self.advance(job_id, 1 << 20);
    }

    /// Deletes a job: it is not found any more, and its open event streams end without a terminal event.
    pub fn delete_job(&self, job_id: &str) {
        job::delete(&mut self.shared.tables(), job_id);
    }

    /// The ids of all scenes, in the order they were made.
    pub fn scenes(&self) -> Vec<String> {
        self.shared
            .tables()
            .scenes
            .newest()
            .rev()
            .map(|scene| scene.id.clone())
            .collect()
    }

    /// The ids of all assets that the early-access API was asked for, in their order.
    pub fn alpha_assets(&self) -> Vec<String> {
        let tables = self.shared.tables();
        let assets = tables.alpha.assets.newest().rev();
        assets.map(|asset| asset.id.clone()).collect()
    }

    /// Lets the early-access API make an asset once more, so that it is not ready for a while.
    pub fn remake(&self, asset_id: &str) {
        if let Some(asset) = self.shared.tables().alpha.assets.get_mut(asset_id) {
            asset.remake();
        }
    }

    /// Sets how many jobs, or assets of the early-access API, may still be started.
    pub fn set_credits(&self, credits: Option<u64>) {
        self.shared.tables().credits = credits;
    }

    /// Uses up the key's present window, as another process with the same key would.
    pub fn exhaust_rate_limit(&self) {
        self.shared.limits().exhaust(&self.shared.options.api_key);
    }
}
