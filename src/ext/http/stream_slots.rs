//! The number of event streams that a client has open at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::future::BoxFuture;
use http::Version;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit};
use tokio::time::timeout;

/// The maximum number of event streams of a client and its clones. Each has its own connection.
const MAX_STREAMS: usize = 8192;

/// The maximum number of event streams that share HTTP/2 connections with other requests: half of the
/// 100 that a server should allow on a connection ([RFC 9113, section 6.5.2][rfc]).
///
/// [rfc]: https://www.rfc-editor.org/rfc/rfc9113#section-6.5.2
const MAX_SHARED: usize = 50;

/// The maximum number of streams that open at once. A connection that opens needs several times its
/// later memory. A stream no longer counts one second after its request.
const MAX_OPENING: usize = 128;

/// How long a stream waits for its turn to open.
const MAX_WAIT: Duration = Duration::from_secs(10);

/// The maximum number of streams that retrieve the last events of jobs that have ended.
const MAX_ENDED: usize = 8;

/// The permits of a client's event streams.
#[derive(Debug)]
pub(crate) struct Slots {
    running: Arc<Semaphore>,
    opening: Semaphore,
    ended: Arc<Semaphore>,
    /// Permits that are added when a response shows that the shared connections use HTTP/1.1.
    withheld: usize,
    decided: AtomicBool,
}

impl Slots {
    /// `shared`: the streams share the connections of other requests.
    pub(crate) fn new(shared: bool) -> Self {
        let most = most_by_descriptors().min(MAX_STREAMS);
        let first = if shared { most.min(MAX_SHARED) } else { most };
        Self {
            running: Arc::new(Semaphore::new(first)),
            opening: Semaphore::new(MAX_OPENING),
            ended: Arc::new(Semaphore::new(MAX_ENDED)),
            withheld: most - first,
            decided: AtomicBool::new(!shared),
        }
    }

    /// Takes the HTTP version of a response. Only HTTP/2 shares a connection between requests.
    pub(crate) fn observe(&self, version: Version) {
        if self.decided.load(Ordering::Relaxed) || self.decided.swap(true, Ordering::Relaxed) {
            return;
        }
        if version < Version::HTTP_2 {
            self.running.add_permits(self.withheld);
        }
    }

    /// Returns a permit if one is free.
    pub(crate) fn try_acquire(&self, purpose: Purpose) -> Option<OwnedSemaphorePermit> {
        Arc::clone(self.of(purpose)).try_acquire_owned().ok()
    }

    /// Queues for a permit.
    pub(crate) fn acquire(&self, purpose: Purpose) -> BoxFuture<'static, OwnedSemaphorePermit> {
        let permit = Arc::clone(self.of(purpose)).acquire_owned();
        Box::pin(async { permit.await.expect("the semaphore is never closed") })
    }

    /// Queues for the turn to open a stream. The wait is bounded, because a stream that has its turn
    /// may not be polled.
    pub(crate) async fn turn(&self) -> Option<SemaphorePermit<'_>> {
        let turn = timeout(MAX_WAIT, self.opening.acquire()).await.ok()?;
        Some(turn.expect("the semaphore is never closed"))
    }

    fn of(&self, purpose: Purpose) -> &Arc<Semaphore> {
        match purpose {
            Purpose::Follow => &self.running,
            Purpose::LastEvents => &self.ended,
        }
    }
}

/// Why a stream is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// To follow a job that is running.
    Follow,
    /// To retrieve the last events of a job that has ended.
    LastEvents,
}

/// Three quarters of the process's file descriptors. The rest is for other requests and for files.
#[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
fn most_by_descriptors() -> usize {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    let limit = limit.and_then(|limit| usize::try_from(limit).ok());
    limit.map_or(usize::MAX, |limit| limit / 4 * 3).max(1)
}

#[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
fn most_by_descriptors() -> usize {
    usize::MAX
}
