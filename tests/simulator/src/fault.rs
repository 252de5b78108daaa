//! Faults that tests inject, and the requests that they apply to.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use serde_json::json;

use crate::routes::CDN;

/// A fault of a request, on the wire.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Fault {
    /// The connection is reset after the request headers. The body is not read, and the request is not
    /// handled.
    DropBeforeReading,
    /// The connection is closed after the complete request, which is not handled.
    DropBeforeHandling,
    /// The request is handled, and the connection is closed before the response.
    DropBeforeResponse,
    /// The request is handled, and the connection is closed after this many bytes of the response,
    /// including status line and headers.
    CutHead(u64),
    /// The headers are correct, and the connection is closed at this position of the body.
    CutBody(At),
    /// The request is handled, but the response is never sent, and the connection stays open.
    StallBeforeResponse,
    /// The request is handled, and the response headers are sent after this time (of tokio's clock).
    DelayHead(Duration),
    /// The body stops at this position, and the connection stays open.
    StallBody(At),
    /// The body is sent in chunks of this many bytes, with a pause after each (in real time).
    Trickle(usize, Duration),
    /// The request waits this long (in real time) before it is handled.
    Delay(Duration),
    /// The response is complete, and then the connection is closed without an announcement.
    CloseAfterResponse,
    /// A connection that is closed is reset (RST) instead of ended (FIN).
    Reset,
    /// `Content-Length` is wrong by this much.
    LengthOff(i64),
    /// The body is chunked, without `Content-Length`.
    NoLength,
    /// The response has this header, or lacks it.
    Header(&'static str, Option<String>),
    /// This response is sent, and the request is not handled.
    Respond(Canned),
    /// The event stream misbehaves.
    Events(EventFault),
    /// All existing links of the early-access API expire before the request is handled.
    ExpireLinks,
    /// A request for events is refused with this status if it has a cursor.
    RefuseCursor(u16),
}

/// A position in a body.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum At {
    /// After this many bytes.
    Byte(u64),
    /// After this percentage. A body of unknown length counts as 1 MiB.
    Percent(f64),
}

impl At {
    /// Returns the number of bytes before the position.
    pub(crate) fn bytes(self, length: Option<u64>) -> u64 {
        match self {
            Self::Byte(bytes) => bytes,
            #[expect(
                clippy::cast_precision_loss,
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "lengths fit 52 bits, and a cast saturates"
            )]
            Self::Percent(part) => (length.unwrap_or(1 << 20) as f64 * part / 100.0) as u64,
        }
    }
}

/// A fault of an event stream. Several can apply. Ordinals count the events of a job from 1, in every
/// [`Numbering`](crate::Numbering).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum EventFault {
    /// The connection is closed after each event.
    DropAfterEach,
    /// The connection is closed after this many of its events.
    DropAfter(usize),
    /// The connection is closed in the middle of its n-th event, counted from 1.
    DropInside(usize),
    /// Nothing is sent after this many of the connection's events, and the connection stays open.
    StallAfter(usize),
    /// The body ends correctly after this many of the connection's events.
    EndAfter(usize),
    /// The event with this ordinal is sent twice.
    Repeat(usize),
    /// Every event is sent twice.
    RepeatEach,
    /// The event with this ordinal is not sent.
    Skip(usize),
    /// The stream starts at the first event and ignores the cursor.
    IgnoreCursor,
    /// Lines end with CR LF.
    Crlf,
    /// Lines end with CR.
    Cr,
    /// The body ends correctly, but without the terminal event.
    EndWithoutTerminal,
    /// The terminal event is sent twice.
    TerminalTwice,
    /// The event with this ordinal has the type `telemetry`.
    UnknownType(usize),
    /// An event without a number, of type `telemetry`, precedes the one with this ordinal.
    Unnumbered(usize),
    /// The data of the terminal event is padded to this many bytes.
    BigTerminal(usize),
    /// No pings and no comments.
    NoPings,
    /// Nothing is sent before the terminal event, and then everything at once, as by a buffering proxy.
    Buffered,
    /// The stream starts with these bytes.
    Preamble(&'static [u8]),
    /// The text is sent in chunks of this many bytes.
    Split(usize),
    /// The terminal event is not sent, and the stream stays open with pings.
    LoseTerminal,
    /// The connection is closed after each ping.
    BreakAfterPing,
    /// Only events after the request are sent, regardless of the cursor.
    LiveOnly,
    /// Adjacent events are swapped: 2, 1, 4, 3. An event waits at most 50 ms for the next one, and the
    /// terminal event stays the last.
    OutOfOrder,
    /// The server has restarted: the events that no earlier connection of this job has sent are numbered
    /// from 1 again, and only they are sent, regardless of the cursor.
    RestartNumbers,
    /// Pings are sent at this interval (in real time).
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

    /// Returns an error in the documented shape.
    pub fn error(status: u16, code: &str, message: &str) -> Self {
        Self::json(
            status,
            &json!({ "error": { "code": code, "message": message, "status": status } }),
        )
    }

    /// Returns an error in the flat shape of the early-access API.
    pub fn flat_error(status: u16, error: &str, code: &str, message: &str) -> Self {
        Self::json(
            status,
            &json!({ "error": error, "code": code, "message": message }),
        )
    }

    /// Returns a 429 in the documented shape, without `Retry-After`.
    pub fn rate_limited() -> Self {
        Self::error(429, "rate_limit_exceeded", "Rate limit exceeded")
    }

    /// Returns the error page of a proxy.
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

    /// Sets the body.
    #[must_use]
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    /// Adds `Retry-After` in seconds, with this text.
    #[must_use]
    pub fn retry_after(self, seconds: &str) -> Self {
        self.header("retry-after", seconds)
    }

    /// Adds `Retry-After` as a date this far ahead of the response's `Date`.
    #[must_use]
    pub fn retry_after_date(mut self, ahead: Duration) -> Self {
        self.retry_date = Some(ahead);
        self
    }
}

/// The requests that a fault applies to; by default one.
#[derive(Debug, Clone)]
pub struct On {
    operation: Option<&'static str>,
    path: Option<String>,
    skip: u64,
    times: u64,
    every: u64,
}

impl On {
    /// Selects the requests of an operation of either API, such as `generate_scene`. `cdn` is the download
    /// of a file that the early-access API links to.
    ///
    /// # Panics
    ///
    /// If the operation does not exist, so that a misspelt test fails.
    pub fn operation(id: &str) -> Self {
        let ids = crate::OPERATIONS.iter().chain(crate::ALPHA_OPERATIONS);
        let mut known = ids.map(|(known, _, _)| *known).chain([CDN]);
        let operation = known.find(|known| *known == id);
        Self {
            operation: Some(operation.unwrap_or_else(|| panic!("no operation is called `{id}`"))),
            ..Self::any()
        }
    }

    /// Selects all requests.
    pub fn any() -> Self {
        Self {
            operation: None,
            path: None,
            skip: 0,
            times: 1,
            every: 1,
        }
    }

    /// Restricts them to those whose path contains this text.
    #[must_use]
    pub fn path(self, part: impl Into<String>) -> Self {
        Self {
            path: Some(part.into()),
            ..self
        }
    }

    /// Restricts them to the n-th, counted from 1 since the injection.
    #[must_use]
    pub fn nth(self, number: u64) -> Self {
        Self {
            skip: number.saturating_sub(1),
            times: 1,
            ..self
        }
    }

    /// Excludes the first `skip` requests.
    #[must_use]
    pub fn skip(self, skip: u64) -> Self {
        Self { skip, ..self }
    }

    /// Applies the fault to this many of them.
    #[must_use]
    pub fn times(self, times: u64) -> Self {
        Self { times, ..self }
    }

    /// Applies the fault to all of them.
    #[must_use]
    pub fn always(self) -> Self {
        self.times(u64::MAX)
    }

    /// Restricts them to every n-th, within [`times`](Self::times).
    #[must_use]
    pub fn every(self, every: u64) -> Self {
        Self {
            every: every.max(1),
            ..self
        }
    }

    fn concerns(&self, operation: Option<&str>, path: &str) -> bool {
        self.operation
            .is_none_or(|wanted| Some(wanted) == operation)
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
    /// How often it has happened.
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

/// All faults that were asked for.
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

    /// The faults that this request meets.
    pub(crate) fn meet(&self, operation: Option<&str>, path: &str) -> Vec<Fault> {
        let mut met = Vec::new();
        for Injected(rule) in &self.0 {
            if !rule.on.concerns(operation, path) {
                continue;
            }
            let seen = rule.seen.fetch_add(1, Ordering::SeqCst);
            let Some(index) = seen.checked_sub(rule.on.skip) else {
                continue;
            };
            if index % rule.on.every == 0 && index / rule.on.every < rule.on.times {
                rule.hits.fetch_add(1, Ordering::SeqCst);
                met.push(rule.fault.clone());
            }
        }
        met
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_meets_the_requests_it_is_meant_for() {
        let met = |on: On| {
            let mut faults = Faults::default();
            let injected = faults.inject(on, Fault::DropBeforeResponse);
            let mut met = Vec::new();
            for number in 1..=6 {
                assert!(faults.meet(Some("whoami"), "/v1/whoami").is_empty());
                if !faults.meet(Some("get_job"), "/v1/jobs/job_1").is_empty() {
                    met.push(number);
                }
            }
            assert_eq!(injected.hits(), met.len() as u64);
            met
        };
        let on = || On::operation("get_job");
        assert_eq!(met(on()), [1]);
        assert_eq!(met(on().nth(3)), [3]);
        assert_eq!(met(on().skip(1).times(2)), [2, 3]);
        assert_eq!(met(on().skip(4).always()), [5, 6]);
        assert_eq!(met(on().every(2).always()), [1, 3, 5]);
        assert_eq!(met(On::any().path("job_1").times(2)), [1, 2]);
        assert_eq!(met(on().path("job_2").always()), [0_u64; 0]);
    }
}
