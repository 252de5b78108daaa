//! Whatever speaks HTTP, over loopback: against typed mocks and against the simulator.

mod downloads;
mod errors;
mod events;
mod jobs;
mod lists;
mod operations;
mod path;
mod requests;
mod secrets;
mod support;
