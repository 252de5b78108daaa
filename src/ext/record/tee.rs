//! A response body that passes unchanged, and tells a recording what passed and how it ended.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use super::content::Collector;
use super::exchange::End;

/// A body on its way to the program.
pub(super) struct Tee {
    body: reqwest::Body,
    /// The size that the headers announced.
    announced: Option<u64>,
    /// When the request was sent.
    started: Instant,
    /// None after the end.
    open: Option<(Collector, AtEnd)>,
}

/// What receives a body at its end.
pub(super) type AtEnd = Box<dyn FnOnce(Collector, End) + Send + Sync>;

impl Tee {
    pub(super) fn new(
        body: reqwest::Body,
        started: Instant,
        collector: Collector,
        at_end: AtEnd,
    ) -> Self {
        let mut tee = Self {
            announced: body.size_hint().exact(),
            body,
            started,
            open: Some((collector, at_end)),
        };
        // A program does not read an empty body.
        if tee.body.is_end_stream() {
            tee.end(End::Complete);
        }
        tee
    }

    fn end(&mut self, end: End) {
        if let Some((collector, at_end)) = self.open.take() {
            at_end(collector, end);
        }
    }
}

impl Body for Tee {
    type Data = Bytes;
    type Error = reqwest::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, reqwest::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        match &frame {
            Some(Ok(frame)) => {
                let after = self.started.elapsed();
                if let (Some(data), Some((collector, _))) = (frame.data_ref(), &mut self.open) {
                    collector.push(data, after);
                }
            }
            Some(Err(_)) => self.end(End::Broken),
            None => self.end(End::Complete),
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Tee {
    fn drop(&mut self) {
        // A program may stop at the announced size, without asking for the end.
        let passed = self.open.as_ref().map(|(collector, _)| collector.total());
        let is_complete = self.body.is_end_stream() || passed.is_some() && passed == self.announced;
        self.end(if is_complete {
            End::Complete
        } else {
            End::Dropped
        });
    }
}
