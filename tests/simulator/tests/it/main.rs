//! The simulator over its sockets, by a plain HTTP client and by the generated one.

#![expect(clippy::unwrap_used, reason = "a test that panics fails")]

mod alpha;
mod events;
mod exports;
mod faults;
mod http2;
mod jobs;
mod numbering;
mod observed;
mod operations;
mod refusals;
mod support;
