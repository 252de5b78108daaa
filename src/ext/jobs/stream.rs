//! A job's events as a stream.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;
use futures_util::stream::{BoxStream, StreamExt};

use super::cursor::Cursor;
use super::event::JobEvent;
use super::follower::{Follower, Following};
use crate::ext::error::Error;

/// A job's events, each once and in order, returned by [`JobHandle::events`](crate::JobHandle::events).
///
/// The stream reports progress, and the job's status is authoritative. The last item is
/// [`JobEventKind::Done`](crate::JobEventKind::Done), also for a job that failed or was cancelled, or an
/// error. The stream yields it once the status confirms that the job has ended; if the service sends no
/// terminal event, the client adds one. It does not wait for the service to close the connection. The status is
/// requested when no event has arrived for 30 s, then at intervals that grow to 60 s; the requests
/// of a client and its clones use at most a quarter of the rate limit.
///
/// A connection that breaks is opened again after the last event, at most once a second, and at most
/// twelve times a minute where that brings no new event. Where streams do not work the job is
/// polled, which [`JobEventKind::Polling`](crate::JobEventKind::Polling) reports.
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

impl EventStream {
    pub(super) fn new(following: Following) -> Self {
        let cursor = following.cursor.clone();
        let events = futures_util::stream::unfold(Follower::new(following), |mut follower| async {
            let event = follower.next().await?;
            let cursor = follower.cursor().clone();
            Some(((event, cursor), follower))
        });
        Self {
            events: events.boxed(),
            cursor,
        }
    }

    /// Returns the cursor after the last event that the stream yielded.
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
