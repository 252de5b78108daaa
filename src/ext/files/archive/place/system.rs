//! Locks on directories and their atomic exchange, on systems that support both.

use std::fs::File;

#[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
pub(super) use locking::{exchange, lock_abandoned, lock_new};
#[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
pub(super) use plain::{exchange, lock_abandoned, lock_new};

/// The result of locking a new staging directory.
#[cfg_attr(
    not(any(target_os = "linux", target_os = "android", target_vendor = "apple")),
    expect(dead_code, reason = "locks are not supported")
)]
pub(super) enum Lock {
    /// The directory is locked while the file is open.
    Held(File),
    /// The file system has no locks, so no process considers the directory abandoned by its lock.
    Unsupported,
    /// Another process considered the directory abandoned before it was locked, and removes it.
    Gone,
}

#[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
mod locking {
    use std::fs::{self, File};
    use std::io;
    use std::path::Path;

    use rustix::fs::{CWD, RenameFlags, renameat_with};
    use rustix::io::Errno;

    use super::Lock;
    use crate::ext::files::lock::{is_at, try_lock};

    /// Locks a new directory.
    pub(in crate::ext::files::archive::place) fn lock_new(directory: &Path) -> Lock {
        let opened = match File::open(directory) {
            Ok(opened) => opened,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Lock::Gone,
            Err(_) => return Lock::Unsupported,
        };
        match try_lock(&opened) {
            Ok(true) if is_at(&opened, directory) => Lock::Held(opened),
            Ok(_) => Lock::Gone,
            Err(_) => Lock::Unsupported,
        }
    }

    /// Locks a directory that a killed process has left behind; `None` if it may be in use.
    pub(in crate::ext::files::archive::place) fn lock_abandoned(directory: &Path) -> Option<File> {
        if !fs::symlink_metadata(directory).ok()?.is_dir() {
            return None;
        }
        let opened = File::open(directory).ok()?;
        // Without locks nothing shows that the process has ended, so an error keeps the directory.
        try_lock(&opened).ok()?.then_some(opened)
    }

    /// Exchanges two directories atomically; `false` if the file system does not support that.
    pub(in crate::ext::files::archive::place) fn exchange(
        one: &Path,
        other: &Path,
    ) -> io::Result<bool> {
        match renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE) {
            Ok(()) => Ok(true),
            Err(Errno::NOSYS | Errno::INVAL | Errno::NOTSUP) => Ok(false),
            Err(e) => Err(e.into()),
        }
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
mod plain {
    //! Without locks, a staging directory is considered abandoned after a day, or if it contains the old
    //! target. A running process keeps the old target there only for a moment.

    use std::fs;
    use std::io;
    use std::path::Path;
    use std::time::Duration;

    use super::Lock;

    const DAY: Duration = Duration::from_secs(24 * 60 * 60);

    pub(in crate::ext::files::archive::place) fn lock_new(_directory: &Path) -> Lock {
        Lock::Unsupported
    }

    pub(in crate::ext::files::archive::place) fn lock_abandoned(directory: &Path) -> Option<()> {
        let metadata = fs::symlink_metadata(directory).ok()?;
        let is_old = || {
            metadata
                .modified()
                .ok()?
                .elapsed()
                .ok()
                .map(|age| age > DAY)
        };
        let is_abandoned = directory.join("old").exists() || is_old()?;
        (metadata.is_dir() && is_abandoned).then_some(())
    }

    #[expect(clippy::unnecessary_wraps, reason = "it can fail on other systems")]
    pub(in crate::ext::files::archive::place) fn exchange(
        _one: &Path,
        _other: &Path,
    ) -> io::Result<bool> {
        Ok(false)
    }
}
