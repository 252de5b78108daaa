//! Compares the download of an export of 256 MiB with `curl -o`, and measures its memory.

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

/// Options of the simulator: exports of `SIZE` bytes.
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
        let download = export.download().await.expect("the export starts");
        download
            .to_file(&ours)
            .await
            .expect("the export is complete")
    };
    // The simulator builds the archive on the first request.
    let length = runtime.block_on(download());

    let (before, mut peak) = (resident(), 0);
    let (mut our_times, mut curl_times) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let mut measure_ours = || {
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
            our_times.push(started.elapsed());
        };
        let mut measure_curl =
            || curl_times.extend(download_with_curl(&serving.url, &scene, &theirs));
        if round % 2 == 0 {
            measure_ours();
            measure_curl();
        } else {
            measure_curl();
            measure_ours();
        }
    }
    println!("## Downloading an export\n");
    println!(
        "Medians of {ROUNDS} paired rounds with {} MiB. Ours flushes the file to disk. Resident memory grew \
         by {:.1} MiB (goal: {}).\n",
        length / MIB,
        mib(peak.saturating_sub(before)),
        Goal::AtMost(16.0).of(mib(peak.saturating_sub(before))),
    );
    let mut table = Table::new(&[&"", &"ms", &"times ours", &"goal"]);
    table.row(&[&"gizmo-client", &milliseconds(&our_times), &"", &""]);
    if curl_times.len() < ROUNDS {
        table.row(&[&"curl -o", &"not installed", &"", &""]);
    } else {
        let pairs = our_times.iter().zip(&curl_times);
        let ratio = median(pairs.map(|(ours, curl)| curl.as_secs_f64() / ours.as_secs_f64()));
        let goal = Goal::AtLeast(0.95).of(ratio);
        let shown = format!("{ratio:.2}");
        table.row(&[&"curl -o", &milliseconds(&curl_times), &shown, &goal]);
    }
    println!("{table}");
}

/// Downloads the export with curl. Returns `None` if that fails.
fn download_with_curl(url: &str, scene: &str, path: &Path) -> Option<Duration> {
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

/// Returns the median in milliseconds.
fn milliseconds(times: &[Duration]) -> String {
    let median = median(times.iter().map(Duration::as_secs_f64));
    format!("{:.0}", median * 1e3)
}

#[expect(clippy::cast_precision_loss, reason = "sizes are far below 2^52")]
fn mib(bytes: u64) -> f64 {
    bytes as f64 / MIB as f64
}
