//! Jobs: handles, their events, and waiting for them.

mod baseline;
pub(crate) mod candidate;
mod classify;
pub(crate) mod cursor;
pub(crate) mod event;
mod follower;
pub(crate) mod handle;
mod names;
mod numbers;
mod outcome;
pub(crate) mod reconcile;
pub(crate) mod scene_progress;
mod schedule;
pub(crate) mod start;
pub(crate) mod stream;
#[cfg(feature = "preview")]
pub(crate) mod timeline;
pub(crate) mod wait_all;
mod watch;
