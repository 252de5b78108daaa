//! What a job reports while it runs.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::names;
use super::names::{claimed_end, is_failure};
use crate::ext::error::{one_line, redact_queries};
use crate::ext::values::id;
use crate::raw::types::{Job, JobStatus};

/// One event of a job: reported by the service, or added by this client.
///
/// [`Display`](fmt::Display) prints one short line. It and `Debug` omit the queries of URLs, which may be
/// signatures; [`data`](Self::data) contains them, and so does the serialized event: one JSON object with the
/// fields and the name, to forward or store it.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct JobEvent {
    /// The event's number: the service's own, or its position in the stream, counted from 1, if no
    /// event has a number. `None` for events that this client adds, and for an event without a number
    /// among numbered ones.
    pub seq: Option<u64>,
    /// What happened.
    pub kind: JobEventKind,
    /// The event's data: JSON, or a string if it is not JSON.
    pub data: Value,
    name: String,
}

/// The kinds of [`JobEvent`]: those of Gizmo's page on API access, and three that this client adds.
///
/// The live service was observed to report hundreds of events under the pipeline's own names
/// instead. They are [`Unknown`](Self::Unknown), except for the terminal one.
/// [`JobEvent::stage`] and [`JobEvent::message`] read both vocabularies.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum JobEventKind {
    /// `stage_start`: a stage of the pipeline has started.
    StageStart {
        /// The stage's name, if the event states it.
        stage: Option<String>,
    },
    /// `stage_complete`: a stage of the pipeline has finished.
    StageComplete {
        /// The stage's name, if the event states it.
        stage: Option<String>,
    },
    /// `asset_ready`: one asset is complete.
    AssetReady {
        /// The asset's id, if the event states it.
        asset_id: Option<String>,
    },
    /// `error`: something failed, possibly only one asset. The job may continue.
    Error {
        /// The service's message.
        message: Option<String>,
    },
    /// `ping`: the connection is alive (every 15 s).
    Ping,
    /// The terminal event: `done`, `job_succeeded`, `job_failed`, `job_cancelled` or another name,
    /// confirmed by the job's status. It is the last event. If the service does not provide it, this
    /// client adds it.
    Done {
        /// How it ended.
        status: Option<JobStatus>,
    },
    /// Any other name, such as those of the pipeline.
    Unknown {
        /// The name as received.
        event: String,
    },
    /// Added by this client: the job's status, when it has changed or events may be missing.
    Snapshot(Box<Job>),
    /// Added by this client: the stream broke and is being opened again.
    Reconnecting {
        /// Why it broke.
        reason: String,
    },
    /// Added by this client: the stream cannot be used, so the job is polled.
    Polling {
        /// Why the stream cannot be used.
        reason: String,
    },
}

impl JobEvent {
    /// Reads the type and the data of a server-sent event, such as one of [`sse::Decoder`](crate::sse::Decoder).
    ///
    /// A terminal event is a claim until the job's status confirms it. [`JobHandle`](crate::JobHandle) does that.
    pub fn from_sse(event: &str, data: &str) -> Self {
        // Assumption: event-data-fields.
        let data = serde_json::from_str(data).unwrap_or_else(|_| Value::String(data.to_owned()));
        let text = |names: &[&str]| {
            let mut values = names.iter().filter_map(|name| data[*name].as_str());
            values.next().map(str::to_owned)
        };
        // A server that sends no `event:` may put the name into the data.
        let named = if event == "message" {
            text(&["type", "event"])
        } else {
            None
        };
        let name = named.unwrap_or_else(|| event.to_owned());
        // Assumption: event-names-documented.
        let kind = match name.as_str() {
            "stage_start" => JobEventKind::StageStart {
                stage: text(&["stage", "name"]),
            },
            "stage_complete" => JobEventKind::StageComplete {
                stage: text(&["stage", "name"]),
            },
            "asset_ready" => JobEventKind::AssetReady {
                asset_id: ["asset_id", "id", "asset"]
                    .iter()
                    .find_map(|name| id::of(&data[*name])),
            },
            "error" => JobEventKind::Error {
                message: error_message(&data).map(str::to_owned),
            },
            // Assumption: event-ping-name.
            "ping" | "heartbeat" | "keepalive" | "keep-alive" => JobEventKind::Ping,
            other => match claimed_end(other, &data) {
                Some(claim) => JobEventKind::Done {
                    status: claim.status,
                },
                None => JobEventKind::Unknown {
                    event: name.clone(),
                },
            },
        };
        Self {
            seq: None,
            kind,
            data,
            name,
        }
    }

    /// An event that this client adds.
    pub(crate) fn added(kind: JobEventKind) -> Self {
        let name = match &kind {
            JobEventKind::Snapshot(_) => "snapshot",
            JobEventKind::Reconnecting { .. } => "reconnecting",
            JobEventKind::Polling { .. } => "polling",
            _ => "done",
        };
        Self {
            seq: None,
            kind,
            data: Value::Null,
            name: name.to_owned(),
        }
    }

    /// Returns the event as a non-terminal one: the job's status contradicts it.
    pub(super) fn without_end(mut self) -> Self {
        if self.is_terminal() {
            self.kind = JobEventKind::Unknown {
                event: self.name.clone(),
            };
        }
        self
    }

    /// Returns the event's name as received, such as `stage_start` or `structure_component_built`; for an
    /// event that this client adds, `snapshot`, `reconnecting`, `polling` or `done`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the stage of the pipeline that the event belongs to: from its data, or the family of
    /// its name (`structure` for `structure_component_built`).
    ///
    /// `None` for events of the entire job.
    pub fn stage(&self) -> Option<Cow<'_, str>> {
        match &self.kind {
            JobEventKind::StageStart { stage } | JobEventKind::StageComplete { stage } => {
                stage.as_deref().map(Cow::Borrowed)
            }
            JobEventKind::Unknown { event } => match self.data["stage"].as_str() {
                Some(stage) if !stage.is_empty() => Some(Cow::Borrowed(stage)),
                _ => names::family(event).map(Cow::Owned),
            },
            JobEventKind::AssetReady { .. } | JobEventKind::Error { .. } => {
                self.data["stage"].as_str().map(Cow::Borrowed)
            }
            _ => None,
        }
    }

    /// Returns the message of the event; for an event that this client adds, the reason.
    pub fn message(&self) -> Option<&str> {
        match &self.kind {
            JobEventKind::Reconnecting { reason } | JobEventKind::Polling { reason } => {
                Some(reason)
            }
            JobEventKind::Error { message } => message.as_deref(),
            _ => match &self.data {
                Value::String(text) => Some(text.as_str()).filter(|text| !text.is_empty()),
                data => [
                    "message",
                    "text",
                    "description",
                    "detail",
                    "error",
                    "reason",
                ]
                .iter()
                .find_map(|field| error_message(data.get(*field)?)),
            },
        }
    }

    /// Whether this is the terminal event, the last of a stream.
    pub fn is_terminal(&self) -> bool {
        matches!(self.kind, JobEventKind::Done { .. })
    }

    /// Whether the event reports a failure, possibly of only one asset.
    pub(crate) fn is_failure(&self) -> bool {
        match &self.kind {
            JobEventKind::Error { .. } => true,
            JobEventKind::Unknown { event } => is_failure(event),
            _ => false,
        }
    }

    /// The thing that the event is about.
    fn subject(&self) -> Option<&str> {
        let fields = [
            "label",
            "name",
            "title",
            "component",
            "object",
            "asset",
            "asset_name",
            "asset_id",
            "path",
            "id",
        ];
        fields.iter().find_map(|field| self.data[*field].as_str())
    }

    /// The progress, such as ` 3/12`, or nothing.
    fn count(&self) -> String {
        let number = |names: &[&str]| names.iter().find_map(|name| self.data[*name].as_u64());
        let part = number(&["index", "current", "completed", "done", "count", "step"]);
        let total = number(&["total", "total_count", "of", "steps"]);
        match (part, total) {
            (Some(part), Some(total)) => format!(" {part}/{total}"),
            _ => String::new(),
        }
    }
}

/// Returns the message of a failure: the text, or the object's message.
pub(crate) fn error_message(data: &Value) -> Option<&str> {
    match data {
        Value::String(text) if !text.is_empty() => Some(text),
        Value::Object(fields) => ["message", "error", "detail", "reason", "code"]
            .iter()
            .find_map(|name| error_message(fields.get(*name)?)),
        _ => None,
    }
}

impl fmt::Debug for JobEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |value: &dyn fmt::Debug| redact_queries(&format!("{value:?}"));
        f.debug_struct("JobEvent")
            .field("seq", &self.seq)
            .field("name", &redact_queries(&self.name))
            .field("kind", &format_args!("{}", shown(&self.kind)))
            .field(
                "data",
                &format_args!("{}", redact_queries(&self.data.to_string())),
            )
            .finish()
    }
}

impl fmt::Display for JobEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let detail = match &self.kind {
            JobEventKind::StageStart { stage } | JobEventKind::StageComplete { stage } => {
                stage.as_deref()
            }
            JobEventKind::AssetReady { asset_id } => asset_id.as_deref(),
            JobEventKind::Ping => None,
            JobEventKind::Done { status } => {
                let status = status.as_ref().map(JobStatus::as_str);
                status.filter(|status| !self.name.ends_with(status))
            }
            JobEventKind::Snapshot(job) => Some(job.status.as_str()),
            JobEventKind::Unknown { .. } => self.message().or_else(|| self.subject()),
            _ => self.message(),
        };
        f.write_str(&one_line(&redact_queries(&self.name), 60))?;
        if let Some(detail) = detail.filter(|detail| *detail != self.name) {
            write!(f, " {}", one_line(&redact_queries(detail), 100))?;
        }
        f.write_str(&self.count())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_one_line_in_both_vocabularies() {
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
            ("job_succeeded", "{}", "job_succeeded"),
            ("job_end", r#"{"status":"failed"}"#, "job_end failed"),
            (
                "message",
                r#"{"type":"stage_start","stage":"x"}"#,
                "stage_start x",
            ),
            ("message", "hi", "message hi"),
            ("queue_position", r#"{"position":3}"#, "queue_position"),
            ("stage_start", "[1]", "stage_start"),
            (
                "structure_component_built",
                r#"{"component":"door_frame","index":3,"total":12}"#,
                "structure_component_built door_frame 3/12",
            ),
            (
                "lighting_started",
                r#"{"message":"Placing lights"}"#,
                "lighting_started Placing lights",
            ),
            ("job_claimed", "null", "job_claimed"),
        ] {
            assert_eq!(JobEvent::from_sse(event, data).to_string(), line);
        }
        let unknown = JobEvent::from_sse("queue_position", r#"{"position":3}"#);
        assert_eq!(&unknown.data["position"], &Value::from(3));
        let long = "é".repeat(10_000);
        let long = JobEvent::from_sse(&long, &format!("{{\"message\":\"{long}\"}}"));
        assert!(long.to_string().chars().count() < 170);
    }

    #[test]
    fn an_event_has_a_stage_and_a_message() {
        for (event, data, stage, message) in [
            ("stage_start", r#"{"stage":"layout"}"#, Some("layout"), None),
            ("structure_component_built", "{}", Some("structure"), None),
            (
                "progress",
                r#"{"stage":"lighting","message":"on"}"#,
                Some("lighting"),
                Some("on"),
            ),
            ("job_started", "{}", None, None),
            (
                "job_failed",
                r#"{"error":{"message":"no"}}"#,
                None,
                Some("no"),
            ),
            (
                "asset_generation_failed",
                r#"{"error":"open"}"#,
                Some("asset"),
                Some("open"),
            ),
            ("ping", "{}", None, None),
        ] {
            let event = JobEvent::from_sse(event, data);
            let seen = (event.stage(), event.message());
            assert_eq!(seen, (stage.map(Cow::Borrowed), message), "{event}");
        }
    }

    #[test]
    fn a_terminal_event_that_the_status_contradicts_is_an_ordinary_event() {
        let end = JobEvent::from_sse("job_failed", r#"{"message":"retrying"}"#);
        assert!(end.is_terminal());
        let end = end.without_end();
        assert!(!end.is_terminal() && end.is_failure());
        assert_eq!(end.name(), "job_failed");
        assert_eq!(end.to_string(), "job_failed retrying");
    }
}
