//! Finds the job of a generation whose answer was lost, so that it is not paid for twice.

#[cfg(feature = "alpha")]
mod alpha;
mod candidate;

use std::collections::HashSet;
use std::fmt;
use std::time::{Duration, SystemTime};

use http::HeaderMap;
use progenitor_client::ResponseValue;
use serde_json::Value;

pub use self::candidate::Candidate;
use self::candidate::{Fitting, is_same, moment};
use super::handle::JobHandle;
use super::scene_progress::Pipeline;
use crate::ext::error::{Error, ErrorKind, PaidRequest};
use crate::ext::http::headers::server_now;
use crate::ext::http::operation::{Operation, Starts};
use crate::raw::Client;
use crate::raw::types::Job;

/// What became of a generation whose answer was lost.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Reconciled {
    /// It is at work or done, and this is its job.
    Found(JobHandle),
    /// It is at work or done, but the service does not say under which job: its scene or asset
    /// has to be watched instead.
    FoundWithoutJob(Candidate),
    /// It was never begun, as far as the newest scenes or assets tell: it may be asked for again.
    Nothing,
    /// More than one would fit: the same was asked for more than once at the time.
    Several(Vec<Candidate>),
    /// The service shows too little to tell: neither that it was begun nor that it was not.
    Unknown,
}

/// The service writes whole seconds, and so does its `Date`.
const SLACK: Duration = Duration::from_secs(3);

/// A request that was cut off may still be on its way into the lists: before this there is no `Nothing`.
const SETTLED: Duration = Duration::from_secs(5);

/// An asset takes 30 to 90 seconds, and may be listed only then.
const ASSET_DONE: Duration = Duration::from_secs(300);

/// The largest page that a list has.
const PAGE: u64 = 100;

/// A key makes 100 requests a minute: what is further back is too old, or nobody can tell.
const MOST_PAGES: u64 = 10;

/// Scenes that are looked at one by one because the list does not say enough of them.
const MOST_LOOKS: usize = 10;

impl Client {
    /// Looks for what an error [of unknown outcome](Error::is_outcome_unknown) left behind: among
    /// the newest scenes, or the assets of the scene, for what was begun since and has the same
    /// prompt. Nothing is generated.
    ///
    /// [`Reconciled::Nothing`] is said no sooner than 5 s after the request was sent. It rests on
    /// the service listing a scene as soon as it begins to make it. An asset may be listed only
    /// when it is done, so that until 5 minutes later the answer is [`Reconciled::Unknown`]
    /// instead; edits are listed nowhere, and of them it is never said.
    ///
    /// An asset of the early-access API has no job: it is [`Reconciled::FoundWithoutJob`], and
    /// its id leads on (`alpha::Client::asset`).
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidRequest`] when the error leaves nothing to look for; whatever the lists
    /// can say.
    ///
    /// # Cancel safety
    ///
    /// It only reads: dropping the future loses nothing.
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
            Some(asked) => self.reconcile_request(asked).await,
            None => Err(Error::new(
                ErrorKind::InvalidRequest,
                "the error leaves no generation to look for",
            )),
        }
    }

    /// Looks for a generation as [`reconcile`](Self::reconcile) does, where no error is left to
    /// ask: after a crash between a request and its answer.
    ///
    /// # Errors
    ///
    /// As `reconcile`.
    ///
    /// # Cancel safety
    ///
    /// It only reads: dropping the future loses nothing.
    pub async fn reconcile_request(&self, asked: &PaidRequest) -> Result<Reconciled, Error> {
        let found = self.look_for(asked).await?;
        let age = asked.age();
        if age >= SETTLED || !matches!(found, Reconciled::Nothing | Reconciled::Unknown) {
            return Ok(found);
        }
        tokio::time::sleep(SETTLED.saturating_sub(age)).await;
        self.look_for(asked).await
    }

    async fn look_for(&self, asked: &PaidRequest) -> Result<Reconciled, Error> {
        match (asked.operation.as_str(), &asked.scene_id) {
            ("generate_scene", _) => self.look_for_scene(asked).await,
            ("generate_asset", Some(scene_id)) => self.look_for_asset(asked, scene_id).await,
            ("edit_scene", Some(scene_id)) => self.look_for_edit(asked, scene_id).await,
            #[cfg(feature = "alpha")]
            ("create_asset", _) => self.look_for_created(asked).await,
            _ => Ok(Reconciled::Unknown),
        }
    }

    async fn look_for_scene(&self, asked: &PaidRequest) -> Result<Reconciled, Error> {
        let mut fitting = Fitting::default();
        let mut seen = HashSet::new();
        for page in 0..MOST_PAGES {
            let request = self.list_scenes().limit(PAGE).offset(page * PAGE);
            let answer = request.send().await?;
            let since = asked.since(answer.headers());
            let total = answer.total;
            // A service that does not know offsets answers the same page again.
            let (mut any, mut older) = (false, false);
            for scene in answer.into_inner().items {
                if seen.insert(scene.id.clone()) {
                    let candidate = Candidate::from(scene);
                    any = true;
                    older |= candidate.created_at.is_some_and(|created| created < since);
                    fitting.consider(asked, since, candidate);
                }
            }
            let all = total.is_some_and(|total| seen.len() as u64 >= total);
            let at_end = older || all || !any;
            if at_end {
                break;
            }
        }
        for (looks, candidate) in std::mem::take(&mut fitting.perhaps).into_iter().enumerate() {
            // The list says nothing of its prompt; the scene itself may.
            let candidate = match &candidate.scene_id {
                Some(id) if looks < MOST_LOOKS => {
                    let (scene, _) = self.scene(id).await?;
                    candidate.or(scene)
                }
                _ => candidate,
            };
            fitting.consider(asked, SystemTime::UNIX_EPOCH, candidate);
        }
        let nothing = if asked.persist {
            Reconciled::Nothing
        } else {
            Reconciled::Unknown
        };
        self.found(fitting, nothing).await
    }

    async fn look_for_asset(
        &self,
        asked: &PaidRequest,
        scene_id: &str,
    ) -> Result<Reconciled, Error> {
        let request = self.list_assets().scene_id(scene_id).limit(PAGE);
        let answer = request.send().await?;
        let since = asked.since(answer.headers());
        let mut fitting = Fitting::default();
        for asset in answer.into_inner().items {
            fitting.consider(asked, since, Candidate::from(asset));
        }
        if fitting.is_empty()
            && let Some(job_id) = self.scene(scene_id).await?.0.job_id
            && self.is_job_of(asked, since, &job_id, "asset").await?
        {
            return Ok(self.handle(job_id, Some(scene_id.to_owned()), None));
        }
        let nothing = if asked.persist && asked.age() >= ASSET_DONE {
            Reconciled::Nothing
        } else {
            Reconciled::Unknown
        };
        self.found(fitting, nothing).await
    }

    async fn look_for_edit(
        &self,
        asked: &PaidRequest,
        scene_id: &str,
    ) -> Result<Reconciled, Error> {
        let (scene, headers) = self.scene(scene_id).await?;
        let since = asked.since(&headers);
        if let Some(job_id) = scene.job_id.clone()
            && self.is_job_of(asked, since, &job_id, "edit").await?
        {
            return Ok(self.handle(job_id, Some(scene_id.to_owned()), None));
        }
        let status = self.scene_status().scene_id(scene_id).send().await?;
        Ok(if Pipeline::of(&status) == Pipeline::AtWork {
            Reconciled::FoundWithoutJob(scene)
        } else {
            Reconciled::Unknown
        })
    }

    /// A scene by itself, and what the answer said of the time.
    async fn scene(&self, id: &str) -> Result<(Candidate, HeaderMap), Error> {
        let answer = self.get_scene().scene_id(id).send().await?;
        let headers = answer.headers().clone();
        let scene = ResponseValue::into_inner(answer).into_inner();
        Ok((Candidate::from(scene), headers))
    }

    /// Whether a job does what was asked for.
    async fn is_job_of(
        &self,
        asked: &PaidRequest,
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
            mode: said,
            ..
        } = job;
        let in_time = moment(created_at.as_ref()).is_some_and(|created| created >= since);
        let prompt = extra.get("prompt").and_then(Value::as_str);
        Ok(in_time
            && said.is_none_or(|said| said.to_lowercase().contains(mode))
            && prompt.is_none_or(|prompt| is_same(prompt, &asked.prompt)))
    }

    /// Says what was found, once the job is known where the service can be made to say it.
    async fn found(&self, fitting: Fitting, nothing: Reconciled) -> Result<Reconciled, Error> {
        let mut candidates = fitting.certain;
        if candidates.is_empty() {
            candidates = fitting.perhaps;
            if candidates.is_empty() {
                return Ok(nothing);
            }
            return Ok(Reconciled::Several(candidates));
        }
        if candidates.len() > 1 {
            return Ok(Reconciled::Several(candidates));
        }
        let mut candidate = candidates.remove(0);
        if candidate.job_id.is_none()
            && candidate.asset_id.is_none()
            && let Some(id) = &candidate.scene_id
        {
            let (scene, _) = self.scene(id).await?;
            candidate = candidate.or(scene);
        }
        Ok(match candidate.job_id {
            Some(job_id) => self.handle(job_id, candidate.scene_id, candidate.asset_id),
            None => Reconciled::FoundWithoutJob(candidate),
        })
    }

    fn handle(
        &self,
        job_id: String,
        scene_id: Option<String>,
        asset_id: Option<String>,
    ) -> Reconciled {
        Reconciled::Found(JobHandle::found(self.clone(), job_id, scene_id, asset_id))
    }
}

impl PaidRequest {
    /// From when on something may be what was asked for, by the service's clock.
    fn since(&self, headers: &HeaderMap) -> SystemTime {
        let now = SystemTime::now();
        let server_now = server_now(headers, now);
        let at = match server_now.duration_since(now) {
            Ok(ahead) => self.at.checked_add(ahead),
            Err(behind) => self.at.checked_sub(behind.duration()),
        };
        let since = at.and_then(|at| at.checked_sub(SLACK));
        since.unwrap_or(SystemTime::UNIX_EPOCH)
    }

    fn age(&self) -> Duration {
        SystemTime::now()
            .duration_since(self.at)
            .unwrap_or_default()
    }
}

impl fmt::Display for Reconciled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Found(job) => write!(f, "job {}", job.id()),
            Self::FoundWithoutJob(_) => {
                f.write_str("started, by a job that the service does not name")
            }
            Self::Nothing => f.write_str("not started"),
            Self::Several(candidates) => write!(f, "any of {}", candidates.len()),
            Self::Unknown => f.write_str("not to be told"),
        }
    }
}
