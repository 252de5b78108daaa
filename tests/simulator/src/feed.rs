//! An event stream as a response body: a job's log, pings, and what is to go wrong with it.

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
use crate::fault::EventFault;
use crate::options::AfterEnd;
use crate::response::{Body, Broken};
use crate::state::Shared;
use crate::wire::Control;

const PING: &[u8] = b"event: ping\ndata: {\"type\":\"ping\"}\n\n";

/// How long an event that is to change places waits for its neighbour.
const NEIGHBOUR_WAIT: Duration = Duration::from_millis(50);

/// What goes wrong with a stream, and the socket that it may have to break.
pub(crate) struct Faults {
    pub(crate) events: Vec<EventFault>,
    pub(crate) control: Arc<Control>,
}

/// Returns what follows the first `after` events.
pub(crate) fn response(
    shared: &Shared,
    log: Arc<Log>,
    after: u64,
    faults: Faults,
) -> Response<Body> {
    let feed = Feed::new(log, after, faults, shared);
    let frames = futures_util::stream::unfold(feed, |mut feed| async {
        let frame = feed.next().await?;
        Some((frame.map(Frame::data), feed))
    });
    let mut response = Response::new(StreamBody::new(frames).boxed_unsync());
    let headers = response.headers_mut();
    headers.insert(
        CONTENT_TYPE,
        HeaderValue::from_static("text/event-stream; charset=utf-8"),
    );
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    response
}

/// What the stream does next.
enum Piece {
    Bytes(Bytes),
    /// Close the connection. → nothing.
    Break,
    /// Do nothing for good. → nothing.
    Stall,
    /// End the body. → nothing.
    End,
}

struct Feed {
    log: Arc<Log>,
    growth: watch::Receiver<Growth>,
    /// Events that have been taken from the log.
    taken: usize,
    /// The ordinal that this connection counts from.
    base: usize,
    /// Events that this connection has sent.
    sent: usize,
    ready: VecDeque<Piece>,
    faults: Vec<EventFault>,
    control: Arc<Control>,
    ping: Option<Pin<Box<Sleep>>>,
    ping_every: Duration,
    /// What a buffering proxy holds back.
    held: Option<BytesMut>,
    /// Whether the body goes on after the terminal event.
    stays_open: bool,
}

impl Feed {
    fn new(log: Arc<Log>, after: u64, faults: Faults, shared: &Shared) -> Self {
        let Faults {
            events: faults,
            control,
        } = faults;
        let (mut taken, mut base) = (usize::try_from(after).unwrap_or(usize::MAX), 0);
        let mut ping_every = shared.clock.scaled_at_least(shared.options.ping_interval);
        let mut stays_open = shared.options.after_end == AfterEnd::StayOpen;
        let (mut quiet, mut held) = (false, None);
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
                EventFault::Buffered => held = Some(BytesMut::new()),
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
            held,
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

    async fn next(&mut self) -> Option<Result<Bytes, Broken>> {
        loop {
            match self.ready.pop_front() {
                Some(Piece::Bytes(bytes)) => match &mut self.held {
                    Some(held) => held.extend_from_slice(&bytes),
                    None => return Some(Ok(bytes)),
                },
                Some(Piece::Break) => {
                    self.control.flush().await;
                    return Some(Err(Broken));
                }
                Some(Piece::Stall) => std::future::pending().await,
                Some(Piece::End) => {
                    let held = self.held.take()?;
                    self.ready.push_front(Piece::End);
                    return Some(Ok(held.freeze()));
                }
                None => self.wait().await,
            }
        }
    }

    /// Waits for the log to grow or for a ping to be due, and queues what comes of it.
    async fn wait(&mut self) {
        let growth = *self.growth.borrow_and_update();
        if self.taken < growth.length {
            if self.faults.is_empty() {
                let bytes = self.log.wire_after(self.taken);
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
            && let Some(held) = self.held.take()
        {
            self.ready.push_back(Piece::Bytes(held.freeze()));
            return;
        }
        let Some(ping) = &mut self.ping else {
            // The log lives as long as this feed does, and so does its sender.
            let _ = self.growth.changed().await;
            return;
        };
        tokio::select! {
            _ = self.growth.changed() => {}
            () = ping.as_mut() => {
                ping.as_mut().reset(Instant::now() + self.ping_every);
                self.queue(Bytes::from_static(PING));
                if self.meets(|fault| matches!(fault, EventFault::BreakAfterPing)) {
                    self.ready.push_back(Piece::Break);
                }
            }
        }
    }

    fn meets(&self, wanted: fn(&EventFault) -> bool) -> bool {
        self.faults.iter().any(wanted)
    }

    /// Takes the next event from the log, or the next two in the wrong order.
    async fn take_next(&mut self, mut growth: Growth) {
        let first = self.taken + 1;
        if self.meets(|fault| matches!(fault, EventFault::OutOfOrder)) {
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

    /// Queues an event as the faults leave it.
    fn queue_event(&mut self, number: usize) {
        let Some(entry) = self.log.entry(number) else {
            return;
        };
        let terminal = entry.terminal;
        let counted = number.saturating_sub(self.base);
        let mut name = entry.name;
        let mut data = self.log.data(counted, &entry);
        let mut times = 1;
        let mut before = Vec::new();
        for fault in &self.faults {
            match fault {
                EventFault::Skip(skipped) if *skipped == number => return,
                EventFault::LoseTerminal if terminal => return,
                EventFault::EndWithoutTerminal if terminal => {
                    self.ready.push_back(Piece::End);
                    return;
                }
                EventFault::Repeat(repeated) if *repeated == number => times = 2,
                EventFault::RepeatEach => times = 2,
                EventFault::TerminalTwice if terminal => times = 2,
                EventFault::UnknownType(renamed) if *renamed == number => {
                    data = data.replace(&format!("\"type\":\"{name}\""), "\"type\":\"telemetry\"");
                    name = "telemetry";
                }
                EventFault::Unnumbered(next) if *next == number => {
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
        let text = Bytes::from(self.log.frame(counted, name, &data));
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
            self.log.note_sent(number);
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

    /// Queues text with the line ends and in the chunks that the faults ask for.
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
