//! Many prompts, shared with other processes.

use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::stream::{FuturesOrdered, FuturesUnordered};
use futures_util::{StreamExt, TryStreamExt};
use gizmo_client::{BakePrompt, Client, Format};
use object_store::ObjectStore;
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep_until};

use crate::error::{Error, ErrorKind};
use crate::list::{Item, items};
use crate::progress::PromptProgress;
use crate::protocol::{Entry, WorkerId};
use crate::store::Store;
use crate::temporary::Temporary;
use crate::upload::Uploads;
use crate::work::{Seen, Turn, Worker};

/// An entry of another process is read so many times in a lease.
const LOOKS: u32 = 6;

/// The exports that pass through a process at the same time: one is received while the other is stored.
const EXPORTS: usize = 2;

/// How many times a process continues a prompt after an error that may pass, such as an outage of the service. The delay
/// before it is half a lease, and doubles: half an hour in total with the default lease.
const MAX_TRIES: u32 = 5;

/// The entries that are read at the same time for the progress.
const READS: usize = 32;

/// A list of prompts, and the place in an object store for their scenes. Any number of processes with the same list
/// make one fleet.
#[derive(Debug, Clone)]
#[must_use = "nothing is baked before `run` is called"]
pub struct Fleet {
    client: Client,
    objects: Arc<dyn ObjectStore>,
    prefix: String,
    prompts: Vec<BakePrompt>,
    format: Format,
    at_once: usize,
    lease: Duration,
    search_limit: Duration,
    ask_again: bool,
    temporary: PathBuf,
    temporary_limit: u64,
}

impl Fleet {
    /// Returns a fleet with the default settings. Nothing is sent.
    ///
    /// `prompts` are the whole list: every process has the same one, with the same settings. Each prompt has a place
    /// below `prefix`, with the name that [`BakePrompt::names`] returns. Blank prompts are
    /// skipped.
    pub fn new<P: Into<BakePrompt>>(
        client: &Client,
        objects: Arc<dyn ObjectStore>,
        prefix: impl Into<String>,
        prompts: impl IntoIterator<Item = P>,
    ) -> Self {
        Self {
            client: client.clone(),
            objects,
            prefix: prefix.into(),
            prompts: prompts
                .into_iter()
                .map(Into::into)
                .filter(|prompt: &BakePrompt| !prompt.prompt.trim().is_empty())
                .collect(),
            format: Format::Mjcf,
            at_once: 4,
            lease: Duration::from_secs(2 * 60),
            search_limit: Duration::from_secs(20 * 60),
            ask_again: false,
            temporary: std::env::temp_dir(),
            temporary_limit: 16 << 30,
        }
    }

    /// Sets the simulator format of the prompts that have none. Defaults to MJCF.
    pub fn format(self, format: Format) -> Self {
        Self { format, ..self }
    }

    /// Sets how many prompts this process works on at the same time, at least one. Defaults to 4.
    pub fn at_once(self, count: usize) -> Self {
        Self {
            at_once: count.max(1),
            ..self
        }
    }

    /// Sets after what time without a sign of life another process takes over. Defaults to 2 minutes. A process renews its
    /// leases three times as often. Every process must have the same, and a pause that is shorter costs nothing.
    pub fn lease(self, lease: Duration) -> Self {
        let lease = lease.max(Duration::from_millis(30));
        Self { lease, ..self }
    }

    /// Sets how long the job of a request whose response was lost is looked for. Defaults to 20 minutes: a service
    /// may list a scene only when it is complete.
    pub fn search_limit(self, limit: Duration) -> Self {
        Self {
            search_limit: limit,
            ..self
        }
    }

    /// Consents to pay for another job, once for each prompt whose outcome is [unknown](crate::PromptState::Unknown).
    /// The earlier job may be running, too.
    pub fn ask_again(self) -> Self {
        Self {
            ask_again: true,
            ..self
        }
    }

    /// Sets the directory on this machine that exports pass through, and the most bytes that they may need there. Defaults
    /// to the system's directory for temporary files, and 16 GiB. A directory in memory, such as `/dev/shm`, is possible.
    ///
    /// At most two exports pass through a process at the same time. Each has half of the bytes, for its archive and
    /// the unpacked files together; with one prompt at once, it has all. A larger scene is an error of its prompt: its
    /// entry stays as it is, so that a process with more space makes it without paying again. What a killed process has left there is removed by the next one.
    pub fn temporary(self, directory: impl Into<PathBuf>, limit: u64) -> Self {
        Self {
            temporary: directory.into(),
            temporary_limit: limit,
            ..self
        }
    }

    /// Works on the prompts until none is open: each is done, has failed, or has an unknown outcome. Prompts of
    /// processes that died are taken over. Returns the state of every prompt, in the order of the list.
    ///
    /// `report` is called with each change that this process makes or sees, and with each error of a prompt. After an error
    /// that may pass, the prompt is continued five times within half an hour (with the default lease), unless another process
    /// does. After any other this process gives it up, so that its lease expires and another one may try it.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported) if the store has no conditional writes, and
    /// [`ErrorKind::Temporary`](crate::ErrorKind::Temporary) if the temporary directory cannot be used; then nothing was
    /// requested. An error that concerns all prompts ends the run after the prompts at work have ended: the store fails
    /// ([`ErrorKind::Store`](crate::ErrorKind::Store)), or the service refuses the key or has no credits left
    /// ([`ErrorKind::Service`](crate::ErrorKind::Service)). The same list can be run again.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: if the future is dropped or the process is killed, another process takes over after a lease, and pays
    /// for nothing again. A paid request that was being sent is looked for.
    pub async fn run(
        &self,
        report: impl FnMut(&PromptProgress) + Send,
    ) -> Result<Vec<PromptProgress>, Error> {
        let store = Store::open(Arc::clone(&self.objects), &self.prefix).await?;
        let items = items(&self.client, &self.prompts, &self.format);
        let board = Board::new(&items, report);
        let changed =
            |item: &Item, entry: &Entry| board.show(PromptProgress::new(item, Some(entry)));
        let exports = self.at_once.min(EXPORTS);
        let worker = Worker {
            me: WorkerId(fastrand::u64(..)),
            client: &self.client,
            store: &store,
            items: &items,
            uploads: Uploads::new(),
            temporary: Temporary::create(&self.temporary)?,
            exports: Semaphore::new(exports),
            scene_limit: self.temporary_limit / exports as u64,
            lease: self.lease,
            search_limit: self.search_limit,
            ask_again: self.ask_again,
            report: &changed,
        };
        let turn = async |item, seen| (item, Box::pin(worker.turn(item, seen)).await);
        let look_again = self.lease / LOOKS;

        // Every process starts elsewhere, so that few claim the same prompt at the same time.
        let mut open: Vec<&Item> = items.iter().filter(|item| item.invalid.is_none()).collect();
        let start = fastrand::usize(..open.len().max(1));
        open.rotate_left(start);
        let mut queue = Queue::new(open);
        let mut tries = vec![0; items.len()];
        let mut turns = FuturesUnordered::new();
        let mut failure = None;
        loop {
            while failure.is_none()
                && turns.len() < self.at_once
                && let Some((item, seen)) = queue.next()
            {
                turns.push(turn(item, seen));
            }
            let due = queue.due();
            let due = due.filter(|_| failure.is_none() && turns.len() < self.at_once);
            let ended = match (due, turns.is_empty()) {
                (None, true) => break,
                (None, false) => turns.next().await,
                (Some(due), true) => {
                    sleep_until(due).await;
                    continue;
                }
                (Some(due), false) => tokio::time::timeout_at(due, turns.next())
                    .await
                    .ok()
                    .flatten(),
            };
            match ended {
                None | Some((_, Ok(Turn::Ended))) => {}
                Some((item, Ok(Turn::Held(seen)))) => {
                    queue.add(look_again, item, Some(seen));
                }
                Some((item, Err(error))) => {
                    board.fail(item.index, &error);
                    let tries = &mut tries[item.index];
                    if error.concerns_all() {
                        failure.get_or_insert(error);
                    } else if error.is_transient() && *tries < MAX_TRIES {
                        queue.add(self.lease / 2 * (1 << *tries), item, None);
                        *tries += 1;
                    }
                }
            }
        }
        drop(turns);
        match failure {
            Some(error) => Err(error),
            None => Ok(board.into_progress()),
        }
    }

    /// Reads how far each prompt is, in the order of the list: one request to the store for each.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Store`](crate::ErrorKind::Store) if the store fails, and [`ErrorKind::Damaged`](crate::ErrorKind::Damaged) if
    /// an entry cannot be understood. A name that belongs to another prompt is not an error of the list: its prompt has the
    /// state [`Invalid`](crate::PromptState::Invalid).
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: it only reads.
    pub async fn progress(&self) -> Result<Vec<PromptProgress>, Error> {
        let store = Store::unchecked(Arc::clone(&self.objects), &self.prefix);
        let items = items(&self.client, &self.prompts, &self.format);
        let mut reads = FuturesOrdered::new();
        let mut progress = Vec::with_capacity(items.len());
        for item in &items {
            if reads.len() >= READS {
                progress.extend(reads.try_next().await?);
            }
            reads.push_back(progress_of(&store, item));
        }
        while let Some(read) = reads.try_next().await? {
            progress.push(read);
        }
        Ok(progress)
    }
}

async fn progress_of(store: &Store, item: &Item) -> Result<PromptProgress, Error> {
    if item.invalid.is_some() {
        return Ok(PromptProgress::new(item, None));
    }
    match store.read(&item.name, &item.task).await {
        Ok(stored) => {
            let entry = stored.as_ref().map(|stored| &stored.entry);
            Ok(PromptProgress::new(item, entry))
        }
        Err(error) if error.kind() == ErrorKind::OtherTask => {
            Ok(PromptProgress::invalid(item, &error))
        }
        Err(error) => Err(error),
    }
}

/// When to look at which prompts, and what was seen of each before.
struct Queue<'a> {
    /// At once, in this order.
    open: VecDeque<&'a Item>,
    /// By the time, and by the position in the list.
    later: BTreeMap<(Instant, usize), (&'a Item, Option<Seen>)>,
}

impl<'a> Queue<'a> {
    fn new(open: Vec<&'a Item>) -> Self {
        Self {
            open: open.into(),
            later: BTreeMap::new(),
        }
    }

    fn add(&mut self, delay: Duration, item: &'a Item, seen: Option<Seen>) {
        let due = Instant::now() + delay;
        self.later.insert((due, item.index), (item, seen));
    }

    /// When to look next.
    fn due(&self) -> Option<Instant> {
        let later = self.later.first_key_value().map(|((due, _), _)| *due);
        self.open.front().map(|_| Instant::now()).or(later)
    }

    /// Returns a prompt to look at now.
    fn next(&mut self) -> Option<(&'a Item, Option<Seen>)> {
        if let Some(item) = self.open.pop_front() {
            return Some((item, None));
        }
        let first = self.later.first_entry()?;
        let (due, _) = *first.key();
        (due <= Instant::now()).then(|| first.remove())
    }
}

/// The state of every prompt, as this process knows it.
struct Board<R> {
    state: Mutex<(Vec<PromptProgress>, R)>,
}

impl<R: FnMut(&PromptProgress) + Send> Board<R> {
    fn new(items: &[Item], report: R) -> Self {
        let progress = items.iter().map(|item| PromptProgress::new(item, None));
        Self {
            state: Mutex::new((progress.collect(), report)),
        }
    }

    /// Takes over a state, and reports it if it is news.
    fn show(&self, progress: PromptProgress) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let (all, report) = &mut *state;
        let index = progress.index;
        if all[index] != progress {
            report(&progress);
            all[index] = progress;
        }
    }

    fn fail(&self, index: usize, error: &Error) {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let mut progress = state.0[index].clone();
        drop(state);
        progress.error = Some(format!("{error:#}"));
        self.show(progress);
    }

    fn into_progress(self) -> Vec<PromptProgress> {
        let state = self.state.into_inner();
        state.unwrap_or_else(PoisonError::into_inner).0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_send<T: Send>(_: &T) {}

    #[test]
    fn a_run_can_be_spawned() {
        let client = Client::builder().api_key("gzm_k1_test");
        let client = client.base_url("http://127.0.0.1:1").build().unwrap();
        let objects = Arc::new(object_store::memory::InMemory::new());
        let fleet = Fleet::new(&client, objects, "scenes", ["a lab"]);
        is_send(&fleet.run(|_| {}));
        is_send(&fleet.progress());
    }
}
