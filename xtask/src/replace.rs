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

/// Replaces the named files in `folder`; those whose bytes are the same are not touched.
///
/// # Errors
/// A file cannot be written; then nothing has been replaced.
pub(crate) fn all(folder: &Path, files: &[(&str, Vec<u8>)]) -> Result<Vec<String>> {
    let changed: Vec<&(&str, Vec<u8>)> = files
        .iter()
        .filter(|(name, bytes)| fs::read(folder.join(name)).ok().as_ref() != Some(bytes))
        .collect();
    if changed.is_empty() {
        return Ok(Vec::new());
    }
    let names: Vec<String> = changed.iter().map(|(name, _)| (*name).to_owned()).collect();
    let prepared = prepare(folder, &changed, &names);
    if let Err(error) = prepared {
        discard(folder);
        return Err(Error::refused(format!(
            "cannot write into {}: {error}",
            folder.display()
        )));
    }
    recover(folder)?;
    Ok(names)
}

fn prepare(folder: &Path, changed: &[&(&str, Vec<u8>)], names: &[String]) -> io::Result<()> {
    for (name, bytes) in changed {
        write(&next(folder, name), bytes)?;
    }
    let journal = next(folder, JOURNAL);
    write(&journal, names.join("\n").as_bytes())?;
    fs::rename(journal, folder.join(JOURNAL))?;
    sync(folder)
}

/// Finishes a replacement that was interrupted, or removes what an unfinished one left behind.
///
/// # Errors
/// A file cannot be renamed.
pub(crate) fn recover(folder: &Path) -> Result<()> {
    let journal = folder.join(JOURNAL);
    let Ok(names) = fs::read_to_string(&journal) else {
        discard(folder);
        return Ok(());
    };
    let finish = || -> io::Result<()> {
        for name in names.lines() {
            let next = next(folder, name);
            if next.exists() {
                fs::rename(next, folder.join(name))?;
            }
        }
        sync(folder)?;
        fs::remove_file(&journal)
    };
    finish().map_err(|error| {
        Error::refused(format!(
            "cannot finish the replacement in {}: {error}",
            folder.display()
        ))
    })
}

/// Removes prepared files that no journal speaks of; what cannot be removed does no harm.
fn discard(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for entry in entries.flatten() {
        let path = entry.path();
        if path.extension().is_some_and(|extension| extension == NEXT) {
            let _ = fs::remove_file(path);
        }
    }
}

fn next(folder: &Path, name: &str) -> PathBuf {
    folder.join(format!("{name}.{NEXT}"))
}

fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Makes renames durable where a folder can be opened for it.
fn sync(folder: &Path) -> io::Result<()> {
    if cfg!(unix) {
        File::open(folder)?.sync_all()?;
    }
    Ok(())
}
