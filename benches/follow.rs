//! Many jobs followed at once by one process: `cargo bench --bench follow [-- JOBS]`.
//!
//! The simulator runs in a process of its own (this program, started again), so that the memory
//! reported is that of the client alone. One connection in fifty is cut after 20 events. Every event
//! of every job must come, once and in order.

#![expect(clippy::print_stdout, reason = "a benchmark prints what it found")]

mod support;
#[path = "support/table.rs"]
mod table;

use std::time::{Duration, Instant};

use futures::stream::{FuturesUnordered, StreamExt, TryStreamExt};
use gizmo_client::{Client, Error, JobEventKind, JobHandle};
use gizmo_simulator::{EventFault, Fault, On, Options};
use support::{Serving, resident, runtime};
use table::{Goal, Table};

/// A job takes 45 s, so that all of them are running while the last is being started.
const SPEED: f64 = 4.0;

/// Two connections in a hundred are cut.
const CUT_EVERY: u64 = 50;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let has = |wanted: &str| arguments.iter().any(|argument| argument == wanted);
    if has(support::SERVE) {
        let mut options = Options::instant().with_speed(SPEED);
        options.requests_kept = 0;
        let cut = On::operation("job_events").every(CUT_EVERY).always();
        let fault = Fault::Events(EventFault::DropAfter(20));
        return support::serve(options, |simulator| {
            drop(simulator.handle().inject(cut, fault));
        });
    }
    // `cargo test --benches` only asks whether it starts.
    if !has("--bench") {
        return;
    }
    let jobs = arguments.iter().find_map(|argument| argument.parse().ok());
    let simulator = Serving::start();
    runtime().block_on(follow(&simulator.url, jobs.unwrap_or(5_000)));
}

async fn follow(url: &str, count: usize) {
    let client = Client::builder()
        .api_key("gzm_k1_simulator")
        .base_url(url)
        .build()
        .expect("a client");
    let starting = futures::stream::iter(0..count).map(|_| async {
        client
            .generate_scene()
            .prompt("a lab")
            .start()
            .await
            .expect("the simulator takes every job")
    });
    let jobs: Vec<JobHandle> = starting.buffer_unordered(32).collect().await;
    let (requests, memory, started) = (requests(&client).await, resident(), Instant::now());

    let mut following: FuturesUnordered<_> = jobs.iter().map(events_of).collect();
    let (mut events, mut fewest, mut most, mut peak) = (0, u64::MAX, 0, memory);
    let mut reconnects = 0;
    let mut sample = tokio::time::interval(Duration::from_millis(50));
    loop {
        tokio::select! {
            _ = sample.tick() => peak = peak.max(resident()),
            ended = following.next() => match ended {
                Some(seen) => {
                    let (seen, again) = seen.expect("every stream ends with its job");
                    reconnects += again;
                    events += seen;
                    (fewest, most) = (fewest.min(seen), most.max(seen));
                }
                None => break,
            },
        }
    }
    let elapsed = started.elapsed();
    // One of them counted the requests.
    let sent = self::requests(&client).await - requests - 1;
    #[expect(clippy::cast_precision_loss, reason = "the totals are far below 2^52")]
    let per_job = |total: u64| total as f64 / count as f64;
    println!("## Many jobs followed by one process\n");
    println!("Every event comes once and in order, or the benchmark fails.\n");
    let mut table = Table::new(&[&"", &"", &"goal"]);
    table.row(&[&"jobs", &count, &""]);
    table.row(&[
        &"seconds",
        &format_args!("{:.1}", elapsed.as_secs_f64()),
        &"",
    ]);
    table.row(&[&"events", &events, &""]);
    table.row(&[&"events a job", &format_args!("{fewest} to {most}"), &""]);
    table.row(&[&"reconnects", &reconnects, &""]);
    let requests = per_job(sent.saturating_sub(count as u64 + reconnects));
    let goal = Goal::AtMost(1.3).of(requests);
    table.row(&[
        &"requests a job beside its streams",
        &format_args!("{requests:.3}"),
        &goal,
    ]);
    let memory = per_job(peak - memory) / 1024.0;
    let goal = Goal::AtMost(32.0).of(memory);
    table.row(&[&"resident KiB a job", &format_args!("{memory:.1}"), &goal]);
    println!("{table}");
}

/// Number of events of a job, which must be numbered without a gap and end, and of reconnects.
async fn events_of(job: &JobHandle) -> Result<(u64, u64), Error> {
    let mut events = job.events();
    let mut last = 0;
    let (mut done, mut reconnects) = (false, 0);
    while let Some(event) = events.try_next().await? {
        if let Some(number) = event.seq {
            assert_eq!(number, last + 1, "an event is missing or comes again");
            last = number;
        }
        done = event.is_terminal();
        reconnects += u64::from(matches!(event.kind, JobEventKind::Reconnecting { .. }));
    }
    assert!(done, "a stream ends with its job's end");
    Ok((last, reconnects))
}

/// Number of requests that the simulator has had.
async fn requests(client: &Client) -> u64 {
    let usage = client.usage().send().await.expect("the simulator responds");
    let keys = usage.into_inner().keys.unwrap_or_default();
    keys[0]["requests"].as_u64().expect("a number of requests")
}
