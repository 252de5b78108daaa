//! What is known about the rate limit, and what follows from it. Pure.

use std::time::Duration;

use tokio::time::Instant;

use crate::ext::http::headers::RateLimit;
use crate::ext::http::operation::Priority;

/// How long other requests wait for a probe. A response that takes longer is slow for another
/// reason, such as a large export.
pub(super) const PROBE: Duration = Duration::from_secs(1);

/// Two ends this close are the same window: headers have whole seconds, and clocks vary.
const SAME_END: Duration = Duration::from_secs(1);

/// One in this many requests of a window is kept for each higher priority.
// Assumption: rate-limit-hundred.
const RESERVE_SHARE: u64 = 50;

#[derive(Debug, Clone, Copy, PartialEq)]
enum Known {
    /// No response has arrived since the start, or since a window that was used up.
    Unknown,
    /// The service sends no rate-limit headers.
    Silent,
    Window(Window),
}

/// A window of the rate limit.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Window {
    limit: Option<u64>,
    remaining: u64,
    /// The latest time at which it may end.
    ends: Instant,
    /// When the request was sent whose response reported it.
    since: Instant,
}

impl Window {
    /// The requests that a priority may use. The rest is reserved for higher ones.
    fn available(&self, priority: Priority) -> u64 {
        let step = self.limit.map_or(0, |limit| limit / RESERVE_SHARE);
        self.remaining
            .saturating_sub(step * priority.higher().len() as u64)
    }

    fn is_used_up(&self) -> bool {
        self.available(Priority::Normal) == 0
    }
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Verdict {
    Go,
    /// As `Go`; the others wait for the response.
    Probe,
    /// The window is used up until then.
    WindowEnds(Instant),
    /// A response is in flight that will report the limit. Wait for it until then.
    ResponsePending(Instant),
}

/// What is known about the limit, and what is in flight.
// Assumption: rate-limit-per-key.
#[derive(Debug)]
pub(super) struct State {
    known: Known,
    pub(super) in_flight: u64,
    /// The requests of each priority that wait.
    waiting: [u64; Priority::ALL.len()],
    /// When the probe was sent.
    probe: Option<Instant>,
    /// The limit of the last window.
    last_limit: Option<u64>,
    checks: Checks,
}

/// Status requests in one window.
#[derive(Debug, Clone, Copy, Default)]
struct Checks {
    count: u64,
    /// When that window ends.
    until: Option<Instant>,
}

/// One in this many requests may be a status request.
// Assumption: rate-limit-hundred.
const CHECKS_SHARE: u64 = 4;

impl State {
    pub(super) fn new() -> Self {
        Self {
            known: Known::Unknown,
            in_flight: 0,
            waiting: [0; Priority::ALL.len()],
            probe: None,
            last_limit: None,
            checks: Checks::default(),
        }
    }

    /// Counts a status request that may be sent now, or returns when to try again.
    pub(super) fn may_check(&mut self, now: Instant) -> Result<(), Instant> {
        let Known::Window(Window {
            limit,
            remaining,
            ends,
            ..
        }) = self.known
        else {
            return Ok(());
        };
        let is_over = |until: Instant| now >= until || ends > until + SAME_END;
        let until = match self.checks.until {
            Some(until) if !is_over(until) => until,
            // A new window is about to be reported.
            _ => {
                self.checks.count = 0;
                if now < ends { ends } else { now + PROBE }
            }
        };
        self.checks.until = Some(until);
        let most = limit.map_or(u64::MAX, |limit| (limit / CHECKS_SHARE).max(1));
        if now < ends && remaining == 0 {
            return Err(ends);
        }
        if self.checks.count >= most {
            return Err(until);
        }
        self.checks.count += 1;
        Ok(())
    }

    /// The service has counted a request whose response is still awaited.
    pub(super) fn counted(&mut self) {
        if let Known::Window(window) = &mut self.known {
            window.remaining = window.remaining.saturating_sub(1);
        }
    }

    /// A request starts to wait.
    pub(super) fn queue(&mut self, priority: Priority) {
        self.waiting[priority as usize] += 1;
    }

    /// A request no longer waits.
    pub(super) fn unqueue(&mut self, priority: Priority) {
        self.waiting[priority as usize] -= 1;
    }

    /// Decides about a request. If it may be sent, it is in flight.
    pub(super) fn enter(&mut self, now: Instant, priority: Priority) -> Verdict {
        let verdict = self.verdict(now, priority);
        match verdict {
            Verdict::Go => self.in_flight += 1,
            Verdict::Probe => {
                self.in_flight += 1;
                self.known = Known::Unknown;
                self.probe = Some(now);
            }
            _ => {}
        }
        verdict
    }

    pub(super) fn verdict(&self, now: Instant, priority: Priority) -> Verdict {
        // Requests of a higher priority that wait go first.
        let higher = priority.higher().iter();
        let ahead: u64 = higher.map(|higher| self.waiting[*higher as usize]).sum();
        let ahead = ahead + self.in_flight;
        match self.known {
            Known::Silent => Verdict::Go,
            Known::Window(window) if now < window.ends => {
                let available = window.available(priority);
                if ahead < available {
                    Verdict::Go
                } else if available > 0 {
                    Verdict::ResponsePending(window.ends)
                } else {
                    Verdict::WindowEnds(window.ends)
                }
            }
            // Probably a new window: no request had to wait for the old one.
            // Assumption: rate-limit-minute.
            Known::Window(window)
                if !window.is_used_up() && window.limit.is_none_or(|limit| ahead < limit) =>
            {
                Verdict::Go
            }
            Known::Window(_) | Known::Unknown => self.probing(now, ahead),
        }
    }

    fn probing(&self, now: Instant, ahead: u64) -> Verdict {
        match self.probe {
            None => Verdict::Probe,
            Some(since) if now < since + PROBE => Verdict::ResponsePending(since + PROBE),
            Some(_) if self.last_limit.is_some_and(|limit| ahead >= limit) => {
                Verdict::ResponsePending(now + PROBE)
            }
            Some(_) => Verdict::Go,
        }
    }

    /// A request is no longer in flight: its response headers have arrived, or never will.
    pub(super) fn leave(&mut self, was_probe: bool) {
        self.in_flight = self.in_flight.saturating_sub(1);
        if was_probe {
            self.probe = None;
        }
    }

    /// Takes the rate limit from the headers of the response to a request that was sent at `sent_at`.
    ///
    /// Responses overtake each other and may be late, so a window is replaced only by one that
    /// certainly ends later, or after its own end. Until then the lowest number counts.
    pub(super) fn observe(
        &mut self,
        now: Instant,
        sent_at: Instant,
        rate_limit: Option<RateLimit>,
    ) {
        let Some(rate_limit) = rate_limit else {
            if self.known == Known::Unknown {
                self.known = Known::Silent;
            }
            return;
        };
        // The service sent the response at some time between these.
        let (Some(earliest), Some(latest)) = (
            sent_at.checked_add(rate_limit.resets_in),
            now.checked_add(rate_limit.resets_in),
        ) else {
            return;
        };
        let reported = Window {
            limit: rate_limit.limit,
            remaining: rate_limit.remaining,
            ends: latest,
            since: sent_at,
        };
        let window = match self.known {
            Known::Window(known) => {
                let ends_later = earliest > known.ends + SAME_END;
                let ends_earlier = latest + SAME_END < known.ends;
                let is_older = sent_at < known.since;
                if is_older && (ends_later || ends_earlier) {
                    return;
                }
                if ends_later || (now >= known.ends && sent_at >= known.ends) {
                    reported
                } else if now >= known.ends {
                    return;
                } else {
                    Window {
                        limit: rate_limit.limit,
                        remaining: known.remaining.min(rate_limit.remaining),
                        ends: known.ends.min(latest),
                        since: known.since.max(sent_at),
                    }
                }
            }
            Known::Unknown | Known::Silent => reported,
        };
        self.last_limit = window.limit;
        self.known = Known::Window(window);
    }

    /// The service has refused a request: the window is used up, even if its headers disagree.
    pub(super) fn refused(&mut self, now: Instant, wait: Duration) {
        let Some(new_end) = now.checked_add(wait) else {
            return;
        };
        let (limit, ends) = match self.known {
            Known::Window(window) if window.remaining == 0 => {
                (window.limit, window.ends.max(new_end))
            }
            Known::Window(window) => (window.limit, new_end),
            _ => (self.last_limit, new_end),
        };
        self.known = Known::Window(Window {
            limit,
            remaining: 0,
            ends,
            since: now,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);
    const HIGHEST: Priority = Priority::Highest;

    fn rate_limit(remaining: u64, resets_in: Duration) -> RateLimit {
        RateLimit {
            limit: Some(100),
            remaining,
            resets_in,
        }
    }

    /// A state after one response.
    fn known(now: Instant, remaining: u64) -> State {
        let mut state = State::new();
        assert_eq!(state.enter(now, HIGHEST), Verdict::Probe);
        state.observe(now, now, Some(rate_limit(remaining, MINUTE)));
        state.leave(true);
        state
    }

    #[test]
    fn the_first_request_is_a_probe_for_all() {
        let now = Instant::now();
        let mut state = State::new();
        assert_eq!(state.enter(now, HIGHEST), Verdict::Probe);
        assert_eq!(
            state.enter(now, HIGHEST),
            Verdict::ResponsePending(now + PROBE)
        );
        // It had no response, so the next request is the probe.
        state.leave(true);
        assert_eq!(state.enter(now, HIGHEST), Verdict::Probe);
        // It takes too long, so the others stop waiting.
        assert_eq!(state.enter(now + PROBE, HIGHEST), Verdict::Go);
        state.observe(now, now, None);
        state.leave(true);
        assert_eq!(
            (state.enter(now, HIGHEST), state.known),
            (Verdict::Go, Known::Silent)
        );
    }

    #[test]
    fn no_more_requests_are_sent_than_remain() {
        let now = Instant::now();
        let mut state = known(now, 3);
        for _ in 0..3 {
            assert_eq!(state.enter(now, HIGHEST), Verdict::Go);
        }
        assert_eq!(
            state.enter(now, HIGHEST),
            Verdict::ResponsePending(now + MINUTE)
        );
        // The responses overtake each other: the lowest number counts.
        for remaining in [1, 2, 0] {
            state.observe(now, now, Some(rate_limit(remaining, MINUTE)));
            state.leave(false);
        }
        assert_eq!(state.enter(now, HIGHEST), Verdict::WindowEnds(now + MINUTE));
        assert_eq!(state.enter(now + MINUTE, HIGHEST), Verdict::Probe);
        let later = now + MINUTE;
        assert_eq!(
            state.enter(later, HIGHEST),
            Verdict::ResponsePending(later + PROBE)
        );
        state.observe(later, later, Some(rate_limit(99, MINUTE)));
        state.leave(true);
        for _ in 0..99 {
            assert_eq!(state.enter(later, HIGHEST), Verdict::Go);
        }
        assert_eq!(
            state.enter(later, HIGHEST),
            Verdict::ResponsePending(later + MINUTE)
        );
    }

    #[test]
    fn checks_use_a_quarter_of_each_window() {
        let now = Instant::now();
        let mut state = known(now, 99);
        let allowed =
            |state: &mut State, now| (0..100).filter(|_| state.may_check(now).is_ok()).count();
        assert_eq!(allowed(&mut state, now), 25);
        assert_eq!(state.may_check(now), Err(now + MINUTE));
        // The next window, once a response reports it.
        let later = now + MINUTE;
        assert_eq!(state.may_check(later), Ok(()));
        state.observe(later, later, Some(rate_limit(50, MINUTE)));
        assert_eq!(allowed(&mut state, later), 25);
        // None may be sent when the window is used up.
        state.observe(later, later, Some(rate_limit(0, MINUTE)));
        assert_eq!(state.may_check(later), Err(later + MINUTE));
        // Without a known limit they are not limited.
        assert_eq!(allowed(&mut State::new(), now), 100);
    }

    #[test]
    fn a_request_that_is_still_waiting_counts_as_used() {
        let now = Instant::now();
        let mut state = known(now, 1);
        assert_eq!(state.enter(now, HIGHEST), Verdict::Go);
        state.counted();
        state.leave(false);
        assert_eq!(state.enter(now, HIGHEST), Verdict::WindowEnds(now + MINUTE));
    }

    #[test]
    fn a_window_that_was_not_used_up_ends_without_a_probe() {
        let now = Instant::now();
        let mut state = known(now, 5);
        let later = now + MINUTE;
        for _ in 0..100 {
            assert_eq!(state.enter(later, HIGHEST), Verdict::Go);
        }
        assert_eq!(state.enter(later, HIGHEST), Verdict::Probe);
    }

    #[test]
    fn a_new_window_is_distinguished_from_a_late_response() {
        let start = Instant::now();
        let after = |seconds: u64| start + Duration::from_secs(seconds);
        // The window ends after 60 s, and 5 remained at 10 s.
        for (sent, received, remaining, resets_in, expected) in [
            // Overtaken, in the same window.
            (9, 11, 6, 49, 5),
            (11, 12, 4, 48, 4),
            // Sent long ago: it had more remaining then.
            (1, 20, 90, 59, 5),
            // Sent in the previous window.
            (1, 20, 3, 2, 5),
            // It took 15 s on the way, so its end only seems to be later.
            (11, 30, 3, 49, 3),
            // A window that certainly ends later, as a sliding one does.
            (30, 31, 7, 60, 7),
            // After the end: sent before it, and after it.
            (59, 61, 3, 1, 5),
            (61, 62, 98, 58, 98),
        ] {
            let mut state = State::new();
            let observed = rate_limit(5, Duration::from_secs(50));
            state.observe(after(10), after(10), Some(observed));
            let late = rate_limit(remaining, Duration::from_secs(resets_in));
            state.observe(after(received), after(sent), Some(late));
            let Known::Window(window) = state.known else {
                panic!("{:?}", state.known)
            };
            assert_eq!(window.remaining, expected, "{sent} {received} {remaining}");
        }
    }

    #[test]
    fn a_slow_probe_lets_no_more_requests_pass_than_the_limit() {
        let now = Instant::now();
        let mut state = known(now, 0);
        let later = now + MINUTE;
        assert_eq!(state.enter(later, HIGHEST), Verdict::Probe);
        let sent = (0..200).filter(|_| state.enter(later + PROBE, HIGHEST) == Verdict::Go);
        assert_eq!(sent.count(), 99);
    }

    #[test]
    fn a_higher_priority_has_a_reserve_and_goes_first() {
        let now = Instant::now();
        let mut state = known(now, 7);
        let sent = |state: &mut State, priority| {
            (0..10)
                .take_while(|_| state.enter(now, priority) == Verdict::Go)
                .count()
        };
        assert_eq!(sent(&mut state, Priority::Normal), 3);
        assert_eq!(sent(&mut state, Priority::High), 2);
        assert_eq!(sent(&mut state, Priority::Highest), 2);
        // One that waits takes the place of a lower one.
        let mut state = known(now, 7);
        state.queue(Priority::High);
        assert_eq!(sent(&mut state, Priority::Normal), 2);
        state.unqueue(Priority::High);
        assert_eq!(sent(&mut state, Priority::Normal), 1);
    }

    #[test]
    fn a_refusal_uses_up_the_window_even_if_the_headers_disagree() {
        let now = Instant::now();
        let wait = Duration::from_secs(5);
        for (mut state, ends) in [
            (State::new(), wait),
            (known(now, 50), wait),
            // Used up for longer than the refusal states.
            (known(now, 0), MINUTE),
        ] {
            state.refused(now, wait);
            assert_eq!(state.verdict(now, HIGHEST), Verdict::WindowEnds(now + ends));
            assert_eq!(state.verdict(now + ends, HIGHEST), Verdict::Probe);
        }
        let mut state = known(now, 50);
        state.refused(now, Duration::MAX);
        assert_eq!(state.verdict(now, HIGHEST), Verdict::Go);
    }
}
