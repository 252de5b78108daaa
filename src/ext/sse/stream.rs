//! A job's events as a stream that survives its connections.
//!
//! ```text
//!            ┌────────────── backoff ◀───────────────┐
//!            ▼                                       │ still at work
//!  ──▶ Connecting ──answer──▶ Streaming ──end,──▶ Asking ──has ended──▶ Finished
//!            │                    │      fault,      │                      ▲
//!            │ no stream here     │      silence     │ no such job          │
//!            ▼                    └─────done─────────┴──────────────────────┤
//!         Polling ──────────────────has ended───────────────────────────────┘
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
use crate::ext::backoff::{Backoff, random};
use crate::ext::event::{Cursor, JobEvent, JobEventKind};
use crate::types::{Job, JobStatus};
use crate::{Client, Error, ErrorKind};

/// Gizmo pings every 15 s; three pings missed say that the connection is dead.
const SILENCE: Duration = Duration::from_secs(45);

/// Tries in a row that bring no event before the stream gives up: some three minutes.
const MOST_FAILURES: u32 = 12;

/// Connections in a row that stay open and bring nothing: a proxy holds the stream back.
const MOST_SILENCES: u32 = 2;

const BACKOFF: Backoff = Backoff {
    base: Duration::from_millis(500),
    cap: Duration::from_secs(30),
};

/// A job's events, each once and in order; made by [`JobHandle::events`](crate::JobHandle::events).
///
/// It reconnects by itself, asks for the job's status where events may have been missed, polls
/// where streams do not get through, and ends after [`JobEventKind::Done`]. It yields an error
/// only when going on makes no sense, and then ends.
///
/// # Cancel safety
///
/// Dropping a `next()` future loses no event. Dropping the stream leaves the job running.
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
        let follower = Follower {
            client,
            job_id,
            decoder: decoder(&cursor),
            cursor: cursor.clone(),
            state: State::Connecting,
            ready: VecDeque::new(),
            failures: 0,
            silences: 0,
            poll_interval,
            last_polled: None,
            gap_reported: false,
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

fn decoder(cursor: &Cursor) -> Decoder {
    Decoder::new().with_last_event_id(cursor.last_event_id.clone().unwrap_or_default())
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
    /// Connections in a row that brought not one byte.
    silences: u32,
    poll_interval: Duration,
    /// The status that the last poll saw.
    last_polled: Option<JobStatus>,
    /// A gap in this connection's numbers has been answered by a snapshot.
    gap_reported: bool,
}

enum State {
    /// About to open the stream after the cursor. → Streaming; Asking on a fault; Polling where
    /// there is no stream.
    Connecting,
    /// Reading. → Finished on `done`; Asking on end, fault or silence.
    Streaming {
        body: ByteStream,
        chunk: Bytes,
        any: bool,
    },
    /// The stream is gone: has the job ended? → Finished or, after a delay, Connecting or Polling.
    Asking {
        delay: Option<Duration>,
        then_poll: bool,
    },
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
            let step = match &mut self.state {
                State::Connecting => self.connect().await,
                State::Streaming { .. } => self.read().await,
                State::Asking { delay, then_poll } => {
                    let (delay, then_poll) = (*delay, *then_poll);
                    self.ask(delay, then_poll).await
                }
                State::Polling => self.poll().await,
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

    async fn connect(&mut self) -> Step {
        self.decoder.reset();
        self.gap_reported = false;
        let mut request = self.client.job_events().job_id(&self.job_id);
        if self.cursor.after > 0 {
            request = request.after(self.cursor.after);
        }
        if let Some(id) = &self.cursor.last_event_id {
            request = request.last_event_id(id);
        }
        match request.send().await {
            Ok(answer) => {
                let media = answer.headers().get(http::header::CONTENT_TYPE);
                let media = media
                    .and_then(|media| media.to_str().ok())
                    .unwrap_or_default()
                    .to_owned();
                if media.starts_with("application/json") || media.starts_with("text/html") {
                    return self.no_stream(&format!(
                        "the service answers {media} where a stream was due"
                    ));
                }
                Step::Next(State::Streaming {
                    body: answer.into_inner(),
                    chunk: Bytes::new(),
                    any: false,
                })
            }
            Err(error) => self.refused(error),
        }
    }

    /// The stream could not be opened.
    fn refused(&mut self, error: Error) -> Step {
        let status = error.status().map(|status| status.as_u16());
        match status {
            Some(401 | 403) => Step::Failed(error),
            Some(404 | 405 | 406 | 501) => self.no_stream(&error.to_string()),
            // The cursor is refused: start over, and drop what has been seen.
            Some(400 | 409 | 410 | 416 | 422) if self.cursor != Cursor::default() => {
                self.cursor = Cursor {
                    after: self.cursor.after,
                    last_event_id: None,
                };
                self.fault(&error)
            }
            _ if error.kind() == ErrorKind::InvalidRequest || error.kind() == ErrorKind::Config => {
                Step::Failed(error)
            }
            Some(status) if status < 500 && status != 408 && status != 425 && status != 429 => {
                Step::Failed(error)
            }
            _ => self.fault(&error),
        }
    }

    fn no_stream(&mut self, reason: &str) -> Step {
        self.state = State::Asking {
            delay: None,
            then_poll: true,
        };
        Step::Event(JobEvent::own(JobEventKind::Polling {
            reason: reason.to_owned(),
        }))
    }

    /// The connection is of no more use: ask for the job, then try again after a delay.
    fn fault(&mut self, error: &Error) -> Step {
        debug!(job_id = self.job_id, after = self.cursor.after, failures = self.failures, %error, "event stream broke");
        let base = self
            .decoder
            .retry()
            .map_or(BACKOFF.base, |retry| retry.min(BACKOFF.cap));
        let backoff = Backoff { base, ..BACKOFF }.delay(self.failures, random());
        let delay = error.retry_after().map_or(backoff, |asked| {
            asked.max(backoff).min(Duration::from_secs(300))
        });
        self.failures += 1;
        self.state = State::Asking {
            delay: Some(delay),
            then_poll: false,
        };
        Step::Event(JobEvent::own(JobEventKind::Reconnecting {
            reason: error.to_string(),
        }))
    }

    async fn read(&mut self) -> Step {
        let State::Streaming { body, chunk, any } = &mut self.state else {
            unreachable!("only called while streaming")
        };
        if chunk.is_empty() {
            match timeout(SILENCE, body.next()).await {
                Ok(Some(Ok(more))) => {
                    *chunk = more;
                    *any = true;
                }
                Ok(Some(Err(error))) => return self.fault(&error.into()),
                Ok(None) => {
                    return self.fault(&Error::new(
                        ErrorKind::Transport,
                        "the stream ended before the job",
                    ));
                }
                Err(_) => {
                    self.silences = if *any { 0 } else { self.silences + 1 };
                    if self.silences >= MOST_SILENCES {
                        return self.no_stream(
                            "the stream stays silent; something on the way holds it back",
                        );
                    }
                    return self.fault(&Error::new(ErrorKind::Timeout, "no ping for 45 s"));
                }
            }
        }
        let mut rest = &chunk[..];
        let event = match self.decoder.next(&mut rest) {
            Ok(Some(event)) => {
                let own_id = event.own_id.then(|| event.id.to_owned());
                Some((JobEvent::from_sse(event.event, event.data, None), own_id))
            }
            Ok(None) => None,
            Err(error) => {
                return Step::Failed(
                    Error::new(ErrorKind::Decode, error.to_string()).with_source(error),
                );
            }
        };
        let read = chunk.len() - rest.len();
        chunk.advance(read);
        match event {
            Some((event, own_id)) => self.arrived(event, own_id).await,
            None => Step::Stay,
        }
    }

    /// An event came: has it been seen, and is anything missing before it?
    async fn arrived(&mut self, mut event: JobEvent, own_id: Option<String>) -> Step {
        self.failures = 0;
        self.silences = 0;
        let numbered = own_id
            .as_deref()
            .and_then(|id| id.parse().ok())
            .or_else(|| event.data["seq"].as_u64());
        let seen = self.cursor.after;
        if let Some(number) = numbered {
            if number <= seen && !event.is_done() {
                return Step::Stay;
            }
            event.seq = Some(number);
        } else if !matches!(event.kind, JobEventKind::Ping) {
            event.seq = Some(seen + 1);
        }
        if let Some(id) = own_id {
            self.cursor.last_event_id = Some(id);
        }
        self.cursor.after = event.seq.map_or(seen, |number| number.max(seen));
        if numbered.is_some_and(|number| number > seen + 1) && !self.gap_reported {
            self.gap_reported = true;
            // Best effort: the stream itself goes on whatever the status says.
            if let Ok(job) = self.job(false).await {
                self.ready
                    .push_back(JobEvent::own(JobEventKind::Snapshot(Box::new(job))));
            }
        }
        Step::Event(event)
    }

    async fn job(&self, include_result: bool) -> Result<Job, Error> {
        let request = self.client.get_job().job_id(&self.job_id);
        let request = if include_result {
            request.include_result(true)
        } else {
            request
        };
        request
            .send()
            .await
            .map(|job| job.into_inner().into_inner())
    }

    async fn ask(&mut self, delay: Option<Duration>, then_poll: bool) -> Step {
        let onward = if then_poll {
            State::Polling
        } else {
            State::Connecting
        };
        match self.job(false).await {
            Ok(job) if job.status.is_terminal() => self.ended(job),
            Ok(job) => {
                if self.failures > MOST_FAILURES {
                    let message =
                        format!("the event stream broke {} times in a row", self.failures);
                    return Step::Failed(Error::new(ErrorKind::Transport, message).with_job(job));
                }
                if let Some(delay) = delay {
                    tokio::time::sleep(delay).await;
                }
                Step::Next(onward)
            }
            Err(error) if is_final(&error) || self.failures > MOST_FAILURES => Step::Failed(error),
            Err(error) => {
                self.failures += 1;
                let pause = BACKOFF
                    .delay(self.failures, random())
                    .max(error.retry_after().unwrap_or_default());
                tokio::time::sleep(pause.max(delay.unwrap_or_default())).await;
                Step::Next(onward)
            }
        }
    }

    async fn poll(&mut self) -> Step {
        tokio::time::sleep(self.poll_interval.mul_f64(0.75 + random() / 2.0)).await;
        match self.job(false).await {
            Ok(job) => {
                self.failures = 0;
                if job.status.is_terminal() {
                    return self.ended(job);
                }
                if self.last_polled.as_ref() != Some(&job.status) {
                    self.last_polled = Some(job.status.clone());
                    return Step::Event(JobEvent::own(JobEventKind::Snapshot(Box::new(job))));
                }
                Step::Stay
            }
            Err(error) if is_final(&error) || self.failures > MOST_FAILURES => Step::Failed(error),
            Err(error) => {
                self.failures += 1;
                tokio::time::sleep(
                    BACKOFF
                        .delay(self.failures, random())
                        .max(error.retry_after().unwrap_or_default()),
                )
                .await;
                Step::Stay
            }
        }
    }

    /// The job has ended and its `done` did not come: say so in its place.
    fn ended(&mut self, job: Job) -> Step {
        let status = Some(job.status.clone());
        self.ready
            .push_back(JobEvent::own(JobEventKind::Snapshot(Box::new(job))));
        Step::Event(JobEvent::own(JobEventKind::Done { status }))
    }
}

/// Asking again would bring the same answer.
fn is_final(error: &Error) -> bool {
    error.is_unauthorized()
        || error.is_not_found()
        || matches!(
            error.kind(),
            ErrorKind::InvalidRequest | ErrorKind::Config | ErrorKind::Decode
        )
}
