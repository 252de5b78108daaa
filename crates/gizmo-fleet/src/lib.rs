//! Scenes for many prompts, made by any number of processes and stored in one object store.
//!
//! So far this crate contains two layers. The [protocol] by which the processes share the prompts consists of pure
//! decisions, without a store, a clock or a network; `tests/model` explores it exhaustively. The [store] keeps the
//! entries of prompts as objects and replaces them by conditional writes. What applies both to the Gizmo API does not
//! exist yet.

mod error;
pub mod protocol;
pub mod store;

pub use error::{Error, ErrorKind};
