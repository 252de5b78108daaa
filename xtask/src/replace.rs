//! Replaces several files together: after a kill at any moment they are all old or all new.
//!
//! New contents are written beside their targets as `NAME.next` and made durable. Then one rename
//! puts the list of them in place as `refresh.journal`: from there on the change has happened, and
//! whoever comes next finishes it. Before that it has not, and the leftovers are deleted.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
};

use crate::{Error, Result};

const JOURNAL: &str = "refresh.journal";
const NEXT: &str = "next";

/// Replaces the named files in `directory`; those whose bytes are the same are not touched.
///
/// # Errors
/// A file cannot be written; then nothing has been replaced.
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
            "cannot write into {}: {error}",
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
    sync(directory)
}

/// Finishes a replacement that was interrupted, or removes what an unfinished one left behind.
///
/// # Errors
/// A file cannot be renamed.
pub(crate) fn recover(directory: &Path) -> Result<()> {
    let journal = directory.join(JOURNAL);
    let Ok(names) = fs::read_to_string(&journal) else {
        discard(directory);
        return Ok(());
    };
    let finish = || -> io::Result<()> {
        for name in names.lines() {
            let next = next(directory, name);
            if next.exists() {
                fs::rename(next, directory.join(name))?;
            }
        }
        sync(directory)?;
        fs::remove_file(&journal)
    };
    finish().map_err(|error| {
        Error::refused(format!(
            "cannot finish the replacement in {}: {error}",
            directory.display()
        ))
    })
}

/// Removes prepared files that no journal speaks of; what cannot be removed does no harm.
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

/// Makes renames durable where a directory can be opened for it.
fn sync(directory: &Path) -> io::Result<()> {
    if cfg!(unix) {
        File::open(directory)?.sync_all()?;
    }
    Ok(())
}
