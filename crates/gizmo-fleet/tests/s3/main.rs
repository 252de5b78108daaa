//! Fleets of several processes, with an S3 server on loopback.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod chaos;
mod scenes;
mod server;
mod workers;

use std::collections::BTreeMap;
use std::time::Duration;

use gizmo_fleet::PromptState;
use gizmo_simulator::{Fault, On, Options, Simulator};

use crate::chaos::Chaos;
use crate::server::{ACCESS_KEY, BUCKET, Faults, SECRET_KEY, Server};
use crate::workers::{Workers, announced_refusals};

/// A simulator whose jobs take about a second, and whose rate limit is 70 requests in two seconds.
async fn simulator() -> Simulator {
    let mut options = Options::default().with_speed(180.0).with_rate_limit(70);
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
    // A process is often killed or stopped when its request is accepted, and its response is on the way.
    let late = Fault::DelayHead(Duration::from_millis(400));
    let always = On::operation("generate_scene").always();
    drop(simulator.handle().inject(always, late));
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
        chaos.run(&mut workers, Duration::from_secs(15)).await;
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
    let announced = announced_refusals(&simulator, &chaos);
    assert_eq!(
        announced, 0,
        "requests were sent although a response had announced that none remains"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_have_fair_shares_of_the_prompts() {
    let simulator = simulator().await;
    let server = Server::start(Faults::default(), 1).await;
    let prompts = prompts(60);
    let mut workers = Workers::new(&simulator, &server, &prompts);
    (0..6).for_each(|number| workers.start(number));
    workers.finish(Duration::from_secs(120)).await;
    let mut shares = BTreeMap::new();
    for prompt in workers.progress(server.store()).await {
        *shares.entry(prompt.holder).or_insert(0) += 1;
    }
    let (least, most) = (
        shares.values().min().unwrap(),
        shares.values().max().unwrap(),
    );
    assert!(shares.len() == 6 && *most <= least * 2, "{shares:?}");
    assert_eq!(simulator.handle().job_count(), 60);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_program_of_the_readme_goes_from_one_machine_to_two() {
    let program = include_str!("../../examples/machine.rs");
    let (_, program) = program.split_once("\n\nuse ").unwrap();
    let readme = include_str!("../../README.md");
    assert!(readme.contains(program), "the README has another program");
    let body = program.split("{\n").nth(1).unwrap().lines();
    assert!(body.take_while(|line| *line != "}").count() <= 10);

    let simulator = Simulator::start(Options::instant()).await.unwrap();
    let server = Server::start(Faults::default(), 1).await;
    let place = tempfile::tempdir().unwrap();
    std::fs::write(place.path().join("prompts.txt"), prompts(8).join("\n")).unwrap();
    let machine = || {
        let test = std::env::current_exe().unwrap();
        let program = test.parent().unwrap().with_file_name("examples");
        let program = program.join(format!("machine{}", std::env::consts::EXE_SUFFIX));
        let mut command = tokio::process::Command::new(program);
        command
            .current_dir(&place)
            .env("GIZMO_API_KEY", simulator.api_key())
            .env("GIZMO_BASE_URL", simulator.url())
            .env("AWS_ACCESS_KEY_ID", ACCESS_KEY)
            .env("AWS_SECRET_ACCESS_KEY", SECRET_KEY)
            .env("AWS_BUCKET", BUCKET)
            .env("AWS_ENDPOINT", &server.url)
            .env("AWS_ALLOW_HTTP", "true");
        command.output()
    };
    let (one, two) = tokio::try_join!(machine(), machine()).unwrap();
    for output in [&one, &two] {
        let text = String::from_utf8_lossy(&output.stdout);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(text.matches("Done").count(), 8, "{text}{errors}");
    }
    assert_eq!(simulator.handle().job_count(), 8);
}

/// The process of a worker, which the tests above start.
#[test]
#[ignore = "it is a part of the other tests"]
fn worker() {
    workers::run();
}
