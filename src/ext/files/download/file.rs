//! The part file of a download, which is moved to its target when it is complete.

use std::fs::{self, File};
use std::io::{ErrorKind, Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::{Instant, sleep};

use crate::ext::error::Error;
use crate::ext::files::lock::{LockedFile, has_other_names};
use crate::ext::files::{replace, zip};

/// The number of chunks that may wait for the disk.
const CHUNKS_AHEAD: usize = 16;

/// The time between two attempts to open a part file that another download uses.
const POLL: Duration = Duration::from_millis(50);

/// `{target}.part`. It is removed when this is dropped, unless it was moved to its target.
///
/// If the process is killed, it remains. The next download to the same target reuses it.
///
/// It does not use [`replace::write`]: its contents arrive over time and may start over, and the lock on it
/// keeps other downloads to the same target out.
#[derive(Debug)]
pub(super) struct Part {
    path: PathBuf,
    /// How long it waits for another download to the same target.
    patience: Duration,
    /// `None` before the first write.
    opened: Option<OpenPart>,
}

/// The locked file. It is removed when this is dropped.
#[derive(Debug)]
struct OpenPart {
    path: PathBuf,
    is_placed: bool,
    /// Shared with the writing thread.
    file: Arc<File>,
    /// Released after the file is removed.
    _lock: LockedFile,
}

impl Drop for OpenPart {
    fn drop(&mut self) {
        if !self.is_placed {
            let _ = fs::remove_file(&self.path);
        }
    }
}

impl Part {
    /// Names the part file of `target`. It is not opened yet.
    pub(super) fn for_target(target: &Path) -> Result<Self, Error> {
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
            patience: Duration::ZERO,
            opened: None,
        })
    }

    /// Waits until another download to the same target has ended, for at most this time.
    #[cfg(feature = "bundle")]
    pub(super) fn patient(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    #[cfg(feature = "bundle")]
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Starts to write from the beginning, on another thread: an async worker never waits for the disk.
    pub(super) async fn write(&mut self) -> Result<Writer, Error> {
        if self.opened.is_none() {
            self.opened = Some(self.open().await?);
        }
        let file = self.file();
        let (chunks, received) = mpsc::channel(CHUNKS_AHEAD);
        let written = spawn_blocking(move || write_all(&file, received));
        Ok(Writer { chunks, written })
    }

    async fn open(&self) -> Result<OpenPart, Error> {
        let deadline = Instant::now() + self.patience;
        loop {
            let path = self.path.clone();
            match self.on_thread(move || create(path)).await? {
                Some(opened) => return Ok(opened),
                None if Instant::now() < deadline => sleep(POLL).await,
                None => {
                    let message = "another download to the same target is in progress";
                    return Err(self.failed(std::io::Error::new(ErrorKind::WouldBlock, message)));
                }
            }
        }
    }

    /// Whether the file contains a complete archive.
    pub(super) async fn contains_archive(&self) -> Result<bool, Error> {
        let file = self.file();
        self.on_thread(move || zip::contains_archive(&mut &*file))
            .await
    }

    /// Flushes the file to disk, and returns its length in bytes.
    pub(super) async fn sync(&self) -> Result<u64, Error> {
        let file = self.file();
        let synced = move || file.sync_all().and_then(|()| file.metadata());
        Ok(self.on_thread(synced).await?.len())
    }

    /// Returns the handle that holds the lock. On Windows the lock stops every other handle from reading.
    pub(super) fn file(&self) -> Arc<File> {
        Arc::clone(&self.opened.as_ref().expect("something was written").file)
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

    /// Moves the file to its target. It gets the permissions of the file that it replaces.
    pub(super) async fn place(mut self, target: &Path) -> Result<(), Error> {
        let (path, to, file) = (self.path.clone(), target.to_owned(), self.file());
        let placed = move || {
            if let Ok(replaced) = fs::metadata(&to) {
                file.set_permissions(replaced.permissions())?;
            }
            replace::rename(&path, &to)
        };
        let placed = spawn_blocking(placed).await;
        let placed = placed.unwrap_or_else(|error| Err(error.into()));
        if let Some(opened) = &mut self.opened {
            opened.is_placed = placed.is_ok();
        }
        placed.map_err(|error: std::io::Error| {
            Error::io(
                format!("`{}` could not be replaced", target.display()),
                error,
            )
        })
    }
}

/// Opens and locks the part file; `None` if another download uses it.
fn create(path: PathBuf) -> std::io::Result<Option<OpenPart>> {
    // A link with the name of the part file is replaced: what it refers to belongs to someone else.
    let is_link = |metadata: fs::Metadata| metadata.is_symlink() || has_other_names(&metadata);
    if fs::symlink_metadata(&path).is_ok_and(is_link) {
        fs::remove_file(&path)?;
    }
    // A download that was just dropped may keep the lock for another moment.
    for _ in 0..20 {
        if let Some(lock) = LockedFile::open(&path)? {
            if has_other_names(&lock.file().metadata()?) {
                return Err(std::io::Error::other(
                    "the file has another name, a hard link",
                ));
            }
            return Ok(Some(OpenPart {
                path,
                is_placed: false,
                file: Arc::new(lock.file().try_clone()?),
                _lock: lock,
            }));
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    Ok(None)
}

/// The commands of the writing thread.
enum Command {
    Write(Bytes),
    Restart,
}

/// A handle on the writing thread.
pub(super) struct Writer {
    chunks: mpsc::Sender<Command>,
    written: JoinHandle<std::io::Result<()>>,
}

impl Writer {
    /// Writes a chunk. Returns `false` if the disk has failed; `finish` returns the error.
    pub(super) async fn write(&self, chunk: Bytes) -> bool {
        self.chunks.send(Command::Write(chunk)).await.is_ok()
    }

    /// Starts over. Returns `false` if the disk has failed.
    pub(super) async fn restart(&self) -> bool {
        self.chunks.send(Command::Restart).await.is_ok()
    }

    /// Waits until everything is written. It is not synced to disk yet.
    pub(super) async fn finish(self) -> std::io::Result<()> {
        drop(self.chunks);
        self.written.await.unwrap_or_else(|error| Err(error.into()))
    }
}

fn write_all(mut file: &File, mut commands: mpsc::Receiver<Command>) -> std::io::Result<()> {
    let restart = |mut file: &File| file.set_len(0).and_then(|()| file.rewind());
    restart(file)?;
    while let Some(command) = commands.blocking_recv() {
        match command {
            Command::Write(chunk) => file.write_all(&chunk)?,
            Command::Restart => restart(file)?,
        }
    }
    Ok(())
}
