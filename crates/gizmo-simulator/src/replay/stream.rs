//! Event streams of a recording, at their recorded times or from a cursor.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::unfold;
use gizmo_client::record::{Content, End, Exchange, RecordedEvent};
use gizmo_client::sse::Decoder;
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use serde_json::Value;
use tokio::time::{Instant, sleep, sleep_until};

use super::elsewhere::Elsewhere;
use crate::clock::Clock;
use crate::response::{Abort, Body};
use crate::wire::Control;

const PING: &[u8] = b": ping\n\n";

/// The interval between the service's pings, in seconds.
const PING_SECONDS: f64 = 15.0;

/// What a response sends, and when, counted from its request.
#[derive(Debug)]
pub(crate) struct Script {
    blocks: VecDeque<(Duration, String)>,
    end: End,
    ends_at: Duration,
    ping_every: Duration,
}

impl Script {
    /// Returns the stream of one exchange, or `None` if it has none.
    pub(crate) fn of(exchange: &Exchange, clock: &Clock) -> Option<Self> {
        let blocks = blocks_of(exchange)?;
        let timed = blocks.iter().map(|block| (block.after, block.text.clone()));
        let response = exchange.response.as_ref()?;
        let ping_every = ping_distance(blocks);
        let end = (response.end, response.ended_after);
        Some(Self::new(timed, end, ping_every, clock))
    }

    /// Returns the blocks after a cursor of all exchanges of one stream, or `None` if there are none.
    pub(crate) fn after<'a>(
        cursor: &str,
        exchanges: impl Iterator<Item = &'a Exchange>,
        clock: &Clock,
    ) -> Option<Self> {
        let mut begin = f64::INFINITY;
        let mut end: Option<(End, f64)> = None;
        let mut ping_every = None;
        let (mut blocks, mut seen) = (Vec::new(), HashSet::new());
        for exchange in exchanges {
            let (Some(recorded), Some(response)) = (blocks_of(exchange), &exchange.response) else {
                continue;
            };
            begin = begin.min(exchange.sent_at);
            let ended = exchange.sent_at + response.ended_after;
            if end.is_none_or(|(_, latest)| latest <= ended) {
                end = Some((response.end, ended));
            }
            ping_every = ping_distance(recorded).or(ping_every);
            for block in recorded {
                let place = Place::of(&block.text);
                // A stream that resumes may repeat events.
                if place.id.is_none() && place.number.is_none() || seen.insert(&block.text) {
                    blocks.push((exchange.sent_at + block.after, place, block.text.clone()));
                }
            }
        }
        let (end, ended) = end?;
        blocks.sort_by(|(one, ..), (other, ..)| one.total_cmp(other));
        let last = blocks
            .iter()
            .rposition(|(_, place, _)| place.is_until(cursor));
        if let Some(last) = last {
            begin = blocks[last].0;
            let number = cursor.parse::<u64>().ok();
            let mut index = 0;
            blocks.retain(|(_, place, _)| {
                index += 1;
                // Events may arrive in another order than that of their numbers.
                let is_later = number.is_some() && place.number > number;
                is_later || index > last + 1
            });
        }
        let timed = blocks.into_iter().map(|(at, _, text)| (at - begin, text));
        Some(Self::new(timed, (end, ended - begin), ping_every, clock))
    }

    fn new(
        blocks: impl Iterator<Item = (f64, String)>,
        (end, ends_at): (End, f64),
        ping_every: Option<f64>,
        clock: &Clock,
    ) -> Self {
        Self {
            blocks: blocks
                .map(|(at, text)| (clock.scaled(seconds(at)), text))
                .collect(),
            end,
            ends_at: clock.scaled(seconds(ends_at)),
            ping_every: clock.scaled_at_least(seconds(ping_every.unwrap_or(PING_SECONDS))),
        }
    }

    /// Makes links to recorded hosts lead to the replay.
    pub(crate) fn rewrite(mut self, elsewhere: &Elsewhere) -> Self {
        for (_, text) in &mut self.blocks {
            *text = elsewhere.rewrite(std::mem::take(text));
        }
        self
    }

    /// Returns the response's body, which starts now.
    pub(crate) fn body(self, control: Arc<Control>) -> Body {
        let state = Some((self, control, Instant::now()));
        let frames = unfold(state, |state| async {
            let (mut script, control, start) = state?;
            match script.next(&control, start).await? {
                Ok(bytes) => Some((Ok(Frame::data(bytes)), Some((script, control, start)))),
                Err(abort) => Some((Err(abort), None)),
            }
        });
        StreamBody::new(frames).boxed_unsync()
    }

    /// Waits for the next bytes, or for the end.
    async fn next(&mut self, control: &Control, start: Instant) -> Option<Result<Bytes, Abort>> {
        if let Some((at, text)) = self.blocks.pop_front() {
            sleep_until(start + at).await;
            return Some(Ok(text.into()));
        }
        match self.end {
            End::Dropped => {
                sleep(self.ping_every).await;
                Some(Ok(Bytes::from_static(PING)))
            }
            End::Broken => {
                control.flush().await;
                sleep_until(start + self.ends_at).await;
                Some(Err(Abort))
            }
            _ => {
                sleep_until(start + self.ends_at).await;
                None
            }
        }
    }
}

fn blocks_of(exchange: &Exchange) -> Option<&[RecordedEvent]> {
    match &exchange.response.as_ref()?.body {
        Content::Events(blocks) => Some(blocks),
        _ => None,
    }
}

/// Returns a number of seconds as a duration, or none if there is no such duration.
fn seconds(number: f64) -> Duration {
    Duration::try_from_secs_f64(number).unwrap_or_default()
}

/// Returns the seconds between the last two pings.
fn ping_distance(blocks: &[RecordedEvent]) -> Option<f64> {
    let pings = blocks.iter().rev();
    let mut pings = pings.filter(|block| Place::of(&block.text).is_ping);
    let (last, previous) = (pings.next()?, pings.next()?);
    Some(last.after - previous.after)
}

/// What a block says about its place in a stream.
#[derive(Debug, PartialEq, Eq)]
struct Place {
    id: Option<String>,
    /// The id, or the field `seq` of the data.
    number: Option<u64>,
    is_ping: bool,
}

impl Place {
    fn of(text: &str) -> Self {
        let mut decoder = Decoder::new();
        let Ok(Some(event)) = decoder.next(&mut text.as_bytes()) else {
            // A block without data is a comment.
            return Self {
                id: None,
                number: None,
                is_ping: text.starts_with(':'),
            };
        };
        let data: Value = serde_json::from_str(event.data).unwrap_or_default();
        let id = event.has_id.then(|| event.id.to_owned());
        let number = id.as_ref().and_then(|id| id.parse().ok());
        Self {
            number: number.or_else(|| data["seq"].as_u64()),
            id,
            is_ping: event.event == "ping" || data["type"] == "ping",
        }
    }

    /// Whether the cursor is at this event or after it.
    fn is_until(&self, cursor: &str) -> bool {
        match (self.number, cursor.parse::<u64>()) {
            (Some(number), Ok(cursor)) => number <= cursor,
            _ => self.id.as_deref() == Some(cursor),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_an_event_is_its_id_or_its_seq() {
        for (text, id, number, is_ping) in [
            ("id: 7\ndata: {\"seq\":3}\n\n", Some("7"), Some(7), false),
            (
                "id: a-7\r\ndata: {\"seq\":3}\r\n\r\n",
                Some("a-7"),
                Some(3),
                false,
            ),
            ("data: {\"seq\":3}\n\n", None, Some(3), false),
            ("data: text\n\n", None, None, false),
            ("event: ping\ndata: {}\n\n", None, None, true),
            ("data: {\"type\":\"ping\"}\n\n", None, None, true),
            (": keep-alive\n\n", None, None, true),
            ("data: {\"seq\":3}\n", None, None, false),
        ] {
            let expected = Place {
                id: id.map(str::to_owned),
                number,
                is_ping,
            };
            assert_eq!(Place::of(text), expected, "{text}");
        }
    }
}
