//! The document pipeline: from what the service serves to `openapi/openapi.json`.
//!
//! `overlay` corrects, `lower` translates `OpenAPI` 3.1 into what the generator takes, `guard`
//! tries the generator, `refresh` ties them to files. Nothing here needs the crate to compile.

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
pub mod trial;

pub use error::{Error, Result};
