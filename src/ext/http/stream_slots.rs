//! How many event streams a client has open at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::future::BoxFuture;
use http::Version;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit};
use tokio::time::timeout;

/// Event streams that a client and its clones have open at once. Each is a connection of its own.
const MOST_STREAMS: usize = 8192;

/// Streams that share HTTP/2 connections with other requests: half of the 100 that a server should
/// allow on a connection at least ([RFC 9113, section 6.5.2][rfc]).
///
/// [rfc]: https://www.rfc-editor.org/rfc/rfc9113#section-6.5.2
const MOST_SHARED: usize = 50;

/// Streams that open at once. While it opens, a connection needs several times the memory that it
/// needs later. A second after its request a stream no longer counts.
const MOST_OPENING: usize = 128;

/// How long a stream waits for its turn to open.
const MOST_WAIT: Duration = Duration::from_secs(10);

/// Streams that are opened for a moment, to fetch the last events of a job that has ended.
const MOST_ENDED: usize = 8;

/// The permits of a client's event streams.
#[derive(Debug)]
pub(crate) struct Slots {
    running: Arc<Semaphore>,
    opening: Semaphore,
    ended: Arc<Semaphore>,
    /// Permits that are added once HTTP/1.1 proves to be spoken on shared connections.
    withheld: usize,
    decided: AtomicBool,
}

impl Slots {
    /// Streams that have connections of their own, or share those of the other requests.
    pub(crate) fn new(shared: bool) -> Self {
        let most = most_by_descriptors().min(MOST_STREAMS);
        let first = if shared { most.min(MOST_SHARED) } else { most };
        Self {
            running: Arc::new(Semaphore::new(first)),
            opening: Semaphore::new(MOST_OPENING),
            ended: Arc::new(Semaphore::new(MOST_ENDED)),
            withheld: most - first,
            decided: AtomicBool::new(!shared),
        }
    }

    /// A response has come over this version of HTTP: only HTTP/2 has connections that are shared.
    pub(crate) fn observe(&self, version: Version) {
        if self.decided.load(Ordering::Relaxed) || self.decided.swap(true, Ordering::Relaxed) {
            return;
        }
        if version < Version::HTTP_2 {
            self.running.add_permits(self.withheld);
        }
    }

    /// A permit, where one is free.
    pub(crate) fn try_acquire(&self, purpose: Purpose) -> Option<OwnedSemaphorePermit> {
        Arc::clone(self.of(purpose)).try_acquire_owned().ok()
    }

    /// Waits in line for a permit.
    pub(crate) fn acquire(&self, purpose: Purpose) -> BoxFuture<'static, OwnedSemaphorePermit> {
        let permit = Arc::clone(self.of(purpose)).acquire_owned();
        Box::pin(async { permit.await.expect("the semaphore is never closed") })
    }

    /// Waits in line to send a request for a stream, for a bounded time: a stream ahead may hold its
    /// turn and not be polled.
    pub(crate) async fn turn(&self) -> Option<SemaphorePermit<'_>> {
        let turn = timeout(MOST_WAIT, self.opening.acquire()).await.ok()?;
        Some(turn.expect("the semaphore is never closed"))
    }

    fn of(&self, purpose: Purpose) -> &Arc<Semaphore> {
        match purpose {
            Purpose::Follow => &self.running,
            Purpose::LastEvents => &self.ended,
        }
    }
}

/// What a stream is opened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// To follow a job that is running.
    Follow,
    /// To fetch the last events of a job that has ended.
    LastEvents,
}

/// Three quarters of the file descriptors that the process may open: the rest is for other requests
/// and for files.
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
