//! Fleets of several processes, with an S3 server on loopback.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod chaos;
mod scenes;
mod server;
mod workers;

use std::time::Duration;

use gizmo_fleet::PromptState;
use gizmo_simulator::{Options, Simulator};

use crate::chaos::Chaos;
use crate::server::{Faults, Server};
use crate::workers::Workers;

/// A simulator whose jobs take about a second, and whose rate limit is a minute's within two seconds.
async fn simulator() -> Simulator {
    let mut options = Options::default().with_speed(180.0);
    options.rate_window = Duration::from_secs(360);
    Simulator::start(options).await.unwrap()
}

fn prompts(count: usize) -> Vec<String> {
    (0..count)
        .map(|number| format!("a lab with {number} robots"))
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_that_are_killed_and_stopped_make_every_scene_and_pay_for_each_once() {
    let simulator = simulator().await;
    let faults = Faults {
        unavailable: 0.05,
        lost: 0.03,
        delay: Duration::ZERO..Duration::from_millis(15),
    };
    let server = Server::start(faults, 1).await;
    let prompts = prompts(120);
    let mut workers = Workers::new(&simulator, &server, &prompts);
    let watch = scenes::watch(server.store());
    let mut chaos = Chaos::new(6);
    let work = async {
        chaos.run(&mut workers, Duration::from_secs(20)).await;
        workers.finish(Duration::from_secs(120)).await;
    };
    let seen = tokio::select! {
        () = work => 0,
        seen = watch => seen,
    };
    assert_eq!(seen, 0, "a scene was visible before it was complete");

    let progress = workers.progress(server.store()).await;
    let open = progress.iter().filter(|one| one.state != PromptState::Done);
    assert_eq!(open.count(), 0, "{progress:#?}");
    scenes::check_all(server.store(), &progress).await;
    assert_eq!(simulator.handle().job_count(), prompts.len());
    assert!(chaos.killed > 5 && chaos.stopped > 5, "{chaos:?}");
    assert!(
        server.injected().values().sum::<usize>() > 100,
        "{:?}",
        server.injected()
    );
    let announced = workers.announced_refusals(&simulator, &chaos);
    assert_eq!(
        announced, 0,
        "requests were sent although a response had announced that none remains"
    );
}

/// The process of a worker, which the tests above start.
#[test]
#[ignore = "it is a part of the other tests"]
fn worker() {
    workers::run();
}
