//! The directory to unpack into: a temporary directory beside it first, then one rename.
//!
//! ```text
//! lab                                       the target
//! .lab.gizmo-unpack-0123456789abcdef/       mode 0700, locked while its process lives
//! ├── new/                                  the contents, renamed to `lab` at the end
//! └── old/                                  what `lab` was, for a moment, where two directories
//!                                           cannot be exchanged in one step
//! ```
//! If the process is killed at any moment, `lab` is the old state or the new one. Only where the
//! file system lacks the exchange can it be neither, with the old one in `old`; the next unpack to
//! the same place puts it back. That one also removes the temporary directories of dead processes,
//! which it tells from living ones by their lock.

mod system;

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io;
use std::path::{Path, PathBuf};

use super::{UnpackError, UnpackErrorKind as Kind};
use system::{Lock, exchange, lock_dead, lock_own};

const MARK: &str = ".gizmo-unpack-";
/// Hex digits after the mark.
const DIGITS: usize = 16;
/// Names longer than this many bytes are cut in the temporary directory's name, which must stay below
/// 255 bytes.
const LONGEST: usize = 200;

/// Where the contents are to appear, looked at but not touched.
#[derive(Debug)]
pub(super) struct Target {
    path: PathBuf,
    parent: PathBuf,
    name: OsString,
    /// What is there now.
    now: Now,
}

#[derive(Debug)]
enum Now {
    Nothing,
    /// A directory, empty or to be replaced, with the permissions that its successor takes over.
    Directory {
        empty: bool,
        permissions: fs::Permissions,
    },
}

impl Target {
    /// Looks whether `dir` can take the contents.
    pub(super) fn look(dir: &Path, replace: bool) -> Result<Self, UnpackError> {
        let io = |e| UnpackError::io(dir, "cannot look at the directory", e);
        let mut target = match fs::canonicalize(dir) {
            // Links are followed, so that the temporary directory is on the same file system.
            Ok(path) => Self::split(path),
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                Self::split(std::path::absolute(dir).map_err(io)?)
            }
            Err(e) => return Err(io(e)),
        }
        .ok_or_else(|| UnpackError::new(Kind::NotADirectory).at(dir))?;
        target.restore();
        let metadata = match fs::symlink_metadata(&target.path) {
            Ok(metadata) => metadata,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(target),
            Err(e) => return Err(io(e)),
        };
        if !metadata.is_dir() {
            return Err(UnpackError::new(Kind::NotADirectory).at(dir));
        }
        let empty = fs::read_dir(&target.path).map_err(io)?.next().is_none();
        if !empty && !replace {
            return Err(UnpackError::new(Kind::NotEmpty).at(dir));
        }
        target.now = Now::Directory {
            empty,
            permissions: metadata.permissions(),
        };
        Ok(target)
    }

    fn split(path: PathBuf) -> Option<Self> {
        let name = path.file_name()?.to_owned();
        let parent = path.parent()?.to_owned();
        Some(Self {
            path,
            parent,
            name,
            now: Now::Nothing,
        })
    }

    /// How the names of its temporary directories start.
    fn prefix(&self) -> OsString {
        let mut prefix = OsString::from(".");
        if self.name.len() <= LONGEST {
            prefix.push(&self.name);
        } else {
            // FNV-1a, so that it is the same in every build.
            let hash = self
                .name
                .as_encoded_bytes()
                .iter()
                .fold(0xcbf2_9ce4_8422_2325_u64, |hash, &byte| {
                    (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
                });
            prefix.push(format!("{hash:016x}"));
        }
        prefix.push(MARK);
        prefix
    }

    /// Cleans up after processes that were killed while they unpacked to this place.
    fn restore(&self) {
        let Ok(beside) = fs::read_dir(&self.parent) else {
            return;
        };
        let prefix = self.prefix();
        for directory in beside.flatten() {
            if !is_temporary(&directory.file_name(), &prefix) {
                continue;
            }
            let directory = directory.path();
            let Some(_lock) = lock_dead(&directory) else {
                continue;
            };
            let old = directory.join("old");
            if fs::symlink_metadata(&self.path).is_err() && old.exists() {
                // Best effort, as all of this: what cannot be moved must not be removed.
                if fs::rename(&old, &self.path).is_err() {
                    continue;
                }
            }
            drop(fs::remove_dir_all(&directory));
        }
    }

    /// Makes the temporary directory.
    pub(super) fn stage(self) -> Result<Staging, UnpackError> {
        let mut made = Vec::new();
        for directory in self.parent.ancestors() {
            if directory.exists() {
                break;
            }
            made.push(directory.to_owned());
        }
        let made = Made(made);
        fs::create_dir_all(&self.parent)
            .map_err(|e| UnpackError::io(&self.parent, "cannot make the directory", e))?;
        let (directory, lock) = loop {
            let mut name = self.prefix();
            name.push(format!("{:0width$x}", random(), width = DIGITS));
            let directory = self.parent.join(name);
            match make_private(&directory) {
                Ok(()) => {}
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => continue,
                Err(e) => return Err(UnpackError::io(&directory, "cannot make the directory", e)),
            }
            let directory = Temporary {
                path: directory,
                keep: false,
            };
            // Until it is locked another process may take it for dead, and remove it.
            match lock_own(&directory.path) {
                Lock::Held(lock) => break (directory, Some(lock)),
                Lock::Unsupported => break (directory, None),
                Lock::Gone => {}
            }
        };
        let new = directory.path.join("new");
        fs::create_dir(&new).map_err(|e| UnpackError::io(&new, "cannot make the directory", e))?;
        Ok(Staging {
            new,
            target: self,
            directory,
            _lock: lock,
            made,
        })
    }
}

/// A temporary directory, removed when it is dropped, in a panic too.
#[derive(Debug)]
struct Temporary {
    path: PathBuf,
    /// It holds what must not be lost.
    keep: bool,
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if !self.keep {
            // What cannot be removed now, the next unpack to the same place removes.
            drop(fs::remove_dir_all(&self.path));
        }
    }
}

/// Directories above the target that were missing, deepest first; removed again unless kept.
#[derive(Debug)]
struct Made(Vec<PathBuf>);

impl Drop for Made {
    fn drop(&mut self) {
        for directory in &self.0 {
            drop(fs::remove_dir(directory));
        }
    }
}

/// The contents on their way: a temporary directory that is gone at the end, come what may.
#[derive(Debug)]
pub(super) struct Staging {
    new: PathBuf,
    target: Target,
    // Dropped in this order: the directory, then the lock on it, then the directories above.
    directory: Temporary,
    _lock: Option<File>,
    made: Made,
}

impl Staging {
    /// The directory to fill.
    pub(super) fn root(&self) -> &Path {
        &self.new
    }

    /// Puts the contents where they belong, in one step, and removes what they replace.
    ///
    /// With `sync` the directories are flushed to the disk, before and after.
    pub(super) fn commit(mut self, sync: bool) -> Result<(), UnpackError> {
        if let Now::Directory { permissions, .. } = &self.target.now {
            fs::set_permissions(&self.new, permissions.clone())
                .map_err(|e| UnpackError::io(&self.new, "cannot set its permissions", e))?;
        }
        if sync {
            sync_directories(&self.new)?;
        }
        let path = self.target.path.clone();
        match self.target.now {
            Now::Directory { empty: false, .. } => self.swap(),
            Now::Nothing | Now::Directory { .. } => self.put(),
        }
        .map_err(|e| match e.kind() {
            io::ErrorKind::DirectoryNotEmpty | io::ErrorKind::AlreadyExists => {
                UnpackError::new(Kind::NotEmpty).at(&path)
            }
            io::ErrorKind::ResourceBusy | io::ErrorKind::CrossesDevices => UnpackError::io(
                &path,
                "cannot be replaced as it is a mount point; unpack to a directory inside it",
                e,
            ),
            _ => UnpackError::io(&path, "cannot rename", e),
        })?;
        self.made.0.clear();
        if sync {
            sync_directory(&self.target.parent)?;
        }
        Ok(())
    }

    /// Renames to a name that is free or an empty directory.
    fn put(&self) -> io::Result<()> {
        if cfg!(not(unix)) && matches!(self.target.now, Now::Directory { .. }) {
            fs::remove_dir(&self.target.path)?;
        }
        fs::rename(&self.new, &self.target.path)
    }

    /// Exchanges with the directory that is there.
    fn swap(&mut self) -> io::Result<()> {
        if exchange(&self.new, &self.target.path)? {
            return Ok(());
        }
        self.swap_in_two_steps()
    }

    /// Moves the directory that is there aside, then renames to its name.
    fn swap_in_two_steps(&mut self) -> io::Result<()> {
        let path = &self.target.path;
        let old = self.directory.path.join("old");
        fs::rename(path, &old)?;
        let renamed = fs::rename(&self.new, path);
        if renamed.is_err() {
            // If it cannot even go back, it stays for the next unpack to restore.
            self.directory.keep = fs::rename(&old, path).is_err();
        }
        renamed
    }
}

fn is_temporary(name: &OsStr, prefix: &OsStr) -> bool {
    name.as_encoded_bytes()
        .strip_prefix(prefix.as_encoded_bytes())
        .is_some_and(|rest| rest.len() == DIGITS && rest.iter().all(u8::is_ascii_hexdigit))
}

/// A number that nobody can guess: the keys of the standard library's hash maps come from the
/// operating system's random numbers.
fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}

fn make_private(path: &Path) -> io::Result<()> {
    #[cfg(unix)]
    return std::os::unix::fs::DirBuilderExt::mode(&mut fs::DirBuilder::new(), 0o700).create(path);
    #[cfg(not(unix))]
    return fs::create_dir(path);
}

/// Flushes a directory and all below it; the files are flushed when they are written.
fn sync_directories(directory: &Path) -> Result<(), UnpackError> {
    let io = |e| UnpackError::io(directory, "cannot flush", e);
    for entry in fs::read_dir(directory).map_err(io)? {
        let entry = entry.map_err(io)?;
        if entry.file_type().map_err(io)?.is_dir() {
            sync_directories(&entry.path())?;
        }
    }
    sync_directory(directory)
}

fn sync_directory(directory: &Path) -> Result<(), UnpackError> {
    // Elsewhere a directory cannot be opened to be flushed.
    if cfg!(unix) {
        File::open(directory)
            .and_then(|opened| opened.sync_all())
            .map_err(|e| UnpackError::io(directory, "cannot flush", e))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A directory `lab` with the file `old` in it, and a staged one with the file `new`.
    fn staged(parent: &Path) -> Staging {
        let lab = parent.join("lab");
        fs::create_dir(&lab).unwrap();
        fs::write(lab.join("old"), "").unwrap();
        let staging = Target::look(&lab, true).unwrap().stage().unwrap();
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
    fn where_directories_cannot_be_exchanged_two_renames_do() {
        let parent = tempfile::tempdir().unwrap();
        let mut staging = staged(parent.path());
        staging.swap_in_two_steps().unwrap();
        drop(staging);
        assert_eq!(names(parent.path()), ["lab"]);
        assert_eq!(names(&parent.path().join("lab")), ["new"]);
    }

    #[test]
    fn a_failed_second_rename_brings_the_old_directory_back() {
        let parent = tempfile::tempdir().unwrap();
        let mut staging = staged(parent.path());
        fs::remove_dir_all(staging.root()).unwrap();
        staging.swap_in_two_steps().unwrap_err();
        drop(staging);
        assert_eq!(names(parent.path()), ["lab"]);
        assert_eq!(names(&parent.path().join("lab")), ["old"]);
    }

    #[test]
    fn what_a_killed_process_had_moved_aside_is_put_back() {
        let parent = tempfile::tempdir().unwrap();
        let lab = parent.path().join("lab");
        let dead = parent.path().join(".lab.gizmo-unpack-0123456789abcdef");
        fs::create_dir_all(dead.join("old")).unwrap();
        fs::write(dead.join("old/kept"), "").unwrap();
        fs::create_dir(dead.join("new")).unwrap();
        let error = Target::look(&lab, false).unwrap_err();
        assert_eq!(error.kind(), Kind::NotEmpty);
        assert_eq!(names(parent.path()), ["lab"]);
        assert_eq!(names(&lab), ["kept"]);
    }

    #[test]
    fn temporary_directories_of_the_living_and_of_other_targets_are_left_alone() {
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
        let living = Target::look(&lab, false).unwrap().stage().unwrap();
        Target::look(&lab, false).unwrap();
        assert!(living.root().is_dir());
        drop(living);
        assert_eq!(names(parent.path()).len(), others.len());
    }

    #[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
    #[test]
    fn temporary_directories_of_the_dead_are_removed() {
        let parent = tempfile::tempdir().unwrap();
        let dead = parent.path().join(".lab.gizmo-unpack-00000000deadbeef");
        fs::create_dir_all(dead.join("new/meshes")).unwrap();
        Target::look(&parent.path().join("lab"), false).unwrap();
        assert!(names(parent.path()).is_empty());
    }

    #[test]
    fn long_names_get_temporary_directories_too() {
        let parent = tempfile::tempdir().unwrap();
        let lab = parent.path().join("x".repeat(255));
        let staging = Target::look(&lab, false).unwrap().stage().unwrap();
        staging.commit(true).unwrap();
        assert_eq!(names(parent.path()), ["x".repeat(255)]);
    }

    #[test]
    fn a_panic_leaves_nothing() {
        let parent = tempfile::tempdir().unwrap();
        let lab = parent.path().join("deep/er/lab");
        let panic = std::panic::catch_unwind(|| {
            let staging = Target::look(&lab, false).unwrap().stage().unwrap();
            assert!(!staging.root().is_dir(), "on purpose");
        });
        assert!(panic.is_err());
        assert!(names(parent.path()).is_empty());
    }
}
