//! The Gizmo API on your own machine: it stores scenes, assets and jobs, runs jobs in scaled time,
//! listens on real sockets, and injects faults on request. Tests of programs that use [`gizmo_client`]
//! run against it offline, without a key and free of charge.
//!
//! A pipeline whose export is interrupted half way:
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
//! let model = format!("{}.xml", handle.scenes()[0]);
//! assert!(bundle.model().path().unwrap().ends_with(model));
//! assert_eq!(cut.hits(), 1);
//! assert_eq!(handle.count("export_scene"), 2); // requested again
//! assert_eq!(handle.count("generate_scene"), 1); // paid for once
//! # Ok(())
//! # }
//! ```
//!
//! # Behaviour
//!
//! | | |
//! | --- | --- |
//! | jobs | run through their stages 90 times as fast as those of the service ([`Options::speed`]); [`Handle::advance`] runs steps of a job immediately |
//! | events | are about 200 for a scene, as observed, and the stream stays open after the last one; [`Options::documented`] follows the documentation instead |
//! | a prompt | names the furniture: `two workbenches and a lamp` |
//! | exports | are archives in MJCF, USD and SDF that simulators load, with the files and names that were observed ([`ExportShape`]); [`Options::texture_bytes`] makes them as large as real ones |
//! | limits | 100 requests a minute ([`Options::rate_limit`]), reported by `X-RateLimit-*`; [`Options::credits`] can run out |
//! | responses | have the types of [`gizmo_client::types`] |
//! | recordings | that a client made with the feature `record` of [`gizmo_client`] are served by [`Replay`], instead of a simulation |
//! | connections | use HTTP/1.1, or HTTP/2 with prior knowledge ([`Options::max_concurrent_streams`]) |
//!
//! # Variants
//!
//! Where the behaviour of the service is uncertain, an option selects a variant: [`Vocabulary`] and
//! [`AfterEnd`] for the events and the end of a stream, [`Numbering`] for their `id` and `seq`,
//! [`StatusWords`] and [`Options::status_lag`] for the status of a job, [`AssetIdIn`],
//! [`Options::announce_scene_id`] and [`Options::name_jobs`] for the place of an id, and [`Memory`] for what
//! lists show: when a scene is listed, in which order, how many on a page, and in which form its prompt and
//! its time appear.
//! [`ExportShape`] selects what exports contain: meshes in the model or in files, assets without geometry,
//! a robot without its files, and models of any size. [`SceneExport`] writes them without a server.
//! [`Handle::start_scene`] starts a scene for another user of the account.
//!
//! # Faults
//!
//! [`Handle::inject`] injects a [`Fault`] into the requests that [`On`] selects: a connection that breaks
//! before or after the request is handled, a body that is truncated, stalled or slow, a [`Canned`]
//! response before, after or in place of the handling, a fault of an event stream ([`EventFault`]), or a job
//! that fails or is slow. The handle also refuses, closes and freezes connections, deletes jobs, and lists the
//! received requests:
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
//! assert!(matches!(found, Reconciled::FoundWithoutJob { .. })); // its scene is listed
//! assert_eq!(handle.job_count(), 1);
//!
//! // A proxy requests a delay of one second.
//! let busy = Canned::html(503).retry_after("1");
//! handle.inject(On::operation("whoami"), Fault::Respond(busy));
//! client.whoami().send().await?;
//! assert_eq!(handle.requests_of("whoami").len(), 2);
//!
//! // The next two jobs fail.
//! handle.inject(On::any().times(2), Fault::FailJob);
//! let failed = client.generate_scene().prompt("a lab").start().await?;
//! assert!(failed.wait().await.is_err());
//! # Ok(())
//! # }
//! ```
//!
//! # In tests
//!
//! A simulator listens on a free port and stops when it is dropped, so each test can have its own. It
//! follows tokio's clock. A paused clock (`tokio::time::pause`) advances even while a response is in
//! flight, so a high [`Options::speed`] is the more reliable way to make tests fast.
//!
//! A simulator that starts with the [`Options::history`] of an earlier one goes on where it ended: with its
//! address, scenes, assets and jobs.
//!
//! Programs in other languages can use the program `gizmo-simulator`.

mod account;
mod alpha;
mod assets;
mod call;
mod catalog;
mod clock;
mod connections;
mod events;
mod export;
mod exports;
mod fault;
mod feed;
mod files;
mod handle;
mod history;
mod job;
mod jobs;
mod limits;
mod memory;
mod numbering;
mod observed;
mod options;
mod random;
mod record;
mod replay;
mod response;
mod routes;
mod scene_export;
mod scenes;
mod server;
mod shape;
mod state;
mod trouble;
mod wire;

pub use fault::{At, Canned, EventFault, Fault, Injected, On};
pub use handle::Handle;
pub use job::JobState;
pub use memory::{Listed, Memory, Order, ShownPrompt, ShownTime};
pub use options::{AfterEnd, AssetIdIn, Numbering, Options, ResetForm, StatusWords, Vocabulary};
pub use record::{Received, ReportedLimit};
pub use replay::{Replay, ReplayOptions};
pub use routes::{ALPHA_OPERATIONS, OPERATIONS, UNDOCUMENTED_OPERATIONS};
pub use scene_export::SceneExport;
pub use server::Simulator;
pub use shape::{ExportShape, Layout};

/// The README's program runs.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
