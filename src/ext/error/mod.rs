//! The one error of the crate.

#[cfg(feature = "alpha")]
mod alpha;
mod paid_request;
mod text;

use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;

pub use self::paid_request::PaidRequest;
pub(crate) use self::text::one_line;
use crate::raw::types::Job;

type Source = Box<dyn StdError + Send + Sync>;

/// What went wrong, with everything that is known of it.
///
/// `Display` is one line without the cause, which is in [`source`](StdError::source); the alternate
/// form, `{error:#}`, is one line with it. Ask the predicates what to do.
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    message: String,
    operation: Option<&'static str>,
    status: Option<StatusCode>,
    code: Option<String>,
    request_id: Option<String>,
    retry_after: Option<Duration>,
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
    /// The client's settings cannot work: no key, a bad base URL, plain http to another machine.
    Config,
    /// The request was refused here, before anything was sent.
    InvalidRequest,
    /// No connection: name, TCP or TLS. The request was not sent.
    Connect,
    /// The request may have been sent; its answer broke off or never came.
    Transport,
    /// Nothing came within the idle timeout.
    Timeout,
    /// The service answered with an error status.
    Status,
    /// The service answered with success and a body that is not what the operation answers.
    Decode,
    /// The job ended as failed.
    JobFailed,
    /// The job ended as cancelled.
    JobCancelled,
    /// The asset of the early-access API ended as failed.
    #[cfg(feature = "alpha")]
    AssetFailed,
    /// The caller's deadline passed while the job was still at work.
    Deadline,
    /// An archive was refused or a bundle is not whole.
    Archive,
    /// A file could not be read or written.
    Io,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            kind,
            message: message.into(),
            operation: None,
            status: None,
            code: None,
            request_id: None,
            retry_after: None,
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

    pub(crate) fn with_operation(mut self, operation: &'static str) -> Self {
        self.0.operation.get_or_insert(operation);
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

    /// Keeps the start of a body that was not what it should have been.
    pub(crate) fn with_body(mut self, body: &Bytes) -> Self {
        self.0.body = body.slice(..body.len().min(MAX_ERROR_BODY));
        self
    }

    /// An answer with an error status, read in whichever shape it came.
    pub(crate) fn from_response(answer: ErrorResponse) -> Self {
        let mut error = Self::new(ErrorKind::Status, answer.message);
        error.0.status = Some(answer.status);
        error.0.code = answer.code;
        error.0.request_id = answer.request_id;
        error.0.retry_after = answer.retry_after;
        error.0.body = answer.body;
        error
    }

    /// A success that is not what the operation answers.
    pub(crate) fn undecodable(body: &Bytes, source: &serde_json::Error) -> Self {
        let message = format!("the answer is not understood: {source}");
        Self::new(ErrorKind::Decode, message)
            .with_body(body)
            .with_attempts(1)
    }

    /// A request that the generated code did not build.
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

/// Of an answer's body, as much as an error keeps: 64 KiB.
pub(crate) const MAX_ERROR_BODY: usize = 64 * 1024;

/// An error answer, as the transport read it.
pub(crate) struct ErrorResponse {
    pub(crate) status: StatusCode,
    pub(crate) code: Option<String>,
    pub(crate) message: String,
    pub(crate) request_id: Option<String>,
    pub(crate) retry_after: Option<Duration>,
    pub(crate) body: Bytes,
}

/// progenitor's words for a parameter that is missing or wrong, as a user would say it.
fn invalid_request(message: &str) -> String {
    let missing = message
        .strip_suffix(" was not initialized")
        .or_else(|| message.strip_prefix("no value supplied for "));
    match missing {
        Some(name) => format!("{name} is missing"),
        None => message.to_owned(),
    }
}

/// The kind, the identifiers and what can be done about it.
impl Error {
    /// What kind of error this is.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The operation that failed, by the name of its builder, such as `generate_scene`.
    pub fn operation(&self) -> Option<&str> {
        self.0.operation
    }

    /// The HTTP status of the answer, where one came.
    pub fn status(&self) -> Option<StatusCode> {
        self.0.status
    }

    /// The service's code, such as `insufficient_credits`.
    pub fn code(&self) -> Option<&str> {
        self.0.code.as_deref()
    }

    /// What the service or this crate says about it, on one line.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The id that the service gave the request, for its support.
    pub fn request_id(&self) -> Option<&str> {
        self.0.request_id.as_deref()
    }

    /// How long the service asks to wait (`Retry-After`, [RFC 9110, section 10.2.3][rfc]).
    ///
    /// [rfc]: https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// The job in question, where there is one: it may still be at work and can be picked up by
    /// [`Client::job`](crate::Client::job).
    pub fn job_id(&self) -> Option<&str> {
        self.0.job_id.as_deref()
    }

    /// The job as last reported, when it failed, was cancelled or outlived a deadline.
    pub fn job(&self) -> Option<&Job> {
        self.0.job.as_ref()
    }

    /// The first 64 KiB of the answer's body, as it came.
    pub fn body(&self) -> &[u8] {
        &self.0.body
    }

    /// The key is missing, wrong or may not do this (401, 403).
    pub fn is_unauthorized(&self) -> bool {
        matches!(
            self.0.status,
            Some(StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN)
        )
    }

    /// The account has no credits left (402).
    pub fn is_insufficient_credits(&self) -> bool {
        self.0.status == Some(StatusCode::PAYMENT_REQUIRED)
            || self.code() == Some("insufficient_credits")
    }

    /// No such scene, asset, job or item (404).
    pub fn is_not_found(&self) -> bool {
        self.0.status == Some(StatusCode::NOT_FOUND)
    }

    /// Too many requests (429).
    pub fn is_rate_limited(&self) -> bool {
        self.0.status == Some(StatusCode::TOO_MANY_REQUESTS)
    }

    /// Nothing came in time, from the network or from the job.
    pub fn is_timeout(&self) -> bool {
        matches!(self.0.kind, ErrorKind::Timeout | ErrorKind::Deadline)
    }

    /// How often the request was sent, or a connection for it tried; 0 where it did not come to
    /// that.
    pub fn attempts(&self) -> u32 {
        self.0.attempts
    }

    /// What was asked for and when, where [`is_outcome_unknown`](Self::is_outcome_unknown).
    pub fn paid_request(&self) -> Option<&PaidRequest> {
        self.0.paid_request.as_deref()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = &*self.0;
        if let Some(operation) = inner.operation {
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
            // Only the innermost of them says something: `Connection refused (os error 111)`.
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
        let mut shown = f.debug_struct("Error");
        shown
            .field("kind", &self.0.kind)
            .field("message", &self.to_string());
        if let Some(source) = &self.0.source {
            shown.field("source", source);
        }
        shown.finish_non_exhaustive()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}
