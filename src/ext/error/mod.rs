//! The one error of the crate.

#[cfg(feature = "alpha")]
mod alpha;
mod idempotency;
mod paid_request;
mod text;

use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};

pub(crate) use self::idempotency::Idempotency;
pub use self::paid_request::{Baseline, PaidRequest};
pub(crate) use self::paid_request::{CLOCK_TOLERANCE, Fnv1a, RequestId};
pub(crate) use self::text::{one_line, redact_queries, redact_secret};
use crate::raw::types::Job;

type Source = Box<dyn StdError + Send + Sync>;

/// A failure, with everything that is known about it.
///
/// `Display` prints one line without the cause, which is in [`source`](StdError::source). The alternate
/// form, `{error:#}`, prints one line with it, and so does `Debug`, which prints what `main` returns. The
/// predicates state what to do.
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    message: String,
    operation: Option<String>,
    /// Whether the request may be sent again.
    idempotency: Idempotency,
    /// Whether the request may have been sent before the caller's deadline.
    was_sent: Option<bool>,
    status: Option<StatusCode>,
    headers: HeaderMap,
    code: Option<String>,
    request_id: Option<String>,
    retry_after: Option<Duration>,
    refused_by_service: bool,
    job_id: Option<String>,
    job: Option<Job>,
    attempts: u32,
    paid_request: Option<Box<PaidRequest>>,
    #[cfg(feature = "alpha")]
    alpha: alpha::About,
    body: Bytes,
    source: Option<Source>,
}

/// The kinds of [`Error`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The settings cannot work: no key, a bad base URL, plain http to another machine, a certificate
    /// that is not accepted, or a call outside of a Tokio runtime.
    Config,
    /// The request was invalid. Nothing was sent.
    InvalidRequest,
    /// No connection could be made (DNS, TCP or TLS). The request was not sent.
    Connect,
    /// The connection broke. The request may have been sent; its response is missing or incomplete.
    Transport,
    /// No data arrived within the idle timeout.
    Timeout,
    /// The response has an error status.
    Status,
    /// The response is a success whose body does not fit the operation.
    Decode,
    /// The job failed.
    JobFailed,
    /// The job was cancelled.
    JobCancelled,
    /// The asset of the early-access API failed.
    #[cfg(feature = "alpha")]
    AssetFailed,
    /// The caller's deadline passed.
    Deadline,
    /// Whether the service accepted a paid request is unknown, and nothing that it made was found.
    OutcomeUnknown,
    /// An archive was rejected, or the directory for it is not empty.
    Archive,
    /// A file, or the journal of the caller, could not be read or written.
    Io,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            kind,
            // Messages quote what the service sent, which may be a signed URL.
            message: redact_queries(&message.into()),
            operation: None,
            idempotency: Idempotency::Safe,
            was_sent: None,
            status: None,
            headers: HeaderMap::new(),
            code: None,
            request_id: None,
            retry_after: None,
            refused_by_service: false,
            job_id: None,
            job: None,
            attempts: 0,
            paid_request: None,
            #[cfg(feature = "alpha")]
            alpha: alpha::About::default(),
            body: Bytes::new(),
            source: None,
        }))
    }

    pub(crate) fn io(message: impl Into<String>, source: std::io::Error) -> Self {
        Self::new(ErrorKind::Io, message).with_source(source)
    }

    pub(crate) fn with_source(mut self, source: impl Into<Source>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    pub(crate) fn with_operation(mut self, operation: &str) -> Self {
        self.0.operation.get_or_insert_with(|| operation.to_owned());
        self
    }

    pub(crate) fn with_idempotency(mut self, idempotency: Idempotency) -> Self {
        self.0.idempotency = idempotency;
        self
    }

    pub(crate) fn with_was_sent(mut self, was_sent: bool) -> Self {
        self.0.was_sent = Some(was_sent);
        self
    }

    pub(crate) fn with_job_id(mut self, id: &str) -> Self {
        self.0.job_id.get_or_insert_with(|| id.to_owned());
        self
    }

    pub(crate) fn with_job(mut self, job: Job) -> Self {
        self.0.job = Some(job);
        self
    }

    pub(crate) fn with_attempts(mut self, attempts: u32) -> Self {
        self.0.attempts = attempts;
        self
    }

    pub(crate) fn with_paid_request(mut self, request: PaidRequest) -> Self {
        self.0.paid_request = Some(Box::new(request));
        self
    }

    pub(crate) fn with_retry_after(mut self, retry_after: Option<Duration>) -> Self {
        self.0.retry_after = retry_after;
        self
    }

    /// Adds what to do to the message.
    pub(crate) fn with_advice(mut self, advice: &str) -> Self {
        self.0.message = format!("{}; {advice}", self.0.message);
        self
    }

    /// Keeps the start of a body that could not be used.
    pub(crate) fn with_body(mut self, body: &Bytes) -> Self {
        self.0.body = body.slice(..body.len().min(MAX_ERROR_BODY));
        self
    }

    /// An error from a response with an error status.
    pub(crate) fn from_response(response: ErrorResponse) -> Self {
        let mut error = Self::new(ErrorKind::Status, response.message);
        error.0.status = Some(response.status);
        error.0.headers = response.headers;
        error.0.code = response.code;
        error.0.request_id = response.request_id;
        error.0.retry_after = response.retry_after;
        error.0.refused_by_service = response.is_from_service;
        error.0.body = response.body;
        error
    }

    /// An error from a success whose body does not fit the operation.
    pub(crate) fn undecodable(body: &Bytes, reason: &str) -> Self {
        let message = format!("the response is not as documented: {reason}");
        Self::new(ErrorKind::Decode, message)
            .with_body(body)
            .with_attempts(1)
    }

    /// An error from a request that the generated code could not build.
    pub(crate) fn not_built(error: progenitor_client::Error) -> Self {
        use progenitor_client::Error as Raw;
        let why: Source = match error {
            Raw::InvalidRequest(message) => {
                return Self::new(ErrorKind::InvalidRequest, invalid_request(&message));
            }
            Raw::CommunicationError(source) => source.without_url().into(),
            other => other.into(),
        };
        Self::new(ErrorKind::InvalidRequest, "the request could not be built").with_source(why)
    }
}

/// What to do about a paid request of unknown outcome.
pub(crate) const LOOK_FIRST: &str =
    "its job may be running and be paid for, so look for it before you request it again";

/// The maximum length of a body that an error keeps: 64 KiB.
pub(crate) const MAX_ERROR_BODY: usize = 64 * 1024;

/// A response with an error status, as the transport read it.
pub(crate) struct ErrorResponse {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) code: Option<String>,
    pub(crate) message: String,
    pub(crate) request_id: Option<String>,
    pub(crate) retry_after: Option<Duration>,
    /// The service itself sent it, not an intermediary.
    pub(crate) is_from_service: bool,
    pub(crate) body: Bytes,
}

/// Rewords progenitor's message about a parameter that is missing or invalid.
fn invalid_request(message: &str) -> String {
    let missing = message
        .strip_suffix(" was not initialized")
        .or_else(|| message.strip_prefix("no value supplied for "));
    match missing {
        Some(name) => format!("{name} is missing"),
        None => message.to_owned(),
    }
}

/// The kind, the identifiers and the predicates.
impl Error {
    /// Returns the kind of the error.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Returns the operation that failed, such as `generate_scene`, or `GET /v1/…` for a
    /// [request](crate::Client::request) to any path.
    pub fn operation(&self) -> Option<&str> {
        self.0.operation.as_deref()
    }

    pub(crate) fn idempotency(&self) -> Idempotency {
        self.0.idempotency
    }

    pub(crate) fn was_sent(&self) -> Option<bool> {
        self.0.was_sent
    }

    /// Returns the status of the response, if there was one.
    pub fn status(&self) -> Option<StatusCode> {
        self.0.status
    }

    /// Returns the headers of the response. Empty if there was none, or its status was a success. The key and the
    /// queries of URLs are removed from the values.
    pub fn headers(&self) -> &HeaderMap {
        &self.0.headers
    }

    /// Returns the service's error code, such as `insufficient_credits`.
    pub fn code(&self) -> Option<&str> {
        self.0.code.as_deref()
    }

    /// Returns the message of the service or of this crate, on one line.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// Returns the id that the service gave the request, for its support team.
    pub fn request_id(&self) -> Option<&str> {
        self.0.request_id.as_deref()
    }

    /// Returns how long the service wants the client to wait (`Retry-After`, [RFC 9110, section 10.2.3][rfc]).
    ///
    /// [rfc]: https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// Returns the id of the job, if the error concerns one. It may still be running;
    /// [`Client::job`](crate::Client::job) returns a handle on it.
    pub fn job_id(&self) -> Option<&str> {
        self.0.job_id.as_deref()
    }

    /// Returns the job as last reported, if it failed, was cancelled or exceeded a deadline.
    pub fn job(&self) -> Option<&Job> {
        self.0.job.as_ref()
    }

    /// Returns the first 64 KiB of the response body.
    pub fn body(&self) -> &[u8] {
        &self.0.body
    }

    /// Whether the key is missing or wrong, or lacks the permission (401, 403).
    pub fn is_unauthorized(&self) -> bool {
        matches!(
            self.0.status,
            // Assumptions: auth-missing-key, alpha-forbidden.
            Some(StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN)
        )
    }

    /// Whether the account has too few credits (402).
    pub fn is_insufficient_credits(&self) -> bool {
        // Assumption: error-insufficient-credits.
        self.0.status == Some(StatusCode::PAYMENT_REQUIRED)
            || self.code() == Some("insufficient_credits")
    }

    /// Whether the scene, asset, job or item does not exist (404).
    pub fn is_not_found(&self) -> bool {
        // Assumption: error-not-found.
        self.0.status == Some(StatusCode::NOT_FOUND)
    }

    /// Whether there were too many requests (429).
    pub fn is_rate_limited(&self) -> bool {
        // Assumption: error-rate-limit-exceeded.
        self.0.status == Some(StatusCode::TOO_MANY_REQUESTS)
    }

    /// Whether the kind is `Timeout` or `Deadline`.
    pub fn is_timeout(&self) -> bool {
        matches!(self.0.kind, ErrorKind::Timeout | ErrorKind::Deadline)
    }

    /// Whether the service itself refused the request, rather than an intermediary.
    pub(crate) fn is_refused_by_service(&self) -> bool {
        self.0.refused_by_service
    }

    /// Returns how many times the request was sent, or a connection for it was attempted.
    pub fn attempts(&self) -> u32 {
        self.0.attempts
    }

    /// Returns what was requested and when, if the outcome of a paid request is
    /// [unknown](Self::is_outcome_unknown). `None` for an operation that costs nothing.
    pub fn paid_request(&self) -> Option<&PaidRequest> {
        self.0.paid_request.as_deref()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = &*self.0;
        if let Some(operation) = &inner.operation {
            write!(f, "{operation}: ")?;
        }
        if let Some(status) = inner.status {
            write!(f, "{} ", status.as_u16())?;
            match (&inner.code, status.canonical_reason()) {
                (Some(code), _) => write!(f, "{code}: ")?,
                (None, Some(reason)) => write!(f, "{}: ", reason.to_lowercase())?,
                (None, None) => {}
            }
        }
        f.write_str(&inner.message)?;
        if f.alternate() {
            self.write_causes(f)?;
        }
        let mut separator = " (";
        if inner.attempts > 1 {
            write!(f, "{separator}{} attempts", inner.attempts)?;
            separator = ", ";
        }
        let ids = [
            ("job", &inner.job_id),
            #[cfg(feature = "alpha")]
            ("asset", &inner.alpha.asset_id),
            ("request", &inner.request_id),
        ];
        for (name, id) in ids {
            if let Some(id) = id {
                write!(f, "{separator}{name} {id}")?;
                separator = ", ";
            }
        }
        if separator == ", " {
            f.write_str(")")?;
        }
        Ok(())
    }
}

impl Error {
    fn write_causes(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut cause = self.source();
        if let Some(network) = cause.and_then(|cause| cause.downcast_ref::<reqwest::Error>()) {
            // Only the innermost one is informative: `Connection refused (os error 111)`.
            let mut innermost: &dyn StdError = network;
            while let Some(inner) = innermost.source() {
                innermost = inner;
            }
            return write!(f, ": {}", one_line(&innermost.to_string(), 200));
        }
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:#}")
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}
