//! When a stream is opened again, and when a job's status is requested. Pure: time and randomness
//! are arguments.

use std::time::Duration;

use tokio::time::Instant;

use crate::ext::http::backoff::Backoff;

/// Connections in a row that bring no new event before the job is polled instead: some two and a
/// half minutes.
pub(super) const MOST_FAILURES: u32 = 10;

/// Delays after connections that bring nothing new.
pub(super) const BACKOFF: Backoff = Backoff {
    base: Duration::from_millis(500),
    cap: Duration::from_secs(30),
};

/// The longest `retry:` or `Retry-After` that is obeyed. The status is requested meanwhile.
pub(super) const MOST_DELAY: Duration = Duration::from_secs(300);

/// A service that closes each connection after a few events is asked once a second.
const LEAST_DELAY: Duration = Duration::from_secs(1);

/// Connections that bring nothing new: one in ten seconds, and six at once after a calm time, so at
/// most twelve a minute.
const FRUITLESS_EVERY: Duration = Duration::from_secs(10);
const FRUITLESS_AT_ONCE: u32 = 5;

/// Paces the connections of one job's stream.
#[derive(Debug)]
pub(super) struct Reconnects {
    /// Connections in a row that brought no new event.
    pub(super) failures: u32,
    /// When the connection that ended was opened.
    opened: Option<Instant>,
    /// Each fruitless connection moves this on by `FRUITLESS_EVERY`, and it may be ahead by as many
    /// as are allowed at once (the generic cell rate algorithm).
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

    /// No connection has been tried yet.
    pub(super) fn never_opened(&self) -> bool {
        self.opened.is_none()
    }

    /// A connection is being opened.
    pub(super) fn opened(&mut self, now: Instant) {
        self.opened = Some(now);
    }

    /// A connection has ended, or could not be opened. Says when the next may be.
    pub(super) fn ended(
        &mut self,
        now: Instant,
        brought_new: bool,
        asked: Option<Duration>,
        random: f64,
    ) -> Instant {
        let asked = asked.unwrap_or_default().min(MOST_DELAY);
        let earliest = self.opened.map_or(now, |opened| opened + LEAST_DELAY);
        if brought_new {
            self.failures = 0;
            return earliest.max(now + asked);
        }
        let backoff = BACKOFF.delay(self.failures, 0.5 + random / 2.0);
        self.failures += 1;
        let fruitless = self.fruitless.map_or(now, |at| at.max(now)) + FRUITLESS_EVERY;
        self.fruitless = Some(fruitless);
        let allowed = fruitless.checked_sub(FRUITLESS_EVERY * FRUITLESS_AT_ONCE);
        (now + backoff.max(asked))
            .max(earliest)
            .max(allowed.unwrap_or(now))
    }
}

/// The first request for the status of a job that reports no event.
const QUIET: Duration = Duration::from_secs(30);

/// The longest time between two of them.
const MOST_QUIET: Duration = Duration::from_secs(60);

/// The first and the shortest time between two requests that are to confirm the end of a job.
const CONFIRM: Duration = Duration::from_millis(50);

/// The longest time between two of those.
const MOST_CONFIRM: Duration = Duration::from_secs(5);

/// Claims of an end, and streams that end by themselves, have the status requested no sooner than
/// this after the last time.
const SPACING: Duration = Duration::from_secs(2);

/// Decides when a job's status is requested.
#[derive(Debug)]
pub(super) struct Checks {
    pub(super) due: Instant,
    /// Time without an event before a request. It grows with each request and never shrinks, so a
    /// job that is quiet again and again costs few.
    quiet: Duration,
    /// The time between two polls, where there is no stream.
    poll_interval: Option<Duration>,
    last: Option<Instant>,
    /// Requests since an end was claimed.
    pub(super) confirmations: u32,
}

impl Checks {
    /// The first request is due at once where nothing is known of the job.
    pub(super) fn new(now: Instant, at_once: bool) -> Self {
        Self {
            due: if at_once { now } else { now + QUIET },
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

    /// The status is of interest, since an end was claimed or the stream has ended.
    pub(super) fn soon(&mut self, now: Instant) {
        let spaced = self.last.map_or(now, |last| last + SPACING);
        self.due = self.due.min(spaced.max(now));
    }

    /// There is no stream: the job is polled from now on.
    pub(super) fn poll(&mut self, now: Instant, interval: Duration) {
        // A century is forever as well.
        let interval = interval.min(Duration::from_secs(60 * 60 * 24 * 36_525));
        self.poll_interval = Some(interval);
        self.due = now;
    }

    /// The status has been requested, and the job goes on.
    pub(super) fn requested(&mut self, now: Instant, confirming: bool, random: f64) {
        self.last = Some(now);
        let regular = if let Some(interval) = self.poll_interval {
            interval.mul_f64(0.75 + random / 2.0)
        } else {
            self.quiet = (self.quiet * 3 / 2).min(MOST_QUIET);
            self.quiet.mul_f64(0.9 + random / 10.0)
        };
        self.due = now + regular;
        if confirming {
            let delay =
                CONFIRM.saturating_mul(1_u32.checked_shl(self.confirmations).unwrap_or(u32::MAX));
            self.confirmations += 1;
            self.due = now + delay.min(MOST_CONFIRM).min(regular);
        }
    }

    /// The rate limit has no room for the request before `until`.
    pub(super) fn postpone(&mut self, now: Instant, until: Instant, random: f64) {
        let wait = (until.saturating_duration_since(now)).clamp(Duration::from_secs(1), MOST_QUIET);
        self.due = now + wait.mul_f64(1.0 + random / 2.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The moments at which connections are opened in so many seconds, each of which lasts no time.
    fn openings(
        seconds: u64,
        brought_new: impl Fn(usize) -> bool,
        asked: Option<u64>,
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
                asked.map(Duration::from_secs),
                0.0,
            );
        }
        all
    }

    #[test]
    fn connections_that_bring_events_are_at_most_one_a_second() {
        for asked in [None, Some(0)] {
            assert_eq!(openings(60, |_| true, asked).len(), 60);
        }
        assert_eq!(openings(60, |_| true, Some(7)).len(), 9);
        assert_eq!(openings(900, |_| true, Some(u64::MAX)).len(), 3);
    }

    #[test]
    fn connections_that_bring_nothing_are_at_most_twelve_a_minute() {
        assert!(openings(60, |_| false, Some(0)).len() <= 12);
        // Neither does a new event now and then let more of them through.
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
    fn a_quiet_job_is_asked_after_30_seconds_and_then_more_seldom() {
        let start = Instant::now();
        let mut checks = Checks::new(start, false);
        let mut gaps = Vec::new();
        let mut now = start;
        for _ in 0..4 {
            gaps.push((checks.due - now).as_secs());
            now = checks.due;
            checks.requested(now, false, 1.0);
        }
        assert_eq!(gaps, [30, 45, 60, 60]);
        checks.event(now);
        assert_eq!(checks.due - now, MOST_QUIET);
        assert_eq!(Checks::new(start, true).due, start);
    }

    #[test]
    fn an_end_is_confirmed_quickly_at_first() {
        let now = Instant::now();
        let mut checks = Checks::new(now, false);
        checks.soon(now);
        assert_eq!(checks.due, now);
        let mut delays = Vec::new();
        for _ in 0..4 {
            checks.requested(now, true, 1.0);
            delays.push((checks.due - now).as_millis());
        }
        assert_eq!(delays, [50, 100, 200, 400]);
        // A second claim has to wait a little.
        checks.event(now);
        checks.soon(now);
        assert_eq!(checks.due, now + SPACING);
    }
}
