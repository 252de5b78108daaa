//! The handle with which tests inspect a simulator and inject faults.

use std::sync::Arc;

use gizmo_client::types::JobStatus;

use crate::fault::{Fault, Injected, On};
use crate::job::{self, JobState};
use crate::record::Received;
use crate::state::Shared;

/// Inspects a running [`Simulator`](crate::Simulator) and injects faults. Clones are the same handle.
#[derive(Debug, Clone)]
pub struct Handle {
    shared: Arc<Shared>,
}

impl Handle {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// Injects a fault into requests. Several faults of one request all apply, in the order of injection.
    pub fn inject(&self, on: On, fault: Fault) -> Injected {
        self.shared.faults().inject(on, fault)
    }

    /// Removes all faults that have not happened.
    pub fn clear_faults(&self) {
        self.shared.faults().clear();
    }

    /// Sets whether the port accepts connections. Otherwise they are refused; open ones stay.
    pub fn listen(&self, listening: bool) {
        self.shared
            .network
            .send_modify(|network| network.listening = listening);
    }

    /// Resets the next `count` connections when they are opened, before anything is read.
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

    /// Stops serving all connections that are open now: nothing is read from them or written to them, not
    /// even the acknowledgement of an HTTP/2 PING, while they stay open. New ones are served.
    pub fn freeze_connections(&self) {
        self.shared
            .network
            .send_modify(|network| network.freezes += 1);
    }

    /// Returns the received requests in order, at most the last [`requests_kept`](crate::Options::requests_kept).
    pub fn requests(&self) -> Vec<Received> {
        self.shared.record().requests().cloned().collect()
    }

    /// Returns the requests of an operation.
    pub fn requests_of(&self, operation: &str) -> Vec<Received> {
        let record = self.shared.record();
        record
            .requests()
            .filter(|request| request.operation == Some(operation))
            .cloned()
            .collect()
    }

    /// Returns the number of requests of an operation, including those with a fault.
    pub fn count(&self, operation: &str) -> u64 {
        self.shared.record().count(operation)
    }

    /// Returns the number of all requests.
    pub fn total(&self) -> u64 {
        self.shared.record().total()
    }

    /// Clears the received requests.
    pub fn clear_requests(&self) {
        self.shared.record().clear();
    }

    /// Returns all jobs in the order of their start.
    pub fn jobs(&self) -> Vec<JobState> {
        self.shared
            .tables()
            .jobs
            .newest()
            .rev()
            .map(job::JobEntry::state)
            .collect()
    }

    /// Returns a job.
    pub fn job(&self, id: &str) -> Option<JobState> {
        self.shared.tables().jobs.get(id).map(job::JobEntry::state)
    }

    /// Returns the time since a job ended, by tokio's clock; `None` while it is running.
    pub fn since_end(&self, id: &str) -> Option<std::time::Duration> {
        let tables = self.shared.tables();
        let ended = tables.jobs.get(id)?.ended;
        ended.map(|ended| ended.elapsed())
    }

    /// Returns the number of jobs that were started.
    pub fn job_count(&self) -> usize {
        self.shared.tables().jobs.newest().count()
    }

    /// Returns the number of jobs whose status is not terminal.
    pub fn running(&self) -> usize {
        let tables = self.shared.tables();
        let running = tables
            .jobs
            .newest()
            .filter(|job| matches!(job.status, JobStatus::Queued | JobStatus::Running));
        running.count()
    }

    /// Advances a job by this many steps at once, independent of time. A step is a start, the start or end of
    /// a stage, an asset or the end in the documented vocabulary, and an event in the observed one. At speed
    /// 0 a job proceeds only this way.
    pub fn advance(&self, job_id: &str, actions: usize) {
        if let Some(job) = self.shared.tables().jobs.get(job_id) {
            job.hurry.add_permits(actions);
        }
    }

    /// Advances a job to its end.
    pub fn finish(&self, job_id: &str) {
        self.advance(job_id, 1 << 20);
    }

    /// Deletes a job. It is no longer found, and its open event streams end without a terminal event.
    pub fn delete_job(&self, job_id: &str) {
        job::delete(&mut self.shared.tables(), job_id);
    }

    /// Returns the ids of all scenes in the order of their creation.
    pub fn scenes(&self) -> Vec<String> {
        self.shared
            .tables()
            .scenes
            .newest()
            .rev()
            .map(|scene| scene.id.clone())
            .collect()
    }

    /// Returns the ids of all assets of the early-access API in the order of their creation.
    pub fn alpha_assets(&self) -> Vec<String> {
        let tables = self.shared.tables();
        let assets = tables.alpha.assets.newest().rev();
        assets.map(|asset| asset.id.clone()).collect()
    }

    /// Restarts the generation of an asset of the early-access API, so that it is not ready for a while.
    pub fn remake(&self, asset_id: &str) {
        if let Some(asset) = self.shared.tables().alpha.assets.get_mut(asset_id) {
            asset.remake();
        }
    }

    /// Sets how many jobs, or assets of the early-access API, may be started.
    pub fn set_credits(&self, credits: Option<u64>) {
        self.shared.tables().credits = credits;
    }

    /// Uses up the current window of the key, as another process with the same key would.
    pub fn exhaust_rate_limit(&self) {
        self.shared.limits().exhaust(&self.shared.options.api_key);
    }
}
