//! A job's events: kept in memory, written as text for every stream that follows the job.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use serde_json::Value;
use tokio::sync::watch;

use crate::observed::Report;
use crate::options::Numbering;

/// One event.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) name: &'static str,
    /// Whether it is the job's terminal event.
    pub(crate) terminal: bool,
    /// Its number in its stage, counted from 1, where events are numbered so.
    in_stage: u32,
    content: Content,
}

/// What an event's data holds beside its type, its job and its number.
#[derive(Debug, Clone)]
enum Content {
    Fields(Box<Value>),
    /// Kept in this form because a job reports hundreds of them.
    Report(Report),
}

impl Content {
    /// The stage that the event belongs to; where it names none, its own name.
    fn stage<'a>(&'a self, name: &'a str) -> &'a str {
        match self {
            Self::Fields(fields) => fields["stage"].as_str().unwrap_or(name),
            Self::Report(report) => report.kind.stage,
        }
    }
}

/// All events of one job; their ordinals count from 1.
#[derive(Debug)]
pub(crate) struct Log {
    entries: Mutex<Entries>,
    grown: watch::Sender<Growth>,
    /// The highest ordinal that a connection has sent.
    sent: AtomicUsize,
    numbering: Numbering,
    job_id: String,
}

#[derive(Debug, Default)]
struct Entries {
    all: Vec<Entry>,
    /// Number of events in each stage, where they are numbered so.
    stages: Vec<(String, u32)>,
}

/// How far a log has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Growth {
    pub(crate) length: usize,
    /// The terminal event is in the log.
    pub(crate) ended: bool,
    /// The job has been deleted.
    pub(crate) deleted: bool,
}

impl Log {
    pub(crate) fn new(job_id: &str, numbering: Numbering) -> Self {
        Self {
            entries: Mutex::default(),
            grown: watch::Sender::default(),
            sent: AtomicUsize::new(0),
            numbering,
            job_id: job_id.to_owned(),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.grown.borrow().length
    }

    /// Appends an event.
    pub(crate) fn push(&self, name: &'static str, fields: Value) {
        self.append(name, Content::Fields(Box::new(fields)), false);
    }

    /// Appends an event of the observed vocabulary; returns false when the job has ended.
    pub(crate) fn report(&self, report: Report) -> bool {
        self.append(report.kind.name, Content::Report(report), false)
    }

    /// Appends the terminal event.
    pub(crate) fn end(&self, name: &'static str, fields: Value) {
        self.append(name, Content::Fields(Box::new(fields)), true);
    }

    fn append(&self, name: &'static str, content: Content, terminal: bool) -> bool {
        let mut entries = self.entries();
        if entries.all.last().is_some_and(|last| last.terminal) {
            return false;
        }
        let in_stage = match self.numbering {
            Numbering::PerStage => entries.next_in(content.stage(name)),
            _ => 0,
        };
        entries.all.push(Entry {
            name,
            terminal,
            in_stage,
            content,
        });
        let length = entries.all.len();
        self.grown.send_modify(|growth| {
            growth.length = length;
            growth.ended = terminal;
        });
        true
    }

    /// Ends every stream that follows the job.
    pub(crate) fn delete(&self) {
        self.grown.send_modify(|growth| growth.deleted = true);
    }

    pub(crate) fn watch(&self) -> watch::Receiver<Growth> {
        self.grown.subscribe()
    }

    /// The highest ordinal that a connection has sent.
    pub(crate) fn sent(&self) -> usize {
        self.sent.load(Ordering::SeqCst)
    }

    /// Notes that a connection has sent the event with this ordinal.
    pub(crate) fn note_sent(&self, ordinal: usize) {
        self.sent.fetch_max(ordinal, Ordering::SeqCst);
    }

    /// The ordinal of the event with this SSE `id`.
    pub(crate) fn ordinal(&self, id: &str) -> Option<u64> {
        let mut ordinals = 1..=self.len();
        let found = ordinals.find(|ordinal| {
            let known = self.numbering.id(*ordinal, &self.job_id);
            known.is_some_and(|known| known == id)
        });
        found.map(|ordinal| ordinal as u64)
    }

    /// The event with this ordinal.
    pub(crate) fn entry(&self, ordinal: usize) -> Option<Entry> {
        self.entries().all.get(ordinal.checked_sub(1)?).cloned()
    }

    /// What follows the first `after` events, as one text.
    pub(crate) fn wire_after(&self, after: usize) -> Bytes {
        let entries = self.entries();
        let following = entries.all.get(after..).unwrap_or_default();
        let mut text = String::with_capacity(following.len() * 256);
        for (index, entry) in following.iter().enumerate() {
            let ordinal = after + index + 1;
            self.write_head(&mut text, ordinal, entry.name);
            self.write_data(&mut text, ordinal, entry);
            text.push_str("\n\n");
        }
        text.into()
    }

    /// An event's data: one line of JSON.
    pub(crate) fn data(&self, ordinal: usize, entry: &Entry) -> String {
        let mut text = String::new();
        self.write_data(&mut text, ordinal, entry);
        text
    }

    /// An event as text, with this name and this data.
    pub(crate) fn frame(&self, ordinal: usize, name: &str, data: &str) -> String {
        let mut text = String::with_capacity(data.len() + 64);
        self.write_head(&mut text, ordinal, name);
        text.push_str(data);
        text.push_str("\n\n");
        text
    }

    /// Writes all that comes before an event's data.
    fn write_head(&self, text: &mut String, ordinal: usize, name: &str) {
        if let Some(id) = self.numbering.id(ordinal, &self.job_id) {
            let _ = writeln!(text, "id: {id}");
        }
        let _ = write!(text, "event: {name}\ndata: ");
    }

    fn write_data(&self, text: &mut String, ordinal: usize, entry: &Entry) {
        let seq = self.numbering.seq(ordinal, entry.in_stage);
        match &entry.content {
            Content::Report(report) => report.write(text, &self.job_id, seq),
            Content::Fields(fields) => {
                let mut data = Value::clone(fields);
                data["type"] = entry.name.into();
                data["job_id"] = self.job_id.as_str().into();
                if let Some(seq) = seq {
                    data["seq"] = seq.into();
                }
                let _ = write!(text, "{data}");
            }
        }
    }

    fn entries(&self) -> MutexGuard<'_, Entries> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entries {
    /// The number of the next event in a stage.
    fn next_in(&mut self, stage: &str) -> u32 {
        if let Some((_, events)) = self.stages.iter_mut().find(|(name, _)| name == stage) {
            *events += 1;
            return *events;
        }
        self.stages.push((stage.to_owned(), 1));
        1
    }
}
