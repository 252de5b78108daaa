//! The phases of a bake, each recorded in the journal when it is reached.

use std::fs;
use std::path::{Path, PathBuf};

use tokio::sync::mpsc::UnboundedSender;
use tokio::task::spawn_blocking;
use tracing::info;

use super::journal::{Journal, Lock, Phase, Request};
use super::{BakeEvent, Paths};
use crate::ext::bundle::Bundle;
use crate::ext::error::{Error, ErrorKind, PaidRequest};
use crate::ext::files::archive::{UnpackOptions, unpack_with};
use crate::ext::files::download::Download;
use crate::ext::files::zip;
use crate::ext::jobs::handle::JobHandle;
use crate::ext::jobs::reconcile::Reconciled;
use crate::raw::Client;

/// Bakes into `dir`, or resumes.
pub(super) async fn run(
    client: Client,
    request: Request,
    dir: PathBuf,
    events: UnboundedSender<BakeEvent>,
) -> Result<Bundle, Error> {
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
    let bake = match Journal::load(&paths.journal)? {
        Some(journal)
            if journal.phase == Phase::Done && journal.request.describes_same(&request) =>
        {
            if let Ok(bundle) = open(&paths.dir).await {
                // If a bake was killed right after its last phase, the archive is left.
                let _ = fs::remove_file(&paths.archive);
                return Ok(bundle);
            }
            // The directory was removed. The export costs nothing, so it is repeated.
            Run::new(Phase::Complete, journal, client, paths, events)
        }
        Some(journal) if journal.request == request => {
            let phase = journal.phase;
            Run::new(phase, journal, client, paths, events)
        }
        Some(journal) => return Err(other_bake(&paths, &journal, &request)),
        None => {
            check_free(&paths.dir)?;
            let journal = Journal::new(request);
            let mut bake = Run::new(Phase::Requested, journal, client, paths, events);
            bake.request_job().await?;
            bake
        }
    };
    bake.advance().await
}

impl Request {
    fn check(&self) -> Result<(), Error> {
        if self.in_scene.is_some()
            && (self.reference_images.is_some() || self.robot_profile.is_some())
        {
            let message = "an asset takes neither reference images nor a robot profile";
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

struct Run {
    /// The phase that was reached. The journal may record an earlier one.
    phase: Phase,
    journal: Journal,
    client: Client,
    paths: Paths,
    events: UnboundedSender<BakeEvent>,
    /// The job was requested again, because none was found.
    requested_again: bool,
    /// When this run started the job.
    accepted_at: Option<tokio::time::Instant>,
}

impl Run {
    fn new(
        phase: Phase,
        journal: Journal,
        client: Client,
        paths: Paths,
        events: UnboundedSender<BakeEvent>,
    ) -> Self {
        Self {
            phase,
            journal,
            client,
            paths,
            events,
            requested_again: false,
            accepted_at: None,
        }
    }

    async fn advance(mut self) -> Result<Bundle, Error> {
        if let Some(job_id) = self.journal.job_id.clone() {
            let _ = self.events.send(BakeEvent::Resumed { job_id });
        }
        loop {
            match self.phase {
                Phase::Requested => self.find().await?,
                Phase::Running => self.follow().await?,
                Phase::Unnamed => self.watch().await?,
                Phase::Complete => self.receive().await?,
                Phase::Downloaded => return self.unpack().await,
                Phase::Done => return open(&self.paths.dir).await,
            }
        }
    }

    fn reach(&mut self, phase: Phase) -> Result<(), Error> {
        self.phase = phase;
        self.journal.phase = phase;
        let Journal {
            job_id, scene_id, ..
        } = &self.journal;
        info!(target: "gizmo_client::bake", dir = %self.paths.dir.display(), ?phase, job_id, scene_id, "bake");
        self.journal.store(&self.paths.journal)
    }

    /// Removes the journal, so that the next run starts a new job: nothing was paid for, or the
    /// paid job has failed.
    fn forget(&self) {
        let _ = fs::remove_file(&self.paths.journal);
    }

    /// Requests the job, after the journal records that.
    async fn request_job(&mut self) -> Result<(), Error> {
        self.journal.requested_at = std::time::SystemTime::now();
        self.reach(Phase::Requested)?;
        match self.start().await {
            Ok(job) => {
                self.accepted_at = Some(tokio::time::Instant::now());
                self.started(&job)
            }
            // It may be running. `find` looks for it, in this run or the next one.
            Err(error) if error.is_outcome_unknown() => Ok(()),
            Err(error) => {
                self.forget();
                Err(error)
            }
        }
    }

    /// Looks for a job whose response was lost. It is requested again only if it was not accepted.
    async fn find(&mut self) -> Result<(), Error> {
        let (prompt, at) = (
            self.journal.request.prompt.clone(),
            self.journal.requested_at,
        );
        let request = match &self.journal.request.in_scene {
            Some(scene_id) => PaidRequest::asset(scene_id, prompt, at),
            None => PaidRequest::scene(prompt, at),
        };
        let unclear = |why: String| {
            let journal = self.paths.journal.display();
            let message =
                format!("the response to the paid request was lost, and {why}; see `{journal}`");
            Err(Error::new(ErrorKind::Transport, message))
        };
        match self.client.reconcile_request(&request).await? {
            Reconciled::Found(job) => self.started(&job),
            Reconciled::FoundWithoutJob(candidate) => {
                self.journal.scene_id = candidate.scene_id;
                self.journal.asset_id = candidate.asset_id;
                // An asset is listed when it is complete.
                let is_asset = self.journal.request.in_scene.is_some();
                self.reach(if is_asset {
                    Phase::Complete
                } else {
                    Phase::Unnamed
                })
            }
            Reconciled::Nothing if self.requested_again => {
                unclear("so was the response to the second one".to_owned())
            }
            Reconciled::Nothing => {
                self.requested_again = true;
                self.request_job().await
            }
            Reconciled::Several(candidates) => {
                let ids = candidates.iter().filter_map(|one| one.scene_id.as_deref());
                let ids: Vec<_> = ids.collect();
                unclear(format!("several scenes match: {}", ids.join(", ")))
            }
            _ => unclear("the service does not show yet whether it was accepted".to_owned()),
        }
    }

    async fn start(&self) -> Result<JobHandle, Error> {
        let request = self.journal.request.clone();
        if let Some(scene_id) = request.in_scene {
            let mut asset = self
                .client
                .generate_asset()
                .prompt(request.prompt)
                .scene_id(scene_id);
            if let Some(model) = request.model {
                asset = asset.model(model);
            }
            if let Some(pipeline) = request.asset_pipeline {
                asset = asset.asset_pipeline(pipeline);
            }
            return asset.start().await;
        }
        let mut scene = self.client.generate_scene().prompt(request.prompt);
        if let Some(model) = request.model {
            scene = scene.model(model);
        }
        if let Some(pipeline) = request.asset_pipeline {
            scene = scene.asset_pipeline(pipeline);
        }
        if let Some(urls) = request.reference_images {
            scene = scene.reference_images(urls);
        }
        scene.start().await
    }

    fn started(&mut self, job: &JobHandle) -> Result<(), Error> {
        self.journal.job_id = Some(job.id().to_owned());
        self.journal.scene_id = job.scene_id().map(str::to_owned);
        self.reach(Phase::Running)?;
        let job_id = job.id().to_owned();
        let _ = self.events.send(BakeEvent::Started { job_id });
        Ok(())
    }

    /// Waits until the scene is complete.
    async fn watch(&mut self) -> Result<(), Error> {
        let scene_id = self.journal.scene_id.clone().unwrap_or_default();
        let _ = self.events.send(BakeEvent::Unnamed {
            scene_id: scene_id.clone(),
        });
        let completed = super::watch::complete(&self.client, &scene_id).await;
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
            Err(error) => {
                if matches!(error.kind(), ErrorKind::JobFailed | ErrorKind::JobCancelled) {
                    self.forget();
                }
                Err(error)
            }
        }
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
            let export = self.client.export_asset().asset_id(asset_id);
            return export.format(request.format).download().await;
        }
        let scene_id = self
            .journal
            .scene_id
            .as_ref()
            .ok_or_else(|| missing("scene"))?;
        let mut export = self
            .client
            .export_scene()
            .scene_id(scene_id)
            .format(request.format);
        if let Some(profile) = &request.robot_profile {
            export = export.robot_profile(profile);
        }
        export.download().await
    }

    /// Unpacks the archive. The directory was free when the bake started, and is locked, so its
    /// contents belong to this bake.
    async fn unpack(mut self) -> Result<Bundle, Error> {
        let options = UnpackOptions {
            replace: true,
            ..UnpackOptions::default()
        };
        let unpacked = unpack_with(&self.paths.archive, &self.paths.dir, options).await;
        let bundle = match unpacked {
            Ok(bundle) => bundle,
            Err(error) => {
                // The file may be damaged, so the next run downloads it again.
                let _ = fs::remove_file(&self.paths.archive);
                self.reach(Phase::Complete)?;
                return Err(error.into());
            }
        };
        #[cfg(feature = "preview")]
        let bundle = super::preview::add(bundle).await;
        self.reach(Phase::Done)?;
        let _ = fs::remove_file(&self.paths.archive);
        Ok(bundle)
    }
}
