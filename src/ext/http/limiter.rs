//! Keeps a client and its clones within the rate limit that the response headers report.
//!
//! ```text
//!             ┌───── a response without headers ─────▶ Silent: every request may be sent
//!             │
//!  Unknown: one probe ──response──▶ Window: as many as remain ──used up──▶ wait for its end
//!             ▲                                                                  │
//!             └──────────────────────────────────────────────────────────────────┘
//! ```
//!
//! Requests in flight count as if the service had not counted them yet. At worst a request waits
//! for a response unnecessarily; none is sent over the limit. Processes that share a key need no
//! coordination: each response reports what all of them have used.
//!
//! [`State`] decides, from the headers and the time. [`Limiter`] waits.

mod state;
mod waiting;

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Mutex as Turn, Notify};
use tokio::time::{Instant, timeout_at};

use self::state::{State, Verdict};
pub(crate) use self::waiting::OnWait;
pub use self::waiting::{WaitReason, Waiting};
use super::backoff::random;
use super::headers::RateLimit;
use super::operation::Priority;

/// A wait is extended by up to this fraction of itself, so that the processes that share a key do
/// not all resume at once.
const SPREAD: f64 = 0.05;

/// The longest extension.
const MAX_SPREAD: Duration = Duration::from_secs(1);

/// The limiter of a client and its clones.
#[derive(Debug)]
pub(crate) struct Limiter {
    state: Mutex<State>,
    queues: [Queue; Priority::ALL.len()],
}

/// The requests of one priority that wait.
#[derive(Debug, Default)]
struct Queue {
    /// Held by the caller that waits for the window or for a response. The others queue for it.
    turn: Turn<()>,
    /// A response has arrived.
    changed: Notify,
}

/// Counts a request as waiting.
struct Waiter<'a>(&'a Limiter, Priority);

impl<'a> Waiter<'a> {
    fn new(limiter: &'a Limiter, priority: Priority) -> Self {
        limiter.state().queue(priority);
        Self(limiter, priority)
    }
}

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        let Self(limiter, priority) = *self;
        limiter.state().unqueue(priority);
        limiter.wake();
    }
}

impl Limiter {
    pub(crate) fn new() -> Self {
        Self {
            state: Mutex::new(State::new()),
            queues: Default::default(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wakes the first caller of each queue.
    fn wake(&self) {
        for queue in &self.queues {
            queue.changed.notify_one();
        }
    }

    /// Waits for `permit`, and then until the rate limit allows a request.
    ///
    /// It does not wait for a window that ends later than `longest` from now; the service then
    /// decides. Dropping the future leaves the queue.
    pub(crate) async fn enter<R: Send>(
        &self,
        priority: Priority,
        permit: impl Future<Output = R> + Send,
        longest: Duration,
        on_wait: impl Fn(Duration) + Send + Sync,
    ) -> (Lease<'_>, R) {
        let mut reported = false;
        let mut report_once = |ends: Instant, now: Instant| {
            if !std::mem::replace(&mut reported, true) {
                on_wait(ends.saturating_duration_since(now));
            }
        };
        let waiter = Waiter::new(self, priority);
        let queue = &self.queues[priority as usize];
        let _turn = if let Ok(turn) = queue.turn.try_lock() {
            turn
        } else {
            let now = Instant::now();
            let verdict = self.state().verdict(now, priority);
            if let Verdict::WindowEnds(ends) = verdict
                && ends - now <= longest
            {
                report_once(ends, now);
            }
            queue.turn.lock().await
        };
        // The permit comes first, so that a request that the limit allows is sent at once.
        let permit = permit.await;
        loop {
            let now = Instant::now();
            let verdict = self.state().enter(now, priority);
            match verdict {
                Verdict::Go | Verdict::Probe => {
                    drop(waiter);
                    return (self.lease(verdict == Verdict::Probe), permit);
                }
                Verdict::ResponsePending(latest) => {
                    let _ = timeout_at(latest, queue.changed.notified()).await;
                }
                Verdict::WindowEnds(ends) if ends - now > longest => {
                    self.state().in_flight += 1;
                    return (self.lease(false), permit);
                }
                Verdict::WindowEnds(ends) => {
                    report_once(ends, now);
                    let spread = (ends - now).mul_f64(SPREAD * random()).min(MAX_SPREAD);
                    // A response may report another end.
                    let _ = timeout_at(ends + spread, queue.changed.notified()).await;
                }
            }
        }
    }

    /// Counts a status request that may be sent now, or returns when to try again. All of them
    /// together use at most a quarter of the limit.
    pub(crate) fn may_check(&self) -> Result<(), Instant> {
        self.state().may_check(Instant::now())
    }

    fn lease(&self, is_probe: bool) -> Lease<'_> {
        Lease {
            limiter: self,
            is_probe,
            sent_at: Instant::now(),
        }
    }
}

/// A request in flight.
#[derive(Debug)]
pub(crate) struct Lease<'a> {
    limiter: &'a Limiter,
    is_probe: bool,
    sent_at: Instant,
}

impl Lease<'_> {
    /// The response headers have arrived. `refused` is how long the service refuses requests because
    /// of the rate limit.
    pub(crate) fn observe(self, rate_limit: Option<RateLimit>, refused: Option<Duration>) {
        let now = Instant::now();
        let mut state = self.limiter.state();
        state.observe(now, self.sent_at, rate_limit);
        if let Some(wait) = refused {
            state.refused(now, wait);
        }
        // `drop` wakes the next caller.
    }
}

impl Lease<'_> {
    /// The service has counted the request, and its response will take long.
    pub(crate) fn counted(self) {
        self.limiter.state().counted();
    }
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        self.limiter.state().leave(self.is_probe);
        self.limiter.wake();
    }
}

#[cfg(test)]
mod tests {
    use super::state::PROBE;
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn rate_limit(remaining: u64, resets_in: Duration) -> RateLimit {
        RateLimit {
            limit: Some(100),
            remaining,
            resets_in,
        }
    }

    async fn enter(limiter: &Limiter) -> Lease<'_> {
        limiter
            .enter(Priority::Normal, async {}, MINUTE, |_| {})
            .await
            .0
    }

    #[tokio::test(start_paused = true)]
    async fn callers_queue_and_one_is_sent_ahead() {
        let limiter = Limiter::new();
        let start = Instant::now();
        let first = enter(&limiter).await;
        first.observe(Some(rate_limit(0, Duration::from_secs(10))), None);
        let (waits, served) = (Mutex::new(0), Mutex::new(Vec::new()));
        let calls = (0..150).map(|_| async {
            let on_wait = |_| *waits.lock().unwrap() += 1;
            let (lease, ()) = limiter
                .enter(Priority::Normal, async {}, MINUTE, on_wait)
                .await;
            served
                .lock()
                .unwrap()
                .push((start.elapsed(), lease.is_probe));
            tokio::time::sleep(Duration::from_millis(20)).await;
            let (used, left) = (served.lock().unwrap().len() as u64, Duration::from_secs(10));
            lease.observe(
                Some(rate_limit(100_u64.saturating_sub(used % 100), left)),
                None,
            );
        });
        futures_util::future::join_all(calls).await;
        assert_eq!(*waits.lock().unwrap(), 150);
        let served = served.into_inner().unwrap();
        let (ahead, probe) = served[0];
        assert!(probe && ahead >= Duration::from_secs(10) && ahead < Duration::from_millis(10_501));
        assert!(served[1].0 >= ahead + Duration::from_millis(20) && !served[1].1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_caller_that_gives_up_blocks_no_other() {
        let limiter = Limiter::new();
        drop(enter(&limiter).await);
        let probe = enter(&limiter).await;
        assert!(probe.is_probe);
        let waiting = tokio::time::timeout(PROBE / 2, enter(&limiter));
        assert!(waiting.await.is_err());
        drop(probe);
        assert!(enter(&limiter).await.is_probe);
        // A wait that is too long is skipped.
        let far = enter(&limiter).await;
        far.observe(Some(rate_limit(0, MINUTE * 2)), None);
        let start = Instant::now();
        drop(
            limiter
                .enter(Priority::Normal, async {}, MINUTE, |_| {
                    panic!("no caller waits")
                })
                .await,
        );
        assert_eq!(start.elapsed(), Duration::ZERO);
    }
}
