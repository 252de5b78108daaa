//! Locks on directories and their exchange in one step, where the system has both.

use std::fs::File;

#[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
pub(super) use locking::{exchange, lock_dead, lock_own};
#[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
pub(super) use plain::{exchange, lock_dead, lock_own};

/// The lock on a temporary directory of our own.
#[cfg_attr(
    not(any(target_os = "linux", target_os = "android", target_vendor = "apple")),
    expect(dead_code, reason = "without locks there is one response")
)]
pub(super) enum Lock {
    /// It is ours for as long as the file is open.
    Held(File),
    /// There are no locks here, so nobody can take the directory for dead.
    Unsupported,
    /// Another process took the directory for dead before it was locked.
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

    /// Locks a directory that was just made.
    pub(in crate::ext::files::archive::place) fn lock_own(directory: &Path) -> Lock {
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

    /// Locks a directory that another process has left behind; `None` while that one lives.
    pub(in crate::ext::files::archive::place) fn lock_dead(directory: &Path) -> Option<File> {
        if !fs::symlink_metadata(directory).ok()?.is_dir() {
            return None;
        }
        let opened = File::open(directory).ok()?;
        try_lock(&opened).ok()?.then_some(opened)
    }

    /// Exchanges two directories in one step; `false` where that does not exist.
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
    //! Without locks, a temporary directory counts as left behind after a day, or when it holds what
    //! was moved aside: the moment for that is so short that its process hardly lives.

    use std::fs;
    use std::io;
    use std::path::Path;
    use std::time::Duration;

    use super::Lock;

    const DAY: Duration = Duration::from_secs(24 * 60 * 60);

    pub(in crate::ext::files::archive::place) fn lock_own(_directory: &Path) -> Lock {
        Lock::Unsupported
    }

    pub(in crate::ext::files::archive::place) fn lock_dead(directory: &Path) -> Option<()> {
        let metadata = fs::symlink_metadata(directory).ok()?;
        let is_old = || {
            metadata
                .modified()
                .ok()?
                .elapsed()
                .ok()
                .map(|age| age > DAY)
        };
        let is_dead = directory.join("old").exists() || is_old()?;
        (metadata.is_dir() && is_dead).then_some(())
    }

    #[expect(clippy::unnecessary_wraps, reason = "it can fail where it exists")]
    pub(in crate::ext::files::archive::place) fn exchange(
        _one: &Path,
        _other: &Path,
    ) -> io::Result<bool> {
        Ok(false)
    }
}
