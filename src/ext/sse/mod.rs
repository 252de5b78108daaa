//! Server-sent events.

pub(crate) mod decoder;
