//! A job and what can be done with it.

use std::time::Duration;

use futures_util::TryStreamExt;
use futures_util::future::BoxFuture;
use serde_json::Value;

use super::backoff::random;
use super::error::one_line;
use super::event::{Cursor, JobEvent, JobEventKind, error_message};
use super::sse::stream::{BACKOFF, EventStream, MOST_DELAY, MOST_FAILURES};
use crate::types::{Acknowledged, Job, JobAccepted, JobStatus};
use crate::{Client, Error, ErrorKind};

impl JobStatus {
    /// Whether the job has ended, in whichever way.
    pub fn is_terminal(&self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::Cancelled)
    }
}

/// How long a deadline's error waits for the job's last status.
const LAST_LOOK: Duration = Duration::from_secs(2);

/// How often a job is asked for its status after `done`: over some 25 s.
const MOST_LOOKS: u32 = 10;

/// How a job is waited for where its event stream does not get through.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct PollPolicy {
    /// Time between two polls, a quarter more or less by chance. Defaults to 5 s: a scene takes 2 to 20 minutes.
    /// An asset of the early-access API is never polled sooner than that.
    pub interval: Duration,
    /// Longest time to wait in all, by stream or by polls. Defaults to none.
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
    /// Waits until the deadline; where that passes first, says how long it was.
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

/// A handle on one job, made by `start` or from an id alone by [`Client::job`].
///
/// Dropping it, or any future made from it, leaves the job running. Awaiting it is [`wait`](Self::wait).
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
#[must_use = "a job goes on by itself, but only its handle can wait for it"]
pub struct JobHandle {
    client: Client,
    id: String,
    scene_id: Option<String>,
    asset_id: Option<String>,
    policy: PollPolicy,
}

impl JobHandle {
    pub(crate) fn new(client: Client, id: String) -> Self {
        Self {
            client,
            id,
            scene_id: None,
            asset_id: None,
            policy: PollPolicy::default(),
        }
    }

    /// A handle on a job that is known by more than its id.
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
        let JobAccepted {
            job_id,
            scene_id,
            asset_id,
            ..
        } = accepted;
        Self::found(client, job_id, scene_id, asset_id)
    }

    /// The job's id: all that another process needs to pick it up.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The scene the job works on, where the answer that started it named one.
    pub fn scene_id(&self) -> Option<&str> {
        self.scene_id.as_deref()
    }

    /// Tells the handle of a job known by its id alone which scene it works on.
    #[cfg(feature = "bundle")]
    pub(crate) fn in_scene(self, scene_id: Option<String>) -> Self {
        Self { scene_id, ..self }
    }

    /// Changes how the job is waited for.
    pub fn with_poll_policy(mut self, policy: PollPolicy) -> Self {
        self.policy = policy;
        self
    }

    /// The job's events from the first on; nothing is sent before the stream is polled.
    pub fn events(&self) -> EventStream {
        self.events_after(Cursor::default())
    }

    /// The job's events after a cursor that another stream, perhaps of another process, left off at.
    pub fn events_after(&self, cursor: Cursor) -> EventStream {
        EventStream::new(
            self.client.clone(),
            self.id.clone(),
            cursor,
            self.policy.interval,
        )
    }

    /// Asks how the job stands.
    ///
    /// # Errors
    ///
    /// Whatever `get_job` can say, with the job's id.
    ///
    /// # Cancel safety
    ///
    /// It only reads: dropping the future loses nothing.
    pub async fn status(&self) -> Result<Job, Error> {
        self.client.job_status(&self.id, false).await
    }

    /// Asks the service to cancel the job.
    ///
    /// # Errors
    ///
    /// Whatever `cancel_job` can say, with the job's id. A job that has ended already is refused by
    /// the service.
    ///
    /// # Cancel safety
    ///
    /// A future dropped before its end may or may not have cancelled the job; cancelling it again
    /// tells.
    pub async fn cancel(&self) -> Result<Acknowledged, Error> {
        let answer = self.client.cancel_job().job_id(&self.id).send().await;
        answer
            .map(progenitor_client::ResponseValue::into_inner)
            .map_err(|error| error.with_job_id(&self.id))
    }

    /// Waits until the job has ended: by its event stream, by polling where streams do not get
    /// through; its status has the last word.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::JobFailed`] and [`ErrorKind::JobCancelled`] with the job;
    /// [`ErrorKind::Deadline`] with the job's id and, if it can be had within 2 s, its status; and whatever keeps the
    /// job from being followed, such as a wrong key. None of them stops the job.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future leaves the job running; waiting again picks it up.
    pub async fn wait(&self) -> Result<FinishedJob, Error> {
        let limit = match self.policy.bound(self.follow(|_| {})).await {
            Ok(ended) => return ended,
            Err(limit) => limit.as_secs_f32(),
        };
        let message = format!("the job was still at work after {limit} s");
        let error = Error::new(ErrorKind::Deadline, message).with_job_id(&self.id);
        match tokio::time::timeout(LAST_LOOK, self.status()).await {
            Ok(Ok(job)) => Err(error.with_job(job)),
            _ => Err(error),
        }
    }

    /// Reads the events to their end, and then asks what came of the job.
    pub(crate) async fn follow(
        &self,
        mut on_event: impl FnMut(&JobEvent) + Send,
    ) -> Result<FinishedJob, Error> {
        let mut events = self.events();
        let (mut done, mut said) = (Value::Null, None);
        while let Some(event) = events.try_next().await? {
            on_event(&event);
            match event.kind {
                JobEventKind::Error { message } => said = message,
                JobEventKind::Done { .. } => done = event.data,
                _ => {}
            }
        }
        let job = self.settled(&done).await?;
        let failed = |kind, message| Error::new(kind, message).with_job_id(&self.id);
        match job.status {
            JobStatus::Failed => {
                let why = job.error.as_ref().and_then(error_message).or(said);
                let why = why.map_or_else(String::new, |why| format!(": {}", one_line(&why, 300)));
                let message = format!("the job failed{why}");
                Err(failed(ErrorKind::JobFailed, message).with_job(job))
            }
            JobStatus::Cancelled => {
                let message = "the job was cancelled".to_owned();
                Err(failed(ErrorKind::JobCancelled, message).with_job(job))
            }
            _ => self.finished(job, &done),
        }
    }

    /// What the job made, as its status, its result, its last event or its beginning says.
    fn finished(&self, job: Job, done: &Value) -> Result<FinishedJob, Error> {
        let result = job.result.as_ref().unwrap_or(&Value::Null);
        let said = |name: &str| {
            let text = result[name].as_str().or_else(|| done[name].as_str());
            text.map(str::to_owned)
        };
        let scene_id = job
            .scene_id
            .clone()
            .or_else(|| said("scene_id"))
            .or_else(|| self.scene_id.clone());
        let asset_id = job
            .asset_id
            .clone()
            .or_else(|| said("asset_id"))
            .or_else(|| self.asset_id.clone());
        let Some(scene_id) = scene_id else {
            let message = "the job succeeded, and nothing says for which scene";
            let error = Error::new(ErrorKind::Decode, message);
            return Err(error.with_job_id(&self.id).with_job(job));
        };
        Ok(FinishedJob {
            id: self.id.clone(),
            scene_id,
            asset_id,
            job,
        })
    }

    /// The job once its status says that it has ended. It may lag behind `done`, but not for
    /// good: then the event's own status holds.
    async fn settled(&self, done: &Value) -> Result<Job, Error> {
        let mut delay = Duration::from_millis(50);
        let mut job = self.client.job_status_patiently(&self.id, true).await?;
        for _ in 0..MOST_LOOKS {
            if job.status.is_terminal() {
                return Ok(job);
            }
            tokio::time::sleep(delay).await;
            delay = (delay * 2).min(self.policy.interval);
            job = self.client.job_status_patiently(&self.id, true).await?;
        }
        let said = done["status"]
            .as_str()
            .map(|status| JobStatus::from(&status));
        if let Some(status) = said.filter(JobStatus::is_terminal) {
            job.status = status;
            return Ok(job);
        }
        let stays = one_line(job.status.as_str(), 50);
        let message = format!("the job is done, and its status stays `{stays}`");
        let error = Error::new(ErrorKind::Decode, message);
        Err(error.with_job_id(&self.id).with_job(job))
    }
}

impl Client {
    /// How a job stands.
    pub(crate) async fn job_status(&self, id: &str, include_result: bool) -> Result<Job, Error> {
        let mut request = self.get_job().job_id(id);
        if include_result {
            request = request.include_result(true);
        }
        let answer = request
            .send()
            .await
            .map_err(|error| error.with_job_id(id))?;
        Ok(answer.into_inner().into_inner())
    }

    /// How a job stands, asked for again when the network or the service has a bad moment: a
    /// failed poll is not a failed job.
    pub(crate) async fn job_status_patiently(
        &self,
        id: &str,
        include_result: bool,
    ) -> Result<Job, Error> {
        patiently(Duration::ZERO, || self.job_status(id, include_result)).await
    }
}

/// Asks again, no sooner than `least` later, when the network or the service has a bad moment.
pub(crate) async fn patiently<T, F>(least: Duration, ask: impl Fn() -> F + Send) -> Result<T, Error>
where
    F: Future<Output = Result<T, Error>> + Send,
{
    let mut failures = 0;
    loop {
        let error = match ask().await {
            Ok(answer) => return Ok(answer),
            Err(error) => error,
        };
        failures += error.attempts().max(1);
        if !error.is_retryable() || failures > MOST_FAILURES {
            return Err(error.with_attempts(failures));
        }
        let delay = BACKOFF.delay(failures - 1, random());
        let told = error.retry_after().unwrap_or_default();
        tokio::time::sleep(delay.max(told).min(MOST_DELAY).max(least)).await;
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

/// A job that succeeded, and what it made.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct FinishedJob {
    /// The job's id.
    pub id: String,
    /// The scene that it made or worked on.
    pub scene_id: String,
    /// The asset that it made, when it was to make one.
    pub asset_id: Option<String>,
    /// The job as the service reports it, with its result.
    pub job: Job,
}
