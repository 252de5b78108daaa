//! The source of a download's bytes, over as many responses as it takes.
//!
//! ```text
//!               ┌────────────── bytes ───────────────┐
//!               ▼                                    │
//!  response ──▶ Receiving ──broken, stalled, short──▶ Broken ──too often──▶ error
//!               │                                    ▲
//!               └──end──▶ Ended ──────rejected───────┘
//! ```
//!
//! A download of a URL that breaks is resumed (`Range` with `If-Range`, RFC 9110 sections 13.1.5 and
//! 14.2). An export is requested again from the start: it costs nothing and changes nothing.

use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use progenitor_client::{ByteStream, ResponseValue};
use tokio::time::{Instant, timeout_at};
use tracing::debug;

use crate::ext::error::{Error, ErrorKind, one_line};
use crate::ext::files::zip::{SIGNATURE, starts_like_zip};
use crate::ext::http::backoff::{Backoff, random};
use crate::ext::http::config::Credential;
use crate::raw::Client;

/// A download with fewer bytes than this in a window is stalled.
const MIN_PROGRESS: u64 = 1024;

/// The window for [`MIN_PROGRESS`]. A shorter idle timeout of the client applies as well.
const STALL_WINDOW: Duration = Duration::from_secs(30);

/// The number of failed attempts that are retried. For an export all of them count, for a URL only those
/// since the last new byte.
const MAX_FAILURES: u32 = 5;

const BACKOFF: Backoff = Backoff {
    base: Duration::from_millis(250),
    cap: Duration::from_secs(10),
};

/// The response to a request for bytes.
pub(super) type Response = Result<ResponseValue<ByteStream>, Error>;

/// Requests the bytes: all of them, or those after an offset if the validator matches.
pub(super) type Fetch = Box<dyn Fn(Option<Rest>) -> BoxFuture<'static, Response> + Send + Sync>;

/// The bytes that are still missing.
#[derive(Debug, Clone)]
pub(super) struct Rest {
    pub(super) offset: u64,
    /// A strong `ETag` or a date: the bytes must be of the same version.
    pub(super) validator: HeaderValue,
}

/// The expected content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Expect {
    /// A ZIP archive.
    Zip,
    /// Anything but an error page.
    File,
}

/// The next part of a download.
pub(super) enum Piece {
    Bytes(Bytes),
    /// The bytes start over. The previous ones are invalid.
    Restart,
}

pub(super) struct Source {
    fetch: Fetch,
    operation: &'static str,
    expect: Expect,
    /// Ranges can be requested.
    resumable: bool,
    /// It starts like a ZIP archive, so it must end like one.
    is_zip: bool,
    state: State,
    received: u64,
    total: Option<u64>,
    validator: Option<HeaderValue>,
    failures: u32,
    stall_window: Duration,
    window: Window,
    /// Removed from what an error quotes.
    credential: Credential,
}

enum State {
    /// `first` is returned before the body. → Broken; Ended.
    Receiving { first: Bytes, body: ByteStream },
    /// The response has failed. → Receiving, or the error.
    Broken(Error),
    /// All bytes have arrived. → Broken if they are rejected.
    Ended,
}

/// The bytes since the start of a stall window.
struct Window {
    since: Instant,
    bytes: u64,
}

impl Window {
    fn new() -> Self {
        Self {
            since: Instant::now(),
            bytes: 0,
        }
    }
}

impl Source {
    /// Sends the first request, and checks the start of its body.
    pub(super) async fn open(
        operation: &'static str,
        expect: Expect,
        resumable: bool,
        client: &Client,
        fetch: Fetch,
    ) -> Result<Self, Error> {
        let shared = &client.inner.0;
        let response = fetch(None).await?;
        let mut source = Self {
            fetch,
            operation,
            expect,
            resumable,
            is_zip: false,
            state: State::Ended,
            received: 0,
            total: None,
            validator: None,
            failures: 0,
            stall_window: STALL_WINDOW.min(shared.idle_timeout),
            window: Window::new(),
            credential: shared.credential.clone(),
        };
        if let Err(error) = source.accept(response).await {
            source.broken(error)?;
            source.reconnect().await?;
        }
        Ok(source)
    }

    pub(super) fn operation(&self) -> &'static str {
        self.operation
    }

    pub(super) fn is_zip(&self) -> bool {
        self.is_zip
    }

    pub(super) fn received(&self) -> u64 {
        self.received
    }

    pub(super) fn total(&self) -> Option<u64> {
        self.total
    }

    /// Returns the next part; `None` after the last.
    pub(super) async fn next(&mut self) -> Result<Option<Piece>, Error> {
        loop {
            let error = match &mut self.state {
                State::Ended => return Ok(None),
                State::Broken(_) => {
                    if self.reconnect().await? {
                        return Ok(Some(Piece::Restart));
                    }
                    continue;
                }
                State::Receiving { first, .. } if !first.is_empty() => {
                    let first = std::mem::take(first);
                    return Ok(Some(self.piece(first)?));
                }
                State::Receiving { body, .. } => {
                    let deadline = self.window.since + self.stall_window;
                    match timeout_at(deadline, body.next()).await {
                        Ok(Some(Ok(chunk))) if chunk.is_empty() => continue,
                        Ok(Some(Ok(chunk))) => return Ok(Some(self.piece(chunk)?)),
                        Ok(Some(Err(error))) => error.into(),
                        Ok(None) if self.total.is_none_or(|total| total == self.received) => {
                            self.state = State::Ended;
                            return Ok(None);
                        }
                        Ok(None) => self.transport(format!(
                            "{} bytes arrived where {} were announced",
                            self.received,
                            self.total.unwrap_or_default()
                        )),
                        Err(_) if self.window.bytes >= MIN_PROGRESS => {
                            self.window = Window::new();
                            continue;
                        }
                        Err(_) => {
                            let window = self.stall_window.as_secs_f32();
                            let bytes = self.window.bytes;
                            let message =
                                format!("the download stalled: {bytes} bytes in {window} s");
                            Error::new(ErrorKind::Timeout, message)
                        }
                    }
                }
            };
            self.broken(error)?;
        }
    }

    /// Rejects all bytes and starts over.
    ///
    /// # Errors
    ///
    /// `error`, after too many failures.
    pub(super) fn reject(&mut self, error: Error) -> Result<(), Error> {
        self.validator = None;
        self.broken(error)
    }

    fn piece(&mut self, chunk: Bytes) -> Result<Piece, Error> {
        let length = chunk.len() as u64;
        self.received += length;
        self.window.bytes += length;
        if self.window.since.elapsed() >= self.stall_window {
            self.window = Window::new();
        }
        if self.resumable {
            self.failures = 0;
        }
        if let Some(total) = self.total
            && self.received > total
        {
            let message = format!("more bytes arrived than the {total} that were announced");
            return Err(self.transport(message));
        }
        Ok(Piece::Bytes(chunk))
    }

    fn transport(&self, message: String) -> Error {
        Error::new(ErrorKind::Transport, message).with_operation(self.operation)
    }

    fn broken(&mut self, error: Error) -> Result<(), Error> {
        let error = error.with_operation(self.operation);
        // A request without response headers was attempted several times already.
        self.failures += error.attempts().max(1);
        let is_transient = matches!(
            error.kind(),
            ErrorKind::Transport | ErrorKind::Timeout | ErrorKind::Connect
        );
        if self.failures > MAX_FAILURES || !(is_transient || error.is_retryable()) {
            return Err(error);
        }
        debug!(target: "gizmo_client::files", operation = self.operation, received = self.received, %error, "download broke");
        self.state = State::Broken(error);
        Ok(())
    }

    /// Sends a further request. Returns whether the bytes start over.
    async fn reconnect(&mut self) -> Result<bool, Error> {
        let before = self.received;
        while let State::Broken(error) = &self.state {
            let delay = BACKOFF.delay(self.failures - 1, random());
            tokio::time::sleep(delay.max(error.retry_after().unwrap_or_default())).await;
            let rest = self.rest();
            let resuming = rest.is_some();
            match (self.fetch)(rest).await {
                Ok(response) => {
                    if let Err(error) = self.accept(response).await {
                        self.broken(error)?;
                    }
                }
                Err(error) if resuming && is_refused_range(&error) => {
                    self.validator = None;
                    self.broken(
                        self.transport("the missing bytes cannot be requested".to_owned()),
                    )?;
                }
                Err(error) => self.broken(error)?,
            }
        }
        Ok(self.received == 0 && before > 0)
    }

    fn rest(&self) -> Option<Rest> {
        let validator = self
            .validator
            .clone()
            .filter(|_| self.resumable && self.received > 0)?;
        Some(Rest {
            offset: self.received,
            validator,
        })
    }

    /// Takes a response: the missing bytes, or all from the start.
    async fn accept(&mut self, response: ResponseValue<ByteStream>) -> Result<(), Error> {
        let headers = response.headers();
        if response.status() == StatusCode::PARTIAL_CONTENT {
            let (first, total) = content_range(headers).ok_or_else(|| {
                self.transport("a 206 response has no valid Content-Range".to_owned())
            })?;
            if first != self.received
                || (total.is_some() && self.total.is_some() && total != self.total)
            {
                self.validator = None;
                return Err(self.transport(format!(
                    "a 206 response does not continue after {} bytes",
                    self.received
                )));
            }
            self.total = self.total.or(total);
            self.window = Window::new();
            self.state = State::Receiving {
                first: Bytes::new(),
                body: response.into_inner(),
            };
            return Ok(());
        }
        let total = response.content_length();
        let validator = validator(headers);
        let media = headers
            .get(header::CONTENT_TYPE)
            .and_then(|media| media.to_str().ok());
        let media = media.unwrap_or_default().to_owned();
        let mut body = response.into_inner();
        let first = self.start_of(&mut body).await?;
        self.is_zip = starts_like_zip(&first);
        let is_page = ["text/html", "application/json"]
            .iter()
            .any(|page| media.starts_with(page));
        let is_wrong = match self.expect {
            Expect::Zip => !self.is_zip,
            Expect::File => is_page,
        };
        if is_wrong {
            let first = self.credential.redact_body(&first);
            return Err(self.expect.mismatch(&first).with_body(&first));
        }
        (self.total, self.validator, self.received) = (total, validator, 0);
        self.window = Window::new();
        self.state = State::Receiving { first, body };
        Ok(())
    }

    /// Reads enough bytes to recognise the content.
    async fn start_of(&self, body: &mut ByteStream) -> Result<Bytes, Error> {
        let deadline = Instant::now() + self.stall_window;
        let mut first = BytesMut::new();
        while first.len() < SIGNATURE {
            match timeout_at(deadline, body.next()).await {
                Ok(Some(chunk)) => first.extend_from_slice(&chunk?),
                Ok(None) => break,
                Err(_) => {
                    let window = self.stall_window.as_secs_f32();
                    let message = format!("the download stalled: nothing in {window} s");
                    return Err(Error::new(ErrorKind::Timeout, message));
                }
            }
        }
        Ok(first.freeze())
    }
}

impl Expect {
    fn mismatch(self, start: &[u8]) -> Error {
        let expected = match self {
            Self::Zip => "ZIP archive",
            Self::File => "file",
        };
        let mut start = start;
        let start = start.copy_to_bytes(start.len().min(200));
        if start.is_empty() {
            // The file may not be there yet, so it is requested again.
            let message = format!("an empty response instead of a {expected}");
            return Error::new(ErrorKind::Transport, message);
        }
        let start = one_line(&String::from_utf8_lossy(&start), 200);
        let message = format!("not a {expected} but `{start}`");
        Error::new(ErrorKind::Decode, message)
    }
}

/// Returns the validator of a version: a strong `ETag`, or else `Last-Modified`.
fn validator(headers: &HeaderMap) -> Option<HeaderValue> {
    let etag = headers
        .get(header::ETAG)
        .filter(|etag| !etag.as_bytes().starts_with(b"W/"));
    etag.or_else(|| headers.get(header::LAST_MODIFIED)).cloned()
}

/// Reads `bytes 100-199/200` as the first byte and the complete length.
fn content_range(headers: &HeaderMap) -> Option<(u64, Option<u64>)> {
    let range = headers
        .get(header::CONTENT_RANGE)?
        .to_str()
        .ok()?
        .strip_prefix("bytes ")?;
    let (range, total) = range.split_once('/')?;
    let (first, _) = range.split_once('-')?;
    Some((first.trim().parse().ok()?, total.trim().parse().ok()))
}

/// Whether the service rejected the range, or has another version.
fn is_refused_range(error: &Error) -> bool {
    matches!(
        error.status(),
        Some(StatusCode::RANGE_NOT_SATISFIABLE | StatusCode::PRECONDITION_FAILED)
    )
}
