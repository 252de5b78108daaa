//! The state of the service: scenes, assets, jobs and credits, behind one lock.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use gizmo_client::types::{Asset, JobStatus, Scene};
use serde_json::{Map, Value};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::alpha;
use crate::catalog::Catalog;
use crate::clock::{Clock, timestamp};
use crate::export::{Brief, Kind};
use crate::exports::Cache;
use crate::fault::Faults;
use crate::history::History;
use crate::job::JobEntry;
use crate::limits::Limits;
use crate::options::Options;
use crate::random::Random;
use crate::record::Record;
use crate::wire::Network;

/// The state that connections, jobs and handles share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) options: Options,
    pub(crate) clock: Clock,
    /// The base URL of the early-access API's files.
    pub(crate) cdn_url: String,
    pub(crate) catalog: Catalog,
    pub(crate) network: watch::Sender<Network>,
    pub(crate) history: Option<History>,
    tables: Mutex<Tables>,
    limits: Mutex<Limits>,
    faults: Mutex<Faults>,
    record: Mutex<Record>,
    exports: Mutex<Cache>,
}

impl Shared {
    pub(crate) fn new(options: Options, cdn_url: String, history: Option<History>) -> Arc<Self> {
        let clock = Clock::new(options.speed, options.clock_skew);
        Arc::new(Self {
            catalog: Catalog::new(options.seed, options.catalog_items),
            network: watch::Sender::new(Network::default()),
            tables: Mutex::new(Tables::new(&options)),
            limits: Mutex::new(Limits::new(&options, &clock)),
            faults: Mutex::default(),
            record: Mutex::new(Record::new(options.requests_kept)),
            exports: Mutex::default(),
            history,
            clock,
            cdn_url,
            options,
        })
    }

    pub(crate) fn tables(&self) -> MutexGuard<'_, Tables> {
        lock(&self.tables)
    }

    pub(crate) fn limits(&self) -> MutexGuard<'_, Limits> {
        lock(&self.limits)
    }

    pub(crate) fn faults(&self) -> MutexGuard<'_, Faults> {
        lock(&self.faults)
    }

    pub(crate) fn record(&self) -> MutexGuard<'_, Record> {
        lock(&self.record)
    }

    pub(crate) fn exports(&self) -> MutexGuard<'_, Cache> {
        lock(&self.exports)
    }
}

/// Ignores poisoning: a test that panicked while it held the lock has already failed.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The data that the service stores.
#[derive(Debug)]
pub(crate) struct Tables {
    pub(crate) scenes: Table<SceneEntry>,
    pub(crate) assets: Table<AssetEntry>,
    pub(crate) jobs: Table<JobEntry>,
    /// The data of the early-access API.
    pub(crate) alpha: alpha::Tables,
    /// Number of jobs that may still be started. `None` means no limit.
    pub(crate) credits: Option<u64>,
    /// Number of jobs that were started.
    pub(crate) spent: u64,
}

impl Tables {
    pub(crate) fn new(options: &Options) -> Self {
        Self {
            scenes: Table::with_long_ids(options.seed, "js7"),
            assets: Table::with_long_ids(options.seed, "jn7"),
            jobs: Table::new(options.seed, "job"),
            alpha: alpha::Tables::new(options.seed),
            credits: options.credits,
            spent: 0,
        }
    }

    /// Returns the contents of an export of this scene.
    pub(crate) fn scene_brief(&self, scene: &SceneEntry, robot_profile: Option<String>) -> Brief {
        let assets = scene.assets.iter().filter_map(|id| self.assets.get(id));
        let items = assets.chain(&scene.failed).map(AssetEntry::item);
        Brief {
            id: scene.id.clone(),
            name: scene.name.clone(),
            prompt: scene.prompt.clone(),
            revision: scene.revision,
            robot_profile,
            items: items.collect(),
            failed: scene.failed.len(),
        }
    }
}

/// Entries of one kind, by id and in order of insertion.
#[derive(Debug)]
pub(crate) struct Table<T> {
    entries: HashMap<String, T>,
    order: Vec<String>,
    seed: u64,
    prefix: &'static str,
    /// Number of ids that were generated.
    ids: u64,
    /// Returns the id for a seed, a prefix and a number.
    format_id: fn(u64, &str, u64) -> String,
}

impl<T> Table<T> {
    pub(crate) fn new(seed: u64, prefix: &'static str) -> Self {
        Self {
            entries: HashMap::new(),
            order: Vec::new(),
            seed,
            prefix,
            ids: 0,
            format_id: Random::id,
        }
    }

    /// Returns a table whose ids have the format of scene and asset ids.
    pub(crate) fn with_long_ids(seed: u64, prefix: &'static str) -> Self {
        Self {
            format_id: Random::long_id,
            ..Self::new(seed, prefix)
        }
    }

    /// Returns an id that was never used before.
    pub(crate) fn new_id(&mut self) -> String {
        self.ids += 1;
        (self.format_id)(self.seed, self.prefix, self.ids)
    }

    pub(crate) fn insert(&mut self, id: &str, entry: T) {
        self.order.push(id.to_owned());
        self.entries.insert(id.to_owned(), entry);
    }

    /// Removes all entries. Their ids are not reused.
    pub(crate) fn clear(&mut self) {
        self.entries.clear();
        self.order.clear();
    }

    pub(crate) fn get(&self, id: &str) -> Option<&T> {
        self.entries.get(id)
    }

    pub(crate) fn get_mut(&mut self, id: &str) -> Option<&mut T> {
        self.entries.get_mut(id)
    }

    pub(crate) fn remove(&mut self, id: &str) -> Option<T> {
        self.order.retain(|other| other != id);
        self.entries.remove(id)
    }

    /// Returns all entries, newest first.
    pub(crate) fn newest(&self) -> impl DoubleEndedIterator<Item = &T> {
        self.order
            .iter()
            .rev()
            .filter_map(|id| self.entries.get(id))
    }
}

/// A stored scene.
#[derive(Debug)]
pub(crate) struct SceneEntry {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) description: String,
    pub(crate) prompt: String,
    pub(crate) created: Instant,
    pub(crate) created_at: u64,
    pub(crate) updated_at: u64,
    /// Starts at 1 and increases with each change of the contents.
    pub(crate) revision: u32,
    pub(crate) edits: Vec<String>,
    pub(crate) status: JobStatus,
    pub(crate) stages: Vec<(&'static str, &'static str)>,
    pub(crate) error: Option<Value>,
    /// The last job that was started for the scene.
    pub(crate) job_id: Option<String>,
    /// Whether lists include it (`persist`).
    pub(crate) listed: bool,
    pub(crate) assets: Vec<String>,
    /// The assets whose generation has failed.
    pub(crate) failed: Vec<AssetEntry>,
    /// Whether the generation has succeeded. A failed edit does not reset it.
    pub(crate) generated: bool,
}

impl SceneEntry {
    /// Whether the generation has ended.
    pub(crate) fn has_ended(&self) -> bool {
        !matches!(self.status, JobStatus::Queued | JobStatus::Running)
    }

    /// Returns the scene as responses represent it, with its scene graph if `record` is given.
    pub(crate) fn resource(&self, record: Option<Value>, with_job: bool) -> Scene {
        Scene {
            id: self.id.clone(),
            name: Some(self.name.clone()),
            description: Some(self.description.clone()),
            prompt: Some(self.prompt.clone()),
            created_at: Some(timestamp(self.created_at)),
            updated_at: Some(timestamp(self.updated_at)),
            record,
            extra: named_job(self.job_id.as_deref().filter(|_| with_job)),
        }
    }

    /// Sets the status of a stage.
    pub(crate) fn set_stage(&mut self, stage: &str, status: &'static str) {
        for (name, current) in &mut self.stages {
            if *name == stage {
                *current = status;
            }
        }
    }
}

/// A stored asset.
#[derive(Debug, Clone)]
pub(crate) struct AssetEntry {
    pub(crate) id: String,
    pub(crate) scene_id: String,
    pub(crate) name: String,
    pub(crate) prompt: String,
    pub(crate) kind: Kind,
    pub(crate) created_at: u64,
    /// The job that generated it.
    pub(crate) job_id: Option<String>,
    /// Whether lists include it (`persist`).
    pub(crate) listed: bool,
}

impl AssetEntry {
    /// Returns the asset as responses represent it, with its record if requested.
    pub(crate) fn resource(&self, with_record: bool, with_job: bool) -> Asset {
        let record = with_record.then(|| self.item().record());
        Asset {
            id: self.id.clone(),
            scene_id: Some(self.scene_id.clone()),
            name: Some(self.name.clone()),
            prompt: Some(self.prompt.clone()),
            created_at: Some(timestamp(self.created_at)),
            updated_at: Some(timestamp(self.created_at)),
            record,
            extra: named_job(self.job_id.as_deref().filter(|_| with_job)),
        }
    }

    pub(crate) fn item(&self) -> crate::export::Item {
        crate::export::Item {
            id: self.id.clone(),
            name: self.name.clone(),
            kind: self.kind,
            place: None,
        }
    }

    /// Returns the contents of an export of this asset.
    pub(crate) fn brief(&self) -> Brief {
        Brief {
            id: self.id.clone(),
            name: self.name.clone(),
            prompt: self.prompt.clone(),
            revision: 1,
            robot_profile: None,
            items: vec![self.item()],
            failed: 0,
        }
    }
}

/// Returns the members that name a job.
fn named_job(job_id: Option<&str>) -> Map<String, Value> {
    let member = job_id.map(|id| ("job_id".to_owned(), id.into()));
    member.into_iter().collect()
}

/// Returns a name for the result of a prompt: its first words.
pub(crate) fn name_of(prompt: &str) -> String {
    let words: Vec<&str> = prompt.split_whitespace().take(6).collect();
    let name: String = words.join(" ").chars().take(60).collect();
    let name = name.trim_end_matches([',', '.', ';', ':']);
    let mut letters = name.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(letters).collect()
    })
}
