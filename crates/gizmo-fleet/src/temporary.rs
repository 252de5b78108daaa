//! The place on this machine that an export passes through.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::error::{Error, ErrorKind};

/// The start of the names of the directories of processes.
const PREFIX: &str = "gizmo-fleet-";

/// The file that a living process has locked, in its directory.
const LOCK: &str = "lock";

/// The directory of this process, which is removed when it is dropped.
#[derive(Debug)]
pub(crate) struct Temporary {
    directory: TempDir,
    /// Other processes do not remove the directory as long as it is locked.
    _lock: File,
}

impl Temporary {
    /// Creates a directory in `place`, and removes those of processes that were killed.
    pub(crate) fn create(place: &Path) -> Result<Self, Error> {
        let failed = |error| {
            let message = format!(
                "the temporary directory `{}` cannot be used",
                place.display()
            );
            Error::new(ErrorKind::Temporary, message).because(error)
        };
        let create = || {
            fs::create_dir_all(place)?;
            remove_left(place)?;
            let directory = tempfile::Builder::new().prefix(PREFIX).tempdir_in(place)?;
            let lock = File::create(directory.path().join(LOCK))?;
            lock.lock()?;
            Ok(Self {
                directory,
                _lock: lock,
            })
        };
        create().map_err(|error: io::Error| failed(error))
    }

    /// Creates a directory for one scene.
    pub(crate) fn scene(&self) -> Result<TempDir, Error> {
        let created = TempDir::new_in(self.directory.path());
        created.map_err(|error| {
            Error::new(
                ErrorKind::Temporary,
                "no temporary directory can be created",
            )
            .because(error)
        })
    }
}

/// Removes the directories of processes that do not live any more. One that is being created has no lock yet, and stays.
fn remove_left(place: &Path) -> io::Result<()> {
    for entry in fs::read_dir(place)? {
        let entry = entry?;
        let is_own = entry.file_name().to_string_lossy().starts_with(PREFIX);
        if is_own && entry.file_type()?.is_dir() && is_left(&entry.path().join(LOCK)) {
            // Another process may remove it, too.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
    Ok(())
}

fn is_left(lock: &PathBuf) -> bool {
    let Ok(lock) = File::open(lock) else {
        return false;
    };
    !matches!(
        lock.try_lock(),
        Err(TryLockError::WouldBlock | TryLockError::Error(_))
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_directories_of_processes_that_were_killed_are_removed() {
        let place = tempfile::tempdir().unwrap();
        let living = Temporary::create(place.path()).unwrap();
        let killed = place.path().join("gizmo-fleet-killed");
        let foreign = place.path().join("mine");
        for directory in [&killed, &foreign] {
            fs::create_dir(directory).unwrap();
            fs::write(directory.join(LOCK), "").unwrap();
        }
        let other = Temporary::create(place.path()).unwrap();
        assert!(!killed.exists() && foreign.exists());
        assert!(living.directory.path().exists());
        drop((living, other));
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 1);
    }
}
