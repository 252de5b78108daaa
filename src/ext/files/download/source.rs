//! Where a download's bytes come from, and how it goes on when they stop.
//!
//! ```text
//!               ┌───────────── bytes ─────────────┐
//!               ▼                                 │
//!  response ──▶ Receiving ──cut, stalled, short──▶ Broken ──too often──▶ error
//!               │                                 ▲
//!               └──end──▶ Ended ──not accepted────┘
//! ```
//!
//! Broken is mended by asking for the rest (`Range` with `If-Range`, RFC 9110 sections 13.1.5 and
//! 14.2) where a URL is fetched, and by asking for all of it again where an export is posted: an
//! export costs nothing and changes nothing.

use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use progenitor_client::{ByteStream, ResponseValue};
use tokio::time::{Instant, timeout_at};
use tracing::debug;

use crate::ext::error::one_line;
use crate::ext::error::{Error, ErrorKind};
use crate::ext::http::backoff::{Backoff, random};

/// A download that brings fewer than these bytes in a window is stalled.
const LEAST_PROGRESS: u64 = 1024;

/// The window for [`LEAST_PROGRESS`]; a shorter idle timeout of the client holds here as well.
const STALL_WINDOW: Duration = Duration::from_secs(30);

/// Tries that failed and are mended: of an export in all, of a URL those in a row that bring no byte.
const MOST_FAILURES: u32 = 5;

const BACKOFF: Backoff = Backoff {
    base: Duration::from_millis(250),
    cap: Duration::from_secs(10),
};

/// The response to a request for bytes.
pub(super) type Response = Result<ResponseValue<ByteStream>, Error>;

/// Asks for the bytes: all of them, or those after an offset as long as the validator holds.
pub(super) type Ask = Box<dyn Fn(Option<Rest>) -> BoxFuture<'static, Response> + Send + Sync>;

/// The bytes that are still missing.
#[derive(Debug, Clone)]
pub(super) struct Rest {
    pub(super) offset: u64,
    /// A strong `ETag` or a date: the rest is wanted only of the same thing.
    pub(super) validator: HeaderValue,
}

/// What must be at the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Expect {
    /// A ZIP archive.
    Zip,
    /// Anything but an error page.
    File,
}

/// What comes next.
pub(super) enum Piece {
    Bytes(Bytes),
    /// Everything before this is void: the bytes start over.
    Restart,
}

pub(super) struct Source {
    ask: Ask,
    operation: &'static str,
    expect: Expect,
    /// A rest can be asked for.
    resumable: bool,
    /// It begins as a ZIP archive does, and so must end as one.
    is_zip: bool,
    state: State,
    received: u64,
    total: Option<u64>,
    validator: Option<HeaderValue>,
    failures: u32,
    stall_window: Duration,
    window: Window,
}

enum State {
    /// Reading, once `first` is given out. → Broken; Ended.
    Receiving { first: Bytes, body: ByteStream },
    /// The response is of no more use. → Receiving, or the error.
    Broken(Error),
    /// All bytes have come. → Broken when they are not accepted.
    Ended,
}

/// How much has come since when.
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
    /// Asks for the first time and looks at what the bytes begin with.
    pub(super) async fn open(
        operation: &'static str,
        expect: Expect,
        resumable: bool,
        idle_timeout: Duration,
        ask: Ask,
    ) -> Result<Self, Error> {
        let response = ask(None).await?;
        let mut source = Self {
            ask,
            operation,
            expect,
            resumable,
            is_zip: false,
            state: State::Ended,
            received: 0,
            total: None,
            validator: None,
            failures: 0,
            stall_window: STALL_WINDOW.min(idle_timeout),
            window: Window::new(),
        };
        if let Err(error) = source.accept(response).await {
            source.broken(error)?;
            source.mend().await?;
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

    /// The next bytes; `None` after the last.
    pub(super) async fn next(&mut self) -> Result<Option<Piece>, Error> {
        loop {
            let error = match &mut self.state {
                State::Ended => return Ok(None),
                State::Broken(_) => {
                    if self.mend().await? {
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
                            "{} bytes came where {} were announced",
                            self.received,
                            self.total.unwrap_or_default()
                        )),
                        Err(_) if self.window.bytes >= LEAST_PROGRESS => {
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

    /// What came is not what was wanted after all: it is asked for again.
    ///
    /// # Errors
    /// That it was, too often.
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
            let message = format!("more bytes came than the {total} that were announced");
            return Err(self.transport(message));
        }
        Ok(Piece::Bytes(chunk))
    }

    fn transport(&self, message: String) -> Error {
        Error::new(ErrorKind::Transport, message).with_operation(self.operation)
    }

    fn broken(&mut self, error: Error) -> Result<(), Error> {
        let error = error.with_operation(self.operation);
        // A request that never got its head was tried more than once already.
        self.failures += error.attempts().max(1);
        let mendable = matches!(
            error.kind(),
            ErrorKind::Transport | ErrorKind::Timeout | ErrorKind::Connect
        );
        if self.failures > MOST_FAILURES || !(mendable || error.is_retryable()) {
            return Err(error);
        }
        debug!(target: "gizmo_client::files", operation = self.operation, received = self.received, %error, "download broke");
        self.state = State::Broken(error);
        Ok(())
    }

    /// Asks again; says whether the bytes start over.
    async fn mend(&mut self) -> Result<bool, Error> {
        let had = self.received;
        while let State::Broken(error) = &self.state {
            let delay = BACKOFF.delay(self.failures - 1, random());
            tokio::time::sleep(delay.max(error.retry_after().unwrap_or_default())).await;
            let rest = self.rest();
            let resuming = rest.is_some();
            match (self.ask)(rest).await {
                Ok(response) => {
                    if let Err(error) = self.accept(response).await {
                        self.broken(error)?;
                    }
                }
                Err(error) if resuming && is_refused_range(&error) => {
                    self.validator = None;
                    self.broken(self.transport("the rest cannot be requested".to_owned()))?;
                }
                Err(error) => self.broken(error)?,
            }
        }
        Ok(self.received == 0 && had > 0)
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

    /// Takes up a response: the rest of what has come, or all from the start.
    async fn accept(&mut self, response: ResponseValue<ByteStream>) -> Result<(), Error> {
        let headers = response.headers();
        if response.status() == StatusCode::PARTIAL_CONTENT {
            let (first, total) = content_range(headers)
                .ok_or_else(|| self.transport("a part came without saying which".to_owned()))?;
            if first != self.received
                || (total.is_some() && self.total.is_some() && total != self.total)
            {
                self.validator = None;
                return Err(self.transport(format!(
                    "another part came than that after {} bytes",
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
        let first = self.beginning(&mut body).await?;
        self.is_zip = is_zip(&first);
        let is_page = ["text/html", "application/json"]
            .iter()
            .any(|page| media.starts_with(page));
        let refused = match self.expect {
            Expect::Zip => !self.is_zip,
            Expect::File => is_page,
        };
        if refused {
            return Err(self.expect.refusal(&first).with_body(&first));
        }
        (self.total, self.validator, self.received) = (total, validator, 0);
        self.window = Window::new();
        self.state = State::Receiving { first, body };
        Ok(())
    }

    /// As many bytes as it takes to see what they are.
    async fn beginning(&self, body: &mut ByteStream) -> Result<Bytes, Error> {
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

/// Bytes that tell a ZIP archive.
const SIGNATURE: usize = 4;

/// Whether the first entry of an archive begins here or, when it is empty or was to be split, what
/// stands there instead (APPNOTE 4.3).
fn is_zip(start: &[u8]) -> bool {
    [b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08"]
        .iter()
        .any(|signature| start.starts_with(*signature))
}

impl Expect {
    fn refusal(self, start: &[u8]) -> Error {
        let wanted = match self {
            Self::Zip => "ZIP archive",
            Self::File => "file",
        };
        let mut start = start;
        let start = start.copy_to_bytes(start.len().min(200));
        let message = if start.is_empty() {
            format!("an empty response where a {wanted} was due")
        } else {
            format!(
                "no {wanted} but `{}`",
                one_line(&String::from_utf8_lossy(&start), 200)
            )
        };
        Error::new(ErrorKind::Decode, message)
    }
}

/// What tells that a thing is still the same: a strong `ETag`, else `Last-Modified`.
fn validator(headers: &HeaderMap) -> Option<HeaderValue> {
    let etag = headers
        .get(header::ETAG)
        .filter(|etag| !etag.as_bytes().starts_with(b"W/"));
    etag.or_else(|| headers.get(header::LAST_MODIFIED)).cloned()
}

/// `bytes 100-199/200` as its first byte and the length of the whole.
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

/// The range cannot be had, or not of the same thing.
fn is_refused_range(error: &Error) -> bool {
    matches!(
        error.status(),
        Some(StatusCode::RANGE_NOT_SATISFIABLE | StatusCode::PRECONDITION_FAILED)
    )
}
