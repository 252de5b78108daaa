//! Tests the document pipeline, from single rules to complete refreshes.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot continue has failed, and the panic names the location"
)]

mod cases;
mod changes;
mod document;
mod fastapi;
mod gate;
mod generator;
mod keywords;
mod killed;
mod left_out;
mod lowering;
mod nulls;
mod operations;
mod property;
mod refresh;
mod services;
mod surface;
mod tree;
mod trial;
mod typed;
mod unions;
mod workbench;
