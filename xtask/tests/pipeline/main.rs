//! Tests the document pipeline, from single rules to complete refreshes.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot continue has failed, and the panic names the location"
)]

mod cases;
#[path = "../../../crates/openapi-lowering/tests/lowering/document.rs"]
#[expect(dead_code, reason = "the tests of the pipeline use all of it")]
mod document;
mod fastapi;
mod gate;
mod generated;
mod killed;
mod left_out;
mod property;
mod refresh;
mod surface;
mod tolerance;
mod tree;
mod trial;
mod typed;
mod workbench;
