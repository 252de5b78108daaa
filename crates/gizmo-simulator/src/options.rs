//! The options of a simulator.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use gizmo_client::types::JobStatus;

use crate::memory::Memory;
use crate::shape::ExportShape;

/// The configuration of a simulator. Unless noted otherwise, durations are those of the real service, and
/// the simulator divides them by `speed`.
#[derive(Debug, Clone)]
pub struct Options {
    /// The address to listen on. Port 0, the default, selects a free port.
    pub address: SocketAddr,
    /// The API key, sent as `Authorization: Bearer`.
    pub api_key: String,
    /// The API key that selects the early-access API, on the same paths.
    pub alpha_api_key: String,
    /// The token that `x-gizmo-service-token` may carry instead of an API key.
    pub service_token: String,
    /// How many times faster than the real service the simulator runs. At the default of 90 a scene takes
    /// two seconds. With infinity, jobs end immediately; with 0, they make no progress.
    pub speed: f64,
    /// The seed from which ids and contents are derived.
    pub seed: u64,
    /// The duration of a scene job (default 3 min).
    pub scene_duration: Duration,
    /// The duration of an asset job (default 1 min).
    pub asset_duration: Duration,
    /// The duration of an edit job (default 90 s).
    pub edit_duration: Duration,
    /// The interval between pings on an event stream (default 15 s), at least 100 ms after scaling.
    pub ping_interval: Duration,
    /// Number of requests that a key may send in a window (default 100).
    pub rate_limit: u32,
    /// The length of the rate limit window (default 1 min), at least 100 ms after scaling.
    pub rate_window: Duration,
    /// The format of `X-RateLimit-Reset`.
    pub rate_reset: ResetForm,
    /// Number of jobs that may be started before the error `insufficient_credits` (default: no limit).
    pub credits: Option<u64>,
    /// Whether the response that starts a scene job contains the scene's id (default: yes). Otherwise only
    /// the finished job does.
    pub announce_scene_id: bool,
    /// Whether scenes and assets contain the id of the last job that changed them (default: no, as no
    /// page mentions it).
    pub name_jobs: bool,
    /// The numbering of events.
    pub numbering: Numbering,
    /// The vocabulary of the events that a job reports.
    pub vocabulary: Vocabulary,
    /// The behaviour of an event stream after its terminal event.
    pub after_end: AfterEnd,
    /// The spelling of a job's status.
    pub status_words: StatusWords,
    /// How long `GET /v1/jobs/{job_id}` reports an ended job as running (default 0).
    pub status_lag: Duration,
    /// The places where the id of an asset job's asset appears.
    pub asset_id_in: AssetIdIn,
    /// The `SETTINGS_MAX_CONCURRENT_STREAMS` of an HTTP/2 connection (default 100). `None` means no limit.
    pub max_concurrent_streams: Option<u32>,
    /// The shape of the current API's exports.
    pub exports: ExportShape,
    /// The total size of the textures in an export, in bytes. They contain noise that does not compress.
    /// With 0, the default, textures are a few kilobytes. An export of the real service has about 55 MB.
    pub texture_bytes: u64,
    /// Whether archives are compressed with deflate, as those of the real service are (default: yes).
    pub deflate: bool,
    /// The lifetime of the early-access API's links, which is not scaled (default 1 h).
    pub link_lifetime: Duration,
    /// Number of items in the catalog (default 48).
    pub catalog_items: usize,
    /// Number of requests to keep for [`Handle::requests`](crate::Handle::requests) (default 10,000).
    pub requests_kept: usize,
    /// How many seconds the service's clock is ahead of the local clock.
    pub clock_skew: i64,
    /// How lists show scenes and assets.
    pub memory: Memory,
    /// A file that records the requests that change scenes, assets and jobs of the current API (default:
    /// none). A simulator that starts with the file of an earlier one, and with otherwise equal options,
    /// has the same data, listens on the same port if [`address`](Self::address) has port 0, and has
    /// completed the jobs that were running. One simulator at a time may use the file.
    pub history: Option<PathBuf>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            api_key: "gzm_k1_simulator".to_owned(),
            alpha_api_key: "gzm_k1_alpha".to_owned(),
            service_token: "gzm_service_simulator".to_owned(),
            speed: 90.0,
            seed: 0,
            scene_duration: Duration::from_secs(180),
            asset_duration: Duration::from_secs(60),
            edit_duration: Duration::from_secs(90),
            ping_interval: Duration::from_secs(15),
            rate_limit: 100,
            rate_window: Duration::from_secs(60),
            rate_reset: ResetForm::EpochSeconds,
            credits: None,
            announce_scene_id: true,
            name_jobs: false,
            numbering: Numbering::IdAndSeq,
            vocabulary: Vocabulary::Observed,
            after_end: AfterEnd::StayOpen,
            status_words: StatusWords::Documented,
            status_lag: Duration::ZERO,
            asset_id_in: AssetIdIn::Result,
            max_concurrent_streams: Some(100),
            exports: ExportShape::default(),
            texture_bytes: 0,
            deflate: true,
            link_lifetime: Duration::from_secs(3_600),
            catalog_items: 48,
            requests_kept: 10_000,
            clock_skew: 0,
            memory: Memory::default(),
            history: None,
        }
    }
}

impl Options {
    /// Returns options with which jobs end immediately and the rate limit is never reached.
    pub fn instant() -> Self {
        Self {
            speed: f64::INFINITY,
            rate_limit: u32::MAX,
            ..Self::default()
        }
    }

    /// Makes event streams behave as the service documents them: they use the documented vocabulary, and
    /// the body ends after the terminal event.
    #[must_use]
    pub fn documented(self) -> Self {
        Self {
            vocabulary: Vocabulary::Documented,
            after_end: AfterEnd::Close,
            ..self
        }
    }

    /// Sets [`speed`](Self::speed).
    #[must_use]
    pub fn with_speed(self, speed: f64) -> Self {
        Self { speed, ..self }
    }

    /// Sets [`rate_limit`](Self::rate_limit).
    #[must_use]
    pub fn with_rate_limit(self, rate_limit: u32) -> Self {
        Self { rate_limit, ..self }
    }
}

/// The vocabulary of the events that a job reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Vocabulary {
    /// The seven documented events: `stage_start`, `asset_ready`, …, with `done` as the terminal event.
    Documented,
    /// The events that the real pipeline was observed to send, about 200 for a scene: `job_queued`,
    /// `floorplan_started`, `asset_completed`, …, with `job_succeeded`, `job_failed` or `job_cancelled`
    /// as the terminal event.
    #[default]
    Observed,
}

/// The behaviour of an event stream after its terminal event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum AfterEnd {
    /// The body ends.
    Close,
    /// The stream stays open and continues to send pings.
    #[default]
    StayOpen,
}

/// The spelling of a job's status in `GET /v1/jobs/{job_id}` and in terminal events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum StatusWords {
    /// `queued`, `running`, `succeeded`, `failed` and `cancelled`.
    #[default]
    Documented,
    /// The documented words in upper case.
    UpperCase,
    /// `pending`, `in_progress`, `completed`, `error` and `canceled`.
    Synonyms,
}

impl StatusWords {
    /// Returns the word for a status.
    pub(crate) fn word(self, status: &JobStatus) -> String {
        let synonym = match status {
            JobStatus::Queued => "pending",
            JobStatus::Running => "in_progress",
            JobStatus::Succeeded => "completed",
            JobStatus::Failed => "error",
            JobStatus::Cancelled => "canceled",
            _ => return status.to_string(),
        };
        match self {
            Self::Documented => status.to_string(),
            Self::UpperCase => status.to_string().to_uppercase(),
            Self::Synonyms => synonym.to_owned(),
        }
    }
}

/// The places where the id of an asset job's asset appears.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum AssetIdIn {
    /// The job's result and its events.
    #[default]
    Result,
    /// Only the data of the terminal event.
    Event,
    /// Only the list of the scene's assets.
    List,
}

/// The numbering of events: the place of the sequence number, its format and its first value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Numbering {
    /// In the SSE `id` and in the `seq` of the data.
    #[default]
    IdAndSeq,
    /// Only in the SSE `id`.
    Id,
    /// Only in the `seq` of the data.
    Seq,
    /// No sequence number.
    None,
    /// In the SSE `id` and in the `seq` of the data, both counted from 0.
    FromZero,
    /// In the SSE `id`, as a ULID: 26 letters and digits that sort in the order of the events.
    Text,
    /// In the SSE `id`, with a prefix: `job:12`.
    Prefixed,
    /// In the SSE `id`, but only of every second event.
    Sparse,
    /// In the `seq` of the data, counted from 1 in each stage.
    PerStage,
}

/// The format in which `X-RateLimit-Reset` reports the end of the window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum ResetForm {
    /// Unix time in seconds, rounded up, as the real service sends it.
    #[default]
    EpochSeconds,
    /// Unix time in milliseconds.
    EpochMilliseconds,
    /// Seconds from now, rounded up.
    SecondsFromNow,
}
