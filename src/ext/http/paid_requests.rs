//! The paid requests of a process, and who owns what they made, so that one result is never taken for
//! two requests.
//!
//! ```text
//!  begin ──▶ InFlight ──accepted, with the ids of its result──▶ settled
//!                │  └───accepted, but not all ids are known───▶ Accepted ──its job has ended──▶ settled
//!                ├──the response was lost──▶ Lost ──found──▶ settled
//!                └──refused──▶ nothing
//! ```

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use crate::ext::error::{PaidRequest, RequestId};

/// The number of unresolved requests that are remembered.
const MAX_OPEN: usize = 1_000;

/// The number of ids that are remembered with their owner. Only ids that are newer than the baseline of an
/// unresolved request matter.
const MAX_OWNERS: usize = 10_000;

/// The requests of all clients with one service and one credential.
#[derive(Debug, Default)]
pub(crate) struct PaidRequests(Mutex<Entries>);

#[derive(Debug, Default)]
struct Entries {
    open: VecDeque<Open>,
    owners: VecDeque<(String, RequestId)>,
}

/// A request of which the result is not known completely.
#[derive(Debug, Clone)]
pub(crate) struct Open {
    pub(crate) request: Arc<PaidRequest>,
    pub(crate) state: OpenState,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum OpenState {
    InFlight,
    /// The service accepted it, and has named the job, but not everything that the job makes.
    Accepted {
        job_id: String,
    },
    /// Whether it was accepted is unknown.
    Lost,
}

/// The registries in use, by base URL and credential.
static REGISTRIES: Mutex<Vec<(String, u32, Weak<PaidRequests>)>> = Mutex::new(Vec::new());

impl PaidRequests {
    /// Returns the requests of a service and a credential.
    pub(crate) fn shared(base: &str, credential_hash: u32) -> Arc<Self> {
        let mut registries = lock(&REGISTRIES);
        registries.retain(|(_, _, requests)| requests.strong_count() > 0);
        let known = registries
            .iter()
            .find(|(url, credential, _)| url == base && *credential == credential_hash)
            .and_then(|(_, _, requests)| requests.upgrade());
        known.unwrap_or_else(|| {
            let requests = Arc::default();
            registries.push((base.to_owned(), credential_hash, Arc::downgrade(&requests)));
            requests
        })
    }

    fn entries(&self) -> MutexGuard<'_, Entries> {
        lock(&self.0)
    }

    /// Records a request that is about to be sent.
    pub(crate) fn begin(self: &Arc<Self>, request: PaidRequest) -> InFlight {
        let request = Arc::new(request);
        self.entries().add(Open {
            request: Arc::clone(&request),
            state: OpenState::InFlight,
        });
        InFlight {
            paid_requests: Arc::clone(self),
            request,
        }
    }

    /// Returns the requests of which the result is not known completely, except `own`.
    pub(crate) fn open_except(&self, own: &[RequestId]) -> Vec<Open> {
        let entries = self.entries();
        let others = entries
            .open
            .iter()
            .filter(|open| !own.contains(&open.request.identity()));
        others.cloned().collect()
    }

    /// Returns the requests whose response was lost, and whose result was not found yet.
    pub(crate) fn lost(&self) -> Vec<PaidRequest> {
        let entries = self.entries();
        let lost = entries.open.iter();
        lost.filter(|open| open.state == OpenState::Lost)
            .map(|open| PaidRequest::clone(&open.request))
            .collect()
    }

    /// Whether one of these ids belongs to another request.
    pub(crate) fn is_assigned(&self, ids: &[&str], own: RequestId) -> bool {
        self.entries().is_assigned(ids, own)
    }

    /// Assigns ids to a request, unless one of them belongs to another. Its outcome is known then.
    pub(crate) fn assign(&self, ids: &[&str], own: RequestId) -> bool {
        let mut entries = self.entries();
        if entries.is_assigned(ids, own) {
            return false;
        }
        entries.resolve(own, ids);
        true
    }

    /// Assigns what a job has made to the request that started it.
    pub(crate) fn finished(&self, job_id: &str, ids: &[&str]) {
        let mut entries = self.entries();
        let of_job = entries.open.iter().find(
            |open| matches!(&open.state, OpenState::Accepted { job_id: known } if known == job_id),
        );
        if let Some(own) = of_job.map(|open| open.request.identity()) {
            entries.resolve(own, ids);
        }
    }
}

impl Entries {
    fn add(&mut self, open: Open) {
        if self.open.len() == MAX_OPEN {
            self.open.pop_front();
        }
        self.open.push_back(open);
    }

    fn is_assigned(&self, ids: &[&str], own: RequestId) -> bool {
        self.owners
            .iter()
            .any(|(id, owner)| *owner != own && ids.contains(&id.as_str()))
    }

    fn resolve(&mut self, own: RequestId, ids: &[&str]) {
        self.open.retain(|open| open.request.identity() != own);
        for id in ids {
            if self.owners.len() == MAX_OWNERS {
                self.owners.pop_front();
            }
            self.owners.push_back(((*id).to_owned(), own));
        }
    }
}

/// A request in flight. If it is dropped, its response is lost.
#[derive(Debug)]
pub(crate) struct InFlight {
    paid_requests: Arc<PaidRequests>,
    request: Arc<PaidRequest>,
}

impl InFlight {
    /// The service accepted the request. `open_job` is its job if that makes more than `ids` name.
    pub(crate) fn accepted(self, ids: &[&str], open_job: Option<&str>) {
        let (own, mut entries) = (self.request.identity(), self.paid_requests.entries());
        let open = entries
            .open
            .iter()
            .position(|open| open.request.identity() == own);
        let open = open.and_then(|index| entries.open.remove(index));
        entries.resolve(own, ids);
        if let (Some(open), Some(job_id)) = (open, open_job) {
            let job_id = job_id.to_owned();
            let state = OpenState::Accepted { job_id };
            entries.add(Open { state, ..open });
        }
    }

    /// The request was not accepted.
    pub(crate) fn refused(self) {
        self.paid_requests
            .entries()
            .resolve(self.request.identity(), &[]);
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        let (own, mut entries) = (self.request.identity(), self.paid_requests.entries());
        let mut open = entries.open.iter_mut();
        let in_flight =
            |open: &&mut Open| open.state == OpenState::InFlight && open.request.identity() == own;
        if let Some(open) = open.find(in_flight) {
            open.state = OpenState::Lost;
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;

    fn request(prompt: &str) -> PaidRequest {
        PaidRequest::scene(prompt, SystemTime::now())
    }

    #[test]
    fn a_request_that_is_dropped_in_flight_is_lost() {
        let paid_requests = Arc::new(PaidRequests::default());
        drop(paid_requests.begin(request("a lab")));
        paid_requests.begin(request("a kitchen")).refused();
        paid_requests
            .begin(request("a garage"))
            .accepted(&["job_1", "sc_1"], None);
        let lost: Vec<String> = paid_requests
            .lost()
            .into_iter()
            .map(|one| one.prompt)
            .collect();
        assert_eq!(lost, ["a lab"]);
    }

    #[test]
    fn an_id_has_one_owner() {
        let paid_requests = Arc::new(PaidRequests::default());
        let (one, two) = (request("a lab"), request("a kitchen"));
        drop((
            paid_requests.begin(one.clone()),
            paid_requests.begin(two.clone()),
        ));
        assert!(paid_requests.assign(&["sc_1"], one.identity()));
        assert!(paid_requests.assign(&["sc_1"], one.identity()));
        assert!(!paid_requests.assign(&["job_1", "sc_1"], two.identity()));
        assert!(paid_requests.assign(&["sc_2"], two.identity()));
        assert!(paid_requests.lost().is_empty());
    }

    #[test]
    fn an_accepted_request_stays_open_until_its_job_names_what_it_made() {
        let paid_requests = Arc::new(PaidRequests::default());
        let (one, two) = (request("a lab"), request("a lab"));
        paid_requests
            .begin(one.clone())
            .accepted(&["job_1"], Some("job_1"));
        let open = paid_requests.open_except(&[two.identity()]);
        assert_eq!(open.len(), 1);
        assert!(paid_requests.lost().is_empty());
        paid_requests.finished("job_1", &["sc_1"]);
        assert!(paid_requests.open_except(&[two.identity()]).is_empty());
        assert!(paid_requests.is_assigned(&["sc_1"], two.identity()));
    }

    #[test]
    fn clients_of_one_service_and_credential_share_their_requests() {
        let one = PaidRequests::shared("http://127.0.0.1:1", 1);
        assert!(Arc::ptr_eq(
            &one,
            &PaidRequests::shared("http://127.0.0.1:1", 1)
        ));
        assert!(!Arc::ptr_eq(
            &one,
            &PaidRequests::shared("http://127.0.0.1:1", 2)
        ));
        assert!(!Arc::ptr_eq(
            &one,
            &PaidRequests::shared("http://127.0.0.1:2", 1)
        ));
    }
}
