//! Many jobs over shared HTTP/2 connections.

use std::time::Duration;

use futures::StreamExt;
use gizmo_client::{Client, wait_all};
use gizmo_simulator::{Options, Simulator};
use tokio::time::{Instant, timeout};

fn over_http2(simulator: &Simulator) -> Client {
    let builder = Client::builder()
        .api_key(simulator.api_key())
        .base_url(simulator.url());
    let http = reqwest::Client::builder().http2_prior_knowledge();
    builder.http(http).build().unwrap()
}

/// Returns the 99th percentile.
fn p99(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() * 99 / 100]
}

async fn call(client: &Client) -> Duration {
    let started = Instant::now();
    client.whoami().send().await.unwrap();
    started.elapsed()
}

#[tokio::test]
async fn a_hundred_and_fifty_event_streams_delay_no_other_request() {
    let simulator = Simulator::start(Options::instant().with_speed(0.0))
        .await
        .unwrap();
    let (client, handle) = (over_http2(&simulator), simulator.handle());
    let mut unloaded = Vec::new();
    for _ in 0..100 {
        unloaded.push(call(&client).await);
    }
    let mut jobs = Vec::new();
    for _ in 0..150 {
        jobs.push(
            client
                .generate_scene()
                .prompt("a lab")
                .start()
                .await
                .unwrap(),
        );
    }
    let ids: Vec<String> = jobs.iter().map(|job| job.id().to_owned()).collect();
    let waiting = tokio::spawn(wait_all(jobs).map(|job| job.is_ok()).collect::<Vec<_>>());
    while handle.count("job_events") < 50 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let mut loaded = Vec::new();
    for _ in 0..100 {
        loaded.push(call(&client).await);
    }
    let started = Instant::now();
    let job = client
        .generate_scene()
        .prompt("a lab")
        .start()
        .await
        .unwrap();
    assert!(started.elapsed() < Duration::from_secs(1));
    handle.finish(job.id());
    let (before, after) = (p99(unloaded), p99(loaded));
    assert!(
        after <= before + Duration::from_secs(1),
        "{before:?} {after:?}"
    );
    // Streams above the limit wait until others end.
    assert_eq!(handle.count("job_events"), 50);
    for id in &ids {
        handle.finish(id);
    }
    let waited = timeout(Duration::from_secs(30), waiting)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(waited, vec![true; 150]);
}

#[tokio::test(start_paused = true)]
async fn a_frozen_connection_is_replaced() {
    crate::support::steady_clock();
    let simulator = Simulator::start(Options::instant().with_speed(0.0))
        .await
        .unwrap();
    let (client, handle) = (over_http2(&simulator), simulator.handle());
    let job = client
        .generate_scene()
        .prompt("a lab")
        .start()
        .await
        .unwrap();
    let waiting = tokio::spawn({
        let job = job.clone();
        async move { job.wait().await }
    });
    tokio::time::sleep(Duration::from_secs(1)).await;
    handle.freeze_connections();
    let started = Instant::now();
    client.whoami().send().await.unwrap();
    assert!(
        started.elapsed() < Duration::from_secs(40),
        "{:?}",
        started.elapsed()
    );
    for _ in 0..20 {
        client.job(job.id()).status().await.unwrap();
    }
    assert!(
        started.elapsed() < Duration::from_secs(45),
        "{:?}",
        started.elapsed()
    );
    handle.finish(job.id());
    let waited = timeout(Duration::from_secs(120), waiting)
        .await
        .unwrap()
        .unwrap();
    waited.unwrap();
}
