//! The phases of a bake, one after the other, each written down once it is reached.

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
use crate::ext::files::download::ends_whole;
use crate::ext::jobs::handle::JobHandle;
use crate::ext::jobs::reconcile::Reconciled;
use crate::raw::Client;

/// Bakes into `dir`, or goes on with it.
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
            Error::io(format!("`{}` could not be made", parent.display()), error)
        })?;
    }
    let _lock = Lock::take(&paths.lock)?;
    let bake = match Journal::load(&paths.journal)? {
        Some(journal)
            if journal.phase == Phase::Done && journal.request.makes_the_same(&request) =>
        {
            if let Ok(bundle) = open(&paths.dir).await {
                // Killed right after it was done, a bake leaves the archive behind.
                let _ = fs::remove_file(&paths.archive);
                return Ok(bundle);
            }
            // Somebody has removed the directory: the export costs nothing.
            Run::new(Phase::Made, journal, client, paths, events)
        }
        Some(journal) if journal.request == request => {
            let phase = journal.phase;
            Run::new(phase, journal, client, paths, events)
        }
        Some(journal) => return Err(another(&paths, &journal, &request)),
        None => {
            check_free(&paths.dir)?;
            let journal = Journal::new(request);
            let mut bake = Run::new(Phase::Requested, journal, client, paths, events);
            bake.ask().await?;
            bake
        }
    };
    bake.go_on().await
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

fn another(paths: &Paths, journal: &Journal, request: &Request) -> Error {
    let recorded = &journal.request;
    let what = if recorded.makes_the_same(request) {
        format!("was started with another service, {}", recorded.service)
    } else {
        let prompt = crate::ext::error::one_line(&recorded.prompt, 60);
        format!("is of another bake (`{prompt}` as {})", recorded.format)
    };
    let (dir, journal) = (paths.dir.display(), paths.journal.display());
    let message = format!("`{dir}` {what}; choose another directory, or delete it and `{journal}`");
    Error::new(ErrorKind::InvalidRequest, message)
}

/// Before anything is paid for: the directory must be empty or not exist.
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
    /// How far this has come; the journal may still say an earlier one.
    phase: Phase,
    journal: Journal,
    client: Client,
    paths: Paths,
    events: UnboundedSender<BakeEvent>,
    /// The job has been asked for once more, after nothing was found.
    requested_again: bool,
    /// The job has been accepted by this run.
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

    async fn go_on(mut self) -> Result<Bundle, Error> {
        if let Some(job_id) = self.journal.job_id.clone() {
            let _ = self.events.send(BakeEvent::Resumed { job_id });
        }
        loop {
            match self.phase {
                Phase::Requested => self.find().await?,
                Phase::Working => self.follow().await?,
                Phase::Unnamed => self.watch().await?,
                Phase::Made => self.receive().await?,
                Phase::Received => return self.unpack().await,
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

    /// Nothing has been paid for, or what was paid for is lost: the next try begins anew.
    fn forget(&self) {
        let _ = fs::remove_file(&self.paths.journal);
    }

    /// Asks for the job, after the journal says so.
    async fn ask(&mut self) -> Result<(), Error> {
        self.journal.requested_at = std::time::SystemTime::now();
        self.reach(Phase::Requested)?;
        match self.start().await {
            Ok(job) => {
                self.accepted_at = Some(tokio::time::Instant::now());
                self.started(&job)
            }
            // It may be at work: `find` looks for it, now or at the next try.
            Err(error) if error.is_outcome_unknown() => Ok(()),
            Err(error) => {
                self.forget();
                Err(error)
            }
        }
    }

    /// The job was asked for, and its response was lost: is it there? Only when it is certain that
    /// it is not, it is asked for again.
    async fn find(&mut self) -> Result<(), Error> {
        let (prompt, at) = (
            self.journal.request.prompt.clone(),
            self.journal.requested_at,
        );
        let asked = match &self.journal.request.in_scene {
            Some(scene_id) => PaidRequest::asset(scene_id, prompt, at),
            None => PaidRequest::scene(prompt, at),
        };
        let unclear = |why: String| {
            let journal = self.paths.journal.display();
            let message =
                format!("the job was asked for, its response was lost, and {why}; see `{journal}`");
            Err(Error::new(ErrorKind::Transport, message))
        };
        match self.client.reconcile_request(&asked).await? {
            Reconciled::Found(job) => self.started(&job),
            Reconciled::FoundWithoutJob(candidate) => {
                self.journal.scene_id = candidate.scene_id;
                self.journal.asset_id = candidate.asset_id;
                // An asset is listed once it is there.
                let is_asset = self.journal.request.in_scene.is_some();
                self.reach(if is_asset {
                    Phase::Made
                } else {
                    Phase::Unnamed
                })
            }
            Reconciled::Nothing if self.requested_again => {
                unclear("asking again was lost as well".to_owned())
            }
            Reconciled::Nothing => {
                self.requested_again = true;
                self.ask().await
            }
            Reconciled::Several(candidates) => {
                let ids = candidates.iter().filter_map(|one| one.scene_id.as_deref());
                let ids: Vec<_> = ids.collect();
                unclear(format!("several scenes fit: {}", ids.join(", ")))
            }
            _ => unclear("nothing tells yet what became of it".to_owned()),
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
        self.reach(Phase::Working)?;
        let job_id = job.id().to_owned();
        let _ = self.events.send(BakeEvent::Started { job_id });
        Ok(())
    }

    /// The scene until it has been made.
    async fn watch(&mut self) -> Result<(), Error> {
        let scene_id = self.journal.scene_id.clone().unwrap_or_default();
        let _ = self.events.send(BakeEvent::Unnamed {
            scene_id: scene_id.clone(),
        });
        let made = super::watch::made(&self.client, &scene_id).await;
        if made
            .as_ref()
            .is_err_and(|error| error.kind() == ErrorKind::JobFailed)
        {
            self.forget();
        }
        made?;
        self.reach(Phase::Made)
    }

    /// The job's events to their end.
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
                self.reach(Phase::Made)
            }
            Err(error) => {
                if matches!(error.kind(), ErrorKind::JobFailed | ErrorKind::JobCancelled) {
                    self.forget();
                }
                Err(error)
            }
        }
    }

    /// The export, to a file beside the directory; unless it is there already.
    async fn receive(&mut self) -> Result<(), Error> {
        let archive = self.paths.archive.clone();
        let whole = spawn_blocking(move || ends_whole(&archive)).await;
        if !whole.unwrap_or(false) {
            let events = self.events.clone();
            let download = self.export().await?.on_progress(move |progress| {
                let _ = events.send(BakeEvent::Download(progress));
            });
            download.to_file(&self.paths.archive).await?;
        }
        self.reach(Phase::Received)
    }

    async fn export(&self) -> Result<Download, Error> {
        let request = &self.journal.request;
        let missing = |what: &str| {
            let message = format!("the job succeeded, and nothing says which {what} it made");
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

    /// The directory was free when the bake began, and locked since: what is in it is of this bake.
    async fn unpack(mut self) -> Result<Bundle, Error> {
        let options = UnpackOptions {
            replace: true,
            ..UnpackOptions::default()
        };
        let unpacked = unpack_with(&self.paths.archive, &self.paths.dir, options).await;
        let bundle = match unpacked {
            Ok(bundle) => bundle,
            Err(error) => {
                // Received again at the next try, should it have been spoilt on disk.
                let _ = fs::remove_file(&self.paths.archive);
                self.reach(Phase::Made)?;
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
