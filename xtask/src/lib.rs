//! The document pipeline: from what the service serves to `openapi/openapi.json`; and the reports
//! of what the crate costs.
//!
//! `overlay` corrects, `lower` translates `OpenAPI` 3.1 into what the generator takes, `guard`
//! tries the generator, `refresh` ties them to files. Nothing here needs the crate to compile.

pub mod bench_report;
pub mod build_cost;
mod cargo;
pub mod derive;
pub mod diff;
pub mod error;
pub mod fetch;
mod generator;
pub mod guard;
pub mod ledger;
mod lock;
pub mod lower;
pub mod overlay;
mod pointer;
pub mod refresh;
mod replace;
pub mod simulate;
#[path = "../../benches/support/table.rs"]
mod table;
pub mod trial;

pub use error::{Error, Result};
