//! A file that is written beside its target and put in place once it is whole.

use std::fs::{self, File};
use std::io::{ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, spawn_blocking};

use crate::ext::error::Error;
use crate::ext::files::lock::{open_locked, unlock};

/// Chunks that may wait for the disk.
const CHUNKS_AHEAD: usize = 16;

/// `{target}.part`, which goes when this is dropped, unless it has been put in place.
///
/// A process that was killed leaves it behind; the next download to the same target takes it over.
#[derive(Debug)]
pub(super) struct Part {
    path: PathBuf,
    /// There once something is written.
    own: Option<Own>,
}

/// The file, locked; it goes when this is dropped.
#[derive(Debug)]
struct Own {
    path: PathBuf,
    file: Arc<File>,
    is_placed: bool,
}

impl Drop for Own {
    fn drop(&mut self) {
        if !self.is_placed {
            let _ = fs::remove_file(&self.path);
        }
        // The writing thread may have the file open for a while yet.
        unlock(&self.file);
    }
}

impl Part {
    pub(super) fn beside(target: &Path) -> Result<Self, Error> {
        let Some(name) = target.file_name() else {
            let message = format!("`{}` does not name a file or a directory", target.display());
            return Err(Error::new(
                crate::ext::error::ErrorKind::InvalidRequest,
                message,
            ));
        };
        let mut name = name.to_owned();
        name.push(".part");
        Ok(Self {
            path: target.with_file_name(name),
            own: None,
        })
    }

    #[cfg(feature = "bundle")]
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Starts to write from the beginning, on a thread of its own: an async worker never waits for
    /// the disk.
    pub(super) async fn write(&mut self) -> Result<Writer, Error> {
        if self.own.is_none() {
            let path = self.path.clone();
            self.own = Some(self.on_thread(move || create(path)).await?);
        }
        let file = self.file();
        let (chunks, received) = mpsc::channel(CHUNKS_AHEAD);
        let written = spawn_blocking(move || write_all(&file, received));
        Ok(Writer { chunks, written })
    }

    /// The end of what was written: as much as the end of a ZIP archive can take.
    pub(super) async fn tail(&self) -> Result<Vec<u8>, Error> {
        let file = self.file();
        self.on_thread(move || tail(&file)).await
    }

    /// Flushes what was written to disk; returns its length in bytes.
    pub(super) async fn sync(&self) -> Result<u64, Error> {
        let file = self.file();
        let synced = move || file.sync_all().and_then(|()| file.metadata());
        Ok(self.on_thread(synced).await?.len())
    }

    fn file(&self) -> Arc<File> {
        Arc::clone(&self.own.as_ref().expect("something was written").file)
    }

    async fn on_thread<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> std::io::Result<T> + Send + 'static,
    ) -> Result<T, Error> {
        let done = spawn_blocking(work).await;
        let done = done.unwrap_or_else(|error| Err(error.into()));
        done.map_err(|error| self.failed(error))
    }

    pub(super) fn failed(&self, error: std::io::Error) -> Error {
        Error::io(
            format!("`{}` could not be written", self.path.display()),
            error,
        )
    }

    /// Puts the file in place of its target, in one step, and makes that last.
    pub(super) async fn place(mut self, target: &Path) -> Result<(), Error> {
        let (path, to) = (self.path.clone(), target.to_owned());
        let placed = spawn_blocking(move || {
            fs::rename(&path, &to)?;
            sync_directory(&to);
            Ok(())
        });
        let placed = placed.await.unwrap_or_else(|error| Err(error.into()));
        if let Some(own) = &mut self.own {
            own.is_placed = placed.is_ok();
        }
        placed.map_err(|error: std::io::Error| {
            Error::io(
                format!("`{}` could not be put in place", target.display()),
                error,
            )
        })
    }
}

fn create(path: PathBuf) -> std::io::Result<Own> {
    // A download that was given up this moment has it for a little longer.
    for _ in 0..20 {
        if let Some(file) = open_locked(&path)? {
            return Ok(Own {
                path,
                file: Arc::new(file),
                is_placed: false,
            });
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    let held = "another download to the same target is under way";
    Err(std::io::Error::new(ErrorKind::WouldBlock, held))
}

/// A rename is on disk once its directory is (POSIX); where directories cannot be opened, it is as it is.
pub(crate) fn sync_directory(path: &Path) {
    if let Some(directory) = path.parent() {
        let directory = if directory.as_os_str().is_empty() {
            Path::new(".")
        } else {
            directory
        };
        let _ = File::open(directory).and_then(|directory| directory.sync_all());
    }
}

/// The commands of the writing thread.
enum Order {
    Write(Bytes),
    Restart,
}

/// The way to the writing thread.
pub(super) struct Writer {
    chunks: mpsc::Sender<Order>,
    written: JoinHandle<std::io::Result<()>>,
}

impl Writer {
    /// Hands on a chunk; false says that the disk has failed, and `finish` how.
    pub(super) async fn write(&self, chunk: Bytes) -> bool {
        self.chunks.send(Order::Write(chunk)).await.is_ok()
    }

    /// Starts over.
    pub(super) async fn restart(&self) -> bool {
        self.chunks.send(Order::Restart).await.is_ok()
    }

    /// Waits until all is written; the file is then in memory and not yet on disk.
    pub(super) async fn finish(self) -> std::io::Result<()> {
        drop(self.chunks);
        self.written.await.unwrap_or_else(|error| Err(error.into()))
    }
}

fn write_all(mut file: &File, mut orders: mpsc::Receiver<Order>) -> std::io::Result<()> {
    let restart = |mut file: &File| file.set_len(0).and_then(|()| file.rewind());
    restart(file)?;
    while let Some(order) = orders.blocking_recv() {
        match order {
            Order::Write(chunk) => file.write_all(&chunk)?,
            Order::Restart => restart(file)?,
        }
    }
    Ok(())
}

/// Whether a ZIP archive ends as one does: with the end of its central directory, and nothing
/// after the comment that this announces (APPNOTE 4.3.16).
pub(super) fn ends_like_zip(tail: &[u8]) -> bool {
    const RECORD: usize = 22;
    let last = tail.len().saturating_sub(RECORD - 1);
    (0..last).rev().any(|at| {
        let record = &tail[at..at + RECORD];
        let comment = usize::from(u16::from_le_bytes([record[20], record[21]]));
        record.starts_with(b"PK\x05\x06") && at + RECORD + comment == tail.len()
    })
}

/// Whether a file is there and ends like a ZIP archive.
#[cfg(feature = "bundle")]
pub(crate) fn ends_whole(path: &Path) -> bool {
    let end = File::open(path).and_then(|file| tail(&file));
    end.is_ok_and(|end| ends_like_zip(&end))
}

/// The end of a file: as much as the end of a ZIP archive can take, its comment of 64 KiB included.
fn tail(mut file: &File) -> std::io::Result<Vec<u8>> {
    let length = file.seek(SeekFrom::End(0))?;
    file.seek(SeekFrom::Start(length.saturating_sub(65_535 + 22)))?;
    let mut tail = Vec::new();
    file.read_to_end(&mut tail)?;
    Ok(tail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_an_archive_is_told_from_a_cut_one() {
        let mut end = b"PK\x05\x06".to_vec();
        end.extend([0; 18]);
        assert!(ends_like_zip(&end));
        assert!(ends_like_zip(&[b"data", &end[..]].concat()));
        assert!(!ends_like_zip(&end[..21]));
        assert!(!ends_like_zip(&[&end[..], b"more"].concat()));
        assert!(!ends_like_zip(b""));
        end[20] = 3;
        assert!(!ends_like_zip(&end));
        assert!(ends_like_zip(&[&end[..], b"abc"].concat()));
    }
}
