//! A job's events: kept in memory, written once, watched by every stream that follows the job.

use std::fmt::Write as _;
use std::sync::{Mutex, PoisonError};

use bytes::{Bytes, BytesMut};
use serde_json::Value;
use tokio::sync::watch;

use crate::options::Numbering;

/// One event as it goes over the wire.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) name: &'static str,
    /// The event as streams without faults send it.
    wire: Bytes,
}

impl Entry {
    /// The data: one line of JSON.
    pub(crate) fn data(&self) -> &str {
        let text = std::str::from_utf8(&self.wire).unwrap_or_default();
        text.lines()
            .find_map(|line| line.strip_prefix("data: "))
            .unwrap_or_default()
    }
}

/// All events of one job, numbered from 1.
#[derive(Debug)]
pub(crate) struct Log {
    entries: Mutex<Vec<Entry>>,
    grown: watch::Sender<Growth>,
    numbering: Numbering,
    job_id: String,
}

/// How far a log has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Growth {
    pub(crate) length: usize,
    /// Nothing follows.
    pub(crate) closed: bool,
}

impl Log {
    pub(crate) fn new(job_id: &str, numbering: Numbering) -> Self {
        Self {
            entries: Mutex::default(),
            grown: watch::Sender::default(),
            numbering,
            job_id: job_id.to_owned(),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.grown.borrow().length
    }

    /// Appends an event and wakes whoever follows.
    pub(crate) fn push(&self, name: &'static str, fields: Value) {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let number = entries.len() + 1;
        let mut data = fields;
        data["type"] = name.into();
        data["job_id"] = self.job_id.as_str().into();
        if matches!(self.numbering, Numbering::IdAndSeq | Numbering::Seq) {
            data["seq"] = number.into();
        }
        let wire = self.write(number, name, &data.to_string());
        entries.push(Entry {
            name,
            wire: wire.into_boxed_str().into_boxed_bytes().into(),
        });
        self.grown.send_modify(|growth| growth.length = number);
    }

    /// An event as text, numbered as this log is.
    pub(crate) fn write(&self, number: usize, name: &str, data: &str) -> String {
        let mut text = String::with_capacity(data.len() + 64);
        if matches!(self.numbering, Numbering::IdAndSeq | Numbering::Id) {
            let _ = writeln!(text, "id: {number}");
        }
        let _ = write!(text, "event: {name}\ndata: {data}\n\n");
        text
    }

    /// Says that nothing follows.
    pub(crate) fn close(&self) {
        self.grown.send_modify(|growth| growth.closed = true);
    }

    pub(crate) fn watch(&self) -> watch::Receiver<Growth> {
        self.grown.subscribe()
    }

    /// What follows the first `after` events, as one text.
    pub(crate) fn wire_after(&self, after: usize) -> Bytes {
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        match entries.get(after..).unwrap_or_default() {
            [] => Bytes::new(),
            [one] => one.wire.clone(),
            many => {
                let length = many.iter().map(|entry| entry.wire.len()).sum();
                let mut text = BytesMut::with_capacity(length);
                for entry in many {
                    text.extend_from_slice(&entry.wire);
                }
                text.freeze()
            }
        }
    }

    /// The event with this number.
    pub(crate) fn entry(&self, number: usize) -> Option<Entry> {
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.get(number.checked_sub(1)?).cloned()
    }
}
