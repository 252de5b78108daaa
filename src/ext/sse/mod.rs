//! Server-sent events: the decoder, bytes to events.

pub(crate) mod decoder;
