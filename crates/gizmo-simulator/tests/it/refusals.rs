//! Requests that are refused for their key, their input, the rate limit, or a lack of credits.

use gizmo_simulator::{Options, ResetForm};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::Api;

#[tokio::test]
async fn a_request_without_the_right_key_is_refused() {
    let api = Api::instant().await;
    let url = format!("{}/v1/whoami", api.simulator.url());
    let no_key = api.http.get(&url);
    let wrong_key = api.http.get(&url).bearer_auth("gzm_k1_other");
    let both = api
        .request(Method::GET, "/v1/whoami")
        .header("x-gizmo-service-token", "gzm_service_simulator");
    for request in [no_key, wrong_key, both] {
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 401);
        assert!(response.headers().contains_key("x-ratelimit-limit"));
        let body: Value = response.json().await.unwrap();
        assert_eq!(
            (&body["error"]["code"], &body["error"]["status"]),
            (&json!("authentication_required"), &json!(401))
        );
    }
    let token = api
        .http
        .get(&url)
        .header("x-gizmo-service-token", "gzm_service_simulator");
    assert_eq!(token.send().await.unwrap().status(), 200);
    let credential_counts: Vec<_> = api
        .simulator
        .handle()
        .requests()
        .iter()
        .map(|request| request.credentials().len())
        .collect();
    assert_eq!(credential_counts, [0, 1, 2, 1]);
}

#[tokio::test]
async fn invalid_inputs_are_refused_in_the_format_of_fastapi() {
    let api = Api::instant().await;
    let scene = api.scene("a lab").await;
    let images = json!(["a", "b", "c", "d"]);
    for (path, body, location) in [
        (
            "/v1/scenes".to_owned(),
            json!({}),
            json!(["body", "prompt"]),
        ),
        (
            "/v1/scenes".to_owned(),
            json!({ "prompt": "" }),
            json!(["body", "prompt"]),
        ),
        (
            "/v1/scenes".to_owned(),
            json!({ "prompt": 3 }),
            json!(["body", "prompt"]),
        ),
        ("/v1/scenes".to_owned(), json!([]), json!(["body"])),
        (
            "/v1/scenes".to_owned(),
            json!({ "prompt": "a", "reference_images": images }),
            json!(["body", "reference_images"]),
        ),
        (
            "/v1/scenes".to_owned(),
            json!({ "prompt": "a", "asset_pipeline": "best" }),
            json!(["body", "asset_pipeline"]),
        ),
        (
            "/v1/assets".to_owned(),
            json!({ "prompt": "a", "persist": 1 }),
            json!(["body", "persist"]),
        ),
        (
            format!("/v1/scenes/{scene}/edit"),
            json!({}),
            json!(["body", "prompt"]),
        ),
        (
            format!("/v1/scenes/{scene}/export"),
            json!({ "format": "obj" }),
            json!(["body", "format"]),
        ),
    ] {
        let response = api.post(&path, &body).await;
        assert_eq!(response.status, 422, "{path} {body}");
        let detail = &response.json()["detail"][0];
        assert_eq!(detail["loc"], location, "{path} {body}");
        assert!(detail["msg"].is_string() && detail["type"].is_string());
    }
    for path in [
        "/v1/scenes?limit=0",
        "/v1/scenes?limit=101",
        "/v1/assets?offset=-1",
        "/v1/catalog?limit=many",
    ] {
        let response = api.get(path).await;
        assert_eq!(
            (
                response.status.as_u16(),
                &response.json()["detail"][0]["loc"][0]
            ),
            (422, &json!("query")),
            "{path}"
        );
    }
    let malformed = api
        .request(Method::POST, "/v1/scenes")
        .header("content-type", "application/json")
        .body("{\"prompt\":");
    let malformed: Value = malformed.send().await.unwrap().json().await.unwrap();
    assert_eq!(malformed["detail"][0]["type"], "json_invalid");
    assert_eq!(api.simulator.handle().job_count(), 1);
}

#[tokio::test]
async fn unknown_resources_and_paths_are_not_found() {
    let api = Api::instant().await;
    for (path, code) in [
        ("/v1/scenes/x", "scene_not_found"),
        ("/v1/scenes/x/status", "scene_not_found"),
        ("/v1/assets/x", "asset_not_found"),
        ("/v1/jobs/x", "job_not_found"),
        ("/v1/jobs/x/events", "job_not_found"),
        ("/v1/catalog/x", "item_not_found"),
    ] {
        let response = api.get(path).await;
        assert_eq!(
            (response.status.as_u16(), response.code().as_str()),
            (404, code)
        );
    }
    let unknown = api.get("/v1/planets").await;
    assert_eq!(
        (unknown.status.as_u16(), unknown.json()),
        (404, json!({ "detail": "Not Found" }))
    );
    let wrong_method = api.post("/v1/whoami", &json!({})).await;
    assert_eq!(
        (wrong_method.status.as_u16(), wrong_method.header("allow")),
        (405, "GET")
    );
    assert_eq!(
        api.get("/v1/scenes/").await.header("location"),
        "/v1/scenes"
    );
    let document = api.get("/v1/openapi.json").await;
    assert_eq!(document.json()["openapi"], "3.1.0");
}

#[tokio::test]
async fn generation_is_refused_for_a_missing_scene_or_a_lack_of_credits() {
    let api = Api::start(Options {
        credits: Some(1),
        ..Options::instant()
    })
    .await;
    let without_scene = api
        .post("/v1/assets", &json!({ "prompt": "a chair" }))
        .await;
    assert_eq!(
        (without_scene.status.as_u16(), without_scene.code().as_str()),
        (400, "no_scene")
    );
    let scene = api.scene("a lab").await;
    let without_credits = api
        .post(
            "/v1/assets",
            &json!({ "prompt": "a chair", "scene_id": scene }),
        )
        .await;
    assert_eq!(
        (
            without_credits.status.as_u16(),
            without_credits.code().as_str()
        ),
        (402, "insufficient_credits")
    );
    api.simulator.handle().set_credits(None);
    assert_eq!(
        api.post(
            "/v1/assets",
            &json!({ "prompt": "a chair", "scene_id": scene })
        )
        .await
        .status,
        202
    );
}

#[tokio::test]
async fn requests_beyond_the_rate_limit_are_refused_until_the_next_window() {
    let options = Options {
        rate_reset: ResetForm::EpochMilliseconds,
        ..Options::default()
    };
    let api = Api::start(options.with_speed(600.0).with_rate_limit(3)).await;
    for remaining in [2, 1, 0] {
        let response = api.get("/v1/whoami").await;
        assert_eq!(
            (
                response.status.as_u16(),
                response.header("x-ratelimit-remaining")
            ),
            (200, remaining.to_string().as_str())
        );
        assert_eq!(response.header("x-ratelimit-limit"), "3");
        assert!(!response.header("x-request-id").is_empty() && !response.header("date").is_empty());
    }
    let refused = api.get("/v1/whoami").await;
    assert_eq!(
        (refused.status.as_u16(), refused.code().as_str()),
        (429, "rate_limit_exceeded")
    );
    assert_eq!(refused.header("retry-after"), "1");
    let reset: u128 = refused.header("x-ratelimit-reset").parse().unwrap();
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap()
        .as_millis();
    assert!(reset.abs_diff(now) < 200, "{reset} {now}");
    tokio::time::sleep(std::time::Duration::from_millis(110)).await;
    assert_eq!(api.get("/v1/whoami").await.status, 200);
    api.simulator.handle().exhaust_rate_limit();
    assert_eq!(api.get("/v1/whoami").await.status, 429);
}
