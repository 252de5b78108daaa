//! Downloads, which end complete or absent.

mod file;
mod head;
mod location;
mod source;
#[cfg(feature = "bundle")]
mod unpack;

use std::fmt;
use std::path::{Path, PathBuf};

use bytes::{Bytes, BytesMut};
use futures_core::Stream;
use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use progenitor_client::{ByteStream, ResponseValue};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncWrite, AsyncWriteExt};

use self::file::Part;
use self::source::{Expect, Fetch, Piece, Source};
use super::zip;
use crate::ext::error::{Error, ErrorKind};
use crate::ext::http::runtime;
use crate::raw::Client;

/// The progress of a download.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Progress {
    /// Bytes received.
    pub received: u64,
    /// Bytes in total, if the service announces it.
    pub total: Option<u64>,
}

/// A file that the service has started to send, returned by `download` on the export builders and by
/// [`Client::download`].
///
/// Its bytes are streamed, so memory does not depend on its size. There is no total timeout. A connection
/// with less than 1 KiB in 30 s is stalled.
///
/// If the connection breaks or stalls, the client requests the missing bytes, and appends them only if
/// they are of the same version (a strong `ETag`, or a date that is old enough; [RFC 9110, section
/// 15.3.7.3][rfc]). Otherwise, and for an export, the download starts over. It fails after five failures
/// in a row, and after five restarts. A service that states that the file is not ready yet (202, or 409
/// and 425 with `Retry-After`) is asked again for 10 minutes. A file is not compressed on the way.
///
/// [rfc]: https://www.rfc-editor.org/rfc/rfc9110#section-15.3.7.3
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let simulator = gizmo_simulator::Simulator::start(gizmo_simulator::Options::instant()).await?;
/// # let builder = gizmo_client::Client::builder().api_key(simulator.api_key());
/// # let client = builder.base_url(simulator.url()).build()?;
/// # let dir = tempfile::tempdir()?;
/// # std::env::set_current_dir(&dir)?;
/// # let scene = client.generate_scene().prompt("a robotics lab").start().await?.await?;
/// let download = client.export_scene().scene_id(&scene.scene_id).download().await?;
/// let download = download.on_progress(|progress| {
///     println!("{} of {:?} bytes", progress.received, progress.total);
/// });
/// let bytes = download.to_file("lab.zip").await?;
/// let bundle = gizmo_client::archive::unpack("lab.zip", "lab").await?;
/// println!("{}", bundle.model().display()); // lab/js7….xml
/// # assert_eq!(std::fs::metadata("lab.zip")?.len(), bytes);
/// # Ok(())
/// # }
/// ```
#[must_use = "nothing is received before a target is chosen"]
pub struct Download {
    source: Source,
    on_progress: Option<Box<dyn FnMut(Progress) + Send>>,
    /// The maximum number of bytes.
    limit: u64,
    /// The name of the file if it is a model without an archive.
    #[cfg_attr(
        not(feature = "bundle"),
        expect(dead_code, reason = "nothing is unpacked")
    )]
    model_name: Option<&'static str>,
}

impl Download {
    /// Requests the bytes, and returns when the first have arrived.
    async fn open(
        operation: &'static str,
        expect: Expect,
        resumable: bool,
        client: &Client,
        fetch: Fetch,
    ) -> Result<Self, Error> {
        let source = Source::open(operation, expect, resumable, client, fetch).await?;
        Ok(Self {
            source,
            on_progress: None,
            limit: u64::MAX,
            model_name: None,
        })
    }

    /// Accepts a model without an archive, which is unpacked under this name, if it has one.
    #[cfg(feature = "alpha")]
    pub(crate) fn or_model(self, name: Option<&'static str>) -> Self {
        Self {
            model_name: name,
            ..self
        }
    }

    /// Returns the number of bytes in total, if the service announces it.
    pub fn total(&self) -> Option<u64> {
        self.source.total()
    }

    /// Calls `report` after each chunk. `received` returns to 0 when the download starts over.
    pub fn on_progress(mut self, report: impl FnMut(Progress) + Send + 'static) -> Self {
        self.on_progress = Some(Box::new(report));
        self
    }

    /// Fails with [`ErrorKind::Decode`] if there are more than `bytes`: before any is written if the service announces
    /// the size, and otherwise as soon as more have arrived. Unlimited by default.
    pub fn limit(self, bytes: u64) -> Self {
        Self {
            limit: bytes,
            ..self
        }
    }

    /// Starts the download of an export, which `send` requests.
    pub(crate) async fn export<F>(
        client: Client,
        operation: &'static str,
        send: impl Fn(Client) -> F + Send + Sync + 'static,
    ) -> Result<Self, Error>
    where
        F: Future<Output = Result<ResponseValue<ByteStream>, Error>> + Send + 'static,
    {
        let sender = client.clone();
        let fetch = move |_| -> BoxFuture<'static, _> { Box::pin(send(sender.clone())) };
        // Assumptions: export-zip, reads-are-free.
        Self::open(operation, Expect::Zip, false, &client, Box::new(fetch)).await
    }

    async fn next(&mut self) -> Result<Option<Piece>, Error> {
        runtime::require()?;
        self.check_limit(self.total())?;
        let piece = self.source.next().await?;
        self.check_limit(Some(self.source.received()))?;
        if let (Some(_), Some(report)) = (&piece, &mut self.on_progress) {
            report(Progress {
                received: self.source.received(),
                total: self.source.total(),
            });
        }
        Ok(piece)
    }

    /// Returns the next bytes for a target that cannot start over.
    async fn next_bytes(&mut self, was_returned: bool) -> Result<Option<Bytes>, Error> {
        loop {
            // What was returned cannot be searched for the archive.
            self.source.check_start()?;
            match self.next().await? {
                Some(Piece::Bytes(bytes)) => return Ok(Some(bytes)),
                Some(Piece::Restart) if was_returned => {
                    let message = "the download broke and can only start over, but a part was already returned";
                    return Err(self.failed(ErrorKind::Transport, message));
                }
                Some(Piece::Restart) => {}
                None => return Ok(None),
            }
        }
    }

    fn check_limit(&self, bytes: Option<u64>) -> Result<(), Error> {
        if bytes.is_none_or(|bytes| bytes <= self.limit) {
            return Ok(());
        }
        let message = format!("the download is larger than {} bytes", self.limit);
        Err(self.failed(ErrorKind::Decode, message))
    }

    fn failed(&self, kind: ErrorKind, message: impl Into<String>) -> Error {
        Error::new(kind, message).with_operation(self.source.operation())
    }

    /// Returns the bytes as a stream, which ends with an error if the connection breaks.
    ///
    /// Only the other methods read the bytes again to check that an archive is complete. A stream requires
    /// that an export starts like one: nothing may precede the archive.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Transport`] or [`ErrorKind::Timeout`] if the connection breaks or stalls, and the
    /// missing bytes cannot be requested, and [`ErrorKind::Decode`] if an export does not start like an
    /// archive.
    pub fn bytes_stream(self) -> impl Stream<Item = Result<Bytes, Error>> + Send + Unpin {
        futures_util::stream::try_unfold((self, false), |(mut download, was_returned)| async move {
            let bytes = download.next_bytes(was_returned).await?;
            Ok(bytes.map(|bytes| (bytes, (download, true))))
        })
        .boxed()
    }

    /// Writes the bytes to a writer, flushes it, and returns their number.
    ///
    /// # Errors
    ///
    /// Those of [`bytes_stream`](Self::bytes_stream), and [`ErrorKind::Io`] if the writer fails.
    ///
    /// # Cancel safety
    ///
    /// Not cancel safe: the writer may have received a part.
    pub async fn to_writer(
        mut self,
        mut writer: impl AsyncWrite + Send + Unpin,
    ) -> Result<u64, Error> {
        let failed = |error| Error::io("the writer failed", error);
        let mut written = 0;
        while let Some(bytes) = self.next_bytes(written > 0).await? {
            writer.write_all(&bytes).await.map_err(failed)?;
            written += bytes.len() as u64;
        }
        writer.flush().await.map_err(failed)?;
        Ok(written)
    }

    /// Collects at most `limit` bytes in memory.
    ///
    /// # Errors
    ///
    /// Those of [`bytes_stream`](Self::bytes_stream), [`ErrorKind::Decode`] beyond the limit or if the
    /// bytes are no archive, and [`ErrorKind::Transport`] if the archive is incomplete.
    ///
    /// # Cancel safety
    ///
    /// Not cancel safe: the bytes received so far are lost.
    pub async fn bytes(mut self, limit: usize) -> Result<Bytes, Error> {
        self.limit = self.limit.min(limit as u64);
        let mut all = BytesMut::new();
        loop {
            match self.next().await? {
                Some(Piece::Bytes(bytes)) => all.extend_from_slice(&bytes),
                Some(Piece::Restart) => all.clear(),
                None if !self.source.is_zip() || zip::is_in(&all) => return Ok(all.freeze()),
                None => self.source.reject_incomplete()?,
            }
        }
    }

    /// Writes the bytes to a file, and returns their number.
    ///
    /// They are written to `{path}.part`, which replaces `path` atomically when it is complete and on
    /// disk, with the permissions of the file that it replaces. A `.part` file that a killed process left
    /// behind is overwritten from its start; a link with that name is replaced. If `path` is a symbolic link, the file that it
    /// refers to is replaced.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Transport`] or [`ErrorKind::Timeout`] if the connection breaks or stalls, or if the
    /// archive is incomplete, also when it is requested again; [`ErrorKind::Decode`] if the bytes are no
    /// archive; and [`ErrorKind::Io`] if the file cannot be written, for example because another download
    /// to it is in progress. The target is unchanged.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: if the future is dropped, the target is unchanged and the part file is removed.
    pub async fn to_file(mut self, path: impl AsRef<Path> + Send) -> Result<u64, Error> {
        let path = target_of(path.as_ref())?;
        let mut part = Part::for_target(&path)?;
        self.receive(&mut part).await?;
        let length = part.sync().await?;
        part.place(&path).await?;
        Ok(length)
    }

    /// Writes the bytes to a file, and returns whether it contains a complete archive.
    async fn receive(&mut self, part: &mut Part) -> Result<bool, Error> {
        runtime::require()?;
        let mut writer = part.write().await?;
        loop {
            let continues = match self.next().await? {
                Some(Piece::Bytes(bytes)) => writer.write(bytes).await,
                Some(Piece::Restart) => writer.restart().await,
                None => false,
            };
            if continues {
                continue;
            }
            // The download has ended, or the disk has failed.
            writer.finish().await.map_err(|error| part.failed(error))?;
            let is_archive = part.contains_archive().await?;
            if is_archive || !self.source.is_zip() {
                return Ok(is_archive);
            }
            self.source.reject_incomplete()?;
            writer = part.write().await?;
        }
    }
}

/// Follows a symbolic link. A directory is no target.
fn target_of(path: &Path) -> Result<PathBuf, Error> {
    let Ok(metadata) = std::fs::symlink_metadata(path) else {
        return Ok(path.to_owned());
    };
    let failed = |error| Error::io(format!("`{}` cannot be replaced", path.display()), error);
    if !metadata.is_symlink() {
        if metadata.is_dir() {
            return Err(failed(std::io::ErrorKind::IsADirectory.into()));
        }
        return Ok(path.to_owned());
    }
    path.canonicalize().map_err(failed)
}

impl fmt::Debug for Download {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Download")
            .field("received", &self.source.received())
            .field("total", &self.total())
            .finish_non_exhaustive()
    }
}
