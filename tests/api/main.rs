//! Whatever speaks HTTP, over loopback: against typed mocks and against the simulator.

mod errors;
mod lists;
mod requests;
mod secrets;
mod support;
