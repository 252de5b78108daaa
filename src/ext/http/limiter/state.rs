//! What is known about the rate limit, and what follows from it. Pure.

use std::time::Duration;

use tokio::time::Instant;

use crate::ext::http::headers::RateLimit;

/// How long other requests wait for a probe. A response that takes longer is slow for another
/// reason, such as a large export.
pub(super) const PROBE: Duration = Duration::from_secs(1);

/// Two ends this close are the same window: headers have whole seconds, and clocks vary.
const SAME_END: Duration = Duration::from_secs(1);

#[derive(Debug, Clone, Copy, PartialEq)]
enum Known {
    /// No response has arrived since the start, or since a window that was used up.
    Unknown,
    /// The service sends no rate-limit headers.
    Silent,
    Window {
        limit: Option<u64>,
        remaining: u64,
        ends: Instant,
    },
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
#[derive(Debug)]
pub(super) struct State {
    known: Known,
    pub(super) in_flight: u64,
    /// When the probe was sent.
    probe: Option<Instant>,
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
const CHECKS_SHARE: u64 = 4;

impl State {
    pub(super) fn new() -> Self {
        Self {
            known: Known::Unknown,
            in_flight: 0,
            probe: None,
            checks: Checks::default(),
        }
    }

    /// Counts a status request that may be sent now, or returns when to try again.
    pub(super) fn may_check(&mut self, now: Instant) -> Result<(), Instant> {
        let Known::Window {
            limit,
            remaining,
            ends,
        } = self.known
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
        if let Known::Window { remaining, .. } = &mut self.known {
            *remaining = remaining.saturating_sub(1);
        }
    }

    /// Decides about a request. If it may be sent, it is in flight.
    pub(super) fn enter(&mut self, now: Instant) -> Verdict {
        let verdict = self.verdict(now);
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

    pub(super) fn verdict(&self, now: Instant) -> Verdict {
        match self.known {
            Known::Silent => Verdict::Go,
            Known::Window {
                remaining, ends, ..
            } if now < ends => {
                if self.in_flight < remaining {
                    Verdict::Go
                } else if remaining > 0 {
                    Verdict::ResponsePending(ends)
                } else {
                    Verdict::WindowEnds(ends)
                }
            }
            Known::Window {
                limit, remaining, ..
            } if remaining > 0 => {
                // Probably a new window: no request had to wait for the old one.
                if limit.is_none_or(|limit| self.in_flight < limit) {
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
            Some(since) if now < since + PROBE => Verdict::ResponsePending(since + PROBE),
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

    /// Takes the rate limit from a response's headers.
    pub(super) fn observe(&mut self, now: Instant, rate_limit: Option<RateLimit>) {
        let Some(rate_limit) = rate_limit else {
            if self.known == Known::Unknown {
                self.known = Known::Silent;
            }
            return;
        };
        let Some(new_end) = now.checked_add(rate_limit.resets_in) else {
            return;
        };
        let mut remaining = rate_limit.remaining;
        if let Known::Window {
            remaining: known,
            ends,
            ..
        } = self.known
            && now < ends
        {
            // Responses may overtake each other: a higher number is older, unless it is too high
            // for the requests in flight.
            let overtaken = remaining <= known + self.in_flight;
            if new_end + SAME_END < ends {
                return;
            }
            if new_end <= ends + SAME_END && overtaken {
                remaining = remaining.min(known);
            }
        }
        self.known = Known::Window {
            limit: rate_limit.limit,
            remaining,
            ends: new_end,
        };
    }

    /// The service has refused a request: the window is used up, even if its headers disagree.
    pub(super) fn refused(&mut self, now: Instant, wait: Duration) {
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

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

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
        assert_eq!(state.enter(now), Verdict::Probe);
        state.observe(now, Some(rate_limit(remaining, MINUTE)));
        state.leave(true);
        state
    }

    #[test]
    fn the_first_request_is_a_probe_for_all() {
        let now = Instant::now();
        let mut state = State::new();
        assert_eq!(state.enter(now), Verdict::Probe);
        assert_eq!(state.enter(now), Verdict::ResponsePending(now + PROBE));
        // It had no response, so the next request is the probe.
        state.leave(true);
        assert_eq!(state.enter(now), Verdict::Probe);
        // It takes too long, so the others stop waiting.
        assert_eq!(state.enter(now + PROBE), Verdict::Go);
        state.observe(now, None);
        state.leave(true);
        assert_eq!(
            (state.enter(now), state.known),
            (Verdict::Go, Known::Silent)
        );
    }

    #[test]
    fn no_more_requests_are_sent_than_remain() {
        let now = Instant::now();
        let mut state = known(now, 3);
        for _ in 0..3 {
            assert_eq!(state.enter(now), Verdict::Go);
        }
        assert_eq!(state.enter(now), Verdict::ResponsePending(now + MINUTE));
        // The responses overtake each other: the lowest number counts.
        for remaining in [1, 2, 0] {
            state.observe(now, Some(rate_limit(remaining, MINUTE)));
            state.leave(false);
        }
        assert_eq!(state.enter(now), Verdict::WindowEnds(now + MINUTE));
        assert_eq!(state.enter(now + MINUTE), Verdict::Probe);
        let later = now + MINUTE;
        assert_eq!(state.enter(later), Verdict::ResponsePending(later + PROBE));
        state.observe(later, Some(rate_limit(99, MINUTE)));
        state.leave(true);
        for _ in 0..99 {
            assert_eq!(state.enter(later), Verdict::Go);
        }
        assert_eq!(state.enter(later), Verdict::ResponsePending(later + MINUTE));
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
        state.observe(later, Some(rate_limit(50, MINUTE)));
        assert_eq!(allowed(&mut state, later), 25);
        // None may be sent when the window is used up.
        state.observe(later, Some(rate_limit(0, MINUTE)));
        assert_eq!(state.may_check(later), Err(later + MINUTE));
        // Without a known limit they are not limited.
        assert_eq!(allowed(&mut State::new(), now), 100);
    }

    #[test]
    fn a_request_that_is_still_waiting_counts_as_used() {
        let now = Instant::now();
        let mut state = known(now, 1);
        assert_eq!(state.enter(now), Verdict::Go);
        state.counted();
        state.leave(false);
        assert_eq!(state.enter(now), Verdict::WindowEnds(now + MINUTE));
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
    fn a_new_window_is_distinguished_from_an_overtaken_response() {
        let now = Instant::now();
        for (remaining, resets_in, expected) in [
            // Overtaken, in the same window.
            (6, MINUTE, 5),
            // So many requests cannot have been in flight.
            (90, MINUTE, 90),
            // A window that ends later is a new one; one that ends earlier is over.
            (6, MINUTE * 2, 6),
            (6, MINUTE / 2, 5),
            (4, MINUTE, 4),
            (4, MINUTE + Duration::from_millis(900), 4),
        ] {
            let mut state = known(now, 5);
            state.in_flight = 2;
            state.observe(now, Some(rate_limit(remaining, resets_in)));
            let Known::Window {
                remaining: read, ..
            } = state.known
            else {
                panic!("{:?}", state.known)
            };
            assert_eq!(read, expected, "{remaining} {resets_in:?}");
        }
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
            assert_eq!(state.verdict(now), Verdict::WindowEnds(now + ends));
            assert_eq!(state.verdict(now + ends), Verdict::Probe);
        }
        let mut state = known(now, 50);
        state.refused(now, Duration::MAX);
        assert_eq!(state.verdict(now), Verdict::Go);
    }
}
