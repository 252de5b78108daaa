//! Whether a request is sent again, and when: pure, time and chance come in.
//!
//! One table says it for the transport and for [`Error`](crate::Error)'s predicates.

use std::time::Duration;

use super::backoff::Backoff;
use super::operation::Class;

/// How often and how long a request is tried again.
///
/// What may be tried again at all is not a setting: a generation is never sent a second time once
/// it may have arrived.
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
    /// Most retries of one call. Defaults to 4: with the default backoff some 4 s, at most 7.5 s,
    /// which a restart or a failing handshake takes.
    pub max_retries: u32,
    /// Delays where the service names none. Defaults to half a second at first and 10 s at most:
    /// nobody watches a generation more closely than that.
    pub backoff: Backoff,
    /// No retry begins later than this after the first try, and no single wait for a rate limit
    /// is longer; what would be is an error at once. Defaults to 3 minutes: three windows of the
    /// service's rate limit.
    pub max_elapsed: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            max_retries: 4,
            backoff: Backoff {
                base: Duration::from_millis(500),
                cap: Duration::from_secs(10),
            },
            max_elapsed: Duration::from_secs(180),
        }
    }
}

impl RetryPolicy {
    /// Every request is sent once.
    pub fn none() -> Self {
        Self {
            max_retries: 0,
            ..Self::default()
        }
    }
}

/// How a try ended, when not well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// No name, no connection or no TLS: nothing was sent.
    NotSent,
    /// The connection broke before the answer was whole.
    Broken,
    /// No answer in time.
    TimedOut,
    /// A success that is not what the operation answers.
    Undecodable,
    /// An error status.
    Answered {
        status: u16,
        retry_after: Option<Duration>,
    },
    /// Whatever has nothing to do with the network.
    Local,
}

/// What has become of the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Disposition {
    /// It did not leave this machine.
    NotSent,
    /// The service turned it away unread, for now.
    RefusedUnread,
    /// It may have been carried out or not; the same request may well succeed.
    Lost,
    /// It was carried out, but what came of it cannot be read.
    Unreadable,
    /// It was answered for good.
    Answered,
}

impl Outcome {
    pub(crate) fn disposition(self) -> Disposition {
        match self {
            Self::NotSent => Disposition::NotSent,
            Self::Undecodable => Disposition::Unreadable,
            Self::Answered { status: 429, .. }
            | Self::Answered {
                status: 503,
                retry_after: Some(_),
            } => Disposition::RefusedUnread,
            Self::Broken
            | Self::TimedOut
            | Self::Answered {
                status: 408 | 500..=599,
                ..
            } => Disposition::Lost,
            Self::Answered { .. } | Self::Local => Disposition::Answered,
        }
    }

    fn retry_after(self) -> Option<Duration> {
        match self {
            Self::Answered { retry_after, .. } => retry_after,
            _ => None,
        }
    }
}

impl Class {
    /// Whether the same request may be sent again.
    pub(crate) fn may_resend(self, disposition: Disposition) -> bool {
        match disposition {
            Disposition::NotSent | Disposition::RefusedUnread => true,
            Disposition::Lost => !matches!(self, Self::Paid | Self::Once),
            Disposition::Unreadable | Disposition::Answered => false,
        }
    }

    /// Whether nobody knows if there is something to pay for.
    pub(crate) fn is_unknown(self, disposition: Disposition) -> bool {
        self == Self::Paid && matches!(disposition, Disposition::Lost | Disposition::Unreadable)
    }
}

/// A try that failed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FailedAttempt {
    /// Retries before it.
    pub(crate) retries: u32,
    /// Time since the first try began.
    pub(crate) elapsed: Duration,
    pub(crate) outcome: Outcome,
    /// A number in 0..1.
    pub(crate) random: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Decision {
    Stop,
    RetryAfter(Duration),
}

/// Decides whether a failed try is followed by another.
pub(crate) fn decide(
    class: Class,
    tried: &FailedAttempt,
    policy: &RetryPolicy,
    budget: &mut Budget,
) -> Decision {
    // The event stream reconnects by itself, and knows better where to go on.
    if class == Class::Stream
        || !class.may_resend(tried.outcome.disposition())
        || tried.retries >= policy.max_retries
    {
        return Decision::Stop;
    }
    let backoff = policy.backoff.delay(tried.retries, tried.random);
    let told = tried.outcome.retry_after();
    if tried.elapsed.saturating_add(told.unwrap_or(backoff)) > policy.max_elapsed {
        return Decision::Stop;
    }
    // Not before the service says, and not all at once.
    let spread = |wait: Duration| {
        wait.min(Duration::MAX / 2)
            .mul_f64(1.0 + tried.random / 10.0)
    };
    let delay = told.map_or(backoff, |wait| spread(wait).max(backoff));
    // A 429 comes from a service in good health, and pacing sees to it that few do.
    let is_rate_limited = matches!(tried.outcome, Outcome::Answered { status: 429, .. });
    if is_rate_limited || budget.draw() {
        Decision::RetryAfter(delay)
    } else {
        Decision::Stop
    }
}

/// What a client and its clones may retry in all, so that a failing service is not hammered: one
/// retry to five calls, and a reserve.
#[derive(Debug)]
pub(crate) struct Budget {
    retries: f64,
}

impl Budget {
    /// A retry for each request that can be under way at once: one broken connection may take
    /// them all with it.
    pub(crate) const RESERVE: f64 = 64.0;

    /// Retries that a call brings.
    const SHARE: f64 = 0.2;

    pub(crate) fn new() -> Self {
        Self {
            retries: Self::RESERVE,
        }
    }

    /// Notes that there is another call.
    pub(crate) fn deposit(&mut self) {
        self.retries = (self.retries + Self::SHARE).min(Self::RESERVE);
    }

    fn draw(&mut self) -> bool {
        let has = self.retries >= 1.0;
        if has {
            self.retries -= 1.0;
        }
        has
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

    fn decided(class: Class, outcome: Outcome) -> Decision {
        let tried = FailedAttempt {
            retries: 0,
            elapsed: Duration::ZERO,
            outcome,
            random: 1.0,
        };
        decide(class, &tried, &RetryPolicy::default(), &mut Budget::new())
    }

    fn answered(status: u16, retry_after: Option<Duration>) -> Outcome {
        Outcome::Answered {
            status,
            retry_after,
        }
    }

    /// The statuses that are followed by another try, as ranges.
    fn statuses(class: Class, retry_after: Option<Duration>) -> String {
        let delay = match retry_after {
            Some(wait) => wait.mul_f64(1.1),
            None => Duration::from_millis(500),
        };
        let mut ranges: Vec<(u16, u16)> = Vec::new();
        for status in 100..=599 {
            match decided(class, answered(status, retry_after)) {
                Decision::Stop => continue,
                Decision::RetryAfter(after) => assert_eq!(after, delay, "{status}"),
            }
            match ranges.last_mut() {
                Some((_, last)) if *last + 1 == status => *last = status,
                _ => ranges.push((status, status)),
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

    /// All that `decide` says of an operation.
    fn row(class: Class) -> String {
        let failures = [
            ("not sent", Outcome::NotSent),
            ("broken off", Outcome::Broken),
            ("timed out", Outcome::TimedOut),
            ("not understood", Outcome::Undecodable),
            ("elsewhere", Outcome::Local),
        ];
        let retried = failures
            .iter()
            .filter(|(_, outcome)| decided(class, *outcome) != Decision::Stop)
            .map(|(name, _)| *name);
        format!(
            "  {}\n  status {}\n  status with Retry-After {}\n",
            retried.collect::<Vec<_>>().join(", "),
            statuses(class, None),
            statuses(class, Some(WAIT)),
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
  not sent, broken off, timed out
  status 408 429 500-599
  status with Retry-After 408 429 500-599
job_events
  \n  status \n  status with Retry-After \n";

    #[test]
    fn the_decision_for_every_outcome_of_every_operation_is_pinned() {
        assert_eq!(OPERATIONS.len(), 21);
        let mut groups: BTreeMap<String, Vec<&str>> = BTreeMap::new();
        for operation in OPERATIONS {
            let row = row(operation.class());
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
    fn every_operation_has_its_class_and_an_unknown_post_counts_as_paid() {
        let of = |class: Class| {
            let mut ids: Vec<&str> = OPERATIONS
                .iter()
                .filter(|operation| operation.class() == class)
                .map(|operation| operation.id)
                .collect();
            ids.sort_unstable();
            ids
        };
        assert_eq!(
            of(Class::Paid),
            ["edit_scene", "generate_asset", "generate_scene"]
        );
        assert_eq!(of(Class::Once), ["cancel_job"]);
        assert_eq!(of(Class::Export), ["export_asset", "export_scene"]);
        assert_eq!(
            of(Class::Change),
            ["delete_asset", "delete_scene", "update_scene"]
        );
        assert_eq!(of(Class::Stream), ["job_events"]);
        assert_eq!(of(Class::Read).len(), 11);
        let unknown = Operation {
            id: "render_scene",
            method: "POST",
            path: "/v1/scenes/{scene_id}/render",
            is_streamed: false,
        };
        assert_eq!(unknown.class(), Class::Paid);
    }

    #[cfg(feature = "alpha")]
    #[test]
    fn an_early_access_asset_is_paid_for_once_and_a_scene_is_not_made_twice() {
        let classes = crate::alpha::raw::OPERATIONS;
        let classes = classes
            .iter()
            .map(|operation| (operation.id, operation.class()));
        for (id, class) in classes {
            let wanted = match id {
                "create_asset" => Class::Paid,
                "create_scene" | "place_asset" => Class::Once,
                "export_asset" | "export_scene" => Class::Export,
                _ => Class::Read,
            };
            assert_eq!(class, wanted, "{id}");
        }
    }

    #[test]
    fn a_request_is_either_safe_to_repeat_or_of_unknown_outcome_but_never_both() {
        for class in OPERATIONS.iter().map(Operation::class) {
            for status in 100..=599 {
                for retry_after in [None, Some(WAIT)] {
                    let disposition = answered(status, retry_after).disposition();
                    assert!(!(class.may_resend(disposition) && class.is_unknown(disposition)));
                }
            }
        }
        assert!(
            Class::Paid.is_unknown(Disposition::Lost)
                && Class::Paid.is_unknown(Disposition::Unreadable)
        );
        assert!(
            !Class::Paid.is_unknown(Disposition::NotSent)
                && !Class::Read.is_unknown(Disposition::Lost)
        );
    }

    #[test]
    fn retries_are_bounded_in_number_and_time() {
        let policy = RetryPolicy::default();
        let mut budget = Budget::new();
        let mut decided = |retries, elapsed, retry_after: Option<u64>, random| {
            let tried = FailedAttempt {
                retries,
                elapsed: Duration::from_secs(elapsed),
                outcome: answered(503, retry_after.map(Duration::from_secs)),
                random,
            };
            match decide(Class::Read, &tried, &policy, &mut budget) {
                Decision::Stop => None,
                Decision::RetryAfter(delay) => Some(delay.as_millis()),
            }
        };
        for (retries, elapsed, retry_after, random, wanted) in [
            (0, 0, None, 0.0, Some(0)),
            (0, 0, None, 0.5, Some(250)),
            (3, 0, None, 1.0, Some(4_000)),
            (4, 0, None, 1.0, None),
            (0, 179, None, 1.0, Some(500)),
            (0, 180, None, 1.0, None),
            // Never earlier than the service says, at most a tenth later.
            (0, 0, Some(60), 0.0, Some(60_000)),
            (0, 0, Some(60), 1.0, Some(66_000)),
            (0, 0, Some(0), 1.0, Some(500)),
            // Further away than there is time: the error at once.
            (0, 0, Some(180), 0.0, Some(180_000)),
            (0, 0, Some(181), 0.0, None),
            (0, 121, Some(60), 0.0, None),
            (0, 0, Some(u64::MAX), 0.0, None),
        ] {
            assert_eq!(
                decided(retries, elapsed, retry_after, random),
                wanted,
                "{retries} {elapsed} {retry_after:?} {random}"
            );
        }
        let tried = FailedAttempt {
            retries: 0,
            elapsed: Duration::ZERO,
            outcome: Outcome::NotSent,
            random: 0.0,
        };
        let none = RetryPolicy::none();
        assert_eq!(
            decide(Class::Read, &tried, &none, &mut budget),
            Decision::Stop
        );
    }

    #[test]
    fn a_failing_service_gets_a_fifth_more_and_the_reserve() {
        let mut budget = Budget::new();
        let tried = FailedAttempt {
            retries: 0,
            elapsed: Duration::ZERO,
            outcome: answered(502, None),
            random: 0.0,
        };
        let mut retries = 0;
        for _ in 0..1_000 {
            budget.deposit();
            for _ in 0..4 {
                let decision = decide(Class::Read, &tried, &RetryPolicy::default(), &mut budget);
                retries += u32::from(decision != Decision::Stop);
            }
        }
        assert!((260..=264).contains(&retries), "{retries}");
        // 429 is the pacer's affair.
        let limited = FailedAttempt {
            outcome: answered(429, None),
            ..tried
        };
        for (outcome, stop) in [(tried, true), (limited, false)] {
            let decision = decide(Class::Read, &outcome, &RetryPolicy::default(), &mut budget);
            assert_eq!(decision == Decision::Stop, stop);
        }
    }
}
