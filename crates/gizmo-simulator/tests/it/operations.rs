//! Every operation through the generated client, and its effects.

use gizmo_client::Client;
use gizmo_client::types::{Format, JobStatus};
use gizmo_simulator::{OPERATIONS, Options, Simulator};
use serde_json::json;

use crate::support::{Api, has_terminal};

async fn client(options: Options) -> (Simulator, Client) {
    let simulator = Simulator::start(options).await.unwrap();
    let client = Client::builder()
        .api_key(simulator.api_key())
        .base_url(simulator.url())
        .build()
        .unwrap();
    (simulator, client)
}

#[tokio::test]
async fn every_operation_works_with_the_generated_client() {
    let (simulator, client) = client(Options::instant()).await;
    let scene_id = Box::pin(scenes(&client)).await;
    let asset_id = assets(&client, &scene_id).await;
    exports(&client, &scene_id, &asset_id).await;
    catalog_and_account(&client).await;

    client
        .delete_asset()
        .asset_id(&asset_id)
        .send()
        .await
        .unwrap();
    assert!(client.get_asset().asset_id(&asset_id).send().await.is_err());
    client
        .delete_scene()
        .scene_id(&scene_id)
        .send()
        .await
        .unwrap();
    assert!(client.get_scene().scene_id(&scene_id).send().await.is_err());
    assert_eq!(client.list_assets().send().await.unwrap().total, Some(0));
    assert!(client.cancel_job().job_id("job_none").send().await.is_err());

    let handle = simulator.handle();
    let missed: Vec<_> = OPERATIONS
        .iter()
        .filter(|(id, _, _)| handle.count(id) == 0)
        .collect();
    assert_eq!(missed, Vec::<&(&str, &str, &str)>::new());
    assert_eq!(handle.job_count(), 3);
}

/// Generates a scene, reads and changes it, and returns its ID.
async fn scenes(client: &Client) -> String {
    let accepted = client
        .generate_scene()
        .prompt("a lab with two stools")
        .send()
        .await
        .unwrap();
    let scene_id = accepted.scene_id.clone().unwrap();
    assert_eq!(
        (accepted.ok, accepted.status.clone()),
        (Some(true), Some(JobStatus::Queued))
    );
    let events = client
        .job_events()
        .job_id(&accepted.job_id)
        .after(0)
        .send()
        .await
        .unwrap();
    let mut events = events.into_inner().into_inner();
    let mut text = String::new();
    while !has_terminal(&text) {
        let chunk = futures_util::StreamExt::next(&mut events).await.unwrap();
        text.push_str(&String::from_utf8_lossy(&chunk.unwrap()));
    }
    let job = client
        .get_job()
        .job_id(&accepted.job_id)
        .include_result(true)
        .send()
        .await
        .unwrap();
    assert_eq!(
        (&job.status, job.scene_id.as_deref()),
        (&JobStatus::Succeeded, Some(scene_id.as_str()))
    );
    assert_eq!(job.result.as_ref().unwrap()["scene_id"], scene_id.as_str());

    let scene = client
        .get_scene()
        .scene_id(&scene_id)
        .include_record(true)
        .send()
        .await
        .unwrap();
    assert_eq!(scene.prompt.as_deref(), Some("a lab with two stools"));
    assert!(scene.created_at.as_ref().unwrap().system_time().is_some());
    let pieces = scene.record.as_ref().unwrap()["assets"].as_array().unwrap();
    assert_eq!(
        pieces
            .iter()
            .filter(|asset| asset["kind"] == "stool")
            .count(),
        2
    );
    client
        .update_scene()
        .scene_id(&scene_id)
        .name("Lab 1")
        .send()
        .await
        .unwrap();
    let scenes = client.list_scenes().limit(10).send().await.unwrap();
    assert_eq!(
        (scenes.total, scenes.limit, scenes.offset),
        (Some(1), Some(10), Some(0))
    );
    assert_eq!(scenes.items[0].name.as_deref(), Some("Lab 1"));
    let status = client
        .scene_status()
        .scene_id(&scene_id)
        .send()
        .await
        .unwrap();
    assert_eq!(status.pipeline_status.as_deref(), Some("succeeded"));
    assert_eq!(
        status.pipeline_stages.as_ref().unwrap()[0]["status"],
        "completed"
    );

    edit(client, &scene_id, pieces.len()).await;
    scene_id
}

/// Edits a scene so that it has one more piece.
async fn edit(client: &Client, scene_id: &str, pieces: usize) {
    let accepted = client
        .edit_scene()
        .scene_id(scene_id)
        .prompt("add a vase")
        .send()
        .await
        .unwrap();
    client.job(&accepted.job_id).wait().await.unwrap();
    let edited = client
        .get_scene()
        .scene_id(scene_id)
        .include_record(true)
        .send()
        .await
        .unwrap();
    let record = edited.record.as_ref().unwrap();
    assert_eq!(
        (
            &record["revision"],
            record["assets"].as_array().unwrap().len()
        ),
        (&json!(2), pieces + 1)
    );
}

/// Generates an asset in the scene, reads it, and returns its ID.
async fn assets(client: &Client, scene_id: &str) -> String {
    let before = client
        .list_assets()
        .scene_id(scene_id)
        .send()
        .await
        .unwrap()
        .total
        .unwrap();
    let accepted = client
        .generate_asset()
        .prompt("a toolbox")
        .scene_id(scene_id)
        .send()
        .await
        .unwrap();
    client.job(&accepted.job_id).wait().await.unwrap();
    let job = client
        .get_job()
        .job_id(&accepted.job_id)
        .include_result(true)
        .send()
        .await
        .unwrap();
    let asset_id = job.result.as_ref().unwrap()["asset_id"]
        .as_str()
        .unwrap()
        .to_owned();
    let asset = client
        .get_asset()
        .asset_id(&asset_id)
        .include_record(true)
        .send()
        .await
        .unwrap();
    assert_eq!(
        (asset.scene_id.as_deref(), asset.prompt.as_deref()),
        (Some(scene_id), Some("a toolbox"))
    );
    assert_eq!(asset.record.as_ref().unwrap()["articulated"], true);
    let assets = client
        .list_assets()
        .scene_id(scene_id)
        .limit(1)
        .send()
        .await
        .unwrap();
    assert_eq!(
        (assets.items[0].id.as_str(), assets.total),
        (asset_id.as_str(), Some(before + 1))
    );
    asset_id
}

async fn exports(client: &Client, scene_id: &str, asset_id: &str) {
    for format in [Format::Mjcf, Format::Usd, Format::Sdf] {
        let export = client
            .export_scene()
            .scene_id(scene_id)
            .format(format.clone())
            .send()
            .await
            .unwrap();
        assert_eq!(export.headers()["content-type"], "application/zip");
        let export = client
            .export_asset()
            .asset_id(asset_id)
            .format(format)
            .send()
            .await
            .unwrap();
        assert!(export.content_length().unwrap() > 1000);
    }
}

async fn catalog_and_account(client: &Client) {
    let categories = client.list_categories().send().await.unwrap();
    let tools = categories
        .items
        .iter()
        .find(|category| category.name == "tools")
        .unwrap();
    let found = client
        .search_catalog()
        .q("toolbox")
        .category("tools")
        .limit(100)
        .send()
        .await
        .unwrap();
    assert_eq!(found.total, tools.count);
    let item = client
        .get_catalog_item()
        .slug(&found.items[0].slug)
        .send()
        .await
        .unwrap();
    assert!(item.glb().is_some() && item.usdz().is_some());
    assert!(
        client
            .whoami()
            .send()
            .await
            .unwrap()
            .scopes
            .as_ref()
            .unwrap()
            .is_array()
    );
    assert_eq!(
        client.usage().send().await.unwrap().keys.as_ref().unwrap()[0]["jobs"],
        3
    );
}

#[tokio::test]
async fn a_job_can_be_advanced_manually() {
    let api = Api::start(Options::default().documented().with_speed(0.0)).await;
    let (job, _) = api.generate("a lab").await;
    let handle = api.simulator.handle();
    let events = || handle.job(&job).unwrap().events;
    assert_eq!((events(), handle.running()), (0, 1));
    handle.advance(&job, 3);
    while events() < 2 {
        tokio::task::yield_now().await;
    }
    assert_eq!(handle.job(&job).unwrap().status, JobStatus::Running);
    handle.finish(&job);
    assert_eq!(api.wait(&job).await, "succeeded");
}

#[tokio::test]
async fn a_job_passes_through_its_statuses() {
    let api = Api::start(Options::default().with_speed(180.0)).await;
    let (job, scene) = api.generate("a lab").await;
    let path = format!("/v1/jobs/{job}");
    let job = |body: serde_json::Value| body["job"].clone();
    let queued = job(api.get(&path).await.json());
    assert_eq!(
        (&queued["status"], &queued["mode"], &queued["scene_id"]),
        (&json!("queued"), &json!("scene"), &json!(scene))
    );
    assert!(queued.get("started_at").is_none() && queued["created_at"].as_u64().is_some());
    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    assert_eq!(job(api.get(&path).await.json())["status"], "running");
    let not_ready = api
        .post(&format!("/v1/scenes/{scene}/export"), &json!({}))
        .await;
    assert_eq!(
        (not_ready.status.as_u16(), not_ready.code().as_str()),
        (409, "scene_not_ready")
    );
    let ended = api.wait(queued["id"].as_str().unwrap()).await;
    let after = job(api.get(&path).await.json());
    assert_eq!((ended.as_str(), after.get("result")), ("succeeded", None));
    assert!(after["finished_at"].as_u64() >= after["started_at"].as_u64());
}

#[tokio::test(start_paused = true)]
async fn jobs_follow_a_paused_clock() {
    let api = Api::start(Options::default().with_speed(1.0)).await;
    // A paused clock does not advance while a blocking task runs. On a busy machine the response
    // takes long, so this task stops the clock until it has arrived.
    let (response_arrived, wait_for_response) = std::sync::mpsc::channel::<()>();
    let blocking = tokio::task::spawn_blocking(move || wait_for_response.recv());
    let start = tokio::time::Instant::now();
    let (job, _) = api.generate("a lab").await;
    drop(response_arrived);
    assert!(blocking.await.unwrap().is_err());
    while api.simulator.handle().running() > 0 {
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    }
    assert_eq!(
        api.simulator.handle().job(&job).unwrap().status,
        JobStatus::Succeeded
    );
    assert!(
        (180..183).contains(&start.elapsed().as_secs()),
        "{:?}",
        start.elapsed()
    );
}

#[tokio::test]
async fn a_running_job_can_be_cancelled_and_an_ended_one_cannot() {
    let api = Api::start(Options::default().with_speed(1.0)).await;
    let (job, scene) = api.generate("a lab").await;
    let path = format!("/v1/jobs/{job}/cancel");
    assert_eq!(api.post(&path, &json!(null)).await.status, 200);
    assert_eq!(api.wait(&job).await, "cancelled");
    assert_eq!(
        api.get(&format!("/v1/scenes/{scene}/status")).await.json()["pipeline_status"],
        "cancelled"
    );
    assert_eq!(api.post(&path, &json!(null)).await.status, 409);
    let (job, scene) = api.generate("another lab").await;
    assert_eq!(
        api.request(reqwest::Method::DELETE, &format!("/v1/scenes/{scene}"))
            .send()
            .await
            .unwrap()
            .status(),
        200
    );
    assert_eq!(api.wait(&job).await, "cancelled");
}

#[tokio::test]
async fn lists_are_newest_first_and_paginated() {
    let api = Api::instant().await;
    let mut scenes = Vec::new();
    for number in 0..5 {
        scenes.push(api.scene(&format!("room {number}")).await);
    }
    api.post(
        "/v1/scenes",
        &json!({ "prompt": "unlisted", "persist": false }),
    )
    .await;
    let page = api.get("/v1/scenes?limit=2&offset=1").await.json();
    assert_eq!(
        (&page["total"], &page["limit"], &page["offset"]),
        (&json!(5), &json!(2), &json!(1))
    );
    let ids: Vec<_> = page["scenes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|scene| scene["id"].clone())
        .collect();
    assert_eq!(ids, [json!(scenes[3]), json!(scenes[2])]);
    assert_eq!(
        api.get("/v1/scenes?offset=9").await.json()["scenes"],
        json!([])
    );
    let all = api.get("/v1/catalog?limit=100").await.json();
    assert_eq!(all["total"], 48);
    let none = api.get("/v1/catalog?q=submarine").await.json();
    assert_eq!(none["total"], 0);
}

#[tokio::test]
async fn the_same_seed_produces_the_same_world() {
    let mut worlds = Vec::new();
    for seed in [7, 7, 8] {
        let api = Api::start(Options {
            seed,
            ..Options::instant()
        })
        .await;
        let scene = api.scene("a kitchen").await;
        let export = api
            .post(
                &format!("/v1/scenes/{scene}/export"),
                &json!({ "format": "mjcf" }),
            )
            .await;
        worlds.push((
            scene,
            export.header("etag").to_owned(),
            api.get("/v1/catalog").await.body,
        ));
    }
    assert_eq!(worlds[0], worlds[1]);
    assert_ne!(worlds[0], worlds[2]);
}
