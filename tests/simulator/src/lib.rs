//! A Gizmo API over real sockets: it keeps scenes, assets and jobs, moves jobs in scaled time, and
//! misbehaves on request.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use gizmo_simulator::{Fault, On, Options, Simulator};
//!
//! let simulator = Simulator::start(Options::instant()).await?;
//! let handle = simulator.handle();
//! handle.inject(On::operation("generate_scene"), Fault::DropBeforeAnswer);
//! println!("{} {}", simulator.url(), simulator.api_key());
//! assert_eq!(handle.jobs().len(), 0);
//! # Ok(())
//! # }
//! ```

mod account;
mod alpha;
mod answer;
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
mod options;
mod random;
mod record;
mod routes;
mod scenes;
mod server;
mod state;
mod trouble;
mod wire;

pub use fault::{At, Canned, EventFault, Fault, Injected, On};
pub use handle::Handle;
pub use job::JobState;
pub use options::{Numbering, Options, ResetForm};
pub use record::Received;
pub use routes::{ALPHA_OPERATIONS, OPERATIONS};
pub use server::Simulator;
