//! Receiving an export of 256 MiB beside `curl -o`, and what memory it takes.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use gizmo_client::Client;
use gizmo_simulator::Options;

use crate::support::{Serving, resident, runtime};
use crate::table::{Goal, Table, median};

const MIB: u64 = 1 << 20;
const SIZE: u64 = 256 * MIB;
const ROUNDS: usize = 11;
const KEY: &str = "gzm_k1_simulator";

/// What the simulator serves.
pub(crate) fn options() -> Options {
    let mut options = Options::instant();
    options.texture_bytes = SIZE;
    options.deflate = false;
    options
}

pub(crate) fn run() {
    let serving = Serving::start();
    let runtime = runtime();
    let client = Client::builder()
        .api_key(KEY)
        .base_url(&serving.url)
        .build()
        .expect("a client");
    let scene = runtime.block_on(async {
        let job = client
            .generate_scene()
            .prompt("a lab")
            .start()
            .await
            .expect("a job");
        job.wait().await.expect("a scene").scene_id
    });
    let dir = tempfile::tempdir().expect("a temporary directory");
    let (ours, theirs) = (dir.path().join("ours.zip"), dir.path().join("theirs.zip"));
    let download = async || {
        let export = client.export_scene().scene_id(&scene).format("mjcf");
        let download = export.download().await.expect("the export begins");
        download.to_file(&ours).await.expect("the export is whole")
    };
    // The simulator builds the archive once.
    let length = runtime.block_on(download());

    let (before, mut peak) = (resident(), 0);
    let (mut own, mut curl) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let mut measure_own = || {
            let _ = std::fs::remove_file(&ours);
            let started = Instant::now();
            let mut receiving = std::pin::pin!(download());
            runtime.block_on(async {
                let mut sample = tokio::time::interval(Duration::from_millis(10));
                loop {
                    tokio::select! {
                        _ = &mut receiving => break,
                        _ = sample.tick() => peak = peak.max(resident()),
                    }
                }
            });
            own.push(started.elapsed());
        };
        let mut measure_curl = || curl.extend(receive_by_curl(&serving.url, &scene, &theirs));
        if round % 2 == 0 {
            measure_own();
            measure_curl();
        } else {
            measure_curl();
            measure_own();
        }
    }
    println!("## An export to a file\n");
    println!(
        "{} MiB in {ROUNDS} paired rounds, medians; ours is flushed to disk. Resident memory grew by \
         {:.1} MiB (goal: {}).\n",
        length / MIB,
        mib(peak.saturating_sub(before)),
        Goal::AtMost(16.0).of(mib(peak.saturating_sub(before))),
    );
    let mut table = Table::new(&[&"", &"ms", &"times ours", &"goal"]);
    table.row(&[&"gizmo-client", &milliseconds(&own), &"", &""]);
    if curl.len() < ROUNDS {
        table.row(&[&"curl -o", &"not installed", &"", &""]);
    } else {
        let pairs = own.iter().zip(&curl);
        let ratio = median(pairs.map(|(own, curl)| curl.as_secs_f64() / own.as_secs_f64()));
        let goal = Goal::AtLeast(0.95).of(ratio);
        let shown = format!("{ratio:.2}");
        table.row(&[&"curl -o", &milliseconds(&curl), &shown, &goal]);
    }
    println!("{table}");
}

fn receive_by_curl(url: &str, scene: &str, path: &Path) -> Option<Duration> {
    let _ = std::fs::remove_file(path);
    let started = Instant::now();
    let status = Command::new("curl")
        .args([
            "-sS",
            "-X",
            "POST",
            "-H",
            "content-type: application/json",
            "-d",
            r#"{"format":"mjcf"}"#,
        ])
        .args(["-H", &format!("authorization: Bearer {KEY}")])
        .arg(format!("{url}/v1/scenes/{scene}/export"))
        .arg("-o")
        .arg(path)
        .status()
        .ok()?;
    status.success().then(|| started.elapsed())
}

/// The median.
fn milliseconds(times: &[Duration]) -> String {
    let median = median(times.iter().map(Duration::as_secs_f64));
    format!("{:.0}", median * 1e3)
}

#[expect(clippy::cast_precision_loss, reason = "sizes are far below 2^52")]
fn mib(bytes: u64) -> f64 {
    bytes as f64 / MIB as f64
}
