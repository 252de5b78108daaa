//! Runs a program of the workspace as a child process, so that this package compiles without it.

use std::{ffi::OsStr, process::ExitCode};

use crate::{Error, Result, cargo::cargo};

/// Runs a package of the workspace until it ends, and returns its exit code.
///
/// # Errors
/// If cargo cannot be started.
pub fn run<A: AsRef<OsStr>>(
    package: &str,
    arguments: impl IntoIterator<Item = A>,
) -> Result<ExitCode> {
    let mut command = cargo();
    command.args(["run", "--quiet", "-p", package, "--"]);
    let status = command
        .args(arguments)
        .status()
        .map_err(|error| Error::refused(format!("cannot start cargo: {error}")))?;
    // A process that a signal ended, such as Ctrl-C, has no exit code.
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Ok(ExitCode::from(code.unwrap_or(1)))
}
