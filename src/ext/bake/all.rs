//! Many prompts, each into its own directory.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_core::Stream;
use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use serde::{Deserialize, Serialize};
use tokio::task::spawn_blocking;

use super::baked::Baked;
use super::manifest::Manifest;
use super::names::Names;
use super::prompt::BakePrompt;
use super::{BakeBuilder, BakeEvent, SEARCH_LIMIT};
use crate::ext::error::{Error, ErrorKind};
use crate::ext::http::runtime;
use crate::raw::Client;
use crate::raw::types::Format;

impl Client {
    /// Bakes many scenes, each into its own directory. Blank prompts are skipped.
    ///
    /// A failure does not stop the others. Running it again with the same prompts and the same
    /// directory completes the rest.
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
    /// use gizmo_client::{BakePrompt, Format};
    ///
    /// let summary = client.bake_all(["a kitchen", "a garage"]).into_dir("scenes").await?;
    /// for baked in summary.failed() {
    ///     println!("{}: {}", baked.prompt, baked.error.as_deref().unwrap_or_default());
    /// }
    /// # assert_eq!(summary.failed().count(), 0);
    ///
    /// // Each prompt may have settings of its own.
    /// let prompts = [
    ///     BakePrompt::new("a kitchen").name("kitchen-01").slim(),
    ///     BakePrompt::new("a kitchen").name("kitchen-02").format(Format::Usd),
    /// ];
    /// let summary = client.bake_all(prompts).into_dir("kitchens").await?;
    /// # assert_eq!(summary.failed().count(), 0);
    /// # Ok(())
    /// # }
    /// ```
    pub fn bake_all<P: Into<BakePrompt>>(
        &self,
        prompts: impl IntoIterator<Item = P>,
    ) -> BakeAllBuilder {
        BakeAllBuilder {
            client: self.clone(),
            prompts: prompts.into_iter().map(Into::into).collect(),
            format: Format::Mjcf,
            at_once: 4,
            search_limit: SEARCH_LIMIT,
            ask_again: false,
        }
    }
}

/// The settings of many bakes, created by [`Client::bake_all`].
#[derive(Debug, Clone)]
#[must_use = "nothing is baked before `into_dir` is called"]
pub struct BakeAllBuilder {
    client: Client,
    prompts: Vec<BakePrompt>,
    format: Format,
    at_once: usize,
    search_limit: Duration,
    ask_again: bool,
}

impl BakeAllBuilder {
    /// Sets the simulator format of the prompts that have none. Defaults to MJCF.
    pub fn format(mut self, format: Format) -> Self {
        self.format = format;
        self
    }

    /// Sets how many scenes are baked at the same time, at least one. Defaults to 4.
    pub fn at_once(mut self, count: usize) -> Self {
        self.at_once = count.max(1);
        self
    }

    /// Sets how long each bake looks for the job of a request whose response was lost, as
    /// [`BakeBuilder::search_limit`] does.
    pub fn search_limit(mut self, limit: Duration) -> Self {
        self.search_limit = limit;
        self
    }

    /// Consents to pay for another job of a prompt whose response was lost, as
    /// [`BakeBuilder::ask_again`] does.
    ///
    /// For a single prompt, bake it into the directory of its [`Baked::dir`], with
    /// [`adopt`](BakeBuilder::adopt) if you know its job or scene.
    pub fn ask_again(mut self) -> Self {
        self.ask_again = true;
        self
    }

    /// Bakes each prompt into a directory in `dir`: that of its [`name`](BakePrompt::name), or one that is named
    /// after the prompt and its hash. Nothing is sent before the result is awaited or polled.
    ///
    /// The file `gizmo-manifest.jsonl` in `dir` states what is known of each scene. It has one line of JSON for
    /// each prompt, in their order, and is replaced whenever one changes, so that a killed run leaves it
    /// complete. Lines of directories of earlier runs follow. A line has these members, and omits those
    /// that are not known:
    ///
    /// | member | value |
    /// | --- | --- |
    /// | `name` | the directory, relative to the manifest |
    /// | `state` | `pending`: nothing was requested; `running`: the job was requested; `done`; `failed` |
    /// | `request` | the prompt and its settings, as in [`BakePrompt`] |
    /// | `scene_id`, `job_id` | what the service has made |
    /// | `confidence` | `high` or `low`, if the response was lost and the scene was found |
    /// | `model` | the model file, relative to the manifest |
    /// | `archive` | the `size` in bytes and the `sha256` of the export's archive |
    /// | `warnings` | what the model lacks |
    /// | `error` | why it failed |
    ///
    /// The hashes of a scene's files are in its [`Provenance`](super::Provenance).
    pub fn into_dir(self, dir: impl AsRef<Path>) -> BakeAll {
        let dir = dir.as_ref().to_owned();
        let start = async move {
            let events = self.start(dir).await;
            events.unwrap_or_else(|error| stream::once(std::future::ready(Err(error))).boxed())
        };
        BakeAll {
            events: stream::once(start).flatten().fuse().boxed(),
            baked: BTreeMap::new(),
        }
    }

    /// Opens the manifest, and returns the events.
    async fn start(
        self,
        dir: PathBuf,
    ) -> Result<BoxStream<'static, Result<BakeAllEvent, Error>>, Error> {
        runtime::require()?;
        let plans = self.plans(&dir);
        let prompts = plans
            .iter()
            .map(|plan| (plan.name.clone(), plan.prompt.clone()))
            .collect();
        let manifest = blocking(move || Manifest::open(&dir, prompts)).await?;
        let client = self.client;
        let (search_limit, ask_again) = (self.search_limit, self.ask_again);
        let bakes = plans.into_iter().enumerate().map(move |(row, plan)| {
            let mut bake = BakeBuilder::new(&client, plan.prompt.clone(), None);
            bake = bake.search_limit(search_limit);
            if ask_again {
                bake = bake.ask_again();
            }
            plan.run(row, bake).boxed()
        });
        let events = stream::iter(bakes).flatten_unordered(self.at_once).boxed();
        Ok(stream::try_unfold(Recorder { events, manifest }, Recorder::next).boxed())
    }

    /// Returns what to bake, and where.
    fn plans(&self, dir: &Path) -> Vec<Plan> {
        let prompts = self.prompts.iter().enumerate();
        let prompts = prompts.filter(|(_, prompt)| !prompt.prompt.trim().is_empty());
        let mut names = Names::default();
        let mut plans = Vec::new();
        for (index, prompt) in prompts {
            let (name, invalid) = names.of(prompt);
            plans.push(Plan {
                index,
                dir: dir.join(&name),
                name,
                prompt: BakePrompt {
                    format: prompt.format.clone().or(Some(self.format.clone())),
                    ..prompt.clone()
                },
                invalid,
            });
        }
        plans
    }
}

/// One of many bakes.
#[derive(Debug)]
struct Plan {
    /// The position of its prompt among those that the caller passed.
    index: usize,
    name: String,
    dir: PathBuf,
    prompt: BakePrompt,
    /// Why it cannot be baked.
    invalid: Option<String>,
}

impl Plan {
    /// Bakes. `row` is its position in the manifest.
    fn run(
        self,
        row: usize,
        bake: BakeBuilder,
    ) -> impl Stream<Item = (usize, BakeAllEvent)> + Send {
        let invalid = self.invalid.as_ref();
        let error = invalid.map(|why| Error::new(ErrorKind::InvalidRequest, why));
        let bake = match error {
            Some(error) => stream::once(std::future::ready(Err(error))).boxed(),
            None => bake.into_dir(&self.dir).boxed(),
        };
        let baked = Baked::new(self.prompt.prompt, self.dir);
        let index = self.index;
        let tagged = move |kind: BakeAllEventKind, baked: &Baked| {
            let prompt = baked.prompt.clone();
            (
                row,
                BakeAllEvent {
                    index,
                    prompt,
                    kind,
                },
            )
        };
        stream::unfold(Some((bake, baked)), move |state| async move {
            let (mut bake, mut baked) = state?;
            match bake.next().await {
                Some(Ok(event)) => {
                    baked.note(&event).await;
                    let event = tagged(BakeAllEventKind::Bake(event), &baked);
                    Some((event, Some((bake, baked))))
                }
                Some(Err(error)) => {
                    baked.fail(&error);
                    Some((tagged(BakeAllEventKind::Ended(baked.clone()), &baked), None))
                }
                None => Some((tagged(BakeAllEventKind::Ended(baked.clone()), &baked), None)),
            }
        })
    }
}

/// Writes what happens to the manifest, before the caller sees it.
struct Recorder {
    /// Each event, with the position of its prompt in the manifest.
    events: BoxStream<'static, (usize, BakeAllEvent)>,
    manifest: Manifest,
}

impl Recorder {
    async fn next(mut self) -> Result<Option<(BakeAllEvent, Self)>, Error> {
        let Some((row, event)) = self.events.next().await else {
            return Ok(None);
        };
        let ended = match &event.kind {
            BakeAllEventKind::Bake(
                BakeEvent::Resumed { .. }
                | BakeEvent::Started { .. }
                | BakeEvent::Searching { .. }
                | BakeEvent::Found { .. }
                | BakeEvent::Unnamed { .. },
            ) => None,
            BakeAllEventKind::Bake(_) => return Ok(Some((event, self))),
            BakeAllEventKind::Ended(baked) => Some(baked.clone()),
        };
        let mut manifest = self.manifest;
        self.manifest = blocking(move || {
            match ended {
                Some(baked) => manifest.ended(row, &baked)?,
                None => manifest.started(row)?,
            }
            Ok(manifest)
        })
        .await?;
        Ok(Some((event, self)))
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    let done = spawn_blocking(work).await;
    done.map_err(|error| Error::io("the manifest could not be written", error.into()))?
}

/// Many bakes. Await them for a [`BakeSummary`], or read them as a stream of [`BakeAllEvent`]s. Each prompt ends
/// with [`BakeAllEventKind::Ended`].
///
/// # Errors
///
/// The error of a bake is in its [`Baked`]. [`ErrorKind::Io`] if the manifest cannot be
/// written, or another process bakes many prompts into the directory, and [`ErrorKind::InvalidRequest`] if its file is something else; then no further bake is started.
///
/// # Cancel safety
///
/// Cancel safe, as [`Bake`](super::Bake) is.
#[must_use = "nothing is baked before it is awaited or polled"]
pub struct BakeAll {
    events: BoxStream<'static, Result<BakeAllEvent, Error>>,
    /// The results so far, by the position of their prompt.
    baked: BTreeMap<usize, Baked>,
}

impl Stream for BakeAll {
    type Item = Result<BakeAllEvent, Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let event = ready!(self.events.poll_next_unpin(context));
        if let Some(Ok(event)) = &event
            && let BakeAllEventKind::Ended(baked) = &event.kind
        {
            self.baked.insert(event.index, baked.clone());
        }
        Poll::Ready(event)
    }
}

impl Future for BakeAll {
    type Output = Result<BakeSummary, Error>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        while let Some(event) = ready!(self.poll_next_unpin(context)) {
            if let Err(error) = event {
                return Poll::Ready(Err(error));
            }
        }
        let baked = std::mem::take(&mut self.baked).into_values().collect();
        Poll::Ready(Ok(BakeSummary { baked }))
    }
}

impl fmt::Debug for BakeAll {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BakeAll").finish_non_exhaustive()
    }
}

/// An event of one of many bakes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct BakeAllEvent {
    /// The position of the prompt among those that were passed, from 0.
    pub index: usize,
    /// The prompt.
    pub prompt: String,
    /// What happened.
    pub kind: BakeAllEventKind,
}

/// What a [`BakeAllEvent`] reports.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum BakeAllEventKind {
    /// An event of the bake.
    Bake(BakeEvent),
    /// The bake has succeeded or failed. This is its last event.
    Ended(Baked),
}

/// The results of many prompts, in their order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct BakeSummary {
    /// The results.
    pub baked: Vec<Baked>,
}

impl BakeSummary {
    /// Returns those that failed. Baking again retries only these.
    pub fn failed(&self) -> impl Iterator<Item = &Baked> {
        self.baked.iter().filter(|baked| baked.error.is_some())
    }
}
