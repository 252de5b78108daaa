//! Files on their way to disk: whole, or not there.

mod file;
mod location;
mod source;
#[cfg(feature = "bundle")]
mod unpack;

use std::fmt;
use std::path::Path;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_core::Stream;
use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use tokio::io::{AsyncWrite, AsyncWriteExt};

use self::file::Part;
#[cfg(feature = "bundle")]
pub(crate) use self::file::{ends_whole, sync_directory};
use self::source::{Ask, Expect, Piece, Rest, Source};
use crate::ext::error::{Error, ErrorKind};
use crate::raw::{Client, builder};

/// How far a download has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// Bytes received.
    pub received: u64,
    /// Bytes in all, where the service says it.
    pub total: Option<u64>,
}

/// A file that the service has begun to send; made by `download` on the export builders and by
/// [`Client::download`].
///
/// Its bytes are streamed: memory stays flat however large it is. There is no total timeout; a
/// download that brings less than 1 KiB in 30 s is stalled. What is cut or stalled is asked for
/// again, from where it stopped if the service can do that, five times at most.
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
/// println!("{}", bundle.model().display()); // lab/scene.xml
/// # assert_eq!(std::fs::metadata("lab.zip")?.len(), bytes);
/// # Ok(())
/// # }
/// ```
#[must_use = "nothing is received before a target is chosen"]
pub struct Download {
    source: Source,
    on_progress: Option<Box<dyn FnMut(Progress) + Send>>,
    /// What the file is called where it is a model without an archive around it.
    #[cfg_attr(
        not(feature = "bundle"),
        expect(dead_code, reason = "nothing is unpacked")
    )]
    alone: Option<&'static str>,
}

impl Download {
    /// Asks for the bytes, and returns once they begin to come.
    async fn open(
        operation: &'static str,
        expect: Expect,
        resumable: bool,
        idle_timeout: Duration,
        ask: Ask,
    ) -> Result<Self, Error> {
        let source = Source::open(operation, expect, resumable, idle_timeout, ask).await?;
        Ok(Self {
            source,
            on_progress: None,
            alone: None,
        })
    }

    /// Lets a model that comes without an archive be unpacked all the same, under this name.
    #[cfg(feature = "alpha")]
    pub(crate) fn or_alone(self, name: &'static str) -> Self {
        Self {
            alone: Some(name),
            ..self
        }
    }

    /// Bytes in all, where the service says it.
    pub fn total(&self) -> Option<u64> {
        self.source.total()
    }

    /// Calls `report` after each chunk; `received` falls back to 0 when a download starts over.
    pub fn on_progress(mut self, report: impl FnMut(Progress) + Send + 'static) -> Self {
        self.on_progress = Some(Box::new(report));
        self
    }

    async fn next(&mut self) -> Result<Option<Piece>, Error> {
        let piece = self.source.next().await?;
        if let (Some(_), Some(report)) = (&piece, &mut self.on_progress) {
            report(Progress {
                received: self.source.received(),
                total: self.source.total(),
            });
        }
        Ok(piece)
    }

    /// The next bytes, for those who cannot take any back.
    async fn next_bytes(&mut self, given_out: bool) -> Result<Option<Bytes>, Error> {
        loop {
            match self.next().await? {
                Some(Piece::Bytes(bytes)) => return Ok(Some(bytes)),
                Some(Piece::Restart) if given_out => {
                    let message = "the download broke and can only start over, and a part of it is given out already";
                    return Err(self.failed(ErrorKind::Transport, message));
                }
                Some(Piece::Restart) => {}
                None => return Ok(None),
            }
        }
    }

    fn failed(&self, kind: ErrorKind, message: impl Into<String>) -> Error {
        Error::new(kind, message).with_operation(self.source.operation())
    }

    /// The bytes as they come. The stream ends with an error when they are not all there.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Transport`] or [`ErrorKind::Timeout`] when the connection breaks or stalls and
    /// the rest cannot be had.
    pub fn bytes_stream(self) -> impl Stream<Item = Result<Bytes, Error>> + Send + Unpin {
        futures_util::stream::try_unfold((self, false), |(mut download, given_out)| async move {
            let bytes = download.next_bytes(given_out).await?;
            Ok(bytes.map(|bytes| (bytes, (download, true))))
        })
        .boxed()
    }

    /// Writes the bytes to a writer and flushes it; returns how many there were.
    ///
    /// # Errors
    ///
    /// Those of [`bytes_stream`](Self::bytes_stream), and [`ErrorKind::Io`] when the writer fails.
    ///
    /// # Cancel safety
    ///
    /// Not cancel safe: the writer may have got a part.
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

    /// Collects the bytes in memory, `limit` at most.
    ///
    /// # Errors
    ///
    /// Those of [`bytes_stream`](Self::bytes_stream), and [`ErrorKind::Decode`] beyond the limit
    /// or when the archive is not whole.
    ///
    /// # Cancel safety
    ///
    /// Not cancel safe: what had come is lost.
    pub async fn bytes(mut self, limit: usize) -> Result<Bytes, Error> {
        let mut all = BytesMut::new();
        loop {
            match self.next().await? {
                Some(Piece::Bytes(bytes)) if all.len() + bytes.len() <= limit => {
                    all.extend_from_slice(&bytes);
                }
                Some(Piece::Bytes(_)) => {
                    let message = format!("the download is larger than {limit} bytes");
                    return Err(self.failed(ErrorKind::Decode, message));
                }
                Some(Piece::Restart) => all.clear(),
                None if self.is_whole(&all) => return Ok(all.freeze()),
                None => self.source.reject(not_whole())?,
            }
        }
    }

    /// Writes the bytes to a file and returns how many there were.
    ///
    /// They go to `{path}.part` first, which takes the place of `path` in one step once everything
    /// is there and on disk; a `.part` that a killed process has left behind is taken over.
    ///
    /// # Errors
    ///
    /// Those of [`bytes_stream`](Self::bytes_stream), [`ErrorKind::Decode`] when the archive is
    /// not whole, and [`ErrorKind::Io`] when the file cannot be written, another download to it
    /// being one reason. The target is as it was.
    ///
    /// # Cancel safety
    ///
    /// A dropped future leaves the target as it was and removes what it wrote.
    pub async fn to_file(mut self, path: impl AsRef<Path> + Send) -> Result<u64, Error> {
        let path = path.as_ref();
        let mut part = Part::beside(path)?;
        self.receive(&mut part).await?;
        let length = part.sync().await?;
        part.place(path).await?;
        Ok(length)
    }

    async fn receive(&mut self, part: &mut Part) -> Result<(), Error> {
        let mut writer = part.write().await?;
        loop {
            let going_on = match self.next().await? {
                Some(Piece::Bytes(bytes)) => writer.write(bytes).await,
                Some(Piece::Restart) => writer.restart().await,
                None => false,
            };
            if going_on {
                continue;
            }
            // The end, or the disk has failed.
            writer.finish().await.map_err(|error| part.failed(error))?;
            let tail = part.tail().await?;
            if self.is_whole(&tail) {
                return Ok(());
            }
            self.source.reject(not_whole())?;
            writer = part.write().await?;
        }
    }

    fn is_whole(&self, tail: &[u8]) -> bool {
        !self.source.is_zip() || file::ends_like_zip(tail)
    }
}

fn not_whole() -> Error {
    let message = "the archive is not whole: its end is missing";
    Error::new(ErrorKind::Transport, message)
}

impl fmt::Debug for Download {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Download")
            .field("received", &self.source.received())
            .field("total", &self.total())
            .finish_non_exhaustive()
    }
}

/// `download` for an export builder, whose POST is sent again when its response breaks.
macro_rules! download {
    ($($builder:ident $operation:literal { $($parameter:ident),* };)*) => {$(
        impl builder::$builder<'_> {
            /// Asks for the export and returns once the service begins to send it.
            ///
            /// # Errors
            ///
            /// Those of `send`, and [`ErrorKind::Decode`] when the response is not a ZIP archive.
            ///
            /// # Cancel safety
            ///
            /// An export costs nothing and changes nothing: dropping the future loses nothing.
            pub async fn download(self) -> Result<Download, Error> {
                let client: Client = self.client.clone();
                let idle_timeout = client.inner.0.idle_timeout;
                $(let $parameter = self.$parameter;)*
                let ask = move |_: Option<Rest>| {
                    let client = client.clone();
                    $(let $parameter = $parameter.clone();)*
                    let response: BoxFuture<'static, _> = Box::pin(async move {
                        builder::$builder { client: &client $(, $parameter)* }.send().await
                    });
                    response
                };
                Download::open($operation, Expect::Zip, false, idle_timeout, Box::new(ask)).await
            }
        }
    )*};
}

download! {
    ExportScene "export_scene" { scene_id, body };
    ExportAsset "export_asset" { asset_id, format };
}
