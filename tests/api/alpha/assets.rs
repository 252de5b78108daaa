//! Assets are polled until they are ready, and no more often than the documentation permits.
//!
//! The generation of an asset takes its real time on a paused clock.

use std::collections::HashMap;
use std::time::Duration;

use futures::TryStreamExt;
use futures::future::join;
use gizmo_client::alpha::AssetStatus;
use gizmo_client::{ErrorKind, PollPolicy, wait_all};
use gizmo_simulator::{Canned, Fault, On, Options};
use tokio::time::{Instant, timeout};

use super::Workshop;
use crate::support::steady_clock;

const MIN_INTERVAL: Duration = Duration::from_secs(5);

/// Starts a workshop in which an asset takes one minute and a key may send 100 requests per minute.
async fn workshop() -> Workshop {
    steady_clock();
    Workshop::start(Options::default().with_speed(1.0)).await
}

/// Returns the shortest time between two polls of one asset.
fn shortest_interval(workshop: &Workshop) -> Duration {
    let mut last: HashMap<String, Instant> = HashMap::new();
    let mut shortest = Duration::MAX;
    for poll in workshop.handle.requests_of("get_asset") {
        if let Some(before) = last.insert(poll.path, poll.at) {
            shortest = shortest.min(poll.at - before);
        }
    }
    shortest
}

/// Returns a policy whose interval is shorter than the documentation permits.
fn frequent_polls() -> PollPolicy {
    let mut policy = PollPolicy::default();
    policy.interval = Duration::from_millis(1);
    policy
}

#[tokio::test(start_paused = true)]
async fn thirty_concurrent_assets_are_each_polled_at_most_every_five_seconds() {
    let workshop = workshop().await;
    let mut handles = Vec::new();
    for number in 0..30 {
        let create = workshop
            .alpha
            .create_asset()
            .prompt(format!("bin {number}"));
        handles.push(
            create
                .start()
                .await
                .unwrap()
                .with_poll_policy(frequent_polls()),
        );
    }
    let assets: Vec<_> = wait_all(handles).try_collect().await.unwrap();
    assert_eq!(assets.len(), 30);
    assert!(
        assets
            .iter()
            .all(|asset| asset.status == AssetStatus::Ready)
    );
    assert!(shortest_interval(&workshop) >= MIN_INTERVAL);
    let polls = workshop.handle.count("get_asset");
    assert!((30 * 2..=30 * 14).contains(&polls), "{polls}");
}

#[tokio::test(start_paused = true)]
async fn repeated_waits_poll_no_more_often() {
    let workshop = workshop().await;
    let create = workshop.alpha.create_asset().prompt("a bin");
    let asset = create
        .start()
        .await
        .unwrap()
        .with_poll_policy(frequent_polls());
    let ready = loop {
        if let Ok(ready) = timeout(Duration::from_secs(2), asset.wait()).await {
            break ready.unwrap();
        }
    };
    assert_eq!(ready.status, AssetStatus::Ready);
    assert!(shortest_interval(&workshop) >= MIN_INTERVAL);
}

#[tokio::test(start_paused = true)]
async fn clones_of_a_handle_share_their_polls() {
    let workshop = workshop().await;
    let asset = workshop.alpha.create_asset().prompt("a bin");
    let asset = asset.start().await.unwrap();
    let (first, second) = join(asset.clone().into_future(), asset.into_future()).await;
    assert_eq!(
        (first.unwrap().status, second.unwrap().status),
        (AssetStatus::Ready, AssetStatus::Ready)
    );
    assert!(shortest_interval(&workshop) >= MIN_INTERVAL);
}

#[tokio::test(start_paused = true)]
async fn an_asset_of_another_process_is_awaited_by_its_id() {
    let workshop = workshop().await;
    let create = workshop.alpha.create_asset().prompt("a bin");
    let id = create.start().await.unwrap().id().to_owned();
    let asset = workshop.alpha.asset(&id);
    assert_eq!(asset.status().await.unwrap().status, AssetStatus::Pending);
    assert_eq!(asset.await.unwrap().id, id);
}

#[tokio::test(start_paused = true)]
async fn a_failed_asset_is_an_error_with_the_asset() {
    let workshop = workshop().await;
    workshop.handle.inject(On::any(), Fault::FailJob);
    let create = workshop.alpha.create_asset().prompt("a bin");
    let error = create.start().await.unwrap().wait().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AssetFailed);
    let asset = error.asset().unwrap();
    assert_eq!(asset.status, AssetStatus::Failed);
    assert_eq!(error.asset_id(), Some(asset.id.as_str()));
    assert_eq!(
        error.to_string(),
        format!("the asset failed (asset {})", asset.id)
    );
    assert!(!error.is_retryable() && !error.is_outcome_unknown());
}

#[tokio::test(start_paused = true)]
async fn a_deadline_error_names_the_asset_and_its_status() {
    let workshop = workshop().await;
    let create = workshop.alpha.create_asset().prompt("a bin");
    let mut policy = PollPolicy::default();
    policy.deadline = Some(Duration::from_secs(30));
    let asset = create.start().await.unwrap().with_poll_policy(policy);
    let start = Instant::now();
    let error = asset.wait().await.unwrap_err();
    assert!(error.is_timeout() && error.kind() == ErrorKind::Deadline);
    assert!(start.elapsed() < Duration::from_secs(35));
    assert_eq!(error.asset().unwrap().status, AssetStatus::Processing);
    let id = asset.id();
    let message = format!("the asset was still processing after 30 s (asset {id})");
    assert_eq!(error.to_string(), message);
    // The service continues to generate the asset.
    assert_eq!(
        workshop.alpha.asset(id).await.unwrap().status,
        AssetStatus::Ready
    );
}

#[tokio::test]
async fn a_deadline_error_before_the_first_response_names_only_the_asset() {
    let workshop = Workshop::instant().await;
    let silent = On::operation("get_asset").always();
    workshop.handle.inject(silent, Fault::StallBeforeResponse);
    let mut policy = PollPolicy::default();
    policy.interval = Duration::MAX;
    policy.deadline = Some(Duration::from_millis(20));
    let asset = workshop.alpha.asset("ast_1").with_poll_policy(policy);
    let error = asset.wait().await.unwrap_err();
    assert_eq!(
        (error.kind(), error.asset().is_some()),
        (ErrorKind::Deadline, false)
    );
    let message = "the asset was still running after 0.02 s (asset ast_1)";
    assert_eq!(error.to_string(), message);
}

#[tokio::test(start_paused = true)]
async fn a_failed_poll_does_not_fail_the_asset() {
    let workshop = workshop().await;
    let on = || On::operation("get_asset");
    let faults = [
        (on().nth(1), Fault::DropBeforeResponse),
        (on().skip(2).times(6), Fault::Respond(Canned::html(502))),
        (
            on().nth(10),
            Fault::Respond(
                Canned::flat_error(429, "rate_limited", "slow_down", "Slow down").retry_after("7"),
            ),
        ),
    ];
    let faults = faults.map(|(on, fault)| workshop.handle.inject(on, fault));
    let asset = workshop.alpha.create_asset().prompt("a bin");
    assert_eq!(
        asset.start().await.unwrap().await.unwrap().status,
        AssetStatus::Ready
    );
    assert_eq!(faults.map(|fault| fault.hits()), [1, 6, 1]);
}

#[tokio::test(start_paused = true)]
async fn a_missing_asset_is_an_error_at_once() {
    let workshop = workshop().await;
    let error = workshop.alpha.asset("ast_none").await.unwrap_err();
    assert!(
        error.is_not_found() && error.asset_id() == Some("ast_none"),
        "{error}"
    );
}

#[tokio::test]
async fn lists_are_read_page_by_page() {
    let workshop = Workshop::instant().await;
    let mut created = Vec::new();
    for number in 0..7 {
        created.push(workshop.asset(&format!("bin {number}")).await.id);
        workshop
            .alpha
            .create_scene()
            .name(format!("scene {number}"))
            .send()
            .await
            .unwrap();
    }
    // Beside the list that `start` has requested once.
    workshop.handle.clear_requests();
    let assets: Vec<_> = workshop
        .alpha
        .list_assets()
        .limit(3)
        .items()
        .try_collect()
        .await
        .unwrap();
    assert_eq!(
        assets
            .iter()
            .map(|asset| asset.id.clone())
            .collect::<Vec<_>>(),
        created
    );
    assert_eq!(workshop.handle.count("list_assets"), 3);
    let pages: Vec<_> = workshop
        .alpha
        .list_scenes()
        .limit(3)
        .pages()
        .try_collect()
        .await
        .unwrap();
    assert_eq!(
        pages
            .iter()
            .map(|page| page.items.len())
            .collect::<Vec<_>>(),
        [3, 3, 1]
    );
    assert_eq!(pages[2].items[0].name.as_deref(), Some("scene 6"));
}
