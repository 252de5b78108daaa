//! Scenes for many prompts, made by any number of processes and stored in one object store.
//!
//! So far this crate contains only the [protocol] by which the processes share the prompts: pure decisions, without
//! a store, a clock or a network. `tests/model` explores it exhaustively. What applies it to a store does not exist
//! yet.

pub mod protocol;
