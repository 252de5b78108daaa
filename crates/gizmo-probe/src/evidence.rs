//! What a recording shows, in the terms of the checks.

use gizmo_client::JobEvent;
use gizmo_client::record::{About, Content, End, Exchange, RecordedResponse};
use gizmo_client::sse::Decoder;
use serde_json::Value;

use crate::find;
use crate::note;

/// A recording.
#[derive(Debug)]
pub(crate) struct Evidence {
    pub(crate) about: About,
    pub(crate) exchanges: Vec<Exchange>,
    /// The document from which the client is generated.
    pub(crate) derived: Value,
}

/// An exchange with a response.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seen<'a> {
    pub(crate) exchange: &'a Exchange,
    pub(crate) response: &'a RecordedResponse,
}

impl<'a> Seen<'a> {
    pub(crate) fn operation(self) -> &'a str {
        self.exchange.operation.as_deref().unwrap_or_default()
    }

    pub(crate) fn note(self) -> &'a str {
        self.exchange.note.as_deref().unwrap_or_default()
    }

    pub(crate) fn status(self) -> u16 {
        self.response.status
    }

    pub(crate) fn is_success(self) -> bool {
        (200..300).contains(&self.response.status)
    }

    pub(crate) fn json(self) -> Option<&'a Value> {
        match &self.response.body {
            Content::Json(value) => Some(value),
            _ => None,
        }
    }

    /// The JSON of the response; null if it has none.
    pub(crate) fn body(self) -> &'a Value {
        self.json().unwrap_or(&Value::Null)
    }

    pub(crate) fn header(self, name: &str) -> Option<&'a str> {
        let mut headers = self.response.headers.iter();
        let found = headers.find(|(header, _)| header == name);
        found.map(|(_, value)| value.as_str())
    }

    /// A segment of the path of the request, counted from 0.
    pub(crate) fn segment(self, index: usize) -> Option<&'a str> {
        let path = self.exchange.request.target.split('?').next()?;
        let mut segments = path.split('/').filter(|segment| !segment.is_empty());
        segments.nth(index)
    }

    pub(crate) fn query(self) -> &'a str {
        let target = &self.exchange.request.target;
        target.split_once('?').map_or("", |(_, query)| query)
    }

    /// When the headers of the response arrived, in seconds since the recording began.
    pub(crate) fn responded_at(self) -> f64 {
        self.exchange.sent_at + self.response.after
    }
}

impl Evidence {
    /// All exchanges with a response.
    pub(crate) fn seen(&self) -> impl Iterator<Item = Seen<'_>> {
        self.exchanges.iter().filter_map(|exchange| {
            let response = exchange.response.as_ref()?;
            Some(Seen { exchange, response })
        })
    }

    pub(crate) fn noted<'a>(&'a self, note: &'a str) -> impl Iterator<Item = Seen<'a>> {
        self.seen().filter(move |seen| seen.note() == note)
    }

    /// The successful responses of an operation.
    pub(crate) fn successes<'a>(&'a self, operation: &'a str) -> impl Iterator<Item = Seen<'a>> {
        self.seen()
            .filter(move |seen| seen.operation() == operation && seen.is_success())
    }

    /// The paid requests with a response, whether or not they were accepted.
    pub(crate) fn paid(&self) -> impl Iterator<Item = Seen<'_>> {
        let is_paid = |seen: &Seen<'_>| seen.note().starts_with(note::PAID);
        self.seen().filter(is_paid)
    }

    /// The jobs that the probe has paid for.
    pub(crate) fn runs(&self) -> Vec<Run<'_>> {
        self.paid()
            .filter(|seen| seen.is_success())
            .filter_map(|accepted| self.run(accepted))
            .collect()
    }

    fn run<'a>(&'a self, accepted: Seen<'a>) -> Option<Run<'a>> {
        let job = find::job_id(accepted.json()?)?;
        let number = accepted.exchange.number;
        let of_job: Vec<_> = self
            .seen()
            .filter(|seen| seen.exchange.number > number)
            .filter(|seen| seen.segment(1) == Some("jobs") && seen.segment(2) == Some(&job))
            .collect();
        let next = of_job.iter().map(|seen| seen.exchange.number).max();
        let within = number..=next.unwrap_or(number);
        let lists = self
            .noted(note::LIST_WHILE_RUNNING)
            .filter(|seen| within.contains(&seen.exchange.number))
            .collect();
        let baseline = self.noted(note::BASELINE);
        let baseline = baseline.filter(|seen| seen.exchange.number < number).last();
        Some(Run {
            accepted,
            of_job,
            lists,
            baseline,
        })
    }

    /// All streams of events, of all jobs.
    pub(crate) fn streams(&self) -> impl Iterator<Item = Stream<'_>> {
        self.seen().filter_map(Stream::of)
    }
}

/// A job that the probe has paid for.
#[derive(Debug)]
pub(crate) struct Run<'a> {
    /// The response that announced it.
    pub(crate) accepted: Seen<'a>,
    /// The later exchanges about it.
    pub(crate) of_job: Vec<Seen<'a>>,
    /// The lists that were requested while it ran.
    pub(crate) lists: Vec<Seen<'a>>,
    /// The list before it.
    pub(crate) baseline: Option<Seen<'a>>,
}

impl<'a> Run<'a> {
    pub(crate) fn is(&self, note: &str) -> bool {
        self.accepted.note() == note
    }

    /// The stream that was read while the job ran.
    pub(crate) fn stream(&self) -> Option<Stream<'a>> {
        let mut streams = self.noted(note::STREAM);
        streams.find_map(Stream::of)
    }

    pub(crate) fn noted<'n>(&'n self, note: &'n str) -> impl Iterator<Item = Seen<'a>> + 'n {
        let of_job = self.of_job.iter().copied();
        of_job.filter(move |seen| seen.note() == note)
    }

    /// The seconds from the paid request to a response.
    pub(crate) fn since(&self, seen: Seen<'_>) -> f64 {
        seen.responded_at() - self.accepted.exchange.sent_at
    }

    /// The first list that showed something that was not in the list before the request, and that item.
    pub(crate) fn first_listed(&self, names: &[&str]) -> Option<(Seen<'a>, &'a Value)> {
        let ids = |body: &Value| find::ids(body, names);
        let before = self.baseline.and_then(Seen::json).map(ids);
        let before = before.unwrap_or_default();
        self.lists.iter().find_map(|list| {
            let (_, items) = find::list(list.json()?)?;
            let new = items
                .iter()
                .find(|item| find::id(item, names).is_some_and(|id| !before.contains(&id)))?;
            Some((*list, new))
        })
    }

    /// Whether a request that was sent later than this time shows the job at work.
    pub(crate) fn is_at_work_after(&self, time: f64) -> bool {
        self.of_job.iter().any(|later| {
            let is_later = later.exchange.sent_at >= time;
            let is_at_work = later.json().is_some_and(|body| !find::has_ended(body));
            is_later && later.operation() == "get_job" && later.is_success() && is_at_work
        })
    }

    /// The first response that said that the job has ended.
    pub(crate) fn ended(&self) -> Option<Seen<'a>> {
        self.of_job
            .iter()
            .copied()
            .find(|seen| seen.operation() == "get_job" && seen.json().is_some_and(find::has_ended))
    }
}

/// An event stream.
#[derive(Debug)]
pub(crate) struct Stream<'a> {
    pub(crate) seen: Seen<'a>,
    pub(crate) events: Vec<Event>,
    /// When each block without an event arrived, with its text.
    pub(crate) comments: Vec<(f64, &'a str)>,
    pub(crate) end: End,
}

/// An event of a stream.
#[derive(Debug, Clone)]
pub(crate) struct Event {
    /// Seconds from the request.
    pub(crate) after: f64,
    pub(crate) name: String,
    /// The id of this event; none if it had none.
    pub(crate) id: Option<String>,
    /// Whether it claims the end of its job, as the client reads it.
    pub(crate) claims_end: bool,
    /// Text if the data is not JSON.
    pub(crate) data: Value,
    /// Whether its name is in a line `event:`.
    pub(crate) has_name_line: bool,
}

impl Event {
    /// The number of the event, from its id or its data.
    pub(crate) fn number(&self) -> Option<u64> {
        let id = self.id.as_deref().and_then(|id| id.parse().ok());
        id.or_else(|| self.data["seq"].as_u64())
    }

    pub(crate) fn is_ping(&self) -> bool {
        matches!(self.name.as_str(), "ping" | "heartbeat" | "keepalive")
    }
}

impl<'a> Stream<'a> {
    pub(crate) fn of(seen: Seen<'a>) -> Option<Self> {
        let Content::Events(blocks) = &seen.response.body else {
            return None;
        };
        let mut decoder = Decoder::new();
        let mut events = Vec::new();
        let mut comments = Vec::new();
        for block in blocks {
            let before = events.len();
            let mut input = block.text.as_bytes();
            while let Ok(Some(event)) = decoder.next(&mut input) {
                let read = JobEvent::from_sse(event.event, event.data);
                events.push(Event {
                    after: block.after,
                    name: read.name().to_owned(),
                    id: event.has_id.then(|| event.id.to_owned()),
                    claims_end: read.is_terminal(),
                    data: read.data,
                    has_name_line: event.event != "message",
                });
            }
            if events.len() == before {
                comments.push((block.after, block.text.as_str()));
            }
        }
        Some(Self {
            seen,
            events,
            comments,
            end: seen.response.end,
        })
    }

    /// The first event that claims the end of the job.
    pub(crate) fn end_event(&self) -> Option<&Event> {
        self.events.iter().find(|event| event.claims_end)
    }
}
