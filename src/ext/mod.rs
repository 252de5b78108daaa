//! The handwritten layer: what a generator cannot write.
//!
//! Each directory is a layer. A module imports only from its own directory and from those below it;
//! `tests/layers.rs` checks that.

#[cfg(feature = "alpha")]
pub(crate) mod alpha;
#[cfg(feature = "bundle")]
pub(crate) mod bake;
pub(crate) mod jobs;

pub(crate) mod files;

#[cfg(feature = "bundle")]
pub(crate) mod bundle;

pub(crate) mod http;

#[cfg(feature = "record")]
pub(crate) mod record;

pub(crate) mod drift;
pub(crate) mod sse;

pub(crate) mod error;
#[cfg(feature = "preview")]
pub(crate) mod svg;
pub(crate) mod values;
