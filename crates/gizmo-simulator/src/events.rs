//! The events of a job: kept in memory and serialized for each stream that follows the job.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use serde_json::Value;
use tokio::sync::watch;

use crate::observed::Report;
use crate::options::Numbering;

/// An event of a job.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) name: &'static str,
    /// Whether it is the job's terminal event.
    pub(crate) terminal: bool,
    /// The number of the event in its stage, counted from 1; 0 unless the numbering requires it.
    in_stage: u32,
    content: Content,
}

/// The data of an event except the type, the job and the number.
#[derive(Debug, Clone)]
enum Content {
    Fields(Box<Value>),
    /// A compact form, because a job reports hundreds of these.
    Report(Report),
}

impl Content {
    /// Returns the stage that the event belongs to, or the name of the event if it has none.
    fn stage<'a>(&'a self, name: &'a str) -> &'a str {
        match self {
            Self::Fields(fields) => fields["stage"].as_str().unwrap_or(name),
            Self::Report(report) => report.kind.stage,
        }
    }
}

/// All events of one job. Ordinals count from 1.
#[derive(Debug)]
pub(crate) struct Log {
    entries: Mutex<Entries>,
    growth: watch::Sender<Growth>,
    /// The highest ordinal that a connection has sent.
    sent: AtomicUsize,
    numbering: Numbering,
    job_id: String,
}

#[derive(Debug, Default)]
struct Entries {
    all: Vec<Entry>,
    /// The number of events in each stage; empty unless the numbering requires it.
    stages: Vec<(String, u32)>,
}

/// The progress of a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Growth {
    pub(crate) length: usize,
    /// Whether the log contains the terminal event.
    pub(crate) ended: bool,
    /// Whether the job was deleted.
    pub(crate) deleted: bool,
}

impl Log {
    pub(crate) fn new(job_id: &str, numbering: Numbering) -> Self {
        Self {
            entries: Mutex::default(),
            growth: watch::Sender::default(),
            sent: AtomicUsize::new(0),
            numbering,
            job_id: job_id.to_owned(),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.growth.borrow().length
    }

    /// Appends an event.
    pub(crate) fn push(&self, name: &'static str, fields: Value) {
        self.append(name, Content::Fields(Box::new(fields)), false);
    }

    /// Appends an event of the observed vocabulary. Returns false if the job has ended.
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
        self.growth.send_modify(|growth| {
            growth.length = length;
            growth.ended = terminal;
        });
        true
    }

    /// Ends every stream that follows the job.
    pub(crate) fn delete(&self) {
        self.growth.send_modify(|growth| growth.deleted = true);
    }

    pub(crate) fn watch(&self) -> watch::Receiver<Growth> {
        self.growth.subscribe()
    }

    /// Waits for the terminal event, or until the job is deleted.
    pub(crate) async fn ended(&self) {
        let ended = |growth: &Growth| growth.ended || growth.deleted;
        let _ = self.watch().wait_for(ended).await;
    }

    /// The highest ordinal that a connection has sent.
    pub(crate) fn sent(&self) -> usize {
        self.sent.load(Ordering::SeqCst)
    }

    /// Records that a connection has sent the event with this ordinal.
    pub(crate) fn note_sent(&self, ordinal: usize) {
        self.sent.fetch_max(ordinal, Ordering::SeqCst);
    }

    /// Returns the ordinal of the event with this SSE `id`.
    pub(crate) fn ordinal(&self, id: &str) -> Option<u64> {
        let mut ordinals = 1..=self.len();
        let found = ordinals.find(|ordinal| {
            let event_id = self.numbering.id(*ordinal, &self.job_id);
            event_id.is_some_and(|event_id| event_id == id)
        });
        found.map(|ordinal| ordinal as u64)
    }

    /// Returns the event with this ordinal.
    pub(crate) fn entry(&self, ordinal: usize) -> Option<Entry> {
        self.entries().all.get(ordinal.checked_sub(1)?).cloned()
    }

    /// Returns the frames of all events after the first `skipped` ones.
    pub(crate) fn frames_after(&self, skipped: usize) -> Bytes {
        let entries = self.entries();
        let following = entries.all.get(skipped..).unwrap_or_default();
        let mut text = String::with_capacity(following.len() * 256);
        for (index, entry) in following.iter().enumerate() {
            let ordinal = skipped + index + 1;
            self.write_prefix(&mut text, ordinal, entry.name);
            self.write_data(&mut text, ordinal, entry);
            text.push_str("\n\n");
        }
        text.into()
    }

    /// Returns the data of an event, one line of JSON.
    pub(crate) fn data(&self, ordinal: usize, entry: &Entry) -> String {
        let mut text = String::new();
        self.write_data(&mut text, ordinal, entry);
        text
    }

    /// Returns the frame of an event with this name and this data.
    pub(crate) fn frame(&self, ordinal: usize, name: &str, data: &str) -> String {
        let mut text = String::with_capacity(data.len() + 64);
        self.write_prefix(&mut text, ordinal, name);
        text.push_str(data);
        text.push_str("\n\n");
        text
    }

    /// Writes the part of a frame before the data.
    fn write_prefix(&self, text: &mut String, ordinal: usize, name: &str) {
        // Assumption: event-number.
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
    /// Counts an event in a stage and returns its number.
    fn next_in(&mut self, stage: &str) -> u32 {
        if let Some((_, events)) = self.stages.iter_mut().find(|(name, _)| name == stage) {
            *events += 1;
            return *events;
        }
        self.stages.push((stage.to_owned(), 1));
        1
    }
}
