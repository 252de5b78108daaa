//! Compares a call of the client with the same call by plain reqwest: `cargo bench --bench call`.
//!
//! Both send the same request to a simulator in a separate process, alternately and over persistent
//! connections, and decode the response into the same type.

#![expect(clippy::print_stdout, reason = "a benchmark prints its results")]

#[expect(dead_code, reason = "not every benchmark uses every item")]
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

/// Measured calls of each kind, after the warm-up.
const CALLS: usize = 20_000;

const GOAL: Goal = Goal::AtMost(1.05);

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let has = |name: &str| arguments.iter().any(|argument| argument == name);
    if has(support::SERVE) {
        let mut options = Options::instant();
        options.requests_kept = 0;
        return support::serve(options, |_| {});
    }
    // `cargo test --benches` only checks that it starts.
    if !has("--bench") {
        return;
    }
    let simulator = Serving::start();
    println!("## One call compared with plain reqwest\n");
    println!(
        "Medians in µs of {CALLS} alternating calls of each kind; the ratio is our time over theirs. The \
         client bounds every wait, as reqwest does with a read timeout.\n"
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
    let several_threads = support::runtime();
    let one_thread = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    for (name, runtime) in [
        ("several threads", several_threads),
        ("one thread", one_thread),
    ] {
        let [ours, plain, bounded] = runtime.block_on(compare(&simulator.url));
        let ratio = |theirs: f64| format!("{:.3}", ours / theirs);
        let time = |time: f64| format!("{time:.1}");
        table.row(&[
            &name,
            &time(ours),
            &time(plain),
            &ratio(plain),
            &GOAL.of(ours / plain),
            &time(bounded),
            &ratio(bounded),
        ]);
    }
    println!("{table}");
}

/// Returns medians in microseconds: of the client, of reqwest, and of reqwest with a read timeout.
async fn compare(url: &str) -> [f64; 3] {
    let client = Client::builder()
        .api_key(KEY)
        .base_url(url)
        .http(http())
        .build()
        .expect("a client");
    let whoami = format!("{url}/v1/whoami");
    let plain = http().build().expect("a client");
    // The idle timeout that the client has by default.
    let bounded = http().read_timeout(Duration::from_secs(120));
    let bounded = bounded.build().expect("a client");
    let ours = async || {
        let response = client.whoami().send().await.expect("a response");
        response.into_inner()
    };
    let theirs = async |http: &reqwest::Client| {
        let request = http.get(&whoami).bearer_auth(KEY);
        let request = request.header("accept", "application/json");
        let response = request.send().await.expect("a response");
        let response = response.error_for_status().expect("a success");
        response.json::<WhoAmI>().await.expect("the same type")
    };
    let mut times: [Vec<Duration>; 3] = Default::default();
    for round in 0..CALLS + CALLS / 10 {
        // The order rotates, so that no client always finds warm caches.
        for turn in 0..3 {
            let contender = (round + turn) % 3;
            let start = Instant::now();
            let response = match contender {
                0 => ours().await,
                1 => theirs(&plain).await,
                _ => theirs(&bounded).await,
            };
            std::hint::black_box(response);
            if round >= CALLS / 10 {
                times[contender].push(start.elapsed());
            }
        }
    }
    times.map(|times| median(times.iter().map(Duration::as_secs_f64)) * 1e6)
}

fn http() -> reqwest::ClientBuilder {
    reqwest::Client::builder().redirect(reqwest::redirect::Policy::none())
}
