//! The result of one of many bakes.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tokio::task::spawn_blocking;

use super::BakeEvent;
use super::journal::Journal;
use super::provenance::FileHash;
use crate::ext::bundle::Bundle;
use crate::ext::error::Error;
use crate::ext::jobs::reconcile::Confidence;

/// The result of one prompt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Baked {
    /// The prompt.
    pub prompt: String,
    /// The directory of the scene.
    pub dir: PathBuf,
    /// The scene, if the service has named it.
    #[serde(default)]
    pub scene_id: Option<String>,
    /// The job, if the service has named it.
    pub job_id: Option<String>,
    /// The model file, if it succeeded and the export has exactly one.
    pub model: Option<PathBuf>,
    /// The size and the hash of the export's archive, if it succeeded.
    #[serde(default)]
    pub archive: Option<FileHash>,
    /// What the models lack, one line each, if it succeeded ([`Bundle::warnings`]).
    #[serde(default)]
    pub warnings: Vec<String>,
    /// The error on one line, if it failed.
    pub error: Option<String>,
    /// How well the scene fits, if the response to its request was lost and it was found.
    pub confidence: Option<Confidence>,
}

impl Baked {
    pub(super) fn new(prompt: String, dir: PathBuf) -> Self {
        Self {
            prompt,
            dir,
            scene_id: None,
            job_id: None,
            model: None,
            archive: None,
            warnings: Vec::new(),
            error: None,
            confidence: None,
        }
    }

    /// Takes over what an event tells.
    pub(super) async fn note(&mut self, event: &BakeEvent) {
        match event {
            BakeEvent::Resumed { job_id } | BakeEvent::Started { job_id } => {
                self.job_id = Some(job_id.clone());
            }
            BakeEvent::Found { result, confidence } => {
                self.scene_id.clone_from(&result.scene_id);
                self.job_id.clone_from(&result.job_id);
                self.confidence = Some(*confidence);
            }
            BakeEvent::Unnamed { scene_id } => self.scene_id = Some(scene_id.clone()),
            BakeEvent::Finished(bundle) => {
                self.model = bundle.model().path().ok().map(Path::to_owned);
                let (bundle, mut baked) = (bundle.clone(), self.clone());
                let checked = spawn_blocking(move || {
                    baked.check(&bundle);
                    baked
                });
                if let Ok(checked) = checked.await {
                    *self = checked;
                }
            }
            BakeEvent::Searching { .. } | BakeEvent::Job(_) | BakeEvent::Download(_) => {}
        }
    }

    /// Takes over what a complete bundle tells.
    fn check(&mut self, bundle: &Bundle) {
        match bundle.warnings() {
            Ok(warnings) => self.warnings = warnings.iter().map(ToString::to_string).collect(),
            Err(error) => self.warnings = vec![format!("the models could not be checked: {error}")],
        }
        match bundle.provenance() {
            Ok(Some(provenance)) => {
                self.scene_id = provenance.scene_id;
                self.job_id = provenance.job_id;
                self.confidence = provenance.confidence;
                self.archive = Some(provenance.archive);
            }
            // An earlier version of the crate wrote none.
            Ok(None) => self.remember(),
            Err(error) => self.warnings.push(error.to_string()),
        }
    }

    pub(super) fn fail(&mut self, error: &Error) {
        self.remember();
        if let Some(job_id) = error.job_id() {
            self.job_id = Some(job_id.to_owned());
        }
        self.error = Some(format!("{error:#}"));
    }

    /// Takes over the ids in the journal.
    fn remember(&mut self) {
        if let Some(journal) = Journal::of(&self.dir) {
            self.scene_id = journal.scene_id.or(self.scene_id.take());
            self.job_id = journal.job_id.or(self.job_id.take());
        }
    }
}
