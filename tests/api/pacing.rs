//! Calls keep within the rate limit that the headers tell.
//!
//! The clock is paused and jumps to the end of each wait; the simulator's follows it, and so
//! drifts away from this machine's as a skewed service's would.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::future::join_all;
use gizmo_client::{Client, RetryPolicy, WaitReason, Waiting};
use gizmo_simulator::{Options, ResetForm, Simulator};
use tokio::time::Instant;

use crate::support::{Lab, steady_clock};

const WINDOW: Duration = Duration::from_secs(60);

async fn simulator(options: Options) -> Simulator {
    Simulator::start(options.with_speed(1.0)).await.unwrap()
}

/// A client to which a 429 is an error.
fn client(simulator: &Simulator) -> Client {
    let client = Lab::client_of(simulator).retry_policy(RetryPolicy::none());
    client.build().unwrap()
}

async fn call(client: &Client, times: usize) {
    for answer in join_all((0..times).map(|_| client.whoami().send())).await {
        answer.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn many_callers_at_once_never_run_into_the_limit() {
    steady_clock();
    let simulator = simulator(Options::default()).await;
    let client = client(&simulator);
    let start = Instant::now();
    // The first hundred of them have never seen a header when they start.
    call(&client, 350).await;
    let waited = start.elapsed();
    assert!(waited >= WINDOW * 3 && waited < WINDOW * 4, "{waited:?}");
    assert_eq!(simulator.handle().total(), 350);
}

#[tokio::test(start_paused = true)]
async fn a_used_up_window_is_waited_for_and_one_goes_ahead() {
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
async fn every_form_of_reset_is_understood_whatever_the_clocks_say() {
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
            let most = WINDOW * 3 * 11 / 10;
            assert!(
                waited >= WINDOW * 3 && waited < most,
                "{form:?} {clock_skew}: {waited:?}"
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn another_process_with_the_key_needs_no_coordinator() {
    steady_clock();
    let simulator = simulator(Options::default()).await;
    let one = Lab::client_of(&simulator).build().unwrap();
    let other = Lab::client_of(&simulator).build().unwrap();
    tokio::join!(call(&one, 150), call(&other, 150));
    // Only those that both sent at the same time, unannounced, came too many.
    let refused = simulator.handle().total() - 300;
    assert!(refused < 100, "{refused}");
}

#[tokio::test(start_paused = true)]
async fn a_refusal_holds_the_clones_back_too() {
    steady_clock();
    let simulator = simulator(Options::default()).await;
    let client = Lab::client_of(&simulator).build().unwrap();
    call(&client, 1).await;
    simulator.handle().exhaust_rate_limit();
    // Nothing has announced this one; the next ones are.
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
async fn waiting_is_told_and_can_be_turned_off() {
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
    let told = waits.lock().unwrap().clone();
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(
        (told[0].operation, told[0].reason),
        ("whoami", WaitReason::RateLimit)
    );
    assert!(told[0].delay > WINDOW / 2 && told[0].delay <= WINDOW + Duration::from_secs(2));

    let careless = Lab::client_of(&simulator)
        .retry_policy(RetryPolicy::none())
        .pacing(false)
        .build()
        .unwrap();
    careless.whoami().send().await.unwrap();
    let error = careless.whoami().send().await.unwrap_err();
    assert!(error.is_rate_limited(), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_reset_that_is_too_far_away_is_the_services_to_enforce() {
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
