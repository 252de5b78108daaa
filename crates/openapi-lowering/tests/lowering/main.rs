//! Tests lowering and the diff, from single rules to clients that compile.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot continue has failed, and the panic names the location"
)]

mod cases;
mod changes;
mod document;
mod generator;
mod keywords;
mod left_out;
mod lowering;
mod names;
mod nulls;
mod operations;
mod plain;
mod readme;
mod services;
mod unions;
mod workbench;
