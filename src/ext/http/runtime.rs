//! The Tokio runtime that every asynchronous function of the crate needs.

use tokio::runtime::Handle;

use crate::ext::error::{Error, ErrorKind};

/// What an error says that was returned outside of a runtime.
const NO_RUNTIME: &str =
    "not called in a Tokio runtime; use `#[tokio::main]`, or `Runtime::block_on` in blocking code";

/// Checks that the current thread is in a runtime, without which Tokio's timers and tasks panic.
pub(crate) fn require() -> Result<(), Error> {
    match Handle::try_current() {
        Ok(_) => Ok(()),
        Err(_) => Err(Error::new(ErrorKind::Config, NO_RUNTIME)),
    }
}

/// Does the same for a task of the file system.
#[cfg(feature = "bundle")]
pub(crate) fn require_for_io() -> std::io::Result<()> {
    match Handle::try_current() {
        Ok(_) => Ok(()),
        Err(_) => Err(std::io::Error::other(NO_RUNTIME)),
    }
}
