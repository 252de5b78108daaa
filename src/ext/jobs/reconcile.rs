//! Finds the job of a paid request whose response was lost, so that it is not paid for twice.

mod decide;
#[cfg(test)]
mod product;
mod similar;

use std::convert::Infallible;
use std::fmt;
use std::time::{Duration, SystemTime};

use futures_util::TryStreamExt;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use self::decide::Confidence;
use self::decide::{Novelty, decide, new_among};
pub(crate) use self::decide::{Rival, Verdict};
use self::similar::{Similarity, similarity};
use super::baseline::Place;
use super::candidate::{Candidate, system_time};
use super::handle::JobHandle;
use super::scene_progress::SceneProgress;
use crate::ext::error::{CLOCK_TOLERANCE, Error, ErrorKind, PaidRequest, RequestId};
use crate::ext::http::paid_requests::OpenState;
use crate::raw::Client;
use crate::raw::types::Job;

/// What was found of a paid request whose response was lost.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Reconciled {
    /// It was accepted, and this is its job.
    Found {
        /// The job.
        job: JobHandle,
        /// How well it fits.
        confidence: Confidence,
    },
    /// It was accepted, but the service does not name its job. Wait for the scene with
    /// [`wait_for_scene`](Client::wait_for_scene) instead, and poll an asset.
    FoundWithoutJob {
        /// What it made.
        candidate: Candidate,
        /// How well it fits.
        confidence: Confidence,
    },
    /// Several results fit, or the service shows too little to tell whether one does. Decide which
    /// one it is, if any.
    Several(Vec<Candidate>),
    /// Nothing that fits is listed yet. This does not prove that the request was not accepted: a
    /// service may list a result only when it is complete, 20 minutes later.
    NotFound,
}

/// A result may be listed this long after the connection broke. The first lookup is repeated after it.
// Assumption: scene-listed-when.
const SETTLED: Duration = Duration::from_secs(5);

/// A request that was sent longer ago is not in flight any more.
pub(crate) const IN_FLIGHT: Duration = Duration::from_secs(3 * 60);

/// The maximum number of pages that a lookup reads.
const MAX_PAGES: usize = 50;

/// The maximum number of results that are requested because the list does not show their prompts.
const MAX_DETAILS: usize = 10;

/// What other processes have requested of the same account, for [`Client::reconcile_among`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct OtherRequests {
    /// The ids of the scenes, assets and jobs that belong to other requests.
    pub found: Vec<String>,
    /// The other requests whose results are not known. For 3 minutes after one was sent, its response may arrive and
    /// name its result, so nothing is found that may belong to it.
    pub unresolved: Vec<PaidRequest>,
}

impl Client {
    /// Looks for the job that an error of [unknown outcome](Error::is_outcome_unknown) may have left
    /// behind. It starts nothing.
    ///
    /// A scene or an asset fits if it was not listed before the request was sent, shows the prompt, and
    /// belongs to no other request of this process. A prompt that the list shows shortened,
    /// escaped, or in another case fits as well. Nothing can tell it from what another user of the
    /// account requested with the same prompt at the same time; see [`Confidence`].
    ///
    /// If the first lookup finds nothing and the request is less than 5 s old, the function waits until it
    /// is 5 s old and looks a second time. [`Reconciled::NotFound`] does not prove that nothing was
    /// accepted: a service may list a scene only when it is complete. Repeat the call, such as every
    /// 30 s for 20 minutes, before you request the same again. A `bake` does that itself.
    ///
    /// Edits are not listed. One is found by the job that its scene names.
    ///
    /// An asset of the early-access API has no job. The result is [`Reconciled::FoundWithoutJob`], and
    /// `alpha::Client::asset` accepts its id.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidRequest`] if the error carries no [paid request](Error::paid_request);
    /// otherwise the errors of the list operations.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: it only reads.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let mut options = gizmo_simulator::Options::instant();
    /// # options.name_jobs = true;
    /// # let simulator = gizmo_simulator::Simulator::start(options).await?;
    /// # let builder = gizmo_client::Client::builder().api_key(simulator.api_key());
    /// # let client = builder.base_url(simulator.url()).build()?;
    /// use gizmo_client::Reconciled;
    ///
    /// # use gizmo_simulator::{Fault, On};
    /// # simulator.handle().inject(On::operation("generate_scene"), Fault::DropBeforeResponse);
    /// let generate = || client.generate_scene().prompt("a robotics lab");
    /// let job = match generate().start().await {
    ///     Err(error) if error.is_outcome_unknown() => match client.reconcile(&error).await? {
    ///         Reconciled::Found { job, .. } => job,
    ///         unclear => return Err(format!("{error}: {unclear}").into()),
    ///     },
    ///     started => started?,
    /// };
    /// println!("scene {}", job.await?.scene_id);
    /// # assert_eq!(simulator.handle().job_count(), 1);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn reconcile(&self, error: &Error) -> Result<Reconciled, Error> {
        match error.paid_request() {
            Some(request) => self.reconcile_request(request).await,
            None => Err(Error::new(
                ErrorKind::InvalidRequest,
                "the error carries no paid request to look for",
            )),
        }
    }

    /// Looks for the job of a stored request as [`reconcile`](Self::reconcile) does, for example after
    /// a crash between a request and its response.
    ///
    /// # Errors
    ///
    /// Those of `reconcile`.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: it only reads.
    pub async fn reconcile_request(&self, request: &PaidRequest) -> Result<Reconciled, Error> {
        let none = || std::future::ready(Ok::<_, Infallible>(OtherRequests::default()));
        self.reconcile_among(request, none).await
    }

    /// Looks for the job of a stored request as [`reconcile_request`](Self::reconcile_request) does, where other
    /// processes request with the same account.
    ///
    /// What belongs to one of their requests is not found. `others` returns these requests, from a journal
    /// that the processes share. Each process must write a request to it before it sends the request
    /// (`start_journaled`), and its result as soon as it knows it. `others` is called after the lists of the service
    /// are read, so that the journal has the request of everything that is listed, and only if
    /// something new has a similar prompt: at most twice.
    ///
    /// Two processes with equal prompts can find the same result at the same time. Write to the journal
    /// which of them has it, such as by creating a file or an object with its id, before you use it.
    ///
    /// # Errors
    ///
    /// Those of `reconcile_request`, and [`ErrorKind::Io`] with the error of `others` as its source.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: it only reads.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example(
    /// #     client: gizmo_client::Client,
    /// #     request: gizmo_client::PaidRequest,
    /// # ) -> Result<(), gizmo_client::Error> {
    /// use gizmo_client::OtherRequests;
    ///
    /// let others = || async {
    ///     let journal = tokio::fs::read("others.json").await?;
    ///     Ok::<OtherRequests, std::io::Error>(serde_json::from_slice(&journal)?)
    /// };
    /// println!("{}", client.reconcile_among(&request, others).await?);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn reconcile_among<F, E>(
        &self,
        request: &PaidRequest,
        others: impl Fn() -> F + Send + Sync,
    ) -> Result<Reconciled, Error>
    where
        F: Future<Output = Result<OtherRequests, E>> + Send,
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let found = self.look_for(request, &others).await?;
        let age = request.age();
        if age >= SETTLED || !matches!(found, Reconciled::NotFound) {
            return Ok(found);
        }
        tokio::time::sleep(SETTLED.saturating_sub(age)).await;
        self.look_for(request, &others).await
    }

    async fn look_for<F, E>(
        &self,
        request: &PaidRequest,
        others: &(impl Fn() -> F + Send + Sync),
    ) -> Result<Reconciled, Error>
    where
        F: Future<Output = Result<OtherRequests, E>> + Send,
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let results = self.new_results(request).await?.similar_to(request);
        if results.is_empty() {
            return Ok(Reconciled::NotFound);
        }
        let others = others().await.map_err(|error| {
            let message = "what other processes have requested could not be read";
            Error::new(ErrorKind::Io, message).with_source(error)
        })?;
        match self.attribute(std::slice::from_ref(request), results, others.into()) {
            Verdict::One(candidate, confidence) => {
                let candidate = self.with_job(candidate).await?;
                Ok(self.reconciled(candidate, confidence))
            }
            Verdict::Several(candidates) => Ok(Reconciled::Several(candidates)),
            Verdict::Pending | Verdict::NotFound => Ok(Reconciled::NotFound),
        }
    }

    /// Requests what may be new since a request.
    pub(crate) async fn new_results(&self, request: &PaidRequest) -> Result<NewResults, Error> {
        let Some(place) = Place::of(request) else {
            return Ok(NewResults::default());
        };
        if let Place::Scene(id) = &place {
            return self.edited(request, id).await;
        }
        let (listed, since) = self.listed_since(request, &place).await?;
        let mut results = NewResults(new_among(listed, request.baseline.as_ref(), since));
        let mut details = 0;
        for (candidate, _) in &mut results.0 {
            let shown = candidate.prompt.as_deref();
            let is_altered =
                shown.is_none_or(|shown| similarity(shown, &request.prompt) == Similarity::Altered);
            if is_altered && place == Place::Scenes && details < MAX_DETAILS {
                // The scene itself may show its prompt as it was requested.
                details += 1;
                let scene = match self.scene(candidate.id()).await {
                    Ok(scene) => scene,
                    Err(error) if error.is_not_found() => continue,
                    Err(error) => return Err(error),
                };
                candidate.prompt = scene.prompt.clone().or(candidate.prompt.take());
                *candidate = candidate.clone().or(scene);
            }
        }
        if let Place::Assets(scene_id) = &place
            && results.0.is_empty()
            && let Some(job_id) = self.scene(scene_id).await?.job_id
            && self.is_job_of(request, since, &job_id, "asset").await?
        {
            // The asset is not listed yet, but its job is the scene's last one.
            // Assumption: asset-listed-when.
            results.push(request, Some(job_id));
        }
        Ok(results)
    }

    /// Reads a list as far as it can contain something new. Returns the time of the request by the
    /// service's clock, too.
    async fn listed_since(
        &self,
        request: &PaidRequest,
        place: &Place,
    ) -> Result<(Vec<Candidate>, SystemTime), Error> {
        let mut pages = self.list(place);
        let (mut listed, mut since) = (Vec::new(), SystemTime::UNIX_EPOCH);
        for _ in 0..MAX_PAGES {
            let Some(page) = pages.try_next().await? else {
                break;
            };
            since = by_server(request.at, page.server_time);
            listed.extend(page.candidates);
            if is_read(request, &listed, since) {
                break;
            }
        }
        Ok((listed, since))
    }

    /// An edit is the job that its scene names, if it did not before.
    async fn edited(&self, request: &PaidRequest, scene_id: &str) -> Result<NewResults, Error> {
        let mut results = NewResults::default();
        let scene = self.scene(scene_id).await?;
        let since = by_server(request.at, None);
        // Assumption: scene-job-id.
        if let Some(job_id) = scene.job_id {
            let baseline = request.baseline.as_ref();
            if !baseline.is_some_and(|baseline| baseline.contains(&job_id))
                && self.is_job_of(request, since, &job_id, "edit").await?
            {
                results.push(request, Some(job_id));
            }
            return Ok(results);
        }
        let status = self.scene_status().scene_id(scene_id).send().await?;
        if SceneProgress::of(&status) == SceneProgress::Running {
            results.push(request, None);
        }
        Ok(results)
    }

    /// Whether a job does what was requested.
    async fn is_job_of(
        &self,
        request: &PaidRequest,
        since: SystemTime,
        job_id: &str,
        mode: &str,
    ) -> Result<bool, Error> {
        let job = match self.job_status(job_id, false).await {
            Ok(job) => job,
            Err(error) if error.is_not_found() => return Ok(false),
            Err(error) => return Err(error),
        };
        let Job {
            created_at,
            extra,
            mode: job_mode,
            ..
        } = job;
        // A baseline does not need clocks.
        let in_time = request.baseline.is_some()
            || system_time(created_at.as_ref()).is_some_and(|created| created >= since);
        let shown = extra.get("prompt").and_then(Value::as_str);
        let is_same =
            shown.is_none_or(|shown| similarity(shown, &request.prompt) != Similarity::Different);
        Ok(in_time
            && is_same
            // Assumption: job-mode-words.
            && job_mode.is_none_or(|job_mode| job_mode.to_lowercase().contains(mode)))
    }

    /// Decides which of the results belongs to a request, and assigns it. `requests` are the attempts
    /// of one request, the earliest first. `others` are what other processes have found or look
    /// for.
    pub(crate) fn attribute(
        &self,
        requests: &[PaidRequest],
        mut results: NewResults,
        others: Others,
    ) -> Verdict {
        let paid_requests = &self.inner.0.paid_requests;
        let (request, owner) = (&requests[0], requests[0].identity());
        let own: Vec<RequestId> = requests.iter().map(PaidRequest::identity).collect();
        let mut rivals: Vec<Rival> = Vec::new();
        for open in paid_requests.open_except(&own) {
            rivals.push(Rival {
                request: PaidRequest::clone(&open.request),
                is_pending: open.state != OpenState::Lost,
            });
        }
        let known: Vec<RequestId> = rivals.iter().map(|one| one.request.identity()).collect();
        rivals.extend(others.rivals.into_iter().filter(|rival| {
            let id = rival.request.identity();
            !own.contains(&id) && !known.contains(&id)
        }));
        results.0.retain(|(candidate, _)| {
            let ids = own_ids(request, candidate);
            let is_others = others.found.iter().any(|id| ids.contains(&id.as_str()));
            !is_others && !paid_requests.is_assigned(&ids, owner)
        });
        let verdict = decide(request, requests.len(), results.0, &rivals);
        match &verdict {
            // Another request has taken it in the meantime.
            Verdict::One(candidate, _)
                if !paid_requests.assign(&own_ids(request, candidate), owner) =>
            {
                Verdict::Pending
            }
            _ => verdict,
        }
    }

    /// Adds the job to a scene that does not name it in the list.
    pub(crate) async fn with_job(&self, candidate: Candidate) -> Result<Candidate, Error> {
        match &candidate.scene_id {
            Some(id) if candidate.job_id.is_none() && candidate.asset_id.is_none() => {
                let scene = self.scene(id).await?;
                Ok(candidate.or(scene))
            }
            _ => Ok(candidate),
        }
    }

    fn reconciled(&self, candidate: Candidate, confidence: Confidence) -> Reconciled {
        let Some(job_id) = candidate.job_id.clone() else {
            return Reconciled::FoundWithoutJob {
                candidate,
                confidence,
            };
        };
        let Candidate {
            scene_id, asset_id, ..
        } = candidate;
        let job = JobHandle::found(self.clone(), job_id, scene_id, asset_id);
        Reconciled::Found { job, confidence }
    }
}

/// What may be new since a request, in the order of the list.
#[derive(Debug, Clone, Default)]
pub(crate) struct NewResults(Vec<(Candidate, Novelty)>);

impl NewResults {
    /// Omits the results of other prompts.
    fn similar_to(mut self, request: &PaidRequest) -> Self {
        self.0.retain(|(candidate, _)| {
            let shown = candidate.prompt.as_deref();
            shown.is_none_or(|shown| similarity(shown, &request.prompt) != Similarity::Different)
        });
        self
    }

    /// Whether there is nothing to attribute.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds a result that is known to show nothing else than what was requested.
    fn push(&mut self, request: &PaidRequest, job_id: Option<String>) {
        let candidate = Candidate {
            scene_id: request.scene_id.clone(),
            asset_id: None,
            job_id,
            prompt: Some(request.prompt.clone()),
            created_at: None,
        };
        let novelty = if request.baseline.is_some() {
            Novelty::New
        } else {
            Novelty::ByClocks
        };
        self.0.push((candidate, novelty));
    }
}

/// What other processes have found, and what they look for.
#[derive(Debug, Default)]
pub(crate) struct Others {
    pub(crate) found: Vec<String>,
    pub(crate) rivals: Vec<Rival>,
}

impl From<OtherRequests> for Others {
    fn from(others: OtherRequests) -> Self {
        let rivals = others.unresolved.into_iter().map(|request| Rival {
            is_pending: request.age() < IN_FLIGHT,
            request,
        });
        Self {
            found: others.found,
            rivals: rivals.collect(),
        }
    }
}

/// Returns the ids that belong to the request alone: not the scene that it changes.
pub(crate) fn own_ids<'a>(request: &PaidRequest, candidate: &'a Candidate) -> Vec<&'a str> {
    let made = match &request.scene_id {
        Some(_) => candidate.asset_id.as_deref(),
        None => Some(candidate.id()),
    };
    made.into_iter()
        .chain(candidate.job_id.as_deref())
        .collect()
}

/// Whether a list is sorted by time, newest first, and has been read to the time of the request.
// Assumptions: list-newest-first, list-created-at.
fn is_read(request: &PaidRequest, listed: &[Candidate], since: SystemTime) -> bool {
    let times: Option<Vec<SystemTime>> = listed.iter().map(|one| one.created_at).collect();
    times.is_some_and(|times| {
        let is_old = |last: SystemTime| match &request.baseline {
            Some(baseline) => baseline.is_newer(last) == Some(false),
            None => last < since,
        };
        times.is_sorted_by(|newer, older| newer >= older)
            && times.last().copied().is_some_and(is_old)
    })
}

/// Returns the time of a request by the service's clock, less the tolerance.
fn by_server(at: SystemTime, server_time: Option<SystemTime>) -> SystemTime {
    let now = SystemTime::now();
    let at = match server_time.unwrap_or(now).duration_since(now) {
        Ok(ahead) => at.checked_add(ahead),
        Err(behind) => at.checked_sub(behind.duration()),
    };
    let since = at.and_then(|at| at.checked_sub(CLOCK_TOLERANCE));
    since.unwrap_or(SystemTime::UNIX_EPOCH)
}

impl fmt::Display for Reconciled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Found { job, .. } => write!(f, "job {}", job.id()),
            Self::FoundWithoutJob { .. } => {
                f.write_str("started, by a job that the service does not name")
            }
            Self::Several(candidates) => write!(f, "perhaps one of {}", candidates.len()),
            Self::NotFound => {
                f.write_str("not found yet, which does not prove that it was not started")
            }
        }
    }
}
