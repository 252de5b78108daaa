//! Looks for the job of a paid request that may have been sent.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use futures_util::TryStreamExt;
use futures_util::stream::FuturesUnordered;
use gizmo_client::{OtherRequests, PaidRequest, Reconciled};
use serde_json::Value;
use tokio::time::{Instant, sleep};

use crate::error::{Error, ErrorKind};
use crate::held::{Held, Stop};
use crate::list::Item;
use crate::protocol::{Made, Outcome, Phase};
use crate::scene::rfc3339;
use crate::work::{AT_ONCE, Worker, failed};

/// The delays between two lookups for the job of a request whose response was lost. They double.
const MIN_DELAY: Duration = Duration::from_millis(250);
const MAX_DELAY: Duration = Duration::from_secs(30);

impl Worker<'_> {
    /// Looks for the job of a request that may have been sent.
    pub(crate) async fn find(&self, held: &Held<'_>, request: Value) -> Result<Outcome, Stop> {
        let request: PaidRequest = serde_json::from_value(request).map_err(|error| {
            let message = format!(
                "the request in the entry of `{}` is damaged",
                held.item.name
            );
            Error::new(ErrorKind::Damaged, message).because(error)
        })?;
        let requested_at = rfc3339(request.at);
        let started = Instant::now();
        let mut delay = MIN_DELAY;
        loop {
            let unread = Mutex::new(None);
            let found = self.client.reconcile_among(&request, || async {
                let others = self.others(held.item).await;
                others.map_err(|error| {
                    *unread.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                    "the store failed"
                })
            });
            let found = found.await;
            if let Some(error) = unread.into_inner().unwrap_or_else(PoisonError::into_inner) {
                return Err(error.into());
            }
            let found = found.map_err(|error| failed(held.item, error))?;
            let found = match found {
                Reconciled::Found { job, confidence } => {
                    let scene_id = job.scene_id().map(str::to_owned);
                    Some((scene_id, Some(job.id().to_owned()), confidence))
                }
                Reconciled::FoundWithoutJob {
                    candidate,
                    confidence,
                } => Some((candidate.scene_id, None, confidence)),
                _ => None,
            };
            let made = found.map(|(scene_id, job_id, confidence)| Made {
                scene_id,
                job_id,
                confidence: Some(confidence),
                requested_at: requested_at.clone(),
            });
            if let Some(made) = made
                && self.settle(held, &made).await?
            {
                return Ok(Outcome::Job(made));
            }
            if started.elapsed() >= self.search_limit {
                return Ok(Outcome::NotFound);
            }
            sleep(delay).await;
            delay = (delay * 2).min(MAX_DELAY);
        }
    }

    /// Reads what the other prompts have requested.
    async fn others(&self, item: &Item) -> Result<OtherRequests, Error> {
        let mut reads = FuturesUnordered::new();
        let mut requests = OtherRequests::default();
        for other in self.items {
            if other.index == item.index || other.invalid.is_some() {
                continue;
            }
            if reads.len() >= AT_ONCE
                && let Some(phase) = reads.try_next().await?
            {
                note(&mut requests, phase);
            }
            reads.push(self.phase(other));
        }
        while let Some(phase) = reads.try_next().await? {
            note(&mut requests, phase);
        }
        Ok(requests)
    }

    async fn phase(&self, item: &Item) -> Result<Option<Phase>, Error> {
        match self.store.read(&item.name, &item.task).await {
            Ok(stored) => Ok(stored.map(|stored| stored.entry.phase)),
            // It is a prompt of another list.
            Err(error) if error.kind() == ErrorKind::OtherTask => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// Adds what another prompt has requested.
fn note(requests: &mut OtherRequests, phase: Option<Phase>) {
    match phase {
        Some(Phase::Requesting { request }) => {
            let request = serde_json::from_value(request).ok();
            requests.unresolved.extend(request);
        }
        Some(
            Phase::Running(made)
            | Phase::Committing { made, .. }
            | Phase::Committed(made)
            | Phase::Failed { made, .. },
        ) => {
            let ids = made.scene_id.into_iter().chain(made.job_id);
            requests.found.extend(ids);
        }
        _ => {}
    }
}
