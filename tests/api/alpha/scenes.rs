//! Scenes are composed of assets, and are exported once all assets are ready.

use std::time::Duration;

use gizmo_client::alpha::{Pose, SceneFormat};
use gizmo_client::{ErrorKind, PollPolicy};
use gizmo_simulator::{Canned, Fault, On, Options};
use tokio::time::Instant;

use super::Workshop;
use crate::support::steady_clock;

/// Creates a scene with two assets, one of them placed twice.
async fn scene(workshop: &Workshop) -> (String, [String; 2]) {
    let alpha = &workshop.alpha;
    let scene = alpha.create_scene().name("workcell").send().await.unwrap();
    let (bench, lamp) = (
        workshop.asset("a bench").await.id,
        workshop.asset("a lamp").await.id,
    );
    for (asset, x) in [(&bench, 0.0), (&lamp, 1.0), (&lamp, -1.0)] {
        let place = alpha.place_asset().scene_id(&scene.id).asset_id(asset);
        place.pose(Pose::at([x, 0.0, 0.0])).send().await.unwrap();
    }
    (scene.id.clone(), [bench, lamp])
}

#[tokio::test]
async fn an_asset_can_be_placed_twice() {
    let workshop = Workshop::instant().await;
    let (scene_id, [bench, lamp]) = scene(&workshop).await;
    let scene = workshop
        .alpha
        .get_scene()
        .scene_id(&scene_id)
        .send()
        .await
        .unwrap();
    let placed: Vec<_> = scene
        .assets
        .iter()
        .map(|placed| placed.asset_id.as_ref().unwrap())
        .collect();
    assert_eq!(placed, [&bench, &lamp, &lamp]);
    assert_eq!(scene.assets[2].pose(), Some(Pose::at([-1.0, 0.0, 0.0])));
}

#[tokio::test]
async fn a_placement_whose_response_is_lost_is_not_repeated() {
    let workshop = Workshop::instant().await;
    let scene = workshop
        .alpha
        .create_scene()
        .name("workcell")
        .send()
        .await
        .unwrap();
    let asset = workshop.asset("a bench").await;
    workshop
        .handle
        .inject(On::operation("place_asset"), Fault::DropBeforeResponse);
    let place = workshop
        .alpha
        .place_asset()
        .scene_id(&scene.id)
        .asset_id(&asset.id);
    let error = place.send().await.unwrap_err();
    assert!(
        error.kind() == ErrorKind::Transport && !error.is_retryable(),
        "{error}"
    );
    let scene = workshop
        .alpha
        .get_scene()
        .scene_id(&scene.id)
        .send()
        .await
        .unwrap();
    assert_eq!(scene.assets.len(), 1);
    assert_eq!(workshop.handle.count("place_asset"), 1);
    workshop
        .handle
        .inject(On::operation("create_scene"), Fault::DropBeforeResponse);
    let error = workshop
        .alpha
        .create_scene()
        .name("other")
        .send()
        .await
        .unwrap_err();
    assert!(!error.is_retryable(), "{error}");
    assert_eq!(workshop.handle.count("create_scene"), 2);
}

#[tokio::test]
async fn a_not_ready_error_names_the_assets_that_are_not_ready() {
    // At speed 0 no asset becomes ready.
    let workshop = Workshop::start(Options::instant().with_speed(0.0)).await;
    let asset = workshop
        .alpha
        .create_asset()
        .prompt("a bench")
        .start()
        .await
        .unwrap();
    let scene = workshop
        .alpha
        .create_scene()
        .name("workcell")
        .send()
        .await
        .unwrap();
    let place = workshop
        .alpha
        .place_asset()
        .scene_id(&scene.id)
        .asset_id(asset.id());
    let place = place.send().await.unwrap_err();
    let export = workshop
        .alpha
        .export_asset()
        .asset_id(asset.id())
        .format("mujoco_mjcf");
    let export = export.download().await.unwrap_err();
    for error in [&place, &export] {
        assert!(error.is_not_ready() && !error.is_retryable(), "{error}");
        assert_eq!(error.asset_ids(), [asset.id()]);
    }
}

#[tokio::test]
async fn a_not_ready_error_is_recognised_only_for_operations_that_need_assets() {
    let workshop = Workshop::instant().await;
    let refuse = |status, code, message| {
        let response = Canned::flat_error(status, "bad_request", code, message);
        workshop
            .handle
            .inject(On::operation("export_scene"), Fault::Respond(response));
        let export = workshop
            .alpha
            .export_scene()
            .scene_id("scn_1")
            .format(SceneFormat::MujocoMjcf);
        async move { export.send().await.unwrap_err() }
    };
    for (code, message, ids) in [
        ("asset_not_ready", "Wait", &[][..]),
        (
            "invalid_state",
            "ast_1 is still processing, so is ast_2; ast_1 first",
            &["ast_1", "ast_2"],
        ),
        ("x", "Asset 'ast_01hx-9z' is pending.", &["ast_01hx-9z"]),
    ] {
        let error = refuse(400, code, message).await;
        assert!(error.is_not_ready(), "{error}");
        assert_eq!(error.asset_ids(), ids, "{message}");
    }
    for (status, message) in [
        (400, "The scene is empty, or exported already"),
        (404, "The scene is not ready"),
    ] {
        assert!(!refuse(status, "x", message).await.is_not_ready());
    }
    let response = Canned::flat_error(400, "bad_request", "x", "not ready");
    workshop
        .handle
        .inject(On::operation("create_asset"), Fault::Respond(response));
    let other = workshop
        .alpha
        .create_asset()
        .prompt("ready")
        .start()
        .await
        .unwrap_err();
    assert!(!other.is_not_ready() && other.asset_ids().is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_export_waits_for_its_assets_on_request() {
    steady_clock();
    let workshop = Workshop::start(Options::default().with_speed(1.0)).await;
    let (scene_id, [bench, lamp]) = scene(&workshop).await;
    for asset in [&bench, &lamp] {
        workshop.handle.remake(asset);
    }
    let export = || {
        workshop
            .alpha
            .export_scene()
            .scene_id(&scene_id)
            .format(SceneFormat::MujocoMjcf)
    };
    let error = export().download().await.unwrap_err();
    assert!(error.is_not_ready(), "{error}");
    let mut ids = error.asset_ids();
    ids.dedup();
    assert_eq!(ids, [bench, lamp]);

    let mut policy = PollPolicy::default();
    policy.deadline = Some(Duration::from_secs(20));
    let error = export().download_when_ready(policy).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Deadline);
    let start = Instant::now();
    let export = export()
        .download_when_ready(PollPolicy::default())
        .await
        .unwrap();
    assert!(start.elapsed() > Duration::from_secs(20));
    assert!(export.bytes(1 << 24).await.unwrap().starts_with(b"PK"));
}

#[tokio::test]
async fn an_invalid_export_does_not_wait_for_assets() {
    let workshop = Workshop::instant().await;
    let export = workshop.alpha.export_scene().scene_id("scn_1");
    let error = export
        .download_when_ready(PollPolicy::default())
        .await
        .unwrap_err();
    assert_eq!(error.to_string(), "export_scene: format is missing");
    assert_eq!(workshop.handle.total(), 0);
}
