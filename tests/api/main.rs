//! Integration tests that speak HTTP over loopback, against typed mocks and against the simulator.

#![expect(
    clippy::unwrap_used,
    reason = "a failed `unwrap` fails the test and reports its location"
)]

mod alpha;
mod bake;
mod baking;
mod certificates;
mod complete;
mod dataset;
mod downloads;
mod errors;
mod events;
mod examples;
mod following;
mod http2;
mod jobs;
mod lists;
mod mcp;
mod operations;
mod pacing;
mod paid_once;
mod path;
mod preview;
mod progress_page;
mod reconcile;
mod recorded;
mod recording;
mod relay;
mod requests;
mod resume;
mod retries;
mod runtime;
mod secrets;
mod servers;
mod shapes;
mod support;
mod undocumented;
#[path = "../archive/zip.rs"]
#[expect(dead_code, reason = "the tests of unpacking need all of it")]
mod zip;
