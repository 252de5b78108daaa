//! What a generator cannot write: other last verbs on the generated builders, and handles.

pub(crate) mod answer;
pub(crate) mod archive;
pub(crate) mod backoff;
pub(crate) mod bake;
pub(crate) mod builder;
pub(crate) mod bundle;
pub(crate) mod config;
pub(crate) mod download;
pub(crate) mod error;
pub(crate) mod event;
pub(crate) mod headers;
pub(crate) mod job;
pub(crate) mod jobs;
pub(crate) mod limiter;
pub(crate) mod open_enum;
pub(crate) mod operation;
pub(crate) mod pages;
pub(crate) mod pipeline;
pub(crate) mod reconcile;
pub(crate) mod requests;
pub(crate) mod retry;
pub(crate) mod secret;
pub(crate) mod sse;
pub(crate) mod timestamp;
pub(crate) mod transport;
