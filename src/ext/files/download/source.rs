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
//! 14.2), if the response is of the same version (section 15.3.7.3). Otherwise it starts over. An export
//! is requested again from the start: it costs nothing and changes nothing.

use std::time::{Duration, SystemTime};

use bytes::{Buf, Bytes, BytesMut};
use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use http::{StatusCode, header};
use progenitor_client::{ByteStream, ResponseValue};
use tokio::time::{Instant, timeout_at};
use tracing::debug;

use super::head::{ContentRange, Page, Validator};
use crate::ext::error::{Error, ErrorKind, one_line};
use crate::ext::files::zip::{self, SIGNATURE, starts_like_zip};
use crate::ext::http::backoff::{Backoff, random};
use crate::ext::http::config::Credential;
use crate::ext::http::headers::retry_after;
use crate::raw::Client;

/// A download with fewer bytes than this in a window is stalled.
const MIN_PROGRESS: u64 = 1024;

/// The window for [`MIN_PROGRESS`]. A shorter idle timeout of the client applies as well.
const STALL_WINDOW: Duration = Duration::from_secs(30);

/// The number of failed attempts in a row that are retried, and how many times a download starts over.
/// For a URL, an attempt that brings [`MIN_PROGRESS`] new bytes has not failed. For an export all count.
const MAX_FAILURES: u32 = 5;

/// The delays between requests for a file that is not ready yet, unless `Retry-After` is longer.
const READY_BACKOFF: Backoff = Backoff {
    base: Duration::from_secs(2),
    cap: Duration::from_secs(30),
};

/// How long a download waits in total for a file that is not ready yet.
// Assumption: export-not-ready.
const MAX_WAIT: Duration = Duration::from_secs(10 * 60);

/// The number of bytes in which an XML or HTML page is recognised.
const PAGE_START: usize = 512;

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
    /// The bytes must be of this version.
    pub(super) validator: Validator,
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
    /// It is expected to be a ZIP archive or starts like one, so it must be a complete one.
    is_zip: bool,
    /// Its start, if it is expected to be a ZIP archive and starts otherwise.
    prefix: Option<Bytes>,
    state: State,
    received: u64,
    total: Option<u64>,
    validator: Option<Validator>,
    failures: u32,
    /// How many times the bytes have started over.
    restarts: u32,
    /// The most bytes that any attempt has reached. More of them are progress.
    reached: u64,
    /// How many times, and for how long, the file was waited for because it is not ready yet.
    waits: u32,
    waited: Duration,
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
        let mut source = Self {
            fetch,
            operation,
            expect,
            resumable,
            is_zip: false,
            prefix: None,
            state: State::Ended,
            received: 0,
            total: None,
            validator: None,
            failures: 0,
            restarts: 0,
            reached: 0,
            waits: 0,
            waited: Duration::ZERO,
            stall_window: STALL_WINDOW.min(shared.idle_timeout),
            window: Window::new(),
            credential: shared.credential.clone(),
        };
        let response = (source.fetch)(None).await;
        let accepted = match response {
            Ok(response) => source.accept(response, None).await,
            // The request was retried as often as the policy allows.
            Err(error) if !is_not_ready(&error) => return Err(error),
            Err(error) => Err(error),
        };
        if let Err(error) = accepted {
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

    /// Rejects all bytes, which are not a complete archive, and starts over.
    ///
    /// # Errors
    ///
    /// After too many failures, or if the bytes do not start like an archive either.
    pub(super) fn reject_incomplete(&mut self) -> Result<(), Error> {
        self.check_start()?;
        self.validator = None;
        self.broken(self.transport("the archive is incomplete: its end is missing".to_owned()))
    }

    /// Checks that an archive has nothing before it.
    pub(super) fn check_start(&self) -> Result<(), Error> {
        match &self.prefix {
            Some(prefix) => Err(self.mismatch(prefix).with_operation(self.operation)),
            None => Ok(()),
        }
    }

    fn mismatch(&self, start: &Bytes) -> Error {
        let start = self.credential.redact_body(start);
        self.expect.mismatch(&start).with_body(&start)
    }

    fn piece(&mut self, chunk: Bytes) -> Result<Piece, Error> {
        let length = chunk.len() as u64;
        self.received += length;
        self.window.bytes += length;
        if self.window.since.elapsed() >= self.stall_window {
            self.window = Window::new();
        }
        if self.resumable && self.received >= self.reached + MIN_PROGRESS {
            self.reached = self.received;
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
        if is_not_ready(&error) {
            if self.waited > MAX_WAIT {
                return Err(error);
            }
        } else {
            // A request without response headers was attempted several times already.
            self.failures += error.attempts().max(1);
        }
        let is_transient = matches!(
            error.kind(),
            ErrorKind::Transport | ErrorKind::Timeout | ErrorKind::Connect
        );
        let may_retry = is_transient || is_not_ready(&error) || error.is_retryable();
        if self.failures > MAX_FAILURES || self.restarts > MAX_FAILURES || !may_retry {
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
            let retry_after = error.retry_after().unwrap_or_default();
            let mut delay = BACKOFF.delay(self.failures.saturating_sub(1), random());
            if is_not_ready(error) {
                delay = READY_BACKOFF.delay(self.waits, 0.5 + random() / 2.0);
                self.waits += 1;
                self.waited += delay.max(retry_after);
            }
            tokio::time::sleep(delay.max(retry_after).min(MAX_WAIT)).await;
            let rest = self.rest();
            let accepted = match (self.fetch)(rest.clone()).await {
                Ok(response) => self.accept(response, rest).await,
                Err(error) if rest.is_some() && is_refused_range(&error) => {
                    Err(self.start_over("the missing bytes cannot be requested"))
                }
                Err(error) => Err(error),
            };
            if let Err(error) = accepted {
                self.broken(error)?;
            }
        }
        let starts_over = self.received == 0 && before > 0;
        self.restarts += u32::from(starts_over);
        Ok(starts_over)
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

    /// Gives up the bytes so far: the next request is for the complete file.
    fn start_over(&mut self, why: &str) -> Error {
        self.validator = None;
        self.transport(why.to_owned())
    }

    /// Takes a response: the missing bytes, or all from the start.
    async fn accept(
        &mut self,
        response: ResponseValue<ByteStream>,
        rest: Option<Rest>,
    ) -> Result<(), Error> {
        let (status, headers) = (response.status(), response.headers());
        let encoding = headers.get(header::CONTENT_ENCODING);
        if let Some(encoding) = encoding.filter(|encoding| *encoding != "identity") {
            let encoding = one_line(&String::from_utf8_lossy(encoding.as_bytes()), 40);
            let message = format!("the file is encoded as `{encoding}`, which was not requested");
            return Err(Error::new(ErrorKind::Decode, message));
        }
        if status == StatusCode::PARTIAL_CONTENT {
            let Some(range) = ContentRange::of(headers) else {
                return Err(self.start_over("a 206 response has no valid Content-Range"));
            };
            if let Some(rest) = rest {
                let continues = range.first == self.received
                    && range
                        .total
                        .zip(self.total)
                        .is_none_or(|(one, other)| one == other);
                if !continues {
                    let why = format!(
                        "a 206 response does not continue after {} bytes",
                        self.received
                    );
                    return Err(self.start_over(&why));
                }
                if !rest.validator.is_of(headers) {
                    return Err(self.start_over("a 206 response is of another version"));
                }
                self.total = self.total.or(range.total).or(Some(range.last + 1));
                self.window = Window::new();
                self.state = State::Receiving {
                    first: Bytes::new(),
                    body: response.into_inner(),
                };
                return Ok(());
            }
            let is_all =
                range.first == 0 && range.total.is_none_or(|total| total == range.last + 1);
            if !is_all {
                return Err(self.start_over("a 206 response is only a part of the file"));
            }
        }
        let total = response.content_length();
        let validator = Validator::of(headers);
        let retry_after = retry_after(headers, SystemTime::now());
        let page = Page::of(headers);
        let mut body = response.into_inner();
        let wanted = if page.is_some() {
            PAGE_START
        } else {
            SIGNATURE
        };
        let mut first = BytesMut::new();
        self.read_start(&mut body, &mut first, wanted).await?;
        let starts_like_zip = starts_like_zip(&first);
        let is_wrong = match self.expect {
            Expect::Zip if starts_like_zip => false,
            Expect::Zip => {
                self.read_start(&mut body, &mut first, PAGE_START).await?;
                status == StatusCode::ACCEPTED || !may_contain_archive(&first, page)
            }
            Expect::File => first.is_empty() || page.is_some_and(|page| page.is_shown_by(&first)),
        };
        let first = first.freeze();
        if is_wrong {
            if status == StatusCode::ACCEPTED {
                let message = format!("the file is not ready yet ({status})");
                let body = self.credential.redact_body(&first);
                let error = Error::new(ErrorKind::Transport, message).with_body(&body);
                return Err(error.with_retry_after(retry_after));
            }
            return Err(self.mismatch(&first));
        }
        self.is_zip = starts_like_zip || self.expect == Expect::Zip;
        self.prefix =
            (self.is_zip && !starts_like_zip).then(|| first.slice(..first.len().min(PAGE_START)));
        (self.total, self.validator, self.received) = (total, validator, 0);
        self.window = Window::new();
        self.state = State::Receiving { first, body };
        Ok(())
    }

    /// Reads until `first` has enough bytes to recognise the content, or the body ends.
    async fn read_start(
        &self,
        body: &mut ByteStream,
        first: &mut BytesMut,
        wanted: usize,
    ) -> Result<(), Error> {
        let deadline = Instant::now() + self.stall_window;
        while first.len() < wanted {
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
        Ok(())
    }
}

/// Whether a body that does not start like an archive may contain one further on, as a self-extracting one
/// does. A body shorter than `PAGE_START` is complete.
fn may_contain_archive(first: &[u8], page: Option<Page>) -> bool {
    if first.len() < PAGE_START {
        return zip::is_in(first);
    }
    !page.unwrap_or(Page::IfError).is_shown_by(first)
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

/// Whether the service states that the file is not ready yet, and when to return.
// Assumption: export-not-ready.
fn is_not_ready(error: &Error) -> bool {
    let status = error.status();
    let may_be_early = status.is_none_or(|status| matches!(status.as_u16(), 409 | 425));
    error.retry_after().is_some() && may_be_early
}

/// Whether the service rejected the range, or has another version.
fn is_refused_range(error: &Error) -> bool {
    matches!(
        error.status(),
        Some(StatusCode::RANGE_NOT_SATISFIABLE | StatusCode::PRECONDITION_FAILED)
    )
}
