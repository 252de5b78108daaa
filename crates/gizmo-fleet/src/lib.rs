//! Scenes for many prompts, made by any number of processes and stored in one object store.
//!
//! [`Fleet`] is a list of prompts and a place in an [`ObjectStore`](object_store::ObjectStore). Each process that
//! [runs](Fleet::run) it works on prompts that no other has, until none is left. Conditional writes of the store are the
//! only coordination. [`Fleet::progress`] reads how far all of them are.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let simulator = gizmo_simulator::Simulator::start(gizmo_simulator::Options::instant()).await?;
//! # let builder = gizmo_client::Client::builder().api_key(simulator.api_key());
//! # let client = builder.base_url(simulator.url()).build()?;
//! use std::sync::Arc;
//!
//! use gizmo_fleet::{Fleet, PromptState};
//! use object_store::memory::InMemory;
//!
//! let store = Arc::new(InMemory::new()); // or S3, Google Cloud Storage, Azure, …
//! let fleet = Fleet::new(&client, store, "kitchens", ["a kitchen", "a large kitchen"]);
//! let scenes = fleet.run(|progress| println!("{} {:?}", progress.name, progress.state)).await?;
//! assert!(scenes.iter().all(|scene| scene.state == PromptState::Done));
//! # Ok(())
//! # }
//! ```
//!
//! A scene is complete, and visible to readers, as soon as `{prefix}/{name}/gizmo-provenance.json` exists: what
//! [`gizmo_client::Provenance`] states, and in `directory` the directory of its files, next to that object.
//!
//! The [protocol] by which the processes share the prompts consists of pure decisions, without a store, a clock or a
//! network; `tests/model` explores it exhaustively. The [store] keeps the entries of prompts as objects and replaces them
//! by conditional writes. They are public for programs that inspect a store.

mod error;
mod find;
mod fleet;
mod hash;
mod held;
mod list;
mod progress;
pub mod protocol;
mod scene;
pub mod store;
mod temporary;
mod upload;
mod work;

pub use error::{Error, ErrorKind};
pub use fleet::Fleet;
pub use progress::{PromptProgress, PromptState};

/// Compiles the program of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
