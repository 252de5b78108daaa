//! One prompt through its phases.

use std::time::{Duration, SystemTime};

use futures_util::TryStreamExt;
use futures_util::stream::FuturesUnordered;
use gizmo_client::{Client, JobHandle, PaidRequest};
use serde_json::Value;
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep};

use crate::error::{Error, ErrorKind};
use crate::hash::SceneFile;
use crate::held::{Held, Stop};
use crate::list::Item;
use crate::protocol::{Action, Entry, Lease, Made, Outcome, Phase, WorkerId, next};
use crate::scene::{self, LocalScene, rfc3339};
use crate::store::{Store, Stored, part};
use crate::temporary::Temporary;
use crate::upload::Uploads;

/// How many times a paid request that the service refused for the moment (429) is sent again. The client has waited
/// for as long as its policy allows before each.
const MAX_REFUSALS: u32 = 20;

/// The delay before that, unless the service names one.
const REFUSAL_DELAY: Duration = Duration::from_secs(30);

/// The objects that are read or written at the same time for one prompt.
pub(crate) const AT_ONCE: usize = 16;

/// What a process needs for its work on any prompt.
pub(crate) struct Worker<'a> {
    pub(crate) me: WorkerId,
    pub(crate) client: &'a Client,
    pub(crate) store: &'a Store,
    pub(crate) items: &'a [Item],
    pub(crate) uploads: Uploads,
    /// The exports that may pass through this machine at the same time.
    pub(crate) exports: Semaphore,
    pub(crate) temporary: Temporary,
    /// The most bytes that one scene may need in the temporary place.
    pub(crate) scene_limit: u64,
    pub(crate) lease: Duration,
    pub(crate) search_limit: Duration,
    pub(crate) ask_again: bool,
    pub(crate) report: &'a (dyn Fn(&Item, &Entry) + Send + Sync),
}

/// What is left of a prompt after a look at it.
pub(crate) enum Turn {
    /// It has ended, or waits for the consent of the user.
    Ended,
    /// Another process has it.
    Held(Seen),
}

/// A version of an entry of another process, and when this process saw it first, by its own monotonic clock.
///
/// A holder that renews its lease changes the version. So it counts as dead when the same version is seen a lease
/// later, and no two clocks are compared.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seen {
    version: (u64, u64),
    since: Instant,
}

impl Seen {
    fn again(before: Option<Self>, entry: &Entry) -> Self {
        let version = (entry.term, entry.revision);
        let since = Instant::now();
        before
            .filter(|before| before.version == version)
            .unwrap_or(Self { version, since })
    }

    fn lease(&self, lease: Duration) -> Lease {
        if self.since.elapsed() >= lease {
            Lease::Expired
        } else {
            Lease::Valid
        }
    }
}

impl Worker<'_> {
    /// Looks at a prompt, and works on it until it has ended if no other process does.
    pub(crate) async fn turn(&self, item: &Item, before: Option<Seen>) -> Result<Turn, Error> {
        let Item { name, task, .. } = item;
        let mut may_ask_again = self.ask_again;
        loop {
            let current = self.store.read(name, task).await?;
            let entry = current.as_ref().map(|stored| &stored.entry);
            let seen = entry.map(|entry| Seen::again(before, entry));
            let lease = seen.map_or(Lease::Valid, |seen| seen.lease(self.lease));
            let action = next(entry, self.me, lease);
            let held = match (action, current, seen) {
                (Action::Claim(entry), ..) => self.claim(item, entry).await?,
                (Action::TakeOver(entry), Some(current), _) => {
                    self.store.replace(name, task, &current, entry).await?
                }
                (Action::NeedsConsent, Some(current), _) if may_ask_again => {
                    may_ask_again = false;
                    let consented = current.entry.with_consent(self.me);
                    let entry = consented.expect("the outcome is unknown");
                    self.store.replace(name, task, &current, entry).await?
                }
                (Action::Wait, _, Some(seen)) => return Ok(Turn::Held(seen)),
                (Action::Done | Action::NeedsConsent, Some(current), _) => {
                    (self.report)(item, &current.entry);
                    return Ok(Turn::Ended);
                }
                (_, current, _) => current,
            };
            let Some(stored) = held else {
                continue;
            };
            let held = Held::new(item, stored, self.store, self.lease, self.report);
            match Box::pin(self.work(&held)).await {
                // It has ended, which the entry says, or another process has it.
                Ok(()) | Err(Stop::Lost) => {}
                Err(Stop::Failed(error)) => return Err(error),
            }
        }
    }

    /// Claims a prompt, unless its place already has a scene.
    async fn claim(&self, item: &Item, entry: Entry) -> Result<Option<Stored>, Error> {
        let Item { name, task, .. } = item;
        if self.store.is_published(name).await? {
            if self.store.read(name, task).await?.is_some() {
                // Others have made it since this process has seen no entry.
                return Ok(None);
            }
            let message = format!(
                "`{name}` has a scene, but no entry that says of what; choose another name or prefix"
            );
            return Err(Error::new(ErrorKind::OtherTask, message));
        }
        self.store.create(name, task, entry).await
    }

    /// Takes the actions on an entry of this process, until nothing is left to do or another has it.
    async fn work(&self, held: &Held<'_>) -> Result<(), Stop> {
        let mut job = None;
        let mut refusals = 0;
        loop {
            let entry = held.entry().await?;
            match next(Some(&entry), self.me, Lease::Valid) {
                Action::Request => match held.throughout(Box::pin(self.request(held))).await? {
                    Requested::Job(started) => job = Some(started),
                    Requested::Lost => {}
                    Requested::Refused(error) => {
                        refusals += 1;
                        if !error.is_rate_limited() || refusals > MAX_REFUSALS {
                            return Err(failed(held.item, error));
                        }
                        let delay = error.retry_after().unwrap_or(REFUSAL_DELAY).min(self.lease);
                        let wait = async {
                            sleep(delay).await;
                            Ok(())
                        };
                        held.during(wait).await?;
                    }
                },
                Action::Reconcile { request } => {
                    let outcome = held.during(Box::pin(self.find(held, request))).await?;
                    held.write(|entry| entry.after(outcome)).await?;
                }
                Action::Store(made) => {
                    let stored = self.store_scene(held, &made, job.take());
                    let outcome = held.during(Box::pin(stored)).await?;
                    held.write(|entry| entry.after(outcome)).await?;
                }
                Action::Publish { provenance } => {
                    let name = &held.item.name;
                    let kept = directory_of(&provenance);
                    self.store.publish(name, provenance).await?;
                    held.write(|entry| entry.after(Outcome::Published)).await?;
                    self.store.sweep(name, &kept).await;
                }
                _ => return Ok(()),
            }
        }
    }

    /// Announces the paid request, and sends it.
    async fn request(&self, held: &Held<'_>) -> Result<Requested, Stop> {
        let request = held.item.task.request.clone();
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
        let (mut announced, mut stopped) = (None, None);
        let started = scene.start_journaled(async |request: PaidRequest| {
            announced = rfc3339(request.at);
            let request = serde_json::to_value(&request).expect("a request is JSON");
            let written = held.write(|entry| entry.requesting(request)).await;
            stopped = written.err();
            let failed = stopped.as_ref().map(|_| "the entry was not replaced");
            failed.map_or(Ok(()), Err)
        });
        let started = started.await;
        if let Some(stop) = stopped {
            return Err(stop);
        }
        let entry = held.entry().await?;
        if entry.phase == Phase::Claimed {
            // It was not announced, so it was not sent.
            let error = started.err().map(|error| failed(held.item, error));
            return Err(error.unwrap_or(Stop::Lost));
        }
        match started {
            Ok(job) => {
                let made = Made {
                    scene_id: job.scene_id().map(str::to_owned),
                    job_id: Some(job.id().to_owned()),
                    requested_at: announced,
                    ..Made::default()
                };
                if !self.settle(held, &made).await? {
                    return Ok(Requested::Lost);
                }
                held.write(|entry| entry.after(Outcome::Job(made))).await?;
                Ok(Requested::Job(job))
            }
            Err(error) if error.is_outcome_unknown() => Ok(Requested::Lost),
            Err(error) => {
                held.write(|entry| entry.after(Outcome::Refused)).await?;
                Ok(Requested::Refused(error))
            }
        }
    }

    /// Makes sure that what was made belongs to no other prompt.
    pub(crate) async fn settle(&self, held: &Held<'_>, made: &Made) -> Result<bool, Error> {
        for id in made.scene_id.iter().chain(&made.job_id) {
            if !self.store.settle(id, &held.item.name).await? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Waits for the end of the job, and stores the files of its scene.
    async fn store_scene(
        &self,
        held: &Held<'_>,
        made: &Made,
        job: Option<JobHandle>,
    ) -> Result<Outcome, Stop> {
        let scene_id = match scene::follow(self.client, made, job).await {
            Ok(scene_id) => scene_id,
            Err(error) if scene::has_failed(&error) => {
                let reason = error.to_string();
                return Ok(Outcome::Failed { reason });
            }
            Err(error) => return Err(failed(held.item, error)),
        };
        let completed_at = SystemTime::now();
        let Item { name, task, .. } = held.item;
        let exports = self.exports.acquire().await;
        let _exports = exports.expect("the semaphore is never closed");
        let temporary = self.temporary.scene()?;
        let scene =
            scene::export(self.client, task, &scene_id, temporary, self.scene_limit).await?;
        // Every attempt has a directory of its own, so that a former holder that still writes changes nothing.
        let directory = format!("scene-{:016x}", fastrand::u64(..));
        let files = match self.upload(&scene, name, &directory).await {
            Ok(files) => files,
            Err(error) => {
                self.store.discard(name, &directory).await;
                return Err(error.into());
            }
        };
        let provenance = scene.provenance(task, made, &scene_id, completed_at, &directory, &files);
        let made = Made {
            scene_id: Some(scene_id),
            ..made.clone()
        };
        Ok(Outcome::Stored { made, provenance })
    }

    /// Stores the files of a scene in a directory. Returns them sorted by path.
    async fn upload(
        &self,
        scene: &LocalScene,
        name: &str,
        directory: &str,
    ) -> Result<Vec<SceneFile>, Error> {
        let place = self.store.directory(name).join(directory);
        let objects = self.store.objects().as_ref();
        let mut uploads = FuturesUnordered::new();
        let mut files = Vec::with_capacity(scene.paths.len());
        for path in &scene.paths {
            let segments = path.iter().map(|segment| segment.to_string_lossy());
            let segments: Vec<_> = segments.collect();
            let mut to = place.clone();
            for segment in &segments {
                to = to.join(part(segment));
            }
            if uploads.len() >= AT_ONCE {
                files.extend(uploads.try_next().await?);
            }
            let from = scene.dir.join(path);
            uploads.push(self.uploads.store(objects, from, to, segments.join("/")));
        }
        while let Some(file) = uploads.try_next().await? {
            files.push(file);
        }
        files.sort_by(|one: &SceneFile, other| one.path.cmp(&other.path));
        Ok(files)
    }
}

pub(crate) fn failed(item: &Item, error: gizmo_client::Error) -> Stop {
    Error::service(&item.task.request.prompt, error).into()
}

/// What came of a paid request.
enum Requested {
    Job(JobHandle),
    /// It may have been accepted.
    Lost,
    /// Nothing was started.
    Refused(gizmo_client::Error),
}

/// The directory that a provenance names.
fn directory_of(provenance: &str) -> String {
    let provenance: Value = serde_json::from_str(provenance).unwrap_or_default();
    provenance["directory"]
        .as_str()
        .unwrap_or_default()
        .to_owned()
}
