//! Where a bundle comes from, stored with it, and whether it has changed since.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::SystemTime;

use hmac_sha256::Hash;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::journal::Journal;
use super::prompt::BakePrompt;
use crate::ext::bundle::{
    Bundle, BundleError, BundleErrorKind, files_below, is_not_found, read_limited, slashed,
};
use crate::ext::files::replace;
use crate::ext::jobs::reconcile::Confidence;
use crate::ext::values::timestamp::Timestamp;

/// The file with the provenance, in the directory of a bundle.
const FILE: &str = "gizmo-provenance.json";

/// The version of the file's format.
const VERSION: u32 = 1;

/// The largest file that is read: several times the provenance of the largest archive.
const MAX_BYTES: u64 = 64 * 1024 * 1024;

/// The maximum number of threads that hash files.
const MAX_THREADS: usize = 8;

/// Where a bundle comes from: what was requested, what the service made of it, and a hash of each file.
///
/// A bake writes it as JSON to `gizmo-provenance.json` in the directory, so it moves with the directory. The
/// names of its members are those of the fields here, and a later version of this crate reads it, too.
/// [`Bundle::provenance`] reads it, and [`Bundle::verify`] compares the files with it.
///
/// ```json
/// {
///   "version": 1,
///   "client": "gizmo-client 0.1.0",
///   "service": "https://api.gizmo.antimlabs.com",
///   "request": {"prompt": "a robotics lab", "format": "mjcf"},
///   "scene_id": "sc_c821198561",
///   "job_id": "job_54ce456d21",
///   "requested_at": "2026-11-28T09:41:00Z",
///   "completed_at": "2026-11-28T09:52:13Z",
///   "unpacked_at": "2026-11-28T09:52:20Z",
///   "archive": {"size": 57671680, "sha256": "9f86d081…"},
///   "files": [{"path": "js7.xml", "size": 48213, "sha256": "60303ae2…"}]
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Provenance {
    /// The version of the format, 1.
    pub version: u32,
    /// The name and the version of the crate that wrote it.
    pub client: String,
    /// The base URL of the service.
    pub service: String,
    /// The prompt and its settings.
    pub request: BakePrompt,
    /// The scene that was generated, or that contains the asset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scene_id: Option<String>,
    /// The job. `None` if the response to the request was lost, and the service does not name its job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job_id: Option<String>,
    /// The asset, if one was generated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asset_id: Option<String>,
    /// How well the result fits, if the response to the request was lost and the result was found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confidence: Option<Confidence>,
    /// When the job was requested, by this machine's clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requested_at: Option<Timestamp>,
    /// When the job had succeeded, by this machine's clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub completed_at: Option<Timestamp>,
    /// When the archive was unpacked, by this machine's clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unpacked_at: Option<Timestamp>,
    /// The archive of the export.
    pub archive: FileHash,
    /// The files in the directory, sorted by path.
    pub files: Vec<FileEntry>,
}

/// The size and the hash of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct FileHash {
    /// The size in bytes.
    pub size: u64,
    /// The SHA-256 in hexadecimal digits, as `sha256sum` prints it.
    pub sha256: String,
}

/// A file of a bundle, in its [`Provenance`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct FileEntry {
    /// Its path, relative to the bundle's directory, with `/` between its parts.
    pub path: String,
    /// Its size and its hash.
    #[serde(flatten)]
    pub hash: FileHash,
}

/// A file that differs from the [`Provenance`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct FileChange {
    /// Its path, relative to the bundle's directory, with `/` between its parts.
    pub path: String,
    /// What differs.
    pub kind: FileChangeKind,
}

/// What differs in a [`FileChange`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FileChangeKind {
    /// The file has other contents.
    Modified,
    /// The file is not there any more.
    Removed,
    /// The file was not there.
    Added,
}

impl fmt::Display for FileChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.kind {
            FileChangeKind::Modified => "was modified",
            FileChangeKind::Removed => "was removed",
            FileChangeKind::Added => "was added",
        };
        write!(f, "{:?} {what}", self.path)
    }
}

impl Bundle {
    /// Reads where the bundle comes from. `None` if it was not baked, or by a version of this crate that did
    /// not record it.
    ///
    /// # Errors
    ///
    /// [`BadProvenance`](BundleErrorKind::BadProvenance) if the file is damaged or of a newer version,
    /// [`TooLarge`](BundleErrorKind::TooLarge) beyond 64 MiB, [`Io`](BundleErrorKind::Io) if it cannot be
    /// read.
    pub fn provenance(&self) -> Result<Option<Provenance>, BundleError> {
        let path = self.dir().join(FILE);
        let bytes = match read_limited(&path, MAX_BYTES) {
            Ok(bytes) => bytes,
            Err(error) if is_not_found(&error) => return Ok(None),
            Err(error) => return Err(error),
        };
        let bad = |detail: &str| BundleError::new(BundleErrorKind::BadProvenance, &path, detail);
        let json: Value =
            serde_json::from_slice(&bytes).map_err(|error| bad("it is not JSON").because(error))?;
        let version = json["version"].as_u64();
        if version.is_some_and(|version| version > VERSION.into()) {
            return Err(bad("a newer version of this crate wrote it"));
        }
        let provenance = serde_json::from_value(json);
        provenance.map_err(|error| bad("it is damaged").because(error))
    }

    /// Compares the files in the directory with the provenance, by size and SHA-256. Returns the differences,
    /// sorted by path: none if the bundle is as it was baked.
    ///
    /// This reads every file, with up to eight threads, and blocks.
    ///
    /// # Errors
    ///
    /// Those of [`provenance`](Self::provenance), and [`NoProvenance`](BundleErrorKind::NoProvenance) if
    /// there is none.
    pub fn verify(&self) -> Result<Vec<FileChange>, BundleError> {
        let recorded = self.provenance()?.ok_or_else(|| {
            let detail = "it does not exist, so there is nothing to compare with";
            BundleError::new(BundleErrorKind::NoProvenance, self.dir().join(FILE), detail)
        })?;
        let recorded = recorded.files.into_iter();
        let mut recorded: BTreeMap<String, FileHash> =
            recorded.map(|file| (file.path, file.hash)).collect();
        let mut changes = Vec::new();
        for FileEntry { path, hash } in hashes(self.dir())? {
            let kind = match recorded.remove(&path) {
                Some(before) if before == hash => continue,
                Some(_) => FileChangeKind::Modified,
                None => FileChangeKind::Added,
            };
            changes.push(FileChange { path, kind });
        }
        changes.extend(recorded.into_keys().map(|path| FileChange {
            path,
            kind: FileChangeKind::Removed,
        }));
        changes.sort_by(|one, other| one.path.cmp(&other.path));
        Ok(changes)
    }
}

/// Writes the provenance of what was unpacked from `archive` to `dir`.
pub(super) fn write(journal: &Journal, archive: &Path, dir: &Path) -> Result<(), BundleError> {
    let provenance = Provenance {
        version: VERSION,
        client: concat!("gizmo-client ", env!("CARGO_PKG_VERSION")).to_owned(),
        service: journal.request.service.clone(),
        request: journal.request.prompt(),
        scene_id: journal.scene_id.clone(),
        job_id: journal.job_id.clone(),
        asset_id: journal.asset_id.clone(),
        confidence: journal.confidence,
        requested_at: journal.attempts.last().and_then(|one| time(one.request.at)),
        completed_at: journal.completed_at.and_then(time),
        unpacked_at: time(SystemTime::now()),
        archive: hash(archive).map_err(|error| BundleError::io(archive, error))?,
        files: hashes(dir)?,
    };
    let path = dir.join(FILE);
    let json = serde_json::to_vec_pretty(&provenance).map_err(io::Error::from);
    let written = json.and_then(|json| replace::write(&path, &json));
    written.map_err(|error| {
        BundleError::new(BundleErrorKind::Io, path, "cannot be written").because(error)
    })
}

fn time(time: SystemTime) -> Option<Timestamp> {
    jiff::Timestamp::try_from(time).ok().map(Timestamp::from)
}

/// Hashes the files below a directory, except the provenance itself, sorted by path.
fn hashes(dir: &Path) -> Result<Vec<FileEntry>, BundleError> {
    let files: Vec<PathBuf> = files_below(dir)?
        .into_iter()
        .map(|file| file.path)
        .collect();
    let next = AtomicUsize::new(0);
    let hashed = Mutex::new(Ok(Vec::new()));
    let work = || {
        while let Some(path) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
            if path == Path::new(FILE) {
                continue;
            }
            let hash = hash(&dir.join(path));
            let mut hashed = hashed.lock().unwrap_or_else(PoisonError::into_inner);
            match (hash, &mut *hashed) {
                (Ok(hash), Ok(all)) => all.push(FileEntry {
                    path: slashed(path),
                    hash,
                }),
                (Err(error), hashed) => *hashed = Err(BundleError::io(dir.join(path), error)),
                _ => return,
            }
        }
    };
    let threads = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for _ in 1..threads.min(MAX_THREADS).min(files.len()) {
            scope.spawn(work);
        }
        work();
    });
    let mut hashed = hashed
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner)?;
    hashed.sort_by(|one: &FileEntry, other| one.path.cmp(&other.path));
    Ok(hashed)
}

/// Hashes a file.
fn hash(path: &Path) -> io::Result<FileHash> {
    let mut file = File::open(path)?;
    let (mut hash, mut size) = (Hash::new(), 0);
    let mut buffer = vec![0; 128 * 1024];
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            break;
        }
        hash.update(&buffer[..read]);
        size += read as u64;
    }
    let mut sha256 = String::with_capacity(64);
    for byte in hash.finalize() {
        let _ = write!(sha256, "{byte:02x}");
    }
    Ok(FileHash { size, sha256 })
}
