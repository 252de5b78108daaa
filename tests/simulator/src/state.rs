//! What the service keeps: scenes, assets, jobs and credits, behind one lock.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use gizmo_client::types::{Asset, JobStatus, Scene};
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::alpha;
use crate::catalog::Catalog;
use crate::clock::{Clock, timestamp};
use crate::export::{Brief, Kind};
use crate::exports::Cache;
use crate::fault::Faults;
use crate::job::JobEntry;
use crate::limits::Limits;
use crate::options::Options;
use crate::random::Random;
use crate::record::Record;
use crate::response::fields;
use crate::wire::Network;

/// Everything that connections, jobs and handles share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) options: Options,
    pub(crate) clock: Clock,
    /// Where the early-access API's files are.
    pub(crate) cdn_url: String,
    pub(crate) catalog: Catalog,
    pub(crate) network: watch::Sender<Network>,
    tables: Mutex<Tables>,
    limits: Mutex<Limits>,
    faults: Mutex<Faults>,
    record: Mutex<Record>,
    exports: Mutex<Cache>,
}

impl Shared {
    pub(crate) fn new(options: Options, cdn_url: String) -> Arc<Self> {
        let clock = Clock::new(options.speed, options.clock_skew);
        Arc::new(Self {
            catalog: Catalog::new(options.seed, options.catalog_items),
            network: watch::Sender::new(Network::default()),
            tables: Mutex::new(Tables::new(&options)),
            limits: Mutex::new(Limits::new(&options, &clock)),
            faults: Mutex::default(),
            record: Mutex::new(Record::new(options.requests_kept)),
            exports: Mutex::default(),
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

/// A test that panicked while it held the lock has failed already.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The service's memory.
#[derive(Debug)]
pub(crate) struct Tables {
    pub(crate) scenes: Table<SceneEntry>,
    pub(crate) assets: Table<AssetEntry>,
    pub(crate) jobs: Table<JobEntry>,
    /// What the early-access API keeps.
    pub(crate) alpha: alpha::Tables,
    /// Jobs that may still be started.
    pub(crate) credits: Option<u64>,
    /// Jobs that were started.
    pub(crate) spent: u64,
}

impl Tables {
    fn new(options: &Options) -> Self {
        Self {
            scenes: Table::with_long_ids(options.seed, "js7"),
            assets: Table::with_long_ids(options.seed, "jn7"),
            jobs: Table::new(options.seed, "job"),
            alpha: alpha::Tables::new(options.seed),
            credits: options.credits,
            spent: 0,
        }
    }

    /// What an export of this scene holds.
    pub(crate) fn scene_brief(&self, scene: &SceneEntry, robot_profile: Option<String>) -> Brief {
        let assets = scene.assets.iter().filter_map(|id| self.assets.get(id));
        Brief {
            id: scene.id.clone(),
            name: scene.name.clone(),
            prompt: scene.prompt.clone(),
            revision: scene.revision,
            robot_profile,
            items: assets.map(AssetEntry::item).collect(),
        }
    }
}

/// Entries of one kind, by id and in the order they were made.
#[derive(Debug)]
pub(crate) struct Table<T> {
    entries: HashMap<String, T>,
    order: Vec<String>,
    seed: u64,
    prefix: &'static str,
    ids: u64,
    /// Writes an id of this seed and prefix with this number.
    write_id: fn(u64, &str, u64) -> String,
}

impl<T> Table<T> {
    pub(crate) fn new(seed: u64, prefix: &'static str) -> Self {
        Self {
            entries: HashMap::new(),
            order: Vec::new(),
            seed,
            prefix,
            ids: 0,
            write_id: Random::id,
        }
    }

    /// A table whose ids have the form that scenes and assets have.
    pub(crate) fn with_long_ids(seed: u64, prefix: &'static str) -> Self {
        Self {
            write_id: Random::long_id,
            ..Self::new(seed, prefix)
        }
    }

    /// An id that no entry has had.
    pub(crate) fn new_id(&mut self) -> String {
        self.ids += 1;
        (self.write_id)(self.seed, self.prefix, self.ids)
    }

    pub(crate) fn insert(&mut self, id: &str, entry: T) {
        self.order.push(id.to_owned());
        self.entries.insert(id.to_owned(), entry);
    }

    /// Forgets all entries; no id comes again.
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

    /// All entries, the newest first.
    pub(crate) fn newest(&self) -> impl DoubleEndedIterator<Item = &T> {
        self.order
            .iter()
            .rev()
            .filter_map(|id| self.entries.get(id))
    }
}

/// A scene as it is kept.
#[derive(Debug)]
pub(crate) struct SceneEntry {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) description: String,
    pub(crate) prompt: String,
    pub(crate) created_at: u64,
    pub(crate) updated_at: u64,
    /// Counts from 1; each edit and each added asset is another.
    pub(crate) revision: u32,
    pub(crate) edits: Vec<String>,
    pub(crate) status: JobStatus,
    pub(crate) stages: Vec<(&'static str, &'static str)>,
    pub(crate) error: Option<Value>,
    /// The job that works on it, or did last.
    pub(crate) job_id: Option<String>,
    /// Whether the library lists it (`persist`).
    pub(crate) listed: bool,
    pub(crate) assets: Vec<String>,
    /// Whether it has been whole once: a failed edit does not undo that.
    pub(crate) whole: bool,
}

impl SceneEntry {
    /// The scene as the service returns it, with its graph if asked for.
    pub(crate) fn response(&self, record: Option<Value>, with_job: bool) -> Scene {
        let mut extra = json!({
            "pipeline_status": self.status,
            "asset_count": self.assets.len(),
            "revision": self.revision,
        });
        if let Some(job_id) = self.job_id.as_ref().filter(|_| with_job) {
            extra["job_id"] = json!(job_id);
        }
        Scene {
            id: self.id.clone(),
            name: Some(self.name.clone()),
            description: Some(self.description.clone()),
            prompt: Some(self.prompt.clone()),
            created_at: Some(timestamp(self.created_at)),
            updated_at: Some(timestamp(self.updated_at)),
            record,
            extra: fields(extra),
        }
    }

    /// Notes that a stage is now so.
    pub(crate) fn stage(&mut self, stage: &str, status: &'static str) {
        for (name, now) in &mut self.stages {
            if *name == stage {
                *now = status;
            }
        }
    }
}

/// An asset as it is kept.
#[derive(Debug, Clone)]
pub(crate) struct AssetEntry {
    pub(crate) id: String,
    pub(crate) scene_id: String,
    pub(crate) name: String,
    pub(crate) prompt: String,
    pub(crate) kind: Kind,
    pub(crate) created_at: u64,
    /// The job that made it.
    pub(crate) job_id: Option<String>,
    /// Whether the library lists it (`persist`).
    pub(crate) listed: bool,
}

impl AssetEntry {
    /// The asset as the service returns it, with its record if asked for.
    pub(crate) fn response(&self, with_record: bool, with_job: bool) -> Asset {
        let mut extra =
            json!({ "kind": self.kind.name(), "articulated": self.kind.is_articulated() });
        if let Some(job_id) = self.job_id.as_ref().filter(|_| with_job) {
            extra["job_id"] = json!(job_id);
        }
        let record = with_record.then(|| self.item().record());
        Asset {
            id: self.id.clone(),
            scene_id: Some(self.scene_id.clone()),
            name: Some(self.name.clone()),
            prompt: Some(self.prompt.clone()),
            created_at: Some(timestamp(self.created_at)),
            updated_at: Some(timestamp(self.created_at)),
            record,
            extra: fields(extra),
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

    /// What an export of this asset holds.
    pub(crate) fn brief(&self) -> Brief {
        Brief {
            id: self.id.clone(),
            name: self.name.clone(),
            prompt: self.prompt.clone(),
            revision: 1,
            robot_profile: None,
            items: vec![self.item()],
        }
    }
}

/// A name for what a prompt makes: its first words.
pub(crate) fn name_of(prompt: &str) -> String {
    let words: Vec<&str> = prompt.split_whitespace().take(6).collect();
    let name: String = words.join(" ").chars().take(60).collect();
    let name = name.trim_end_matches([',', '.', ';', ':']);
    let mut letters = name.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(letters).collect()
    })
}
