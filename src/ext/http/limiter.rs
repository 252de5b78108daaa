//! Keeps a client and its clones within the service's rate limit, as its headers tell it.
//!
//! ```text
//!             ┌────── an answer without headers ─────▶ Silent: all may go
//!             │
//!  Unknown: one probe ──an answer──▶ Known: as many as remain ──used up──▶ wait for the end
//!             ▲                                                                  │
//!             └──────────────────────────────────────────────────────────────────┘
//! ```
//!
//! Requests under way count as if they were not among those that the service has counted: at
//! worst some wait for an answer that they need not wait for, and none goes too many. Several
//! processes with one key need nothing else: each answer tells each of them what the others used.
//!
//! [`State`] decides, from what has been said and the time; [`Limiter`] waits.

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

/// A wait is longer by up to this part of itself, so that the processes with a key do not all
/// come back at once.
const SPREAD: f64 = 0.05;

/// And by no more than this.
const MOST_SPREAD: Duration = Duration::from_secs(1);

/// One for a client and its clones.
#[derive(Debug)]
pub(crate) struct Limiter {
    state: Mutex<State>,
    /// Held by the one that waits for the window or for an answer; the others stand in line.
    turn: Turn<()>,
    /// An answer has come.
    changed: Notify,
}

impl Limiter {
    pub(crate) fn new() -> Self {
        Self {
            state: Mutex::new(State::new()),
            turn: Turn::new(()),
            changed: Notify::new(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until there is room for a request, and then until it may go. A wait for a window's
    /// end that would be longer than `longest` is not waited: the service itself has the last word.
    ///
    /// Dropping the future gives the place in the line up.
    pub(crate) async fn enter<R: Send>(
        &self,
        room: impl Future<Output = R> + Send,
        longest: Duration,
        tell: impl Fn(Duration) + Send + Sync,
    ) -> (Lease<'_>, R) {
        let mut told = false;
        let mut tell_once = |ends: Instant, now: Instant| {
            if !std::mem::replace(&mut told, true) {
                tell(ends.saturating_duration_since(now));
            }
        };
        let _turn = if let Ok(turn) = self.turn.try_lock() {
            turn
        } else {
            let now = Instant::now();
            let verdict = self.state().verdict(now);
            if let Verdict::WindowEnds(ends) = verdict
                && ends - now <= longest
            {
                tell_once(ends, now);
            }
            self.turn.lock().await
        };
        // Room before leave: whoever has leave goes at once, by what is known then.
        let room = room.await;
        loop {
            let now = Instant::now();
            let verdict = self.state().enter(now);
            match verdict {
                Verdict::Go => return (self.lease(false), room),
                Verdict::Probe => return (self.lease(true), room),
                Verdict::ResponsePending(latest) => {
                    let _ = timeout_at(latest, self.changed.notified()).await;
                }
                Verdict::WindowEnds(ends) if ends - now > longest => {
                    self.state().in_flight += 1;
                    return (self.lease(false), room);
                }
                Verdict::WindowEnds(ends) => {
                    tell_once(ends, now);
                    let spread = (ends - now).mul_f64(SPREAD * random()).min(MOST_SPREAD);
                    // An answer may yet bring another end.
                    let _ = timeout_at(ends + spread, self.changed.notified()).await;
                }
            }
        }
    }

    /// Whether a request that only looks after a job may be sent now, and counts it; if not, when
    /// to come back. All of them together use at most a quarter of the limit.
    pub(crate) fn may_check(&self) -> Result<(), Instant> {
        self.state().may_check(Instant::now())
    }

    fn lease(&self, is_probe: bool) -> Lease<'_> {
        Lease {
            limiter: self,
            is_probe,
        }
    }
}

/// A request under way.
#[derive(Debug)]
pub(crate) struct Lease<'a> {
    limiter: &'a Limiter,
    is_probe: bool,
}

impl Lease<'_> {
    /// The head of the answer has come; where the service refused because of the rate limit, it
    /// says for how long.
    pub(crate) fn answered(self, rate_limit: Option<RateLimit>, refused: Option<Duration>) {
        let now = Instant::now();
        let mut state = self.limiter.state();
        state.answered(now, rate_limit);
        if let Some(wait) = refused {
            state.refused(now, wait);
        }
        // `drop` lets the next one look.
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
        self.limiter.changed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::state::PROBE;
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn rate_limit(remaining: u64, left: Duration) -> RateLimit {
        RateLimit {
            limit: Some(100),
            remaining,
            left,
        }
    }

    async fn enter(limiter: &Limiter) -> Lease<'_> {
        limiter.enter(async {}, MINUTE, |_| {}).await.0
    }

    #[tokio::test(start_paused = true)]
    async fn callers_wait_in_line_and_one_goes_ahead() {
        let limiter = Limiter::new();
        let start = Instant::now();
        let first = enter(&limiter).await;
        first.answered(Some(rate_limit(0, Duration::from_secs(10))), None);
        let (waits, served) = (Mutex::new(0), Mutex::new(Vec::new()));
        let calls = (0..150).map(|_| async {
            let tell = |_| *waits.lock().unwrap() += 1;
            let (lease, ()) = limiter.enter(async {}, MINUTE, tell).await;
            served
                .lock()
                .unwrap()
                .push((start.elapsed(), lease.is_probe));
            tokio::time::sleep(Duration::from_millis(20)).await;
            let (used, left) = (served.lock().unwrap().len() as u64, Duration::from_secs(10));
            lease.answered(
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
    async fn a_caller_who_gives_up_holds_nobody_back() {
        let limiter = Limiter::new();
        drop(enter(&limiter).await);
        let probe = enter(&limiter).await;
        assert!(probe.is_probe);
        let waiting = tokio::time::timeout(PROBE / 2, enter(&limiter));
        assert!(waiting.await.is_err());
        drop(probe);
        assert!(enter(&limiter).await.is_probe);
        // Too long a wait is none.
        let far = enter(&limiter).await;
        far.answered(Some(rate_limit(0, MINUTE * 2)), None);
        let start = Instant::now();
        drop(
            limiter
                .enter(async {}, MINUTE, |_| panic!("nobody waits"))
                .await,
        );
        assert_eq!(start.elapsed(), Duration::ZERO);
    }
}
