//! An asset is paid for once, even if the response is lost.

use gizmo_client::Reconciled;
use gizmo_client::alpha::Pose;
use gizmo_simulator::{At, Canned, Fault, On, Options};

use super::Workshop;
use crate::support::steady_clock;

/// Creates an asset under a fault that makes its outcome unknown, and returns the error.
async fn lose(workshop: &Workshop, fault: Fault) -> gizmo_client::Error {
    workshop.handle.inject(On::operation("create_asset"), fault);
    let create = workshop
        .alpha
        .create_asset()
        .prompt("a gripper")
        .name("gripper");
    let error = create.start().await.unwrap_err();
    assert!(
        error.is_outcome_unknown() && !error.is_retryable(),
        "{error}"
    );
    let request = error.paid_request().unwrap();
    assert_eq!(
        (request.operation.as_str(), request.prompt.as_str()),
        ("create_asset", "a gripper")
    );
    assert_eq!(workshop.handle.count("create_asset"), 1);
    error
}

#[tokio::test(start_paused = true)]
async fn the_asset_of_a_lost_response_is_found_and_not_created_twice() {
    steady_clock();
    for fault in [
        Fault::DropBeforeResponse,
        Fault::CutHead(40),
        Fault::CutBody(At::Byte(10)),
    ] {
        let workshop = Workshop::instant().await;
        let error = lose(&workshop, fault).await;
        // Other assets do not match, even if they fill several pages.
        for number in 0..120 {
            workshop.asset(&format!("bin {number}")).await;
        }
        let found = workshop.client.reconcile(&error).await.unwrap();
        let Reconciled::FoundWithoutJob { candidate, .. } = found else {
            panic!("{found}")
        };
        let id = candidate.asset_id.unwrap();
        assert_eq!(workshop.handle.alpha_assets()[0], id);
        assert_eq!(
            workshop.alpha.asset(id).await.unwrap().name.as_deref(),
            Some("gripper")
        );
    }
}

#[tokio::test(start_paused = true)]
async fn an_asset_that_was_never_started_is_not_found() {
    steady_clock();
    let workshop = Workshop::instant().await;
    let error = lose(&workshop, Fault::DropBeforeHandling).await;
    let found = workshop.client.reconcile(&error).await.unwrap();
    assert!(matches!(found, Reconciled::NotFound), "{found}");
    assert!(workshop.handle.alpha_assets().is_empty());
}

#[tokio::test(start_paused = true)]
async fn two_matching_assets_are_both_returned() {
    steady_clock();
    let workshop = Workshop::instant().await;
    let error = lose(&workshop, Fault::DropBeforeResponse).await;
    // As another user of the account does.
    let same = workshop.alpha.create_asset().prompt("a gripper").send();
    same.await.unwrap();
    let found = workshop.client.reconcile(&error).await.unwrap();
    assert!(
        matches!(&found, Reconciled::Several(both) if both.len() == 2),
        "{found}"
    );
}

#[tokio::test]
async fn a_success_without_an_id_has_an_unknown_outcome() {
    let workshop = Workshop::instant().await;
    let response = Canned::json(201, &serde_json::json!({"status": "pending"}));
    lose(&workshop, Fault::Respond(response)).await;
}

#[tokio::test(start_paused = true)]
async fn a_rate_limited_creation_is_sent_again() {
    steady_clock();
    let workshop = Workshop::instant().await;
    let refused = Canned::flat_error(429, "rate_limited", "slow_down", "Slow down");
    let refused = Fault::Respond(refused.retry_after("1"));
    workshop
        .handle
        .inject(On::operation("create_asset"), refused);
    workshop.asset("a gripper").await;
    assert_eq!(workshop.handle.count("create_asset"), 2);
    assert_eq!(workshop.handle.alpha_assets().len(), 1);
}

#[tokio::test]
async fn no_asset_is_created_without_credits() {
    let workshop = Workshop::start(Options {
        credits: Some(1),
        ..Options::instant()
    });
    let workshop = workshop.await;
    workshop.asset("a gripper").await;
    let error = workshop
        .alpha
        .create_asset()
        .prompt("a bin")
        .start()
        .await
        .unwrap_err();
    assert!(
        error.is_insufficient_credits() && !error.is_outcome_unknown(),
        "{error}"
    );
}

#[tokio::test]
async fn a_composition_whose_response_is_lost_may_have_taken_effect() {
    let workshop = Workshop::instant().await;
    let asset = workshop.asset("a gripper").await;
    let scene = workshop.alpha.create_scene().name("cell").send().await;
    let scene_id = scene.unwrap().into_inner().into_inner().id;
    for operation in ["create_scene", "place_asset"] {
        let on = On::operation(operation);
        workshop.handle.inject(on, Fault::DropBeforeResponse);
    }
    let created = workshop.alpha.create_scene().name("cell").send().await;
    let placed = workshop.alpha.place_asset().scene_id(scene_id);
    let placed = placed
        .asset_id(asset.id)
        .pose(Pose::at([0.0; 3]))
        .send()
        .await;
    for error in [created.unwrap_err(), placed.unwrap_err()] {
        assert!(
            error.is_outcome_unknown() && !error.is_retryable(),
            "{error}"
        );
        assert!(
            error.to_string().contains("may have taken effect"),
            "{error}"
        );
        assert!(error.paid_request().is_none());
    }
}
