//! What a call costs beside the same call by bare reqwest: `cargo bench --bench call`.
//!
//! Both ask a simulator in a process of its own the same question, in turns and over connections
//! that are kept open, and read the answer into the same type.

#![expect(clippy::print_stdout, reason = "a benchmark prints what it found")]

#[expect(dead_code, reason = "not every benchmark uses all of it")]
mod support;

use std::time::{Duration, Instant};

use gizmo_client::Client;
use gizmo_client::types::WhoAmI;
use gizmo_simulator::Options;
use support::Serving;

const KEY: &str = "gzm_k1_simulator";

/// Calls of each kind, after those that warm up.
const CALLS: usize = 20_000;

const GOAL: f64 = 1.05;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let has = |wanted: &str| arguments.iter().any(|argument| argument == wanted);
    if has(support::SERVE) {
        let mut options = Options::instant();
        options.requests_kept = 0;
        return support::serve(options);
    }
    // `cargo test --benches` only asks whether it starts.
    if !has("--bench") {
        return;
    }
    let simulator = Serving::start();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(compare(&simulator.url));
}

async fn compare(url: &str) {
    let client = Client::builder()
        .api_key(KEY)
        .base_url(url)
        .http(reqwest::Client::builder())
        .build()
        .expect("a client");
    let http = reqwest::Client::new();
    let whoami = format!("{url}/v1/whoami");
    let ours = async || {
        let answer = client.whoami().send().await.expect("an answer");
        answer.into_inner()
    };
    let bare = async || {
        let request = http.get(&whoami).bearer_auth(KEY);
        let request = request.header("accept", "application/json");
        let answer = request.send().await.expect("an answer");
        let answer = answer.error_for_status().expect("a success");
        answer.json::<WhoAmI>().await.expect("the same type")
    };
    let (mut of_ours, mut of_bare) = (Vec::with_capacity(CALLS), Vec::with_capacity(CALLS));
    for round in 0..CALLS + CALLS / 10 {
        // Who goes first changes, so that neither always finds the caches warm.
        let (mine, theirs);
        if round % 2 == 0 {
            mine = timed(&ours).await;
            theirs = timed(&bare).await;
        } else {
            theirs = timed(&bare).await;
            mine = timed(&ours).await;
        }
        if round >= CALLS / 10 {
            of_ours.push(mine);
            of_bare.push(theirs);
        }
    }
    let (ours, bare) = (median(&mut of_ours), median(&mut of_bare));
    let ratio = ours.as_secs_f64() / bare.as_secs_f64();
    println!("{CALLS} calls of each kind, in turns; medians");
    println!("gizmo-client {:.1} µs", ours.as_secs_f64() * 1e6);
    println!("bare reqwest {:.1} µs", bare.as_secs_f64() * 1e6);
    println!("{ratio:.3} times as long (goal: at most {GOAL})");
}

#[expect(clippy::future_not_send, reason = "the runtime has one thread")]
async fn timed<T>(call: &impl AsyncFn() -> T) -> Duration {
    let start = Instant::now();
    std::hint::black_box(call().await);
    start.elapsed()
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}
