//! Server-sent events: the decoder, pure, and the stream of a job's events that reconnects.

pub(crate) mod decoder;
mod replay;
pub(crate) mod stream;
