//! The manifest of many bakes: one line of JSON for each prompt.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::BakePrompt;
use super::baked::Baked;
use super::journal::{Journal, Lock, Phase};
use super::provenance::FileHash;
use crate::ext::error::{Error, ErrorKind};
use crate::ext::files::replace;
use crate::ext::jobs::reconcile::Confidence;

/// The manifest's file in the directory of the scenes.
const FILE: &str = "gizmo-manifest.jsonl";

/// The lock of the process that writes the manifest.
const LOCK: &str = "gizmo-manifest.lock";

/// The manifest of a directory. One process writes it at a time.
#[derive(Debug)]
pub(super) struct Manifest {
    path: PathBuf,
    _lock: Lock,
    /// Those of the prompts, in their order, then those of directories of earlier runs.
    rows: Vec<Row>,
}

/// A line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Row {
    /// The directory, relative to the manifest.
    name: String,
    state: State,
    /// The prompt and its settings.
    request: BakePrompt,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    scene_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    job_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    confidence: Option<Confidence>,
    /// The model, relative to the manifest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    model: Option<PathBuf>,
    /// The archive of the export.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    archive: Option<FileHash>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum State {
    /// Nothing was requested.
    Pending,
    /// The job was requested. An interrupted run leaves it so, and the next one resumes.
    Running,
    Done,
    Failed,
}

impl Row {
    fn new(name: &str, request: BakePrompt) -> Self {
        Self {
            name: name.to_owned(),
            state: State::Pending,
            request,
            scene_id: None,
            job_id: None,
            confidence: None,
            model: None,
            archive: None,
            warnings: Vec::new(),
            error: None,
        }
    }

    /// Takes over what a journal records of a bake that is not done.
    fn resume(&mut self, journal: Journal) {
        *self = Self {
            state: State::Running,
            scene_id: journal.scene_id,
            job_id: journal.job_id,
            confidence: journal.confidence,
            ..Self::new(&self.name, self.request.clone())
        };
    }
}

impl Manifest {
    /// Opens the manifest of a directory, and states there what is known of these prompts, each with its
    /// directory's name.
    pub(super) fn open(dir: &Path, prompts: Vec<(String, BakePrompt)>) -> Result<Self, Error> {
        fs::create_dir_all(dir).map_err(|error| {
            Error::io(format!("`{}` could not be created", dir.display()), error)
        })?;
        let lock = Lock::take(&dir.join(LOCK))?;
        let path = dir.join(FILE);
        let earlier = read(&path)?;
        let mut known: HashMap<&str, &Row> =
            earlier.iter().map(|row| (row.name.as_str(), row)).collect();
        let mut rows = Vec::new();
        for (name, request) in prompts {
            let mut row = Row::new(&name, request);
            if let Some(known) = known.remove(name.as_str())
                && known.request == row.request
            {
                row = known.clone();
            }
            if let Some(journal) = Journal::of(&dir.join(&name))
                && (journal.phase != Phase::Done || row.state != State::Done)
            {
                row.resume(journal);
            }
            rows.push(row);
        }
        rows.extend(
            earlier
                .iter()
                .filter(|row| known.contains_key(row.name.as_str()))
                .cloned(),
        );
        let manifest = Self {
            path,
            _lock: lock,
            rows,
        };
        manifest.store()?;
        Ok(manifest)
    }

    /// Records that a bake has requested its job, or has learned more of it.
    pub(super) fn started(&mut self, index: usize) -> Result<(), Error> {
        let row = &mut self.rows[index];
        let before = row.clone();
        if let Some(journal) = Journal::of(&self.path.with_file_name(&row.name)) {
            row.resume(journal);
        }
        self.store_unless(index, &before)
    }

    /// Records the end of a bake.
    pub(super) fn ended(&mut self, index: usize, baked: &Baked) -> Result<(), Error> {
        let row = &mut self.rows[index];
        let before = row.clone();
        let model = baked.model.as_ref();
        *row = Row {
            state: if baked.error.is_some() {
                State::Failed
            } else {
                State::Done
            },
            scene_id: baked.scene_id.clone(),
            job_id: baked.job_id.clone(),
            confidence: baked.confidence,
            model: model.and_then(|model| {
                let inner = model.strip_prefix(&baked.dir).ok()?;
                Some(Path::new(&row.name).join(inner))
            }),
            archive: baked.archive.clone(),
            warnings: baked.warnings.clone(),
            error: baked.error.clone(),
            ..Row::new(&row.name, row.request.clone())
        };
        self.store_unless(index, &before)
    }

    fn store_unless(&self, index: usize, before: &Row) -> Result<(), Error> {
        if self.rows[index] == *before {
            return Ok(());
        }
        self.store()
    }

    /// Replaces the file atomically.
    fn store(&self) -> Result<(), Error> {
        let mut lines = Vec::new();
        let written = self.rows.iter().try_for_each(|row| {
            serde_json::to_writer(&mut lines, row)?;
            lines.push(b'\n');
            Ok::<_, io::Error>(())
        });
        let written = written.and_then(|()| replace::write(&self.path, &lines));
        written.map_err(|error| {
            Error::io(
                format!("`{}` could not be written", self.path.display()),
                error,
            )
        })
    }
}

/// Reads the lines of an earlier manifest.
fn read(path: &Path) -> Result<Vec<Row>, Error> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => {
            return Err(Error::io(
                format!("`{}` could not be read", path.display()),
                error,
            ));
        }
    };
    let lines = text
        .lines()
        .enumerate()
        .filter(|(_, line)| !line.trim().is_empty());
    lines
        .map(|(index, line)| {
            serde_json::from_str(line).map_err(|error| {
                let (path, line) = (path.display(), index + 1);
                let message =
                    format!("line {line} of `{path}` is not one of a manifest; move the file away");
                Error::new(ErrorKind::InvalidRequest, message).with_source(error)
            })
        })
        .collect()
}
