//! Looks for what a request has made whose response was lost.

use std::time::Duration;

use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep};
use tracing::warn;

use super::BakeEvent;
use super::journal::{Outcome, Phase};
use super::others::{LookupLock, others};
use super::run::Run;
use crate::ext::error::{Error, ErrorKind, PaidRequest, one_line};
use crate::ext::jobs::candidate::Candidate;
use crate::ext::jobs::reconcile::Verdict;

/// The first delay between two lookups. It doubles each time.
const MIN_DELAY: Duration = Duration::from_millis(250);

/// The longest delay between two lookups.
const MAX_DELAY: Duration = Duration::from_secs(30);

/// A lookup that took long, because the list is long, is repeated after this many times its duration.
const REST: u32 = 5;

/// The number of results that an error names.
const MAX_NAMED: usize = 10;

impl Run {
    /// Looks for the result until it is found or the limit has passed. The job is requested again only
    /// with the caller's consent.
    pub(super) async fn find(&mut self) -> Result<(), Error> {
        let requests = self.journal.unresolved();
        if requests.is_empty() {
            // The service has refused every request.
            return self.request_job().await;
        }
        for attempt in &mut self.journal.attempts {
            if attempt.outcome == Outcome::Sent {
                attempt.outcome = Outcome::Lost;
            }
        }
        self.reach(Phase::Requested)?;
        let started = Instant::now();
        let mut delay = MIN_DELAY;
        loop {
            let lookup = Instant::now();
            let unresolved = match self.look_up(&requests).await {
                Ok(Verdict::One(..)) => return Ok(()),
                Ok(Verdict::Pending | Verdict::NotFound) => Unresolved::NotFound,
                Ok(Verdict::Several(candidates)) => Unresolved::Several(candidates),
                Err(error) => Unresolved::Failed(error),
            };
            let is_final = match &unresolved {
                Unresolved::Failed(error) => !error.is_retryable(),
                _ if std::mem::take(&mut self.recovery.ask_again) => {
                    return self.request_job().await;
                }
                _ => false,
            };
            let left = self.recovery.search_limit.saturating_sub(started.elapsed());
            if is_final || left.is_zero() {
                return Err(self.outcome_unknown(&requests, started, unresolved));
            }
            let elapsed = started.elapsed();
            self.report(BakeEvent::Searching { elapsed });
            sleep(delay.max(lookup.elapsed() * REST).min(left)).await;
            delay = (delay * 2).min(MAX_DELAY);
        }
    }

    /// Looks once. What is found is recorded in the journal before another bake may look.
    async fn look_up(&mut self, requests: &[PaidRequest]) -> Result<Verdict, Error> {
        let results = self.client.new_results(&requests[0]).await?;
        if results.is_empty() {
            return Ok(Verdict::NotFound);
        }
        let lock = LookupLock::take(&self.paths.journal).await?;
        let (journal, service) = (
            self.paths.journal.clone(),
            self.journal.request.service.clone(),
        );
        let others = spawn_blocking(move || others(&journal, &service)).await;
        let others =
            others.map_err(|error| Error::io("the journals could not be read", error.into()))?;
        let verdict = self.client.attribute(requests, results, others);
        let Verdict::One(candidate, confidence) = &verdict else {
            return Ok(verdict);
        };
        warn!(
            target: "gizmo_client::bake",
            scene_id = candidate.scene_id,
            asset_id = candidate.asset_id,
            job_id = candidate.job_id,
            ?confidence,
            "the response was lost; this result fits, and cannot be distinguished from one that another user of the account requested",
        );
        self.journal.settle_all();
        self.journal.confidence = Some(*confidence);
        self.record(candidate)?;
        drop(lock);
        let candidate = self
            .client
            .with_job(candidate.clone())
            .await
            .unwrap_or(candidate.clone());
        self.record(&candidate)?;
        self.report(BakeEvent::Found {
            result: candidate,
            confidence: *confidence,
        });
        Ok(verdict)
    }

    fn record(&mut self, candidate: &Candidate) -> Result<(), Error> {
        self.journal.job_id.clone_from(&candidate.job_id);
        self.journal.scene_id.clone_from(&candidate.scene_id);
        self.journal.asset_id.clone_from(&candidate.asset_id);
        self.reach(if candidate.job_id.is_some() {
            Phase::Running
        } else if candidate.asset_id.is_some() {
            // An asset is listed when it is complete.
            // Assumption: asset-listed-when.
            Phase::Complete
        } else {
            Phase::Unnamed
        })
    }

    /// States what was requested, when, where it was looked for, and how to go on.
    fn outcome_unknown(
        &self,
        requests: &[PaidRequest],
        started: Instant,
        unresolved: Unresolved,
    ) -> Error {
        let first = &requests[0];
        let at = jiff::Timestamp::try_from(first.at).unwrap_or_default();
        let times = match requests.len() {
            1 => String::new(),
            times => format!(" and {} more times", times - 1),
        };
        let place = match &first.scene_id {
            Some(scene_id) => format!("the assets of scene `{}`", one_line(scene_id, 60)),
            None => "the scenes".to_owned(),
        };
        let (found, source) = match unresolved {
            Unresolved::NotFound => {
                let seconds = started.elapsed().as_secs();
                (
                    format!(
                        "nothing new with its prompt is among {place} of {} after {seconds} s",
                        self.journal.request.service
                    ),
                    None,
                )
            }
            Unresolved::Several(candidates) => {
                let named = candidates.iter().take(MAX_NAMED);
                let ids: Vec<String> = named.map(|one| one_line(one.id(), 60)).collect();
                (
                    format!(
                        "these of {place} may be it, and cannot be distinguished: {}",
                        ids.join(", ")
                    ),
                    None,
                )
            }
            Unresolved::Failed(error) => (format!("{place} could not be searched"), Some(error)),
        };
        let other_key = first
            .credential_hash
            .is_some_and(|hash| hash != self.client.credential_hash());
        let key = if other_key {
            "; it was sent with another API key, whose account may list it"
        } else {
            ""
        };
        let message = format!(
            "the outcome of a paid request is unknown: `{}` was requested at {at:.0}{times}, the response was lost, and {found}{key}; bake again to keep looking, with `adopt` if you know the id of its job or result, or with `ask_again` to pay for another",
            one_line(&first.prompt, 60),
        );
        let error = Error::new(ErrorKind::OutcomeUnknown, message).with_paid_request(first.clone());
        match source {
            Some(source) => error.with_source(source),
            None => error,
        }
    }
}

/// Why a lookup has returned nothing to take.
enum Unresolved {
    NotFound,
    Several(Vec<Candidate>),
    Failed(Error),
}
