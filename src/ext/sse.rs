//! Server-sent events.

mod decoder;

pub use decoder::{Decoder, Event, TooLarge};
