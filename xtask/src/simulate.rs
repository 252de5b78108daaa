//! Runs the simulator as a child process, so that this package compiles without it.

use std::process::ExitCode;

use crate::{Error, Result, cargo::cargo};

/// Runs `gizmo-simulator` until it ends and returns its exit code.
///
/// # Errors
/// If cargo cannot be started.
pub fn run(port: Option<u16>, speed: Option<f64>) -> Result<ExitCode> {
    let mut command = cargo();
    command.args(["run", "--quiet", "-p", "gizmo-simulator", "--"]);
    if let Some(port) = port {
        command.args(["--port", &port.to_string()]);
    }
    if let Some(speed) = speed {
        command.args(["--speed", &speed.to_string()]);
    }
    let status = command
        .status()
        .map_err(|error| Error::refused(format!("cannot start cargo: {error}")))?;
    // A process that a signal ended, such as Ctrl-C, has no exit code.
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Ok(ExitCode::from(code.unwrap_or(1)))
}
