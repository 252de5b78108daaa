//! Faults of jobs: which jobs they select, how the jobs end, and what the exports of their scenes contain.

use std::time::Duration;

use gizmo_simulator::{Fault, Layout, On, Options};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::support::{Api, export};

/// Sends a request that starts a job, and returns the response.
async fn start(api: &Api, path: &str, body: Value) -> Value {
    let response = api.post(path, &body).await;
    assert_eq!(response.status, 202, "{response:?}");
    response.json()
}

/// Sends a request that starts a job, and returns the job when it has ended.
async fn ended(api: &Api, path: &str, body: Value) -> Value {
    let accepted = start(api, path, body).await;
    let id = accepted["job_id"].as_str().unwrap();
    api.wait(id).await;
    let path = format!("/v1/jobs/{id}?include_result=true");
    api.get(&path).await.json()["job"].take()
}

/// Returns the ids of the assets that are listed for a scene, oldest first.
async fn listed(api: &Api, scene: &str) -> Vec<Value> {
    let path = format!("/v1/assets?scene_id={scene}");
    let assets = api.get(&path).await.json()["assets"].take();
    let assets = assets.as_array().unwrap().iter().rev();
    assets.map(|asset| asset["id"].clone()).collect()
}

#[tokio::test]
async fn only_requests_that_start_a_job_are_counted() {
    let api = Api::instant().await;
    let handle = api.simulator.handle();
    let second_job = handle.inject(On::any().nth(2), Fault::FailJob);
    let second_scene = handle.inject(On::operation("generate_scene").nth(2), Fault::FailJob);
    let edits = handle.inject(On::operation("edit_scene").always(), Fault::FailJob);
    let scene = api.scene("a lab").await;
    // Neither starts a job.
    assert_eq!(api.post("/v1/scenes", &json!({})).await.status, 422);
    assert_eq!(api.get("/v1/whoami").await.status, 200);
    let hits = || [&second_job, &second_scene, &edits].map(gizmo_simulator::Injected::hits);
    assert_eq!(hits(), [0, 0, 0]);
    let asset = json!({ "prompt": "a lamp", "scene_id": scene });
    let edit = format!("/v1/scenes/{scene}/edit");
    let lamp = json!({ "prompt": "add a lamp" });
    let lab = json!({ "prompt": "a lab" });
    let mut statuses = Vec::new();
    for (path, body, expected) in [
        ("/v1/assets", &asset, [1, 0, 0]),
        ("/v1/assets", &asset, [1, 0, 0]),
        ("/v1/scenes", &lab, [1, 1, 0]),
        (&edit, &lamp, [1, 1, 1]),
        (&edit, &lamp, [1, 1, 2]),
        ("/v1/scenes", &lab, [1, 1, 2]),
    ] {
        statuses.push(ended(&api, path, body.clone()).await["status"].clone());
        assert_eq!(hits(), expected);
    }
    let (failed, succeeded) = ("failed", "succeeded");
    assert_eq!(
        statuses,
        [failed, succeeded, failed, failed, failed, succeeded]
    );
}

#[tokio::test]
async fn a_failed_job_has_a_code_and_a_message_for_its_mode() {
    let api = Api::instant().await;
    let scene = api.scene("a lab").await;
    let made = listed(&api, &scene).await;
    let asset = json!({ "prompt": "a lamp", "scene_id": scene });
    let edit = format!("/v1/scenes/{scene}/edit");
    let prompt = json!({ "prompt": "a lamp" });
    let unassembled = "the scene could not be assembled";
    for (path, body, fault, message) in [
        ("/v1/scenes", &prompt, Fault::FailJob, unassembled),
        (&edit, &prompt, Fault::FailJob, unassembled),
        (
            "/v1/assets",
            &asset,
            Fault::FailJob,
            "the asset could not be simulated",
        ),
        (
            "/v1/assets",
            &asset,
            Fault::FailAsset,
            "the geometry of the asset did not close",
        ),
    ] {
        let is_asset = matches!(fault, Fault::FailAsset);
        api.inject(fault);
        let before = listed(&api, &scene).await;
        let job = ended(&api, path, body.clone()).await;
        let error = json!({ "code": "generation_failed", "message": message });
        assert_eq!((&job["status"], &job["error"]), (&json!("failed"), &error));
        assert!(job["result"].is_null());
        if is_asset {
            assert_eq!(listed(&api, &scene).await, before);
        }
    }
    assert!(made.len() >= 5);
}

#[tokio::test]
async fn a_failed_asset_is_a_body_without_geometry_or_absent() {
    for layout in [Layout::Observed, Layout::Files] {
        let mut options = Options::instant();
        options.exports.layout = layout;
        options.deflate = false; // so that the test finds names in archives
        let api = Api::start(options).await;
        api.inject(Fault::FailAsset);
        let prompt = json!({ "prompt": "a vase and a lamp" });
        let job = ended(&api, "/v1/scenes", prompt).await;
        assert_eq!(job["status"], "succeeded");
        let scene = job["scene_id"].as_str().unwrap();
        let made = listed(&api, scene).await;
        assert_eq!(job["result"]["assets"], json!(made));
        let complete = api.scene("a vase and a lamp").await;
        assert_eq!(made.len() + 1, listed(&api, &complete).await.len());

        for format in ["mjcf", "usd", "sdf"] {
            let names = |archive: &[u8]| {
                let text = String::from_utf8_lossy(archive).into_owned();
                // The crate is the last asset.
                ["vase_1", "crate_7", "mod_crate_7"].map(|name| text.contains(name))
            };
            let inline = (format, layout) == ("mjcf", Layout::Observed);
            let archive = export(&api, scene, format, json!(null)).await;
            assert_eq!(names(&archive), [true, inline, false], "{format}");
            let archive = export(&api, &complete, format, json!(null)).await;
            assert_eq!(names(&archive), [true, true, inline], "{format}");
        }
    }
}

#[tokio::test]
async fn a_slow_job_takes_longer_at_any_speed() {
    let api = Api::instant().await;
    let handle = api.simulator.handle();
    let delay = Duration::from_millis(40);
    api.inject(Fault::SlowJob(delay));
    let start = Instant::now();
    assert_eq!(api.wait(&api.generate("a lab").await.0).await, "succeeded");
    assert!(start.elapsed() >= delay);

    api.inject(Fault::SlowJob(Duration::MAX));
    let (slow, _) = api.generate("a lab").await;
    api.scene("a lab").await;
    assert_eq!(handle.running(), 1);
    handle.finish(&slow);
    assert_eq!(api.wait(&slow).await, "succeeded");
}
