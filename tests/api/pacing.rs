//! Calls keep within the rate limit that the response headers announce.
//!
//! The clock is paused and advances to the end of each wait. The clock of the simulator follows it
//! and therefore drifts away from the system clock, as the clock of a real service may.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::future::join_all;
use gizmo_client::{Client, RetryPolicy, WaitReason, Waiting};
use gizmo_simulator::{Fault, On, Options, ResetForm, Simulator};
use tokio::time::Instant;

use crate::support::{Lab, steady_clock};

const WINDOW: Duration = Duration::from_secs(60);

async fn simulator(options: Options) -> Simulator {
    Simulator::start(options.with_speed(1.0)).await.unwrap()
}

/// Returns a client that does not retry, so that a 429 is an error.
fn client(simulator: &Simulator) -> Client {
    let client = Lab::client_of(simulator).retry_policy(RetryPolicy::none());
    client.build().unwrap()
}

async fn call(client: &Client, times: usize) {
    for response in join_all((0..times).map(|_| client.whoami().send())).await {
        response.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn concurrent_calls_never_exceed_the_limit() {
    steady_clock();
    let simulator = simulator(Options::default()).await;
    let client = client(&simulator);
    let start = Instant::now();
    // The first hundred calls start before a response header has announced the limit.
    call(&client, 350).await;
    let waited = start.elapsed();
    assert!(waited >= WINDOW * 3 && waited < WINDOW * 4, "{waited:?}");
    assert_eq!(simulator.handle().total(), 350);
}

/// A service whose responses are up to 2.5 s late and overtake each other.
async fn delayed(options: Options) -> Simulator {
    let simulator = simulator(options).await;
    for (every, milliseconds) in [(2, 40), (3, 700), (7, 1_900), (11, 2_500)] {
        let delay = Fault::DelayHead(Duration::from_millis(milliseconds));
        let often = On::operation("whoami").every(every).always();
        drop(simulator.handle().inject(often, delay));
    }
    simulator
}

#[tokio::test(start_paused = true)]
async fn late_responses_lead_to_no_refusal() {
    steady_clock();
    for form in [ResetForm::EpochSeconds, ResetForm::SecondsFromNow] {
        let simulator = delayed(Options {
            rate_reset: form,
            ..Options::default()
        });
        let simulator = simulator.await;
        let client = client(&simulator);
        let start = Instant::now();
        // 60 tasks, four calls each: two full windows and a part of the third.
        join_all((0..60).map(|_| async {
            for _ in 0..4 {
                client.whoami().send().await.unwrap();
            }
        }))
        .await;
        let waited = start.elapsed();
        assert!(
            waited < WINDOW * 2 * 11 / 10 + Duration::from_secs(5),
            "{form:?} {waited:?}"
        );
        assert_eq!(simulator.handle().total(), 240, "{form:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn three_processes_keep_to_the_limit_that_their_responses_report() {
    steady_clock();
    let simulator = delayed(Options::default()).await;
    let clients: Vec<Client> = (0..3)
        .map(|_| Lab::client_of(&simulator).build().unwrap())
        .collect();
    let start = Instant::now();
    join_all(clients.iter().map(|client| {
        join_all((0..20).map(|_| async {
            for _ in 0..4 {
                client.whoami().send().await.unwrap();
            }
        }))
    }))
    .await;
    let waited = start.elapsed();
    assert!(
        waited < WINDOW * 2 * 11 / 10 + Duration::from_secs(10),
        "{waited:?}"
    );
    // A refusal is possible only for requests of other processes that no response has reported yet.
    let refused = simulator.handle().total() - 240;
    assert!(refused <= 60, "{refused}");
}

#[tokio::test(start_paused = true)]
async fn cancelling_a_job_goes_before_queued_reads() {
    steady_clock();
    let simulator = simulator(Options::default()).await;
    let client = client(&simulator);
    let job = client
        .generate_scene()
        .prompt("a lab")
        .start()
        .await
        .unwrap();
    let reads = join_all((0..400).map(|_| client.whoami().send()));
    let cancelling = async {
        tokio::time::sleep(Duration::from_secs(5)).await;
        let start = Instant::now();
        let paid = client.generate_scene().prompt("another lab").start();
        let (cancelled, paid) = tokio::join!(job.cancel(), paid);
        (cancelled.unwrap(), paid.unwrap(), start.elapsed())
    };
    let (reads, (_, _, waited)) = tokio::join!(reads, cancelling);
    assert!(waited < Duration::from_millis(100), "{waited:?}");
    for read in reads {
        read.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn calls_wait_for_the_reset_of_an_exhausted_window() {
    steady_clock();
    let simulator = simulator(Options::default()).await;
    let (client, handle) = (client(&simulator), simulator.handle());
    call(&client, 100).await;
    assert_eq!(handle.total(), 100);
    let start = Instant::now();
    call(&client, 100).await;
    let waited = start.elapsed();
    assert!(
        waited > WINDOW * 9 / 10 && waited < WINDOW * 11 / 10,
        "{waited:?}"
    );
    assert_eq!(handle.total(), 200);
}

#[tokio::test(start_paused = true)]
async fn a_request_is_in_the_journal_only_when_it_can_be_sent() {
    steady_clock();
    let simulator = simulator(Options::default().with_rate_limit(3)).await;
    let client = Lab::client_of(&simulator).build().unwrap();
    let started = Instant::now();
    // With the list of scenes, which comes before the request, they use up the window.
    call(&client, 2).await;
    let written = Mutex::new(None);
    let generate = client.generate_scene().prompt("a kitchen");
    let generate = generate.start_journaled(async |_| {
        *written.lock().unwrap() = Some(started.elapsed());
        Ok::<_, std::io::Error>(())
    });
    drop(generate.await.unwrap());
    let written = written.lock().unwrap().unwrap();
    assert!(written > WINDOW * 9 / 10, "{written:?}");
}

#[tokio::test(start_paused = true)]
async fn every_form_of_reset_is_understood_with_every_clock_skew() {
    steady_clock();
    for form in [
        ResetForm::EpochSeconds,
        ResetForm::EpochMilliseconds,
        ResetForm::SecondsFromNow,
    ] {
        for clock_skew in [0, -7_200, 86_400, -2, 2] {
            let simulator = simulator(Options {
                rate_reset: form,
                clock_skew,
                rate_limit: 3,
                ..Options::default()
            });
            let simulator = simulator.await;
            let client = client(&simulator);
            let start = Instant::now();
            call(&client, 10).await;
            let waited = start.elapsed();
            let longest = WINDOW * 3 * 11 / 10;
            assert!(
                waited >= WINDOW * 3 && waited < longest,
                "{form:?} {clock_skew}: {waited:?}"
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn two_processes_share_a_key_without_a_coordinator() {
    steady_clock();
    let simulator = simulator(Options::default()).await;
    let first = Lab::client_of(&simulator).build().unwrap();
    let second = Lab::client_of(&simulator).build().unwrap();
    tokio::join!(call(&first, 150), call(&second, 150));
    // Requests are refused only if both clients sent them before a response announced the limit.
    let refused = simulator.handle().total() - 300;
    assert!(refused < 100, "{refused}");
}

#[tokio::test(start_paused = true)]
async fn a_429_delays_the_clones_of_a_client_too() {
    steady_clock();
    let simulator = simulator(Options::default()).await;
    let client = Lab::client_of(&simulator).build().unwrap();
    call(&client, 1).await;
    simulator.handle().exhaust_rate_limit();
    // No response has announced that the limit is exhausted, so this call is refused once.
    call(&client, 1).await;
    let total = simulator.handle().total();
    assert_eq!(total, 3);
    simulator.handle().exhaust_rate_limit();
    let clones: Vec<Client> = (0..30).map(|_| client.clone()).collect();
    join_all(clones.iter().map(|clone| call(clone, 1))).await;
    let refused = simulator.handle().total() - total - 30;
    assert!(refused <= 30, "{refused}");
}

#[tokio::test(start_paused = true)]
async fn waits_are_reported_and_pacing_can_be_turned_off() {
    steady_clock();
    let simulator = simulator(Options::default().with_rate_limit(2)).await;
    let waits = Arc::new(Mutex::new(Vec::<Waiting>::new()));
    let listener = Arc::clone(&waits);
    let client = Lab::client_of(&simulator)
        .retry_policy(RetryPolicy::none())
        .on_wait(move |waiting| listener.lock().unwrap().push(waiting))
        .build()
        .unwrap();
    call(&client, 3).await;
    let reported = waits.lock().unwrap().clone();
    assert_eq!(reported.len(), 1, "{reported:?}");
    assert_eq!(
        (reported[0].operation.as_str(), reported[0].reason),
        ("whoami", WaitReason::RateLimit)
    );
    assert!(reported[0].delay > WINDOW / 2 && reported[0].delay <= WINDOW + Duration::from_secs(2));

    let unpaced = Lab::client_of(&simulator)
        .retry_policy(RetryPolicy::none())
        .pacing(false)
        .build()
        .unwrap();
    unpaced.whoami().send().await.unwrap();
    let error = unpaced.whoami().send().await.unwrap_err();
    assert!(error.is_rate_limited(), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_distant_reset_is_not_waited_for_and_a_429_is_an_error() {
    steady_clock();
    let simulator = simulator(Options {
        rate_window: Duration::from_secs(3_600),
        rate_limit: 1,
        ..Options::default()
    });
    let simulator = simulator.await;
    let client = Lab::client_of(&simulator).build().unwrap();
    call(&client, 1).await;
    let start = Instant::now();
    let error = client.whoami().send().await.unwrap_err();
    assert!(error.is_rate_limited() && error.attempts() == 1, "{error}");
    assert!(start.elapsed() < Duration::from_secs(1));
}
