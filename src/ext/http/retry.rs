//! Whether a request is sent again, and when. Pure: time and randomness are arguments.
//!
//! One table decides for the transport and for the predicates of [`Error`].

use std::time::Duration;

use super::backoff::Backoff;
use super::operation::Success;
use crate::ext::error::{Error, ErrorKind, Idempotency};

/// How many times, and for how long, a request is retried.
///
/// Which requests may be retried is not a setting: a generation is never sent again once it may
/// have arrived.
///
/// # Examples
///
/// ```
/// # use std::time::Duration;
/// let mut policy = gizmo_client::RetryPolicy::default();
/// policy.max_elapsed = Duration::from_secs(20);
/// let client = gizmo_client::Client::builder()
///     .api_key("gzm_k1_example")
///     .retry_policy(policy)
///     .build()?;
/// # Ok::<_, gizmo_client::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct RetryPolicy {
    /// The maximum number of retries of one call. A 429 that does not state when to return is retried
    /// until `max_elapsed`. Defaults to 4. Four retries with the default backoff add a delay of about 4 s
    /// and at most 7.5 s, enough for a restart or a failing handshake.
    pub max_retries: u32,
    /// The delays where the service names none. Defaults to half a second for the first and at most
    /// 10 s, a short wait compared with a generation.
    pub backoff: Backoff,
    /// A retry starts at most this long after the first attempt. If the next delay exceeds the rest of
    /// this time, the call fails at once. It is also the longest wait for the rate limit before a
    /// request; if the window resets later, the request is sent without waiting. Defaults to 3 minutes:
    /// three windows of the service's rate limit.
    pub max_elapsed: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            // Assumption: connections-fail.
            max_retries: 4,
            backoff: Backoff {
                base: Duration::from_millis(500),
                cap: Duration::from_secs(10),
            },
            // Assumption: rate-limit-minute.
            max_elapsed: Duration::from_secs(180),
        }
    }
}

impl RetryPolicy {
    /// Sends every request once. It still waits for the rate limit before it sends.
    pub fn none() -> Self {
        Self {
            max_retries: 0,
            ..Self::default()
        }
    }

    /// Returns the policy for an operation. An event stream reconnects by itself, after the last
    /// event that arrived.
    pub(crate) fn for_success(self, success: Success) -> Self {
        match success {
            Success::Json | Success::File => self,
            Success::Events => Self {
                max_retries: 0,
                ..self
            },
        }
    }
}

/// How an attempt failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// DNS, TCP or TLS failed. Nothing was sent.
    NotSent,
    /// The connection broke before the response was complete.
    Broken,
    /// No response arrived in time.
    TimedOut,
    /// A success had a body that does not fit the operation.
    Undecodable,
    /// The response had an error status.
    Status {
        status: u16,
        retry_after: Option<Duration>,
        /// The service itself sent it, not an intermediary.
        from_service: bool,
    },
    /// The failure was local, such as a file that could not be written.
    Local,
}

/// What an attempt's outcome proves about the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Disposition {
    /// It did not leave this machine.
    NotSent,
    /// The service refused it without acting on it, for now.
    RefusedUnread,
    /// Something on the way refused it for now, perhaps after the service had acted on it.
    RefusedOnTheWay,
    /// Something on the way refused it, perhaps after the service had acted on it. The same request
    /// will not succeed.
    FinalOnTheWay,
    /// The service may have acted on it. The same request may succeed.
    Lost,
    /// The service acted on it, but the result cannot be read.
    Unreadable,
    /// The outcome is final.
    Final,
}

impl Outcome {
    pub(crate) fn of(error: &Error) -> Self {
        match (error.kind(), error.status()) {
            (ErrorKind::Connect, _) => Self::NotSent,
            (ErrorKind::Transport, _) => Self::Broken,
            (ErrorKind::Timeout, _) => Self::TimedOut,
            (ErrorKind::Decode, _) => Self::Undecodable,
            (ErrorKind::Status, Some(status)) => Self::Status {
                status: status.as_u16(),
                retry_after: error.retry_after(),
                from_service: error.is_refused_by_service(),
            },
            (ErrorKind::Deadline, _) => match error.was_sent() {
                Some(true) => Self::TimedOut,
                Some(false) => Self::NotSent,
                None => Self::Local,
            },
            _ => Self::Local,
        }
    }

    pub(crate) fn disposition(self) -> Disposition {
        match self {
            Self::NotSent => Disposition::NotSent,
            Self::Undecodable => Disposition::Unreadable,
            Self::Status {
                status: 429,
                from_service,
                ..
            }
            | Self::Status {
                status: 503,
                retry_after: Some(_),
                from_service,
            } => {
                // Assumption: refusal-unread.
                if from_service {
                    Disposition::RefusedUnread
                } else {
                    Disposition::RefusedOnTheWay
                }
            }
            // 499: nginx gave up, perhaps after it had passed the request on.
            Self::Broken
            | Self::TimedOut
            | Self::Status {
                status: 408 | 499 | 500..=599,
                ..
            } => Disposition::Lost,
            Self::Status {
                status: 400..=498,
                from_service: false,
                ..
            } => Disposition::FinalOnTheWay,
            Self::Status { .. } | Self::Local => Disposition::Final,
        }
    }

    fn retry_after(self) -> Option<Duration> {
        match self {
            Self::Status { retry_after, .. } => retry_after,
            _ => None,
        }
    }
}

impl Idempotency {
    /// Whether the same request may be sent again.
    pub(crate) fn may_resend(self, disposition: Disposition) -> bool {
        match disposition {
            Disposition::NotSent | Disposition::RefusedUnread => true,
            Disposition::RefusedOnTheWay => self != Self::Paid,
            Disposition::Lost => matches!(self, Self::Safe | Self::Idempotent),
            Disposition::Unreadable | Disposition::FinalOnTheWay | Disposition::Final => false,
        }
    }

    /// Whether the request may have taken effect.
    pub(crate) fn is_unknown(self, disposition: Disposition) -> bool {
        match disposition {
            Disposition::RefusedOnTheWay => self == Self::Paid,
            Disposition::FinalOnTheWay | Disposition::Lost | Disposition::Unreadable => {
                matches!(self, Self::Paid | Self::Once)
            }
            Disposition::NotSent | Disposition::RefusedUnread | Disposition::Final => false,
        }
    }
}

impl Error {
    /// Whether the same request may succeed later, and sending it again cannot be paid for twice.
    ///
    /// The client has already sent it as many times as its [`RetryPolicy`] allows.
    pub fn is_retryable(&self) -> bool {
        self.idempotency()
            .may_resend(Outcome::of(self).disposition())
    }

    /// Whether the request may have taken effect although no usable response arrived: its response was
    /// lost, or came from an intermediary.
    ///
    /// A job may be running then, and be paid for. Do not request it again before
    /// [`Client::reconcile`](crate::Client::reconcile) has looked for it. Of the operations that cost
    /// nothing, this concerns those that have another effect when repeated: cancelling a job, and in
    /// the early-access API creating a scene and placing an asset.
    pub fn is_outcome_unknown(&self) -> bool {
        self.paid_request().is_some()
            || self.kind() == ErrorKind::OutcomeUnknown
            || self
                .idempotency()
                .is_unknown(Outcome::of(self).disposition())
    }
}

/// An attempt that failed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FailedAttempt {
    /// The number of retries before it.
    pub(crate) retries: u32,
    /// The time since the first attempt started.
    pub(crate) elapsed: Duration,
    pub(crate) outcome: Outcome,
    /// A random number in 0..1.
    pub(crate) random: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Decision {
    Stop,
    RetryAfter(Duration),
}

/// The delays after a 429 that does not state its own. They reach the end of a window of a minute.
// Assumption: rate-limit-minute.
pub(crate) const RATE_LIMIT_BACKOFF: Backoff = Backoff {
    base: Duration::from_secs(5),
    cap: Duration::from_secs(60),
};

/// Decides whether a failed attempt is followed by another.
pub(crate) fn decide(
    idempotency: Idempotency,
    failed: &FailedAttempt,
    policy: &RetryPolicy,
    budget: &mut Budget,
) -> Decision {
    if !idempotency.may_resend(failed.outcome.disposition()) || policy.max_retries == 0 {
        return Decision::Stop;
    }
    let retry_after = failed.outcome.retry_after();
    let is_rate_limited = matches!(failed.outcome, Outcome::Status { status: 429, .. });
    // A 429 that does not say for how long is waited out: a window is longer than some retries.
    let backoff = if is_rate_limited && retry_after.is_none() {
        RATE_LIMIT_BACKOFF.delay(failed.retries, 0.5 + failed.random / 2.0)
    } else if failed.retries < policy.max_retries {
        policy.backoff.delay(failed.retries, failed.random)
    } else {
        return Decision::Stop;
    };
    if failed
        .elapsed
        .saturating_add(retry_after.unwrap_or(backoff))
        > policy.max_elapsed
    {
        return Decision::Stop;
    }
    // Never before `Retry-After`, and spread so that many callers do not return at one moment.
    let spread = |wait: Duration| {
        wait.min(Duration::MAX / 2)
            .mul_f64(1.0 + failed.random / 10.0)
    };
    let delay = retry_after.map_or(backoff, |wait| spread(wait).max(backoff));
    // A 429 comes from a healthy service, and the limiter keeps them rare.
    if is_rate_limited || budget.withdraw() {
        Decision::RetryAfter(delay)
    } else {
        Decision::Stop
    }
}

/// The retries that a client and its clones share, so that a failing service is not overloaded: one
/// retry for five calls, and a reserve.
#[derive(Debug)]
pub(crate) struct Budget {
    retries: f64,
}

impl Budget {
    /// One retry for each request that can be in flight at once: a broken connection may fail them
    /// all.
    pub(crate) const RESERVE: f64 = 64.0;

    /// Retries that one call adds.
    const SHARE: f64 = 0.2;

    pub(crate) fn new() -> Self {
        Self {
            retries: Self::RESERVE,
        }
    }

    /// Counts a call.
    pub(crate) fn deposit(&mut self) {
        self.retries = (self.retries + Self::SHARE).min(Self::RESERVE);
    }

    fn withdraw(&mut self) -> bool {
        let has_retry = self.retries >= 1.0;
        if has_retry {
            self.retries -= 1.0;
        }
        has_retry
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::fmt::Write;

    use super::*;
    use crate::ext::http::operation::Operation;
    use crate::raw::OPERATIONS;

    const WAIT: Duration = Duration::from_secs(7);

    fn decided(operation: &Operation, outcome: Outcome) -> Decision {
        let failed = FailedAttempt {
            retries: 0,
            elapsed: Duration::ZERO,
            outcome,
            random: 1.0,
        };
        let policy = RetryPolicy::default().for_success(operation.success);
        decide(operation.idempotency, &failed, &policy, &mut Budget::new())
    }

    fn status(status: u16, retry_after: Option<Duration>) -> Outcome {
        Outcome::Status {
            status,
            retry_after,
            from_service: true,
        }
    }

    fn on_the_way(outcome: Outcome) -> Outcome {
        match outcome {
            Outcome::Status {
                status,
                retry_after,
                ..
            } => Outcome::Status {
                status,
                retry_after,
                from_service: false,
            },
            other => other,
        }
    }

    /// The statuses that are followed by another attempt, as ranges.
    fn statuses(operation: &Operation, retry_after: Option<Duration>) -> String {
        let delay = match retry_after {
            Some(wait) => wait.mul_f64(1.1),
            None => Duration::from_millis(500),
        };
        let mut ranges: Vec<(u16, u16)> = Vec::new();
        for code in 100..=599 {
            match decided(operation, status(code, retry_after)) {
                Decision::Stop => continue,
                Decision::RetryAfter(after) if code == 429 && retry_after.is_none() => {
                    assert_eq!(after, RATE_LIMIT_BACKOFF.base);
                }
                Decision::RetryAfter(after) => assert_eq!(after, delay, "{code}"),
            }
            match ranges.last_mut() {
                Some((_, last)) if *last + 1 == code => *last = code,
                _ => ranges.push((code, code)),
            }
        }
        let ranges = ranges.iter().map(|(first, last)| {
            if first == last {
                first.to_string()
            } else {
                format!("{first}-{last}")
            }
        });
        ranges.collect::<Vec<_>>().join(" ")
    }

    /// Every decision about an operation.
    fn row(operation: &Operation) -> String {
        let failures = [
            ("not sent", Outcome::NotSent),
            ("broken", Outcome::Broken),
            ("timed out", Outcome::TimedOut),
            ("undecodable", Outcome::Undecodable),
            ("local", Outcome::Local),
        ];
        let retried = failures
            .iter()
            .filter(|(_, outcome)| decided(operation, *outcome) != Decision::Stop)
            .map(|(name, _)| *name);
        format!(
            "  {}\n  status {}\n  status with Retry-After {}\n",
            retried.collect::<Vec<_>>().join(", "),
            statuses(operation, None),
            statuses(operation, Some(WAIT)),
        )
    }

    /// Every status and every failure of the network, for every operation.
    const TABLE: &str = "\
cancel_job, edit_scene, generate_asset, generate_scene
  not sent
  status 429
  status with Retry-After 429 503
delete_asset, delete_scene, export_asset, export_scene, get_asset, get_catalog_item, get_job, \
get_scene, list_assets, list_categories, list_scenes, scene_status, search_catalog, update_scene, \
usage, whoami
  not sent, broken, timed out
  status 408 429 499-599
  status with Retry-After 408 429 499-599
job_events
  \n  status \n  status with Retry-After \n";

    #[test]
    fn the_decision_for_every_outcome_of_every_operation_is_pinned() {
        assert_eq!(OPERATIONS.len(), 21);
        let mut groups: BTreeMap<String, Vec<&str>> = BTreeMap::new();
        for operation in OPERATIONS {
            let row = row(operation);
            groups.entry(row).or_default().push(operation.id);
        }
        let mut groups: Vec<(String, String)> = groups
            .into_iter()
            .map(|(row, mut operations)| {
                operations.sort_unstable();
                (operations.join(", "), row)
            })
            .collect();
        groups.sort();
        let mut table = String::new();
        for (operations, row) in groups {
            write!(table, "{operations}\n{row}").unwrap();
        }
        assert_eq!(table, TABLE, "\n{table}");
    }

    #[test]
    fn every_operation_has_an_idempotency() {
        let of = |idempotency: Idempotency| {
            let mut ids: Vec<&str> = OPERATIONS
                .iter()
                .filter(|operation| operation.idempotency == idempotency)
                .map(|operation| operation.id)
                .collect();
            ids.sort_unstable();
            ids
        };
        assert_eq!(
            of(Idempotency::Paid),
            ["edit_scene", "generate_asset", "generate_scene"]
        );
        assert_eq!(of(Idempotency::Once), ["cancel_job"]);
        assert_eq!(
            of(Idempotency::Idempotent),
            ["delete_asset", "delete_scene", "update_scene"]
        );
        // Reads, two exports and the event stream.
        assert_eq!(of(Idempotency::Safe).len(), 11 + 2 + 1);
        let streams = OPERATIONS
            .iter()
            .filter(|operation| operation.success == Success::Events);
        assert_eq!(
            streams.map(|one| one.id).collect::<Vec<_>>(),
            ["job_events"]
        );
        let files = OPERATIONS
            .iter()
            .filter(|operation| operation.success == Success::File);
        assert_eq!(
            files.map(|one| one.id).collect::<Vec<_>>(),
            ["export_asset", "export_scene"]
        );
        for operation in OPERATIONS {
            let is_paid = operation.idempotency == Idempotency::Paid;
            assert_eq!(operation.starts.is_some(), is_paid, "{}", operation.id);
        }
    }

    #[cfg(feature = "alpha")]
    #[test]
    fn an_early_access_asset_is_paid_for_once_and_a_scene_is_not_created_twice() {
        for operation in crate::alpha::raw::OPERATIONS {
            let expected = match operation.id {
                "create_asset" => Idempotency::Paid,
                "create_scene" | "place_asset" => Idempotency::Once,
                _ => Idempotency::Safe,
            };
            assert_eq!(operation.idempotency, expected, "{}", operation.id);
        }
    }

    #[test]
    fn a_request_is_never_both_retryable_and_of_unknown_outcome() {
        for idempotency in OPERATIONS.iter().map(|operation| operation.idempotency) {
            for code in 100..=599 {
                for retry_after in [None, Some(WAIT)] {
                    let outcome = status(code, retry_after);
                    for outcome in [outcome, on_the_way(outcome)] {
                        let disposition = outcome.disposition();
                        let resend = idempotency.may_resend(disposition);
                        assert!(!(resend && idempotency.is_unknown(disposition)));
                    }
                }
            }
        }
        assert!(
            Idempotency::Paid.is_unknown(Disposition::Lost)
                && Idempotency::Paid.is_unknown(Disposition::Unreadable)
        );
        assert!(
            !Idempotency::Paid.is_unknown(Disposition::NotSent)
                && !Idempotency::Safe.is_unknown(Disposition::Lost)
        );
    }

    #[test]
    fn only_the_service_itself_proves_that_it_refused_a_paid_request() {
        for code in [429, 503] {
            let refused = status(code, Some(WAIT));
            let paid = Idempotency::Paid;
            assert!(paid.may_resend(refused.disposition()));
            let refused = on_the_way(refused).disposition();
            assert!(!paid.may_resend(refused) && paid.is_unknown(refused));
            assert!(Idempotency::Once.may_resend(refused));
        }
    }

    #[test]
    fn a_429_without_retry_after_is_waited_out() {
        let (mut elapsed, mut retries) = (Duration::ZERO, 0);
        loop {
            let failed = FailedAttempt {
                retries,
                elapsed,
                outcome: status(429, None),
                random: 0.0,
            };
            let policy = RetryPolicy::default();
            match decide(Idempotency::Paid, &failed, &policy, &mut Budget::new()) {
                Decision::Stop => break,
                Decision::RetryAfter(delay) => elapsed += delay,
            }
            retries += 1;
        }
        assert!(
            elapsed > Duration::from_secs(150) && retries < 10,
            "{elapsed:?} {retries}"
        );
    }

    #[test]
    fn retries_are_bounded_in_number_and_time() {
        let policy = RetryPolicy::default();
        let mut budget = Budget::new();
        let mut decided = |retries, elapsed, retry_after: Option<u64>, random| {
            let failed = FailedAttempt {
                retries,
                elapsed: Duration::from_secs(elapsed),
                outcome: status(503, retry_after.map(Duration::from_secs)),
                random,
            };
            match decide(Idempotency::Safe, &failed, &policy, &mut budget) {
                Decision::Stop => None,
                Decision::RetryAfter(delay) => Some(delay.as_millis()),
            }
        };
        for (retries, elapsed, retry_after, random, expected) in [
            (0, 0, None, 0.0, Some(0)),
            (0, 0, None, 0.5, Some(250)),
            (3, 0, None, 1.0, Some(4_000)),
            (4, 0, None, 1.0, None),
            (0, 179, None, 1.0, Some(500)),
            (0, 180, None, 1.0, None),
            // Never before `Retry-After`, and at most a tenth later.
            (0, 0, Some(60), 0.0, Some(60_000)),
            (0, 0, Some(60), 1.0, Some(66_000)),
            (0, 0, Some(0), 1.0, Some(500)),
            // Longer than `max_elapsed`: it fails at once.
            (0, 0, Some(180), 0.0, Some(180_000)),
            (0, 0, Some(181), 0.0, None),
            (0, 121, Some(60), 0.0, None),
            (0, 0, Some(u64::MAX), 0.0, None),
        ] {
            assert_eq!(
                decided(retries, elapsed, retry_after, random),
                expected,
                "{retries} {elapsed} {retry_after:?} {random}"
            );
        }
        let failed = FailedAttempt {
            retries: 0,
            elapsed: Duration::ZERO,
            outcome: Outcome::NotSent,
            random: 0.0,
        };
        let none = RetryPolicy::none();
        assert_eq!(
            decide(Idempotency::Safe, &failed, &none, &mut budget),
            Decision::Stop
        );
    }

    #[test]
    fn a_failing_service_receives_a_fifth_more_requests_and_the_reserve() {
        let mut budget = Budget::new();
        let failed = FailedAttempt {
            retries: 0,
            elapsed: Duration::ZERO,
            outcome: status(502, None),
            random: 0.0,
        };
        let mut retries = 0;
        for _ in 0..1_000 {
            budget.deposit();
            for _ in 0..4 {
                let decision = decide(
                    Idempotency::Safe,
                    &failed,
                    &RetryPolicy::default(),
                    &mut budget,
                );
                retries += u32::from(decision != Decision::Stop);
            }
        }
        assert!((260..=264).contains(&retries), "{retries}");
        // The limiter prevents 429s; they do not use the budget.
        let limited = FailedAttempt {
            outcome: status(429, None),
            ..failed
        };
        for (outcome, stop) in [(failed, true), (limited, false)] {
            let decision = decide(
                Idempotency::Safe,
                &outcome,
                &RetryPolicy::default(),
                &mut budget,
            );
            assert_eq!(decision == Decision::Stop, stop);
        }
    }
}
