//! A job's events as a stream that survives its connections.
//!
//! ```text
//!   ┌────────────── delay ◀───────────┐
//!   ▼                                 │ broken, silent, refused for now
//! Waiting ──▶ Queued ──permit──▶ Opening ──response──▶ Reading ──┐
//!                                   │ no stream here             │ broken, silent, ended
//!                                   ▼                            ▼
//!                                Polling                      Waiting
//! ```
//!
//! In every state the status is requested when that is due ([`Checks`]). A status that confirms the
//! end leads to `Finished`. A terminal status before the terminal event leads to `Queued` once more,
//! to fetch the last events ([`LastEvents`]), and then to `Finished`.

use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Buf, Bytes};
use futures_core::Stream;
use futures_util::future::BoxFuture;
use futures_util::stream::{BoxStream, StreamExt};
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, StatusCode};
use progenitor_client::{ByteStream, ResponseValue};
use serde_json::Value;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, timeout, timeout_at};
use tracing::debug;

use super::cursor::{Cursor, Delivered, Delivery, Received};
use super::event::{JobEvent, JobEventKind};
use super::schedule::{Checks, MOST_FAILURES, Reconnects};
use crate::ext::error::one_line;
use crate::ext::error::{Error, ErrorKind};
use crate::ext::http::backoff::random;
use crate::ext::http::limiter::Limiter;
use crate::ext::http::stream_slots::Purpose;
use crate::ext::http::transport::SILENCE;
use crate::ext::sse::decoder::Decoder;
use crate::raw::Client;
use crate::raw::types::{Job, JobStatus};

/// Connections in a row that stay open and bring nothing: a proxy holds the stream back.
const MOST_SILENCES: u32 = 2;

/// How long a request for the status may take while a stream is being read.
const CHECK_TIMEOUT: Duration = Duration::from_secs(15);

/// How long it may take when it is all there is to wait for; longer than a window of the rate limit.
const CONFIRM_TIMEOUT: Duration = Duration::from_secs(90);

/// Requests for the status after which a claimed end holds, where the status word is unknown.
const MOST_CONFIRMATIONS: u32 = 10;

/// How long neither source may respond.
const MOST_OUTAGE: Duration = Duration::from_secs(60 * 60);

/// How long a service may take to show a job that it has accepted: until then a 404 is not final.
const MOST_LAG: Duration = Duration::from_secs(30);

/// Delay before another try for a file descriptor.
const NO_DESCRIPTOR: Duration = Duration::from_secs(10);

/// How long the last events of a job that has ended may take: response headers, an event after
/// another, and all of them.
const LAST_HEADERS: Duration = Duration::from_secs(5);
const LAST_QUIET: Duration = Duration::from_secs(2);
const LAST_IN_ALL: Duration = Duration::from_secs(300);

/// A job's events, each once and in order; made by [`JobHandle::events`](crate::JobHandle::events).
///
/// The stream reports progress, and the job's status is authoritative: the stream ends after
/// [`JobEventKind::Done`], which it yields once the status confirms that the job has ended, or when
/// the status alone says so. It does not wait for the service to close the connection. The status is
/// requested when no event has arrived for 30 s, then at intervals that grow to 60 s; the requests
/// of a client and its clones use at most a quarter of the rate limit.
///
/// A connection that breaks is opened again after the last event, at most once a second, and at most
/// twelve times a minute where that brings no new event. Where streams do not work the job is
/// polled, which [`JobEventKind::Polling`] reports.
///
/// A client and its clones have at most 8,192 streams open at once, at most three quarters of the
/// file descriptors the process may open, and at most 50 where they share HTTP/2 connections with
/// other requests ([`ClientBuilder::http`](crate::ClientBuilder::http)). Further jobs are polled
/// until a stream is free.
///
/// # Errors
///
/// The stream yields an error, and then ends, when the status is refused for good (401, 403, 404,
/// 410 and other client errors), or when neither the stream nor the status has responded for an hour.
/// In the 30 s after `start` a 404 is retried: the service may show an accepted job late.
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
/// #   assert!(event.seq.is_none_or(|seq| Some(seq) > first.as_ref().unwrap().seq));
/// }
/// # Ok(())
/// # }
/// ```
pub struct EventStream {
    events: BoxStream<'static, (Result<JobEvent, Error>, Cursor)>,
    cursor: Cursor,
}

/// What an [`EventStream`] is made of.
pub(super) struct Following {
    pub(super) client: Client,
    pub(super) job_id: String,
    pub(super) cursor: Cursor,
    pub(super) poll_interval: Duration,
    /// When the service accepted the job. Otherwise it may have ended long ago: its status is
    /// requested first.
    pub(super) accepted_at: Option<Instant>,
    /// Every event is wanted, and not only the end.
    pub(super) all_events: bool,
    /// Set when the job has ended.
    pub(super) ended: Arc<OnceLock<Ended>>,
}

/// A job that has ended, as its stream saw it.
#[derive(Debug, Clone)]
pub(super) struct Ended {
    pub(super) job: Job,
    /// The job was requested with its result.
    pub(super) has_result: bool,
    /// The data of the terminal event.
    pub(super) data: Value,
    /// The message of the last failure that was reported.
    pub(super) failure: Option<String>,
}

impl EventStream {
    pub(super) fn new(following: Following) -> Self {
        let cursor = following.cursor.clone();
        let decoder =
            Decoder::new().with_last_event_id(cursor.last_event_id.clone().unwrap_or_default());
        let now = Instant::now();
        let follower = Follower {
            decoder,
            state: State::Waiting { until: now },
            permit: None,
            ready: VecDeque::new(),
            delivered: Delivered::after(&cursor),
            cursor: cursor.clone(),
            reconnects: Reconnects::new(),
            checks: Checks::new(now, following.accepted_at.is_none()),
            silences: 0,
            claim: None,
            last_events: None,
            streams_work: true,
            gap_reported: false,
            queue_reported: false,
            status: None,
            failure: None,
            last_contact: now,
            following,
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

    /// Where the stream is: after the last event that it yielded.
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
    following: Following,
    state: State,
    /// Held from before the request until the stream is given up.
    permit: Option<OwnedSemaphorePermit>,
    decoder: Decoder,
    delivered: Delivered,
    /// After the last event in `ready`.
    cursor: Cursor,
    /// Events that are known and not yet yielded.
    ready: VecDeque<JobEvent>,
    reconnects: Reconnects,
    checks: Checks,
    /// Connections in a row that stayed open and brought not one byte.
    silences: u32,
    /// An event that claims the job's end, held back until the status confirms it or another event
    /// contradicts it.
    claim: Option<JobEvent>,
    /// The job has ended, and its last events are being fetched.
    last_events: Option<Box<LastEvents>>,
    /// A stream has not been refused.
    streams_work: bool,
    /// A gap in this connection's numbers has been reported by a snapshot.
    gap_reported: bool,
    /// It has been reported that the job waits for a permit.
    queue_reported: bool,
    /// The last status that was reported.
    status: Option<JobStatus>,
    failure: Option<String>,
    /// When either source last responded.
    last_contact: Instant,
}

enum State {
    /// Nothing is sent before `until`. → Queued.
    Waiting { until: Instant },
    /// All streams are in use. → Opening, with a permit.
    Queued {
        permit: BoxFuture<'static, OwnedSemaphorePermit>,
    },
    /// Response headers are awaited. → Reading; Waiting when refused for now; Polling when streams
    /// do not work here.
    Opening {
        response: BoxFuture<'static, Result<ResponseValue<ByteStream>, Error>>,
    },
    /// → Waiting when broken, silent or ended; Polling when it cannot be understood.
    Reading {
        body: ByteStream,
        chunk: Bytes,
        /// When the last bytes came.
        observe_response: Instant,
        any: bool,
    },
    /// Streams do not work here: only the status is requested.
    Polling,
    /// Nothing follows.
    Finished,
}

/// The fetching of the events that a job's stream has not brought although the job has ended.
struct LastEvents {
    job: Job,
    has_result: bool,
    /// All events are requested, not those after the cursor.
    from_start: bool,
    /// The present attempt is given up then.
    quiet_at: Instant,
    give_up: Instant,
}

type Next = Result<State, Error>;

impl Follower {
    async fn next(&mut self) -> Option<Result<JobEvent, Error>> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                if event.is_terminal() {
                    self.finish();
                }
                return Some(Ok(event));
            }
            let state = std::mem::replace(&mut self.state, State::Finished);
            // All but reading is rare and large: boxed, it costs a waiting stream no memory.
            let next = match state {
                State::Finished => return None,
                state if self.last_events.is_none() && Instant::now() >= self.checks.due => {
                    Box::pin(self.check(state)).await
                }
                State::Reading {
                    body,
                    chunk,
                    observe_response,
                    any,
                } => self.read(body, chunk, observe_response, any).await,
                other => Box::pin(self.connect(other)).await,
            };
            match next {
                Ok(state) => self.state = state,
                Err(error) => {
                    self.finish();
                    return Some(Err(error.with_job_id(&self.following.job_id)));
                }
            }
        }
    }

    fn finish(&mut self) {
        self.ready.clear();
        (self.state, self.permit) = (State::Finished, None);
    }

    /// When something else is due than what the present state waits for.
    fn wake(&self) -> Instant {
        match &self.last_events {
            Some(last) => last.quiet_at.min(last.give_up),
            None => self.checks.due,
        }
    }

    /// One step of every state but `Reading`.
    async fn connect(&mut self, state: State) -> Next {
        let wake = self.wake();
        match state {
            State::Waiting { until } if Instant::now() >= until => Ok(self.queue()),
            State::Waiting { until } => {
                tokio::time::sleep_until(until.min(wake)).await;
                if self.last_events.is_some() && Instant::now() >= wake {
                    return Ok(self.next_attempt());
                }
                Ok(State::Waiting { until })
            }
            State::Queued { mut permit } => match timeout_at(wake, &mut permit).await {
                Ok(permit) => {
                    self.permit = Some(permit);
                    Ok(self.open())
                }
                Err(_) if self.last_events.is_some() => Ok(self.next_attempt()),
                Err(_) => {
                    self.report_queue();
                    Ok(State::Queued { permit })
                }
            },
            State::Opening { mut response } => match timeout_at(wake, &mut response).await {
                Ok(Ok(response)) => Ok(self.opened(response)),
                Ok(Err(error)) => Ok(self.not_opened(&error)),
                Err(_) if self.last_events.is_some() => Ok(self.next_attempt()),
                Err(_) => Ok(State::Opening { response }),
            },
            State::Polling => {
                tokio::time::sleep_until(wake).await;
                Ok(State::Polling)
            }
            state @ (State::Reading { .. } | State::Finished) => Ok(state),
        }
    }

    /// Opens a stream as soon as there is a permit for it.
    fn queue(&mut self) -> State {
        if self.permit.is_some() {
            return self.open();
        }
        let slots = &self.following.client.inner.0.slots;
        let purpose = match self.last_events {
            Some(_) => Purpose::LastEvents,
            None => Purpose::Follow,
        };
        match slots.try_acquire(purpose) {
            Some(permit) => {
                self.permit = Some(permit);
                self.open()
            }
            None => State::Queued {
                permit: slots.acquire(purpose),
            },
        }
    }

    fn report_queue(&mut self) {
        if !std::mem::replace(&mut self.queue_reported, true) {
            let reason = "as many event streams are open as may be".to_owned();
            self.ready
                .push_back(JobEvent::added(JobEventKind::Polling { reason }));
        }
    }

    /// Sends the request for the stream.
    fn open(&mut self) -> State {
        let now = Instant::now();
        self.reconnects.opened(now);
        self.decoder.reset();
        self.delivered.connected();
        self.gap_reported = false;
        let from_start = self
            .last_events
            .as_ref()
            .is_some_and(|last| last.from_start);
        let resume = self.delivered.resume();
        let (after, id) = if from_start {
            (None, None)
        } else {
            (resume.after, resume.last_event_id)
        };
        let id = id
            .filter(|id| HeaderValue::try_from(*id).is_ok())
            .map(str::to_owned);
        if let Some(last) = &mut self.last_events {
            last.quiet_at = now + LAST_HEADERS;
        }
        let (client, job_id) = (self.following.client.clone(), self.following.job_id.clone());
        let response = async move {
            let mut request = client.job_events().job_id(job_id);
            if let Some(after) = after {
                request = request.after(after);
            }
            if let Some(id) = id {
                request = request.last_event_id(id);
            }
            request.send().await
        };
        State::Opening {
            response: Box::pin(response),
        }
    }

    fn opened(&mut self, response: ResponseValue<ByteStream>) -> State {
        if let Some(reason) = not_a_stream(response.status(), response.headers()) {
            return self.no_stream(reason);
        }
        let now = Instant::now();
        if let Some(last) = &mut self.last_events {
            last.quiet_at = now + LAST_QUIET;
        }
        State::Reading {
            body: response.into_inner(),
            chunk: Bytes::new(),
            observe_response: now,
            any: false,
        }
    }

    /// The stream could not be opened. Where streams do not work, the status decides what becomes
    /// of the job: it says whether the job or only its stream is missing.
    fn not_opened(&mut self, error: &Error) -> State {
        if is_out_of_descriptors(error) {
            debug!(job_id = self.following.job_id, %error, "no file descriptor for an event stream");
            self.permit = None;
            self.report_queue();
            let until = Instant::now() + NO_DESCRIPTOR.mul_f64(1.0 + random());
            return State::Waiting { until };
        }
        if self.not_shown_yet(error) {
            self.checks.soon(Instant::now());
            return self.disconnected(error, false);
        }
        let resumes = self.delivered.resume().is_some();
        match error.status().map(|status| status.as_u16()) {
            Some(400 | 409 | 410 | 412 | 416 | 422) if resumes => {
                debug!(job_id = self.following.job_id, %error, "cursor refused");
                self.delivered.cursor_refused();
                self.disconnected(error, false)
            }
            Some(408 | 425 | 429 | 500 | 502..=504 | 507..) => self.disconnected(error, false),
            None if error.kind() == ErrorKind::Timeout => self.no_stream(format!("{error:#}")),
            None if error.is_retryable()
                || error.kind() == ErrorKind::Transport
                || error.kind() == ErrorKind::Connect =>
            {
                self.disconnected(error, false)
            }
            _ => self.no_stream(format!("{error:#}")),
        }
    }

    /// Whether this may be the 404 of a replica that does not show the job yet.
    fn not_shown_yet(&self, error: &Error) -> bool {
        let accepted_at = self.following.accepted_at;
        error.status() == Some(StatusCode::NOT_FOUND)
            && accepted_at.is_some_and(|at| at.elapsed() < MOST_LAG)
            && self.status.is_none()
            && self.delivered.is_empty()
    }

    /// Streams do not work here: the job is polled from now on.
    fn no_stream(&mut self, reason: String) -> State {
        self.permit = None;
        self.streams_work = false;
        if self.last_events.is_some() {
            return self.next_attempt();
        }
        let now = Instant::now();
        self.checks.poll(now, self.following.poll_interval);
        self.ready
            .push_back(JobEvent::added(JobEventKind::Polling { reason }));
        State::Polling
    }

    /// The connection has ended, as it should (`clean`) or not, or could not be opened.
    fn disconnected(&mut self, error: &Error, clean: bool) -> State {
        let now = Instant::now();
        let before = self.delivered.cursor_sent();
        let brought_new = self.delivered.disconnected();
        let asked = self.decoder.retry().max(error.retry_after());
        let until = self.reconnects.ended(now, brought_new, asked, random());
        debug!(job_id = self.following.job_id, failures = self.reconnects.failures, %error, "event stream ended");
        if self.last_events.is_some() {
            // Another cursor may bring more.
            return if brought_new || self.delivered.cursor_sent() != before {
                State::Waiting { until }
            } else {
                self.next_attempt()
            };
        }
        if clean {
            // Documented streams end with their job.
            self.checks.soon(now);
        }
        if self.reconnects.failures >= MOST_FAILURES {
            let reason = format!("the stream broke {MOST_FAILURES} times in a row: {error:#}");
            let state = self.no_stream(reason);
            self.streams_work = true;
            return state;
        }
        let reason = format!("{error:#}");
        self.ready
            .push_back(JobEvent::added(JobEventKind::Reconnecting { reason }));
        State::Waiting { until }
    }

    /// Reads until there is an event, or something else is due.
    async fn read(
        &mut self,
        mut body: ByteStream,
        mut chunk: Bytes,
        mut observe_response: Instant,
        mut any: bool,
    ) -> Next {
        if chunk.is_empty() {
            let silence = SILENCE.min(self.following.client.inner.0.idle_timeout);
            let (silent, wake) = (observe_response + silence, self.wake());
            match timeout_at(silent.min(wake), body.next()).await {
                Ok(Some(Ok(more))) => {
                    (chunk, observe_response, any) = (more, Instant::now(), true);
                    self.silences = 0;
                }
                Ok(Some(Err(error))) => return Ok(self.disconnected(&error.into(), false)),
                Ok(None) => {
                    let error = Error::new(ErrorKind::Transport, "the stream ended before the job");
                    return Ok(self.disconnected(&error, true));
                }
                Err(_) if wake <= silent && self.last_events.is_some() => {
                    return Ok(self.next_attempt());
                }
                Err(_) if wake <= silent => {}
                Err(_) => {
                    self.silences += u32::from(!any);
                    if self.silences >= MOST_SILENCES {
                        let reason = "the stream stays silent; something on the way holds it back";
                        let state = self.no_stream(reason.to_owned());
                        self.streams_work = true;
                        return Ok(state);
                    }
                    let message = format!("silent for {} s", silence.as_secs_f32());
                    return Ok(self.disconnected(&Error::new(ErrorKind::Timeout, message), false));
                }
            }
        }
        let mut rest = &chunk[..];
        let arrival = match self.decoder.next(&mut rest) {
            Ok(event) => event.map(|event| {
                let id = event.has_id.then_some(event.id);
                let parsed = JobEvent::from_sse(event.event, event.data);
                if matches!(parsed.kind, JobEventKind::Ping) {
                    self.delivered.ping(id);
                    return (
                        parsed,
                        Delivery::New {
                            seq: None,
                            gap: false,
                        },
                    );
                }
                let delivery = self.delivered.receive(Received {
                    id,
                    seq: parsed.data["seq"].as_u64(),
                    name: event.event,
                    data: event.data,
                });
                (parsed, delivery)
            }),
            // It is too large again on the next connection. Behind it may be the terminal event.
            Err(_) if self.last_events.is_some() => None,
            Err(error) => {
                let state = self.no_stream(format!("an event cannot be read: {error}"));
                self.streams_work = true;
                return Ok(state);
            }
        };
        chunk.advance(chunk.len() - rest.len());
        if chunk.is_empty() {
            // An empty part would keep the whole buffer of the connection.
            chunk = Bytes::new();
        }
        if let Some((event, delivery)) = arrival {
            self.arrived(event, delivery).await;
        }
        Ok(State::Reading {
            body,
            chunk,
            observe_response,
            any,
        })
    }

    async fn arrived(&mut self, mut event: JobEvent, delivery: Delivery) {
        let Delivery::New { seq, gap } = delivery else {
            return;
        };
        if matches!(event.kind, JobEventKind::Ping) {
            // It proves that the connection is alive, and nothing else.
            self.cursor = self.delivered.cursor();
            self.ready.push_back(event);
            return;
        }
        event.seq = seq;
        let now = Instant::now();
        self.last_contact = now;
        self.reconnects.failures = 0;
        if event.is_failure() || event.is_terminal() {
            self.failure = event.message().map(str::to_owned).or(self.failure.take());
        }
        if let Some(last) = &mut self.last_events {
            last.quiet_at = now + LAST_QUIET;
            if event.is_terminal() {
                let (job, has_result) = (last.job.clone(), last.has_result);
                self.end(event, job, has_result);
            } else {
                self.deliver(event);
            }
            return;
        }
        match self.claim.take() {
            // The same end twice.
            Some(claim) if event.is_terminal() && claim.name() == event.name() => {
                self.claim = Some(claim);
                return;
            }
            Some(claim) => self.deliver(claim.without_end()),
            None => {}
        }
        self.checks.event(now);
        if gap && !std::mem::replace(&mut self.gap_reported, true) {
            Box::pin(self.snapshot()).await;
        }
        if event.is_terminal() {
            self.claim = Some(event);
            self.checks.soon(now);
        } else {
            self.deliver(event);
        }
    }

    fn deliver(&mut self, event: JobEvent) {
        self.cursor = self.delivered.cursor();
        self.ready.push_back(event);
    }

    /// Reports the status where events are missing, if it can be had right now.
    async fn snapshot(&mut self) {
        if self.may_check().is_err() {
            return;
        }
        let status = self
            .following
            .client
            .job_status(&self.following.job_id, false);
        if let Ok(Ok(job)) = timeout(CHECK_TIMEOUT, status).await {
            self.status = Some(job.status.clone());
            self.ready
                .push_back(JobEvent::added(JobEventKind::Snapshot(Box::new(job))));
        }
    }

    /// Whether the rate limit has room for a request that only looks after a job.
    fn may_check(&self) -> Result<(), Instant> {
        let limiter = self.following.client.inner.0.limiter.as_ref();
        limiter.map_or(Ok(()), Limiter::may_check)
    }

    /// Requests the status.
    async fn check(&mut self, state: State) -> Next {
        let confirming = self.claim.is_some();
        if !confirming && let Err(until) = self.may_check() {
            self.checks.postpone(Instant::now(), until, random());
            return Ok(state);
        }
        // Where nothing is known yet, it may be all that is ever needed.
        let with_result = confirming || self.status.is_none() && self.reconnects.never_opened();
        let limit = if matches!(state, State::Reading { .. }) && !confirming {
            CHECK_TIMEOUT
        } else {
            CONFIRM_TIMEOUT
        };
        let status = self
            .following
            .client
            .job_status(&self.following.job_id, with_result);
        let result = timeout(limit, status).await;
        let now = Instant::now();
        let error = match result {
            Ok(Ok(job)) => {
                self.last_contact = now;
                return Ok(self.observed(job, with_result, state));
            }
            Ok(Err(error)) => error,
            Err(_) => Error::new(ErrorKind::Timeout, "no status in time"),
        };
        self.checks.requested(now, confirming, random());
        if self.not_shown_yet(&error) {
            self.checks.soon(now);
        } else if is_final(&error) {
            // A service may forget a job once it has ended.
            let gone = matches!(
                error.status(),
                Some(StatusCode::NOT_FOUND | StatusCode::GONE)
            );
            let claimed = self
                .claim
                .as_ref()
                .and_then(claimed_status)
                .filter(|_| gone);
            let (Some(status), Some(claim)) = (claimed, self.claim.take()) else {
                return Err(error);
            };
            self.end(claim, job_with(&status), true);
            return Ok(state);
        }
        if now.duration_since(self.last_contact) > MOST_OUTAGE {
            return Err(error);
        }
        debug!(job_id = self.following.job_id, %error, "no status");
        let wait = error.retry_after().unwrap_or_default();
        self.checks.due = self.checks.due.max(now + wait.min(MOST_OUTAGE / 12));
        Ok(state)
    }

    /// The status is known.
    fn observed(&mut self, job: Job, has_result: bool, state: State) -> State {
        let (now, confirming) = (Instant::now(), self.claim.is_some());
        if job.status.is_terminal() {
            if let Some(claim) = self.claim.take() {
                self.end(claim, job, has_result);
                return state;
            }
            return self.ended_unseen(job, has_result);
        }
        self.checks.requested(now, confirming, random());
        let is_unknown = matches!(job.status, JobStatus::Unknown(_));
        if is_unknown
            && self.checks.confirmations >= MOST_CONFIRMATIONS
            && let Some(claim) = self.claim.take()
        {
            let status = claimed_status(&claim).unwrap_or_else(|| job.status.clone());
            self.end(claim, Job { status, ..job }, has_result);
            return state;
        }
        if self.status.as_ref() != Some(&job.status) && !confirming {
            self.status = Some(job.status.clone());
            self.ready
                .push_back(JobEvent::added(JobEventKind::Snapshot(Box::new(job))));
        }
        state
    }

    /// The status says that the job has ended, and the terminal event has not been seen.
    fn ended_unseen(&mut self, job: Job, has_result: bool) -> State {
        let snapshot = JobEventKind::Snapshot(Box::new(job.clone()));
        self.ready.push_back(JobEvent::added(snapshot));
        let explained = job.status != JobStatus::Failed || job.error.is_some();
        let is_named = job.scene_id.is_some();
        self.permit = None;
        let now = Instant::now();
        self.last_events = Some(Box::new(LastEvents {
            job,
            has_result,
            from_start: false,
            quiet_at: now + LAST_IN_ALL,
            give_up: now + LAST_IN_ALL,
        }));
        let wanted = self.following.all_events || !explained || !is_named;
        if self.streams_work && wanted {
            State::Waiting { until: now }
        } else {
            self.end_without_event()
        }
    }

    /// The present attempt to fetch the last events has brought all that it will.
    fn next_attempt(&mut self) -> State {
        let resumed = self.delivered.resume().is_some();
        let knows_all = self.delivered.knows_all();
        let now = Instant::now();
        if let Some(last) = &mut self.last_events
            && self.streams_work
            && now < last.give_up
            && resumed
            && knows_all
            && !last.from_start
        {
            last.from_start = true;
            last.quiet_at = last.give_up;
            let asked = self.decoder.retry();
            let until = self
                .reconnects
                .ended(now, self.delivered.disconnected(), asked, 0.0);
            return State::Waiting { until };
        }
        self.end_without_event()
    }

    /// The service does not provide the terminal event: reports the end in its place.
    fn end_without_event(&mut self) -> State {
        if let Some(last) = self.last_events.take() {
            let status = Some(last.job.status.clone());
            let event = JobEvent::added(JobEventKind::Done { status });
            self.end(event, last.job, last.has_result);
        }
        // Left for `Finished` when the event is yielded.
        State::Polling
    }

    /// The job has ended with this event.
    fn end(&mut self, mut event: JobEvent, job: Job, has_result: bool) {
        event.kind = JobEventKind::Done {
            status: Some(job.status.clone()),
        };
        let ended = Ended {
            job,
            has_result,
            data: event.data.clone(),
            failure: self.failure.take(),
        };
        let _ = self.following.ended.set(ended);
        self.deliver(event);
    }
}

/// How the job ended by the event alone, where it says so.
fn claimed_status(claim: &JobEvent) -> Option<JobStatus> {
    match &claim.kind {
        JobEventKind::Done { status } => status.clone(),
        _ => None,
    }
}

/// A job of which only the status is known.
fn job_with(status: &JobStatus) -> Job {
    let job = serde_json::json!({ "status": status });
    serde_json::from_value(job).expect("a job needs no more than a status")
}

/// Whether the service will refuse the request for the status again.
fn is_final(error: &Error) -> bool {
    match error.status() {
        Some(status) => {
            status.is_client_error() && !matches!(status.as_u16(), 408 | 409 | 425 | 429)
        }
        None => matches!(error.kind(), ErrorKind::InvalidRequest | ErrorKind::Config),
    }
}

/// Why a response is not an event stream; `None` when it is one.
///
/// The media type is `text/event-stream`, as [WHATWG][whatwg] wants it; where it is missing or says
/// nothing, the decoder decides.
///
/// [whatwg]: https://html.spec.whatwg.org/multipage/server-sent-events.html#sse-processing-model
fn not_a_stream(status: StatusCode, headers: &HeaderMap) -> Option<String> {
    if status == StatusCode::NO_CONTENT {
        return Some("204 No Content came instead of an event stream".to_owned());
    }
    let text = |name| {
        headers.get(name).map(|value| {
            String::from_utf8_lossy(value.as_bytes())
                .trim()
                .to_ascii_lowercase()
        })
    };
    if let Some(coding) =
        text(CONTENT_ENCODING).filter(|coding| !matches!(coding.as_str(), "" | "identity"))
    {
        return Some(format!(
            "the event stream is encoded as {}",
            one_line(&coding, 50)
        ));
    }
    let media = text(CONTENT_TYPE).unwrap_or_default();
    let essence = media.split(';').next().unwrap_or_default().trim_end();
    let plausible = [
        "",
        "text/event-stream",
        "text/plain",
        "application/octet-stream",
    ];
    let wrong = !plausible.contains(&essence);
    wrong.then(|| format!("{} came instead of an event stream", one_line(essence, 100)))
}

/// Whether a connection failed because the process or the system has no file descriptor left.
fn is_out_of_descriptors(error: &Error) -> bool {
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        if let Some(io) = inner.downcast_ref::<std::io::Error>() {
            // EMFILE and ENFILE; WSAEMFILE on Windows.
            return matches!(io.raw_os_error(), Some(23 | 24 | 10_024));
        }
        cause = inner.source();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_response_is_a_stream_by_its_media_type() {
        for (media, encoding, is_stream) in [
            (Some("text/event-stream"), None, true),
            (Some("Text/Event-Stream; charset=utf-8"), None, true),
            (None, None, true),
            (Some("text/plain"), None, true),
            (Some("text/event-stream"), Some("identity"), true),
            (Some("text/event-stream"), Some("gzip"), false),
            (Some("Text/HTML"), None, false),
            (Some("application/problem+json"), None, false),
            (Some("application/json"), None, false),
            (Some("application/xml"), None, false),
        ] {
            let mut headers = HeaderMap::new();
            if let Some(media) = media {
                headers.insert(CONTENT_TYPE, media.parse().unwrap());
            }
            if let Some(encoding) = encoding {
                headers.insert(CONTENT_ENCODING, encoding.parse().unwrap());
            }
            let reason = not_a_stream(StatusCode::OK, &headers);
            assert_eq!(
                reason.is_none(),
                is_stream,
                "{media:?} {encoding:?} {reason:?}"
            );
        }
        assert!(not_a_stream(StatusCode::NO_CONTENT, &HeaderMap::new()).is_some());
    }

    #[test]
    fn a_refusal_of_the_status_is_final_or_not() {
        let of = |status: u16| {
            let body = Bytes::from_static(b"{}");
            is_final(&Error::from_response(crate::ext::error::ErrorResponse {
                status: StatusCode::from_u16(status).unwrap(),
                code: None,
                message: String::new(),
                request_id: None,
                retry_after: None,
                body,
            }))
        };
        let last: Vec<u16> = (400..600).filter(|status| of(*status)).collect();
        let others = [408, 409, 425, 429];
        assert_eq!(
            last,
            (400..500)
                .filter(|status| !others.contains(status))
                .collect::<Vec<_>>()
        );
        assert!(is_final(&Error::new(ErrorKind::Config, "no")));
        assert!(!is_final(&Error::new(ErrorKind::Transport, "no")));
    }
}
