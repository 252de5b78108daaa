//! The cargo that runs this program.

use std::{env, process::Command};

/// A command for it, without arguments yet.
pub(crate) fn cargo() -> Command {
    Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}
