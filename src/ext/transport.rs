//! The one way to the network: the hooks that every generated call passes through.
//!
//! `exec` reads error answers and JSON bodies whole (within limits) and makes an [`Error`] of
//! whatever goes wrong. progenitor's hooks can return only a `reqwest::Error`, so ours travels up
//! inside of a response that no operation expects; `Error::from_raw` takes it out again.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::{Duration, SystemTime};

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, StatusCode};
use progenitor_client::{ClientHooks, ClientInfo, OperationInfo};
use reqwest::{Method, Request, Response, ResponseBuilderExt, Url};
use tokio::sync::SemaphorePermit;
use tokio::time::Instant;
use tracing::{debug, info};

use super::backoff::random;
use super::config::{Config, Credential, is_loopback};
use super::error::{Answer, BODY_KEPT, one_line};
use super::headers::{retry_after, standing};
use super::limiter::{Lease, WaitReason};
use super::operation::{Class, Operation, is_generation};
use super::reconcile::Asked;
use super::retry::{Decision, Tried, decide};
use crate::types::JobAccepted;
use crate::{Client, Error, ErrorKind};

/// The largest JSON answer that is read: 64 MiB. Scene graphs are large, but not that large.
const JSON_LIMIT: usize = 64 * 1024 * 1024;

/// An [`Error`] on its way through the generated code.
#[derive(Clone)]
pub(crate) struct Failure(Arc<Mutex<Option<Error>>>);

impl Failure {
    fn into_response(error: Error) -> Response {
        let mut response = http::Response::new(Bytes::new());
        *response.status_mut() = StatusCode::from_u16(999).expect("three digits");
        response
            .extensions_mut()
            .insert(Self(Arc::new(Mutex::new(Some(error)))));
        response.into()
    }

    /// Takes the error out of a response that carries one.
    pub(crate) fn take(response: &mut Response) -> Option<Error> {
        let failure: Self = response.extensions_mut().remove()?;
        failure
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }
}

impl ClientHooks<Config> for Client {
    async fn pre<E>(
        &self,
        request: &mut Request,
        info: &OperationInfo,
    ) -> Result<(), progenitor_client::Error<E>> {
        let operation = Operation::find(info.operation_id);
        if !operation.matches(request.url(), self.inner.0.base.path()) {
            let message = format!(
                "a path parameter of `{}` is empty, `.` or `..`",
                operation.path
            );
            return Err(progenitor_client::Error::Custom(message));
        }
        let (name, value) = &self.inner.0.key_header;
        request.headers_mut().insert(name, value.clone());
        Ok(())
    }

    async fn exec(&self, request: Request, info: &OperationInfo) -> reqwest::Result<Response> {
        let operation = Operation::find(info.operation_id);
        Ok(self
            .exchange(request, operation)
            .await
            .unwrap_or_else(Failure::into_response))
    }
}

/// The name that errors and logs have for the fetching of a file.
pub(crate) const DOWNLOAD: &str = "download";

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
    async fn call<'a, F, Fut>(&'a self, call: Call, mut attempt: F) -> Result<Response, Error>
    where
        F: FnMut(Option<Lease<'a>>) -> Fut,
        Fut: Future<Output = Result<Response, Error>>,
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
            let result = {
                let (lease, _permit) = self.enter(call).await;
                attempt(lease).await
            };
            let error = match result {
                Ok(response) => return Ok(response),
                Err(error) => error.with_operation(operation).with_attempts(retries + 1),
            };
            let tried = Tried {
                retries,
                elapsed: started.elapsed(),
                outcome: error.outcome(),
                random: random(),
            };
            let decision = decide(class, &tried, policy, &mut shared.retry_budget());
            let Decision::RetryAfter(delay) = decision else {
                return Err(error);
            };
            debug!(operation, attempt = retries + 1, delay_ms = delay.as_millis(), %error, "retry");
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
    async fn enter(&self, call: Call) -> (Option<Lease<'_>>, SemaphorePermit<'_>) {
        let shared = &*self.inner.0;
        let room = async {
            let permit = shared.gate.acquire().await;
            permit.expect("the gate is never closed")
        };
        let limiter = shared.limiter.as_ref().filter(|_| call.to_service);
        let Some(limiter) = limiter else {
            return (None, room.await);
        };
        let tell = |delay: Duration| {
            let operation = call.operation;
            info!(
                operation,
                delay_ms = delay.as_millis(),
                "the rate limit is used up"
            );
            shared.on_wait.tell(operation, delay, WaitReason::RateLimit);
        };
        let longest = shared.retry_policy.max_elapsed;
        let (lease, permit) = limiter.enter(room, longest, tell).await;
        (Some(lease), permit)
    }

    /// Tells the limiter what an answer says.
    fn heard(&self, lease: Option<Lease<'_>>, response: &Response) {
        let Some(lease) = lease else { return };
        let (headers, now) = (response.headers(), SystemTime::now());
        let standing = standing(headers, now);
        let refused = (response.status() == StatusCode::TOO_MANY_REQUESTS).then(|| {
            let told = standing.filter(|standing| standing.remaining == 0);
            told.map(|standing| standing.left)
                .or_else(|| retry_after(headers, now))
                .unwrap_or(self.inner.0.retry_policy.backoff.base)
        });
        lease.answered(standing, refused);
    }

    /// Sends a request and waits for its answer: whole where it is JSON, its head where it is a stream.
    async fn exchange(
        &self,
        request: Request,
        operation: &'static Operation,
    ) -> Result<Response, Error> {
        let call = Call {
            operation: operation.id,
            class: operation.class(),
            to_service: true,
        };
        let mut sent_at = SystemTime::UNIX_EPOCH;
        let answer = self
            .call(call, |lease| {
                sent_at = SystemTime::now();
                let request = request.try_clone().expect("bodies are in memory");
                self.attempt(request, operation, lease)
            })
            .await;
        answer.map_err(|error| {
            if error.is_outcome_unknown() && is_generation(operation.id) {
                error.with_asked(Asked::of(operation, &request, sent_at))
            } else {
                error
            }
        })
    }

    /// Sends a request once.
    async fn attempt(
        &self,
        request: Request,
        operation: &'static Operation,
        lease: Option<Lease<'_>>,
    ) -> Result<Response, Error> {
        let idle = self.inner.0.idle_timeout;
        debug!(operation = operation.id, method = %request.method(), path = request.url().path(), "request");
        let mut response = within(idle, self.client.execute(request))
            .await?
            .map_err(|error| unreachable_at(&self.inner.0.base, error))?;
        let status = response.status();
        debug!(
            operation = operation.id,
            status = status.as_u16(),
            request_id = request_id(response.headers()),
            "answer"
        );
        self.heard(lease, &response);
        if !status.is_success() {
            return Err(self.error_from(&mut response).await);
        }
        if operation.is_streamed {
            return Ok(response);
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
        if is_generation(operation.id) {
            // Looked at here, where it is still known what was asked.
            serde_json::from_slice::<JobAccepted>(&body)
                .map_err(|error| Error::not_understood(&body, &error))?;
        }
        // Without a URL, reqwest would parse one of its own making.
        let whole = http::Response::builder()
            .status(status)
            .url(response.url().clone());
        let mut whole = whole.body(body).expect("the status is valid");
        *whole.headers_mut() = std::mem::take(response.headers_mut());
        Ok(whole.into())
    }
}

impl Client {
    /// Fetches a file, up to the head of the answer.
    pub(crate) async fn get_file(
        &self,
        url: Url,
        headers: HeaderMap,
        key: Key,
    ) -> Result<Response, Error> {
        let call = Call {
            operation: DOWNLOAD,
            class: Class::Read,
            to_service: key == Key::ToOwnOrigin && url.origin() == self.inner.0.base.origin(),
        };
        let attempt = |lease| self.attempt_file(url.clone(), headers.clone(), key, lease);
        self.call(call, attempt).await
    }

    /// Fetches a file once.
    ///
    /// Redirects are followed by hand, so that each hop is judged by itself.
    async fn attempt_file(
        &self,
        mut url: Url,
        headers: HeaderMap,
        key: Key,
        mut lease: Option<Lease<'_>>,
    ) -> Result<Response, Error> {
        let shared = &self.inner.0;
        for _ in 0..=MOST_REDIRECTS {
            let mut request = Request::new(Method::GET, url.clone());
            *request.headers_mut() = headers.clone();
            if key == Key::ToOwnOrigin && url.origin() == shared.base.origin() {
                let (name, value) = &shared.key_header;
                request.headers_mut().insert(name, value.clone());
            }
            let answer = within(shared.idle_timeout, self.client.execute(request)).await?;
            let mut response = answer.map_err(|error| unreachable_at(&url, error))?;
            self.heard(lease.take(), &response);
            let location = response.headers().get(http::header::LOCATION);
            match location.and_then(|location| location.to_str().ok()) {
                Some(location) if response.status().is_redirection() => {
                    url = file_url(&url, location)?;
                }
                _ if response.status().is_success() => return Ok(response),
                _ => return Err(self.error_from(&mut response).await),
            }
        }
        let message = format!("more than {MOST_REDIRECTS} redirects");
        Err(Error::new(ErrorKind::Status, message))
    }

    /// Reads an error answer.
    async fn error_from(&self, response: &mut Response) -> Error {
        let idle = self.inner.0.idle_timeout;
        let body = read(response, BODY_KEPT, idle).await;
        let body = body.unwrap_or_else(|partial| partial.body);
        Error::from_answer(error_answer(
            response.status(),
            response.headers(),
            body,
            &self.inner.0.credential,
        ))
    }
}

/// Who is shown the key when a file is fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Key {
    /// The service's own origin, and no other.
    ToOwnOrigin,
    /// Nobody: the URL is signed.
    ToNobody,
}

/// Hops from a file's first address to its last.
const MOST_REDIRECTS: u32 = 5;

/// A file's address, perhaps relative to another; only over https, or from this machine.
pub(crate) fn file_url(base: &Url, location: &str) -> Result<Url, Error> {
    let refuse = |why: &str| {
        // A query may hold the signature of a pre-signed URL.
        let shown = one_line(location.split('?').next().unwrap_or_default(), 200);
        Error::new(ErrorKind::InvalidRequest, format!("`{shown}` {why}"))
    };
    let url = base
        .join(location.trim())
        .map_err(|_| refuse("is neither a URL nor a path"))?;
    if !matches!(url.scheme(), "http" | "https")
        || !url.username().is_empty()
        || url.password().is_some()
    {
        return Err(refuse("is not a URL to download from"));
    }
    if url.scheme() == "http" && !is_loopback(&url) {
        return Err(refuse(
            "is plain http to another machine, where anybody on the way could change it",
        ));
    }
    Ok(url)
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

/// Bounds a wait for the network.
async fn within<T>(idle: Duration, wait: impl Future<Output = T> + Send) -> Result<T, Error> {
    let mut wait = pin!(wait);
    // Most of a body is there already, and needs no timer.
    let at_once = poll_fn(|context| Poll::Ready(wait.as_mut().poll(context))).await;
    if let Poll::Ready(done) = at_once {
        return Ok(done);
    }
    tokio::time::timeout(idle, wait).await.map_err(|_| {
        Error::new(
            ErrorKind::Timeout,
            format!("no answer within {} s", idle.as_secs_f32()),
        )
    })
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

/// A body that broke off: what had come, and why.
struct Partial {
    body: Bytes,
    error: Error,
}

/// Reads a body of at most `limit` bytes, as long as more of it comes within `idle`.
async fn read(response: &mut Response, limit: usize, idle: Duration) -> Result<Bytes, Partial> {
    let mut body = Pieces::default();
    loop {
        let error = match within(idle, response.chunk()).await {
            Ok(Ok(Some(chunk))) if body.length() + chunk.len() <= limit => {
                body.push(chunk);
                continue;
            }
            Ok(Ok(Some(_))) => Error::new(
                ErrorKind::Decode,
                format!("the answer is larger than {limit} bytes"),
            ),
            Ok(Ok(None)) => return Ok(body.whole()),
            Ok(Err(error)) => error.into(),
            Err(error) => error,
        };
        let body = body.whole();
        return Err(Partial { body, error });
    }
}

/// A body as it comes: most are one piece, which is not copied.
#[derive(Default)]
struct Pieces {
    first: Bytes,
    all: BytesMut,
}

impl Pieces {
    fn length(&self) -> usize {
        self.first.len().max(self.all.len())
    }

    fn push(&mut self, piece: Bytes) {
        if self.length() == 0 {
            self.first = piece;
            return;
        }
        if self.all.is_empty() {
            self.all.extend_from_slice(&self.first);
        }
        self.all.extend_from_slice(&piece);
    }

    fn whole(self) -> Bytes {
        if self.all.is_empty() {
            self.first
        } else {
            self.all.freeze()
        }
    }
}

/// The service's name for the request, in whichever header it sends one.
fn request_id(headers: &HeaderMap) -> Option<&str> {
    ["x-request-id", "request-id", "x-correlation-id", "cf-ray"]
        .iter()
        .find_map(|name| headers.get(*name)?.to_str().ok())
}

/// Reads an error answer in each of the documented shapes, and whatever a proxy says instead.
fn error_answer(
    status: StatusCode,
    headers: &HeaderMap,
    body: Bytes,
    credential: &Credential,
) -> Answer {
    let text = credential.redact(&String::from_utf8_lossy(&body));
    let (code, message) = if status.is_redirection() {
        let location = headers
            .get(http::header::LOCATION)
            .and_then(|location| location.to_str().ok());
        let location = location.map_or_else(String::new, |location| {
            format!(" to {}", one_line(location, 200))
        });
        (
            None,
            format!(
                "the service redirects{location}; redirects are not followed, set the base URL to the right one"
            ),
        )
    } else {
        code_and_message(&text)
    };
    Answer {
        status,
        code,
        message,
        request_id: request_id(headers).map(|id| one_line(id, 100)),
        retry_after: retry_after(headers, SystemTime::now()),
        // Lossy only where the key had to be taken out or the text was no UTF-8.
        body: if text.as_bytes() == body {
            body
        } else {
            Bytes::from(text)
        },
    }
}

/// `{error:{code,message}}`, `FastAPI`'s `{detail:[{loc,msg}]}` or `{detail:"…"}`, the alpha API's
/// flat `{error,code,message}`, or the start of whatever else it is.
fn code_and_message(text: &str) -> (Option<String>, String) {
    let json: serde_json::Value = serde_json::from_str(text).unwrap_or_default();
    let field = |value: &serde_json::Value, name: &str| {
        value[name].as_str().map(|text| one_line(text, 300))
    };
    for holder in [&json["error"], &json] {
        let (code, message) = (field(holder, "code"), field(holder, "message"));
        if code.is_some() || message.is_some() {
            return (code, message.unwrap_or_else(|| "no message".to_owned()));
        }
    }
    if let Some(details) = json["detail"].as_array() {
        let said: Vec<String> = details.iter().take(5).map(validation_error).collect();
        return (Some("validation_error".to_owned()), said.join("; "));
    }
    let said = field(&json, "detail").or_else(|| field(&json, "error"));
    let said = said.unwrap_or_else(|| {
        if looks_like_html(text) {
            html_text(text)
        } else {
            one_line(text, 200)
        }
    });
    (
        None,
        if said.is_empty() {
            "no message".to_owned()
        } else {
            said
        },
    )
}

/// `body.prompt: String should have at least 1 character`
fn validation_error(detail: &serde_json::Value) -> String {
    let parts = detail["loc"].as_array().into_iter().flatten();
    let location: Vec<String> = parts
        .map(|part| {
            part.as_str()
                .map_or_else(|| part.to_string(), str::to_owned)
        })
        .collect();
    let message = detail["msg"]
        .as_str()
        .map_or_else(|| detail.to_string(), str::to_owned);
    let text = if location.is_empty() {
        message
    } else {
        format!("{}: {message}", location.join("."))
    };
    one_line(&text, 200)
}

fn looks_like_html(text: &str) -> bool {
    text.trim_start().starts_with('<')
}

/// The title of a proxy's error page, or that it is one.
fn html_text(text: &str) -> String {
    let lower = text.to_ascii_lowercase();
    let title = lower.find("<title>").and_then(|start| {
        let end = start + lower[start..].find("</title>")?;
        text.get(start + "<title>".len()..end)
    });
    title.map_or_else(
        || "an HTML page".to_owned(),
        |title| format!("an HTML page, `{}`", one_line(title, 100)),
    )
}

/// The base URL that requests go to, without `/v1`.
impl Client {
    /// Where the service is, without `/v1`.
    pub fn base_url(&self) -> &str {
        self.baseurl()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_body_is_understood_in_every_shape() {
        for (body, code, message) in [
            (
                r#"{"error":{"code":"scene_not_found","message":"Scene x not found","status":404}}"#,
                Some("scene_not_found"),
                "Scene x not found",
            ),
            (
                r#"{"error":"bad_request","code":"asset_not_ready","message":"Wait"}"#,
                Some("asset_not_ready"),
                "Wait",
            ),
            (r#"{"error":{"message":"only this"}}"#, None, "only this"),
            (r#"{"error":{"code":"c"}}"#, Some("c"), "no message"),
            (r#"{"error":"gone"}"#, None, "gone"),
            (r#"{"detail":"Not Found"}"#, None, "Not Found"),
            (
                r#"{"detail":[{"loc":["body","prompt"],"msg":"too short","type":"t"},{"loc":["query",0],"msg":"b","type":"t"}]}"#,
                Some("validation_error"),
                "body.prompt: too short; query.0: b",
            ),
            (
                "<html><head><TITLE>502 Bad Gateway</TITLE></head></html>",
                None,
                "an HTML page, `502 Bad Gateway`",
            ),
            ("<p>", None, "an HTML page"),
            ("upstream\nconnect error", None, "upstream connect error"),
            ("", None, "no message"),
            ("[1]", None, "[1]"),
            ("null", None, "null"),
        ] {
            assert_eq!(
                code_and_message(body),
                (code.map(str::to_owned), message.to_owned()),
                "{body}"
            );
        }
    }

    #[test]
    fn a_key_that_the_service_echoes_is_taken_out() {
        let credential = Credential::ApiKey(crate::ApiKey::new("gzm_k1_canary").unwrap());
        let body =
            Bytes::from_static(br#"{"error":{"code":"x","message":"bad key gzm_k1_canary"}}"#);
        let error = Error::from_answer(error_answer(
            StatusCode::UNAUTHORIZED,
            &HeaderMap::new(),
            body,
            &credential,
        ));
        assert_eq!(error.message(), "bad key [redacted]");
        assert!(
            !format!(
                "{error} {error:?} {}",
                String::from_utf8_lossy(error.body())
            )
            .contains("canary")
        );
    }
}
