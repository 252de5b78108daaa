//! The processes of a fleet: this test program, started again.

use std::collections::HashMap;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use gizmo_client::Client;
use gizmo_fleet::{Fleet, PromptProgress};
use gizmo_simulator::{Received, Simulator};
use object_store::{BackoffConfig, ObjectStore, RetryConfig};
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

use crate::chaos::Chaos;
use crate::server::{Server, connect};

/// How long a response may be on its way to a process.
const ON_ITS_WAY: Duration = Duration::from_millis(150);

/// The lease of the fleets.
const LEASE: Duration = Duration::from_secs(1);

/// How long the job of a request is looked for. A stopped process continues, and sends its request, long before.
const SEARCH: Duration = Duration::from_secs(6);

pub(crate) struct Workers {
    api: String,
    key: String,
    store: String,
    prompts: Vec<String>,
    place: TempDir,
    /// By their number. `None` if it is killed or has ended.
    processes: HashMap<usize, Child>,
}

impl Workers {
    pub(crate) fn new(simulator: &Simulator, server: &Server, prompts: &[String]) -> Self {
        let place = TempDir::new().unwrap();
        std::fs::write(place.path().join("prompts.txt"), prompts.join("\n")).unwrap();
        Self {
            api: simulator.url().to_owned(),
            key: simulator.api_key().to_owned(),
            store: server.url.clone(),
            prompts: prompts.to_vec(),
            place,
            processes: HashMap::new(),
        }
    }

    /// Starts the process with this number.
    pub(crate) fn start(&mut self, number: usize) {
        let process = Command::new(std::env::current_exe().unwrap())
            .args(["--ignored", "--exact", "worker", "--nocapture"])
            .env("WORKER", format!("worker-{number}"))
            .env("WORKER_API", &self.api)
            .env("WORKER_KEY", &self.key)
            .env("WORKER_STORE", &self.store)
            .env("WORKER_PLACE", self.place.path())
            .stdout(Stdio::null())
            .spawn();
        self.processes.insert(number, process.unwrap());
    }

    pub(crate) fn is_running(&mut self, number: usize) -> bool {
        let process = self.processes.get_mut(&number);
        process.is_some_and(|process| process.try_wait().unwrap().is_none())
    }

    /// Kills a process (SIGKILL).
    pub(crate) fn kill(&mut self, number: usize) {
        if let Some(mut process) = self.processes.remove(&number) {
            process.kill().unwrap();
            process.wait().unwrap();
        }
    }

    /// Sends another signal to a process, such as `STOP` and `CONT`.
    pub(crate) fn signal(&mut self, number: usize, signal: &str) {
        if let Some(process) = self.processes.get(&number) {
            let kill = Command::new("kill")
                .args([format!("-{signal}"), process.id().to_string()])
                .status();
            assert!(kill.unwrap().success());
        }
    }

    /// Waits until every process has ended by itself.
    pub(crate) async fn finish(&mut self, limit: Duration) {
        let started = Instant::now();
        while !self.processes.is_empty() {
            self.processes
                .retain(|number, process| match process.try_wait().unwrap() {
                    Some(status) => {
                        assert!(status.success(), "worker {number}: {status}");
                        false
                    }
                    None => true,
                });
            assert!(started.elapsed() < limit, "the processes have not ended");
            sleep(Duration::from_millis(50)).await;
        }
    }

    /// How far each prompt is.
    pub(crate) async fn progress(&self, store: Arc<dyn ObjectStore>) -> Vec<PromptProgress> {
        let client = Client::builder().api_key(&self.key).base_url(&self.api);
        let fleet = fleet(
            &client.build().unwrap(),
            store,
            &self.prompts,
            self.place.path(),
        );
        fleet.progress().await.unwrap()
    }
}

/// Counts the refusals of requests that a process sent after a response of the same window had reported to it that none
/// remains.
pub(crate) fn announced_refusals(simulator: &Simulator, chaos: &Chaos) -> usize {
    let mut of_process: HashMap<String, Vec<Received>> = HashMap::new();
    for request in simulator.handle().requests() {
        let process = request.header("user-agent").unwrap_or_default();
        of_process
            .entry(process.to_owned())
            .or_default()
            .push(request);
    }
    let is_announced = |process: &str, earlier: &Received, refused: &Received| {
        let (Some(reported), Some(limit)) = (earlier.rate_limit, refused.rate_limit) else {
            return false;
        };
        let read_at = earlier.at + ON_ITS_WAY;
        reported.remaining == 0
            && limit.is_refused
            && same_window(reported.resets_at, limit.resets_at)
            && read_at < refused.at
            && !chaos.disturbed(process, earlier.at, refused.at + ON_ITS_WAY)
    };
    let count = |(process, requests): (&String, &Vec<Received>)| {
        let refused = requests.iter().filter(|refused| {
            let mut earlier = requests.iter();
            earlier.any(|earlier| is_announced(process, earlier, refused))
        });
        refused.count()
    };
    of_process.iter().map(count).sum()
}

impl Drop for Workers {
    fn drop(&mut self) {
        for process in self.processes.values_mut() {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

fn same_window(one: Instant, other: Instant) -> bool {
    one.max(other) - one.min(other) < Duration::from_millis(10)
}

fn fleet(client: &Client, store: Arc<dyn ObjectStore>, prompts: &[String], place: &Path) -> Fleet {
    Fleet::new(client, store, "data/labs", prompts)
        .at_once(3)
        .lease(LEASE)
        .search_limit(SEARCH)
        .ask_again()
        .temporary(place.join("temporary"), 1 << 30)
}

/// Runs a worker, in its process.
pub(crate) fn run() {
    let variable = |name: &str| std::env::var(name).unwrap();
    let place = variable("WORKER_PLACE");
    let prompts = std::fs::read_to_string(Path::new(&place).join("prompts.txt")).unwrap();
    let prompts: Vec<String> = prompts.lines().map(str::to_owned).collect();
    let runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = { runtime }.enable_all().build().unwrap();
    runtime.block_on(async {
        let http = reqwest::Client::builder().user_agent(variable("WORKER"));
        let client = Client::builder()
            .api_key(variable("WORKER_KEY"))
            .base_url(variable("WORKER_API"))
            .http(http);
        let retry = RetryConfig {
            backoff: BackoffConfig {
                init_backoff: Duration::from_millis(10),
                max_backoff: Duration::from_millis(200),
                base: 2.0,
            },
            ..RetryConfig::default()
        };
        let store = connect(&variable("WORKER_STORE"), retry);
        let fleet = fleet(&client.build().unwrap(), store, &prompts, Path::new(&place));
        let scenes = fleet.run(|_| {}).await.unwrap();
        let errors: Vec<_> = scenes.iter().filter(|one| one.error.is_some()).collect();
        assert!(errors.is_empty(), "{errors:#?}");
    });
}
