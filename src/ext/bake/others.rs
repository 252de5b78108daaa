//! The bakes beside a bake, which may look for the same result in other processes.

use std::fs::{self, File};
use std::path::Path;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::journal::{Journal, Outcome, Phase};
use crate::ext::error::{Error, ErrorKind};
use crate::ext::files::lock::try_lock;
use crate::ext::jobs::reconcile::{IN_FLIGHT, Others, Rival};

/// The longest time for which another process holds the lock: it reads the journals and writes one.
const LOCK_LIMIT: Duration = Duration::from_secs(60);

/// The time between two attempts to take the lock.
const LOCK_INTERVAL: Duration = Duration::from_millis(20);

/// The right to look for results among the bakes in a directory. One bake at a time has it.
#[derive(Debug)]
pub(super) struct LookupLock {
    _locked: Option<File>,
}

impl LookupLock {
    /// Waits for the lock of the directory that contains `journal`. Where a file system has no locks,
    /// the journals alone keep bakes apart.
    pub(super) async fn take(journal: &Path) -> Result<Self, Error> {
        let directory = directory_of(journal);
        let started = Instant::now();
        let Ok(file) = open(directory) else {
            return Ok(Self { _locked: None });
        };
        loop {
            match try_lock(&file) {
                Ok(true) => {
                    return Ok(Self {
                        _locked: Some(file),
                    });
                }
                Ok(false) if started.elapsed() < LOCK_LIMIT => sleep(LOCK_INTERVAL).await,
                Ok(false) => {
                    let message = format!(
                        "another process has locked `{}` for a minute; end it, and bake again",
                        directory.display()
                    );
                    return Err(Error::new(ErrorKind::Io, message));
                }
                Err(_) => return Ok(Self { _locked: None }),
            }
        }
    }
}

/// Opens what is locked: the directory, so that nothing is left behind.
#[cfg(unix)]
fn open(directory: &Path) -> std::io::Result<File> {
    File::open(directory)
}

/// Opens what is locked: a file, because a directory cannot be locked.
#[cfg(not(unix))]
fn open(directory: &Path) -> std::io::Result<File> {
    let mut options = File::options();
    options.read(true).write(true).create(true).truncate(false);
    options.open(directory.join(".bake.lock"))
}

fn directory_of(journal: &Path) -> &Path {
    let parent = journal.parent();
    let parent = parent.filter(|parent| !parent.as_os_str().is_empty());
    parent.unwrap_or(Path::new("."))
}

/// Reads what the bakes beside `own` have found at a service, and what they look for.
pub(super) fn others(own: &Path, service: &str) -> Others {
    let mut others = Others::default();
    let entries = fs::read_dir(directory_of(own));
    for entry in entries.into_iter().flatten().flatten() {
        let name = entry.file_name();
        let is_journal = name.to_string_lossy().ends_with(".bake.json");
        if !is_journal || own.file_name() == Some(&name) {
            continue;
        }
        if let Ok(Some(journal)) = Journal::load(&entry.path())
            && journal.request.service == service
        {
            add(&mut others, journal);
        }
    }
    others
}

fn add(others: &mut Others, journal: Journal) {
    let made = match &journal.request.in_scene {
        Some(_) => &journal.asset_id,
        None => &journal.scene_id,
    };
    others
        .found
        .extend(made.iter().chain(&journal.job_id).cloned());
    // A job whose result is not known yet may have made what another bake has found.
    let is_unnamed = journal.phase != Phase::Requested && made.is_none();
    let last = journal.attempts.last().map(|last| last.request.clone());
    if let Some(request) = last.filter(|_| is_unnamed) {
        let is_pending = true;
        others.rivals.push(Rival {
            request,
            is_pending,
        });
    }
    for attempt in journal.attempts {
        if attempt.outcome != Outcome::Known {
            let is_pending = attempt.outcome == Outcome::Sent && attempt.request.age() < IN_FLIGHT;
            let request = attempt.request;
            others.rivals.push(Rival {
                request,
                is_pending,
            });
        }
    }
}
