//! Follows a job: reads its event stream over as many connections as it takes, and requests its status.
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
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::{Buf, Bytes};
use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use http::{HeaderValue, StatusCode};
use progenitor_client::{ByteStream, ResponseValue};
use serde_json::Value;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, timeout, timeout_at};
use tracing::debug;

use super::classify::{is_final, is_out_of_descriptors, not_a_stream};
use super::cursor::{Cursor, Delivered, Delivery, Received};
use super::event::{JobEvent, JobEventKind};
use super::schedule::{Check, Checks, MAX_FAILURES, Reconnects};
use crate::ext::error::{Error, ErrorKind};
use crate::ext::http::backoff::random;
use crate::ext::http::limiter::Limiter;
use crate::ext::http::runtime;
use crate::ext::http::stream_slots::Purpose;
use crate::ext::http::transport::SILENCE;
use crate::ext::sse::decoder::Decoder;
use crate::raw::Client;
use crate::raw::types::{Job, JobStatus};

/// The number of consecutive connections that stay open without data after which the job is polled: a
/// proxy buffers the stream.
const MAX_SILENCES: u32 = 2;

/// How long a status request may take while a stream is read.
const CHECK_TIMEOUT: Duration = Duration::from_secs(15);

/// How long a status request may take otherwise: longer than a window of the rate limit.
const CONFIRM_TIMEOUT: Duration = Duration::from_secs(90);

/// The number of status requests after which a claimed end is accepted although the status is an
/// unknown word.
const MAX_CONFIRMATIONS: u32 = 10;

/// How long stream and status may both fail.
const MAX_OUTAGE: Duration = Duration::from_secs(60 * 60);

/// How long a service may take to show a job that it has accepted. Until then a 404 is retried.
// Assumption: job-shown-after.
const MAX_LAG: Duration = Duration::from_secs(30);

/// The delay before the next attempt after the file descriptors ran out.
const NO_DESCRIPTOR: Duration = Duration::from_secs(10);

/// How long the last events of a job that has ended may take: the response headers, the time between
/// two events, and all of them.
const LAST_HEADERS: Duration = Duration::from_secs(5);
// Assumption: stream-stays-open.
const LAST_QUIET: Duration = Duration::from_secs(2);
const LAST_IN_ALL: Duration = Duration::from_secs(300);

/// What to follow, and how.
pub(super) struct Following {
    pub(super) client: Client,
    pub(super) job_id: String,
    pub(super) cursor: Cursor,
    pub(super) poll_interval: Duration,
    /// When the service accepted the job, if that was just now. Otherwise the job may have ended long
    /// ago, so its status is requested first.
    pub(super) accepted_at: Option<Instant>,
    /// Every event is needed, not only the end.
    pub(super) all_events: bool,
    /// Set when the job has ended.
    pub(super) ended: Arc<OnceLock<Ended>>,
}

/// The end of a job, as its stream received it.
#[derive(Debug, Clone)]
pub(super) struct Ended {
    pub(super) report: Report,
    /// The data of the terminal event.
    pub(super) data: Value,
    /// The message of the last failure that was reported.
    pub(super) failure: Option<String>,
}

/// The state machine behind [`EventStream`](super::stream::EventStream).
pub(super) struct Follower {
    following: Following,
    state: State,
    /// Held from before the request until the stream is closed.
    permit: Option<OwnedSemaphorePermit>,
    decoder: Decoder,
    delivered: Delivered,
    /// After the last event in `ready`.
    cursor: Cursor,
    /// Events that were not returned yet.
    ready: VecDeque<JobEvent>,
    reconnects: Reconnects,
    checks: Checks,
    /// The number of consecutive connections that stayed open without data.
    silences: u32,
    /// An event that claims the job's end, held back until the status confirms it or another event
    /// contradicts it.
    claim: Option<JobEvent>,
    /// The job has ended, and its last events are being retrieved.
    last_events: Option<Box<LastEvents>>,
    /// Streams were not refused.
    streams_work: bool,
    /// A gap in this connection's numbers has been reported by a snapshot.
    gap_reported: bool,
    /// It was reported that the job waits for a permit.
    queue_reported: bool,
    /// The last status that was reported.
    status: Option<JobStatus>,
    failure: Option<String>,
    /// When the stream or the status last responded.
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
    /// → Waiting when broken, silent or ended; Polling when it cannot be decoded.
    Reading(Connection),
    /// Streams do not work here, so only the status is requested.
    Polling,
    /// The terminal event is in `ready`, or was returned.
    Finished,
}

/// An open event stream.
struct Connection {
    body: ByteStream,
    /// Data that is not decoded yet.
    chunk: Bytes,
    last_data_at: Instant,
    has_data: bool,
}

/// A job's status as it was requested.
#[derive(Debug, Clone)]
pub(super) struct Report {
    pub(super) job: Job,
    /// The job was requested with its result.
    pub(super) has_result: bool,
}

/// How a connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Disconnect {
    /// The service closed it after a complete event.
    Clean,
    Broken,
}

/// The retrieval of events that the stream did not deliver before the job ended.
struct LastEvents {
    report: Report,
    /// All events are requested, not those after the cursor.
    from_start: bool,
    /// When the current attempt ends.
    quiet_at: Instant,
    give_up: Instant,
}

type Next = Result<State, Error>;

impl Follower {
    pub(super) fn new(following: Following) -> Self {
        let cursor = following.cursor.clone();
        let last_event_id = cursor.last_event_id.clone().unwrap_or_default();
        let now = Instant::now();
        let checks = match following.accepted_at {
            Some(_) => Checks::after_quiet(now),
            None => Checks::at_once(now),
        };
        Self {
            decoder: Decoder::new().with_last_event_id(last_event_id),
            state: State::Waiting { until: now },
            permit: None,
            ready: VecDeque::new(),
            delivered: Delivered::after(&cursor),
            cursor,
            reconnects: Reconnects::new(),
            checks,
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
        }
    }

    /// The cursor after the last event that was returned.
    pub(super) fn cursor(&self) -> &Cursor {
        &self.cursor
    }

    /// Returns the next event; `None` after the terminal event or an error.
    pub(super) async fn next(&mut self) -> Option<Result<JobEvent, Error>> {
        if let Err(error) = runtime::require() {
            return Some(Err(error.with_job_id(&self.following.job_id)));
        }
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Some(Ok(event));
            }
            let state = std::mem::replace(&mut self.state, State::Finished);
            // All steps but reading are rare and large. Boxed, they cost a waiting stream no memory.
            let next = match state {
                State::Finished => return None,
                state if self.last_events.is_none() && Instant::now() >= self.checks.due => {
                    Box::pin(self.check(state)).await
                }
                State::Reading(connection) => self.read(connection).await,
                other => Box::pin(self.connect(other)).await,
            };
            match next {
                Ok(state) => self.state = state,
                Err(error) => {
                    self.permit = None;
                    return Some(Err(error.with_job_id(&self.following.job_id)));
                }
            }
        }
    }

    /// When something other than the awaited input of the current state is due.
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
            state @ (State::Reading(_) | State::Finished) => Ok(state),
        }
    }

    /// Opens a stream, or waits for a permit.
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
            let reason = "the maximum number of event streams is open".to_owned();
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
                // Assumption: event-after.
                request = request.after(after);
            }
            if let Some(id) = id {
                // Assumption: event-last-event-id.
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
        State::Reading(Connection {
            body: response.into_inner(),
            chunk: Bytes::new(),
            last_data_at: now,
            has_data: false,
        })
    }

    /// The stream could not be opened. If streams do not work here, the status shows whether the job
    /// or only its stream is missing.
    fn not_opened(&mut self, error: &Error) -> State {
        if is_out_of_descriptors(error) {
            debug!(target: "gizmo_client::jobs", job_id = self.following.job_id, %error, "no file descriptor for an event stream");
            self.permit = None;
            self.report_queue();
            let until = Instant::now() + NO_DESCRIPTOR.mul_f64(1.0 + random());
            return State::Waiting { until };
        }
        if self.not_shown_yet(error) {
            self.checks.soon(Instant::now());
            return self.disconnected(error, Disconnect::Broken);
        }
        let resumes = self.delivered.resume().is_some();
        match error.status().map(|status| status.as_u16()) {
            // Assumption: event-cursor-refused.
            Some(400 | 409 | 410 | 412 | 416 | 422) if resumes => {
                debug!(target: "gizmo_client::jobs", job_id = self.following.job_id, %error, "cursor refused");
                self.delivered.cursor_refused();
                self.disconnected(error, Disconnect::Broken)
            }
            Some(408 | 425 | 429 | 500 | 502..=504 | 507..) => {
                self.disconnected(error, Disconnect::Broken)
            }
            None if error.kind() == ErrorKind::Timeout => self.no_stream(format!("{error:#}")),
            None if error.is_retryable()
                || error.kind() == ErrorKind::Transport
                || error.kind() == ErrorKind::Connect =>
            {
                self.disconnected(error, Disconnect::Broken)
            }
            _ => self.no_stream(format!("{error:#}")),
        }
    }

    /// Whether this may be the 404 of a replica that does not show the job yet.
    fn not_shown_yet(&self, error: &Error) -> bool {
        let accepted_at = self.following.accepted_at;
        error.status() == Some(StatusCode::NOT_FOUND)
            && accepted_at.is_some_and(|at| at.elapsed() < MAX_LAG)
            && self.status.is_none()
            && self.delivered.is_empty()
    }

    /// Polls the job from now on: streams do not work here.
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

    /// The connection has ended, or could not be opened.
    fn disconnected(&mut self, error: &Error, disconnect: Disconnect) -> State {
        let now = Instant::now();
        let before = self.delivered.cursor_sent();
        let brought_new = self.delivered.disconnected();
        let asked = self.decoder.retry().max(error.retry_after());
        let until = self.reconnects.ended(now, brought_new, asked, random());
        debug!(target: "gizmo_client::jobs", job_id = self.following.job_id, failures = self.reconnects.failures, %error, "event stream ended");
        if self.last_events.is_some() {
            // Another cursor may deliver more.
            return if brought_new || self.delivered.cursor_sent() != before {
                State::Waiting { until }
            } else {
                self.next_attempt()
            };
        }
        if disconnect == Disconnect::Clean {
            // A documented stream ends with its job.
            // Assumption: stream-closes-at-end.
            self.checks.soon(now);
        }
        if self.reconnects.failures >= MAX_FAILURES {
            let reason = format!("the stream broke {MAX_FAILURES} times in a row: {error:#}");
            let state = self.no_stream(reason);
            self.streams_work = true;
            return state;
        }
        let reason = format!("{error:#}");
        self.ready
            .push_back(JobEvent::added(JobEventKind::Reconnecting { reason }));
        State::Waiting { until }
    }

    /// Reads up to an event, or until something else is due.
    async fn read(&mut self, mut connection: Connection) -> Next {
        if connection.chunk.is_empty() {
            let silence = SILENCE.min(self.following.client.inner.0.idle_timeout);
            let (silent, wake) = (connection.last_data_at + silence, self.wake());
            match timeout_at(silent.min(wake), connection.body.next()).await {
                Ok(Some(Ok(more))) => {
                    connection.chunk = more;
                    connection.last_data_at = Instant::now();
                    connection.has_data = true;
                    self.silences = 0;
                }
                Ok(Some(Err(error))) => {
                    return Ok(self.disconnected(&error.into(), Disconnect::Broken));
                }
                Ok(None) => {
                    let error = Error::new(ErrorKind::Transport, "the stream ended before the job");
                    return Ok(self.disconnected(&error, Disconnect::Clean));
                }
                Err(_) if wake <= silent && self.last_events.is_some() => {
                    return Ok(self.next_attempt());
                }
                Err(_) if wake <= silent => {}
                Err(_) => {
                    self.silences += u32::from(!connection.has_data);
                    if self.silences >= MAX_SILENCES {
                        let reason = "the stream sends nothing; a proxy may be buffering it";
                        let state = self.no_stream(reason.to_owned());
                        self.streams_work = true;
                        return Ok(state);
                    }
                    let message = format!("silent for {} s", silence.as_secs_f32());
                    return Ok(self.disconnected(
                        &Error::new(ErrorKind::Timeout, message),
                        Disconnect::Broken,
                    ));
                }
            }
        }
        let mut rest = &connection.chunk[..];
        let arrival = match self.decoder.next(&mut rest) {
            Ok(event) => event.map(|event| {
                let id = event.has_id.then_some(event.id);
                let credential = &self.following.client.inner.0.credential;
                let data = credential.redact_secret(event.data);
                let parsed = JobEvent::from_sse(event.event, &data);
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
                    // Assumption: event-number.
                    seq: parsed.data["seq"].as_u64(),
                    name: event.event,
                    data: event.data,
                });
                (parsed, delivery)
            }),
            // It would be too large on the next connection as well. The terminal event may follow it.
            Err(_) if self.last_events.is_some() => None,
            Err(error) => {
                let state = self.no_stream(format!("an event cannot be read: {error}"));
                self.streams_work = true;
                return Ok(state);
            }
        };
        let read = connection.chunk.len() - rest.len();
        connection.chunk.advance(read);
        if connection.chunk.is_empty() {
            // An empty slice would keep the connection's buffer alive.
            connection.chunk = Bytes::new();
        }
        let reading = State::Reading(connection);
        Ok(match arrival {
            Some((event, delivery)) => self.arrived(event, delivery, reading).await,
            None => reading,
        })
    }

    /// Takes an event. Returns `state`, unless the job has ended.
    async fn arrived(&mut self, mut event: JobEvent, delivery: Delivery, state: State) -> State {
        let Delivery::New { seq, gap } = delivery else {
            return state;
        };
        if matches!(event.kind, JobEventKind::Ping) {
            // It only proves that the connection is alive.
            self.deliver(event);
            return state;
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
                let report = last.report.clone();
                return self.end(event, report);
            }
            self.deliver(event);
            return state;
        }
        match self.claim.take() {
            // The same end twice.
            Some(claim) if event.is_terminal() && claim.name() == event.name() => {
                self.claim = Some(claim);
                return state;
            }
            Some(claim) => self.deliver(claim.without_end()),
            None => {}
        }
        self.checks.event(now);
        if gap && !std::mem::replace(&mut self.gap_reported, true) {
            Box::pin(self.snapshot()).await;
        }
        if event.is_terminal() {
            // Assumption: event-end-names.
            self.claim = Some(event);
            self.checks.soon(now);
        } else {
            self.deliver(event);
        }
        state
    }

    fn deliver(&mut self, event: JobEvent) {
        self.cursor = self.delivered.cursor();
        self.ready.push_back(event);
    }

    /// Reports the status where events are missing, if the rate limit allows the request.
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

    fn check_kind(&self) -> Check {
        if self.claim.is_some() {
            Check::Confirm
        } else {
            Check::Routine
        }
    }

    /// Whether the rate limit has room for a status request.
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
        // Before the first connection this may be the only request that is needed.
        let with_result = confirming || self.status.is_none() && self.reconnects.never_opened();
        let limit = if matches!(state, State::Reading(_)) && !confirming {
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
                let report = Report {
                    job,
                    has_result: with_result,
                };
                return Ok(self.observed(report, state));
            }
            Ok(Err(error)) => error,
            Err(_) => Error::new(ErrorKind::Timeout, "no status in time"),
        };
        self.checks.requested(now, self.check_kind(), random());
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
            let report = Report {
                job: job_with(&status),
                has_result: true,
            };
            return Ok(self.end(claim, report));
        }
        if now.duration_since(self.last_contact) > MAX_OUTAGE {
            return Err(error);
        }
        debug!(target: "gizmo_client::jobs", job_id = self.following.job_id, %error, "no status");
        let wait = error.retry_after().unwrap_or_default();
        self.checks.due = self.checks.due.max(now + wait.min(MAX_OUTAGE / 12));
        Ok(state)
    }

    /// A status has arrived.
    fn observed(&mut self, report: Report, state: State) -> State {
        // Assumption: job-terminal-final.
        if report.job.status.is_terminal() {
            return match self.claim.take() {
                Some(claim) => self.end(claim, report),
                None => self.ended_unseen(report),
            };
        }
        let kind = self.check_kind();
        self.checks.requested(Instant::now(), kind, random());
        let Report { job, has_result } = report;
        let is_unknown = matches!(job.status, JobStatus::Unknown(_));
        if is_unknown
            && self.checks.confirmations >= MAX_CONFIRMATIONS
            && let Some(claim) = self.claim.take()
        {
            let status = claimed_status(&claim).unwrap_or_else(|| job.status.clone());
            let job = Job { status, ..job };
            return self.end(claim, Report { job, has_result });
        }
        if self.status.as_ref() != Some(&job.status) && kind == Check::Routine {
            self.status = Some(job.status.clone());
            self.ready
                .push_back(JobEvent::added(JobEventKind::Snapshot(Box::new(job))));
        }
        state
    }

    /// The job has ended by its status, and the terminal event has not arrived.
    fn ended_unseen(&mut self, report: Report) -> State {
        let job = &report.job;
        let snapshot = JobEventKind::Snapshot(Box::new(job.clone()));
        self.ready.push_back(JobEvent::added(snapshot));
        let explained = job.status != JobStatus::Failed || job.error.is_some();
        let is_named = job.scene_id.is_some();
        self.permit = None;
        let now = Instant::now();
        self.last_events = Some(Box::new(LastEvents {
            report,
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

    /// The current attempt to retrieve the last events has ended.
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
            // Assumption: event-replay.
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

    /// Reports the end in place of the service's terminal event, which is missing.
    fn end_without_event(&mut self) -> State {
        if let Some(last) = self.last_events.take() {
            let status = Some(last.report.job.status.clone());
            let event = JobEvent::added(JobEventKind::Done { status });
            return self.end(event, last.report);
        }
        State::Finished
    }

    /// The job has ended with this event.
    fn end(&mut self, mut event: JobEvent, report: Report) -> State {
        event.kind = JobEventKind::Done {
            status: Some(report.job.status.clone()),
        };
        let ended = Ended {
            report,
            data: event.data.clone(),
            failure: self.failure.take(),
        };
        let _ = self.following.ended.set(ended);
        self.deliver(event);
        self.permit = None;
        State::Finished
    }
}

/// The status that a claim of the end states.
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
