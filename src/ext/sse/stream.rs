//! A job's events as a stream that survives its connections.
//!
//! ```text
//!                 ┌──────────── delay ◀────────────┐
//!                 ▼                                │ cut, silent, refused for now
//!            Connecting ───answer───▶ Streaming ───┤
//!                 │  ▲                    │        │ ended without `done`
//!  no stream here │  └──still at work──┐  │ done   ▼
//!                 │                    └──┼───── Asking ──has ended──┐
//!                 ▼                       ▼                          ▼
//!              Polling ──has ended──▶ Finished ◀─────────────────────┘
//! ```

use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Buf, Bytes};
use futures_core::Stream;
use futures_util::stream::{BoxStream, StreamExt};
use progenitor_client::ByteStream;
use tokio::time::timeout;
use tracing::debug;

use super::decoder::Decoder;
use super::replay::{Replay, fingerprint};
use crate::ext::backoff::{Backoff, random};
use crate::ext::event::{Cursor, JobEvent, JobEventKind};
use crate::types::{Job, JobStatus};
use crate::{Client, Error, ErrorKind};

/// Gizmo pings every 15 s; three pings missed say that the connection is dead. A shorter
/// [idle timeout](crate::ClientBuilder::idle_timeout) holds here as well.
const SILENCE: Duration = Duration::from_secs(45);

/// Tries in a row that bring no event before the stream is given up for polling, and a poll for
/// good: some three minutes.
pub(crate) const MOST_FAILURES: u32 = 18;

/// After so many tries in a row, and each time again, the job is asked whether it has ended.
const ASK_EVERY: u32 = 6;

/// Connections in a row that stay open and bring nothing: a proxy holds the stream back.
const MOST_SILENCES: u32 = 2;

pub(crate) const BACKOFF: Backoff = Backoff {
    base: Duration::from_millis(500),
    cap: Duration::from_secs(30),
};

/// The longest delay that a `Retry-After` is obeyed for.
pub(crate) const MOST_DELAY: Duration = Duration::from_secs(300);

/// A job's events, each once and in order; made by [`JobHandle::events`](crate::JobHandle::events).
///
/// It reconnects by itself, asks for the job's status where events may have been missed, polls
/// where streams do not get through, and ends after [`JobEventKind::Done`]. It yields an error
/// only when going on makes no sense, and then ends.
///
/// # Cancel safety
///
/// Dropping a `next()` future loses no event. Dropping the stream leaves the job running.
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let simulator = gizmo_simulator::Simulator::start(gizmo_simulator::Options::instant()).await?;
/// # let builder = gizmo_client::Client::builder().api_key(simulator.api_key());
/// # let client = builder.base_url(simulator.url()).build()?;
/// use futures::TryStreamExt;
/// use gizmo_client::Cursor;
///
/// let job = client.generate_scene().prompt("a robotics lab").start().await?;
/// let mut events = job.events();
/// let first = events.try_next().await?;
/// let stored = serde_json::to_string(&events.cursor())?;
///
/// // Later, in another process: each event comes once.
/// let cursor: Cursor = serde_json::from_str(&stored)?;
/// let mut rest = client.job(job.id()).events_after(cursor);
/// while let Some(event) = rest.try_next().await? {
///     println!("{event}");
/// #   assert!(event.seq > first.as_ref().unwrap().seq);
/// }
/// # Ok(())
/// # }
/// ```
pub struct EventStream {
    events: BoxStream<'static, (Result<JobEvent, Error>, Cursor)>,
    cursor: Cursor,
}

impl EventStream {
    pub(crate) fn new(
        client: Client,
        job_id: String,
        cursor: Cursor,
        poll_interval: Duration,
    ) -> Self {
        let last_event_id = cursor.last_event_id.clone().unwrap_or_default();
        let numbered = last_event_id.parse::<u64>().is_ok();
        let follower = Follower {
            client,
            job_id,
            decoder: Decoder::new().with_last_event_id(last_event_id),
            state: State::Connecting {
                delay: Duration::ZERO,
            },
            ready: VecDeque::new(),
            failures: 0,
            silences: 0,
            gap_reported: false,
            from_start: false,
            replay: Replay::resumed(numbered),
            poll_interval,
            last_polled: None,
            cursor: cursor.clone(),
        };
        let events = futures_util::stream::unfold(follower, |mut follower| async {
            let event = follower.next().await?;
            let cursor = follower.cursor.clone();
            Some(((event, cursor), follower))
        });
        Self {
            events: events.boxed(),
            cursor,
        }
    }

    /// Where the stream stands: after the last event that it yielded.
    pub fn cursor(&self) -> &Cursor {
        &self.cursor
    }
}

impl Stream for EventStream {
    type Item = Result<JobEvent, Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.events.poll_next_unpin(context).map(|next| {
            let (event, cursor) = next?;
            self.cursor = cursor;
            Some(event)
        })
    }
}

impl fmt::Debug for EventStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventStream")
            .field("cursor", &self.cursor)
            .finish_non_exhaustive()
    }
}

/// The state machine behind [`EventStream`].
struct Follower {
    client: Client,
    job_id: String,
    decoder: Decoder,
    cursor: Cursor,
    state: State,
    /// Events that are known and not yet yielded.
    ready: VecDeque<JobEvent>,
    /// Tries in a row that brought no event.
    failures: u32,
    /// Connections in a row that stayed open and brought not one byte.
    silences: u32,
    /// A gap in this connection's numbers has been answered by a snapshot.
    gap_reported: bool,
    /// The service has refused the cursor: it is not sent until there is a new one.
    from_start: bool,
    replay: Replay,
    poll_interval: Duration,
    /// The status that the last poll saw.
    last_polled: Option<JobStatus>,
}

enum State {
    /// About to open the stream after the cursor, once the delay is over. → Streaming; itself
    /// again when refused for now; Asking when that goes on; Polling where there is no stream.
    Connecting { delay: Duration },
    /// Reading. → Finished on `done`; Connecting when cut or silent; Asking at the end.
    Streaming {
        body: ByteStream,
        chunk: Bytes,
        any: bool,
    },
    /// The stream is of no use for now: has the job ended? → Finished, Connecting or Polling.
    Asking { delay: Duration, then_poll: bool },
    /// Streams do not get through: ask again and again. → Finished.
    Polling,
    /// Nothing follows.
    Finished,
}

/// What came of one step.
enum Step {
    Event(JobEvent),
    Next(State),
    Stay,
    Failed(Error),
}

impl Follower {
    async fn next(&mut self) -> Option<Result<JobEvent, Error>> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                if event.is_done() {
                    self.ready.clear();
                    self.state = State::Finished;
                }
                return Some(Ok(event));
            }
            // All but reading is rare and large: boxed, it costs a waiting stream no memory.
            let step = match self.state {
                State::Streaming { .. } => self.read().await,
                State::Connecting { delay } => Box::pin(self.connect(delay)).await,
                State::Asking { delay, then_poll } => Box::pin(self.ask(delay, then_poll)).await,
                State::Polling => Box::pin(self.poll()).await,
                State::Finished => return None,
            };
            match step {
                Step::Event(event) => self.ready.push_back(event),
                Step::Next(state) => self.state = state,
                Step::Stay => {}
                Step::Failed(error) => {
                    self.state = State::Finished;
                    return Some(Err(error.with_job_id(&self.job_id)));
                }
            }
        }
    }

    async fn connect(&mut self, delay: Duration) -> Step {
        tokio::time::sleep(delay).await;
        self.decoder.reset();
        self.gap_reported = false;
        self.replay.reconnected();
        let mut request = self.client.job_events().job_id(&self.job_id);
        if !self.from_start {
            if self.cursor.after > 0 {
                request = request.after(self.cursor.after);
            }
            if let Some(id) = &self.cursor.last_event_id {
                request = request.last_event_id(id);
            }
        }
        match request.send().await {
            Ok(answer) => {
                let media = answer.headers().get(http::header::CONTENT_TYPE);
                let media = media
                    .and_then(|media| media.to_str().ok())
                    .unwrap_or_default();
                if ["application/json", "text/html"]
                    .iter()
                    .any(|wrong| media.starts_with(wrong))
                {
                    let reason = format!("{media} came where a stream was due");
                    return self.no_stream(reason);
                }
                Step::Next(State::Streaming {
                    body: answer.into_inner(),
                    chunk: Bytes::new(),
                    any: false,
                })
            }
            Err(error) => self.refused(error).await,
        }
    }

    /// The stream could not be opened.
    async fn refused(&mut self, error: Error) -> Step {
        let resuming = self.cursor != Cursor::default() && !self.from_start;
        match (error.kind(), error.status().map(|status| status.as_u16())) {
            (ErrorKind::InvalidRequest | ErrorKind::Config, _) | (_, Some(401 | 403)) => {
                Step::Failed(error)
            }
            // The job itself says whether it is the job or only its stream that is not there.
            (_, Some(404 | 405 | 406 | 501)) => self.no_stream(format!("{error:#}")),
            (_, Some(400 | 409 | 410 | 412 | 416 | 422)) if resuming => {
                self.cursor_refused(&error).await
            }
            (_, Some(408 | 425 | 429 | 500..) | None) => self.fault(&error, false),
            (_, Some(_)) => Step::Failed(error),
        }
    }

    /// The service does not know the cursor: how does the job stand, and then from the start,
    /// without what has been seen.
    async fn cursor_refused(&mut self, error: &Error) -> Step {
        debug!(job_id = self.job_id, after = self.cursor.after, %error, "cursor refused");
        self.from_start = true;
        self.snapshot().await;
        Step::Next(State::Connecting {
            delay: Duration::ZERO,
        })
    }

    /// How the job stands, where events may be missing. The stream goes on even when the job
    /// cannot be asked right now.
    async fn snapshot(&mut self) {
        if let Ok(job) = Box::pin(self.client.job_status(&self.job_id, false)).await {
            let snapshot = JobEventKind::Snapshot(Box::new(job));
            self.ready.push_back(JobEvent::own(snapshot));
        }
    }

    /// Streams do not get through here: the job is asked from now on.
    fn no_stream(&mut self, reason: String) -> Step {
        self.state = State::Asking {
            delay: Duration::ZERO,
            then_poll: true,
        };
        Step::Event(JobEvent::own(JobEventKind::Polling { reason }))
    }

    /// The connection is of no more use. Tries again after a delay, and asks for the job first
    /// where its stream may have come to its end, or fails again and again.
    fn fault(&mut self, error: &Error, ask: bool) -> Step {
        debug!(job_id = self.job_id, after = self.cursor.after, failures = self.failures, %error, "event stream broke");
        let base = self
            .decoder
            .retry()
            .unwrap_or(BACKOFF.base)
            .min(BACKOFF.cap);
        let delay = Backoff { base, ..BACKOFF }.delay(self.failures, random());
        let delay = delay
            .max(error.retry_after().unwrap_or_default())
            .min(MOST_DELAY);
        self.failures += 1;
        self.state = if ask || self.failures.is_multiple_of(ASK_EVERY) {
            State::Asking {
                delay,
                then_poll: false,
            }
        } else {
            State::Connecting { delay }
        };
        Step::Event(JobEvent::own(JobEventKind::Reconnecting {
            reason: format!("{error:#}"),
        }))
    }

    async fn read(&mut self) -> Step {
        let State::Streaming { body, chunk, any } = &mut self.state else {
            unreachable!("only called while streaming")
        };
        if chunk.is_empty() {
            let silence = SILENCE.min(self.client.inner.0.idle_timeout);
            match timeout(silence, body.next()).await {
                Ok(Some(Ok(more))) => {
                    *chunk = more;
                    *any = true;
                    self.silences = 0;
                }
                Ok(Some(Err(error))) => return self.fault(&error.into(), false),
                Ok(None) => {
                    let error = Error::new(ErrorKind::Transport, "the stream ended before the job");
                    return self.fault(&error, true);
                }
                Err(_) => {
                    self.silences += u32::from(!*any);
                    if self.silences >= MOST_SILENCES {
                        let reason = "the stream stays silent; something on the way holds it back";
                        return self.no_stream(reason.to_owned());
                    }
                    let message = format!("no ping for {} s", silence.as_secs_f32());
                    return self.fault(&Error::new(ErrorKind::Timeout, message), false);
                }
            }
        }
        let mut rest = &chunk[..];
        let event = match self.decoder.next(&mut rest) {
            Ok(event) => event.map(|event| Arrival {
                own_id: event.own_id.then(|| event.id.to_owned()),
                fingerprint: fingerprint(event.event, event.data),
                event: JobEvent::from_sse(event.event, event.data),
            }),
            Err(error) => {
                let kind = ErrorKind::Decode;
                return Step::Failed(
                    Error::new(kind, "an event cannot be read").with_source(error),
                );
            }
        };
        let read = chunk.len() - rest.len();
        chunk.advance(read);
        match event {
            Some(arrival) => self.arrived(arrival).await,
            None => Step::Stay,
        }
    }

    /// An event came: has it been seen, and is anything missing before it?
    async fn arrived(&mut self, arrival: Arrival) -> Step {
        let Arrival {
            mut event,
            own_id,
            fingerprint,
        } = arrival;
        let is_ping = matches!(event.kind, JobEventKind::Ping);
        let seen = self.cursor.after;
        let number = own_id.as_deref().and_then(|id| id.parse().ok());
        let number = number.or_else(|| event.data["seq"].as_u64());
        let repeated = match number {
            Some(number) => number <= seen,
            None => !is_ping && self.replay.repeats(fingerprint),
        };
        // The end is the end, whatever its number.
        if repeated && !event.is_done() {
            return Step::Stay;
        }
        self.failures = 0;
        self.from_start = false;
        if number.is_some() {
            self.replay.numbered();
        }
        let counts = !is_ping && self.replay.counts();
        event.seq = number.or_else(|| counts.then_some(seen + 1));
        self.cursor.after = event.seq.unwrap_or(seen).max(seen);
        if own_id.is_some() {
            self.cursor.last_event_id = own_id;
        }
        if number.is_some_and(|number| number > seen + 1) && !self.gap_reported {
            self.gap_reported = true;
            self.snapshot().await;
        }
        Step::Event(event)
    }

    async fn ask(&mut self, delay: Duration, then_poll: bool) -> Step {
        match self.client.job_status_patiently(&self.job_id, false).await {
            Ok(job) if job.status.is_terminal() => self.ended(job),
            Ok(_) if then_poll => Step::Next(State::Polling),
            Ok(_) if self.failures >= MOST_FAILURES => {
                self.state = State::Polling;
                let reason = format!("the stream broke {} times in a row", self.failures);
                Step::Event(JobEvent::own(JobEventKind::Polling { reason }))
            }
            Ok(job) => {
                self.state = State::Connecting { delay };
                Step::Event(JobEvent::own(JobEventKind::Snapshot(Box::new(job))))
            }
            Err(error) => Step::Failed(error),
        }
    }

    async fn poll(&mut self) -> Step {
        // Half of what is representable is forever as well, and can be multiplied.
        let interval = self.poll_interval.min(Duration::MAX / 2);
        tokio::time::sleep(interval.mul_f64(0.75 + random() / 2.0)).await;
        match self.client.job_status_patiently(&self.job_id, false).await {
            Ok(job) if job.status.is_terminal() => self.ended(job),
            Ok(job) if self.last_polled.as_ref() == Some(&job.status) => Step::Stay,
            Ok(job) => {
                self.last_polled = Some(job.status.clone());
                Step::Event(JobEvent::own(JobEventKind::Snapshot(Box::new(job))))
            }
            Err(error) => Step::Failed(error),
        }
    }

    /// The job has ended and its `done` did not come: says so in its place.
    fn ended(&mut self, job: Job) -> Step {
        let status = Some(job.status.clone());
        let snapshot = JobEventKind::Snapshot(Box::new(job));
        self.ready.push_back(JobEvent::own(snapshot));
        Step::Event(JobEvent::own(JobEventKind::Done { status }))
    }
}

/// An event as the decoder gave it out.
struct Arrival {
    event: JobEvent,
    own_id: Option<String>,
    fingerprint: u64,
}
