//! Runs the probe against a stand-in, and reads its report.

use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::Duration;

use gizmo_client::Client;
use gizmo_simulator::{Options, Simulator};
use serde_json::Value;
use tempfile::TempDir;
use tokio::process::Command;

use crate::standin::{Changes, StandIn};

/// The key of the tests. No word of it occurs elsewhere.
pub(crate) const KEY: &str = "gzm_k1_zanzibar8842";

/// The prompts of the account, with words that occur nowhere else.
pub(crate) const PROMPTS: [&str; 2] = [
    "A quixotic kitchenette with three zebrawood stools",
    "Grandmother Eulalia's observatory, crimson and vermilion",
];

/// A run of the probe that has ended.
pub(crate) struct Probed {
    pub directory: TempDir,
    pub output: Output,
    pub paid: Vec<String>,
    pub requests: Vec<(axum::http::Method, String)>,
    /// The ids of the account, and those that the probe has made.
    pub ids: Vec<String>,
}

impl Probed {
    pub(crate) fn report(&self) -> Value {
        let text = self.file("report/report.json");
        serde_json::from_str(&text).unwrap_or_else(|_| panic!("no report: {}", self.stderr()))
    }

    pub(crate) fn file(&self, name: &str) -> String {
        std::fs::read_to_string(self.directory.path().join(name)).unwrap_or_default()
    }

    pub(crate) fn stderr(&self) -> String {
        String::from_utf8_lossy(&self.output.stderr).into_owned()
    }

    pub(crate) fn recording(&self) -> PathBuf {
        self.directory.path().join("recording")
    }
}

/// A simulator with two scenes and an asset, whose scenes take three seconds.
pub(crate) async fn simulator(options: Options) -> Simulator {
    let options = Options {
        api_key: KEY.to_owned(),
        ..options
    };
    let simulator = Simulator::start(options.with_rate_limit(10_000))
        .await
        .unwrap();
    let client = Client::builder()
        .base_url(simulator.url())
        .api_key(KEY)
        .build()
        .unwrap();
    let mut scene_id = String::new();
    for prompt in PROMPTS {
        let job = client
            .generate_scene()
            .prompt(prompt)
            .start()
            .await
            .unwrap();
        simulator.handle().finish(job.id());
        scene_id = job.wait().await.unwrap().scene_id;
    }
    let asset = client.generate_asset().prompt("A walnut credenza");
    let job = asset.scene_id(&scene_id).start().await.unwrap();
    simulator.handle().finish(job.id());
    job.wait().await.unwrap();
    simulator
}

/// Runs the probe against a stand-in with the account of [`simulator`].
pub(crate) async fn probe(changes: Changes, options: Options, arguments: &[&str]) -> Probed {
    probe_account(simulator(options).await, changes, arguments).await
}

/// Runs the probe against a stand-in in front of a simulator.
pub(crate) async fn probe_account(
    simulator: Simulator,
    changes: Changes,
    arguments: &[&str],
) -> Probed {
    let handle = simulator.handle();
    let standin = StandIn::start(simulator, changes).await;
    let directory = tempfile::tempdir().unwrap();
    let mut command = command(directory.path());
    command
        .arg("--record")
        .arg(directory.path().join("recording"))
        .args(arguments)
        .env("GIZMO_API_KEY", KEY)
        .env("GIZMO_BASE_URL", &standin.url);
    let output = tokio::time::timeout(Duration::from_secs(120), command.output());
    let output = output.await.expect("the probe ends").unwrap();
    let mut ids = handle.scenes();
    ids.extend(handle.jobs().into_iter().map(|job| job.id));
    Probed {
        directory,
        output,
        paid: standin.paid(),
        requests: standin.requests.lock().unwrap().clone(),
        ids,
    }
}

/// The probe with a report below `directory`.
pub(crate) fn command(directory: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gizmo-probe"));
    command
        .env_remove("GIZMO_API_KEY")
        .env_remove("GIZMO_BASE_URL")
        .arg("--report")
        .arg(directory.join("report"))
        .stdin(Stdio::null())
        .kill_on_drop(true);
    command
}

/// The arguments of a run that pays for everything, as quickly as a simulator permits.
pub(crate) const PAID: [&str; 9] = [
    "--spend",
    "4",
    "--yes",
    "--linger",
    "1",
    "--poll",
    "0.1",
    "--longest",
    "30",
];
