//! The single way to the network: every generated call is sent from here.
//!
//! Error bodies and JSON bodies are read completely, within limits.

mod body;
mod error_response;
mod file;
mod stream;

use std::future::poll_fn;
use std::pin::pin;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::task::Poll;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::header::ACCEPT_ENCODING;
use http::{HeaderMap, StatusCode};
use progenitor_client::{ByteStream, ClientInfo, ResponseValue};
use reqwest::{Request, Response, Url};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::sync::SemaphorePermit;
use tokio::time::Instant;
use tracing::field::Empty;
use tracing::{Instrument, Span, debug, debug_span, info};

use self::body::read;
use self::error_response::error_response;
use self::file::IDENTITY;
pub(crate) use self::file::{DOWNLOAD, Key, file_url};
pub(crate) use self::stream::SILENCE;

use super::backoff::random;
use super::config::Credential;
use super::headers::{rate_limit, retry_after};
use super::limiter::{Lease, WaitReason};
use super::operation::{Operation, Priority, Success};
use super::options::Draft;
use super::retry::{Decision, FailedAttempt, Outcome, RATE_LIMIT_BACKOFF, RetryPolicy, decide};
use super::runtime;
use crate::ext::error::{
    Error, ErrorKind, Fnv1a, Idempotency, LOOK_FIRST, MAX_ERROR_BODY, PaidRequest, one_line,
};
use crate::raw::Client;

/// The tracing target of requests and their retries.
const TARGET: &str = "gizmo_client::http";

/// The largest JSON body that is read: 64 MiB, several times a large scene graph.
const JSON_LIMIT: usize = 64 * 1024 * 1024;

/// A successful response.
struct Exchange {
    response: Response,
    /// The complete body, unless it is streamed.
    body: Bytes,
    sent_at: SystemTime,
}

/// The calls that the generated code makes, one for each kind of success body.
#[allow(dead_code, reason = "a document may have responses of one kind only")]
impl Client {
    /// Returns what the generated code sends with.
    pub(crate) fn transport(&self) -> &Self {
        self
    }

    /// Sends a request and decodes the JSON body of its response.
    pub(crate) async fn json<T: DeserializeOwned>(
        &self,
        operations: &'static [Operation<'static>],
        id: &str,
        draft: Draft<'_>,
    ) -> Result<ResponseValue<T>, Error> {
        self.json_of(Operation::find(operations, id), draft).await
    }

    /// Does the same for an operation that was found already.
    pub(crate) async fn json_of<T: DeserializeOwned>(
        &self,
        operation: &Operation<'_>,
        draft: Draft<'_>,
    ) -> Result<ResponseValue<T>, Error> {
        self.json_call(operation, Call::of(operation), draft).await
    }

    /// Does the same for a request on which a paid one depends, so that it does not wait behind reads.
    pub(crate) async fn json_for_paid<T: DeserializeOwned>(
        &self,
        operations: &'static [Operation<'static>],
        id: &str,
        draft: Draft<'_>,
    ) -> Result<ResponseValue<T>, Error> {
        let operation = Operation::find(operations, id);
        let call = Call {
            priority: Priority::High,
            ..Call::of(operation)
        };
        self.json_call(operation, call, draft).await
    }

    async fn json_call<T: DeserializeOwned>(
        &self,
        operation: &Operation<'_>,
        call: Call<'_>,
        draft: Draft<'_>,
    ) -> Result<ResponseValue<T>, Error> {
        let mut exchange = self.exchange(operation, call, draft).await?;
        exchange.body = self.inner.0.credential.redact_success(exchange.body);
        let reported = &self.inner.0.drift;
        reported.report(operation.id, operation.shape, &exchange.body);
        let value = serde_json::from_slice(&exchange.body).map_err(|error| {
            let body = self.inner.0.credential.redact_body(&exchange.body);
            let message = self.inner.0.credential.redact(&error.to_string());
            let error = Error::undecodable(&body, &message)
                .with_operation(operation.id)
                .with_idempotency(operation.idempotency);
            self.with_outcome(error, operation, draft, exchange.sent_at)
        })?;
        let headers = std::mem::take(exchange.response.headers_mut());
        Ok(ResponseValue::new(
            value,
            exchange.response.status(),
            headers,
        ))
    }

    /// Sends a request and returns the body of its response as a stream.
    pub(crate) async fn stream(
        &self,
        operations: &'static [Operation<'static>],
        id: &str,
        draft: Draft<'_>,
    ) -> Result<ResponseValue<ByteStream>, Error> {
        let operation = Operation::find(operations, id);
        self.stream_of(operation, draft).await
    }

    /// Does the same for an operation that was found already.
    pub(crate) async fn stream_of(
        &self,
        operation: &Operation<'_>,
        draft: Draft<'_>,
    ) -> Result<ResponseValue<ByteStream>, Error> {
        let exchange = self.exchange(operation, Call::of(operation), draft).await?;
        Ok(ResponseValue::stream(exchange.response))
    }

    /// Sends a request whose response has no body.
    pub(crate) async fn empty(
        &self,
        operations: &'static [Operation<'static>],
        id: &str,
        draft: Draft<'_>,
    ) -> Result<ResponseValue<()>, Error> {
        let operation = Operation::find(operations, id);
        let exchange = self.exchange(operation, Call::of(operation), draft).await?;
        Ok(ResponseValue::empty(exchange.response))
    }
}

impl Client {
    /// Sends a request, with retries where that is right, and waits for its response: for the
    /// complete body where that is JSON, for the headers where it is streamed.
    async fn exchange(
        &self,
        operation: &Operation<'_>,
        call: Call<'_>,
        draft: Draft<'_>,
    ) -> Result<Exchange, Error> {
        let mut first = Some(self.authenticated(operation, draft)?);
        let mut sent_at = SystemTime::UNIX_EPOCH;
        let in_flight = &AtomicBool::new(false);
        let exchanged = {
            let call = pin!(self.call(call, draft.policy(), |lease| {
                sent_at = SystemTime::now();
                let request = first
                    .take()
                    .map_or_else(|| self.authenticated(operation, draft), Ok);
                async move {
                    in_flight.store(true, Relaxed);
                    let attempt = self.attempt(request?, operation, lease).await;
                    in_flight.store(false, Relaxed);
                    attempt
                }
            }));
            match draft.deadline {
                None => call.await,
                Some(deadline) => {
                    runtime::require()?;
                    let in_time = deadline.within(call).await;
                    in_time
                        .unwrap_or_else(|| Err(deadline.error(operation, in_flight.load(Relaxed))))
                }
            }
        };
        match exchanged {
            Ok((response, body)) => Ok(Exchange {
                response,
                body,
                sent_at,
            }),
            Err(error) => Err(self.with_outcome(error, operation, draft, sent_at)),
        }
    }

    /// Builds a request, rejects one that addresses another operation, and adds the key.
    fn authenticated(&self, operation: &Operation<'_>, draft: Draft<'_>) -> Result<Request, Error> {
        let invalid = |error: Error| error.with_operation(operation.id);
        let mut request = draft.request().map_err(invalid)?;
        if !operation.matches(request.url(), self.inner.0.base.path()) {
            let message = format!(
                "a path parameter of `{}` is empty, `.` or `..`",
                operation.path
            );
            return Err(invalid(Error::new(ErrorKind::InvalidRequest, message)));
        }
        let (name, value) = &self.inner.0.key_header;
        request.headers_mut().insert(name, value.clone());
        if operation.success == Success::File {
            request.headers_mut().insert(ACCEPT_ENCODING, IDENTITY);
        }
        Ok(request)
    }

    /// Adds to an error of unknown outcome what to do, and what was requested.
    fn with_outcome(
        &self,
        error: Error,
        operation: &Operation<'_>,
        draft: Draft<'_>,
        sent_at: SystemTime,
    ) -> Error {
        if !error.is_outcome_unknown() {
            return error;
        }
        if operation.starts.is_none() {
            return error.with_advice("the request may have taken effect");
        }
        let error = error.with_advice(LOOK_FIRST);
        match self.describe_paid(operation, draft) {
            Ok(request) => error.with_paid_request(PaidRequest {
                at: sent_at,
                ..request
            }),
            Err(_) => error,
        }
    }

    /// Describes a request that starts a job.
    pub(crate) fn describe_paid(
        &self,
        operation: &Operation<'_>,
        draft: Draft<'_>,
    ) -> Result<PaidRequest, Error> {
        let request = self.authenticated(operation, draft)?;
        Ok(PaidRequest {
            credential_hash: Some(self.inner.0.credential.hash()),
            ..paid_request(operation, &request)
        })
    }
}

/// Describes a request that starts a job, without the credential.
fn paid_request(operation: &Operation<'_>, request: &Request) -> PaidRequest {
    let bytes = request.body().and_then(reqwest::Body::as_bytes);
    let bytes = bytes.unwrap_or_default();
    let body: Value = serde_json::from_slice(bytes).unwrap_or_default();
    let text = |name: &str| body[name].as_str().map(str::to_owned);
    // Ids contain nothing that is percent-encoded.
    // Assumption: id-characters.
    let in_path = operation.parameter(request.url().path(), "{scene_id}");
    PaidRequest {
        operation: operation.id.to_owned(),
        // Assumption: generation-body-fields.
        scene_id: text("scene_id").or_else(|| in_path.map(str::to_owned)),
        persist: body["persist"].as_bool().unwrap_or(true),
        body_hash: Some(Fnv1a::of(bytes)),
        ..PaidRequest::scene(text("prompt").unwrap_or_default(), SystemTime::now())
    }
}

/// Returns the error of a response with this body; `None` if the status or the key is invalid.
#[cfg(fuzzing)]
pub fn error_from_body(status: u16, body: &[u8], key: &str) -> Option<Error> {
    let status = http::StatusCode::from_u16(status).ok()?;
    let credential = crate::ext::http::config::Credential::ApiKey(crate::ApiKey::new(key).ok()?);
    let body = bytes::Bytes::copy_from_slice(body);
    let headers = http::HeaderMap::new();
    let response = error_response::error_response(status, &headers, &body, &credential);
    Some(Error::from_response(response))
}

/// What retries and the rate limit need to know of a call.
#[derive(Debug, Clone, Copy)]
struct Call<'a> {
    operation: &'a str,
    idempotency: Idempotency,
    success: Success,
    priority: Priority,
    /// Whether it counts against the service's rate limit.
    to_service: bool,
}

impl<'a> Call<'a> {
    fn of(operation: &Operation<'a>) -> Self {
        Self {
            operation: operation.id,
            idempotency: operation.idempotency,
            success: operation.success,
            priority: operation.priority,
            to_service: true,
        }
    }
}

/// Adds a request to the current span, with the names of OpenTelemetry.
fn describe(request: &Request, operation: &Operation<'_>) {
    let span = Span::current();
    if span.is_disabled() {
        return;
    }
    let url = request.url();
    span.record("http.request.method", request.method().as_str());
    if let (Some(host), Some(port)) = (url.host_str(), url.port_or_known_default()) {
        span.record("server.address", host);
        span.record("server.port", port);
    }
    span.record("url.path", url.path());
    if let Some(job_id) = operation.parameter(url.path(), "{job_id}") {
        span.record("job_id", job_id);
    }
}

/// Returns the status of a failed response, or the kind of any other error.
fn error_type(error: &Error) -> String {
    match error.status() {
        Some(status) => status.as_u16().to_string(),
        None => format!("{:?}", error.kind()),
    }
}

impl Client {
    /// Makes attempts until one succeeds or a retry is ruled out.
    async fn call<'a, F, Fut, T>(
        &'a self,
        call: Call<'_>,
        policy: Option<RetryPolicy>,
        mut attempt: F,
    ) -> Result<T, Error>
    where
        F: FnMut(Option<Lease<'a>>) -> Fut,
        Fut: Future<Output = Result<T, Error>>,
    {
        runtime::require()?;
        let shared = &*self.inner.0;
        let operation = call.operation;
        let policy = policy.unwrap_or(shared.retry_policy);
        let policy = policy.for_success(call.success);
        let started = Instant::now();
        shared.retry_budget().deposit();
        let mut retries = 0;
        loop {
            let span = debug_span!(
                target: TARGET,
                "call",
                otel.kind = "client",
                operation,
                http.request.resend_count = (retries > 0).then_some(retries),
                http.request.method = Empty,
                server.address = Empty,
                server.port = Empty,
                url.path = Empty,
                job_id = Empty,
                http.response.status_code = Empty,
                request_id = Empty,
                "error.type" = Empty,
            );
            let once = async {
                let (lease, _permit) = self.enter(call, policy.max_elapsed).await;
                attempt(lease).await
            };
            let error = match once.instrument(span.clone()).await {
                Ok(success) => return Ok(success),
                Err(error) => error
                    .with_operation(operation)
                    .with_idempotency(call.idempotency)
                    .with_attempts(retries + 1),
            };
            if !span.is_disabled() {
                span.record("error.type", error_type(&error));
            }
            let failed = FailedAttempt {
                retries,
                elapsed: started.elapsed(),
                outcome: Outcome::of(&error),
                random: random(),
            };
            let decision = decide(
                call.idempotency,
                &failed,
                &policy,
                &mut shared.retry_budget(),
            );
            let Decision::RetryAfter(delay) = decision else {
                span.in_scope(|| debug!(target: TARGET, %error, "failed"));
                return Err(error);
            };
            span.in_scope(|| debug!(target: TARGET, delay_ms = delay.as_millis(), %error, "retry"));
            let reason = if error.is_rate_limited() {
                WaitReason::RateLimit
            } else {
                WaitReason::Retry
            };
            shared.on_wait.report(operation, delay, reason);
            tokio::time::sleep(delay).await;
            retries += 1;
        }
    }

    /// Waits for one of the permits for requests in flight, and for the rate limit.
    async fn enter(
        &self,
        call: Call<'_>,
        longest: Duration,
    ) -> (Option<Lease<'_>>, Option<SemaphorePermit<'_>>) {
        let shared = &*self.inner.0;
        let permit = async {
            // A stream without response headers must not take the place of another request.
            if call.success == Success::Events {
                return None;
            }
            let permit = shared.gates[call.priority as usize].acquire().await;
            Some(permit.expect("the gate is never closed"))
        };
        let limiter = shared.limiter.as_ref().filter(|_| call.to_service);
        let Some(limiter) = limiter else {
            return (None, permit.await);
        };
        let on_wait = |delay: Duration| {
            info!(target: TARGET, delay_ms = delay.as_millis(), "the rate limit is used up");
            let reason = WaitReason::RateLimit;
            shared.on_wait.report(call.operation, delay, reason);
        };
        let (lease, permit) = limiter.enter(call.priority, permit, longest, on_wait).await;
        (Some(lease), permit)
    }

    /// Waits until the rate limit allows a request of an operation, without counting one.
    pub(crate) async fn wait_for_limit(&self, operation: &Operation<'_>) {
        let longest = self.inner.0.retry_policy.max_elapsed;
        drop(self.enter(Call::of(operation), longest).await);
    }

    /// Passes a response's headers to the log and to the limiter.
    fn observe_response(&self, lease: Option<Lease<'_>>, response: &Response) {
        let span = Span::current();
        if !span.is_disabled() {
            span.record("http.response.status_code", response.status().as_u16());
            if let Some(id) = request_id(response.headers(), &self.inner.0.credential) {
                span.record("request_id", id);
            }
        }
        debug!(target: TARGET, "response");
        self.inner.0.slots.observe(response.version());
        let Some(lease) = lease else { return };
        let (headers, now) = (response.headers(), SystemTime::now());
        let rate_limit = rate_limit(headers, now);
        let refused = (response.status() == StatusCode::TOO_MANY_REQUESTS).then(|| {
            // Assumptions: error-rate-limit-exceeded, rate-limit-retry-after.
            let used_up = rate_limit.filter(|rate_limit| rate_limit.remaining == 0);
            used_up
                .map(|rate_limit| rate_limit.resets_in)
                .or_else(|| retry_after(headers, now))
                .unwrap_or(RATE_LIMIT_BACKOFF.base)
        });
        lease.observe(rate_limit, refused);
    }

    /// Sends a request once.
    async fn attempt(
        &self,
        request: Request,
        operation: &Operation<'_>,
        lease: Option<Lease<'_>>,
    ) -> Result<(Response, Bytes), Error> {
        let idle = self.inner.0.idle_timeout;
        describe(&request, operation);
        debug!(target: TARGET, "request");
        let mut response = if operation.success == Success::Events {
            self.open_stream(request, lease, operation.id).await?
        } else {
            let response = within(idle, self.execute(&self.client, request, operation.id)).await?;
            let response = response.map_err(|error| unreachable_at(&self.inner.0.base, error))?;
            self.observe_response(lease, &response);
            response
        };
        if operation.success == Success::File
            && let Some(elsewhere) = self.redirected_elsewhere(&response)
        {
            let file = self.attempt_file(elsewhere?, HeaderMap::new(), Key::ToNone, None);
            return Ok((file.await?, Bytes::new()));
        }
        if !response.status().is_success() {
            return Err(self.error_from(&mut response).await);
        }
        if operation.success != Success::Json {
            return Ok((response, Bytes::new()));
        }
        let body = read(&mut response, JSON_LIMIT, idle)
            .await
            .map_err(|partial| partial.error)?;
        // A success without a body states only that the operation was carried out.
        // Assumption: acknowledgement.
        let body = if body.is_empty() {
            Bytes::from_static(b"{}")
        } else {
            body
        };
        Ok((response, body))
    }
}

impl Client {
    /// Sends a request with one of reqwest's clients.
    #[cfg(not(feature = "record"))]
    #[expect(clippy::unused_self, reason = "the recording is part of the client")]
    fn execute(
        &self,
        http: &reqwest::Client,
        request: Request,
        _: &str,
    ) -> impl Future<Output = Result<Response, reqwest::Error>> + Send + use<> {
        http.execute(request)
    }

    /// Sends a request with one of reqwest's clients, and records it if this client has a recording.
    #[cfg(feature = "record")]
    async fn execute(
        &self,
        http: &reqwest::Client,
        request: Request,
        operation: &str,
    ) -> Result<Response, reqwest::Error> {
        match &self.inner.0.recording {
            None => http.execute(request).await,
            // Boxed, so that the futures of calls stay small.
            Some(recording) => Box::pin(recording.send(http, request, operation)).await,
        }
    }

    /// Reads an error response.
    async fn error_from(&self, response: &mut Response) -> Error {
        let idle = self.inner.0.idle_timeout;
        let body = read(response, MAX_ERROR_BODY, idle).await;
        let body = body.unwrap_or_else(|partial| partial.body);
        Error::from_response(error_response(
            response.status(),
            response.headers(),
            &body,
            &self.inner.0.credential,
        ))
    }
}

/// Describes a request without a response. If no connection was made, the message names the origin.
fn unreachable_at(url: &Url, source: reqwest::Error) -> Error {
    let source = source.without_url();
    if !source.is_connect() {
        return source.into();
    }
    let origin = url.origin().ascii_serialization();
    if is_certificate_error(&source) {
        let message = format!("the certificate of {origin} is not accepted");
        return Error::new(ErrorKind::Config, message).with_source(source);
    }
    let message = format!("could not connect to {origin}");
    Error::new(ErrorKind::Connect, message).with_source(source)
}

/// Whether TLS rejected the peer's certificate, which no retry changes.
fn is_certificate_error(error: &reqwest::Error) -> bool {
    let mut source = std::error::Error::source(error);
    while let Some(error) = source {
        if error.to_string().to_lowercase().contains("certificate") {
            return true;
        }
        source = error.source();
    }
    false
}

/// Bounds a wait for the network.
async fn within<T>(idle: Duration, wait: impl Future<Output = T> + Send) -> Result<T, Error> {
    let (mut wait, mut timer) = (pin!(wait), pin!(None));
    poll_fn(|context| {
        if let Poll::Ready(done) = wait.as_mut().poll(context) {
            return Poll::Ready(Ok(done));
        }
        // Most of a body has already arrived, and needs no timer.
        if timer.is_none() {
            timer.set(Some(tokio::time::sleep(idle)));
        }
        let timer = timer.as_mut().as_pin_mut().expect("just set");
        timer.poll(context).map(|()| {
            let message = format!("no response within {} s", idle.as_secs_f32());
            Err(Error::new(ErrorKind::Timeout, message))
        })
    })
    .await
}

impl From<reqwest::Error> for Error {
    fn from(source: reqwest::Error) -> Self {
        let source = source.without_url();
        let (kind, message) = if source.is_connect() {
            (ErrorKind::Connect, "could not connect")
        } else if source.is_timeout() {
            (ErrorKind::Timeout, "no response in time")
        } else if source.is_builder() {
            (ErrorKind::InvalidRequest, "the request could not be built")
        } else {
            (
                ErrorKind::Transport,
                "the connection broke before the response was complete",
            )
        };
        Error::new(kind, message).with_source(source)
    }
}

/// Returns the id that the service gave the request, from any of the usual headers.
// Assumption: error-request-id.
fn request_id(headers: &HeaderMap, credential: &Credential) -> Option<String> {
    ["x-request-id", "request-id", "x-correlation-id", "cf-ray"]
        .iter()
        .find_map(|name| headers.get(*name)?.to_str().ok())
        .map(|id| one_line(&credential.redact(id), 100))
}

impl Client {
    /// Returns the URL of the service, without `/v1`.
    pub fn base_url(&self) -> &str {
        self.baseurl()
    }
}
