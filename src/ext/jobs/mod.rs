//! Jobs: handles, their events, and waiting for them.

pub(crate) mod cursor;
pub(crate) mod event;
pub(crate) mod handle;
mod names;
mod outcome;
mod schedule;
pub(crate) mod slots;
pub(crate) mod stream;
pub(crate) mod wait_all;
