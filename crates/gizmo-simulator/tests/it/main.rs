//! The simulator over its sockets, called by a plain HTTP client and by the generated client.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod alpha;
mod events;
mod exports;
mod faults;
mod history;
mod http2;
mod job_faults;
mod jobs;
mod memory;
mod numbering;
mod observed;
mod operations;
mod program;
mod python;
mod refusals;
mod replay;
mod shapes;
mod support;
mod types;
