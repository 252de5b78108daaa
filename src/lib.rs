//! A client for the Gizmo API of Antim Labs, which generates 3D scenes and assets for robot simulators
//! from a sentence.
//!
//! ```no_run
//! # async fn example() -> Result<(), gizmo_client::Error> {
//! use gizmo_client::{Client, Format};
//!
//! let client = Client::from_env()?; // GIZMO_API_KEY, GIZMO_BASE_URL
//! let job = client.generate_scene().prompt("a robotics lab").start().await?;
//! let scene = job.wait().await?;
//! let export = client.export_scene().scene_id(&scene.scene_id).format(Format::Mjcf);
//! let bundle = export.download().await?.unpack("lab").await?;
//! println!("{}", bundle.model().display()); // lab/js7….xml
//! # Ok(())
//! # }
//! ```
//!
//! The program starts a job that generates a scene, waits until the job has ended, downloads the scene
//! as a ZIP archive and unpacks it into the directory `lab`. A *scene* is a set of objects in a room, an
//! *asset* is one object, a *job* generates or changes one of them, and an *export* is a scene or asset
//! in the format of a simulator.
//!
//! The [`Client`] is generated from the service's `OpenAPI` document. Each operation is a method that
//! returns a builder from [`builder`]; the builder's `.send()` sends the request and returns the typed
//! response from [`types`]. Some builders have further final methods:
//!
//! | I want to … | |
//! | --- | --- |
//! | go from a sentence to a directory in one resumable step | [`Client::bake`] |
//! | generate a data set: many prompts, with a manifest | [`Client::bake_all`] |
//! | start a job and follow it | `.start()` → [`JobHandle`]: [`events`](JobHandle::events), [`wait`](JobHandle::wait), [`cancel`](JobHandle::cancel) |
//! | resume a job of another process | [`Client::job`], [`JobHandle::events_after`] a [`Cursor`] |
//! | wait for many jobs | [`wait_all`] |
//! | write an export to disk | `.download()` → [`Download`]: [`unpack`](Download::unpack) → [`Bundle`], [`to_file`](Download::to_file) |
//! | download the model of a catalog item | [`Client::download`] its [`glb`](types::CatalogItem::glb) |
//! | change one call, or send a request that the document lacks | `.options(…)` with [`CallOptions`], [`Client::request`] |
//! | read a complete list | `.items()`, `.pages()` → [`Items`], [`Pages`] |
//! | know where a scene comes from, and whether it has changed | [`Bundle::provenance`], [`Bundle::verify`] |
//! | see a scene before a simulator loads it | the feature `preview`: `Bundle::preview`, which `bake` calls as well |
//! | see the stages of a job over time | the feature `preview`: `Timeline` |
//! | show others what the service sent | the feature `record`: `record::Recording` |
//! | find out what failed | [`Error`] and its predicates |
//! | test without the service | [the simulator, or typed mocks](#testing) |
//! | use the early-access API | the feature `alpha`: `Client::alpha` |
//!
//! # Paying and waiting
//!
//! A generation costs credits and takes minutes: a scene 2 to 20, an asset up to one and a half.
//! Its request is not sent again once it may have arrived. If its response is lost, or an intermediary
//! responded in the service's place, the outcome is unknown ([`Error::is_outcome_unknown`]), and
//! [`Client::reconcile`] looks for its job: for what is new since the request and has its prompt.
//! `bake` does that for 20 minutes. Not finding it proves nothing, so only the caller decides to
//! pay again.
//! The client retries a request that it could not send, and one that the service refused for the moment
//! (429, or 503 with `Retry-After`), within the [`RetryPolicy`]: by default 4 retries in 3 minutes. After
//! a lost response it retries reads, exports, updates of a scene's name and deletions, but no
//! generation, edit or cancellation.
//!
//! The client keeps to the rate limit that the response headers report: 100 requests a minute for each
//! key. When a window is used up, callers wait for the next one ([`ClientBuilder::on_wait`] reports
//! that). Cancellations go first, then paid calls and status requests. Clones of a client share one
//! limiter; processes with the same key need no coordination.
//!
//! The event stream of a job reports its progress, and its status decides when it has ended. Where
//! streams do not work, the job is polled every 5 s; status requests use at most a quarter of the rate
//! limit. Dropping a handle, a stream or a future does not stop the job; only [`JobHandle::cancel`]
//! does. A function that may leave something behind has a section *Cancel safety*; the others only read.
//!
//! # Runtime
//!
//! Every asynchronous function must be called in a Tokio runtime with its I/O and its timers
//! (`#[tokio::main]`, or `enable_all` on a builder). Outside of one it returns [`ErrorKind::Config`] before
//! it sends anything. A blocking program makes one runtime and uses it for every call:
//!
//! ```no_run
//! use gizmo_client::Client;
//!
//! fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
//!     let client = Client::from_env()?;
//!     let bundle = runtime.block_on(client.bake("a robotics lab").into_dir("lab"))?;
//!     println!("{}", bundle.model().display()); // lab/js7….xml
//!     Ok(())
//! }
//! ```
//!
//! # Errors
//!
//! There is one [`Error`]. Its `Display` prints one line, `{error:#}` adds the causes, and both include
//! the ids of the request and of the job. Its predicates and kinds state what to do:
//!
//! | | what to do |
//! | --- | --- |
//! | [`is_outcome_unknown`](Error::is_outcome_unknown) | if [`paid_request`](Error::paid_request) is some, look for the job with [`Client::reconcile`] before you send the request again: it may be paid for. Otherwise read the state first |
//! | [`ErrorKind::OutcomeUnknown`] | a `bake` did not find the job: bake again to keep looking, or use `adopt` or `ask_again` |
//! | [`is_unauthorized`](Error::is_unauthorized) | use another key, or one with the permission |
//! | [`is_insufficient_credits`](Error::is_insufficient_credits) | buy credits; nothing was started |
//! | [`is_rate_limited`](Error::is_rate_limited) | retry after [`retry_after`](Error::retry_after); the client has waited as long as the policy allows |
//! | [`is_not_found`](Error::is_not_found) | check the id, and that the key belongs to the account that owns it |
//! | [`is_retryable`](Error::is_retryable) | retry later: it cannot be paid for twice |
//! | [`ErrorKind::Connect`], [`ErrorKind::Transport`], [`ErrorKind::Timeout`] | check the network, and retry if the outcome is not unknown |
//! | [`ErrorKind::Deadline`] | wait again: [`Client::job`] accepts [`job_id`](Error::job_id); after [`CallOptions::deadline`] see `is_outcome_unknown` |
//! | [`ErrorKind::JobFailed`], [`ErrorKind::JobCancelled`] | see [`job`](Error::job), and generate again |
//! | [`ErrorKind::Decode`] | look at [`body`](Error::body) |
//! | [`ErrorKind::Archive`] | the archive is malformed or hostile, and nothing of it was unpacked; or the directory is not empty |
//! | [`ErrorKind::InvalidRequest`], [`ErrorKind::Config`], [`ErrorKind::Io`] | correct the value or the path that the message names, free space, or wait until another process has ended |
//!
//! # Limits
//!
//! Everything from the network is bounded: a JSON response by 64 MiB, a server-sent event by
//! 16 MiB, the body in an [`Error`] by 64 KiB, an archive by [`archive::Limits`]. There is no total
//! timeout. A request fails after the [idle timeout](ClientBuilder::idle_timeout) without data, and may
//! be retried. An event stream is opened again after three missing pings (45 s), and a download
//! continues on another connection after 30 s with less than 1 KiB.
//!
//! # Logging
//!
//! A response that the types do not know, such as a new status, a missing field or one that no type has, is an event
//! at `WARN`, with the target `gizmo_client::drift`, once for each kind: with `operation`, `pointer` (the place in
//! the response), `expected` and `found`, and never with a value. [`drift::differences`] finds the same in a
//! response that you have.
//!
//! Each attempt of a request is a [`tracing`] span `call` at `DEBUG`, with the target `gizmo_client::http`.
//! Waits for the rate limit, jobs that start (`gizmo_client::jobs`) and the phases of a bake
//! (`gizmo_client::bake`) are events at `INFO`. Interrupted event streams (`gizmo_client::jobs`) and
//! downloads (`gizmo_client::files`) are events at `DEBUG`. None of them contains a key or a signed URL.
//!
//! The fields of a span have the names of
//! [OpenTelemetry](https://opentelemetry.io/docs/specs/semconv/http/http-spans/#http-client-span) where it
//! defines one:
//!
//! | field | value |
//! | --- | --- |
//! | `operation` | the operation, such as `generate_scene` |
//! | `http.request.method`, `server.address`, `server.port`, `url.path` | the request; absent if it was not sent |
//! | `http.request.resend_count` | the number of attempts before; absent for the first |
//! | `http.response.status_code` | the status; absent without a response |
//! | `error.type` | the status of a response that is an error, or else the [`ErrorKind`]; absent after a success |
//! | `job_id`, `request_id` | the job in the path, and the id that the service gives the request |
//!
//! ```text
//! INFO gizmo_client::bake: bake dir=lab phase=Requested
//! DEBUG call{otel.kind="client" operation="generate_scene" http.request.method="POST" … url.path="/v1/scenes"}: request
//! DEBUG call{otel.kind="client" operation="generate_scene" … http.response.status_code=503 request_id="req_00000001"}: response
//! DEBUG call{otel.kind="client" operation="generate_scene" … error.type="503"}: retry delay_ms=117 error=generate_scene: 503 busy: come back (request req_00000001)
//! DEBUG call{otel.kind="client" operation="generate_scene" http.request.resend_count=1 …}: request
//! INFO gizmo_client::jobs: job started job_id="job_54ce456d21"
//! INFO gizmo_client::bake: bake dir=lab phase=Running job_id="job_54ce456d21" scene_id="sc_c821198561"
//! ```
//!
//! # Testing
//!
//! The crate `gizmo-simulator` simulates the service on your own machine. A complete pipeline works
//! against it offline and free of charge, with the faults that a test injects. For one response, such as a
//! refusal, the feature `httpmock` adds the module `mock` with a typed mock of every operation.
//!
//! # Features
//!
//! | feature | default | adds |
//! | --- | --- | --- |
//! | `bundle` | yes | [`Download::unpack`], [`Bundle`] and [`Client::bake`] |
//! | `rustls` | yes | TLS as reqwest has it by default: rustls with aws-lc, and the platform's certificates |
//! | `rustls-ring` | | TLS by rustls with ring instead, which builds in seconds; a `reqwest::Client` of the program then needs a process-wide provider, unless reqwest's default TLS is enabled as well |
//! | `native-tls` | | TLS by the platform's library, if `rustls` and `rustls-ring` are off |
//! | `httpmock` | | `mock`: a typed mock of every operation, for tests |
//! | `alpha` | | `alpha`: the early-access API |
//! | `preview` | | pictures as SVG: the plan and an isometric view of a scene, and the `Timeline` of a job; no further dependency |
//! | `record` | | `record`: recordings of what a client sends and receives, fit to be published; no further dependency |
//! | `schemars` | | `schemars::JsonSchema` on the types of requests and responses |

#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(feature = "alpha")]
pub mod alpha;
mod ext;

/// Compiles the programs of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

/// The client as progenitor generates it from `openapi/openapi.json`.
#[allow(
    missing_docs,
    unreachable_pub,
    unused_imports,
    clippy::all,
    clippy::pedantic,
    clippy::unwrap_used,
    clippy::allow_attributes_without_reason,
    reason = "generated by build.rs"
)]
pub mod raw {
    include!(concat!(env!("OUT_DIR"), "/client.rs"));
}

/// Typed mocks of every operation, for [`httpmock`].
///
/// [`MockServerExt`](mock::MockServerExt) adds a method for each operation to httpmock's server. The
/// method's closure receives `when`, which matches requests by the parameters and the body of the
/// operation, and `then`, which sets the response by the types of the document. The `into_inner` of
/// both returns httpmock's own type, with everything else that httpmock can match or return. For jobs
/// that take time, event streams and archives, use the simulator ([Testing](crate#testing)).
///
/// ```toml
/// [dev-dependencies]
/// gizmo-client = { version = "0.1", features = ["httpmock"] }
/// httpmock = "0.9"
/// ```
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use gizmo_client::mock::MockServerExt;
/// use gizmo_client::types::{ErrorResponse, JobStatus};
/// use gizmo_client::{Client, types};
/// use httpmock::MockServer;
/// use serde_json::{from_value, json};
///
/// let server = MockServer::start_async().await;
/// let client = Client::builder()
///     .base_url(server.base_url())
///     .api_key("gzm_k1_test")
///     .build()?;
///
/// // One job is running.
/// let running = from_value(json!({"ok": true, "job": {"id": "job_1", "status": "running"}}))?;
/// server.get_job(|when, then| {
///     when.job_id("job_1");
///     then.ok(&running);
/// });
/// let job = client.get_job().job_id("job_1").send().await?;
/// assert_eq!(job.status, JobStatus::Running);
///
/// // Another one is refused, because the credits do not suffice.
/// let refusal: ErrorResponse = from_value(json!({
///     "error": {"code": "insufficient_credits", "message": "1 needed, 0 left", "status": 402}
/// }))?;
/// let body = types::GenerateSceneBody::builder().prompt("a lab").try_into()?;
/// let refused = server.generate_scene(|when, then| {
///     when.body(&body);
///     then.client_error(402, &refusal);
/// });
/// let error = client.generate_scene().prompt("a lab").start().await.unwrap_err();
/// assert!(error.is_insufficient_credits());
/// refused.assert_calls(1); // a refused generation is not retried
/// # Ok(())
/// # }
/// ```
#[cfg(feature = "httpmock")]
#[allow(
    missing_docs,
    missing_debug_implementations,
    unreachable_pub,
    clippy::all,
    clippy::pedantic,
    clippy::unwrap_used,
    reason = "generated by build.rs"
)]
pub mod mock {
    include!(concat!(env!("OUT_DIR"), "/mock.rs"));
}

/// Differences between the responses of the service and the types of this crate.
pub mod drift {
    pub use crate::ext::drift::compare::{Difference, DifferenceKind};
    pub use crate::ext::http::differences::differences;
}

/// Recordings of what a client sends and receives, in which private text is replaced.
///
/// A recording is a directory with one file for each request, so that a bug report, or a test, can contain what
/// the service really sent. [`ClientBuilder::record`] records every request of a client.
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use gizmo_client::Client;
/// use gizmo_client::record::{Recording, read};
///
/// let recording = Recording::create("recording")?;
/// let client = Client::builder()
///     .api_key(std::env::var("GIZMO_API_KEY")?)
///     .record(&recording)
///     .build()?;
/// client.list_scenes().send().await?;
/// recording.check()?; // whether every file was written
///
/// let (_, exchanges) = read("recording")?;
/// assert_eq!(exchanges[0].operation.as_deref(), Some("list_scenes"));
/// # Ok(())
/// # }
/// ```
///
/// # What is replaced
///
/// The key, prompts, names, titles, ids, messages, e-mail addresses, hosts, file names, cookies, and all other text
/// that is not known to be public. Each word (letters and digits; every character outside of ASCII is a letter) is
/// replaced by `w1`, `w2`, … with `x` up to its length, and each number in text by another number. The same word has
/// the same replacement in all files, in any case, so that an id is recognised in a path, a message and a file
/// name, and a prompt in a list where it is cut short. Numbers are replaced where they are ids. Text of more than
/// 64 KiB is replaced as one word. After 200,000 different words all further ones have the same replacement.
///
/// Another host is `https://host-1`, with a path in which each segment is replaced, and its query is `?…`. The service
/// itself is `https://host-0`, with a path as that of a request. A header of which nothing is known keeps its name.
///
/// # What is kept
///
/// | | |
/// | --- | --- |
/// | times, sizes, counts | when each request was sent, each event arrived and each body ended; times in bodies and headers; the number of characters of each word |
/// | numbers, `true`, `false`, `null` | everywhere in JSON, except for ids |
/// | words of the API | enum values, statuses, known names of events and error codes, where they are a complete value; the document at `/v1/openapi.json` |
/// | other single words | in members that have words of the service's own (`status`, `state`, `type`, `kind`, `event`, `stage`, `mode`, `format`, `phase`, `code`, `error`, `event_name` and the like) and as names of events, unless a part of them occurred before in a prompt, a name, an id or a request, or was named with [`Recording::private`](record::Recording::private) |
/// | names of members, parameters and headers | in the `record` of a scene only those that every scene may have; elsewhere unless they look like an id or the name of an object, or a part of them occurred in the same |
/// | paths | the literal segments of the document's paths |
/// | headers | media types, lengths, dates, ranges, caching, `server`, `vary`, `retry-after`, and those about rate limits |
/// | bodies | JSON and text of up to 8 MiB; of event streams the first 20,000 blocks of up to 1 MiB each and 16 MiB together, and for what is omitted the comment `: N bytes`; of archives the extensions and sizes of the entries; of anything else the size |
///
/// So a recording still reveals when an account was used and how much, how large its scenes are, which numbers their
/// geometry has, and the vocabulary of the service.
///
/// # How to publish one
///
/// Read it before. Search it for the words of your prompts and names; none should be there, unless they are words of
/// the API as well, such as `scene`. Look at the values of `type` and `kind`, and at the notes
/// ([`Recording::note`](record::Recording::note)), which are written as they are. Then publish the directory as it is.
#[cfg(feature = "record")]
pub mod record {
    pub use crate::ext::record::Recording;
    pub use crate::ext::record::exchange::{
        About, Content, End, Exchange, RecordedEntry, RecordedEvent, RecordedRequest,
        RecordedResponse, read,
    };
}

/// Decoding of server-sent events, by the algorithm of the WHATWG HTML standard.
pub mod sse {
    pub use crate::ext::sse::decoder::{Decoder, Event, TooLarge};
}

/// Safe unpacking of ZIP archives from untrusted sources.
#[cfg(feature = "bundle")]
pub mod archive {
    pub use crate::ext::files::archive::{
        Limits, UnpackError, UnpackErrorKind, UnpackOptions, unpack, unpack_blocking, unpack_with,
    };
}

/// Unpacked exports: a model, and the files that it refers to.
#[cfg(feature = "bundle")]
pub mod bundle {
    pub use crate::ext::bundle::{
        Bundle, BundleError, BundleErrorKind, BundleFile, MissingFile, MissingReason, Model,
        ModelFile, ModelFormat, Supplier, Warning, WarningKind,
    };
}

#[cfg(feature = "bundle")]
pub use ext::bake::{
    Bake, BakeAll, BakeAllBuilder, BakeAllEvent, BakeAllEventKind, BakeBuilder, BakeEvent,
    BakePrompt, BakeSummary, Baked, FileChange, FileChangeKind, FileEntry, FileHash, Provenance,
};
#[cfg(feature = "bundle")]
pub use ext::bundle::Bundle;
pub use ext::error::{Baseline, Error, ErrorKind, PaidRequest};
pub use ext::files::download::{Download, Progress};
pub use ext::http::backoff::Backoff;
pub use ext::http::builder::ClientBuilder;
pub use ext::http::limiter::{WaitReason, Waiting};
pub use ext::http::options::CallOptions;
pub use ext::http::pages::{Items, Pages};
pub use ext::http::request::Request;
pub use ext::http::response::{Envelope, Page, Resource};
pub use ext::http::retry::RetryPolicy;
pub use ext::jobs::candidate::Candidate;
pub use ext::jobs::cursor::Cursor;
pub use ext::jobs::event::{JobEvent, JobEventKind};
pub use ext::jobs::handle::{FinishedJob, JobHandle, PollPolicy};
pub use ext::jobs::reconcile::{Confidence, OtherRequests, Reconciled};
pub use ext::jobs::stream::EventStream;
#[cfg(feature = "preview")]
pub use ext::jobs::timeline::Timeline;
pub use ext::jobs::wait_all::{WaitAll, wait_all};
pub use ext::values::open_enum::UnknownValue;
pub use ext::values::secret::{ApiKey, SignedUrl};
pub use ext::values::timestamp::Timestamp;
/// The crate `http`, for the methods, statuses and headers in this crate's functions.
pub use http;
pub use progenitor_client::{ByteStream, ResponseValue};
/// A client of the service: each operation is a method that returns a builder.
///
/// [`Client::builder`] and [`Client::from_env`] create it. Clones are cheap, and share connections, the rate
/// limit and the budget for retries, so one client serves a whole program. [`Client::request`] sends what
/// the document does not describe.
///
/// ```no_run
/// # async fn example() -> Result<(), gizmo_client::Error> {
/// use gizmo_client::Client;
///
/// let client = Client::from_env()?; // GIZMO_API_KEY, and GIZMO_BASE_URL for another service
/// let job = client.generate_scene().prompt("a robotics lab").start().await?;
/// println!("scene {}", job.await?.scene_id);
/// # Ok(())
/// # }
/// ```
#[doc(inline)]
pub use raw::Client;
#[doc(inline)]
pub use raw::{builder, types};
#[doc(inline)]
pub use types::{AssetPipeline, Format};

/// What the fuzz targets call and is not public.
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing {
    pub use crate::ext::http::transport::error_from_body as error;
}
