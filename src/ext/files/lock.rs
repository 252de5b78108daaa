//! Locks on files and directories, also between processes. A lock is released with the last handle on
//! what was opened, if not before.

use std::fs::{File, TryLockError};
use std::io;
use std::path::Path;

/// The maximum number of attempts to open a file that is replaced or removed meanwhile.
const MAX_ATTEMPTS: u32 = 100;

/// A file that is locked while this exists.
#[derive(Debug)]
pub(crate) struct LockedFile(File);

impl LockedFile {
    /// Opens or creates a file and locks it; `None` if it is locked.
    pub(crate) fn open(path: &Path) -> io::Result<Option<Self>> {
        let mut options = File::options();
        options.read(true).write(true).create(true).truncate(false);
        for _ in 0..MAX_ATTEMPTS {
            let file = options.open(path)?;
            if !try_lock(&file)? {
                return Ok(None);
            }
            // The process that had locked it may have removed or moved it since it was opened.
            if is_at(&file, path) {
                return Ok(Some(Self(file)));
            }
        }
        let message = "another file appears at the path each time it is opened";
        Err(io::Error::other(message))
    }

    pub(crate) fn file(&self) -> &File {
        &self.0
    }
}

impl Drop for LockedFile {
    fn drop(&mut self) {
        // A clone of the handle may be open for a while.
        let _ = self.0.unlock();
    }
}

/// Locks a file or a directory; `false` if it is locked. Where the system has no locks, nothing is.
pub(crate) fn try_lock(file: &File) -> io::Result<bool> {
    match file.try_lock() {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => Ok(true),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// Whether a path still leads to what was opened: another process may have removed or moved it before it
/// was locked.
#[cfg(unix)]
pub(crate) fn is_at(file: &File, path: &Path) -> bool {
    use std::fs::{Metadata, metadata};
    use std::os::unix::fs::MetadataExt;

    let id = |metadata: Metadata| (metadata.dev(), metadata.ino());
    let at_path = metadata(path).map(id);
    at_path.is_ok_and(|at_path| file.metadata().is_ok_and(|opened| id(opened) == at_path))
}

#[cfg(not(unix))]
pub(crate) fn is_at(_: &File, path: &Path) -> bool {
    path.exists()
}
