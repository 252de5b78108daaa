//! The phases of a bake, each recorded in the journal when it is reached.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use tokio::sync::mpsc::UnboundedSender;
use tokio::task::spawn_blocking;
use tracing::info;

use super::journal::{Attempt, Journal, Lock, Outcome, Phase, Request};
use super::request::Builder;
use super::{BakeEvent, Paths, Recovery, provenance};
use crate::ext::bundle::Bundle;
use crate::ext::error::{Error, ErrorKind};
use crate::ext::files::archive::{UnpackOptions, unpack_with};
use crate::ext::files::download::Download;
use crate::ext::files::zip;
use crate::ext::http::options::Draft;
use crate::ext::http::runtime;
use crate::raw::types::Format;
use crate::raw::{Client, OPERATIONS};

/// Bakes into `dir`, or resumes.
pub(super) async fn run(
    client: Client,
    request: Request,
    recovery: Recovery,
    dir: PathBuf,
    events: UnboundedSender<BakeEvent>,
) -> Result<Bundle, Error> {
    runtime::require()?;
    let paths = Paths::of(&dir)?;
    request.check()?;
    if let Some(parent) = paths.dir.parent() {
        let created = fs::create_dir_all(parent);
        created.map_err(|error| {
            Error::io(
                format!("`{}` could not be created", parent.display()),
                error,
            )
        })?;
    }
    let _lock = Lock::take(&paths.lock)?;
    let (journal, resumes) = match Journal::load(&paths.journal)? {
        Some(mut journal) if journal.request.describes_same(&request) => {
            if journal.phase == Phase::Done {
                if let Ok(bundle) = open(&paths.dir).await {
                    // If a bake was killed right after its last phase, the archive is left.
                    let _ = fs::remove_file(&paths.archive);
                    return Ok(bundle);
                }
                // The directory was removed. The export costs nothing, so it is repeated.
                journal.phase = Phase::Complete;
            } else if journal.request != request {
                return Err(other_bake(&paths, &journal, &request));
            }
            (journal, true)
        }
        Some(journal) => return Err(other_bake(&paths, &journal, &request)),
        None => {
            check_free(&paths.dir)?;
            (Journal::new(request), false)
        }
    };
    let mut bake = Run {
        journal,
        client,
        paths,
        events,
        recovery,
        accepted_at: None,
    };
    match bake.recovery.adopt.take() {
        Some(id) => bake.adopt(&id).await?,
        None if !resumes => bake.request_job().await?,
        None => {}
    }
    bake.advance(resumes).await
}

impl Request {
    fn check(&self) -> Result<(), Error> {
        if self.in_scene.is_some()
            && (self.reference_images.is_some() || self.robot_profile.is_some())
        {
            let message = "an asset takes neither reference images nor a robot profile";
            return Err(Error::new(ErrorKind::InvalidRequest, message));
        }
        // Assumption: export-formats.
        if self.slim && self.format != Format::Mjcf {
            let message = format!(
                "only MJCF can be slimmed, and the format is `{}`",
                self.format
            );
            return Err(Error::new(ErrorKind::InvalidRequest, message));
        }
        Ok(())
    }
}

fn other_bake(paths: &Paths, journal: &Journal, request: &Request) -> Error {
    let recorded = &journal.request;
    let what = if recorded.describes_same(request) {
        format!("was started with another service, {}", recorded.service)
    } else {
        let prompt = crate::ext::error::one_line(&recorded.prompt, 60);
        format!(
            "belongs to another bake (`{prompt}` as {})",
            recorded.format
        )
    };
    let (dir, journal) = (paths.dir.display(), paths.journal.display());
    let message = format!("`{dir}` {what}; choose another directory, or delete it and `{journal}`");
    Error::new(ErrorKind::InvalidRequest, message)
}

/// Checks before anything is paid for: the directory must be empty or not exist.
fn check_free(dir: &Path) -> Result<(), Error> {
    match fs::read_dir(dir).map(Iterator::count) {
        Ok(0) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Ok(_) => {
            let message = format!("`{}` is not empty; choose another directory", dir.display());
            Err(Error::new(ErrorKind::InvalidRequest, message))
        }
        Err(error) => Err(Error::io(
            format!("`{}` is not a directory to bake into", dir.display()),
            error,
        )),
    }
}

async fn open(dir: &Path) -> Result<Bundle, Error> {
    let dir = dir.to_owned();
    let opened = spawn_blocking(move || Bundle::open(dir)).await;
    Ok(opened.map_err(|error| Error::io("the directory could not be read", error.into()))??)
}

pub(super) struct Run {
    pub(super) journal: Journal,
    pub(super) client: Client,
    pub(super) paths: Paths,
    events: UnboundedSender<BakeEvent>,
    pub(super) recovery: Recovery,
    /// When this run started the job.
    accepted_at: Option<tokio::time::Instant>,
}

impl Run {
    async fn advance(mut self, resumes: bool) -> Result<Bundle, Error> {
        if let Some(job_id) = self.journal.job_id.clone().filter(|_| resumes) {
            self.report(BakeEvent::Resumed { job_id });
        }
        loop {
            match self.journal.phase {
                Phase::Requested => self.find().await?,
                Phase::Running => self.follow().await?,
                Phase::Unnamed => self.watch().await?,
                Phase::Complete => self.receive().await?,
                Phase::Downloaded => return self.unpack().await,
                Phase::Done => return open(&self.paths.dir).await,
            }
        }
    }

    pub(super) fn report(&self, event: BakeEvent) {
        let _ = self.events.send(event);
    }

    pub(super) fn reach(&mut self, phase: Phase) -> Result<(), Error> {
        self.journal.phase = phase;
        if phase == Phase::Complete {
            self.journal
                .completed_at
                .get_or_insert_with(SystemTime::now);
        }
        let Journal {
            job_id, scene_id, ..
        } = &self.journal;
        info!(target: "gizmo_client::bake", dir = %self.paths.dir.display(), ?phase, job_id, scene_id, "bake");
        self.journal.store(&self.paths.journal)
    }

    /// Makes the next run request the job: nothing was paid for, or the paid job has failed. Another
    /// request whose outcome is unknown is not forgotten.
    pub(super) fn forget(&mut self) {
        if self.journal.unresolved().is_empty() {
            let _ = fs::remove_file(&self.paths.journal);
            return;
        }
        let Journal {
            job_id,
            scene_id,
            asset_id,
            confidence,
            completed_at,
            ..
        } = &mut self.journal;
        (*job_id, *scene_id, *asset_id) = (None, None, None);
        (*confidence, *completed_at) = (None, None);
        let _ = self.reach(Phase::Requested);
    }

    /// Requests the job, after the journal records that.
    // Assumption: generation-paid.
    pub(super) async fn request_job(&mut self) -> Result<(), Error> {
        let client = self.client.clone();
        let builder = Builder::new(&client, self.journal.request.clone());
        let build = || builder.request();
        let start = client
            .prepare(OPERATIONS, builder.operation(), Draft::of(&build))
            .await?;
        let request = start.request().clone();
        let outcome = Outcome::Sent;
        self.journal.attempts.push(Attempt { request, outcome });
        self.reach(Phase::Requested)?;
        let started = start.send_job().await;
        let is_lost = started.as_ref().is_err_and(Error::is_outcome_unknown);
        self.journal.settle(if is_lost {
            Outcome::Lost
        } else {
            Outcome::Known
        });
        match started {
            Ok(job) => {
                self.accepted_at = Some(tokio::time::Instant::now());
                self.journal.job_id = Some(job.id().to_owned());
                self.journal.scene_id = job.scene_id().map(str::to_owned);
                self.reach(Phase::Running)?;
                let job_id = job.id().to_owned();
                self.report(BakeEvent::Started { job_id });
                Ok(())
            }
            // It may be running. `find` looks for it, in this run or the next one.
            Err(error) if is_lost => {
                info!(target: "gizmo_client::bake", %error, "the response was lost");
                self.reach(Phase::Requested)
            }
            Err(error) => {
                self.forget();
                Err(error)
            }
        }
    }

    /// Waits until the scene is complete.
    async fn watch(&mut self) -> Result<(), Error> {
        let scene_id = self.journal.scene_id.clone().unwrap_or_default();
        self.report(BakeEvent::Unnamed {
            scene_id: scene_id.clone(),
        });
        let completed = self.client.wait_for_scene(&scene_id).await;
        if completed
            .as_ref()
            .is_err_and(|error| error.kind() == ErrorKind::JobFailed)
        {
            self.forget();
        }
        completed?;
        self.reach(Phase::Complete)
    }

    /// Follows the job to its end.
    async fn follow(&mut self) -> Result<(), Error> {
        let id = self.journal.job_id.clone().unwrap_or_default();
        let job = self.client.job(id).in_scene(self.journal.scene_id.clone());
        let job = job
            .making_asset(self.journal.request.in_scene.is_some())
            .accepted_at(self.accepted_at);
        let events = self.events.clone();
        let ended = job.follow(|event| {
            let _ = events.send(BakeEvent::Job(event.clone()));
        });
        match ended.await {
            Ok(finished) => {
                self.journal.scene_id = Some(finished.scene_id);
                self.journal.asset_id = finished.asset_id;
                self.reach(Phase::Complete)
            }
            Err(error) if error.is_not_found() => self.without_job(error).await,
            Err(error) => {
                if matches!(error.kind(), ErrorKind::JobFailed | ErrorKind::JobCancelled) {
                    self.forget();
                }
                Err(error)
            }
        }
    }

    /// Goes on without a job that the service does not know, if what it makes exists.
    async fn without_job(&mut self, error: Error) -> Result<(), Error> {
        if self.journal.asset_id.is_some() {
            return self.reach(Phase::Complete);
        }
        let is_scene = self.journal.request.in_scene.is_none();
        if let Some(scene_id) = self.journal.scene_id.as_ref().filter(|_| is_scene)
            && known_or_none(self.client.get_scene().scene_id(scene_id).send().await)?.is_some()
        {
            return self.reach(Phase::Unnamed);
        }
        if std::mem::take(&mut self.recovery.ask_again) {
            return self.request_job().await;
        }
        Err(error.with_advice(
            "what it makes does not exist either; check the service and the key, bake with `adopt` if you know the id of what it made, or pay for another job with `ask_again`",
        ))
    }

    /// Downloads the export to a file next to the directory, unless it is there.
    async fn receive(&mut self) -> Result<(), Error> {
        let archive = self.paths.archive.clone();
        let complete = spawn_blocking(move || zip::is_complete(&archive)).await;
        if !complete.unwrap_or(false) {
            let events = self.events.clone();
            let download = self.export().await?.on_progress(move |progress| {
                let _ = events.send(BakeEvent::Download(progress));
            });
            download.to_file(&self.paths.archive).await?;
        }
        self.reach(Phase::Downloaded)
    }

    async fn export(&self) -> Result<Download, Error> {
        let request = &self.journal.request;
        let missing = |what: &str| {
            let message = format!("the job succeeded, but no response names its {what}");
            Error::new(ErrorKind::Decode, message)
        };
        if request.in_scene.is_some() {
            let asset_id = self
                .journal
                .asset_id
                .as_ref()
                .ok_or_else(|| missing("asset"))?;
            // Assumption: export-asset-query.
            let export = self.client.export_asset().asset_id(asset_id);
            return export.format(request.format.clone()).download().await;
        }
        let scene_id = self
            .journal
            .scene_id
            .as_ref()
            .ok_or_else(|| missing("scene"))?;
        // Assumption: export-scene-body.
        let mut export = self
            .client
            .export_scene()
            .scene_id(scene_id)
            .format(request.format.clone());
        if let Some(profile) = &request.robot_profile {
            export = export.robot_profile(profile);
        }
        export.download().await
    }

    /// Unpacks the archive. The directory was free when the bake started, and is locked, so its
    /// contents belong to this bake.
    async fn unpack(mut self) -> Result<Bundle, Error> {
        let Paths { archive, dir, .. } = self.paths.clone();
        let options = UnpackOptions {
            replace: true,
            slim: self.journal.request.slim,
            ..UnpackOptions::default()
        };
        let unpacked = unpack_with(&archive, &dir, options).await;
        let bundle = match unpacked {
            Ok(bundle) => bundle,
            Err(error) => {
                // The file may be damaged, so the next run downloads it again.
                let _ = fs::remove_file(&archive);
                self.reach(Phase::Complete)?;
                return Err(error.into());
            }
        };
        let (journal, from) = (self.journal.clone(), archive.clone());
        let described = spawn_blocking(move || {
            #[cfg(feature = "preview")]
            super::preview::add(&bundle);
            provenance::write(&journal, &from, bundle.dir())?;
            Bundle::open(bundle.dir())
        });
        let described = described.await;
        let bundle = described
            .map_err(|error| Error::io("the provenance could not be written", error.into()))??;
        self.reach(Phase::Done)?;
        let _ = fs::remove_file(&archive);
        Ok(bundle)
    }
}

/// Turns a 404 into `None`.
pub(super) fn known_or_none<T>(response: Result<T, Error>) -> Result<Option<T>, Error> {
    match response {
        Ok(known) => Ok(Some(known)),
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(error),
    }
}
