//! Compares scenes into a local store with `to_file`, and measures the memory: `cargo bench --bench fleet`.

#![expect(clippy::print_stdout, reason = "a benchmark prints its results")]

mod link;
mod local;
#[expect(dead_code, reason = "not every benchmark uses every item")]
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
use gizmo_simulator::{Canned, Fault, On, Options, SceneExport, Simulator};

use self::local::Local;
use self::support::{Serving, resident};
use self::table::{Goal, Table, median};

const MIB: u64 = 1 << 20;
/// The default of a fleet.
const AT_ONCE: usize = 4;
const ROUNDS: usize = 3;
const KEY: &str = "gzm_k1_simulator";

/// The size of a usual export, and how many scenes are made of it.
const USUAL: (u64, usize) = (55 * MIB, 24);

/// The size of a large export, and how many scenes are made of it.
const LARGE: (u64, usize) = (1024 * MIB, 4);

/// The bytes of a link of 1 Gbit/s in a second.
const LINK: u64 = 125_000_000;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let has = |name: &str| arguments.iter().any(|argument| argument == name);
    if has(support::SERVE) {
        return support::runtime().block_on(serve());
    }
    // `cargo test --benches` only checks that it starts.
    if has("--bench") {
        support::runtime().block_on(measure());
    }
}

/// Runs a service behind a link, and one without, until the parent process closes the pipe.
async fn serve() {
    let (usual, large) = (service(USUAL.0).await, service(LARGE.0).await);
    let url = link::start(usual.url(), LINK).await;
    println!("{url} {}", large.url());
    let mut line = String::new();
    let ended = tokio::task::spawn_blocking(move || std::io::stdin().read_line(&mut line));
    let _ = ended.await;
}

/// Starts a simulator that sends the same archive for every scene, so that it does not take longer than the client.
async fn service(size: u64) -> Simulator {
    let simulator = Simulator::start(Options::instant())
        .await
        .expect("a free port");
    let mut options = Options::instant();
    options.texture_bytes = size;
    options.deflate = false;
    let mut archive = std::io::Cursor::new(Vec::new());
    let export = SceneExport::new(&options, "a lab");
    export.write_archive(&mut archive).expect("memory");
    let response = Canned::empty(200).header("content-type", "application/zip");
    let response = response.body(archive.into_inner());
    let always = On::operation("export_scene").always();
    drop(simulator.handle().inject(always, Fault::Respond(response)));
    simulator
}

async fn measure() {
    let serving = Serving::start();
    let (link, loopback) = serving.url.split_once(' ').expect("two URLs");
    let mut table = Table::new(&[
        &"link",
        &"MiB each",
        &"scenes",
        &"`to_file`, s",
        &"fleet, s",
        &"ratio",
        &"goal",
        &"memory, MiB",
        &"goal",
    ]);
    for (name, url, (size, scenes)) in [("loopback", loopback, LARGE), ("1 Gbit/s", link, USUAL)] {
        let (mut files, mut fleets, mut ratios, mut peak) = (vec![], vec![], vec![], 0);
        for round in 0..ROUNDS {
            let client = Client::builder().api_key(KEY).base_url(url);
            let client = client.build().expect("a client");
            let dir = tempfile::tempdir().expect("a temporary directory");
            let prompts: Vec<String> = (0..scenes).map(|number| format!("lab {number}")).collect();
            let mut measure_files = async || {
                let started = Instant::now();
                to_files(&client, &prompts, dir.path()).await;
                files.push(started.elapsed().as_secs_f64());
            };
            let mut measure_fleet = async || {
                let started = Instant::now();
                let used = resident_during(to_store(&client, &prompts, dir.path())).await;
                fleets.push(started.elapsed().as_secs_f64());
                peak = peak.max(used);
            };
            if round % 2 == 0 {
                measure_fleet().await;
                measure_files().await;
            } else {
                measure_files().await;
                measure_fleet().await;
            }
            ratios.push(files[round] / fleets[round]);
        }
        let ratio = median(ratios);
        let [files, fleets] = [files, fleets].map(|times| format!("{:.2}", median(times)));
        // On loopback, receiving an export costs less than unpacking and hashing it.
        let goal = if url == link {
            Goal::AtLeast(0.8).of(ratio)
        } else {
            String::new()
        };
        let mib = mib(peak);
        table.row(&[
            &name,
            &(size / MIB),
            &scenes,
            &files,
            &fleets,
            &format!("{ratio:.2}"),
            &goal,
            &format!("{mib:.1}"),
            &Goal::AtMost(64.0).of(mib),
        ]);
    }
    println!("## Scenes into a store\n");
    println!(
        "Medians of {ROUNDS} paired rounds, by `to_file` and by a fleet of one process into a store on the same disk, each \
         {AT_ONCE} at once. A fleet unpacks and hashes the files as well, so it writes and reads each byte twice. All \
         connections share the link. The memory is the highest resident size of the process.\n",
    );
    println!("{table}");
}

async fn to_files(client: &Client, prompts: &[String], dir: &Path) {
    let files = prompts.iter().enumerate().map(async |(number, prompt)| {
        let job = client.generate_scene().prompt(prompt).start().await?;
        let scene = job.wait().await?.scene_id;
        let export = client.export_scene().scene_id(scene).download().await?;
        let path = dir.join(format!("{number}.zip"));
        let size = export.to_file(&path).await?;
        std::fs::remove_file(path).expect("the file can be removed");
        Ok::<u64, gizmo_client::Error>(size)
    });
    let files = stream::iter(files).buffer_unordered(AT_ONCE);
    let sizes: Vec<u64> = files
        .try_collect()
        .await
        .expect("every export is downloaded");
    assert!(sizes.into_iter().all(|size| size > USUAL.0));
}

async fn to_store(client: &Client, prompts: &[String], dir: &Path) {
    let (objects, temporary) = (dir.join("objects"), dir.join("temporary"));
    std::fs::create_dir(&objects).expect("a directory");
    let store = Arc::new(Local::new(&objects));
    let fleet = Fleet::new(client, store, "scenes", prompts)
        .at_once(AT_ONCE)
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
