//! The target directory, which is replaced by a staging directory next to it.
//!
//! ```text
//! lab                                       the target
//! .lab.gizmo-unpack-0123456789abcdef/       the staging directory: mode 0700, locked while in use
//! ├── new/                                  the contents, renamed to `lab` at the end
//! └── old/                                  the old `lab`, for a moment, if two directories cannot
//!                                           be exchanged atomically
//! ```
//!
//! If the process is killed, `lab` has the old contents or the new ones. If the file system does not
//! support the exchange, `lab` can be missing; then the next unpack to the same target restores it from
//! `old`. That unpack also removes the staging directories of killed processes, which are not locked.
//!
//! Several calls may write their contents at the same time. Those that may replace `lab` do so one after the
//! other, by the lock in [`lock`].

mod lock;
mod system;

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use super::{UnpackError, UnpackErrorKind as Kind};
use crate::ext::error::Fnv1a;
use crate::ext::files::replace;
use system::{Lock, exchange, lock_abandoned, lock_new};

/// The part of a staging directory's name between the target's name and the digits.
const MARK: &str = ".gizmo-unpack-";
/// The number of hexadecimal digits after [`MARK`].
const DIGITS: usize = 16;
/// The maximum length of a target's name in the name of its staging directory, in bytes. A longer name is
/// replaced by its hash, because file systems limit names to 255 bytes.
const MAX_NAME: usize = 200;

/// The target directory, which is checked but unchanged.
#[derive(Debug)]
pub(super) struct Target {
    path: PathBuf,
    parent: PathBuf,
    name: OsString,
    /// Whether a directory that is not empty may be replaced.
    replace: bool,
}

/// The state of the target before it is replaced.
#[derive(Debug)]
enum Current {
    Absent,
    /// A directory that is empty or may be replaced. The new directory gets its permissions.
    Directory {
        empty: bool,
        permissions: fs::Permissions,
    },
}

impl Current {
    /// Reads the state, and checks that the target can be replaced. Errors name it `dir`.
    fn of(target: &Target, dir: &Path) -> Result<Self, UnpackError> {
        let io = |e| UnpackError::io(dir, "cannot read the directory", e);
        let metadata = match fs::symlink_metadata(&target.path) {
            Ok(metadata) => metadata,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Self::Absent),
            Err(e) => return Err(io(e)),
        };
        if !metadata.is_dir() {
            return Err(UnpackError::new(Kind::NotADirectory).at(dir));
        }
        let empty = fs::read_dir(&target.path).map_err(io)?.next().is_none();
        if !empty && !target.replace {
            return Err(UnpackError::new(Kind::NotEmpty).at(dir));
        }
        Ok(Self::Directory {
            empty,
            permissions: metadata.permissions(),
        })
    }
}

impl Target {
    /// Checks that `dir` can be replaced, after it has cleaned up after killed processes.
    pub(super) fn check(dir: &Path, replace: bool) -> Result<Self, UnpackError> {
        let io = |e| UnpackError::io(dir, "cannot read the directory", e);
        let path = match fs::canonicalize(dir) {
            // Links are followed, so that the staging directory is on the same file system.
            Ok(path) => path,
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                std::path::absolute(dir).map_err(io)?
            }
            Err(e) => return Err(io(e)),
        };
        let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
            return Err(UnpackError::new(Kind::NotADirectory).at(dir));
        };
        let target = Self {
            parent: parent.to_owned(),
            name: name.to_owned(),
            path,
            replace,
        };
        target.clean_up();
        Current::of(&target, dir)?;
        Ok(target)
    }

    /// Returns the start of the names of its staging directories.
    fn prefix(&self) -> OsString {
        let mut prefix = OsString::from(".");
        if self.name.len() <= MAX_NAME {
            prefix.push(&self.name);
        } else {
            // The hash is the same in each build.
            let hash = Fnv1a::of(self.name.as_encoded_bytes());
            prefix.push(format!("{hash:016x}"));
        }
        prefix.push(MARK);
        prefix
    }

    /// Cleans up after processes that were killed while they unpacked to this target. Errors are ignored.
    fn clean_up(&self) {
        let Ok(siblings) = fs::read_dir(&self.parent) else {
            return;
        };
        let (prefix, lock) = (self.prefix(), lock::name(self));
        for sibling in siblings.flatten() {
            if sibling.file_name() == lock {
                lock::remove_abandoned(self);
            }
            if !is_staging(&sibling.file_name(), &prefix) {
                continue;
            }
            let directory = sibling.path();
            let Some(_lock) = lock_abandoned(&directory) else {
                continue;
            };
            let old = directory.join("old");
            if fs::symlink_metadata(&self.path).is_err() && old.exists() {
                // If the old contents cannot be moved back, they must not be removed.
                if fs::rename(&old, &self.path).is_err() {
                    continue;
                }
            }
            drop(fs::remove_dir_all(&directory));
        }
    }

    /// Creates the staging directory.
    pub(super) fn stage(self) -> Result<Staging, UnpackError> {
        let mut missing = Vec::new();
        for directory in self.parent.ancestors() {
            if directory.exists() {
                break;
            }
            missing.push(directory.to_owned());
        }
        let created = CreatedParents(missing);
        fs::create_dir_all(&self.parent)
            .map_err(|e| UnpackError::io(&self.parent, "cannot create the directory", e))?;
        let (directory, lock) = loop {
            let mut name = self.prefix();
            name.push(format!("{:0width$x}", random(), width = DIGITS));
            let directory = self.parent.join(name);
            match make_private(&directory) {
                Ok(()) => {}
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => continue,
                Err(e) => {
                    return Err(UnpackError::io(
                        &directory,
                        "cannot create the directory",
                        e,
                    ));
                }
            }
            let directory = StagingDirectory {
                path: directory,
                keep: false,
            };
            // Before it is locked, another process may consider it abandoned and remove it.
            match lock_new(&directory.path) {
                Lock::Held(lock) => break (directory, Some(lock)),
                Lock::Unsupported => break (directory, None),
                Lock::Gone => {}
            }
        };
        let new = directory.path.join("new");
        fs::create_dir(&new)
            .map_err(|e| UnpackError::io(&new, "cannot create the directory", e))?;
        Ok(Staging {
            new,
            target: self,
            directory,
            _lock: lock,
            created,
        })
    }
}

/// A staging directory. It is removed when this is dropped, also by a panic.
#[derive(Debug)]
struct StagingDirectory {
    path: PathBuf,
    /// Whether it contains the only copy of the old contents.
    keep: bool,
}

impl Drop for StagingDirectory {
    fn drop(&mut self) {
        if !self.keep {
            // If that fails, the next unpack to the same target removes it.
            drop(fs::remove_dir_all(&self.path));
        }
    }
}

/// The parent directories that were missing, the deepest first. They are removed when this is dropped.
#[derive(Debug)]
struct CreatedParents(Vec<PathBuf>);

impl Drop for CreatedParents {
    fn drop(&mut self) {
        for directory in &self.0 {
            drop(fs::remove_dir(directory));
        }
    }
}

/// The contents in the staging directory, before they are moved to the target.
#[derive(Debug)]
pub(super) struct Staging {
    new: PathBuf,
    target: Target,
    // These are dropped in this order: the directory, the lock on it, the parent directories.
    directory: StagingDirectory,
    _lock: Option<File>,
    created: CreatedParents,
}

impl Staging {
    /// Returns the directory for the contents.
    pub(super) fn root(&self) -> &Path {
        &self.new
    }

    /// Moves the contents to the target atomically, and removes the old ones.
    ///
    /// A call that may replace the target waits for others, unless it is `cancelled`. If `sync` is set,
    /// the directories are synced to disk before and after the move.
    pub(super) fn commit(mut self, sync: bool, cancelled: &AtomicBool) -> Result<(), UnpackError> {
        if sync {
            sync_directories(&self.new)?;
        }
        let target = &self.target;
        let lock = lock::acquire(target, cancelled)?;
        let current = Current::of(target, &target.path)?;
        if let Current::Directory { permissions, .. } = &current {
            fs::set_permissions(&self.new, permissions.clone())
                .map_err(|e| UnpackError::io(&self.new, "cannot set the permissions", e))?;
            if sync {
                sync_directory(&self.new)?;
            }
        }
        let path = target.path.clone();
        match current {
            Current::Directory { empty: false, .. } => self.swap(),
            Current::Directory { empty: true, .. } => self.rename_over_directory(),
            Current::Absent => fs::rename(&self.new, &path),
        }
        .map_err(|e| match e.kind() {
            io::ErrorKind::DirectoryNotEmpty | io::ErrorKind::AlreadyExists => {
                UnpackError::new(Kind::NotEmpty).at(&path)
            }
            io::ErrorKind::ResourceBusy | io::ErrorKind::CrossesDevices => UnpackError::io(
                &path,
                "cannot replace a mount point; unpack to a directory inside it",
                e,
            ),
            _ => UnpackError::io(&path, "cannot rename", e),
        })?;
        self.created.0.clear();
        drop(lock);
        if sync {
            sync_directory(&self.target.parent)?;
        }
        Ok(())
    }

    /// Renames the new directory to the target, which is an empty directory.
    fn rename_over_directory(&self) -> io::Result<()> {
        if cfg!(not(unix)) {
            fs::remove_dir(&self.target.path)?;
        }
        fs::rename(&self.new, &self.target.path)
    }

    /// Exchanges the new directory with the target.
    fn swap(&mut self) -> io::Result<()> {
        if exchange(&self.new, &self.target.path)? {
            return Ok(());
        }
        self.swap_in_two_steps()
    }

    /// Moves the target into the staging directory, then renames the new directory to the target.
    fn swap_in_two_steps(&mut self) -> io::Result<()> {
        let path = &self.target.path;
        let old = self.directory.path.join("old");
        fs::rename(path, &old)?;
        let renamed = fs::rename(&self.new, path);
        if renamed.is_err() {
            // If the old directory cannot be moved back, the next unpack restores it.
            self.directory.keep = fs::rename(&old, path).is_err();
        }
        renamed
    }
}

fn is_staging(name: &OsStr, prefix: &OsStr) -> bool {
    name.as_encoded_bytes()
        .strip_prefix(prefix.as_encoded_bytes())
        .is_some_and(|rest| rest.len() == DIGITS && rest.iter().all(u8::is_ascii_hexdigit))
}

/// Returns an unpredictable number. The keys of the standard library's hash maps are random.
fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}

fn make_private(path: &Path) -> io::Result<()> {
    #[cfg(unix)]
    return std::os::unix::fs::DirBuilderExt::mode(&mut fs::DirBuilder::new(), 0o700).create(path);
    #[cfg(not(unix))]
    return fs::create_dir(path);
}

/// Syncs a directory and all directories below it. The files were synced when they were written.
fn sync_directories(directory: &Path) -> Result<(), UnpackError> {
    let io = |e| UnpackError::io(directory, "cannot sync", e);
    for entry in fs::read_dir(directory).map_err(io)? {
        let entry = entry.map_err(io)?;
        if entry.file_type().map_err(io)?.is_dir() {
            sync_directories(&entry.path())?;
        }
    }
    sync_directory(directory)
}

fn sync_directory(directory: &Path) -> Result<(), UnpackError> {
    // Other systems cannot open a directory as a file.
    if cfg!(unix) {
        replace::sync_directory(directory)
            .map_err(|e| UnpackError::io(directory, "cannot sync", e))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Creates a directory `lab` with the file `old`, and stages a directory with the file `new`.
    fn staged(parent: &Path) -> Staging {
        let lab = parent.join("lab");
        fs::create_dir(&lab).unwrap();
        fs::write(lab.join("old"), "").unwrap();
        let staging = Target::check(&lab, true).unwrap().stage().unwrap();
        fs::write(staging.root().join("new"), "").unwrap();
        staging
    }

    fn names(directory: &Path) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(directory)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn directories_that_cannot_be_exchanged_are_renamed_one_after_the_other() {
        let parent = tempfile::tempdir().unwrap();
        let mut staging = staged(parent.path());
        staging.swap_in_two_steps().unwrap();
        drop(staging);
        assert_eq!(names(parent.path()), ["lab"]);
        assert_eq!(names(&parent.path().join("lab")), ["new"]);
    }

    #[test]
    fn the_old_directory_is_restored_if_the_second_rename_fails() {
        let parent = tempfile::tempdir().unwrap();
        let mut staging = staged(parent.path());
        fs::remove_dir_all(staging.root()).unwrap();
        staging.swap_in_two_steps().unwrap_err();
        drop(staging);
        assert_eq!(names(parent.path()), ["lab"]);
        assert_eq!(names(&parent.path().join("lab")), ["old"]);
    }

    #[test]
    fn the_old_directory_of_a_killed_process_is_restored() {
        let parent = tempfile::tempdir().unwrap();
        let lab = parent.path().join("lab");
        let abandoned = parent.path().join(".lab.gizmo-unpack-0123456789abcdef");
        fs::create_dir_all(abandoned.join("old")).unwrap();
        fs::write(abandoned.join("old/kept"), "").unwrap();
        fs::create_dir(abandoned.join("new")).unwrap();
        let error = Target::check(&lab, false).unwrap_err();
        assert_eq!(error.kind(), Kind::NotEmpty);
        assert_eq!(names(parent.path()), ["lab"]);
        assert_eq!(names(&lab), ["kept"]);
    }

    #[test]
    fn staging_directories_in_use_and_those_of_other_targets_are_kept() {
        let parent = tempfile::tempdir().unwrap();
        let lab = parent.path().join("lab");
        let others = [
            ".lab.gizmo-unpack-0123456789abcde",
            ".lab.gizmo-unpack-0123456789abcdeg",
            ".lab2.gizmo-unpack-0123456789abcdef",
            "lab.gizmo-unpack-0123456789abcdef",
        ];
        for other in others {
            fs::create_dir(parent.path().join(other)).unwrap();
        }
        let in_use = Target::check(&lab, false).unwrap().stage().unwrap();
        Target::check(&lab, false).unwrap();
        assert!(in_use.root().is_dir());
        drop(in_use);
        assert_eq!(names(parent.path()).len(), others.len());
    }

    #[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
    #[test]
    fn staging_directories_of_killed_processes_are_removed() {
        let parent = tempfile::tempdir().unwrap();
        let abandoned = parent.path().join(".lab.gizmo-unpack-00000000deadbeef");
        fs::create_dir_all(abandoned.join("new/meshes")).unwrap();
        Target::check(&parent.path().join("lab"), false).unwrap();
        assert!(names(parent.path()).is_empty());
    }

    #[test]
    fn a_target_with_a_long_name_is_unpacked() {
        let parent = tempfile::tempdir().unwrap();
        let lab = parent.path().join("x".repeat(255));
        let staging = Target::check(&lab, false).unwrap().stage().unwrap();
        staging.commit(true, &AtomicBool::new(false)).unwrap();
        assert_eq!(names(parent.path()), ["x".repeat(255)]);
    }

    #[test]
    fn a_panic_leaves_no_directories() {
        let parent = tempfile::tempdir().unwrap();
        let lab = parent.path().join("deep/er/lab");
        let panic = std::panic::catch_unwind(|| {
            let staging = Target::check(&lab, false).unwrap().stage().unwrap();
            assert!(!staging.root().is_dir(), "on purpose");
        });
        assert!(panic.is_err());
        assert!(names(parent.path()).is_empty());
    }
}
