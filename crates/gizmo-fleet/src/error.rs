//! What can fail.

use std::fmt;

/// An error of this crate. `Display` is one line without the cause, which `source` returns; `{:#}` adds the causes.
#[derive(Debug)]
pub struct Error {
    kind: ErrorKind,
    message: String,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// What kind of thing has failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The store has failed or refused a request, after the retries of `object_store`.
    Store,
    /// The store has no conditional writes, so processes cannot be kept apart.
    Unsupported,
    /// Another prompt, other settings or another service has the name.
    OtherTask,
    /// An object is not what this crate has written, or is from a newer version.
    Damaged,
    /// The Gizmo API has failed or refused a request. The source is the [`gizmo_client::Error`].
    Service,
    /// The temporary place cannot be used, or is too small for a scene.
    Temporary,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            source: None,
        }
    }

    pub(crate) fn because(
        self,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self {
            source: Some(source.into()),
            ..self
        }
    }

    /// The error of a request for a prompt.
    pub(crate) fn service(prompt: &str, error: gizmo_client::Error) -> Self {
        let message = format!("the scene of `{}` could not be made", shown(prompt));
        Self::new(ErrorKind::Service, message).because(error)
    }

    /// Whether the other prompts would fail, too: the store fails, or the service refuses the key or has no credits.
    pub(crate) fn concerns_all(&self) -> bool {
        matches!(self.kind, ErrorKind::Store | ErrorKind::Unsupported)
            || self
                .client_error()
                .is_some_and(|error| error.is_unauthorized() || error.is_insufficient_credits())
    }

    fn client_error(&self) -> Option<&gizmo_client::Error> {
        self.source.as_ref()?.downcast_ref()
    }

    /// Whether the same may succeed later: the service is not reached, or has failed.
    pub(crate) fn is_transient(&self) -> bool {
        use gizmo_client::ErrorKind::{Connect, Deadline, Timeout, Transport};
        self.client_error().is_some_and(|error| {
            matches!(error.kind(), Connect | Deadline | Timeout | Transport)
                || error.is_rate_limited()
                || error
                    .status()
                    .is_some_and(|status| status.is_server_error())
        })
    }

    /// Returns what kind of thing has failed.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }
}

/// The start of a prompt, on one line.
pub(crate) fn shown(prompt: &str) -> String {
    let start: String = prompt.chars().take(60).collect();
    start.escape_debug().to_string()
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        let mut source = std::error::Error::source(self).filter(|_| f.alternate());
        while let Some(cause) = source {
            write!(f, ": {cause}")?;
            source = cause.source();
        }
        Ok(())
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        let source = self.source.as_deref()?;
        Some(source)
    }
}
