//! Compares scenes into a local store with `to_file`, and measures the memory: `cargo bench --bench fleet`.

#![expect(clippy::print_stdout, reason = "a benchmark prints its results")]

mod local;
#[path = "../../../../benches/support/mod.rs"]
mod support;
#[path = "../../../../benches/support/table.rs"]
mod table;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::{StreamExt, TryStreamExt, stream};
use gizmo_client::Client;
use gizmo_fleet::{Fleet, PromptState};
use gizmo_simulator::Options;

use self::local::Local;
use self::support::{Serving, resident};
use self::table::{Goal, Table, median};

const MIB: u64 = 1 << 20;
const SIZE: u64 = 1024 * MIB;
const SCENES: usize = 4;
const ROUNDS: usize = 3;
const KEY: &str = "gzm_k1_simulator";

#[tokio::main]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let has = |name: &str| arguments.iter().any(|argument| argument == name);
    if has(support::SERVE) {
        let mut options = Options::instant();
        options.texture_bytes = SIZE;
        options.deflate = false;
        return tokio::task::block_in_place(|| support::serve(options, |_| {}));
    }
    // `cargo test --benches` only checks that it starts.
    if !has("--bench") {
        return;
    }
    let mut table = Table::new(&[
        &"at once",
        &"`to_file`, s",
        &"fleet, s",
        &"ratio",
        &"goal",
        &"MiB",
        &"goal",
    ]);
    for at_once in [1, SCENES] {
        let (mut files, mut fleets, mut ratios, mut peak) = (vec![], vec![], vec![], 0);
        for round in 0..ROUNDS {
            let serving = Serving::start();
            let client = Client::builder().api_key(KEY).base_url(&serving.url);
            let client = client.build().expect("a client");
            let dir = tempfile::tempdir().expect("a temporary directory");
            let prompts: Vec<String> = (0..SCENES).map(|number| format!("lab {number}")).collect();
            let mut measure_files = async || {
                let started = Instant::now();
                to_files(&client, &prompts, at_once, dir.path()).await;
                files.push(started.elapsed().as_secs_f64());
            };
            let mut measure_fleet = async || {
                let started = Instant::now();
                let used = resident_during(to_store(&client, &prompts, at_once, dir.path())).await;
                fleets.push(started.elapsed().as_secs_f64());
                peak = peak.max(used);
            };
            if round % 2 == 0 {
                measure_files().await;
                measure_fleet().await;
            } else {
                measure_fleet().await;
                measure_files().await;
            }
            ratios.push(files[round] / fleets[round]);
        }
        let ratio = median(ratios);
        let [files, fleets] = [files, fleets].map(|times| format!("{:.2}", median(times)));
        let mib = mib(peak);
        table.row(&[
            &at_once,
            &files,
            &fleets,
            &format!("{ratio:.2}"),
            &Goal::AtLeast(0.8).of(ratio),
            &format!("{mib:.1}"),
            &Goal::AtMost(64.0).of(mib),
        ]);
    }
    println!("## Scenes into a store\n");
    println!(
        "Medians of {ROUNDS} paired rounds with {SCENES} scenes of {} MiB each, by `to_file` and by a fleet of one process \
         into a local store. A fleet unpacks and hashes the files as well. MiB is the highest resident memory of the \
         process.\n",
        SIZE / MIB
    );
    println!("{table}");
}

async fn to_files(client: &Client, prompts: &[String], at_once: usize, dir: &Path) {
    let files = prompts.iter().enumerate().map(async |(number, prompt)| {
        let job = client.generate_scene().prompt(prompt).start().await?;
        let scene = job.wait().await?.scene_id;
        let export = client.export_scene().scene_id(scene).download().await?;
        let path = dir.join(format!("{number}.zip"));
        let size = export.to_file(&path).await?;
        std::fs::remove_file(path).expect("the file can be removed");
        Ok::<u64, gizmo_client::Error>(size)
    });
    let files = stream::iter(files).buffer_unordered(at_once);
    let sizes: Vec<u64> = files
        .try_collect()
        .await
        .expect("every export is downloaded");
    assert!(sizes.into_iter().all(|size| size > SIZE));
}

async fn to_store(client: &Client, prompts: &[String], at_once: usize, dir: &Path) {
    let (objects, temporary) = (dir.join("objects"), dir.join("temporary"));
    std::fs::create_dir(&objects).expect("a directory");
    let store = Arc::new(Local::new(&objects));
    let fleet = Fleet::new(client, store, "scenes", prompts)
        .at_once(at_once)
        .temporary(temporary, 64 << 30);
    let scenes = fleet.run(|_| {}).await.expect("the store works");
    let done = scenes
        .iter()
        .filter(|scene| scene.state == PromptState::Done);
    assert_eq!(done.count(), prompts.len(), "{scenes:?}");
    std::fs::remove_dir_all(objects).expect("the objects can be removed");
}

/// Returns the highest resident memory of this process during `work`.
async fn resident_during(work: impl Future<Output = ()>) -> u64 {
    let mut work = std::pin::pin!(work);
    let mut sample = tokio::time::interval(Duration::from_millis(10));
    let mut peak = 0;
    loop {
        tokio::select! {
            () = &mut work => return peak,
            _ = sample.tick() => peak = peak.max(resident()),
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "sizes are far below 2^52")]
fn mib(bytes: u64) -> f64 {
    bytes as f64 / MIB as f64
}
