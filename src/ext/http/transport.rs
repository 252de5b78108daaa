//! The one way to the network: what every generated call is sent by.
//!
//! Error answers and JSON bodies are read whole, within limits.

mod body;
mod error_response;
mod file;
mod stream;

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use progenitor_client::{ByteStream, ClientInfo, ResponseValue};
use reqwest::{Request, Response, Url};
use serde::de::DeserializeOwned;
use tokio::sync::SemaphorePermit;
use tokio::time::Instant;
use tracing::field::Empty;
use tracing::{Instrument, Span, debug, debug_span, info};

use self::body::read;
use self::error_response::error_response;
pub(crate) use self::file::{DOWNLOAD, Key, file_url};

use super::backoff::random;
use super::headers::{rate_limit, retry_after};
use super::limiter::{Lease, WaitReason};
use super::operation::{Class, Operation};
use super::retry::{Decision, FailedAttempt, decide};
use crate::ext::error::MAX_ERROR_BODY;
use crate::ext::error::{Error, ErrorKind};
use crate::ext::jobs::reconcile::PaidRequest;
use crate::raw::Client;
use crate::raw::types::JobAccepted;

/// The largest JSON answer that is read: 64 MiB. Scene graphs are large, but not that large.
const JSON_LIMIT: usize = 64 * 1024 * 1024;

/// Builds a request from a builder's parameters, anew for each try.
type Build<'a> = &'a (dyn Fn() -> Result<Request, progenitor_client::Error> + Sync);

/// An answer of success.
pub(crate) struct Success {
    operation: &'static Operation,
    response: Response,
    /// Read whole, unless it is streamed.
    body: Bytes,
}

/// What the generated code makes of it.
#[allow(dead_code, reason = "a document may have answers of one kind alone")]
impl Success {
    pub(crate) fn json<T: DeserializeOwned>(mut self) -> Result<ResponseValue<T>, Error> {
        let value = serde_json::from_slice(&self.body).map_err(|error| {
            Error::undecodable(&self.body, &error).with_operation(self.operation.id)
        })?;
        let headers = std::mem::take(self.response.headers_mut());
        Ok(ResponseValue::new(value, self.response.status(), headers))
    }

    pub(crate) fn stream(self) -> ResponseValue<ByteStream> {
        ResponseValue::stream(self.response)
    }

    pub(crate) fn empty(self) -> ResponseValue<()> {
        ResponseValue::empty(self.response)
    }
}

impl Client {
    /// What the generated code sends by.
    pub(crate) fn transport(&self) -> &Self {
        self
    }

    /// Sends a request, again where that is right, and waits for its answer: whole where it is JSON,
    /// its head where it is a stream.
    pub(crate) async fn exchange(
        &self,
        operations: &'static [Operation],
        id: &str,
        build: Build<'_>,
    ) -> Result<Success, Error> {
        let operation = Operation::find(operations, id);
        let call = Call {
            operation: operation.id,
            class: operation.class(),
            to_service: true,
        };
        let mut first = Some(self.request(operation, build)?);
        let mut sent_at = SystemTime::UNIX_EPOCH;
        let answer = self.call(call, |lease| {
            sent_at = SystemTime::now();
            let request = first
                .take()
                .map_or_else(|| self.request(operation, build), Ok);
            async move { self.attempt(request?, operation, lease).await }
        });
        let error = match answer.await {
            Ok((response, body)) => {
                return Ok(Success {
                    operation,
                    response,
                    body,
                });
            }
            Err(error) => error,
        };
        if error.is_outcome_unknown() && operation.is_generation() {
            let request = self.request(operation, build)?;
            return Err(error.with_paid_request(PaidRequest::of(operation, &request, sent_at)));
        }
        Err(error)
    }

    /// Builds a request, refuses one that has become another's, and adds the key.
    fn request(&self, operation: &Operation, build: Build<'_>) -> Result<Request, Error> {
        let refused = |error: Error| error.with_operation(operation.id);
        let mut request = build().map_err(|error| refused(Error::not_built(error)))?;
        if !operation.matches(request.url(), self.inner.0.base.path()) {
            let message = format!(
                "a path parameter of `{}` is empty, `.` or `..`",
                operation.path
            );
            return Err(refused(Error::new(ErrorKind::InvalidRequest, message)));
        }
        let (name, value) = &self.inner.0.key_header;
        request.headers_mut().insert(name, value.clone());
        Ok(request)
    }
}

/// What is to be known of a call to try it again.
#[derive(Debug, Clone, Copy)]
struct Call {
    operation: &'static str,
    class: Class,
    /// It goes to the service, and counts against its rate limit.
    to_service: bool,
}

impl Client {
    /// Tries until there is an answer, or no point in going on.
    async fn call<'a, F, Fut, T>(&'a self, call: Call, mut attempt: F) -> Result<T, Error>
    where
        F: FnMut(Option<Lease<'a>>) -> Fut,
        Fut: Future<Output = Result<T, Error>>,
    {
        let shared = &*self.inner.0;
        let Call {
            operation, class, ..
        } = call;
        let policy = &shared.retry_policy;
        let started = Instant::now();
        shared.retry_budget().deposit();
        let mut retries = 0;
        loop {
            let span = debug_span!(
                "call",
                operation,
                attempt = retries + 1,
                job_id = Empty,
                status = Empty,
                request_id = Empty,
            );
            let once = async {
                let (lease, _permit) = self.enter(call).await;
                attempt(lease).await
            };
            let error = match once.instrument(span.clone()).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error.with_operation(operation).with_attempts(retries + 1),
            };
            let tried = FailedAttempt {
                retries,
                elapsed: started.elapsed(),
                outcome: error.outcome(),
                random: random(),
            };
            let decision = decide(class, &tried, policy, &mut shared.retry_budget());
            let Decision::RetryAfter(delay) = decision else {
                span.in_scope(|| debug!(%error, "failed"));
                return Err(error);
            };
            span.in_scope(|| debug!(delay_ms = delay.as_millis(), %error, "retry"));
            let reason = if error.is_rate_limited() {
                WaitReason::RateLimit
            } else {
                WaitReason::Retry
            };
            shared.on_wait.tell(operation, delay, reason);
            tokio::time::sleep(delay).await;
            retries += 1;
        }
    }

    /// Waits until there is room for a request and the rate limit lets it go.
    async fn enter(&self, call: Call) -> (Option<Lease<'_>>, Option<SemaphorePermit<'_>>) {
        let shared = &*self.inner.0;
        let room = async {
            // A stream without response headers must not take the place of another request.
            if call.class == Class::Stream {
                return None;
            }
            let permit = shared.gate.acquire().await;
            Some(permit.expect("the gate is never closed"))
        };
        let limiter = shared.limiter.as_ref().filter(|_| call.to_service);
        let Some(limiter) = limiter else {
            return (None, room.await);
        };
        let tell = |delay: Duration| {
            info!(delay_ms = delay.as_millis(), "the rate limit is used up");
            let reason = WaitReason::RateLimit;
            shared.on_wait.tell(call.operation, delay, reason);
        };
        let longest = shared.retry_policy.max_elapsed;
        let (lease, permit) = limiter.enter(room, longest, tell).await;
        (Some(lease), permit)
    }

    /// Tells the log and the limiter what an answer says.
    fn observe_response(&self, lease: Option<Lease<'_>>, response: &Response) {
        let span = Span::current();
        if !span.is_disabled() {
            span.record("status", response.status().as_u16());
            if let Some(request_id) = request_id(response.headers()) {
                span.record("request_id", request_id);
            }
        }
        debug!("answer");
        self.inner.0.slots.observe(response.version());
        let Some(lease) = lease else { return };
        let (headers, now) = (response.headers(), SystemTime::now());
        let rate_limit = rate_limit(headers, now);
        let refused = (response.status() == StatusCode::TOO_MANY_REQUESTS).then(|| {
            let told = rate_limit.filter(|rate_limit| rate_limit.remaining == 0);
            told.map(|rate_limit| rate_limit.left)
                .or_else(|| retry_after(headers, now))
                .unwrap_or(self.inner.0.retry_policy.backoff.base)
        });
        lease.answered(rate_limit, refused);
    }

    /// Sends a request once.
    async fn attempt(
        &self,
        request: Request,
        operation: &'static Operation,
        lease: Option<Lease<'_>>,
    ) -> Result<(Response, Bytes), Error> {
        let idle = self.inner.0.idle_timeout;
        let (span, path) = (Span::current(), request.url().path());
        if !span.is_disabled()
            && let Some(job_id) = operation.parameter(path, "{job_id}")
        {
            span.record("job_id", job_id);
        }
        debug!(method = %request.method(), path, "request");
        let mut response = if operation.class() == Class::Stream {
            self.open_stream(request, lease).await?
        } else {
            let response = within(idle, self.client.execute(request)).await?;
            let response = response.map_err(|error| unreachable_at(&self.inner.0.base, error))?;
            self.observe_response(lease, &response);
            response
        };
        let status = response.status();
        if !status.is_success() {
            return Err(self.error_from(&mut response).await);
        }
        if operation.is_streamed {
            return Ok((response, Bytes::new()));
        }
        let body = read(&mut response, JSON_LIMIT, idle)
            .await
            .map_err(|partial| partial.error)?;
        // A success without a body says that it was done, and nothing else.
        let body = if body.is_empty() {
            Bytes::from_static(b"{}")
        } else {
            body
        };
        if operation.is_generation() {
            // Looked at here, where it is still known what was asked.
            check_accepted(operation.id, &body)
                .map_err(|error| Error::undecodable(&body, &error))?;
        }
        Ok((response, body))
    }
}

impl Client {
    /// Reads an error answer.
    async fn error_from(&self, response: &mut Response) -> Error {
        let idle = self.inner.0.idle_timeout;
        let body = read(response, MAX_ERROR_BODY, idle).await;
        let body = body.unwrap_or_else(|partial| partial.body);
        Error::from_response(error_response(
            response.status(),
            response.headers(),
            body,
            &self.inner.0.credential,
        ))
    }
}

/// A request that got no answer; where there was no connection, says to where.
fn unreachable_at(url: &Url, source: reqwest::Error) -> Error {
    let source = source.without_url();
    if !source.is_connect() {
        return source.into();
    }
    let origin = url.origin().ascii_serialization();
    let message = format!("could not connect to {origin}");
    Error::new(ErrorKind::Connect, message).with_source(source)
}

/// Notes what the answer to a generation says was begun.
fn check_accepted(operation: &'static str, body: &[u8]) -> serde_json::Result<()> {
    #[cfg(feature = "alpha")]
    if operation == "create_asset" {
        let asset: super::response::Envelope<crate::alpha::types::Asset> =
            serde_json::from_slice(body)?;
        info!(operation, asset_id = asset.id, "asset check_accepted");
        return Ok(());
    }
    let accepted: JobAccepted = serde_json::from_slice(body)?;
    info!(operation, job_id = accepted.job_id, "job check_accepted");
    Ok(())
}

/// Bounds a wait for the network.
async fn within<T>(idle: Duration, wait: impl Future<Output = T> + Send) -> Result<T, Error> {
    let (mut wait, mut timer) = (pin!(wait), pin!(None));
    poll_fn(|context| {
        if let Poll::Ready(done) = wait.as_mut().poll(context) {
            return Poll::Ready(Ok(done));
        }
        // Most of a body is there already, and needs no timer.
        if timer.is_none() {
            timer.set(Some(tokio::time::sleep(idle)));
        }
        let timer = timer.as_mut().as_pin_mut().expect("just set");
        timer.poll(context).map(|()| {
            let message = format!("no answer within {} s", idle.as_secs_f32());
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
            (ErrorKind::Timeout, "no answer in time")
        } else if source.is_builder() {
            (ErrorKind::InvalidRequest, "the request could not be built")
        } else {
            (
                ErrorKind::Transport,
                "the connection broke before the answer was whole",
            )
        };
        Error::new(kind, message).with_source(source)
    }
}

/// The service's name for the request, in whichever header it sends one.
fn request_id(headers: &HeaderMap) -> Option<&str> {
    ["x-request-id", "request-id", "x-correlation-id", "cf-ray"]
        .iter()
        .find_map(|name| headers.get(*name)?.to_str().ok())
}

impl Client {
    /// Where the service is, without `/v1`.
    pub fn base_url(&self) -> &str {
        self.baseurl()
    }
}
