//! An event stream as a response body: the events of a job, pings and injected faults.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Response};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use tokio::sync::watch;
use tokio::time::{Instant, Sleep};

use crate::events::{Growth, Log};
use crate::fault::{EventFault, Fault};
use crate::options::AfterEnd;
use crate::response::{Abort, Body};
use crate::state::Shared;
use crate::wire::Control;

// Assumption: event-ping-name.
const PING: &[u8] = b"event: ping\ndata: {\"type\":\"ping\"}\n\n";

/// How long an event waits for the next one in order to swap places with it.
const NEIGHBOUR_WAIT: Duration = Duration::from_millis(50);

/// The faults of a stream, and the control of the socket that they may break.
#[derive(Default)]
pub(crate) struct Faults {
    events: Vec<EventFault>,
    control: Arc<Control>,
}

impl Faults {
    /// Collects the event faults among the faults of a request.
    pub(crate) fn new(faults: &[Fault], control: &Arc<Control>) -> Self {
        let events = faults.iter().filter_map(|fault| match fault {
            Fault::Events(fault) => Some(fault.clone()),
            _ => None,
        });
        Self {
            events: events.collect(),
            control: Arc::clone(control),
        }
    }
}

/// Returns a response that streams the events after the first `skipped` ones.
pub(crate) fn response(
    shared: &Shared,
    log: Arc<Log>,
    skipped: u64,
    faults: Faults,
) -> Response<Body> {
    let feed = Feed::new(log, skipped, faults, shared);
    let frames = futures_util::stream::unfold(feed, |mut feed| async {
        let frame = feed.next().await?;
        Some((frame.map(Frame::data), feed))
    });
    event_stream(StreamBody::new(frames).boxed_unsync())
}

/// Returns a response whose body is an event stream.
pub(crate) fn event_stream(body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(
        CONTENT_TYPE,
        HeaderValue::from_static("text/event-stream; charset=utf-8"),
    );
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    response
}

/// The next action of the stream.
enum Piece {
    Bytes(Bytes),
    /// Closes the connection.
    Break,
    /// Sends nothing more and keeps the connection open.
    Stall,
    /// Ends the body.
    End,
}

struct Feed {
    log: Arc<Log>,
    growth: watch::Receiver<Growth>,
    /// Number of events that were taken from the log, or skipped.
    taken: usize,
    /// The ordinal after which the stream numbers events from 1.
    base: usize,
    /// Number of events that this connection has sent.
    sent: usize,
    ready: VecDeque<Piece>,
    faults: Vec<EventFault>,
    control: Arc<Control>,
    ping: Option<Pin<Box<Sleep>>>,
    ping_every: Duration,
    /// The bytes that a simulated buffering proxy withholds.
    buffered: Option<BytesMut>,
    /// Whether the body continues after the terminal event.
    stays_open: bool,
}

impl Feed {
    fn new(log: Arc<Log>, skipped: u64, faults: Faults, shared: &Shared) -> Self {
        let Faults {
            events: faults,
            control,
        } = faults;
        let (mut taken, mut base) = (usize::try_from(skipped).unwrap_or(usize::MAX), 0);
        let mut ping_every = shared.clock.scaled_at_least(shared.options.ping_interval);
        let mut stays_open = shared.options.after_end == AfterEnd::StayOpen;
        let (mut quiet, mut buffered) = (false, None);
        for fault in &faults {
            match fault {
                EventFault::IgnoreCursor => taken = 0,
                EventFault::LiveOnly => taken = log.len(),
                EventFault::RestartNumbers => {
                    base = log.sent();
                    taken = base;
                }
                EventFault::LoseTerminal => stays_open = true,
                EventFault::PingEvery(interval) => ping_every = *interval,
                EventFault::NoPings => quiet = true,
                EventFault::Buffered => buffered = Some(BytesMut::new()),
                _ => {}
            }
        }
        let mut feed = Self {
            growth: log.watch(),
            log,
            taken,
            base,
            sent: 0,
            ready: VecDeque::new(),
            faults,
            control,
            ping: (!quiet).then(|| Box::pin(tokio::time::sleep(ping_every))),
            ping_every,
            buffered,
            stays_open,
        };
        for fault in &feed.faults {
            if let EventFault::Preamble(bytes) = fault {
                feed.ready
                    .push_back(Piece::Bytes(Bytes::from_static(bytes)));
            }
        }
        if !quiet {
            feed.queue(Bytes::from_static(b": connected\n\n"));
        }
        feed
    }

    async fn next(&mut self) -> Option<Result<Bytes, Abort>> {
        loop {
            match self.ready.pop_front() {
                Some(Piece::Bytes(bytes)) => match &mut self.buffered {
                    Some(buffered) => buffered.extend_from_slice(&bytes),
                    None => return Some(Ok(bytes)),
                },
                Some(Piece::Break) => {
                    self.control.flush().await;
                    return Some(Err(Abort));
                }
                Some(Piece::Stall) => std::future::pending().await,
                Some(Piece::End) => {
                    let buffered = self.buffered.take()?;
                    self.ready.push_front(Piece::End);
                    return Some(Ok(buffered.freeze()));
                }
                None => self.wait().await,
            }
        }
    }

    /// Waits until the log grows or a ping is due, and queues the resulting pieces.
    async fn wait(&mut self) {
        let growth = *self.growth.borrow_and_update();
        if self.taken < growth.length {
            if self.faults.is_empty() {
                let bytes = self.log.frames_after(self.taken);
                self.ready.push_back(Piece::Bytes(bytes));
                self.taken = growth.length;
                self.log.note_sent(self.taken);
            } else {
                self.take_next(growth).await;
            }
            return;
        }
        if growth.deleted || (growth.ended && !self.stays_open) {
            self.ready.push_back(Piece::End);
            return;
        }
        if growth.ended
            && let Some(buffered) = self.buffered.take()
        {
            self.ready.push_back(Piece::Bytes(buffered.freeze()));
            return;
        }
        let Some(ping) = &mut self.ping else {
            // This cannot fail: the feed keeps the log, which owns the sender, alive.
            let _ = self.growth.changed().await;
            return;
        };
        tokio::select! {
            _ = self.growth.changed() => {}
            () = ping.as_mut() => {
                ping.as_mut().reset(Instant::now() + self.ping_every);
                self.queue(Bytes::from_static(PING));
                if self.has_fault(|fault| matches!(fault, EventFault::BreakAfterPing)) {
                    self.ready.push_back(Piece::Break);
                }
            }
        }
    }

    fn has_fault(&self, matches: fn(&EventFault) -> bool) -> bool {
        self.faults.iter().any(matches)
    }

    /// Queues the next event of the log, or the next two in reverse order.
    async fn take_next(&mut self, mut growth: Growth) {
        let first = self.taken + 1;
        if self.has_fault(|fault| matches!(fault, EventFault::OutOfOrder)) {
            if growth.length == first && !growth.ended {
                let _ = tokio::time::timeout(NEIGHBOUR_WAIT, self.growth.changed()).await;
                growth = *self.growth.borrow_and_update();
            }
            let last = growth.ended.then_some(growth.length);
            if first < growth.length && Some(first + 1) != last {
                self.taken += 2;
                self.queue_event(first + 1);
                self.queue_event(first);
                return;
            }
        }
        self.taken = first;
        self.queue_event(first);
    }

    /// Queues an event after applying the faults to it.
    fn queue_event(&mut self, ordinal: usize) {
        let Some(entry) = self.log.entry(ordinal) else {
            return;
        };
        let terminal = entry.terminal;
        let number = ordinal.saturating_sub(self.base);
        let mut name = entry.name;
        let mut data = self.log.data(number, &entry);
        let mut times = 1;
        let mut before = Vec::new();
        for fault in &self.faults {
            match fault {
                EventFault::Skip(skipped) if *skipped == ordinal => return,
                EventFault::LoseTerminal if terminal => return,
                EventFault::EndWithoutTerminal if terminal => {
                    self.ready.push_back(Piece::End);
                    return;
                }
                EventFault::Repeat(repeated) if *repeated == ordinal => times = 2,
                EventFault::RepeatEach => times = 2,
                EventFault::TerminalTwice if terminal => times = 2,
                EventFault::UnknownType(renamed) if *renamed == ordinal => {
                    data = data.replace(&format!("\"type\":\"{name}\""), "\"type\":\"telemetry\"");
                    name = "telemetry";
                }
                EventFault::Unnumbered(next) if *next == ordinal => {
                    before
                        .push("event: telemetry\ndata: {\"type\":\"telemetry\",\"load\":0.5}\n\n");
                }
                EventFault::BigTerminal(size) if terminal => {
                    let padding = "x".repeat(size.saturating_sub(data.len() + 13));
                    data.truncate(data.len() - 1);
                    data = format!("{data},\"padding\":\"{padding}\"}}");
                }
                _ => {}
            }
        }
        for text in before {
            self.queue(Bytes::from_static(text.as_bytes()));
        }
        let text = Bytes::from(self.log.frame(number, name, &data));
        for _ in 0..times {
            self.sent += 1;
            if self
                .faults
                .iter()
                .any(|fault| matches!(fault, EventFault::DropInside(at) if *at == self.sent))
            {
                self.queue(text.slice(..text.len() / 2));
                self.ready.push_back(Piece::Break);
                return;
            }
            self.queue(text.clone());
            self.log.note_sent(ordinal);
            let after = self.faults.iter().find_map(|fault| match fault {
                EventFault::DropAfterEach => Some(Piece::Break),
                EventFault::DropAfter(events) if *events == self.sent => Some(Piece::Break),
                EventFault::StallAfter(events) if *events == self.sent => Some(Piece::Stall),
                EventFault::EndAfter(events) if *events == self.sent => Some(Piece::End),
                _ => None,
            });
            if let Some(piece) = after {
                self.ready.push_back(piece);
                return;
            }
        }
    }

    /// Queues text with the line ends and in the chunk size that the faults require.
    fn queue(&mut self, text: Bytes) {
        let mut text = text;
        let mut chunk = usize::MAX;
        for fault in &self.faults {
            match fault {
                EventFault::Crlf => text = replace_lines(&text, b"\r\n"),
                EventFault::Cr => text = replace_lines(&text, b"\r"),
                EventFault::Split(size) => chunk = (*size).max(1),
                _ => {}
            }
        }
        while !text.is_empty() {
            let piece = text.split_to(chunk.min(text.len()));
            self.ready.push_back(Piece::Bytes(piece));
        }
    }
}

fn replace_lines(text: &Bytes, end: &[u8]) -> Bytes {
    let mut replaced = BytesMut::with_capacity(text.len() + 16);
    for byte in text {
        if *byte == b'\n' {
            replaced.extend_from_slice(end);
        } else {
            replaced.extend_from_slice(&[*byte]);
        }
    }
    replaced.freeze()
}
