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

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Mutex as Turn, Notify};
use tokio::time::{Instant, timeout_at};

use super::backoff::random;
use super::headers::Standing;

/// A call that waits before it is sent; see [`ClientBuilder::on_wait`](crate::ClientBuilder::on_wait).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Waiting {
    /// The operation, by the name of its builder.
    pub operation: &'static str,
    /// How long, as far as is known.
    pub delay: Duration,
    /// What for.
    pub reason: WaitReason,
}

/// Why a call waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum WaitReason {
    /// The rate limit's window is used up.
    RateLimit,
    /// The last try failed, and another follows.
    Retry,
}

/// Who wants to know of waits.
#[derive(Clone, Default)]
pub(crate) struct OnWait(pub(crate) Option<Arc<dyn Fn(Waiting) + Send + Sync>>);

impl OnWait {
    pub(crate) fn tell(&self, operation: &'static str, delay: Duration, reason: WaitReason) {
        if let Some(listener) = &self.0 {
            listener(Waiting {
                operation,
                delay,
                reason,
            });
        }
    }
}

impl fmt::Debug for OnWait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let listener = self.0.as_ref().map(|_| "…");
        f.debug_tuple("OnWait").field(&listener).finish()
    }
}

/// How long others wait for a probe: an answer that takes longer is slow for reasons of its own,
/// such as a large export.
const PROBE: Duration = Duration::from_secs(1);

/// Two ends that lie this close together are the same, told in whole seconds or measured again.
const SAME_END: Duration = Duration::from_secs(1);

/// A wait is longer by up to this part of itself, so that the processes with a key do not all
/// come back at once.
const SPREAD: f64 = 0.05;

/// And by no more than this.
const MOST_SPREAD: Duration = Duration::from_secs(1);

#[derive(Debug, Clone, Copy, PartialEq)]
enum Known {
    /// No answer has come since the start, or since a window that was used up.
    Unknown,
    /// The service does not say.
    Silent,
    Window {
        limit: Option<u64>,
        remaining: u64,
        ends: Instant,
    },
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Verdict {
    Go,
    /// As `Go`; others wait for the answer.
    Probe,
    /// The window is used up until then.
    WindowEnds(Instant),
    /// An answer is awaited that will tell; not longer than until then.
    AnswerComes(Instant),
}

/// What is known of the limit, and who is under way. Pure.
#[derive(Debug)]
struct State {
    known: Known,
    under_way: u64,
    /// Since when one request has been finding out for all.
    probe: Option<Instant>,
}

impl State {
    fn new() -> Self {
        Self {
            known: Known::Unknown,
            under_way: 0,
            probe: None,
        }
    }

    /// Whether another request may go now; if so, it is under way.
    fn enter(&mut self, now: Instant) -> Verdict {
        let verdict = self.verdict(now);
        match verdict {
            Verdict::Go => self.under_way += 1,
            Verdict::Probe => {
                self.under_way += 1;
                self.known = Known::Unknown;
                self.probe = Some(now);
            }
            _ => {}
        }
        verdict
    }

    fn verdict(&self, now: Instant) -> Verdict {
        match self.known {
            Known::Silent => Verdict::Go,
            Known::Window {
                remaining, ends, ..
            } if now < ends => {
                if self.under_way < remaining {
                    Verdict::Go
                } else if remaining > 0 {
                    Verdict::AnswerComes(ends)
                } else {
                    Verdict::WindowEnds(ends)
                }
            }
            Known::Window {
                limit, remaining, ..
            } if remaining > 0 => {
                // A new window, as far as one can tell: nobody was kept waiting by the old one.
                if limit.is_none_or(|limit| self.under_way < limit) {
                    Verdict::Go
                } else {
                    self.probing(now)
                }
            }
            Known::Window { .. } | Known::Unknown => self.probing(now),
        }
    }

    fn probing(&self, now: Instant) -> Verdict {
        match self.probe {
            None => Verdict::Probe,
            Some(since) if now < since + PROBE => Verdict::AnswerComes(since + PROBE),
            Some(_) => Verdict::Go,
        }
    }

    /// The head of an answer has come, or nothing will.
    fn leave(&mut self, was_probe: bool) {
        self.under_way = self.under_way.saturating_sub(1);
        if was_probe {
            self.probe = None;
        }
    }

    /// An answer says where the key stands.
    fn answered(&mut self, now: Instant, standing: Option<Standing>) {
        let Some(standing) = standing else {
            if self.known == Known::Unknown {
                self.known = Known::Silent;
            }
            return;
        };
        let Some(new_end) = now.checked_add(standing.left) else {
            return;
        };
        let mut remaining = standing.remaining;
        if let Known::Window {
            remaining: known,
            ends,
            ..
        } = self.known
            && now < ends
        {
            // Answers may overtake each other: a higher number is an older one, unless it is too
            // high for that.
            let overtaken = remaining <= known + self.under_way;
            if new_end + SAME_END < ends {
                return;
            }
            if new_end <= ends + SAME_END && overtaken {
                remaining = remaining.min(known);
            }
        }
        self.known = Known::Window {
            limit: standing.limit,
            remaining,
            ends: new_end,
        };
    }

    /// The service has refused a request: the window is used up, whatever its headers say.
    fn refused(&mut self, now: Instant, wait: Duration) {
        let Some(new_end) = now.checked_add(wait) else {
            return;
        };
        let (limit, ends) = match self.known {
            Known::Window {
                limit,
                remaining: 0,
                ends,
            } => (limit, ends.max(new_end)),
            Known::Window { limit, .. } => (limit, new_end),
            _ => (None, new_end),
        };
        self.known = Known::Window {
            limit,
            remaining: 0,
            ends,
        };
    }
}

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
                Verdict::AnswerComes(latest) => {
                    let _ = timeout_at(latest, self.changed.notified()).await;
                }
                Verdict::WindowEnds(ends) if ends - now > longest => {
                    self.state().under_way += 1;
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
    pub(crate) fn answered(self, standing: Option<Standing>, refused: Option<Duration>) {
        let now = Instant::now();
        let mut state = self.limiter.state();
        state.answered(now, standing);
        if let Some(wait) = refused {
            state.refused(now, wait);
        }
        // `drop` lets the next one look.
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
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn standing(remaining: u64, left: Duration) -> Standing {
        Standing {
            limit: Some(100),
            remaining,
            left,
        }
    }

    async fn enter(limiter: &Limiter) -> Lease<'_> {
        limiter.enter(async {}, MINUTE, |_| {}).await.0
    }

    /// A state that has had one answer.
    fn known(now: Instant, remaining: u64) -> State {
        let mut state = State::new();
        assert_eq!(state.enter(now), Verdict::Probe);
        state.answered(now, Some(standing(remaining, MINUTE)));
        state.leave(true);
        state
    }

    #[test]
    fn the_first_request_finds_out_for_all() {
        let now = Instant::now();
        let mut state = State::new();
        assert_eq!(state.enter(now), Verdict::Probe);
        assert_eq!(state.enter(now), Verdict::AnswerComes(now + PROBE));
        // It got no answer: the next one tries.
        state.leave(true);
        assert_eq!(state.enter(now), Verdict::Probe);
        // It takes too long: nobody waits any more.
        assert_eq!(state.enter(now + PROBE), Verdict::Go);
        state.answered(now, None);
        state.leave(true);
        assert_eq!(
            (state.enter(now), state.known),
            (Verdict::Go, Known::Silent)
        );
    }

    #[test]
    fn no_more_go_than_remain() {
        let now = Instant::now();
        let mut state = known(now, 3);
        for _ in 0..3 {
            assert_eq!(state.enter(now), Verdict::Go);
        }
        assert_eq!(state.enter(now), Verdict::AnswerComes(now + MINUTE));
        // The answers overtake each other: the lowest counts.
        for remaining in [1, 2, 0] {
            state.answered(now, Some(standing(remaining, MINUTE)));
            state.leave(false);
        }
        assert_eq!(state.enter(now), Verdict::WindowEnds(now + MINUTE));
        assert_eq!(state.enter(now + MINUTE), Verdict::Probe);
        let later = now + MINUTE;
        assert_eq!(state.enter(later), Verdict::AnswerComes(later + PROBE));
        state.answered(later, Some(standing(99, MINUTE)));
        state.leave(true);
        for _ in 0..99 {
            assert_eq!(state.enter(later), Verdict::Go);
        }
        assert_eq!(state.enter(later), Verdict::AnswerComes(later + MINUTE));
    }

    #[test]
    fn a_window_that_was_not_used_up_ends_without_a_probe() {
        let now = Instant::now();
        let mut state = known(now, 1);
        let later = now + MINUTE;
        for _ in 0..100 {
            assert_eq!(state.enter(later), Verdict::Go);
        }
        assert_eq!(state.enter(later), Verdict::Probe);
    }

    #[test]
    fn a_new_window_is_told_from_an_answer_that_was_overtaken() {
        let now = Instant::now();
        for (remaining, left, wanted) in [
            // Overtaken, in the same window.
            (6, MINUTE, 5),
            // So many more cannot have been under way.
            (90, MINUTE, 90),
            // A window that ends later is another; one that ends earlier is over.
            (6, MINUTE * 2, 6),
            (6, MINUTE / 2, 5),
            (4, MINUTE, 4),
            (4, MINUTE + Duration::from_millis(900), 4),
        ] {
            let mut state = known(now, 5);
            state.under_way = 2;
            state.answered(now, Some(standing(remaining, left)));
            let Known::Window {
                remaining: read, ..
            } = state.known
            else {
                panic!("{:?}", state.known)
            };
            assert_eq!(read, wanted, "{remaining} {left:?}");
        }
    }

    #[test]
    fn a_refusal_uses_the_window_up_whatever_the_headers_say() {
        let now = Instant::now();
        let wait = Duration::from_secs(5);
        for (mut state, ends) in [
            (State::new(), wait),
            (known(now, 50), wait),
            // Used up for longer than the refusal says.
            (known(now, 0), MINUTE),
        ] {
            state.refused(now, wait);
            assert_eq!(state.verdict(now), Verdict::WindowEnds(now + ends));
            assert_eq!(state.verdict(now + ends), Verdict::Probe);
        }
        let mut state = known(now, 50);
        state.refused(now, Duration::MAX);
        assert_eq!(state.verdict(now), Verdict::Go);
    }

    #[tokio::test(start_paused = true)]
    async fn callers_wait_in_line_and_one_goes_ahead() {
        let limiter = Limiter::new();
        let start = Instant::now();
        let first = enter(&limiter).await;
        first.answered(Some(standing(0, Duration::from_secs(10))), None);
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
                Some(standing(100_u64.saturating_sub(used % 100), left)),
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
        far.answered(Some(standing(0, MINUTE * 2)), None);
        let start = Instant::now();
        drop(
            limiter
                .enter(async {}, MINUTE, |_| panic!("nobody waits"))
                .await,
        );
        assert_eq!(start.elapsed(), Duration::ZERO);
    }
}
