//! The place on this machine that an export passes through.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use tempfile::TempDir;

use crate::error::{Error, ErrorKind};

/// The start of the names of the directories of processes.
const PREFIX: &str = "gizmo-fleet-";

/// The file that a living process has locked, in its directory.
const LOCK: &str = "lock";

/// How many times a process tries to create its directory.
const MAX_TRIES: usize = 100;

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
            // Each time, another process has started, and removed the directory before it was locked.
            for _ in 0..MAX_TRIES {
                let directory = tempfile::Builder::new().prefix(PREFIX).tempdir_in(place)?;
                let path = directory.path().join(LOCK);
                let Ok(lock) = File::create(&path) else {
                    continue;
                };
                lock.lock()?;
                if path.exists() {
                    return Ok(Self {
                        directory,
                        _lock: lock,
                    });
                }
            }
            Err(io::Error::other(
                "other processes removed it again and again",
            ))
        };
        create().map_err(failed)
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

/// Removes the directories of processes that do not live any more.
fn remove_left(place: &Path) -> io::Result<()> {
    for entry in fs::read_dir(place)? {
        let entry = entry?;
        let is_own = entry.file_name().to_string_lossy().starts_with(PREFIX);
        if is_own && let Ok(lock) = File::open(entry.path().join(LOCK)) {
            // While it is locked here, a process that has just created it waits, and creates another one.
            if lock.try_lock().is_ok() {
                let _ = fs::remove_dir_all(entry.path());
            }
        }
    }
    Ok(())
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

    #[test]
    fn processes_that_start_at_the_same_time_keep_their_directories() {
        let place = tempfile::tempdir().unwrap();
        let start = || {
            for _ in 0..100 {
                let temporary = Temporary::create(place.path()).unwrap();
                temporary.scene().unwrap();
            }
        };
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(start);
            }
        });
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 0);
    }
}
