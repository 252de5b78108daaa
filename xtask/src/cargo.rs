//! Runs the same cargo that runs this program.

use std::{env, process::Command};

/// Returns a command for cargo, without arguments.
pub(crate) fn cargo() -> Command {
    Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}
