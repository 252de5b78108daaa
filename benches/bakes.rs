//! Runs many bakes within a rate limit: `cargo bench --bench bakes`.
//!
//! A hundred bakes run at once with a key that is limited to 100 requests a minute. Simulated time runs
//! 60 times faster. The client does not retry, so a 429 for one of the requests fails the bake.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a benchmark prints its results"
)]

#[path = "support/table.rs"]
mod table;

use std::time::Instant;

use gizmo_client::{Client, RetryPolicy};
use gizmo_simulator::{Options, Simulator};
use table::{Goal, Table};

const BAKES: usize = 100;
const SPEED: f64 = 60.0;

#[tokio::main]
async fn main() {
    // `cargo test --benches` only checks that it starts.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let options = Options::default().with_speed(SPEED).with_rate_limit(100);
    let simulator = Simulator::start(options).await.expect("a free port");
    let client = Client::builder()
        .api_key(simulator.api_key())
        .base_url(simulator.url())
        .retry_policy(RetryPolicy::none())
        .build()
        .expect("a client");
    let handle = simulator.handle();
    let dir = tempfile::tempdir().expect("a temporary directory");
    let prompts = (0..BAKES).map(|number| format!("a lab with {number} crates"));
    let started = Instant::now();
    let summary = client
        .bake_all(prompts)
        .at_once(BAKES)
        .into_dir(dir.path())
        .await
        .expect("a manifest");
    let seconds = started.elapsed().as_secs_f64();
    let failed: Vec<_> = summary.failed().collect();
    for baked in &failed {
        eprintln!("failed: {}", baked.error.as_deref().unwrap_or_default());
    }
    #[expect(clippy::cast_precision_loss, reason = "a few hundred")]
    let [total, failed, jobs, requests] = [
        BAKES,
        failed.len(),
        handle.job_count(),
        handle.requests().len(),
    ]
    .map(|count| count as f64);
    println!("## Many bakes at 100 requests a minute\n");
    println!(
        "{BAKES} bakes run at once without retries, so a request over the limit fails its bake. Simulated \
         time runs {SPEED} times faster.\n"
    );
    let mut table = Table::new(&[&"", &"", &"goal"]);
    let completed = total - failed;
    table.row(&[
        &"completed bakes",
        &completed,
        &Goal::AtLeast(total).of(completed),
    ]);
    table.row(&[&"paid jobs", &jobs, &Goal::AtMost(total).of(jobs)]);
    let per_job = format!("{:.2}", requests / total);
    table.row(&[&"requests per job", &per_job, &""]);
    let minutes = format!("{:.1}", seconds * SPEED / 60.0);
    table.row(&[&"simulated minutes", &minutes, &""]);
    println!("{table}");
}
