//! Replaces a file atomically: after a crash it has the old contents or the new ones.

use std::fs::{self, File};
use std::io;
use std::path::Path;

/// Replaces `path` with `contents`, which are first written and synced to `{path}.next`.
#[cfg(feature = "bundle")]
pub(crate) fn write(path: &Path, contents: &[u8]) -> io::Result<()> {
    use io::Write;

    let mut next = path.as_os_str().to_owned();
    next.push(".next");
    let next = std::path::PathBuf::from(next);
    // A file that a killed process left behind, or a link, is not written through.
    match fs::remove_file(&next) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = File::create_new(&next)?;
    file.write_all(contents)?;
    file.sync_all()?;
    rename(&next, path)
}

/// Renames a synced file to `path`, and makes the rename durable.
pub(crate) fn rename(from: &Path, path: &Path) -> io::Result<()> {
    fs::rename(from, path)?;
    let directory = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty());
    // If the system cannot open a directory, the rename is as durable as the system makes it.
    let _ = sync_directory(directory.unwrap_or(Path::new(".")));
    Ok(())
}

/// Makes the entries of a directory durable. On POSIX systems a rename is on disk when its directory is.
pub(crate) fn sync_directory(directory: &Path) -> io::Result<()> {
    File::open(directory).and_then(|directory| directory.sync_all())
}
