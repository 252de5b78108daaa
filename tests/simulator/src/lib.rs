//! A Gizmo API on your own machine: it keeps scenes, assets and jobs, moves jobs in scaled time over
//! real sockets, and misbehaves on request. Tests of what is built on [`gizmo_client`] run against it
//! offline, without a key and without paying.
//!
//! A pipeline, whose export breaks off half way:
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use gizmo_client::{Client, Format};
//! use gizmo_simulator::{At, Fault, On, Options, Simulator};
//!
//! let simulator = Simulator::start(Options::instant()).await?;
//! let handle = simulator.handle();
//! let client = Client::builder()
//!     .base_url(simulator.url())
//!     .api_key(simulator.api_key())
//!     .build()?;
//!
//! let cut = handle.inject(On::operation("export_scene"), Fault::CutBody(At::Percent(50.0)));
//! let dir = tempfile::tempdir()?;
//! let bundle = client
//!     .bake("a robotics lab with two workbenches")
//!     .format(Format::Mjcf)
//!     .into_dir(dir.path().join("lab"))
//!     .await?;
//!
//! assert!(bundle.model().ends_with("lab/scene.xml"));
//! assert_eq!(cut.hits(), 1);
//! assert_eq!(handle.count("export_scene"), 2); // asked for again
//! assert_eq!(handle.count("generate_scene"), 1); // and paid for once
//! # Ok(())
//! # }
//! ```
//!
//! # What it does by itself
//!
//! | | |
//! | --- | --- |
//! | jobs | pass through their stages, 90 times as fast as the service's ([`Options::speed`]); [`Handle::advance`] moves one by hand |
//! | events | are some 200 a scene, as they were observed, and the stream stays open after the last; [`Options::documented`] has the service's page instead |
//! | a prompt | names its furniture: `two workbenches and a lamp`; with `flaky` in it one asset fails, with `doomed` the job, and `forbidden` is refused |
//! | exports | are archives in MJCF, USD and SDF that simulators load; [`Options::texture_bytes`] makes them as large as real ones |
//! | limits | 100 requests a minute ([`Options::rate_limit`]), reported by `X-RateLimit-*`; [`Options::credits`] can run out |
//! | responses | have the types of [`gizmo_client::types`], so they are what the client expects |
//! | connections | speak HTTP/1.1, or HTTP/2 with prior knowledge ([`Options::max_concurrent_streams`]) |
//!
//! # What the service may do
//!
//! Where the service leaves open what it does, an option tries each way: [`Vocabulary`] and [`AfterEnd`]
//! for the events and the end of a stream, [`Numbering`] for their `id` and `seq`, [`StatusWords`] and
//! [`Options::status_lag`] for a job's status, [`AssetIdIn`] for the place of an asset's id, and
//! [`Options::announce_scene_id`] for that of a scene's.
//!
//! # What it does on request
//!
//! [`Handle::inject`] takes the requests that are meant, by [`On`], and what goes wrong with them, by
//! [`Fault`]: a connection that is dropped before or after the request is carried out, a body that is
//! cut, stalled or slow, a [`Canned`] response, and all that can be wrong with an event stream
//! ([`EventFault`]). The handle also refuses, closes and freezes connections, deletes jobs, and lists the
//! requests that have come:
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # use gizmo_client::Client;
//! use gizmo_client::Reconciled;
//! use gizmo_simulator::{Canned, Fault, On, Options, Simulator};
//!
//! let simulator = Simulator::start(Options::instant()).await?;
//! let handle = simulator.handle();
//! # let builder = Client::builder().base_url(simulator.url()).api_key(simulator.api_key());
//! # let client = builder.build()?;
//!
//! // The service starts the job, and its response is lost.
//! handle.inject(On::operation("generate_scene"), Fault::DropBeforeResponse);
//! let error = client.generate_scene().prompt("a lab").start().await.unwrap_err();
//! assert!(error.is_outcome_unknown());
//! let found = client.reconcile(&error).await?;
//! assert!(matches!(found, Reconciled::Found(_)));
//! assert_eq!(handle.job_count(), 1);
//!
//! // A second of waiting, as a proxy asks for it.
//! let busy = Canned::html(503).retry_after("1");
//! handle.inject(On::operation("whoami"), Fault::Respond(busy));
//! client.whoami().send().await?;
//! assert_eq!(handle.requests_of("whoami").len(), 2);
//! # Ok(())
//! # }
//! ```
//!
//! # In tests
//!
//! A simulator listens on a free port and ends when it is dropped, so each test has its own. It
//! follows tokio's clock; with a paused one (`tokio::time::pause`) a response that is on its way is
//! no reason for the clock to stand still, so a quick [`Options::speed`] is the surer way to fast tests.
//!
//! For what is not written in Rust there is the program `gizmo-simulator`.

mod account;
mod alpha;
mod assets;
mod call;
mod catalog;
mod clock;
mod events;
mod export;
mod exports;
mod fault;
mod feed;
mod files;
mod handle;
mod job;
mod jobs;
mod limits;
mod numbering;
mod observed;
mod options;
mod random;
mod record;
mod response;
mod routes;
mod scenes;
mod server;
mod state;
mod trouble;
mod wire;

pub use fault::{At, Canned, EventFault, Fault, Injected, On};
pub use handle::Handle;
pub use job::JobState;
pub use options::{AfterEnd, AssetIdIn, Numbering, Options, ResetForm, StatusWords, Vocabulary};
pub use record::Received;
pub use routes::{ALPHA_OPERATIONS, OPERATIONS};
pub use server::Simulator;

/// The README's program runs.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
