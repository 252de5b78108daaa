//! From a sentence to a directory in one resumable step.

mod adopt;
mod all;
mod baked;
mod find;
mod journal;
mod manifest;
mod names;
mod others;
#[cfg(feature = "preview")]
mod preview;
mod prompt;
mod provenance;
mod request;
mod run;

use std::fmt;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_core::Stream;
use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

pub use self::all::{BakeAll, BakeAllBuilder, BakeAllEvent, BakeAllEventKind, BakeSummary};
pub use self::baked::Baked;
use self::journal::Request;
pub use self::prompt::BakePrompt;
pub use self::provenance::{FileChange, FileChangeKind, FileEntry, FileHash, Provenance};
use crate::ext::bundle::Bundle;
use crate::ext::error::Error;
use crate::ext::files::download::Progress;
use crate::ext::jobs::candidate::Candidate;
use crate::ext::jobs::event::JobEvent;
use crate::ext::jobs::reconcile::Confidence;
use crate::raw::Client;
use crate::raw::types::{AssetPipeline, Format};

impl Client {
    /// Generates a scene, follows the job, exports it and unpacks it into a directory.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let simulator = gizmo_simulator::Simulator::start(gizmo_simulator::Options::instant()).await?;
    /// # let builder = gizmo_client::Client::builder().api_key(simulator.api_key());
    /// # let client = builder.base_url(simulator.url()).build()?;
    /// # let dir = tempfile::tempdir()?;
    /// # std::env::set_current_dir(&dir)?;
    /// use futures::StreamExt;
    /// use gizmo_client::{BakeEvent, Format};
    ///
    /// let bundle = client.bake("a robotics lab").format(Format::Mjcf).into_dir("lab").await?;
    /// println!("{}", bundle.model().display()); // lab/js7….xml
    ///
    /// // Or with its events, for a progress bar. The scene exists, so no second job is started.
    /// let mut bake = client.bake("a robotics lab").into_dir("lab");
    /// while let Some(event) = bake.next().await {
    ///     if let BakeEvent::Job(event) = event? {
    ///         println!("{event}");
    ///     }
    /// }
    /// # assert_eq!(simulator.handle().job_count(), 1);
    /// # Ok(())
    /// # }
    /// ```
    pub fn bake(&self, prompt: impl Into<BakePrompt>) -> BakeBuilder {
        BakeBuilder::new(self, prompt.into(), None)
    }

    /// Generates an asset in a scene, follows the job, exports it and unpacks it into a directory.
    pub fn bake_asset(
        &self,
        scene_id: impl Into<String>,
        prompt: impl Into<BakePrompt>,
    ) -> BakeBuilder {
        BakeBuilder::new(self, prompt.into(), Some(scene_id.into()))
    }
}

/// The settings of a bake, created by [`Client::bake`] and [`Client::bake_asset`].
#[derive(Debug, Clone)]
#[must_use = "nothing is baked before `into_dir` is called"]
pub struct BakeBuilder {
    client: Client,
    request: Request,
    recovery: Recovery,
}

/// What to do about a request whose response was lost.
#[derive(Debug, Clone)]
struct Recovery {
    /// How long to look for what it made.
    search_limit: Duration,
    /// The id to take as what it made.
    adopt: Option<String>,
    /// Whether to request it again if nothing is found.
    ask_again: bool,
}

/// A scene takes up to 20 minutes, and may be listed only when it is complete.
// Assumptions: scene-listed-when, scene-duration.
const SEARCH_LIMIT: Duration = Duration::from_secs(20 * 60);

impl BakeBuilder {
    fn new(client: &Client, prompt: BakePrompt, in_scene: Option<String>) -> Self {
        Self {
            client: client.clone(),
            request: Request::new(client.base_url(), in_scene, prompt),
            recovery: Recovery {
                search_limit: SEARCH_LIMIT,
                adopt: None,
                ask_again: false,
            },
        }
    }

    /// Sets the simulator format. Defaults to MJCF.
    pub fn format(mut self, format: Format) -> Self {
        self.request.format = format;
        self
    }

    /// Sets the language model, in place of the service's default.
    pub fn model(mut self, model: impl Into<String>) -> Self {
        self.request.model = Some(model.into());
        self
    }

    /// Sets how geometry is generated. The service's default is `auto`.
    pub fn asset_pipeline(mut self, pipeline: AssetPipeline) -> Self {
        self.request.asset_pipeline = Some(pipeline);
        self
    }

    /// Sets the URLs of up to three reference images. Only a scene accepts them.
    pub fn reference_images(mut self, urls: Vec<String>) -> Self {
        self.request.reference_images = Some(urls);
        self
    }

    /// Sets the robot to embed into the exported scene. Only a scene accepts it.
    pub fn robot_profile(mut self, profile: impl Into<String>) -> Self {
        self.request.robot_profile = Some(profile.into());
        self
    }

    /// Omits textures, for physics without pictures; see
    /// [`UnpackOptions::slim`](crate::archive::UnpackOptions::slim). Only MJCF can be slimmed.
    pub fn slim(mut self) -> Self {
        self.request.slim = true;
        self
    }

    /// Sets how long a run looks for the job of a request whose response was lost. Defaults to 20
    /// minutes: a service may list a scene only when it is complete. Each run looks at least once.
    pub fn search_limit(mut self, limit: Duration) -> Self {
        self.recovery.search_limit = limit;
        self
    }

    /// Uses the existing job, scene or asset with this id as the result. Nothing is paid, and its prompt is
    /// not compared.
    ///
    /// Use it if the response to the request was lost, and you know what the request has made. The bake
    /// fails with [`ErrorKind::InvalidRequest`](crate::ErrorKind::InvalidRequest) if nothing has the id,
    /// or if the directory already has the result of another job.
    pub fn adopt(mut self, id: impl Into<String>) -> Self {
        self.recovery.adopt = Some(id.into());
        self
    }

    /// Consents to pay for another job if the response to an earlier request was lost and one more
    /// lookup does not find what it made. The earlier job may be running, too.
    pub fn ask_again(mut self) -> Self {
        self.recovery.ask_again = true;
        self
    }

    /// Sets the directory for the scene. Nothing is sent before the result is awaited or polled.
    ///
    /// A journal next to the directory, `{dir}.bake.json`, is written before the job is requested
    /// and after each phase. A second run resumes from it, also in another process, if the directory and
    /// these settings are equal: base URL, prompt, scene of an asset, format, model, asset pipeline,
    /// reference images, robot profile and slimming. Other settings are an error. Then a job is not requested twice, and a complete export is not downloaded
    /// twice. If the bake is done, the directory is returned without a request.
    ///
    /// If the response to the request is lost, the bake looks for a result that is new since the
    /// request, has its prompt, and belongs to no other bake beside this directory. It reports what it
    /// takes as [`BakeEvent::Found`], with its [`Confidence`], and requests nothing again.
    ///
    /// Where the bundle comes from, with a hash of each file, is written to `gizmo-provenance.json` in the
    /// directory; see [`Bundle::provenance`]. The journal is for this crate only, and its format may change.
    ///
    /// With the feature `preview`, a picture of an MJCF model is written to `preview.svg` next to
    /// the model, if it can be drawn; see `Bundle::preview`.
    pub fn into_dir(self, dir: impl AsRef<Path>) -> Bake {
        let (events, receiver) = mpsc::unbounded_channel();
        let dir = dir.as_ref().to_owned();
        let run = run::run(self.client, self.request, self.recovery, dir, events);
        Bake {
            run: Some(Box::pin(run)),
            events: receiver,
            end: None,
        }
    }
}

/// The events of a bake, over all its phases. Serialized, each is one JSON object, to forward or store it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum BakeEvent {
    /// An earlier bake is resumed. Its job was started already.
    Resumed {
        /// The job's id.
        job_id: String,
    },
    /// The job was started. It costs credits.
    Started {
        /// The job's id.
        job_id: String,
    },
    /// The response to the request was lost, and what it made is not found yet. It is looked for again.
    Searching {
        /// The time since this run began to look.
        elapsed: Duration,
    },
    /// This is taken for the result of the request whose response was lost.
    Found {
        /// The result.
        result: Candidate,
        /// How well it fits. Another user of the account may have requested the same.
        confidence: Confidence,
    },
    /// The job is running, but the service does not name it, so it has no events. The status of its scene
    /// is requested instead, for at most an hour. The next event follows when the scene is complete.
    Unnamed {
        /// The scene of the job.
        scene_id: String,
    },
    /// An event of the job.
    Job(JobEvent),
    /// More of the export has arrived.
    Download(Progress),
    /// The bundle is complete. This is the last event.
    Finished(Bundle),
}

/// A bake. Await it for its [`Bundle`], or read it as a stream of [`BakeEvent`]s that ends with
/// [`BakeEvent::Finished`].
///
/// # Errors
///
/// Those of each phase. A job that failed or was refused is forgotten: the next run requests another
/// one, which costs credits. [`ErrorKind::OutcomeUnknown`](crate::ErrorKind::OutcomeUnknown) if the response
/// to the request was lost and nothing that it made is found: bake again to keep looking, with
/// [`adopt`](BakeBuilder::adopt), or with [`ask_again`](BakeBuilder::ask_again).
/// [`ErrorKind::InvalidRequest`](crate::ErrorKind::InvalidRequest) if the
/// directory contains anything else, or another bake; [`ErrorKind::Io`](crate::ErrorKind::Io) if
/// another process is baking into it. After a job that failed or was refused, baking again starts a
/// new one. After any other error it resumes.
///
/// # Cancel safety
///
/// Cancel safe: if it is dropped or the process is killed, the job keeps running, and baking the
/// same into the same directory again resumes.
#[must_use = "a bake does nothing until it is awaited or polled"]
pub struct Bake {
    run: Option<BoxFuture<'static, Result<Bundle, Error>>>,
    events: mpsc::UnboundedReceiver<BakeEvent>,
    end: Option<Result<BakeEvent, Error>>,
}

impl Stream for Bake {
    type Item = Result<BakeEvent, Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        // Reported events come first, so the queue is empty when `run` continues.
        if let Ok(event) = self.events.try_recv() {
            return Poll::Ready(Some(Ok(event)));
        }
        if let Some(run) = &mut self.run
            && let Poll::Ready(end) = run.as_mut().poll(context)
        {
            self.run = None;
            self.end = Some(end.map(BakeEvent::Finished));
        }
        if let Ok(event) = self.events.try_recv() {
            return Poll::Ready(Some(Ok(event)));
        }
        if self.run.is_some() {
            return Poll::Pending;
        }
        Poll::Ready(self.end.take())
    }
}

impl Future for Bake {
    type Output = Result<Bundle, Error>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        loop {
            match ready!(self.poll_next_unpin(context)) {
                Some(Ok(BakeEvent::Finished(bundle))) => return Poll::Ready(Ok(bundle)),
                Some(Ok(_)) => {}
                Some(Err(error)) => return Poll::Ready(Err(error)),
                None => panic!("a bake was polled after its end"),
            }
        }
    }
}

impl fmt::Debug for Bake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bake").finish_non_exhaustive()
    }
}

/// `lab` and the files next to it: `lab.bake.json`, `lab.bake.zip`, `lab.bake.lock`.
#[derive(Debug, Clone)]
struct Paths {
    dir: PathBuf,
    journal: PathBuf,
    archive: PathBuf,
    lock: PathBuf,
}

impl Paths {
    fn of(dir: &Path) -> Result<Self, Error> {
        // `lab/` is `lab`.
        let dir: PathBuf = dir.components().collect();
        let Some(name) = dir.file_name() else {
            let message = format!("`{}` does not name a directory", dir.display());
            return Err(Error::new(
                crate::ext::error::ErrorKind::InvalidRequest,
                message,
            ));
        };
        let sibling = |suffix: &str| {
            let mut name = name.to_owned();
            name.push(suffix);
            dir.with_file_name(name)
        };
        Ok(Self {
            journal: sibling(".bake.json"),
            archive: sibling(".bake.zip"),
            lock: sibling(".bake.lock"),
            dir,
        })
    }
}
