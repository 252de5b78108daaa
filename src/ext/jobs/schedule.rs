//! When a stream is opened again, and when a job's status is requested. Pure: time and randomness
//! are arguments.

use std::time::Duration;

use tokio::time::Instant;

use crate::ext::http::backoff::Backoff;

/// The number of consecutive connections without a new event after which the job is polled instead:
/// about two and a half minutes.
// Assumption: connections-fail.
pub(super) const MAX_FAILURES: u32 = 10;

/// The delays after connections without a new event.
pub(super) const BACKOFF: Backoff = Backoff {
    base: Duration::from_millis(500),
    cap: Duration::from_secs(30),
};

/// The longest `retry:` or `Retry-After` that is obeyed. The status is requested meanwhile.
pub(super) const MAX_DELAY: Duration = Duration::from_secs(300);

/// The shortest time between two connections, for a service that closes each after a few events.
const MIN_DELAY: Duration = Duration::from_secs(1);

/// Connections without a new event: one in ten seconds, and six at once after a calm time, so at most
/// twelve a minute.
const FRUITLESS_EVERY: Duration = Duration::from_secs(10);
const FRUITLESS_AT_ONCE: u32 = 5;

/// Paces the connections of one job's stream.
#[derive(Debug)]
pub(super) struct Reconnects {
    /// The number of consecutive connections without a new event.
    pub(super) failures: u32,
    /// When the last connection was opened.
    opened: Option<Instant>,
    /// Each connection without a new event advances this by `FRUITLESS_EVERY`. It may be ahead of now
    /// by the number allowed at once (the generic cell rate algorithm).
    fruitless: Option<Instant>,
}

impl Reconnects {
    pub(super) fn new() -> Self {
        Self {
            failures: 0,
            opened: None,
            fruitless: None,
        }
    }

    /// Whether no connection was opened yet.
    pub(super) fn never_opened(&self) -> bool {
        self.opened.is_none()
    }

    /// A connection is being opened.
    pub(super) fn opened(&mut self, now: Instant) {
        self.opened = Some(now);
    }

    /// A connection has ended, or could not be opened. Returns when the next may be opened.
    pub(super) fn ended(
        &mut self,
        now: Instant,
        brought_new: bool,
        retry_after: Option<Duration>,
        random: f64,
    ) -> Instant {
        let retry_after = retry_after.unwrap_or_default().min(MAX_DELAY);
        let earliest = self.opened.map_or(now, |opened| opened + MIN_DELAY);
        if brought_new {
            self.failures = 0;
            return earliest.max(now + retry_after);
        }
        let backoff = BACKOFF.delay(self.failures, 0.5 + random / 2.0);
        self.failures += 1;
        let fruitless = self.fruitless.map_or(now, |at| at.max(now)) + FRUITLESS_EVERY;
        self.fruitless = Some(fruitless);
        let allowed = fruitless.checked_sub(FRUITLESS_EVERY * FRUITLESS_AT_ONCE);
        (now + backoff.max(retry_after))
            .max(earliest)
            .max(allowed.unwrap_or(now))
    }
}

/// The time without an event before the first status request.
// Assumption: stream-stays-open.
const QUIET: Duration = Duration::from_secs(30);

/// The longest time between two of them.
const MAX_QUIET: Duration = Duration::from_secs(60);

/// The first and shortest time between two requests that confirm the end of a job.
const CONFIRM: Duration = Duration::from_millis(50);

/// The longest time between two of those.
const MAX_CONFIRM: Duration = Duration::from_secs(5);

/// After a claimed end, or a stream that ended, the status is requested no sooner than this after the
/// previous request.
const SPACING: Duration = Duration::from_secs(2);

/// Decides when a job's status is requested.
#[derive(Debug)]
pub(super) struct Checks {
    pub(super) due: Instant,
    /// The time without an event before a request. It grows with each request and never shrinks, so a
    /// job that is often quiet costs few requests.
    quiet: Duration,
    /// The time between two status requests without a stream.
    poll_interval: Option<Duration>,
    last: Option<Instant>,
    /// The number of requests since an end was claimed.
    pub(super) confirmations: u32,
}

/// Why a status is requested.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Check {
    /// No event has arrived for a while.
    Routine,
    /// An event claims the end of the job.
    Confirm,
}

impl Checks {
    /// The first request is due now: nothing is known about the job.
    pub(super) fn at_once(now: Instant) -> Self {
        Self {
            due: now,
            ..Self::after_quiet(now)
        }
    }

    /// The first request is due when no event has arrived for a while.
    pub(super) fn after_quiet(now: Instant) -> Self {
        Self {
            due: now + QUIET,
            quiet: QUIET,
            poll_interval: None,
            last: None,
            confirmations: 0,
        }
    }

    /// An event has arrived.
    pub(super) fn event(&mut self, now: Instant) {
        self.confirmations = 0;
        self.due = now + self.quiet;
    }

    /// An end was claimed, or the stream has ended: makes a request due soon.
    pub(super) fn soon(&mut self, now: Instant) {
        let spaced = self.last.map_or(now, |last| last + SPACING);
        self.due = self.due.min(spaced.max(now));
    }

    /// Polls the job from now on: there is no stream.
    pub(super) fn poll(&mut self, now: Instant, interval: Duration) {
        // `Instant` overflows with `Duration::MAX`; a century is as good.
        let interval = interval.min(Duration::from_secs(60 * 60 * 24 * 36_525));
        self.poll_interval = Some(interval);
        self.due = now;
    }

    /// The status was requested, and the job is still running.
    pub(super) fn requested(&mut self, now: Instant, check: Check, random: f64) {
        self.last = Some(now);
        let regular = if let Some(interval) = self.poll_interval {
            interval.mul_f64(0.75 + random / 2.0)
        } else {
            self.quiet = (self.quiet * 3 / 2).min(MAX_QUIET);
            self.quiet.mul_f64(0.9 + random / 10.0)
        };
        self.due = now + regular;
        if check == Check::Confirm {
            let delay =
                CONFIRM.saturating_mul(1_u32.checked_shl(self.confirmations).unwrap_or(u32::MAX));
            self.confirmations += 1;
            self.due = now + delay.min(MAX_CONFIRM).min(regular);
        }
    }

    /// The rate limit does not allow the request before `until`.
    pub(super) fn postpone(&mut self, now: Instant, until: Instant, random: f64) {
        let wait = (until.saturating_duration_since(now)).clamp(Duration::from_secs(1), MAX_QUIET);
        self.due = now + wait.mul_f64(1.0 + random / 2.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The times at which connections are opened in `seconds`, if each of them ends at once.
    fn openings(
        seconds: u64,
        brought_new: impl Fn(usize) -> bool,
        retry_after: Option<u64>,
    ) -> Vec<Duration> {
        let start = Instant::now();
        let mut pace = Reconnects::new();
        let (mut now, mut all) = (start, Vec::new());
        while now - start < Duration::from_secs(seconds) {
            all.push(now - start);
            pace.opened(now);
            now = pace.ended(
                now,
                brought_new(all.len()),
                retry_after.map(Duration::from_secs),
                0.0,
            );
        }
        all
    }

    #[test]
    fn connections_with_events_are_at_most_one_a_second() {
        for retry_after in [None, Some(0)] {
            assert_eq!(openings(60, |_| true, retry_after).len(), 60);
        }
        assert_eq!(openings(60, |_| true, Some(7)).len(), 9);
        assert_eq!(openings(900, |_| true, Some(u64::MAX)).len(), 3);
    }

    #[test]
    fn connections_without_events_are_at_most_twelve_a_minute() {
        assert!(openings(60, |_| false, Some(0)).len() <= 12);
        // An occasional new event does not allow more of them.
        for every in 2..5 {
            let all = openings(600, |number| number % every == 0, Some(0));
            let fruitless = all
                .iter()
                .enumerate()
                .filter(|(index, _)| (index + 1) % every != 0);
            let fruitless: Vec<_> = fruitless.map(|(_, at)| *at).collect();
            for (index, from) in fruitless.iter().enumerate() {
                let within = fruitless[index..]
                    .iter()
                    .take_while(|at| at.saturating_sub(*from) < Duration::from_secs(60));
                assert!(within.count() <= 12, "{every}: {fruitless:?}");
            }
        }
    }

    #[test]
    fn the_status_of_a_quiet_job_is_requested_after_30_seconds_and_then_less_often() {
        let start = Instant::now();
        let mut checks = Checks::after_quiet(start);
        let mut gaps = Vec::new();
        let mut now = start;
        for _ in 0..4 {
            gaps.push((checks.due - now).as_secs());
            now = checks.due;
            checks.requested(now, Check::Routine, 1.0);
        }
        assert_eq!(gaps, [30, 45, 60, 60]);
        checks.event(now);
        assert_eq!(checks.due - now, MAX_QUIET);
        assert_eq!(Checks::at_once(start).due, start);
    }

    #[test]
    fn an_end_is_confirmed_quickly_at_first() {
        let now = Instant::now();
        let mut checks = Checks::after_quiet(now);
        checks.soon(now);
        assert_eq!(checks.due, now);
        let mut delays = Vec::new();
        for _ in 0..4 {
            checks.requested(now, Check::Confirm, 1.0);
            delays.push((checks.due - now).as_millis());
        }
        assert_eq!(delays, [50, 100, 200, 400]);
        // A second claim waits.
        checks.event(now);
        checks.soon(now);
        assert_eq!(checks.due, now + SPACING);
    }
}
