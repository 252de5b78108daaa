//! Many bakes within a rate limit: `cargo bench --bench bakes`.
//!
//! A hundred at once with a key that may make 100 requests a minute; time passes 60 times as fast.
//! The client is told to retry nothing, so that a 429 for one of its calls fails its bake.

#![expect(clippy::print_stdout, reason = "a benchmark prints what it found")]

use std::time::Instant;

use gizmo_client::{Client, RetryPolicy};
use gizmo_simulator::{Options, Simulator};

const BAKES: usize = 100;
const SPEED: f64 = 60.0;

#[tokio::main]
async fn main() {
    // `cargo test --benches` only asks whether it starts.
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
    let dir = tempfile::tempdir().expect("a temporary folder");
    let prompts = (0..BAKES).map(|number| format!("a lab with {number} crates"));
    let started = Instant::now();
    let summary = client
        .bake_all(prompts)
        .at_once(BAKES)
        .into_dir(dir.path())
        .await;
    let seconds = started.elapsed().as_secs_f64();
    let failed: Vec<_> = summary.failed().collect();
    for baked in &failed {
        println!("failed: {}", baked.error.as_deref().unwrap_or_default());
    }
    let requests = simulator.handle().total();
    let minutes = seconds * SPEED / 60.0;
    println!(
        "{} of {BAKES} bakes done in {seconds:.1} s, which stand for {minutes:.1} min",
        BAKES - failed.len()
    );
    #[expect(clippy::cast_precision_loss, reason = "a few hundred requests")]
    let per_job = requests as f64 / BAKES as f64;
    println!(
        "{per_job:.2} requests a job, at 100 a minute; {} jobs",
        simulator.handle().job_count()
    );
}
