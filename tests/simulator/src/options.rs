//! The options of a simulator.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use gizmo_client::types::JobStatus;

/// The behaviour of a simulator. Durations are in the time of the real service and pass `speed` times as
/// fast.
#[derive(Debug, Clone)]
pub struct Options {
    /// The address to listen on. Port 0, the default, is a free one.
    pub address: SocketAddr,
    /// The key that `Authorization: Bearer` must carry.
    pub api_key: String,
    /// The key of the early-access API, on the same paths.
    pub alpha_api_key: String,
    /// The token that `x-gizmo-service-token` may carry in place of a key.
    pub service_token: String,
    /// How many times faster than in the real service time passes. With the default of 90 a scene takes two
    /// seconds. With infinity jobs end at once, with 0 they do not proceed.
    pub speed: f64,
    /// The seed of ids and contents.
    pub seed: u64,
    /// How long a scene takes (default 3 min).
    pub scene_duration: Duration,
    /// How long an asset takes (default 1 min).
    pub asset_duration: Duration,
    /// How long an edit takes (default 90 s).
    pub edit_duration: Duration,
    /// The interval between two pings of an event stream (default 15 s; at least 100 ms of real time).
    pub ping_interval: Duration,
    /// The number of requests of a key in a window (default 100).
    pub rate_limit: u32,
    /// The length of the window (default 1 min).
    pub rate_window: Duration,
    /// The form of `X-RateLimit-Reset`.
    pub rate_reset: ResetForm,
    /// The number of jobs that may be started before `insufficient_credits`; unlimited by default.
    pub credits: Option<u64>,
    /// Whether the response that starts a job names its scene (default), or only the finished job does.
    pub announce_scene_id: bool,
    /// Whether scenes and assets name their last job (default: yes).
    pub name_jobs: bool,
    /// How events are numbered.
    pub numbering: Numbering,
    /// The names of the events that a job reports.
    pub vocabulary: Vocabulary,
    /// What an event stream does after its terminal event.
    pub after_end: AfterEnd,
    /// The words for a job's status.
    pub status_words: StatusWords,
    /// How long a job that has ended is still reported as running by `GET /v1/jobs/{job_id}` (default 0).
    pub status_lag: Duration,
    /// Where the id of an asset job's asset can be found.
    pub asset_id_in: AssetIdIn,
    /// `SETTINGS_MAX_CONCURRENT_STREAMS` of an HTTP/2 connection (default 100); `None` sets no limit.
    pub max_concurrent_streams: Option<u32>,
    /// The size in bytes of additional textures in an export, which cannot be compressed. None by default;
    /// 55 MB makes an export of the usual size.
    pub texture_bytes: u64,
    /// Whether archives are deflated, as the real ones, or stored.
    pub deflate: bool,
    /// How long links of the early-access API are valid, in real time (default 1 h).
    pub link_lifetime: Duration,
    /// The number of items in the catalog (default 48).
    pub catalog_items: usize,
    /// The number of requests that are kept for [`Handle::requests`](crate::Handle::requests) (default 10,000).
    pub requests_kept: usize,
    /// How far the service's clock is ahead of this machine's, in seconds.
    pub clock_skew: i64,
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
            name_jobs: true,
            numbering: Numbering::IdAndSeq,
            vocabulary: Vocabulary::Observed,
            after_end: AfterEnd::StayOpen,
            status_words: StatusWords::Documented,
            status_lag: Duration::ZERO,
            asset_id_in: AssetIdIn::Result,
            max_concurrent_streams: Some(100),
            texture_bytes: 0,
            deflate: true,
            link_lifetime: Duration::from_secs(3_600),
            catalog_items: 48,
            requests_kept: 10_000,
            clock_skew: 0,
        }
    }
}

impl Options {
    /// Returns options with jobs that end at once and practically no rate limit.
    pub fn instant() -> Self {
        Self {
            speed: f64::INFINITY,
            rate_limit: u32::MAX,
            ..Self::default()
        }
    }

    /// Returns the options with documented event streams: the documented vocabulary, and a body that ends
    /// after the terminal event.
    #[must_use]
    pub fn documented(self) -> Self {
        Self {
            vocabulary: Vocabulary::Documented,
            after_end: AfterEnd::Close,
            ..self
        }
    }

    /// Returns the options with another speed.
    #[must_use]
    pub fn with_speed(self, speed: f64) -> Self {
        Self { speed, ..self }
    }

    /// Returns the options with another rate limit.
    #[must_use]
    pub fn with_rate_limit(self, rate_limit: u32) -> Self {
        Self { rate_limit, ..self }
    }
}

/// The names of the events that a job reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Vocabulary {
    /// The seven documented ones: `stage_start`, `asset_ready`, …, and `done` at the end.
    Documented,
    /// The pipeline's own, some 200 for a scene: `job_queued`, `floorplan_started`,
    /// `asset_completed`, …, and `job_succeeded`, `job_failed` or `job_cancelled` at the end.
    #[default]
    Observed,
}

/// What an event stream does after its terminal event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum AfterEnd {
    /// The body ends.
    Close,
    /// The stream stays open, with a ping in every interval.
    #[default]
    StayOpen,
}

/// The words for a job's status, in `GET /v1/jobs/{job_id}` and in terminal events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum StatusWords {
    /// `queued`, `running`, `succeeded`, `failed` and `cancelled`.
    #[default]
    Documented,
    /// The same in capitals.
    UpperCase,
    /// `pending`, `in_progress`, `completed`, `error` and `canceled`.
    Synonyms,
}

impl StatusWords {
    /// The word for a status.
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

/// Where the id of an asset job's asset can be found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum AssetIdIn {
    /// In the job's result, and in its events.
    #[default]
    Result,
    /// Only in the data of the terminal event.
    Event,
    /// Only in the scene's list of assets.
    List,
}

/// Where an event carries its sequence number, and how the numbers count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Numbering {
    /// In the SSE `id` and in the data's `seq`.
    #[default]
    IdAndSeq,
    /// Only in the SSE `id`.
    Id,
    /// Only in the data's `seq`.
    Seq,
    /// Nowhere.
    None,
    /// In the SSE `id` and in the data's `seq`, both counted from 0.
    FromZero,
    /// In the SSE `id`, as a ULID: 26 letters and digits that sort in the order of the events.
    Text,
    /// In the SSE `id`, as `job:12`.
    Prefixed,
    /// In the SSE `id` of every second event.
    Sparse,
    /// In the data's `seq`, counted from 1 in each stage.
    PerStage,
}

/// The form of `X-RateLimit-Reset`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum ResetForm {
    /// In Unix seconds, rounded up, as in the real service.
    #[default]
    EpochSeconds,
    /// In Unix milliseconds.
    EpochMilliseconds,
    /// In seconds from now, rounded up.
    SecondsFromNow,
}
