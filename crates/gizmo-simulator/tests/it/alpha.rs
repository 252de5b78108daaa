//! The early-access API: its key, its flat errors, and its CDN, which refuses credentials.

use std::time::Duration;

use gizmo_client::drift::differences;
use gizmo_simulator::{ALPHA_OPERATIONS, Fault, On, Options};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Api, text};

/// Sends a request with the early-access key and returns the status and the body.
async fn call(api: &Api, method: Method, path: &str, body: &Value) -> (u16, Value) {
    let request = api.request(method, path).body(body.to_string());
    let mut request = request.build().unwrap();
    let headers = request.headers_mut();
    let key = format!("Bearer {}", api.simulator.alpha_api_key());
    headers.insert("authorization", key.parse().unwrap());
    headers.insert("content-type", "application/json".parse().unwrap());
    let response = api.http.execute(request).await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}

async fn post(api: &Api, path: &str, body: Value) -> (u16, Value) {
    call(api, Method::POST, path, &body).await
}

/// Generates an asset and returns its ID.
async fn asset(api: &Api, prompt: &str) -> String {
    let (status, asset) = post(api, "/v1/assets", json!({ "prompt": prompt })).await;
    assert_eq!(status, 201, "{asset}");
    text(&asset["id"])
}

/// Exports an asset and returns its download link.
async fn link(api: &Api, asset: &str) -> String {
    let path = format!("/v1/assets/{asset}/export");
    let (status, link) = post(api, &path, json!({ "format": "isaac_sim_urdf" })).await;
    assert_eq!(status, 200, "{link}");
    assert!(text(&link["expires_at"]).ends_with('Z'), "{link}");
    text(&link["download_url"])
}

#[tokio::test]
async fn the_key_selects_the_api() {
    let api = Api::instant().await;
    let body = json!({ "prompt": "a bench", "tags": ["steel"] });
    let (status, asset) = post(&api, "/v1/assets", body.clone()).await;
    assert_eq!((status, text(&asset["name"])), (201, "A bench".to_owned()));
    let current = api.post("/v1/assets", &body).await;
    assert_eq!(
        (current.status.as_u16(), current.code()),
        (400, "no_scene".to_owned())
    );
    let (status, error) = call(&api, Method::GET, "/v1/whoami", &Value::Null).await;
    let expected = json!({ "error": "not_found", "code": "not_found", "message": "Not Found" });
    assert_eq!((status, error), (404, expected));
    assert_eq!(api.get("/v1/whoami").await.status, 200);
    assert_eq!(api.simulator.handle().alpha_assets().len(), 1);
}

#[tokio::test]
async fn no_response_to_a_creation_differs_from_its_type() {
    let api = Api::instant().await;
    let body = json!({ "prompt": "a bench", "name": "bench", "tags": ["steel"] });
    let (_, asset) = post(&api, "/v1/assets", body).await;
    let (_, scene) = post(&api, "/v1/scenes", json!({ "name": "cell" })).await;
    let placement = format!("/v1/scenes/{}/assets", text(&scene["id"]));
    let (status, placed) = post(&api, &placement, json!({ "asset_id": asset["id"] })).await;
    assert!(status < 300, "{placed}");
    for (operation, response) in [
        ("create_asset", asset),
        ("create_scene", scene),
        ("place_asset", placed),
    ] {
        assert_eq!(differences(operation, &response).unwrap(), []);
    }
}

#[tokio::test]
async fn every_error_response_is_flat() {
    let api = Api::start(Options::instant().with_speed(0.0)).await;
    let pending = asset(&api, "a bench").await;
    let (_, scene) = post(&api, "/v1/scenes", json!({ "name": "cell" })).await;
    assert_eq!(
        (&scene["description"], &scene["assets"]),
        (&Value::Null, &json!([]))
    );
    let placement = format!("/v1/scenes/{}/assets", text(&scene["id"]));
    let export = format!("/v1/scenes/{}/export", text(&scene["id"]));
    for (path, body, status, code) in [
        ("/v1/assets", json!({}), 400, "bad_request"),
        (
            "/v1/assets",
            json!({ "prompt": "x", "tags": "x" }),
            400,
            "bad_request",
        ),
        ("/v1/scenes", json!({ "name": " " }), 400, "bad_request"),
        (
            &placement,
            json!({ "asset_id": pending }),
            400,
            "asset_not_ready",
        ),
        (
            &placement,
            json!({ "asset_id": "ast_none" }),
            404,
            "asset_not_found",
        ),
        (
            &placement,
            json!({ "asset_id": pending, "rotation": { "x": 1, "y": 1, "z": 0, "w": 0 } }),
            400,
            "bad_request",
        ),
        (
            &export,
            json!({ "format": "isaac_sim_urdf" }),
            400,
            "bad_request",
        ),
        (
            "/v1/scenes/none/export",
            json!({ "format": "mujoco_mjcf" }),
            404,
            "scene_not_found",
        ),
    ] {
        let (actual_status, error) = post(&api, path, body).await;
        assert_eq!(
            (actual_status, text(&error["code"]).as_str()),
            (status, code),
            "{error}"
        );
        assert!(
            error["error"].is_string() && error["message"].is_string(),
            "{error}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn the_status_of_an_asset_follows_the_clock() {
    let api = Api::start(Options::default().with_speed(1.0)).await;
    let handle = api.simulator.handle();
    handle.inject(On::any().nth(2), Fault::FailJob);
    handle.inject(On::any().nth(3), Fault::SlowJob(Duration::from_secs(60)));
    let good = asset(&api, "a bench").await;
    let failing = asset(&api, "a bench").await;
    let slow = asset(&api, "a bench").await;
    let mut seen = Vec::new();
    for _ in 0..70 {
        let (_, asset) = call(
            &api,
            Method::GET,
            &format!("/v1/assets/{good}"),
            &Value::Null,
        )
        .await;
        let status = text(&asset["status"]);
        assert_eq!(asset["formats_available"].is_array(), status == "ready");
        if seen.last() != Some(&status) {
            seen.push(status);
        }
        tokio::time::advance(Duration::from_secs(1)).await;
    }
    assert_eq!(seen, ["pending", "processing", "ready"]);
    for (id, status) in [(failing, "failed"), (slow, "processing")] {
        let path = format!("/v1/assets/{id}");
        let (_, asset) = call(&api, Method::GET, &path, &Value::Null).await;
        assert_eq!(asset["status"], status);
    }
    handle.remake(&good);
    let (_, asset) = call(
        &api,
        Method::GET,
        &format!("/v1/assets/{good}"),
        &Value::Null,
    )
    .await;
    assert_eq!(asset["status"], "pending");
}

#[tokio::test]
async fn the_cdn_accepts_a_link_until_it_expires_and_refuses_credentials() {
    let api = Api::instant().await;
    let asset = asset(&api, "a toolbox").await;
    let url = link(&api, &asset).await;
    assert!(!url.starts_with(api.simulator.url()), "{url}");
    let get = || api.http.get(&url);
    let status =
        async |request: reqwest::RequestBuilder| request.send().await.unwrap().status().as_u16();
    assert_eq!(status(get().bearer_auth("x")).await, 400);
    assert_eq!(
        status(get().header("x-gizmo-service-token", "x")).await,
        400
    );
    assert_eq!(status(get().header("range", "bytes=100-")).await, 206);
    let archive = get().send().await.unwrap().bytes().await.unwrap();
    assert!(archive.starts_with(b"PK"));
    api.simulator
        .handle()
        .inject(On::operation("cdn"), Fault::ExpireLinks);
    assert_eq!(status(get()).await, 403);
    assert_eq!(status(get()).await, 403);
    let url = link(&api, &asset).await;
    assert_eq!(status(api.http.get(&url)).await, 200);
    assert_eq!(
        status(api.http.get(url.replace("token=", "token=x"))).await,
        403
    );
}

#[tokio::test]
async fn a_link_expires_after_its_lifetime() {
    let api = Api::start(Options {
        link_lifetime: Duration::ZERO,
        ..Options::instant()
    });
    let api = api.await;
    let url = link(&api, &asset(&api, "a bench").await).await;
    assert_eq!(api.http.get(url).send().await.unwrap().status(), 403);
}

#[tokio::test]
async fn requests_are_counted_under_the_operation_ids_of_the_alpha_document() {
    let api = Api::instant().await;
    for (id, method, path) in ALPHA_OPERATIONS {
        let path = path.replace("{asset_id}", "x").replace("{scene_id}", "x");
        call(&api, method.parse().unwrap(), &path, &json!({})).await;
        assert_eq!(api.simulator.handle().count(id), 1, "{id}");
    }
}
