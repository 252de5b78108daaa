//! Starts jobs: what the service lists is recorded first, so that the job of a lost response is found by
//! what has been listed since.

use std::time::Duration;

use serde::de::DeserializeOwned;
use tokio::time::timeout;

use super::handle::JobHandle;
use crate::ext::error::{Error, ErrorKind, PaidRequest};
use crate::ext::http::operation::{Operation, Starts};
use crate::ext::http::options::Draft;
use crate::ext::http::runtime;
use crate::raw::Client;
use crate::raw::types::JobAccepted;

/// The longest time that a request waits for its baseline. It is sent without one after that.
const BASELINE_LIMIT: Duration = Duration::from_secs(10);

/// A paid request that is ready to be sent.
pub(crate) struct Start<'a> {
    client: &'a Client,
    operation: &'static Operation<'static>,
    draft: Draft<'a>,
    request: PaidRequest,
}

impl Client {
    /// Starts a job, for the generated `start`.
    pub(crate) async fn start_job(
        &self,
        operations: &'static [Operation<'static>],
        id: &str,
        draft: Draft<'_>,
    ) -> Result<JobHandle, Error> {
        self.prepare(operations, id, draft).await?.send_job().await
    }

    /// Starts a job after its request is in the caller's journal, for the generated `start_journaled`.
    pub(crate) async fn start_journaled_job<F, E>(
        &self,
        operations: &'static [Operation<'static>],
        id: &str,
        draft: Draft<'_>,
        journal: impl FnOnce(PaidRequest) -> F + Send,
    ) -> Result<JobHandle, Error>
    where
        F: Future<Output = Result<(), E>> + Send,
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let mut start = self.prepare(operations, id, draft).await?;
        // The request is in the journal for as short a time as possible before it is sent: if the process is killed
        // in between, nobody knows whether it was.
        let open = self.wait_for_limit(start.operation);
        match draft.deadline {
            None => open.await,
            Some(deadline) => {
                let in_time = deadline.within(open).await;
                in_time.ok_or_else(|| deadline.error(start.operation, false))?;
            }
        }
        start.request.at = std::time::SystemTime::now();
        if let Err(error) = journal(start.request.clone()).await {
            let message = "the request could not be written to the journal, so it was not sent";
            let error = Error::new(ErrorKind::Io, message).with_source(error);
            return Err(error.with_operation(id));
        }
        start.send_job().await
    }

    /// Builds a paid request, and records what the service lists before it is sent.
    pub(crate) async fn prepare<'a>(
        &'a self,
        operations: &'static [Operation<'static>],
        id: &str,
        draft: Draft<'a>,
    ) -> Result<Start<'a>, Error> {
        runtime::require()?;
        let operation = Operation::find(operations, id);
        let mut request = self.describe_paid(operation, draft)?;
        let baseline = timeout(BASELINE_LIMIT, self.baseline(&request));
        let baseline = match draft.deadline {
            None => Some(baseline.await),
            Some(deadline) => {
                let in_time = deadline.within(baseline).await;
                Some(in_time.ok_or_else(|| deadline.error(operation, false))?)
            }
        };
        request.baseline = baseline.and_then(Result::ok).flatten();
        request.at = std::time::SystemTime::now();
        Ok(Start {
            client: self,
            operation,
            draft,
            request,
        })
    }

    /// Returns the paid requests of this process, with this service and key, whose outcome is unknown:
    /// the response was lost, or the future of `start` was dropped before it arrived. Those whose
    /// job [`reconcile`](Self::reconcile) has found are not among them.
    ///
    /// The last 1,000 are remembered.
    pub fn unresolved_requests(&self) -> Vec<PaidRequest> {
        self.inner.0.paid_requests.lost()
    }

    /// Tells the credential from others.
    #[cfg(feature = "bundle")]
    pub(crate) fn credential_hash(&self) -> u32 {
        self.inner.0.credential.hash()
    }
}

impl Start<'_> {
    /// What is requested, and what was listed before.
    #[cfg(feature = "bundle")]
    pub(crate) fn request(&self) -> &PaidRequest {
        &self.request
    }

    /// Sends the request. The error of an unknown outcome carries it. `ids` returns the ids in the
    /// response, and the job if that makes more than they name.
    pub(crate) async fn send<T: DeserializeOwned>(
        self,
        ids: impl Fn(&T) -> (Vec<&str>, Option<&str>) + Send,
    ) -> Result<T, Error> {
        let in_flight = self
            .client
            .inner
            .0
            .paid_requests
            .begin(self.request.clone());
        let sent = self.client.json_of::<T>(self.operation, self.draft);
        match sent.await {
            Ok(response) => {
                let accepted = response.into_inner();
                let (ids, open_job) = ids(&accepted);
                in_flight.accepted(&ids, open_job);
                Ok(accepted)
            }
            Err(error) if error.is_outcome_unknown() => Err(error.with_paid_request(self.request)),
            Err(error) => {
                in_flight.refused();
                Err(error)
            }
        }
    }

    /// Sends a request whose response names a job.
    // Assumptions: generation-202-ids, edit-202-ids.
    pub(crate) async fn send_job(self) -> Result<JobHandle, Error> {
        let (client, starts) = (self.client.clone(), self.operation.starts);
        let accepted = self.send(|accepted: &JobAccepted| {
            let made = match starts {
                // Assumption: generation-scene-id.
                Some(Starts::Scene) => accepted.scene_id.as_deref(),
                Some(Starts::Asset) => accepted.asset_id.as_deref(),
                // An edit makes nothing that is listed.
                Some(Starts::Edit) | None => Some(""),
            };
            let job_id = accepted.job_id.as_str();
            let ids = [Some(job_id), made.filter(|id| !id.is_empty())];
            let open_job = made.is_none().then_some(job_id);
            (ids.into_iter().flatten().collect(), open_job)
        });
        let job = JobHandle::accepted(client, accepted.await?);
        Ok(job.making_asset(starts == Some(Starts::Asset)))
    }
}
