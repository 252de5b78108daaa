//! What a bake writes down, so that another one can go on from it.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use crate::ext::error::{Error, ErrorKind};
use crate::ext::files::download::sync_directory;
use crate::ext::files::lock::open_locked;
use crate::raw::types::{AssetPipeline, Format};

/// What is to be baked, and for whom.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Request {
    /// The base URL of the service: its ids mean nothing to another.
    pub(super) service: String,
    pub(super) prompt: String,
    /// The scene that an asset is made in; none where a scene is made.
    pub(super) in_scene: Option<String>,
    pub(super) format: Format,
    pub(super) model: Option<String>,
    pub(super) asset_pipeline: Option<AssetPipeline>,
    pub(super) reference_images: Option<Vec<String>>,
    pub(super) robot_profile: Option<String>,
}

impl Request {
    /// Whether the same would be made, by whichever service.
    pub(super) fn makes_the_same(&self, other: &Self) -> bool {
        let elsewhere = Self {
            service: other.service.clone(),
            ..self.clone()
        };
        elsewhere == *other
    }
}

/// How far a bake has come. Each phase is written down once it has been reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Phase {
    /// The job is about to be asked for, or has been. → Working, once its id is known, or Unnamed.
    Requested,
    /// The job is at work. → Made.
    Working,
    /// The job is at work, and only its scene is known. → Made.
    Unnamed,
    /// The job has succeeded. → Received.
    Made,
    /// The export is whole, beside the directory. → Done.
    Received,
    /// The directory holds the bundle.
    Done,
}

/// The journal of one bake.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Journal {
    version: u32,
    pub(super) request: Request,
    pub(super) phase: Phase,
    /// When the job was asked for.
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

    /// Reads a journal, if there is one.
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
                    "the journal `{}` is of version {}, and this crate knows version {VERSION}",
                    path.display(),
                    journal.version
                );
                Err(Error::new(ErrorKind::InvalidRequest, message))
            }
            Err(error) => {
                let message = format!(
                    "the journal `{}` cannot be understood; delete it if no job of it matters",
                    path.display()
                );
                Err(Error::new(ErrorKind::InvalidRequest, message).with_source(error))
            }
        }
    }

    /// Writes the journal to disk, in one step.
    pub(super) fn store(&self, path: &Path) -> Result<(), Error> {
        let store = || -> io::Result<()> {
            let mut next = path.as_os_str().to_owned();
            next.push(".next");
            let next = PathBuf::from(next);
            let mut file = File::create(&next)?;
            file.write_all(&serde_json::to_vec_pretty(self)?)?;
            file.sync_all()?;
            fs::rename(&next, path)?;
            sync_directory(path);
            Ok(())
        };
        store().map_err(|error| failed(path, "written", error))
    }
}

fn failed(path: &Path, what: &str, error: io::Error) -> Error {
    Error::io(format!("`{}` could not be {what}", path.display()), error)
}

/// The lock that one process holds on a directory while it bakes into it.
#[derive(Debug)]
pub(super) struct Lock {
    path: PathBuf,
    _file: File,
}

impl Lock {
    pub(super) fn take(path: &Path) -> Result<Self, Error> {
        let file = open_locked(path).map_err(|error| failed(path, "opened", error))?;
        let file = file.ok_or_else(|| {
            let held = "another process is baking into the same directory";
            let held = io::Error::new(io::ErrorKind::WouldBlock, held);
            Error::io("the directory is in use", held)
        })?;
        Ok(Self {
            path: path.to_owned(),
            _file: file,
        })
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Still locked: nobody else can be at work under this name.
        let _ = fs::remove_file(&self.path);
    }
}
