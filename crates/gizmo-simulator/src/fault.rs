//! Faults that tests inject, and the requests to which they apply.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::routes::CDN;

/// A fault of a request, which the simulator causes on the real connection, or of the job that the request
/// starts.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Fault {
    /// Resets the connection once the request headers have arrived. The body is not read and the request is
    /// not handled.
    DropBeforeReading,
    /// Closes the connection once the complete request has arrived. The request is not handled.
    DropBeforeHandling,
    /// Handles the request, then closes the connection without a response.
    DropBeforeResponse,
    /// Handles the request, then closes the connection after this many bytes of the response, including
    /// the status line and the headers.
    CutHead(u64),
    /// Sends the correct response headers, then closes the connection at this position in the body.
    CutBody(At),
    /// Handles the request, but never sends a response. The connection stays open.
    StallBeforeResponse,
    /// Handles the request, then sends the response headers after this delay (on tokio's clock).
    DelayHead(Duration),
    /// Stops the body at this position. The connection stays open.
    StallBody(At),
    /// Sends the body in chunks of this many bytes, with a pause after each (on tokio's clock, not scaled).
    Trickle(usize, Duration),
    /// Waits this long before the request is handled (on tokio's clock, not scaled).
    Delay(Duration),
    /// Closes the connection after a complete response that did not announce it.
    CloseAfterResponse,
    /// Makes other faults close the connection with RST instead of FIN.
    Reset,
    /// Adds this difference to `Content-Length`.
    LengthOff(i64),
    /// Sends the body without `Content-Length`: in chunks, over HTTP/1.1.
    NoLength,
    /// Sets this header of the response, or removes it.
    Header(&'static str, Option<String>),
    /// Sends this response. The request is not handled.
    Respond(Canned),
    /// Handles the request, then sends this response in place of its own, as an intermediary does.
    RespondAfterHandling(Canned),
    /// Sends this response at once, and handles the request after this delay (on tokio's clock, not
    /// scaled): a gateway gives up, and the service continues.
    HandleLater(Duration, Canned),
    /// Applies a fault to the event stream.
    Events(EventFault),
    /// Expires all existing links of the early-access API before the request is handled.
    ExpireLinks,
    /// Refuses a request for events with this status if it has a cursor.
    RefuseCursor(u16),
    /// Makes the job fail in its last stage, with the code `generation_failed`. An asset of the early-access
    /// API fails, too.
    FailJob,
    /// Makes the last asset of the job fail. A scene or an edit succeeds nevertheless: its export as MJCF
    /// contains a body without geometry, and other formats omit the asset. The job of a single asset fails,
    /// as does an asset of the early-access API. An edit that adds no asset is unaffected.
    FailAsset,
    /// Makes the job, or an asset of the early-access API, take this much longer (on tokio's clock, not
    /// scaled).
    SlowJob(Duration),
}

impl Fault {
    /// Returns whether it is a fault of a job, which [`JobRules`] selects.
    fn is_of_job(&self) -> bool {
        matches!(self, Self::FailJob | Self::FailAsset | Self::SlowJob(_))
    }
}

/// The faults of one job.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct JobFaults {
    pub(crate) fails: bool,
    pub(crate) asset_fails: bool,
    /// The time that the job takes in addition.
    pub(crate) delay: Duration,
}

impl JobFaults {
    pub(crate) fn is_none(&self) -> bool {
        *self == Self::default()
    }

    fn add(&mut self, fault: &Fault) {
        match fault {
            Fault::FailJob => self.fails = true,
            Fault::FailAsset => self.asset_fails = true,
            Fault::SlowJob(delay) => self.delay = self.delay.saturating_add(*delay),
            _ => {}
        }
    }
}

/// A position in a body.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum At {
    /// After this many bytes.
    Byte(u64),
    /// After this percentage of the body. A body of unknown length counts as 1 MiB.
    Percent(f64),
}

impl At {
    /// Returns the number of bytes before this position.
    pub(crate) fn bytes(self, length: Option<u64>) -> u64 {
        match self {
            Self::Byte(bytes) => bytes,
            #[expect(
                clippy::cast_precision_loss,
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "lengths fit in 52 bits, and the cast saturates"
            )]
            Self::Percent(percent) => (length.unwrap_or(1 << 20) as f64 * percent / 100.0) as u64,
        }
    }
}

/// A fault of an event stream. Several can apply to one stream. Ordinals count the events of a job from 1
/// in every [`Numbering`](crate::Numbering).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum EventFault {
    /// Closes the connection after each event.
    DropAfterEach,
    /// Closes the connection after this many events on it.
    DropAfter(usize),
    /// Closes the connection in the middle of its event with this number, counted from 1.
    DropInside(usize),
    /// Sends nothing more after this many events on the connection, which stays open.
    StallAfter(usize),
    /// Ends the body cleanly after this many events on the connection.
    EndAfter(usize),
    /// Sends the event with this ordinal twice.
    Repeat(usize),
    /// Sends every event twice.
    RepeatEach,
    /// Omits the event with this ordinal.
    Skip(usize),
    /// Starts at the first event and ignores the cursor.
    IgnoreCursor,
    /// Ends lines with CR LF.
    Crlf,
    /// Ends lines with CR.
    Cr,
    /// Ends the body cleanly, but without the terminal event.
    EndWithoutTerminal,
    /// Sends the terminal event twice.
    TerminalTwice,
    /// Changes the type of the event with this ordinal to `telemetry`.
    UnknownType(usize),
    /// Inserts an event of type `telemetry` without a number before the event with this ordinal.
    Unnumbered(usize),
    /// Pads the data of the terminal event to this many bytes.
    BigTerminal(usize),
    /// Sends no pings and no comments.
    NoPings,
    /// Sends nothing until the terminal event, then everything at once, as a buffering proxy does.
    Buffered,
    /// Sends these bytes at the start of the stream.
    Preamble(&'static [u8]),
    /// Sends the stream in chunks of this many bytes.
    Split(usize),
    /// Omits the terminal event. The stream stays open and continues to send pings.
    LoseTerminal,
    /// Closes the connection after each ping.
    BreakAfterPing,
    /// Ignores the cursor and sends only events that are reported after the request.
    LiveOnly,
    /// Swaps each pair of consecutive events: 2, 1, 4, 3. An event waits at most 50 ms for the next one, and
    /// the terminal event remains the last.
    OutOfOrder,
    /// Simulates a restart of the server. The stream ignores the cursor and sends only the events that no
    /// earlier connection has sent, whether or not the client received them. They are numbered from 1
    /// again.
    RestartNumbers,
    /// Sends pings at this interval, which is not scaled.
    PingEvery(Duration),
}

/// A response that a test defines.
#[derive(Debug, Clone)]
pub struct Canned {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Bytes,
    pub(crate) retry_date: Option<Duration>,
}

impl Canned {
    /// Returns a response with an empty body.
    pub fn empty(status: u16) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: Bytes::new(),
            retry_date: None,
        }
    }

    /// Returns a JSON response.
    pub fn json(status: u16, value: &serde_json::Value) -> Self {
        Self::empty(status)
            .header("content-type", "application/json")
            .body(value.to_string())
    }

    /// Returns an error in the documented format of the current API.
    pub fn error(status: u16, code: &str, message: &str) -> Self {
        Self::json(
            status,
            &json!({ "error": { "code": code, "message": message, "status": status } }),
        )
    }

    /// Returns an error in the flat format of the early-access API.
    pub fn flat_error(status: u16, error: &str, code: &str, message: &str) -> Self {
        Self::json(
            status,
            &json!({ "error": error, "code": code, "message": message }),
        )
    }

    /// Returns a 429 in the documented format, without `Retry-After`.
    pub fn rate_limited() -> Self {
        Self::error(429, "rate_limit_exceeded", "Rate limit exceeded")
    }

    /// Returns an HTML error page, as a proxy sends it.
    pub fn html(status: u16) -> Self {
        let reason = http::StatusCode::from_u16(status)
            .ok()
            .and_then(|status| status.canonical_reason());
        let title = format!("{status} {}", reason.unwrap_or("Error"));
        let page = format!(
            "<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{title}</h1></center>\r\n\
             <hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
        );
        Self::empty(status)
            .header("content-type", "text/html")
            .body(page)
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// Replaces the body.
    #[must_use]
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    /// Adds `Retry-After` with this text, which should be a number of seconds. Fractions are sent unchanged.
    #[must_use]
    pub fn retry_after(self, seconds: &str) -> Self {
        self.header("retry-after", seconds)
    }

    /// Adds `Retry-After` as a date that is this far ahead of the response's `Date`.
    #[must_use]
    pub fn retry_after_date(mut self, ahead: Duration) -> Self {
        self.retry_date = Some(ahead);
        self
    }
}

/// Selects the requests to which a fault applies: by default, the first one that matches.
///
/// A fault of a job ([`Fault::FailJob`], [`Fault::FailAsset`], [`Fault::SlowJob`]) applies to, and counts, only
/// requests that start a job or generate an asset of the early-access API: `On::any().nth(2)` selects the
/// second job, and `On::operation("generate_scene").nth(2)` the second job of a scene.
#[derive(Debug, Clone)]
pub struct On {
    operation: Option<&'static str>,
    path: Option<String>,
    skip: u64,
    times: u64,
    every: u64,
}

impl On {
    /// Selects requests for this operation, such as `generate_scene`, in both APIs. `cdn` selects downloads
    /// from the early-access API's CDN.
    ///
    /// # Panics
    ///
    /// Panics if there is no such operation, so that a test with a misspelled name fails.
    pub fn operation(id: &str) -> Self {
        let ids = crate::OPERATIONS.iter().chain(crate::ALPHA_OPERATIONS);
        let ids = ids.chain(crate::UNDOCUMENTED_OPERATIONS);
        let mut known = ids.map(|(known, _, _)| *known).chain([CDN]);
        let operation = known.find(|known| *known == id);
        Self {
            operation: Some(operation.unwrap_or_else(|| panic!("unknown operation `{id}`"))),
            ..Self::any()
        }
    }

    /// Selects requests for any path.
    pub fn any() -> Self {
        Self {
            operation: None,
            path: None,
            skip: 0,
            times: 1,
            every: 1,
        }
    }

    /// Restricts the selection to requests whose path contains this text.
    #[must_use]
    pub fn path(self, part: impl Into<String>) -> Self {
        Self {
            path: Some(part.into()),
            ..self
        }
    }

    /// Starts the selection at the request with this number, counted from 1 since the injection.
    #[must_use]
    pub fn nth(self, number: u64) -> Self {
        self.skip(number.saturating_sub(1))
    }

    /// Excludes the first `skip` requests of the selection.
    #[must_use]
    pub fn skip(self, skip: u64) -> Self {
        Self { skip, ..self }
    }

    /// Sets the number of requests to which the fault applies (default 1).
    #[must_use]
    pub fn times(self, times: u64) -> Self {
        Self { times, ..self }
    }

    /// Applies the fault to all selected requests.
    #[must_use]
    pub fn always(self) -> Self {
        self.times(u64::MAX)
    }

    /// Restricts the selection to the first of every `every` requests, up to the number that
    /// [`times`](Self::times) sets.
    #[must_use]
    pub fn every(self, every: u64) -> Self {
        Self {
            every: every.max(1),
            ..self
        }
    }

    fn matches(&self, operation: Option<&str>, path: &str) -> bool {
        self.operation
            .is_none_or(|expected| Some(expected) == operation)
            && self
                .path
                .as_ref()
                .is_none_or(|part| path.contains(part.as_str()))
    }
}

/// An injected fault.
#[derive(Debug, Clone)]
pub struct Injected(Arc<Rule>);

impl Injected {
    /// Returns how many times the fault has been applied.
    pub fn hits(&self) -> u64 {
        self.0.hits.load(Ordering::SeqCst)
    }
}

#[derive(Debug)]
struct Rule {
    on: On,
    fault: Fault,
    seen: AtomicU64,
    hits: AtomicU64,
}

impl Rule {
    /// Counts a request that matches. Returns whether the fault applies to it.
    fn count(&self) -> bool {
        let seen = self.seen.fetch_add(1, Ordering::SeqCst);
        let index = seen.checked_sub(self.on.skip);
        let applies = index.is_some_and(|index| {
            index % self.on.every == 0 && index / self.on.every < self.on.times
        });
        if applies {
            self.hits.fetch_add(1, Ordering::SeqCst);
        }
        applies
    }
}

/// The faults of the job that a request may start. They are counted when it starts one.
#[derive(Debug, Clone, Default)]
pub(crate) struct JobRules {
    rules: Vec<Injected>,
    faults: Arc<OnceLock<JobFaults>>,
}

impl JobRules {
    /// Returns rules that result in these faults.
    pub(crate) fn recorded(faults: JobFaults) -> Self {
        Self {
            rules: Vec::new(),
            faults: Arc::new(OnceLock::from(faults)),
        }
    }

    /// Returns the faults of the job that the request starts, and counts it.
    pub(crate) fn apply(&self) -> JobFaults {
        *self.faults.get_or_init(|| {
            let mut faults = JobFaults::default();
            for Injected(rule) in &self.rules {
                if rule.count() {
                    faults.add(&rule.fault);
                }
            }
            faults
        })
    }

    /// Returns the faults of the job that the request has started, or none if it has started no job.
    pub(crate) fn applied(&self) -> JobFaults {
        self.faults.get().copied().unwrap_or_default()
    }
}

/// All injected faults.
#[derive(Debug, Default)]
pub(crate) struct Faults(Vec<Injected>);

impl Faults {
    pub(crate) fn inject(&mut self, on: On, fault: Fault) -> Injected {
        let injected = Injected(Arc::new(Rule {
            on,
            fault,
            seen: AtomicU64::new(0),
            hits: AtomicU64::new(0),
        }));
        self.0.push(injected.clone());
        injected
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    /// Returns the faults that apply to this request, which are counted, and those of the job that it may
    /// start.
    pub(crate) fn matching(&self, operation: Option<&str>, path: &str) -> (Vec<Fault>, JobRules) {
        let matching = self.0.iter();
        let matching = matching.filter(|Injected(rule)| rule.on.matches(operation, path));
        let (of_job, of_request): (Vec<&Injected>, Vec<&Injected>) =
            matching.partition(|Injected(rule)| rule.fault.is_of_job());
        let of_request = of_request.into_iter();
        let faults = of_request
            .filter(|Injected(rule)| rule.count())
            .map(|Injected(rule)| rule.fault.clone());
        let job_rules = JobRules {
            rules: of_job.into_iter().cloned().collect(),
            faults: Arc::default(),
        };
        (faults.collect(), job_rules)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_applies_to_the_selected_requests() {
        let affected = |on: On| {
            let mut faults = Faults::default();
            let injected = faults.inject(on, Fault::DropBeforeResponse);
            let mut numbers = Vec::new();
            for number in 1..=6 {
                assert!(faults.matching(Some("whoami"), "/v1/whoami").0.is_empty());
                let (matching, _) = faults.matching(Some("get_job"), "/v1/jobs/job_1");
                if !matching.is_empty() {
                    numbers.push(number);
                }
            }
            assert_eq!(injected.hits(), numbers.len() as u64);
            numbers
        };
        let on = || On::operation("get_job");
        assert_eq!(affected(on()), [1]);
        assert_eq!(affected(on().nth(3)), [3]);
        assert_eq!(affected(on().skip(1).times(2)), [2, 3]);
        assert_eq!(affected(on().nth(4).times(2)), [4, 5]);
        assert_eq!(affected(on().times(2).nth(4)), [4, 5]);
        assert_eq!(affected(on().skip(4).always()), [5, 6]);
        assert_eq!(affected(on().every(2).always()), [1, 3, 5]);
        assert_eq!(affected(On::any().path("job_1").times(2)), [1, 2]);
        assert_eq!(affected(on().path("job_2").always()), [0_u64; 0]);
    }
}
