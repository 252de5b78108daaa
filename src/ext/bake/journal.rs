//! The journal of a bake, from which another run resumes.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use crate::ext::error::{Error, ErrorKind};
use crate::ext::files::lock::LockedFile;
use crate::ext::files::replace;
use crate::raw::types::{AssetPipeline, Format};

/// What to bake, and from which service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Request {
    /// The base URL of the service. Its ids are not valid for another.
    pub(super) service: String,
    pub(super) prompt: String,
    /// The scene of an asset; `None` for a scene.
    pub(super) in_scene: Option<String>,
    pub(super) format: Format,
    pub(super) model: Option<String>,
    pub(super) asset_pipeline: Option<AssetPipeline>,
    pub(super) reference_images: Option<Vec<String>>,
    pub(super) robot_profile: Option<String>,
}

impl Request {
    /// Whether both describe the same bake, regardless of the service.
    pub(super) fn describes_same(&self, other: &Self) -> bool {
        let same_service = Self {
            service: other.service.clone(),
            ..self.clone()
        };
        same_service == *other
    }
}

/// A phase of a bake. It is recorded when it is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Phase {
    /// The job is about to be requested, or was requested. → Running, when its id is known, or Unnamed.
    #[serde(alias = "asked")]
    Requested,
    /// The job is running. → Complete.
    #[serde(alias = "working")]
    Running,
    /// The job is running, and only its scene is known. → Complete.
    Unnamed,
    /// The job has succeeded. → Downloaded.
    #[serde(alias = "made")]
    Complete,
    /// The complete export is next to the directory. → Done.
    #[serde(alias = "received")]
    Downloaded,
    /// The directory contains the bundle.
    Done,
}

/// The journal of one bake.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Journal {
    version: u32,
    pub(super) request: Request,
    pub(super) phase: Phase,
    /// When the job was requested.
    #[serde(alias = "asked_at")]
    pub(super) requested_at: SystemTime,
    pub(super) job_id: Option<String>,
    pub(super) scene_id: Option<String>,
    pub(super) asset_id: Option<String>,
}

const VERSION: u32 = 1;

impl Journal {
    pub(super) fn new(request: Request) -> Self {
        Self {
            version: VERSION,
            request,
            phase: Phase::Requested,
            requested_at: SystemTime::now(),
            job_id: None,
            scene_id: None,
            asset_id: None,
        }
    }

    /// Reads the journal, if it exists.
    pub(super) fn load(path: &Path) -> Result<Option<Self>, Error> {
        let text = match fs::read(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed(path, "read", error)),
        };
        match serde_json::from_slice::<Self>(&text) {
            Ok(journal) if journal.version == VERSION => Ok(Some(journal)),
            Ok(journal) => {
                let message = format!(
                    "the journal `{}` has version {}, and this crate reads version {VERSION}; use a newer crate",
                    path.display(),
                    journal.version
                );
                Err(Error::new(ErrorKind::InvalidRequest, message))
            }
            Err(error) => {
                let message = format!(
                    "the journal `{}` is malformed; delete it if its job does not matter",
                    path.display()
                );
                Err(Error::new(ErrorKind::InvalidRequest, message).with_source(error))
            }
        }
    }

    /// Replaces the journal on disk atomically.
    pub(super) fn store(&self, path: &Path) -> Result<(), Error> {
        let json = serde_json::to_vec_pretty(self).map_err(io::Error::from);
        let stored = json.and_then(|json| replace::write(path, &json));
        stored.map_err(|error| failed(path, "written", error))
    }
}

fn failed(path: &Path, action: &str, error: io::Error) -> Error {
    Error::io(format!("`{}` could not be {action}", path.display()), error)
}

/// The lock of a process on the directory that it bakes into.
#[derive(Debug)]
pub(super) struct Lock {
    path: PathBuf,
    _file: LockedFile,
}

impl Lock {
    pub(super) fn take(path: &Path) -> Result<Self, Error> {
        let file = LockedFile::open(path).map_err(|error| failed(path, "opened", error))?;
        let file = file.ok_or_else(|| {
            let message = "another process is baking into it";
            let source = io::Error::new(io::ErrorKind::WouldBlock, message);
            Error::io("the directory is in use", source)
        })?;
        Ok(Self {
            path: path.to_owned(),
            _file: file,
        })
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // The file is still locked, so no other process uses it.
        let _ = fs::remove_file(&self.path);
    }
}
