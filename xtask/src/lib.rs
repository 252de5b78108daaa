//! The document pipeline, which derives `openapi/openapi.json` from the service's document, and the
//! benchmark reports.
//!
//! `overlay` corrects the document, `lower` translates it from `OpenAPI` 3.1 to the subset that the
//! generator accepts, `guard` runs the generator, `refusal` leaves out the
//! operations that neither accepts, `diff` compares the result with the previous one,
//! and `refresh` runs all steps on files. This package does not depend on the crate, so it also
//! builds when the crate does not.

pub mod bench_report;
pub mod build_cost;
mod cargo;
pub mod derive;
pub mod diff;
pub mod error;
pub mod fetch;
mod generator;
pub mod guard;
mod handwritten;
mod json;
pub mod ledger;
mod lock;
pub mod lower;
pub mod overlay;
mod pointer;
pub mod refresh;
pub mod refusal;
mod replace;
pub mod simulate;
#[path = "../../benches/support/table.rs"]
mod table;
pub mod trial;

pub use error::{Error, Result};
