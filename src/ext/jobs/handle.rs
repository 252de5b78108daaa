//! A handle on a job, and what can be done with it.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures_util::TryStreamExt;
use futures_util::future::BoxFuture;
use tokio::time::Instant;
use tracing::info;

use super::cursor::Cursor;
use super::event::JobEvent;
use super::follower::{Ended, Following};
pub use super::outcome::FinishedJob;
use super::outcome::KnownJob;
use super::schedule::{BACKOFF, MAX_DELAY};
use super::stream::EventStream;
use crate::ext::error::{Error, ErrorKind};
use crate::ext::http::backoff::random;
use crate::ext::http::runtime;
use crate::ext::values::status_words::StatusWord;
use crate::raw::Client;
use crate::raw::types::{Acknowledged, Job, JobAccepted, JobStatus};

impl JobStatus {
    /// Whether the job has ended, in any way and in any spelling (`succeeded`, `COMPLETED`).
    pub fn is_terminal(&self) -> bool {
        // Assumptions: job-status-words, job-terminal-final.
        StatusWord::of(self.as_str()).is_some_and(StatusWord::is_terminal)
    }
}

/// How long the error of a deadline waits for the job's last status.
const LAST_STATUS: Duration = Duration::from_secs(2);

/// The number of consecutive failures after which polling fails: about three minutes.
// Assumption: connections-fail.
const MAX_FAILURES: u32 = 18;

/// How to wait for a job.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct PollPolicy {
    /// The delay between two status requests while no event stream is available, with a random variation
    /// of a quarter. Defaults to 5 s: a scene takes 2 to 20 minutes. The status requests of a client and
    /// its clones use at most a quarter of the rate limit. For an asset of the early-access API it is
    /// at least 5 s.
    pub interval: Duration,
    /// The longest duration of one call of `wait`. When it passes, `wait` returns
    /// [`ErrorKind::Deadline`], and the job keeps running. It does not apply to `events`. Defaults to
    /// none.
    pub deadline: Option<Duration>,
}

impl Default for PollPolicy {
    fn default() -> Self {
        Self {
            interval: Duration::from_secs(5),
            deadline: None,
        }
    }
}

impl PollPolicy {
    /// Waits until the deadline. Returns its length if it passes first.
    pub(crate) async fn bound<T>(
        &self,
        wait: impl Future<Output = T> + Send,
    ) -> Result<T, Duration> {
        match self.deadline {
            Some(limit) => tokio::time::timeout(limit, wait).await.map_err(|_| limit),
            None => Ok(wait.await),
        }
    }
}

/// A handle on a job, returned by `start`, or by [`Client::job`] for an id.
///
/// Dropping it, or any future made from it, leaves the job running. Awaiting it calls
/// [`wait`](Self::wait). A handle and its clones remember how their job ended.
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let simulator = gizmo_simulator::Simulator::start(gizmo_simulator::Options::instant()).await?;
/// # let builder = gizmo_client::Client::builder().api_key(simulator.api_key());
/// # let client = builder.base_url(simulator.url()).build()?;
/// use futures::TryStreamExt;
///
/// let job = client.generate_scene().prompt("a robotics lab").start().await?;
/// let mut events = job.events();
/// while let Some(event) = events.try_next().await? {
///     println!("{event}");
/// }
/// let finished = job.await?;
/// println!("scene {}", finished.scene_id);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
#[must_use = "the job runs without its handle, but only the handle can wait for it"]
pub struct JobHandle {
    client: Client,
    id: String,
    scene_id: Option<String>,
    asset_id: Option<String>,
    policy: PollPolicy,
    /// When the service accepted the job, if this handle was made from its response.
    accepted_at: Option<Instant>,
    makes_asset: bool,
    /// Set by the first stream that reaches the end.
    ended: Arc<OnceLock<Ended>>,
}

impl JobHandle {
    pub(crate) fn new(client: Client, id: String) -> Self {
        Self {
            client,
            id,
            scene_id: None,
            asset_id: None,
            policy: PollPolicy::default(),
            accepted_at: None,
            makes_asset: false,
            ended: Arc::default(),
        }
    }

    /// A handle on a job of which more than the id is known.
    pub(crate) fn found(
        client: Client,
        id: String,
        scene_id: Option<String>,
        asset_id: Option<String>,
    ) -> Self {
        Self {
            scene_id,
            asset_id,
            ..Self::new(client, id)
        }
    }

    pub(crate) fn accepted(client: Client, accepted: JobAccepted) -> Self {
        // Assumptions: generation-202-ids, generation-scene-id.
        let JobAccepted {
            job_id,
            scene_id,
            asset_id,
            ..
        } = accepted;
        info!(target: "gizmo_client::jobs", job_id, "job started");
        Self {
            accepted_at: Some(Instant::now()),
            ..Self::found(client, job_id, scene_id, asset_id)
        }
    }

    /// States whether the job makes an asset, whose id is then looked for.
    pub(crate) fn making_asset(self, makes_asset: bool) -> Self {
        Self {
            makes_asset,
            ..self
        }
    }

    /// Returns the job's id, with which another process can follow the job.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Returns the scene of the job, if the response that started it named one, or [`in_scene`](Self::in_scene) did.
    pub fn scene_id(&self) -> Option<&str> {
        self.scene_id.as_deref()
    }

    /// States when the service accepted the job, if this process saw it.
    #[cfg(feature = "bundle")]
    pub(crate) fn accepted_at(self, accepted_at: Option<Instant>) -> Self {
        Self {
            accepted_at,
            ..self
        }
    }

    /// States the scene of a job that another process has started, if it is known: not every service names it in the
    /// status of the job.
    pub fn in_scene(self, scene_id: Option<String>) -> Self {
        Self { scene_id, ..self }
    }

    /// Changes how to wait for the job.
    pub fn with_poll_policy(mut self, policy: PollPolicy) -> Self {
        self.policy = policy;
        self
    }

    /// Returns the job's events from the first on. Nothing is sent before the stream is polled.
    pub fn events(&self) -> EventStream {
        self.events_after(Cursor::default())
    }

    /// Returns the job's events after a cursor, at which another stream, perhaps in another process,
    /// stopped.
    pub fn events_after(&self, cursor: Cursor) -> EventStream {
        self.stream(cursor, true)
    }

    fn stream(&self, cursor: Cursor, all_events: bool) -> EventStream {
        EventStream::new(Following {
            client: self.client.clone(),
            job_id: self.id.clone(),
            cursor,
            poll_interval: self.policy.interval,
            accepted_at: self.accepted_at,
            all_events,
            ended: Arc::clone(&self.ended),
        })
    }

    /// Requests the job's status.
    ///
    /// # Errors
    ///
    /// Those of `get_job`, with the job's id.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: it only reads.
    pub async fn status(&self) -> Result<Job, Error> {
        self.client.job_status(&self.id, false).await
    }

    /// Cancels the job.
    ///
    /// # Errors
    ///
    /// Those of `cancel_job`, with the job's id. The service refuses to cancel a job that has ended.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it completes, the job may or may not be cancelled. Cancel it
    /// again to find out.
    pub async fn cancel(&self) -> Result<Acknowledged, Error> {
        // Assumptions: job-cancel, acknowledgement.
        let response = self.client.cancel_job().job_id(&self.id).send().await;
        response
            .map(progenitor_client::ResponseValue::into_inner)
            .map_err(|error| error.with_job_id(&self.id))
    }

    /// Waits until the job has ended: by its event stream, or by polling where streams do not work.
    /// The job's status is authoritative.
    ///
    /// A handle whose [`events`](Self::events) have been read to their end sends no further request.
    ///
    /// # Errors
    ///
    /// - [`ErrorKind::JobFailed`] and [`ErrorKind::JobCancelled`], with the job.
    /// - [`ErrorKind::Deadline`], with the job's id and its last status, if that arrives within 2 s.
    /// - The service's refusal, when the status is refused for good (401, 403, 404, 410 and other
    ///   client errors).
    /// - The last error, when neither the stream nor the status has responded for an hour.
    ///
    /// A fault of the stream alone leads to polling. No error stops the job.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: the job keeps running, and waiting again resumes.
    pub async fn wait(&self) -> Result<FinishedJob, Error> {
        runtime::require().map_err(|error| error.with_job_id(&self.id))?;
        let waiting = self.follow_to_end(self.stream(Cursor::default(), false), |_| {});
        let limit = match self.policy.bound(waiting).await {
            Ok(ended) => return ended,
            Err(limit) => limit.as_secs_f32(),
        };
        let status = tokio::time::timeout(LAST_STATUS, self.status()).await;
        let job = status.ok().and_then(Result::ok);
        let last = job.as_ref().map_or_else(
            || "its status is unknown".to_owned(),
            |job| {
                format!(
                    "its last status is `{}`",
                    crate::ext::error::one_line(job.status.as_str(), 50)
                )
            },
        );
        let message = format!("the job has not ended within {limit} s; {last}");
        let error = Error::new(ErrorKind::Deadline, message).with_job_id(&self.id);
        Err(match job {
            Some(job) => error.with_job(job),
            None => error,
        })
    }

    /// Reads all events, and then determines what the job made.
    #[cfg(feature = "bundle")]
    pub(crate) async fn follow(
        &self,
        on_event: impl FnMut(&JobEvent) + Send,
    ) -> Result<FinishedJob, Error> {
        self.follow_to_end(self.events(), on_event).await
    }

    async fn follow_to_end(
        &self,
        mut events: EventStream,
        mut on_event: impl FnMut(&JobEvent) + Send,
    ) -> Result<FinishedJob, Error> {
        if self.ended.get().is_none() {
            while let Some(event) = events.try_next().await? {
                on_event(&event);
            }
        }
        let ended = self.ended.get().cloned();
        let Some(mut ended) = ended else {
            let message = "the event stream ended before the job";
            return Err(Error::new(ErrorKind::Decode, message).with_job_id(&self.id));
        };
        if !ended.report.has_result && ended.report.job.status == JobStatus::Succeeded {
            let job = || self.client.job_status(&self.id, true);
            ended.report.job = retry_transient(Duration::ZERO, job).await?;
        }
        let known = KnownJob {
            client: &self.client,
            id: &self.id,
            scene_id: self.scene_id.as_deref(),
            asset_id: self.asset_id.as_deref(),
            makes_asset: self.makes_asset,
        };
        known.finished(ended).await
    }
}

impl Client {
    /// Returns a handle on a job of which only the id is known. Nothing is sent.
    pub fn job(&self, id: impl Into<String>) -> JobHandle {
        JobHandle::new(self.clone(), id.into())
    }

    /// Requests a job's status.
    pub(crate) async fn job_status(&self, id: &str, include_result: bool) -> Result<Job, Error> {
        let mut request = self.get_job().job_id(id);
        if include_result {
            // Assumption: job-result-option.
            request = request.include_result(true);
        }
        let response = request
            .send()
            .await
            .map_err(|error| error.with_job_id(id))?;
        Ok(response.into_inner().into_inner())
    }
}

/// Sends a request again, after at least `min_delay`, when the network or the service failed.
pub(crate) async fn retry_transient<T, F>(
    min_delay: Duration,
    request: impl Fn() -> F + Send,
) -> Result<T, Error>
where
    F: Future<Output = Result<T, Error>> + Send,
{
    let mut failures = 0;
    loop {
        let error = match request().await {
            Ok(response) => return Ok(response),
            Err(error) => error,
        };
        failures += error.attempts().max(1);
        if !error.is_retryable() || failures > MAX_FAILURES {
            return Err(error.with_attempts(failures));
        }
        let delay = BACKOFF.delay(failures - 1, random());
        let retry_after = error.retry_after().unwrap_or_default();
        tokio::time::sleep(delay.max(retry_after).min(MAX_DELAY).max(min_delay)).await;
    }
}

impl IntoFuture for JobHandle {
    type Output = Result<FinishedJob, Error>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    /// Waits as [`JobHandle::wait`] does.
    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move { self.wait().await })
    }
}
