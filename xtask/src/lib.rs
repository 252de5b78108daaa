//! The commands of this repository: `refresh-spec`, which derives `openapi/openapi.json` from the
//! service's document, the benchmark reports, and the simulator.
//!
//! The document pipeline itself is the crate `openapi-lowering`. This package does not depend on the
//! client, so it also builds when the client does not.

pub mod bench_report;
pub mod build_cost;
mod cargo;
pub mod child;
pub mod derive;
pub mod error;
pub mod fetch;
pub mod generator;
mod handwritten;
mod lock;
pub mod refresh;
mod replace;
#[path = "../../benches/support/table.rs"]
mod table;
pub mod trial;

pub use error::{Error, Result};
