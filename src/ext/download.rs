//! Exports on their way to disk.

use std::fmt;
use std::path::{Path, PathBuf};

use bytes::{Bytes, BytesMut};
use futures_core::Stream;
use futures_util::StreamExt;
use progenitor_client::{ByteStream, ResponseValue};
use tokio::fs;
use tokio::io::{AsyncWrite, AsyncWriteExt};

use super::archive::unpack;
use super::bundle::Bundle;
use super::error::one_line;
use crate::{Error, ErrorKind, builder};

/// How far a download has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// Bytes received.
    pub received: u64,
    /// Bytes in all, where the service says it.
    pub total: Option<u64>,
}

/// An export that the service has begun to send; made by `download` on the export builders.
///
/// Its bytes are streamed: memory stays flat however large it is.
#[must_use = "nothing is received until the download is told where to go"]
pub struct Download {
    body: ByteStream,
    /// The first chunk, which has been looked at.
    first: Bytes,
    total: Option<u64>,
    on_progress: Option<Box<dyn FnMut(Progress) + Send>>,
    operation: &'static str,
}

impl Download {
    /// Looks at the head and the first bytes: an answer that is no ZIP is refused before a file exists.
    async fn begin(
        operation: &'static str,
        answer: ResponseValue<ByteStream>,
    ) -> Result<Self, Error> {
        let total = answer.content_length();
        let mut body = answer.into_inner();
        let mut first = BytesMut::new();
        while first.len() < SIGNATURE {
            match body.next().await {
                Some(chunk) => first.extend_from_slice(
                    &chunk.map_err(|error| Error::from(error).with_operation(operation))?,
                ),
                None => break,
            }
        }
        let first = first.freeze();
        if !is_zip(&first) {
            let said = one_line(
                &String::from_utf8_lossy(&first[..first.len().min(200)]),
                200,
            );
            let message = if first.is_empty() {
                "an empty answer where a ZIP archive was due".to_owned()
            } else {
                format!("no ZIP archive but `{said}`")
            };
            return Err(Error::new(ErrorKind::Decode, message)
                .with_body(&first)
                .with_operation(operation));
        }
        Ok(Self {
            body,
            first,
            total,
            on_progress: None,
            operation,
        })
    }

    /// Bytes in all, where the service says it.
    pub fn total(&self) -> Option<u64> {
        self.total
    }

    /// Calls `report` after each chunk.
    pub fn on_progress(mut self, report: impl FnMut(Progress) + Send + 'static) -> Self {
        self.on_progress = Some(Box::new(report));
        self
    }

    /// The bytes as they come; the stream ends with an error when fewer come than were announced.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Transport`] when the connection breaks.
    pub fn bytes_stream(self) -> impl Stream<Item = Result<Bytes, Error>> + Send + Unpin {
        let state = (self, 0_u64);
        futures_util::stream::try_unfold(state, |(mut download, received)| async move {
            let chunk = if received == 0 && !download.first.is_empty() {
                Some(std::mem::take(&mut download.first))
            } else {
                download
                    .body
                    .next()
                    .await
                    .transpose()
                    .map_err(|error| download.broken(error))?
            };
            let Some(chunk) = chunk else {
                return match download.total {
                    Some(total) if total != received => {
                        let message = format!("{received} bytes came where {total} were announced");
                        Err(Error::new(ErrorKind::Transport, message)
                            .with_operation(download.operation))
                    }
                    _ => Ok(None),
                };
            };
            let received = received + chunk.len() as u64;
            let progress = Progress {
                received,
                total: download.total,
            };
            if let Some(report) = &mut download.on_progress {
                report(progress);
            }
            Ok(Some((chunk, (download, received))))
        })
        .boxed()
    }

    fn broken(&self, error: reqwest::Error) -> Error {
        Error::from(error).with_operation(self.operation)
    }

    /// Writes the bytes to a writer and flushes it; returns how many there were.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Transport`] when the connection breaks, [`ErrorKind::Io`] when the writer fails.
    ///
    /// # Cancel safety
    ///
    /// Not cancel safe: the writer may have got a part.
    pub async fn to_writer(self, mut writer: impl AsyncWrite + Send + Unpin) -> Result<u64, Error> {
        let failed = |error| Error::io("the writer failed", error);
        let mut chunks = self.bytes_stream();
        let mut written = 0;
        while let Some(chunk) = chunks.next().await {
            let chunk = chunk?;
            writer.write_all(&chunk).await.map_err(failed)?;
            written += chunk.len() as u64;
        }
        writer.flush().await.map_err(failed)?;
        Ok(written)
    }

    /// Collects the bytes in memory, `limit` at most.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Transport`] when the connection breaks, [`ErrorKind::Decode`] beyond the limit.
    pub async fn bytes(self, limit: usize) -> Result<Bytes, Error> {
        let operation = self.operation;
        let mut chunks = self.bytes_stream();
        let mut all = BytesMut::new();
        while let Some(chunk) = chunks.next().await {
            let chunk = chunk?;
            if all.len() + chunk.len() > limit {
                let message = format!("the download is larger than {limit} bytes");
                return Err(Error::new(ErrorKind::Decode, message).with_operation(operation));
            }
            all.extend_from_slice(&chunk);
        }
        Ok(all.freeze())
    }

    /// Writes the archive to a file: first to `.part` beside it, then in place once it is whole
    /// and on disk. A file that was there is replaced only then.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Transport`] when the connection breaks, [`ErrorKind::Io`] when the file cannot
    /// be written. The target is as it was.
    ///
    /// # Cancel safety
    ///
    /// A dropped future leaves the target as it was and removes what it wrote.
    pub async fn to_file(self, path: impl AsRef<Path>) -> Result<u64, Error> {
        let path = path.as_ref();
        let part = Part::beside(path)?;
        let written = self.to_part(&part).await?;
        fs::rename(&part.0, path).await.map_err(|error| {
            Error::io(
                format!("`{}` could not be put in place", path.display()),
                error,
            )
        })?;
        Ok(written)
    }

    async fn to_part(self, part: &Part) -> Result<u64, Error> {
        let failed = |error| {
            Error::io(
                format!("`{}` could not be written", part.0.display()),
                error,
            )
        };
        let mut file = fs::File::create(&part.0).await.map_err(failed)?;
        let written = self.to_writer(&mut file).await?;
        file.sync_all().await.map_err(failed)?;
        Ok(written)
    }

    /// Receives the archive and unpacks it into the folder `dir`, which must be empty or not exist.
    ///
    /// # Errors
    ///
    /// Those of [`to_file`](Self::to_file), and [`ErrorKind::Archive`] when the archive is refused.
    /// `dir` is as it was.
    ///
    /// # Cancel safety
    ///
    /// A dropped future leaves `dir` as it was or whole.
    pub async fn unpack(self, dir: impl AsRef<Path>) -> Result<Bundle, Error> {
        let dir = dir.as_ref();
        let part = Part::beside(dir)?;
        let operation = self.operation;
        self.to_part(&part).await?;
        unpack(&part.0, dir)
            .await
            .map_err(|error| Error::from(error).with_operation(operation))
    }
}

/// Bytes that tell a ZIP archive: how its first entry begins or, when it is empty or was to be
/// split, what stands there instead (APPNOTE 4.3).
const SIGNATURE: usize = 4;

fn is_zip(start: &[u8]) -> bool {
    [b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08"]
        .iter()
        .any(|signature| start.starts_with(*signature))
}

impl fmt::Debug for Download {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Download")
            .field("total", &self.total)
            .finish_non_exhaustive()
    }
}

/// A file beside its target that goes when it is dropped, unless it has been renamed.
struct Part(PathBuf);

impl Part {
    fn beside(target: &Path) -> Result<Self, Error> {
        let Some(name) = target.file_name() else {
            let message = format!("`{}` does not name a file or a folder", target.display());
            return Err(Error::new(ErrorKind::InvalidRequest, message));
        };
        let mut name = name.to_owned();
        name.push(".part");
        Ok(Self(target.with_file_name(name)))
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        // Gone already when it has been renamed.
        let _ = std::fs::remove_file(&self.0);
    }
}

macro_rules! download {
    ($($builder:ident $operation:literal;)*) => {$(
        impl builder::$builder<'_> {
            /// Asks for the export and returns once the service begins to send it.
            ///
            /// # Errors
            ///
            /// Whatever `send` can say, and [`ErrorKind::Decode`] when the answer is no ZIP archive.
            pub async fn download(self) -> Result<Download, Error> {
                Download::begin($operation, self.send().await?).await
            }
        }
    )*};
}

download! {
    ExportScene "export_scene";
    ExportAsset "export_asset";
}
