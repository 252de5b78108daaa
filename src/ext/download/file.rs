//! A file that is written beside its target and put in place once it is whole.

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, spawn_blocking};

use crate::{Error, ErrorKind};

/// Chunks that may wait for the disk.
const CHUNKS_AHEAD: usize = 16;

/// `{target}.part`, which goes when this is dropped, unless it has been put in place.
///
/// A process that was killed leaves it behind; the next download to the same target takes it over.
#[derive(Debug)]
pub(super) struct Part {
    path: PathBuf,
}

impl Part {
    pub(super) fn beside(target: &Path) -> Result<Self, Error> {
        let Some(name) = target.file_name() else {
            let message = format!("`{}` does not name a file or a folder", target.display());
            return Err(Error::new(ErrorKind::InvalidRequest, message));
        };
        let mut name = name.to_owned();
        name.push(".part");
        Ok(Self {
            path: target.with_file_name(name),
        })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Starts to write on a thread of its own: an async worker never waits for the disk.
    pub(super) async fn write(&self) -> Result<Writer, Error> {
        let path = self.path.clone();
        let file = spawn_blocking(move || create(&path));
        let file = file.await.map_err(|error| self.failed(error.into()))?;
        let file = file.map_err(|error| self.failed(error))?;
        let (chunks, received) = mpsc::channel(CHUNKS_AHEAD);
        let written = spawn_blocking(move || write_all(file, received));
        Ok(Writer { chunks, written })
    }

    pub(super) fn failed(&self, error: std::io::Error) -> Error {
        Error::io(
            format!("`{}` could not be written", self.path.display()),
            error,
        )
    }

    /// Puts the file in place of its target, in one step, and makes that last.
    pub(super) async fn place(self, target: &Path) -> Result<(), Error> {
        let (path, to) = (self.path.clone(), target.to_owned());
        let placed = spawn_blocking(move || {
            fs::rename(&path, &to)?;
            sync_folder(&to);
            Ok(())
        });
        let placed = placed.await.unwrap_or_else(|error| Err(error.into()));
        placed.map_err(|error: std::io::Error| {
            Error::io(
                format!("`{}` could not be put in place", target.display()),
                error,
            )
        })
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        // Gone already when it has been put in place.
        let _ = fs::remove_file(&self.path);
    }
}

fn create(path: &Path) -> std::io::Result<File> {
    let file = File::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)?;
    lock(&file)?;
    file.set_len(0)?;
    Ok(file)
}

/// Two downloads to one target would mix their bytes.
#[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
fn lock(file: &File) -> std::io::Result<()> {
    use rustix::fs::{FlockOperation, flock};

    flock(file, FlockOperation::NonBlockingLockExclusive).map_err(|error| match error {
        rustix::io::Errno::WOULDBLOCK => {
            let message = "another download to the same target is under way";
            std::io::Error::new(std::io::ErrorKind::WouldBlock, message)
        }
        error => error.into(),
    })
}

#[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
fn lock(_: &File) -> std::io::Result<()> {
    Ok(())
}

/// A rename is on disk once its folder is (POSIX); where folders cannot be opened, it is as it is.
fn sync_folder(path: &Path) {
    if let Some(folder) = path.parent() {
        let folder = if folder.as_os_str().is_empty() {
            Path::new(".")
        } else {
            folder
        };
        let _ = File::open(folder).and_then(|folder| folder.sync_all());
    }
}

/// What the writing thread is told.
enum Order {
    Write(Bytes),
    Restart,
}

/// The way to the writing thread.
pub(super) struct Writer {
    chunks: mpsc::Sender<Order>,
    written: JoinHandle<std::io::Result<File>>,
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
    pub(super) async fn finish(self) -> std::io::Result<File> {
        drop(self.chunks);
        self.written.await.unwrap_or_else(|error| Err(error.into()))
    }
}

fn write_all(mut file: File, mut orders: mpsc::Receiver<Order>) -> std::io::Result<File> {
    while let Some(order) = orders.blocking_recv() {
        match order {
            Order::Write(chunk) => file.write_all(&chunk)?,
            Order::Restart => {
                file.set_len(0)?;
                file.rewind()?;
            }
        }
    }
    Ok(file)
}

/// Flushes a file to disk.
pub(super) async fn sync(file: File) -> std::io::Result<()> {
    let synced = spawn_blocking(move || file.sync_all());
    synced.await.unwrap_or_else(|error| Err(error.into()))
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

/// The end of a file: as much as the end of a ZIP archive can take, its comment of 64 KiB included.
pub(super) fn tail(file: &mut File) -> std::io::Result<Vec<u8>> {
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
