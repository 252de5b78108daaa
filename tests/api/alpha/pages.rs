//! The examples of the documentation pages: each request as the curl command sends it, and each
//! response body as the page shows it.

use futures::TryStreamExt;
use gizmo_client::alpha::mock::MockServerExt;
use gizmo_client::alpha::types::{CreateSceneBody, ExportAssetBody, ExportSceneBody};
use gizmo_client::alpha::{self, AssetFormat, AssetStatus, Pose, SceneFormat};
use gizmo_client::{ErrorKind, SignedUrl};
use httpmock::{MockServer, When};
use serde_json::{Value, json};

use crate::support::{CANARY, client, client_without_retries};

const ARM: &str = "ast_01hx9z3k2n8f7q";
const PROMPT: &str = "A 6-DOF industrial robotic arm with a parallel jaw gripper";

fn arm(status: &str) -> Value {
    json!({
        "id": ARM,
        "status": status,
        "name": "Industrial Arm v1",
        "prompt": PROMPT,
        "created_at": "2024-11-12T09:41:00Z",
    })
}

fn ready_arm() -> Value {
    let mut arm = arm("ready");
    arm["formats_available"] = json!(["isaac_sim_usd", "isaac_sim_urdf", "mujoco_mjcf"]);
    arm
}

/// Returns a time on 12 November 2024, the date of the examples.
fn time_of_day(hours: f64) -> std::time::SystemTime {
    let midnight = std::time::Duration::from_secs(1_731_369_600);
    std::time::UNIX_EPOCH + midnight + std::time::Duration::from_secs_f64(hours * 3_600.0)
}

/// Expects the header that every curl command of the pages sends, and no other header that
/// identifies the caller.
fn has_only_the_key(when: When) -> When {
    when.header("authorization", format!("Bearer {CANARY}"))
        .header_missing("x-gizmo-service-token")
        .header_missing("api-version")
}

/// Expects a JSON request with exactly this body.
fn has_body(when: When, body: Value) {
    has_only_the_key(when)
        .header("content-type", "application/json")
        .json_body(body);
}

fn respond(then: httpmock::Then, status: u16, body: Value) {
    then.status(status).json_body(body);
}

fn alpha_of(server: &MockServer) -> alpha::Client {
    client(&server.base_url()).alpha()
}

#[tokio::test]
async fn an_asset_is_created_with_the_documented_request() {
    let server = MockServer::start_async().await;
    let mock = server.create_asset(|when, then| {
        let body = json!({
            "prompt": PROMPT,
            "name": "Industrial Arm v1",
            "tags": ["arm", "6dof", "gripper"],
        });
        has_body(when.into_inner(), body);
        respond(then.into_inner(), 201, arm("pending"));
    });
    let alpha = alpha_of(&server);
    let create = alpha.create_asset().prompt(PROMPT);
    let create = create
        .name("Industrial Arm v1")
        .tags(["arm", "6dof", "gripper"]);
    let asset = create.clone().send().await.unwrap();
    assert_eq!(
        (asset.id.as_str(), &asset.status),
        (ARM, &AssetStatus::Pending)
    );
    assert_eq!(asset.name.as_deref(), Some("Industrial Arm v1"));
    assert_eq!(asset.prompt.as_deref(), Some(PROMPT));
    let created_at = asset.created_at.as_ref().unwrap();
    assert_eq!(
        created_at.system_time(),
        Some(time_of_day(9.0 + 41.0 / 60.0))
    );
    assert_eq!(json!(**asset), arm("pending"));
    assert_eq!(create.start().await.unwrap().id(), ARM);
    mock.assert_calls(2);
}

#[tokio::test]
async fn an_optional_field_that_is_not_set_is_not_sent() {
    let server = MockServer::start_async().await;
    let asset = server.create_asset(|when, then| {
        has_body(when.into_inner(), json!({"prompt": "a bin"}));
        respond(then.into_inner(), 201, arm("pending"));
    });
    let scene = server.create_scene(|when, then| {
        has_body(
            when.into_inner(),
            json!({"name": "Warehouse Workcell Alpha"}),
        );
        respond(then.into_inner(), 201, json!({"id": "scn_1"}));
    });
    let place = server.place_asset(|when, then| {
        let when = when.scene_id("scn_1").into_inner();
        has_body(when, json!({"asset_id": ARM}));
        respond(then.into_inner(), 201, json!({"id": "scn_1"}));
    });
    let alpha = alpha_of(&server);
    alpha.create_asset().prompt("a bin").send().await.unwrap();
    let created = alpha.create_scene().name("Warehouse Workcell Alpha").send();
    assert_eq!(created.await.unwrap().assets.len(), 0);
    let placed = alpha.place_asset().scene_id("scn_1").asset_id(ARM).send();
    placed.await.unwrap();
    for mock in [asset, scene, place] {
        mock.assert();
    }
}

#[tokio::test]
async fn an_asset_is_read_with_the_documented_request() {
    let server = MockServer::start_async().await;
    let mock = server.get_asset(|when, then| {
        has_only_the_key(when.asset_id(ARM).into_inner()).path(format!("/v1/assets/{ARM}"));
        respond(then.into_inner(), 200, ready_arm());
    });
    let asset = alpha_of(&server).asset(ARM).wait().await.unwrap();
    assert_eq!(asset.status, AssetStatus::Ready);
    for format in [
        AssetFormat::IsaacSimUsd,
        AssetFormat::IsaacSimUrdf,
        AssetFormat::MujocoMjcf,
    ] {
        assert!(asset.is_available_as(&format), "{format}");
    }
    assert_eq!(json!(asset), ready_arm());
    mock.assert();
}

#[tokio::test]
async fn assets_are_listed_with_the_documented_request() {
    let server = MockServer::start_async().await;
    let base = json!({
        "id": "ast_02jy0a4l3p9g8r",
        "status": "processing",
        "name": "Differential Drive Base",
        "prompt": "A compact differential drive mobile robot base with two wheels",
        "created_at": "2024-11-12T10:05:30Z",
    });
    let list = json!({"assets": [arm("ready"), base], "total": 2, "limit": 20, "offset": 0});
    let mock = server.list_assets(|when, then| {
        has_only_the_key(when.limit(10).offset(0).into_inner()).path("/v1/assets");
        respond(then.into_inner(), 200, list);
    });
    let alpha = alpha_of(&server);
    let list = alpha.list_assets().limit(10).offset(0);
    let page = list.clone().send().await.unwrap();
    assert_eq!(
        (page.total, page.limit, page.offset),
        (Some(2), Some(20), Some(0))
    );
    assert_eq!(json!(page.items), json!([arm("ready"), base]));
    let items: Vec<_> = list.items().try_collect().await.unwrap();
    let statuses: Vec<_> = items.iter().map(|asset| asset.status.as_str()).collect();
    assert_eq!(statuses, ["ready", "processing"]);
    assert!(!items[0].is_available_as(&AssetFormat::MujocoMjcf));
    mock.assert_calls(2);
}

#[tokio::test]
async fn an_asset_is_exported_with_the_documented_request() {
    const URL: &str = "https://cdn.gizmo.antimlabs.com/exports/ast_01hx9z3k2n8f7q/mujoco_mjcf/arm_v1.xml?token=eyJhbGc...";
    let server = MockServer::start_async().await;
    let mock = server.export_asset(|when, then| {
        let when = when.asset_id(ARM).into_inner();
        has_body(when, json!({"format": "mujoco_mjcf"}));
        let link = json!({"download_url": URL, "expires_at": "2024-11-12T11:41:00Z"});
        respond(then.into_inner(), 200, link);
    });
    let alpha = alpha_of(&server);
    let export = alpha
        .export_asset()
        .asset_id(ARM)
        .format(AssetFormat::MujocoMjcf);
    let link = export.send().await.unwrap().into_inner();
    assert_eq!(link.reveal(), URL);
    assert_eq!(link.expires_at(), Some(time_of_day(11.0 + 41.0 / 60.0)));
    assert!(!format!("{link:?}").contains("eyJ"), "{link:?}");
    mock.assert();
}

#[tokio::test]
async fn a_scene_is_composed_with_the_documented_requests() {
    let server = MockServer::start_async().await;
    let empty = json!({
        "id": "scn_1",
        "name": "Warehouse Workcell Alpha",
        "description": null,
        "created_at": "2024-11-12T11:00:00Z",
        "assets": [],
    });
    let mut full = empty.clone();
    full["description"] = json!("two arms");
    full["assets"] = json!([{
        "asset_id": ARM,
        "position": {"x": 1.0, "y": 0.0, "z": 0.5},
        "rotation": {"x": 0.0, "y": 0.0, "z": 0.6, "w": 0.8},
    }]);
    let mocks = [
        server.create_scene(|when, then| {
            let body = json!({"name": "Warehouse Workcell Alpha", "description": "two arms"});
            has_body(when.into_inner(), body);
            respond(then.into_inner(), 201, empty.clone());
        }),
        server.get_scene(|when, then| {
            has_only_the_key(when.scene_id("scn_1").into_inner()).path("/v1/scenes/scn_1");
            respond(then.into_inner(), 200, full.clone());
        }),
        server.list_scenes(|when, then| {
            has_only_the_key(when.limit(20).offset(40).into_inner()).path("/v1/scenes");
            let list = json!({"scenes": [empty], "total": 41, "limit": 20, "offset": 40});
            respond(then.into_inner(), 200, list);
        }),
        server.place_asset(|when, then| {
            let when = when.scene_id("scn_1").into_inner();
            let body = full["assets"][0].clone();
            has_body(when.path("/v1/scenes/scn_1/assets"), body);
            respond(then.into_inner(), 201, full.clone());
        }),
        server.export_scene(|when, then| {
            let when = when.scene_id("scn_1").into_inner();
            let when = when.path("/v1/scenes/scn_1/export");
            has_body(when, json!({"format": "isaac_sim_usd"}));
            then.ok(&SignedUrl::new(
                "https://cdn.example/x.usd?token=y",
                Some(time_of_day(1.0)),
            ));
        }),
    ];
    let alpha = alpha_of(&server);
    let create = alpha.create_scene().name("Warehouse Workcell Alpha");
    let scene = create.description("two arms").send().await.unwrap();
    assert_eq!(
        (scene.id.as_str(), scene.description.as_deref()),
        ("scn_1", None)
    );
    let scene = alpha.get_scene().scene_id(&scene.id).send().await.unwrap();
    assert_eq!(json!(**scene), full);
    let list = alpha.list_scenes().limit(20).offset(40).items();
    let list: Vec<_> = list.try_collect().await.unwrap();
    assert_eq!(list[0].name.as_deref(), Some("Warehouse Workcell Alpha"));
    // The client normalizes this quaternion, whose length is 5.
    let pose = Pose::at([1.0, 0.0, 0.5]).turned([0.0, 0.0, 3.0, 4.0]);
    let place = alpha
        .place_asset()
        .scene_id("scn_1")
        .asset_id(ARM)
        .pose(pose);
    let placed = place.send().await.unwrap();
    assert_eq!(placed.assets[0].asset_id.as_deref(), Some(ARM));
    let unit = pose.turned([0.0, 0.0, 0.6, 0.8]);
    assert_eq!(placed.assets[0].pose(), Some(unit));
    let export = alpha
        .export_scene()
        .scene_id("scn_1")
        .format(SceneFormat::IsaacSimUsd);
    let link = export.send().await.unwrap();
    assert_eq!(link.expires_at(), Some(time_of_day(1.0)));
    for mock in mocks {
        mock.assert();
    }
}

#[tokio::test]
async fn every_documented_error_is_decoded() {
    for (status, error, code) in [
        (400, "bad_request", "invalid_format"),
        (401, "unauthorized", "invalid_api_key"),
        (403, "forbidden", "not_allowed"),
        (404, "not_found", "asset_not_found"),
        (429, "rate_limited", "too_many_requests"),
        (500, "internal", "unexpected"),
    ] {
        let server = MockServer::start_async().await;
        server.get_asset(|_, then| {
            let body = json!({"error": error, "code": code, "message": "It went wrong"});
            respond(then.into_inner(), status, body);
        });
        let asset = client_without_retries(&server.base_url())
            .alpha()
            .asset(ARM);
        let error = asset.status().await.unwrap_err();
        assert_eq!(
            (error.kind(), error.code()),
            (ErrorKind::Status, Some(code))
        );
        assert_eq!(error.asset_id(), Some(ARM));
        let message = format!("get_asset: {status} {code}: It went wrong (asset {ARM})");
        assert_eq!(error.to_string(), message);
        assert_eq!(error.is_unauthorized(), [401, 403].contains(&status));
        assert_eq!(error.is_not_found(), status == 404);
        assert_eq!(error.is_rate_limited(), status == 429);
        assert_eq!(error.is_retryable(), [429, 500].contains(&status));
    }
}

#[test]
fn a_format_that_only_assets_have_is_unknown_for_a_scene() {
    let scene = json!({"format": "isaac_sim_urdf"});
    assert!(serde_json::from_value::<ExportAssetBody>(scene.clone()).is_ok());
    // It is open, so that the service may add the format later.
    let body: ExportSceneBody = serde_json::from_value(scene).unwrap();
    assert!(matches!(body.format, SceneFormat::Unknown(_)));
    assert!("isaac_sim_urdf".parse::<SceneFormat>().is_err());
}

#[tokio::test]
async fn a_missing_or_invalid_value_is_rejected_before_anything_is_sent() {
    let alpha = client("http://127.0.0.1:9").alpha();
    let asset = alpha.create_asset().name("arm").start().await.unwrap_err();
    assert_eq!(asset.to_string(), "create_asset: prompt is missing");
    let scene = alpha.create_scene().send().await.unwrap_err();
    assert_eq!(scene.to_string(), "create_scene: name is missing");
    let place = || alpha.place_asset().scene_id("scn_1").asset_id(ARM);
    let zero = place().pose(Pose::default().turned([0.0; 4])).send().await;
    let zero = zero.unwrap_err();
    assert!(
        zero.to_string()
            .starts_with("place_asset: rotation: the quaternion [0, 0, 0, 0] is zero"),
        "{zero}"
    );
    let not_finite = place().pose(Pose::at([0.0, f64::NAN, 0.0])).send().await;
    let not_finite = not_finite.unwrap_err();
    assert_eq!(
        not_finite.to_string(),
        "place_asset: position: [0, NaN, 0] is not finite"
    );
    let traversal = alpha.asset("..").status().await.unwrap_err();
    assert!(
        traversal.to_string().contains("path parameter"),
        "{traversal}"
    );
    for error in [asset, scene, zero, not_finite, traversal] {
        assert_eq!(error.kind(), ErrorKind::InvalidRequest);
        assert!(!error.is_outcome_unknown() && !error.is_retryable());
    }
    // A request can also be built from a typed body.
    let body = CreateSceneBody::builder().name("workcell");
    assert!(
        alpha
            .create_scene()
            .body(body)
            .send()
            .await
            .unwrap_err()
            .kind()
            == ErrorKind::Connect
    );
}

#[tokio::test]
async fn a_response_with_missing_or_additional_fields_is_decoded() {
    let server = MockServer::start_async().await;
    server.get_asset(|when, then| {
        when.asset_id("ast_1");
        let body = json!({"asset": {"id": "ast_1", "status": "queued", "formats_available": null, "mass": 3}});
        respond(then.into_inner(), 200, body);
    });
    server.get_scene(|_, then| {
        let placed = json!([{"id": "plc_1", "position": [0, 1, 2], "rotation": [0, 0, 0, 1]}, {}]);
        respond(
            then.into_inner(),
            200,
            json!({"id": "scn_1", "assets": placed}),
        );
    });
    let alpha = alpha_of(&server);
    let asset = alpha.asset("ast_1").status().await.unwrap();
    assert_eq!(asset.status, AssetStatus::Unknown("queued".to_owned()));
    assert!(!asset.status.is_terminal());
    assert_eq!(
        (asset.extra["mass"].clone(), asset.formats_available),
        (json!(3), None)
    );
    let scene = alpha.get_scene().scene_id("scn_1").send().await.unwrap();
    assert_eq!(scene.assets[0].position, Some(json!([0, 1, 2])));
    assert_eq!(
        (scene.assets[0].pose(), scene.assets[1].pose()),
        (None, None)
    );
    assert_eq!(scene.assets[1].asset_id, None);
}
