//! The lock on a target: a file next to it, `.<target>.gizmo-unpack-lock`, for the moment of the replacement.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::{Kind, Target, UnpackError};
use crate::ext::files::lock::{LockedFile, has_other_names};

/// How long a call waits for the others. A replacement takes milliseconds; a disk that hangs may take longer.
const MAX_WAIT: Duration = Duration::from_secs(30);
/// The time between two attempts to lock the file.
const POLL: Duration = Duration::from_millis(5);

/// The lock, which is released when this is dropped.
#[derive(Debug)]
pub(super) struct TargetLock {
    path: PathBuf,
    _file: LockedFile,
}

impl Drop for TargetLock {
    fn drop(&mut self) {
        // Who has opened the file meanwhile notices that it is not at its path any more.
        let _ = fs::remove_file(&self.path);
    }
}

/// Returns the name of the file.
pub(super) fn name(target: &Target) -> OsString {
    let mut name = target.prefix();
    name.push("lock");
    name
}

/// Removes the file that a killed process has left behind.
pub(super) fn remove_abandoned(target: &Target) {
    // To drop the lock removes the file. If another process has locked it, that one does.
    drop(acquire_within(
        Duration::ZERO,
        target,
        &AtomicBool::new(false),
    ));
}

/// Locks a target that may be replaced, unless it is `cancelled` meanwhile.
///
/// Without the lock each replacement is atomic too, but it fails if another call comes first. So `None` is
/// returned for a target that may not be replaced, and where the file cannot be locked.
pub(super) fn acquire(
    target: &Target,
    cancelled: &AtomicBool,
) -> Result<Option<TargetLock>, UnpackError> {
    if target.replace {
        acquire_within(MAX_WAIT, target, cancelled)
    } else {
        Ok(None)
    }
}

fn acquire_within(
    max_wait: Duration,
    target: &Target,
    cancelled: &AtomicBool,
) -> Result<Option<TargetLock>, UnpackError> {
    let path = target.parent.join(name(target));
    let start = Instant::now();
    loop {
        match LockedFile::open(&path) {
            Ok(Some(file)) => {
                // Only the error of those who wait in vain needs the process.
                let _ = write_process(file.file());
                return Ok(Some(TargetLock { path, _file: file }));
            }
            Ok(None) => {}
            Err(_) => return Ok(None),
        }
        if cancelled.load(Ordering::Relaxed) {
            return Err(UnpackError::new(Kind::Cancelled));
        }
        if start.elapsed() >= max_wait {
            let holder = fs::read_to_string(&path).unwrap_or_default();
            let process = match holder.parse::<u32>() {
                Ok(id) => format!("process {id}"),
                Err(_) => "a process".to_owned(),
            };
            return Err(UnpackError::new(Kind::Busy)
                .at(&target.path)
                .detail(format!(
                    "{process} has locked `{}` for {max_wait:?}",
                    path.display()
                )));
        }
        std::thread::sleep(POLL);
    }
}

fn write_process(mut file: &File) -> io::Result<()> {
    let metadata = file.metadata()?;
    if has_other_names(&metadata) {
        return Ok(());
    }
    if metadata.len() > 0 {
        file.set_len(0)?;
    }
    write!(file, "{}", std::process::id())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_that_is_not_released_ends_the_wait_with_its_holder() {
        let parent = tempfile::tempdir().unwrap();
        let target = Target::check(&parent.path().join("lab"), true).unwrap();
        let running = AtomicBool::new(false);
        let held = acquire(&target, &running).unwrap();
        assert!(held.is_some());
        let error = acquire_within(Duration::from_millis(20), &target, &running).unwrap_err();
        assert_eq!(error.kind(), Kind::Busy);
        let message = error.to_string();
        assert!(
            message.contains(&format!("process {}", std::process::id())),
            "{message}"
        );
        assert!(message.contains(".lab.gizmo-unpack-lock"), "{message}");

        let cancelled = AtomicBool::new(true);
        let error = acquire(&target, &cancelled).unwrap_err();
        assert_eq!(error.kind(), Kind::Cancelled);

        drop(held);
        assert!(acquire(&target, &running).unwrap().is_some());
        assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 0);
    }

    #[test]
    fn the_file_of_a_killed_process_does_not_block_and_is_removed() {
        let parent = tempfile::tempdir().unwrap();
        let lab = parent.path().join("lab");
        let path = parent.path().join(".lab.gizmo-unpack-lock");
        let target = Target::check(&lab, true).unwrap();
        fs::write(&path, "4194304 and more").unwrap();
        let held = acquire_within(Duration::ZERO, &target, &AtomicBool::new(false)).unwrap();
        assert!(held.is_some());
        assert_eq!(
            fs::read_to_string(&path).unwrap(),
            std::process::id().to_string()
        );
        Target::check(&lab, false).unwrap();
        assert!(path.exists(), "it is in use");
        drop(held);
        assert!(!path.exists());

        fs::write(&path, "4194304").unwrap();
        Target::check(&lab, false).unwrap();
        assert!(!path.exists());
    }
}
