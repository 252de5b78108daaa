//! Follows many jobs at once in one process: `cargo bench --bench follow [-- JOBS]`.
//!
//! The simulator runs in a separate process, which is this program started a second time. The reported
//! memory is therefore that of the client only. One connection in fifty breaks after 20 events. Every
//! event of every job must arrive once and in order.

#![expect(clippy::print_stdout, reason = "a benchmark prints its results")]

mod support;
#[path = "support/table.rs"]
mod table;

use std::time::{Duration, Instant};

use futures::stream::{FuturesUnordered, StreamExt, TryStreamExt};
use gizmo_client::{Client, Error, JobEventKind, JobHandle};
use gizmo_simulator::{EventFault, Fault, On, Options};
use support::{Serving, resident, runtime};
use table::{Goal, Table};

/// At this speed a job takes 45 s. The first job is then still running when the last one starts.
const SPEED: f64 = 4.0;

/// One connection in this number breaks.
const BREAK_EVERY: u64 = 50;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let has = |name: &str| arguments.iter().any(|argument| argument == name);
    if has(support::SERVE) {
        let mut options = Options::instant().with_speed(SPEED);
        options.requests_kept = 0;
        let event_streams = On::operation("job_events").every(BREAK_EVERY).always();
        let fault = Fault::Events(EventFault::DropAfter(20));
        return support::serve(options, |simulator| {
            drop(simulator.handle().inject(event_streams, fault));
        });
    }
    // `cargo test --benches` only checks that it starts.
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
            .expect("the simulator accepts every job")
    });
    let jobs: Vec<JobHandle> = starting.buffer_unordered(32).collect().await;
    let (requests_before, memory_before) = (requests(&client).await, resident());
    let started = Instant::now();

    let mut following: FuturesUnordered<_> = jobs.iter().map(events_of).collect();
    let (mut events, mut fewest, mut most, mut peak) = (0, u64::MAX, 0, memory_before);
    let mut reconnects = 0;
    let mut sample = tokio::time::interval(Duration::from_millis(50));
    loop {
        tokio::select! {
            _ = sample.tick() => peak = peak.max(resident()),
            ended = following.next() => match ended {
                Some(result) => {
                    let (received, reconnected) = result.expect("every stream ends with its job");
                    reconnects += reconnected;
                    events += received;
                    (fewest, most) = (fewest.min(received), most.max(received));
                }
                None => break,
            },
        }
    }
    let elapsed = started.elapsed();
    // The count itself is one of the requests.
    let sent = requests(&client).await - requests_before - 1;
    #[expect(clippy::cast_precision_loss, reason = "the totals are far below 2^52")]
    let per_job = |total: u64| total as f64 / count as f64;
    println!("## Following many jobs in one process\n");
    println!("Every event arrives once and in order, or the benchmark fails.\n");
    let mut table = Table::new(&[&"", &"", &"goal"]);
    table.row(&[&"jobs", &count, &""]);
    table.row(&[
        &"seconds",
        &format_args!("{:.1}", elapsed.as_secs_f64()),
        &"",
    ]);
    table.row(&[&"events", &events, &""]);
    table.row(&[&"events per job", &format_args!("{fewest} to {most}"), &""]);
    table.row(&[&"reconnects", &reconnects, &""]);
    let requests_per_job = per_job(sent.saturating_sub(count as u64 + reconnects));
    let goal = Goal::AtMost(1.3).of(requests_per_job);
    table.row(&[
        &"requests per job besides its streams",
        &format_args!("{requests_per_job:.3}"),
        &goal,
    ]);
    let memory = per_job(peak - memory_before) / 1024.0;
    let goal = Goal::AtMost(32.0).of(memory);
    table.row(&[&"resident KiB per job", &format_args!("{memory:.1}"), &goal]);
    println!("{table}");
}

/// Returns the number of events of a job and the number of reconnects.
///
/// Panics if the numbers of the events have a gap, or if the last event is not terminal.
async fn events_of(job: &JobHandle) -> Result<(u64, u64), Error> {
    let mut events = job.events();
    let mut last = 0;
    let (mut terminal, mut reconnects) = (false, 0);
    while let Some(event) = events.try_next().await? {
        if let Some(number) = event.seq {
            assert_eq!(number, last + 1, "an event is missing or repeated");
            last = number;
        }
        terminal = event.is_terminal();
        reconnects += u64::from(matches!(event.kind, JobEventKind::Reconnecting { .. }));
    }
    assert!(terminal, "the stream ended before its job");
    Ok((last, reconnects))
}

/// Returns the number of requests that the simulator has received.
async fn requests(client: &Client) -> u64 {
    let usage = client.usage().send().await.expect("the simulator responds");
    let keys = usage.into_inner().keys.unwrap_or_default();
    keys[0]["requests"].as_u64().expect("a number of requests")
}
