//! What a job reports while it works.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::error::one_line;
use crate::types::{Job, JobStatus};

/// One thing that a job reported, or that this client learnt of it.
///
/// [`Display`](fmt::Display) is one line for people.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct JobEvent {
    /// Its place in the job's events, counted from 1; none for what this client adds itself.
    pub seq: Option<u64>,
    /// What happened.
    pub kind: JobEventKind,
    /// The event's data as it came: JSON, or a string where it was none.
    pub data: Value,
}

/// The kinds of [`JobEvent`]: those of Gizmo's page on API access, and three that this client adds.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum JobEventKind {
    /// `stage_start`: a stage of the pipeline has begun.
    StageStart {
        /// The stage's name, where the event says it.
        stage: Option<String>,
    },
    /// `stage_complete`: a stage of the pipeline has finished.
    StageComplete {
        /// The stage's name, where the event says it.
        stage: Option<String>,
    },
    /// `asset_ready`: one asset is complete.
    AssetReady {
        /// The asset's id, where the event says it.
        asset_id: Option<String>,
    },
    /// `error`: something failed, perhaps one asset only; the job may well go on.
    Error {
        /// What failed, as the service says it.
        message: Option<String>,
    },
    /// `ping`: the connection is alive (every 15 s).
    Ping,
    /// `done`: the job has ended; nothing follows.
    Done {
        /// How it ended, where the event says it.
        status: Option<JobStatus>,
    },
    /// A type that this version of the crate does not know.
    Unknown {
        /// The type as it came.
        event: String,
    },
    /// Added here: the job as it stood when events may have been missed.
    Snapshot(Box<Job>),
    /// Added here: the stream broke and is being opened again.
    Reconnecting {
        /// Why it broke.
        reason: String,
    },
    /// Added here: streams do not get through; the job is polled from now on.
    Polling {
        /// What stood in the way.
        reason: String,
    },
}

impl JobEvent {
    /// Reads a server-sent event.
    pub(crate) fn from_sse(event: &str, data: &str) -> Self {
        let data = serde_json::from_str(data).unwrap_or_else(|_| Value::String(data.to_owned()));
        let text = |names: &[&str]| {
            names
                .iter()
                .find_map(|name| data[*name].as_str().map(str::to_owned))
        };
        // A server that sends no `event:` may put the type into the data.
        let named = if event == "message" {
            text(&["type", "event"])
        } else {
            None
        };
        let kind = match named.as_deref().unwrap_or(event) {
            "stage_start" => JobEventKind::StageStart {
                stage: text(&["stage", "name"]),
            },
            "stage_complete" => JobEventKind::StageComplete {
                stage: text(&["stage", "name"]),
            },
            "asset_ready" => JobEventKind::AssetReady {
                asset_id: text(&["asset_id", "id", "asset"]),
            },
            "error" => JobEventKind::Error {
                message: error_message(&data),
            },
            "ping" => JobEventKind::Ping,
            "done" => JobEventKind::Done {
                status: text(&["status"]).map(|status| JobStatus::from(&status)),
            },
            other => JobEventKind::Unknown {
                event: other.to_owned(),
            },
        };
        Self {
            seq: None,
            kind,
            data,
        }
    }

    /// One of the kinds that this client adds.
    pub(crate) fn own(kind: JobEventKind) -> Self {
        Self {
            seq: None,
            kind,
            data: Value::Null,
        }
    }

    /// Whether the job has ended with this event.
    pub fn is_done(&self) -> bool {
        matches!(self.kind, JobEventKind::Done { .. })
    }
}

/// What a failure says of itself: text, or an object with a message.
pub(crate) fn error_message(data: &Value) -> Option<String> {
    match data {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Object(fields) => ["message", "error", "detail", "reason", "code"]
            .iter()
            .find_map(|name| error_message(fields.get(*name)?)),
        _ => None,
    }
}

impl fmt::Display for JobEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, detail) = match &self.kind {
            JobEventKind::StageStart { stage } => ("stage_start", stage.as_deref()),
            JobEventKind::StageComplete { stage } => ("stage_complete", stage.as_deref()),
            JobEventKind::AssetReady { asset_id } => ("asset_ready", asset_id.as_deref()),
            JobEventKind::Error { message } => ("error", message.as_deref()),
            JobEventKind::Ping => ("ping", None),
            JobEventKind::Done { status } => ("done", status.as_ref().map(JobStatus::as_str)),
            JobEventKind::Unknown { event } => (event.as_str(), None),
            JobEventKind::Snapshot(job) => ("snapshot", Some(job.status.as_str())),
            JobEventKind::Reconnecting { reason } => ("reconnecting", Some(reason.as_str())),
            JobEventKind::Polling { reason } => ("polling", Some(reason.as_str())),
        };
        f.write_str(&one_line(name, 100))?;
        detail.map_or(Ok(()), |detail| write!(f, " {}", one_line(detail, 300)))
    }
}

/// Where in a job's events somebody stopped reading; another process can go on from here.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Cursor {
    /// The sequence number of the last event seen; 0 before the first.
    pub after: u64,
    /// The id of the last event that had one ([WHATWG: `Last-Event-ID`][whatwg]).
    ///
    /// [whatwg]: https://html.spec.whatwg.org/multipage/server-sent-events.html#the-last-event-id-header
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_event_id: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_typed_whatever_its_data_looks_like() {
        for (event, data, line) in [
            (
                "stage_start",
                r#"{"seq":1,"stage":"layout"}"#,
                "stage_start layout",
            ),
            (
                "stage_complete",
                r#"{"stage":"layout"}"#,
                "stage_complete layout",
            ),
            (
                "asset_ready",
                r#"{"asset_id":"ast_1"}"#,
                "asset_ready ast_1",
            ),
            ("error", r#"{"message":"one\nasset"}"#, "error one asset"),
            (
                "error",
                r#"{"error":{"code":"x","message":"deep"}}"#,
                "error deep",
            ),
            ("error", "plain", "error plain"),
            ("ping", "", "ping"),
            ("done", r#"{"status":"succeeded"}"#, "done succeeded"),
            ("done", "{}", "done"),
            (
                "message",
                r#"{"type":"stage_start","stage":"x"}"#,
                "stage_start x",
            ),
            ("message", "hi", "message"),
            ("queue_position", r#"{"position":3}"#, "queue_position"),
            ("stage_start", "[1]", "stage_start"),
        ] {
            assert_eq!(JobEvent::from_sse(event, data).to_string(), line);
        }
        let unknown = JobEvent::from_sse("queue_position", r#"{"position":3}"#);
        assert_eq!(&unknown.data["position"], &Value::from(3));
    }
}
