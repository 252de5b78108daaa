//! Requests as they are sent, byte for byte where that matters.

use std::time::Duration;

use gizmo_client::mock::MockServerExt;
use gizmo_client::types::{JobAccepted, WhoAmI};
use gizmo_client::{AssetPipeline, Client, ErrorKind, Format, RetryPolicy};
use httpmock::MockServer;
use serde_json::json;

use crate::support::{CANARY, client};

/// The smallest ZIP archive: the end record of an empty central directory.
const EMPTY_ZIP: &[u8] = b"PK\x05\x06\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";

fn accepted() -> JobAccepted {
    JobAccepted::builder()
        .job_id("job_1")
        .scene_id("sc_1".to_owned())
        .extra(serde_json::Map::new())
        .try_into()
        .unwrap()
}

fn whoami() -> WhoAmI {
    serde_json::from_value(json!({"ok": true})).unwrap()
}

#[tokio::test]
async fn a_request_contains_only_what_the_caller_set() {
    let server = MockServer::start_async().await;
    let mock = server.generate_scene(|when, then| {
        when.into_inner()
            .header("authorization", format!("Bearer {CANARY}"))
            .header_missing("x-gizmo-service-token")
            .header_missing("api-version")
            .json_body(json!({"prompt": "a lab"}));
        then.accepted(&accepted());
    });
    let job = client(&server.base_url())
        .generate_scene()
        .prompt("a lab")
        .start()
        .await
        .unwrap();
    assert_eq!((job.id(), job.scene_id()), ("job_1", Some("sc_1")));
    mock.assert();
}

#[tokio::test]
async fn every_field_of_a_body_has_a_setter() {
    let server = MockServer::start_async().await;
    let scene = server.generate_scene(|when, then| {
        when.into_inner().json_body(json!({
            "prompt": "a lab", "model": "m", "asset_pipeline": "cad",
            "reference_images": ["https://example.com/a.png"], "persist": false
        }));
        then.accepted(&accepted());
    });
    let asset = server.generate_asset(|when, then| {
        when.into_inner()
            .json_body(json!({"prompt": "a box", "scene_id": "sc_1", "asset_pipeline": "gizmo"}));
        then.accepted(&accepted());
    });
    let update = server.update_scene(|when, then| {
        when.scene_id("sc_1")
            .into_inner()
            .json_body(json!({"name": "lab", "description": "two benches"}));
        then.ok(&serde_json::from_value(json!({"ok": true})).unwrap());
    });
    let client = client(&server.base_url());
    let _ = client
        .generate_scene()
        .prompt("a lab")
        .model("m")
        .asset_pipeline(AssetPipeline::Cad)
        .reference_images(vec!["https://example.com/a.png".to_owned()])
        .persist(false)
        .start()
        .await
        .unwrap();
    let _ = client
        .generate_asset()
        .prompt("a box")
        .scene_id("sc_1")
        .asset_pipeline("gizmo")
        .start()
        .await
        .unwrap();
    let updated = client
        .update_scene()
        .scene_id("sc_1")
        .name("lab")
        .description("two benches")
        .send()
        .await
        .unwrap();
    assert_eq!(updated.ok, Some(true));
    for mock in [scene, asset, update] {
        mock.assert();
    }
}

#[tokio::test]
async fn a_service_token_is_sent_without_an_api_key() {
    let server = MockServer::start_async().await;
    let mock = server.whoami(|when, then| {
        when.into_inner()
            .header("x-gizmo-service-token", "tok_1")
            .header_missing("authorization");
        then.ok(&whoami());
    });
    let client = Client::builder()
        .service_token("tok_1")
        .base_url(format!("{}/v1/", server.base_url()))
        .build()
        .unwrap();
    client.whoami().send().await.unwrap();
    mock.assert();
}

#[tokio::test]
async fn a_caller_can_supply_a_reqwest_builder() {
    let server = MockServer::start_async().await;
    let mock = server.whoami(|when, then| {
        when.into_inner().header("user-agent", "my-lab/2");
        then.ok(&whoami());
    });
    let http = reqwest::Client::builder().user_agent("my-lab/2");
    let client = Client::builder()
        .api_key(CANARY)
        .base_url(server.base_url())
        .http(http)
        .build()
        .unwrap();
    client.whoami().send().await.unwrap();
    mock.assert();
}

#[tokio::test]
async fn an_invalid_value_is_rejected_before_anything_is_sent() {
    let client = client("http://127.0.0.1:9");
    let missing = client.get_scene().send().await.unwrap_err();
    assert_eq!(missing.to_string(), "get_scene: scene_id is missing");
    let no_prompt = client.generate_scene().start().await.unwrap_err();
    assert_eq!(no_prompt.to_string(), "generate_scene: prompt is missing");
    // A server would resolve `DELETE /v1/scenes/..` to `DELETE /v1/`.
    let traversal = client
        .delete_scene()
        .scene_id("..")
        .send()
        .await
        .unwrap_err();
    assert!(
        traversal.to_string().contains("path parameter"),
        "{traversal}"
    );
    for error in [missing, no_prompt, traversal] {
        assert_eq!(error.kind(), ErrorKind::InvalidRequest);
        assert!(!error.is_outcome_unknown() && !error.is_retryable());
    }
}

#[tokio::test]
async fn a_response_that_does_not_arrive_is_a_timeout() {
    let server = MockServer::start_async().await;
    server.whoami(|_, then| {
        then.ok(&whoami())
            .into_inner()
            .delay(Duration::from_secs(30));
    });
    let client = Client::builder()
        .api_key(CANARY)
        .base_url(server.base_url())
        .idle_timeout(Duration::from_millis(20))
        .retry_policy(RetryPolicy::none())
        .build()
        .unwrap();
    let error = client.whoami().send().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert!(error.is_timeout() && error.is_retryable());
}

#[tokio::test]
async fn a_value_that_the_document_does_not_list_is_sent() {
    let server = MockServer::start_async().await;
    let scene = server.export_scene(|when, then| {
        when.into_inner().json_body(json!({"format": "urdf"}));
        then.into_inner().status(200).body(EMPTY_ZIP);
    });
    let asset = server.export_asset(|when, then| {
        when.into_inner().query_param("format", "urdf");
        then.into_inner().status(200).body(EMPTY_ZIP);
    });
    let client = client(&server.base_url());
    let export = client.export_scene().scene_id("sc_1").format("urdf");
    let _ = export.download().await.unwrap();
    let urdf = Format::from("urdf");
    assert!(matches!(&urdf, Format::Unknown(name) if name == "urdf"));
    let export = client.export_asset().asset_id("ast_1").format(urdf);
    let _ = export.download().await.unwrap();
    scene.assert();
    asset.assert();
}

#[test]
fn parsing_an_unknown_value_lists_the_known_ones() {
    for format in Format::KNOWN {
        assert_eq!(&format.as_str().parse::<Format>().unwrap(), format);
    }
    let error = "urdf".parse::<Format>().unwrap_err();
    assert_eq!(
        error.to_string(),
        "\"urdf\" is not one of the known values: mjcf, usd, sdf"
    );
    assert_eq!(error.known(), ["mjcf", "usd", "sdf"]);
    assert!("clay".parse::<AssetPipeline>().is_err());
}

#[tokio::test]
async fn export_formats_are_sent_where_the_openapi_document_defines_them() {
    let server = MockServer::start_async().await;
    let scene = server.export_scene(|when, then| {
        when.into_inner()
            .json_body(json!({"format": "usd", "robot_profile": "franka"}));
        then.into_inner().status(200).body(EMPTY_ZIP);
    });
    let asset = server.export_asset(|when, then| {
        when.asset_id("ast_1").format(&Format::Sdf);
        then.into_inner().status(200).body(EMPTY_ZIP);
    });
    let client = client(&server.base_url());
    let bytes = client
        .export_scene()
        .scene_id("sc_1")
        .format(Format::Usd)
        .robot_profile("franka")
        .download()
        .await
        .unwrap()
        .bytes(100)
        .await
        .unwrap();
    assert_eq!(&bytes[..], EMPTY_ZIP);
    let download = client
        .export_asset()
        .asset_id("ast_1")
        .format(Format::Sdf)
        .download()
        .await
        .unwrap();
    assert_eq!(download.total(), Some(22));
    scene.assert();
    asset.assert();
}
