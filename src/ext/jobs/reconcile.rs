//! Finds the job of a paid request whose response was lost, so that it is not paid for twice.

mod candidate;

use std::collections::HashSet;
use std::fmt;
use std::time::{Duration, SystemTime};

use http::HeaderMap;
use progenitor_client::ResponseValue;
use serde_json::Value;

pub use self::candidate::Candidate;
use self::candidate::{Candidates, is_same, system_time};
use super::handle::JobHandle;
use super::scene_progress::SceneProgress;
use crate::ext::error::{Error, ErrorKind, PaidRequest};
use crate::ext::http::headers::server_now;
use crate::ext::http::operation::{Operation, Starts};
use crate::ext::http::response::{Page, Resource};
use crate::raw::Client;
use crate::raw::types::Job;

/// What became of a paid request whose response was lost.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Reconciled {
    /// It was accepted, and this is its job.
    Found(JobHandle),
    /// It was accepted, but the service does not name its job. Watch the scene or the asset instead.
    FoundWithoutJob(Candidate),
    /// It was not accepted, as far as the newest scenes or assets show: it may be sent again.
    Nothing,
    /// More than one scene or asset matches: the same was requested several times in this period.
    Several(Vec<Candidate>),
    /// The service shows too little to decide.
    Unknown,
}

/// `created_at` and `Date` have whole seconds.
const CLOCK_TOLERANCE: Duration = Duration::from_secs(3);

/// A request may reach the lists this long after its connection broke. Before that there is no
/// [`Reconciled::Nothing`].
const SETTLED: Duration = Duration::from_secs(5);

/// An asset takes 30 to 90 seconds, and may be listed only when it is complete.
const ASSET_LISTED: Duration = Duration::from_secs(300);

/// The largest page of a list.
const PAGE: u64 = 100;

/// The maximum number of pages that are searched.
const MAX_PAGES: u64 = 10;

/// The maximum number of scenes that are requested because the list does not show their prompts.
const MAX_SCENE_REQUESTS: usize = 10;

/// The order of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    NewestFirst,
    #[cfg(feature = "alpha")]
    Unknown,
}

impl Client {
    /// Looks for the job that an error of [unknown outcome](Error::is_outcome_unknown) may have left
    /// behind: among the newest scenes, or the scene's assets, for one that was created since and has
    /// the same prompt. It starts nothing.
    ///
    /// It returns [`Reconciled::Nothing`] no sooner than 5 s after the request was sent. That relies on
    /// a service that lists a scene as soon as its job starts. An asset may be listed only when it is
    /// complete, so for 5 minutes the result is [`Reconciled::Unknown`] instead. Edits are not listed,
    /// so for them it is never `Nothing`.
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
    /// # let simulator = gizmo_simulator::Simulator::start(gizmo_simulator::Options::instant()).await?;
    /// # let builder = gizmo_client::Client::builder().api_key(simulator.api_key());
    /// # let client = builder.base_url(simulator.url()).build()?;
    /// use gizmo_client::Reconciled;
    ///
    /// # use gizmo_simulator::{Fault, On};
    /// # simulator.handle().inject(On::operation("generate_scene"), Fault::DropBeforeResponse);
    /// let generate = || client.generate_scene().prompt("a robotics lab");
    /// let job = match generate().start().await {
    ///     Err(error) if error.is_outcome_unknown() => match client.reconcile(&error).await? {
    ///         Reconciled::Found(job) => job,
    ///         Reconciled::Nothing => generate().start().await?,
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
        let found = self.look_for(request).await?;
        let age = age(request);
        if age >= SETTLED || !matches!(found, Reconciled::Nothing | Reconciled::Unknown) {
            return Ok(found);
        }
        tokio::time::sleep(SETTLED.saturating_sub(age)).await;
        self.look_for(request).await
    }

    async fn look_for(&self, request: &PaidRequest) -> Result<Reconciled, Error> {
        #[cfg(feature = "alpha")]
        if request.operation == "create_asset" {
            return self.look_for_alpha_asset(request).await;
        }
        let starts = Operation::by_id(&request.operation).and_then(|operation| operation.starts);
        match (starts, &request.scene_id) {
            (Some(Starts::Scene), _) => self.look_for_scene(request).await,
            (Some(Starts::Asset), Some(scene_id)) => self.look_for_asset(request, scene_id).await,
            (Some(Starts::Edit), Some(scene_id)) => self.look_for_edit(request, scene_id).await,
            _ => Ok(Reconciled::Unknown),
        }
    }

    async fn look_for_scene(&self, request: &PaidRequest) -> Result<Reconciled, Error> {
        let page = |offset| self.list_scenes().limit(PAGE).offset(offset).send();
        let (mut candidates, _) = search(request, Order::NewestFirst, page).await?;
        for (requests, candidate) in std::mem::take(&mut candidates.possible)
            .into_iter()
            .enumerate()
        {
            // The list does not show its prompt. The scene itself may.
            let candidate = match &candidate.scene_id {
                Some(id) if requests < MAX_SCENE_REQUESTS => {
                    let (scene, _) = self.scene(id).await?;
                    candidate.or(scene)
                }
                _ => candidate,
            };
            candidates.consider(request, SystemTime::UNIX_EPOCH, candidate);
        }
        let nothing = if request.persist {
            Reconciled::Nothing
        } else {
            Reconciled::Unknown
        };
        self.decide(candidates, nothing).await
    }

    async fn look_for_asset(
        &self,
        request: &PaidRequest,
        scene_id: &str,
    ) -> Result<Reconciled, Error> {
        let list = self.list_assets().scene_id(scene_id).limit(PAGE);
        let response = list.send().await?;
        let since = since(request, response.headers());
        let mut candidates = Candidates::default();
        for asset in response.into_inner().items {
            candidates.consider(request, since, Candidate::from(asset));
        }
        if candidates.is_empty()
            && let Some(job_id) = self.scene(scene_id).await?.0.job_id
            && self.is_job_of(request, since, &job_id, "asset").await?
        {
            return Ok(self.found(job_id, Some(scene_id.to_owned()), None));
        }
        let nothing = if request.persist && age(request) >= ASSET_LISTED {
            Reconciled::Nothing
        } else {
            Reconciled::Unknown
        };
        self.decide(candidates, nothing).await
    }

    async fn look_for_edit(
        &self,
        request: &PaidRequest,
        scene_id: &str,
    ) -> Result<Reconciled, Error> {
        let (scene, headers) = self.scene(scene_id).await?;
        let since = since(request, &headers);
        if let Some(job_id) = scene.job_id.clone()
            && self.is_job_of(request, since, &job_id, "edit").await?
        {
            return Ok(self.found(job_id, Some(scene_id.to_owned()), None));
        }
        let status = self.scene_status().scene_id(scene_id).send().await?;
        Ok(if SceneProgress::of(&status) == SceneProgress::Running {
            Reconciled::FoundWithoutJob(scene)
        } else {
            Reconciled::Unknown
        })
    }

    /// Looks through the assets of the key. The alpha pages do not state the order of the list, so
    /// all pages are read. An asset is listed from its creation on.
    #[cfg(feature = "alpha")]
    async fn look_for_alpha_asset(&self, request: &PaidRequest) -> Result<Reconciled, Error> {
        let alpha = self.alpha();
        let page = |offset| alpha.list_assets().limit(PAGE).offset(offset).send();
        let (candidates, is_complete) = search(request, Order::Unknown, page).await?;
        let nothing = if is_complete {
            Reconciled::Nothing
        } else {
            Reconciled::Unknown
        };
        self.decide(candidates, nothing).await
    }

    /// Requests a scene, and returns the response headers for their `Date`.
    async fn scene(&self, id: &str) -> Result<(Candidate, HeaderMap), Error> {
        let response = self.get_scene().scene_id(id).send().await?;
        let headers = response.headers().clone();
        let scene = ResponseValue::into_inner(response).into_inner();
        Ok((Candidate::from(scene), headers))
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
        let in_time = system_time(created_at.as_ref()).is_some_and(|created| created >= since);
        let prompt = extra.get("prompt").and_then(Value::as_str);
        Ok(in_time
            && job_mode.is_none_or(|job_mode| job_mode.to_lowercase().contains(mode))
            && prompt.is_none_or(|prompt| is_same(prompt, &request.prompt)))
    }

    /// Turns the candidates into a result, with the job where the service names it.
    async fn decide(
        &self,
        candidates: Candidates,
        nothing: Reconciled,
    ) -> Result<Reconciled, Error> {
        let Candidates {
            mut matching,
            possible,
        } = candidates;
        if matching.is_empty() {
            return Ok(if possible.is_empty() {
                nothing
            } else {
                Reconciled::Several(possible)
            });
        }
        if matching.len() > 1 {
            return Ok(Reconciled::Several(matching));
        }
        let mut candidate = matching.remove(0);
        if candidate.job_id.is_none()
            && candidate.asset_id.is_none()
            && let Some(id) = &candidate.scene_id
        {
            let (scene, _) = self.scene(id).await?;
            candidate = candidate.or(scene);
        }
        Ok(match candidate.job_id {
            Some(job_id) => self.found(job_id, candidate.scene_id, candidate.asset_id),
            None => Reconciled::FoundWithoutJob(candidate),
        })
    }

    fn found(
        &self,
        job_id: String,
        scene_id: Option<String>,
        asset_id: Option<String>,
    ) -> Reconciled {
        Reconciled::Found(JobHandle::found(self.clone(), job_id, scene_id, asset_id))
    }
}

/// Searches a list for candidates, page by page. Returns them, and whether every item that could be
/// one was seen.
async fn search<T, F>(
    request: &PaidRequest,
    order: Order,
    page: impl Fn(u64) -> F + Send,
) -> Result<(Candidates, bool), Error>
where
    T: Resource,
    F: Future<Output = Result<ResponseValue<Page<T>>, Error>> + Send,
    Candidate: From<T>,
{
    let (mut candidates, mut seen) = (Candidates::default(), HashSet::new());
    for number in 0..MAX_PAGES {
        let response = page(number * PAGE).await?;
        let since = since(request, response.headers());
        let Page { items, total, .. } = response.into_inner();
        // A service without offsets sends the same page again.
        let (mut has_new, mut has_older) = (false, false);
        for item in items {
            if seen.insert(item.key().to_owned()) {
                let candidate = Candidate::from(item);
                has_new = true;
                has_older |= candidate.created_at.is_some_and(|created| created < since);
                candidates.consider(request, since, candidate);
            }
        }
        let is_past = order == Order::NewestFirst && has_older;
        if is_past || !has_new || total.is_some_and(|total| seen.len() as u64 >= total) {
            return Ok((candidates, true));
        }
    }
    Ok((candidates, false))
}

/// The earliest creation time of the request's result, by the service's clock.
fn since(request: &PaidRequest, headers: &HeaderMap) -> SystemTime {
    let now = SystemTime::now();
    let at = match server_now(headers, now).duration_since(now) {
        Ok(ahead) => request.at.checked_add(ahead),
        Err(behind) => request.at.checked_sub(behind.duration()),
    };
    let since = at.and_then(|at| at.checked_sub(CLOCK_TOLERANCE));
    since.unwrap_or(SystemTime::UNIX_EPOCH)
}

/// The time since the request was sent.
fn age(request: &PaidRequest) -> Duration {
    SystemTime::now()
        .duration_since(request.at)
        .unwrap_or_default()
}

impl fmt::Display for Reconciled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Found(job) => write!(f, "job {}", job.id()),
            Self::FoundWithoutJob(_) => {
                f.write_str("started, by a job that the service does not name")
            }
            Self::Nothing => f.write_str("not started"),
            Self::Several(candidates) => write!(f, "one of {}", candidates.len()),
            Self::Unknown => f.write_str("unknown"),
        }
    }
}
