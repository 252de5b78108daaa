//! Replaces several files atomically: if the process is killed, all files are old or all are new.
//!
//! The new contents are first written next to their targets as `NAME.next`, and synced. Then one
//! rename creates `refresh.journal`, which lists them. This rename commits the replacement: from
//! then on, the next run completes it. Without a journal, the next run deletes the leftover files.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
};

use crate::{Error, Result};

const JOURNAL: &str = "refresh.journal";
const NEXT: &str = "next";

/// Replaces the named files in `directory`, and returns the names of those whose content changed.
/// The others are not written.
///
/// # Errors
/// If a file cannot be written. If that happens before the commit, no file is replaced.
pub(crate) fn all(directory: &Path, files: &[(&str, Vec<u8>)]) -> Result<Vec<String>> {
    let changed: Vec<&(&str, Vec<u8>)> = files
        .iter()
        .filter(|(name, bytes)| fs::read(directory.join(name)).ok().as_ref() != Some(bytes))
        .collect();
    if changed.is_empty() {
        return Ok(Vec::new());
    }
    let names: Vec<String> = changed.iter().map(|(name, _)| (*name).to_owned()).collect();
    let prepared = prepare(directory, &changed, &names);
    if let Err(error) = prepared {
        discard(directory);
        return Err(Error::refused(format!(
            "cannot write to {}: {error}",
            directory.display()
        )));
    }
    recover(directory)?;
    Ok(names)
}

fn prepare(directory: &Path, changed: &[&(&str, Vec<u8>)], names: &[String]) -> io::Result<()> {
    for (name, bytes) in changed {
        write(&next(directory, name), bytes)?;
    }
    let journal = next(directory, JOURNAL);
    write(&journal, names.join("\n").as_bytes())?;
    fs::rename(journal, directory.join(JOURNAL))?;
    sync_directory(directory)
}

/// Completes a replacement that was interrupted after its commit, or deletes the leftovers of one
/// that was interrupted before.
///
/// # Errors
/// If a file cannot be renamed.
pub(crate) fn recover(directory: &Path) -> Result<()> {
    let journal = directory.join(JOURNAL);
    let Ok(names) = fs::read_to_string(&journal) else {
        discard(directory);
        return Ok(());
    };
    let complete = || -> io::Result<()> {
        for name in names.lines() {
            let next = next(directory, name);
            if next.exists() {
                fs::rename(next, directory.join(name))?;
            }
        }
        sync_directory(directory)?;
        fs::remove_file(&journal)
    };
    complete().map_err(|error| {
        Error::refused(format!(
            "cannot complete the interrupted replacement in {}: {error}",
            directory.display()
        ))
    })
}

/// Deletes prepared files. Errors are ignored: a file that remains is harmless.
fn discard(directory: &Path) {
    let Ok(entries) = fs::read_dir(directory) else {
        return;
    };
    for entry in entries.flatten() {
        let path = entry.path();
        if path.extension().is_some_and(|extension| extension == NEXT) {
            let _ = fs::remove_file(path);
        }
    }
}

fn next(directory: &Path, name: &str) -> PathBuf {
    directory.join(format!("{name}.{NEXT}"))
}

fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Makes renames durable, on systems that can sync a directory.
fn sync_directory(directory: &Path) -> io::Result<()> {
    if cfg!(unix) {
        File::open(directory)?.sync_all()?;
    }
    Ok(())
}
