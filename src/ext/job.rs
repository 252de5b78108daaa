//! A job and what can be done with it.

use std::time::Duration;

use futures_util::TryStreamExt;
use futures_util::future::BoxFuture;
use serde_json::Value;
use tokio::time::Instant;

use super::event::{Cursor, JobEventKind, error_message};
use super::sse::stream::EventStream;
use crate::types::{Acknowledged, Job, JobAccepted, JobStatus};
use crate::{Client, Error, ErrorKind};

impl JobStatus {
    /// Whether the job has ended, in whichever way.
    pub fn is_terminal(&self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::Cancelled)
    }
}

/// How a job is waited for where its event stream does not get through.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct PollPolicy {
    /// Time between two polls, a quarter more or less by chance. Defaults to 5 s: a scene takes 2 to 20 minutes.
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

/// A handle on one job, made by `start` or from an id alone by [`Client::job`].
///
/// Dropping it, or any future made from it, leaves the job running.
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

    pub(crate) fn accepted(client: Client, accepted: JobAccepted) -> Self {
        let JobAccepted {
            job_id,
            scene_id,
            asset_id,
            ..
        } = accepted;
        Self {
            scene_id,
            asset_id,
            ..Self::new(client, job_id)
        }
    }

    /// The job's id: all that another process needs to pick it up.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The scene the job works on, where the answer that started it named one.
    pub fn scene_id(&self) -> Option<&str> {
        self.scene_id.as_deref()
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
    pub async fn status(&self) -> Result<Job, Error> {
        self.job(false).await
    }

    async fn job(&self, include_result: bool) -> Result<Job, Error> {
        let request = self.client.get_job().job_id(&self.id);
        let request = if include_result {
            request.include_result(true)
        } else {
            request
        };
        let answer = request
            .send()
            .await
            .map_err(|error| error.with_job_id(&self.id))?;
        Ok(answer.into_inner().into_inner())
    }

    /// Asks the service to cancel the job.
    ///
    /// # Errors
    ///
    /// Whatever `cancel_job` can say, with the job's id.
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
    /// [`ErrorKind::Deadline`] with the job's id and its last known state; and whatever keeps the
    /// job from being followed, such as a wrong key. None of them stops the job.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future leaves the job running; waiting again picks it up.
    pub async fn wait(&self) -> Result<FinishedJob, Error> {
        let Some(limit) = self.policy.deadline else {
            return self.follow().await;
        };
        let deadline = Instant::now() + limit;
        match tokio::time::timeout_at(deadline, self.follow()).await {
            Ok(ended) => ended,
            Err(_) => {
                let message = format!("the job was still at work after {} s", limit.as_secs_f32());
                let error = Error::new(ErrorKind::Deadline, message).with_job_id(&self.id);
                // One last look, as long as it is quick.
                let last = tokio::time::timeout(Duration::from_secs(5), self.job(false)).await;
                Err(match last {
                    Ok(Ok(job)) => error.with_job(job),
                    _ => error,
                })
            }
        }
    }

    async fn follow(&self) -> Result<FinishedJob, Error> {
        let mut events = self.events();
        let (mut scene_id, mut asset_id, mut said) = (None, None, None);
        while let Some(event) = events.try_next().await? {
            match &event.kind {
                JobEventKind::AssetReady { asset_id: Some(id) } => asset_id = Some(id.clone()),
                JobEventKind::Error { message } => said.clone_from(message),
                _ => {}
            }
            if event.is_done() {
                scene_id = text(&event.data, "scene_id");
                asset_id = text(&event.data, "asset_id").or(asset_id);
            }
        }
        let job = self.settled().await?;
        match job.status {
            JobStatus::Failed => {
                let why = job.error.as_ref().and_then(error_message).or(said);
                let why = why.map_or_else(String::new, |why| {
                    format!(": {}", super::error::one_line(&why, 300))
                });
                Err(
                    Error::new(ErrorKind::JobFailed, format!("the job failed{why}"))
                        .with_job_id(&self.id)
                        .with_job(job),
                )
            }
            JobStatus::Cancelled => {
                Err(Error::new(ErrorKind::JobCancelled, "the job was cancelled")
                    .with_job_id(&self.id)
                    .with_job(job))
            }
            _ => {
                let result = job.result.clone().unwrap_or_default();
                let scene_id = job
                    .scene_id
                    .clone()
                    .or_else(|| text(&result, "scene_id"))
                    .or(scene_id);
                let asset_id = job
                    .asset_id
                    .clone()
                    .or_else(|| text(&result, "asset_id"))
                    .or(asset_id);
                let Some(scene_id) = scene_id.or_else(|| self.scene_id.clone()) else {
                    let message = "the job succeeded, and nothing says for which scene";
                    return Err(Error::new(ErrorKind::Decode, message)
                        .with_job_id(&self.id)
                        .with_job(job));
                };
                Ok(FinishedJob {
                    id: self.id.clone(),
                    scene_id,
                    asset_id: asset_id.or_else(|| self.asset_id.clone()),
                    job,
                })
            }
        }
    }

    /// The job once its status says that it has ended: a status may lag behind `done`.
    async fn settled(&self) -> Result<Job, Error> {
        loop {
            match self.job(true).await {
                Ok(job) if job.status.is_terminal() => return Ok(job),
                Ok(_) => {}
                Err(error) if error.is_retryable() => {}
                Err(error) => return Err(error),
            }
            tokio::time::sleep(self.policy.interval.min(Duration::from_secs(1))).await;
        }
    }
}

fn text(data: &Value, name: &str) -> Option<String> {
    data[name].as_str().map(str::to_owned)
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
