//! What a call costs beside the same call by bare reqwest: `cargo bench --bench call`.
//!
//! Both ask a simulator in a process of its own the same question, in turns and over connections
//! that are kept open, and read the response into the same type.

#![expect(clippy::print_stdout, reason = "a benchmark prints what it found")]

#[expect(dead_code, reason = "not every benchmark uses all of it")]
mod support;
#[path = "support/table.rs"]
mod table;

use std::time::{Duration, Instant};

use gizmo_client::Client;
use gizmo_client::types::WhoAmI;
use gizmo_simulator::Options;
use support::Serving;
use table::{Goal, Table, median};

const KEY: &str = "gzm_k1_simulator";

/// Calls of each kind, after those that warm up.
const CALLS: usize = 20_000;

const GOAL: Goal = Goal::AtMost(1.05);

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let has = |wanted: &str| arguments.iter().any(|argument| argument == wanted);
    if has(support::SERVE) {
        let mut options = Options::instant();
        options.requests_kept = 0;
        return support::serve(options, |_| {});
    }
    // `cargo test --benches` only asks whether it starts.
    if !has("--bench") {
        return;
    }
    let simulator = Serving::start();
    println!("## One call beside bare reqwest\n");
    println!(
        "{CALLS} calls of each kind in turns, medians in µs, and ours over theirs. The client never \
         waits without end; reqwest does not either with a read timeout.\n"
    );
    let mut table = Table::new(&[
        &"runtime",
        &"gizmo-client",
        &"reqwest",
        &"ratio",
        &"goal",
        &"reqwest, read timeout",
        &"ratio",
    ]);
    let (several, mut one) = (
        support::runtime(),
        tokio::runtime::Builder::new_current_thread(),
    );
    let one = one.enable_all().build().expect("a runtime");
    for (name, runtime) in [("several threads", several), ("one thread", one)] {
        let [ours, bare, careful] = runtime.block_on(compare(&simulator.url));
        let ratio = |theirs: f64| format!("{:.3}", ours / theirs);
        let time = |time: f64| format!("{time:.1}");
        table.row(&[
            &name,
            &time(ours),
            &time(bare),
            &ratio(bare),
            &GOAL.of(ours / bare),
            &time(careful),
            &ratio(careful),
        ]);
    }
    println!("{table}");
}

/// Medians in microseconds: the client's, reqwest's, and reqwest's with a read timeout.
async fn compare(url: &str) -> [f64; 3] {
    let client = Client::builder()
        .api_key(KEY)
        .base_url(url)
        .http(http())
        .build()
        .expect("a client");
    let whoami = format!("{url}/v1/whoami");
    let bare = http().build().expect("a client");
    // What a careful program would set: the client never waits longer either.
    let careful = http().read_timeout(Duration::from_secs(120));
    let careful = careful.build().expect("a client");
    let ours = async || {
        let response = client.whoami().send().await.expect("a response");
        response.into_inner()
    };
    let by = async |http: &reqwest::Client| {
        let request = http.get(&whoami).bearer_auth(KEY);
        let request = request.header("accept", "application/json");
        let response = request.send().await.expect("a response");
        let response = response.error_for_status().expect("a success");
        response.json::<WhoAmI>().await.expect("the same type")
    };
    let mut times: [Vec<Duration>; 3] = Default::default();
    for round in 0..CALLS + CALLS / 10 {
        // Who goes first changes, so that none always finds the caches warm.
        for turn in 0..3 {
            let who = (round + turn) % 3;
            let start = Instant::now();
            let response = match who {
                0 => ours().await,
                1 => by(&bare).await,
                _ => by(&careful).await,
            };
            std::hint::black_box(response);
            if round >= CALLS / 10 {
                times[who].push(start.elapsed());
            }
        }
    }
    times.map(|times| median(times.iter().map(Duration::as_secs_f64)) * 1e6)
}

fn http() -> reqwest::ClientBuilder {
    reqwest::Client::builder().redirect(reqwest::redirect::Policy::none())
}
