//! From a sentence to a directory in one step, which goes on where it stopped.

mod all;
mod journal;
#[cfg(feature = "preview")]
mod preview;
mod run;
mod watch;

use std::fmt;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;
use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use tokio::sync::mpsc;

pub use self::all::{BakeAll, BakeSummary, Baked};
use self::journal::Request;
use crate::ext::bundle::Bundle;
use crate::ext::error::Error;
use crate::ext::files::download::Progress;
use crate::ext::jobs::event::JobEvent;
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
    /// println!("{}", bundle.model().display()); // lab/scene.xml
    ///
    /// // Or with its events, for a progress bar. There is no second job: it is done already.
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
    pub fn bake(&self, prompt: impl Into<String>) -> BakeBuilder {
        BakeBuilder::new(self, prompt.into(), None)
    }

    /// Generates an asset in a scene, follows the job, exports it and unpacks it into a directory.
    pub fn bake_asset(
        &self,
        scene_id: impl Into<String>,
        prompt: impl Into<String>,
    ) -> BakeBuilder {
        BakeBuilder::new(self, prompt.into(), Some(scene_id.into()))
    }
}

/// What to bake; made by [`Client::bake`] and [`Client::bake_asset`].
#[derive(Debug, Clone)]
#[must_use = "nothing is baked before `into_dir` or `into_dirs` is called"]
pub struct BakeBuilder {
    client: Client,
    request: Request,
}

impl BakeBuilder {
    fn new(client: &Client, prompt: String, in_scene: Option<String>) -> Self {
        Self {
            client: client.clone(),
            request: Request {
                service: client.base_url().to_owned(),
                prompt,
                in_scene,
                format: Format::Mjcf,
                model: None,
                asset_pipeline: None,
                reference_images: None,
                robot_profile: None,
            },
        }
    }

    /// Simulator format. Defaults to MJCF.
    pub fn format(mut self, format: Format) -> Self {
        self.request.format = format;
        self
    }

    /// Language model to use instead of the service's default one.
    pub fn model(mut self, model: impl Into<String>) -> Self {
        self.request.model = Some(model.into());
        self
    }

    /// How geometry is made; the service's default is `auto`.
    pub fn asset_pipeline(mut self, pipeline: AssetPipeline) -> Self {
        self.request.asset_pipeline = Some(pipeline);
        self
    }

    /// URLs of reference images for a scene, three at most; an asset has none.
    pub fn reference_images(mut self, urls: Vec<String>) -> Self {
        self.request.reference_images = Some(urls);
        self
    }

    /// Robot to embed into an exported scene; an asset has none.
    pub fn robot_profile(mut self, profile: impl Into<String>) -> Self {
        self.request.robot_profile = Some(profile.into());
        self
    }

    /// The directory that the scene goes to. Nothing is sent before the result is awaited or polled.
    ///
    /// Beside it stands a journal, `{dir}.bake.json`, written to disk before the job is asked for
    /// and after each phase. Whoever bakes the same into the same directory again, in another
    /// process too, goes on from there: a job is never asked for twice, nor is an export
    /// received twice that is whole. When all is done, the directory is returned without a request.
    ///
    /// With the feature `preview`, the plan of an MJCF model is drawn into a `preview.svg` beside
    /// it, where it can be drawn; see [`Bundle`]'s `preview`.
    pub fn into_dir(self, dir: impl AsRef<Path>) -> Bake {
        let (events, receiver) = mpsc::unbounded_channel();
        let run = run::run(self.client, self.request, dir.as_ref().to_owned(), events);
        Bake {
            run: Some(Box::pin(run)),
            events: receiver,
            end: None,
        }
    }
}

/// What a bake reports, over all its phases.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum BakeEvent {
    /// An earlier bake of the same is taken up; its job was started already.
    Resumed {
        /// The job's id.
        job_id: String,
    },
    /// The job has been started: from here on it costs credits.
    Started {
        /// The job's id.
        job_id: String,
    },
    /// The job is at work, and the service does not say under which id: no events of it will
    /// come until its scene has been made.
    Unnamed {
        /// The scene that it makes.
        scene_id: String,
    },
    /// The job has reported something.
    Job(JobEvent),
    /// More of the export has come.
    Download(Progress),
    /// All is done; nothing follows.
    Finished(Bundle),
}

/// A bake on its way: await it for its [`Bundle`], or read it as a stream of [`BakeEvent`]s that
/// ends with [`BakeEvent::Finished`].
///
/// # Errors
///
/// Those of each phase. [`ErrorKind::InvalidRequest`](crate::ErrorKind::InvalidRequest)
/// when the directory holds something else, or another bake; [`ErrorKind::Io`](crate::ErrorKind::Io)
/// when another process is baking into it. Where the job failed or was refused, the next try
/// starts a new one; after any other error it goes on where this one stopped.
///
/// # Cancel safety
///
/// Dropping it, or killing the process, loses nothing: the job goes on, and baking the same into
/// the same directory again takes it up.
#[must_use = "a bake does nothing until it is awaited or polled"]
pub struct Bake {
    run: Option<BoxFuture<'static, Result<Bundle, Error>>>,
    events: mpsc::UnboundedReceiver<BakeEvent>,
    end: Option<Result<BakeEvent, Error>>,
}

impl Stream for Bake {
    type Item = Result<BakeEvent, Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        // What has been reported comes first, so the queue is empty whenever `run` goes on.
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

impl IntoFuture for Bake {
    type Output = Result<Bundle, Error>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    fn into_future(mut self) -> Self::IntoFuture {
        Box::pin(async move {
            loop {
                match self.next().await {
                    Some(Ok(BakeEvent::Finished(bundle))) => return Ok(bundle),
                    Some(Ok(_)) => {}
                    Some(Err(error)) => return Err(error),
                    None => unreachable!("a bake ends with its bundle or with an error"),
                }
            }
        })
    }
}

impl fmt::Debug for Bake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bake").finish_non_exhaustive()
    }
}

/// `lab` and what stands beside it: `lab.bake.json`, `lab.bake.zip`, `lab.bake.lock`.
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
        let beside = |ending: &str| {
            let mut name = name.to_owned();
            name.push(ending);
            dir.with_file_name(name)
        };
        Ok(Self {
            journal: beside(".bake.json"),
            archive: beside(".bake.zip"),
            lock: beside(".bake.lock"),
            dir,
        })
    }
}
