//! Locks on files and directories that other processes see too, where the system has them. A lock goes
//! with the last handle on what was opened, if not before.

use std::fs::File;
use std::io;
use std::path::Path;

/// Opens a file, or makes it, and takes its lock; `None` where another has it.
pub(crate) fn open_locked(path: &Path) -> io::Result<Option<File>> {
    let mut options = File::options();
    options.read(true).write(true).create(true).truncate(false);
    for _ in 0..MOST_TRIES {
        let file = options.open(path)?;
        if !try_lock(&file)? {
            return Ok(None);
        }
        // Whoever had it has perhaps removed it, or moved it, since it was opened.
        if is_at(&file, path) {
            return Ok(Some(file));
        }
    }
    let message = "it is another file each time it is opened";
    Err(io::Error::other(message))
}

/// Nobody removes a file more often than this while it is being opened.
const MOST_TRIES: u32 = 100;

/// Takes the lock; `false` where another has it.
#[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
pub(crate) fn try_lock(file: &File) -> io::Result<bool> {
    use rustix::fs::{FlockOperation, flock};
    use rustix::io::Errno;

    match flock(file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(true),
        Err(Errno::WOULDBLOCK) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Gives the lock back, whoever else has the file open.
#[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
pub(crate) fn unlock(file: &File) {
    let _ = rustix::fs::flock(file, rustix::fs::FlockOperation::Unlock);
}

#[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
#[expect(clippy::unnecessary_wraps, reason = "it can fail where it exists")]
pub(crate) fn try_lock(_: &File) -> io::Result<bool> {
    Ok(true)
}

#[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
pub(crate) fn unlock(_: &File) {}

/// Whether a path leads to what was opened: another may have removed or moved it before it was
/// locked.
#[cfg(unix)]
pub(crate) fn is_at(file: &File, path: &Path) -> bool {
    use std::fs::{Metadata, metadata};
    use std::os::unix::fs::MetadataExt;

    let id = |metadata: Metadata| (metadata.dev(), metadata.ino());
    let there = metadata(path).map(id);
    there.is_ok_and(|there| file.metadata().is_ok_and(|opened| id(opened) == there))
}

#[cfg(not(unix))]
pub(crate) fn is_at(_: &File, path: &Path) -> bool {
    path.exists()
}
