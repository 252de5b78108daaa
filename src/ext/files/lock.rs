//! Locks on files and directories, which other processes respect too. A lock is released by `unlock`, or
//! when the last handle to the opened file is closed.

use std::fs::{File, TryLockError};
use std::io;
use std::path::Path;

/// The maximum number of attempts to open a file that is replaced or removed meanwhile.
const MAX_ATTEMPTS: u32 = 100;

/// A file that stays locked until this is dropped.
#[derive(Debug)]
pub(crate) struct LockedFile(File);

impl LockedFile {
    /// Opens or creates a file and locks it; `None` if it is locked already, also by this process.
    ///
    /// On a system without locks the file is opened without one. A symbolic link is not followed on
    /// Unix: it fails.
    pub(crate) fn open(path: &Path) -> io::Result<Option<Self>> {
        let mut options = File::options();
        options.read(true).write(true).create(true).truncate(false);
        no_follow(&mut options);
        for _ in 0..MAX_ATTEMPTS {
            let file = options.open(path)?;
            match try_lock(&file) {
                Ok(true) => {}
                Ok(false) => return Ok(None),
                Err(error) if is_unavailable(&error) => {}
                Err(error) => return Err(error),
            }
            // The process that had locked the file may have removed or moved it since it was opened.
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
        // A clone of the handle may still be open.
        let _ = self.0.unlock();
    }
}

#[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
fn no_follow(options: &mut std::fs::OpenOptions) {
    use std::os::unix::fs::OpenOptionsExt;

    options.custom_flags(rustix::fs::OFlags::NOFOLLOW.bits().cast_signed());
}

#[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
fn no_follow(_: &mut std::fs::OpenOptions) {}

/// Whether a file has further names, so that writing to it would change what they refer to.
#[cfg(unix)]
pub(crate) fn has_other_names(metadata: &std::fs::Metadata) -> bool {
    std::os::unix::fs::MetadataExt::nlink(metadata) > 1
}

#[cfg(not(unix))]
pub(crate) fn has_other_names(_: &std::fs::Metadata) -> bool {
    false
}

/// Locks a file or a directory; `false` if it is locked already.
pub(crate) fn try_lock(file: &File) -> io::Result<bool> {
    match file.try_lock() {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// Whether the standard library has no locks on this system. An error of a file system has an OS code.
fn is_unavailable(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::Unsupported && error.raw_os_error().is_none()
}

/// Whether a path still refers to the opened file or directory. Another process may have removed or moved
/// it before it was locked.
#[cfg(unix)]
pub(crate) fn is_at(file: &File, path: &Path) -> bool {
    use std::fs::{Metadata, metadata};
    use std::os::unix::fs::MetadataExt;

    let id = |metadata: Metadata| (metadata.dev(), metadata.ino());
    let at_path = metadata(path).map(id);
    let opened = file.metadata().map(id);
    matches!((opened, at_path), (Ok(opened), Ok(at_path)) if opened == at_path)
}

#[cfg(not(unix))]
pub(crate) fn is_at(_: &File, path: &Path) -> bool {
    path.exists()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_open_in_the_same_process_conflicts_until_the_first_is_dropped() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        let first = LockedFile::open(&path).unwrap().unwrap();
        let clone = first.file().try_clone().unwrap();
        assert!(LockedFile::open(&path).unwrap().is_none());
        drop(first);
        let second = LockedFile::open(&path).unwrap();
        assert!(second.is_some(), "a clone of the handle kept the lock");
        drop(clone);
        assert!(LockedFile::open(&path).unwrap().is_none());
    }
}
