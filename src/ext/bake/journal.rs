//! The journal of a bake, from which another run resumes.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Paths;
use super::prompt::BakePrompt;
use crate::ext::error::{Error, ErrorKind, PaidRequest};
use crate::ext::files::lock::LockedFile;
use crate::ext::files::replace;
use crate::ext::jobs::reconcile::Confidence;
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
    #[serde(default)]
    pub(super) slim: bool,
}

impl Request {
    /// Describes a bake of a scene, or of an asset in one.
    pub(super) fn new(service: &str, in_scene: Option<String>, prompt: BakePrompt) -> Self {
        Self {
            service: service.to_owned(),
            prompt: prompt.prompt,
            in_scene,
            format: prompt.format.unwrap_or(Format::Mjcf),
            model: prompt.model,
            asset_pipeline: prompt.asset_pipeline,
            reference_images: prompt.reference_images,
            robot_profile: prompt.robot_profile,
            slim: prompt.slim,
        }
    }

    /// Returns the prompt with its settings.
    pub(super) fn prompt(&self) -> BakePrompt {
        BakePrompt {
            format: Some(self.format.clone()),
            robot_profile: self.robot_profile.clone(),
            slim: self.slim,
            model: self.model.clone(),
            asset_pipeline: self.asset_pipeline.clone(),
            reference_images: self.reference_images.clone(),
            ..BakePrompt::new(&self.prompt)
        }
    }

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
    /// The job is about to be requested, or was requested. → Running, when its id is known, or Unnamed,
    /// or Complete, when what it made is found.
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
    /// Each time that the job was requested.
    #[serde(default)]
    pub(super) attempts: Vec<Attempt>,
    /// When the job was requested, in a journal of version 1.
    #[serde(default, alias = "asked_at", skip_serializing)]
    requested_at: Option<SystemTime>,
    pub(super) job_id: Option<String>,
    pub(super) scene_id: Option<String>,
    pub(super) asset_id: Option<String>,
    /// How well the result fits, if no response to the request named it.
    #[serde(default)]
    pub(super) confidence: Option<Confidence>,
    /// When the job had succeeded.
    #[serde(default)]
    pub(super) completed_at: Option<SystemTime>,
}

/// A paid request of a bake.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Attempt {
    pub(super) request: PaidRequest,
    pub(super) outcome: Outcome,
}

/// What is known of a paid request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Outcome {
    /// It is about to be sent, or in flight. If its process has ended, it is lost.
    Sent,
    /// Its response was lost.
    Lost,
    /// The service accepted or refused it.
    Known,
}

const VERSION: u32 = 2;

impl Journal {
    pub(super) fn new(request: Request) -> Self {
        Self {
            version: VERSION,
            request,
            phase: Phase::Requested,
            attempts: Vec::new(),
            requested_at: None,
            job_id: None,
            scene_id: None,
            asset_id: None,
            confidence: None,
            completed_at: None,
        }
    }

    /// Returns the requests whose outcome is not known, the earliest first.
    pub(super) fn unresolved(&self) -> Vec<PaidRequest> {
        let attempts = self.attempts.iter();
        attempts
            .filter(|attempt| attempt.outcome != Outcome::Known)
            .map(|attempt| attempt.request.clone())
            .collect()
    }

    /// Records that the outcome of every attempt is known.
    pub(super) fn settle_all(&mut self) {
        for attempt in &mut self.attempts {
            attempt.outcome = Outcome::Known;
        }
    }

    /// Records the outcome of the last attempt.
    pub(super) fn settle(&mut self, outcome: Outcome) {
        if let Some(last) = self.attempts.last_mut() {
            last.outcome = outcome;
        }
    }

    /// Converts a journal of version 1, which records only the time of the request.
    fn upgraded(mut self) -> Self {
        self.version = VERSION;
        if let Some(at) = self.requested_at.take() {
            let prompt = self.request.prompt.clone();
            let request = match &self.request.in_scene {
                Some(scene_id) => PaidRequest::asset(scene_id, prompt, at),
                None => PaidRequest::scene(prompt, at),
            };
            let outcome = if self.phase == Phase::Requested {
                Outcome::Lost
            } else {
                Outcome::Known
            };
            self.attempts.push(Attempt { request, outcome });
        }
        self
    }

    /// Reads the journal, if it exists.
    pub(super) fn load(path: &Path) -> Result<Option<Self>, Error> {
        let text = match fs::read(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed(path, "read", error)),
        };
        let invalid = |message: String| Error::new(ErrorKind::InvalidRequest, message);
        let journal = serde_json::from_slice::<Value>(&text);
        let version = journal
            .as_ref()
            .ok()
            .and_then(|json| json["version"].as_u64());
        if let Some(version) = version.filter(|version| *version > VERSION.into()) {
            let path = path.display();
            return Err(invalid(format!(
                "the journal `{path}` has version {version}, and this crate reads versions 1 and {VERSION}; bake with the newer version of the crate"
            )));
        }
        journal
            .and_then(serde_json::from_value::<Self>)
            .map(|journal| Some(journal.upgraded()))
            .map_err(|error| {
                let path = path.display();
                let message = format!(
                    "the journal `{path}` is damaged, so its job is unknown; move it away, and bake with `adopt` if you know the id of the job or of what it made"
                );
                invalid(message).with_source(error)
            })
    }

    /// Reads the journal of a bake into `dir`, if it has one that can be read.
    pub(super) fn of(dir: &Path) -> Option<Self> {
        Self::load(&Paths::of(dir).ok()?.journal).ok()?
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
