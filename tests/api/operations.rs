//! Every operation of the `OpenAPI` document, called through the generated client with its response
//! decoded.

use futures::TryStreamExt;
use gizmo_client::types::JobStatus;
use gizmo_client::{Client, Format, JobHandle};
use httpmock::MockServer;
use serde_json::{Value, json};

use crate::support::Lab;

/// Operations that are deliberately not tested, because the client adds nothing to the generated
/// builders.
const RAW: &[&str] = &[];

/// Returns the ids of all operations in the document from which the client is generated.
fn operation_ids() -> Vec<String> {
    let document: Value = serde_json::from_str(include_str!("../../openapi/openapi.json")).unwrap();
    let paths = document["paths"].as_object().unwrap().values();
    let operations = paths.flat_map(|item| item.as_object().unwrap().values());
    operations
        .map(|operation| operation["operationId"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn every_response_is_decoded_into_its_type() {
    let lab = Lab::start(gizmo_simulator::Options::instant().documented()).await;
    let client = &lab.client;

    account(client).await;
    catalog(client).await;
    let scene_id = scenes(client).await;
    assets(client, &scene_id).await;
    jobs(client).await;
    exports_and_deletion(client, &scene_id).await;

    let ids = operation_ids();
    assert_eq!(ids.len(), 21);
    for id in ids {
        let tested = lab.handle.count(&id) > 0;
        assert!(
            tested != RAW.contains(&id.as_str()),
            "{id} must either be tested here or be listed in `RAW`"
        );
    }
}

async fn account(client: &Client) {
    let who = client.whoami().send().await.unwrap();
    assert_eq!(who.ok, Some(true));
    assert_eq!(who.user_id.as_deref(), Some("user_simulator"));
    assert_eq!(who.scopes.as_ref().unwrap()[0], "scenes:read");
    let usage = client.usage().send().await.unwrap();
    assert!(usage.keys.as_ref().unwrap()[0]["requests"].is_u64());
}

async fn catalog(client: &Client) {
    let categories = client.list_categories().send().await.unwrap();
    assert!(categories.items.len() > 2, "{categories:?}");
    let category = categories.items[0].name.clone();
    let page = client
        .search_catalog()
        .category(&category)
        .limit(2)
        .send()
        .await
        .unwrap();
    assert_eq!(page.limit, Some(2));
    assert_eq!(page.items[0].category, Some(category.clone()));
    let all: Vec<_> = client
        .search_catalog()
        .category(&category)
        .limit(2)
        .items()
        .try_collect()
        .await
        .unwrap();
    assert_eq!(Some(all.len() as u64), categories.items[0].count);
    let slug = all[0].slug.clone();
    let item = client.get_catalog_item().slug(&slug).send().await.unwrap();
    assert_eq!((&item.slug, &item.name), (&slug, &all[0].name));
    assert!(item.glb().unwrap().ends_with("glb") && item.usdz().unwrap().ends_with("usdz"));
    let none = client
        .search_catalog()
        .q("no such thing")
        .send()
        .await
        .unwrap();
    assert_eq!((none.items.len(), none.total), (0, Some(0)));
}

async fn scenes(client: &Client) -> String {
    let accepted = client
        .generate_scene()
        .prompt("a robotics lab")
        .send()
        .await
        .unwrap();
    assert_eq!(accepted.status().as_u16(), 202);
    assert_eq!(
        (accepted.ok, &accepted.status),
        (Some(true), &Some(JobStatus::Queued))
    );
    let finished = client.job(&accepted.job_id).wait().await.unwrap();
    assert_eq!(Some(&finished.scene_id), accepted.scene_id.as_ref());
    let scene_id = finished.scene_id;

    let updated = client
        .update_scene()
        .scene_id(&scene_id)
        .name("lab")
        .description("two benches")
        .send()
        .await
        .unwrap();
    assert_eq!(updated.ok, Some(true));
    let scene = client.get_scene().scene_id(&scene_id).send().await.unwrap();
    assert_eq!(scene.id, scene_id);
    assert_eq!(scene.name.as_deref(), Some("lab"));
    assert_eq!(scene.description.as_deref(), Some("two benches"));
    assert_eq!(scene.prompt.as_deref(), Some("a robotics lab"));
    assert!(scene.record.is_none());
    assert!(scene.created_at.as_ref().unwrap().system_time().is_some());
    let with_record = client
        .get_scene()
        .scene_id(&scene_id)
        .include_record(true)
        .send()
        .await
        .unwrap();
    assert!(with_record.record.as_ref().unwrap().is_object());

    let edit = client
        .edit_scene()
        .scene_id(&scene_id)
        .prompt("move the table")
        .start()
        .await
        .unwrap();
    assert_eq!(edit.wait().await.unwrap().scene_id, scene_id);
    let edited = client
        .get_scene()
        .scene_id(&scene_id)
        .include_record(true)
        .send()
        .await
        .unwrap();
    assert_ne!(edited.record, with_record.record);

    let status = client
        .scene_status()
        .scene_id(&scene_id)
        .send()
        .await
        .unwrap();
    assert_eq!(status.pipeline_status.as_deref(), Some("succeeded"));
    assert!(status.pipeline_stages.as_ref().unwrap().is_array());
    let list = client.list_scenes().limit(5).send().await.unwrap();
    assert_eq!(
        (list.items[0].id.as_str(), list.total, list.offset),
        (scene_id.as_str(), Some(1), Some(0))
    );
    scene_id
}

async fn assets(client: &Client, scene_id: &str) {
    let error = client
        .generate_asset()
        .prompt("a toolbox")
        .start()
        .await
        .unwrap_err();
    assert_eq!(error.code(), Some("no_scene"));
    let job = client
        .generate_asset()
        .prompt("a toolbox")
        .scene_id(scene_id)
        .start()
        .await
        .unwrap();
    let asset_id = job.await.unwrap().asset_id.unwrap();
    let asset = client
        .get_asset()
        .asset_id(&asset_id)
        .include_record(true)
        .send()
        .await
        .unwrap();
    assert_eq!(
        (&asset.id, asset.scene_id.as_deref()),
        (&asset_id, Some(scene_id))
    );
    assert_eq!(asset.prompt.as_deref(), Some("a toolbox"));
    assert!(asset.record.is_some());
    let of_scene: Vec<_> = client
        .list_assets()
        .scene_id(scene_id)
        .items()
        .try_collect()
        .await
        .unwrap();
    assert!(of_scene.iter().any(|asset| asset.id == asset_id));
    let download = client
        .export_asset()
        .asset_id(&asset_id)
        .format(Format::Mjcf)
        .download()
        .await
        .unwrap();
    assert!(download.bytes(1 << 24).await.unwrap().starts_with(b"PK"));
    let deleted = client
        .delete_asset()
        .asset_id(&asset_id)
        .send()
        .await
        .unwrap();
    assert_eq!(deleted.ok, Some(true));
    assert!(
        client
            .get_asset()
            .asset_id(&asset_id)
            .send()
            .await
            .unwrap_err()
            .is_not_found()
    );
}

async fn jobs(client: &Client) {
    let job = client
        .generate_scene()
        .prompt("a kitchen")
        .start()
        .await
        .unwrap();
    let finished = job.wait().await.unwrap();
    let status = client.get_job().job_id(job.id()).send().await.unwrap();
    assert_eq!(status.id.as_deref(), Some(job.id()));
    assert_eq!(
        (&status.status, status.mode.as_deref()),
        (&JobStatus::Succeeded, Some("scene"))
    );
    assert_eq!(status.scene_id, Some(finished.scene_id));
    assert!(status.result.is_none() && finished.job.result.is_some());
    let raw = client
        .job_events()
        .job_id(job.id())
        .after(1)
        .send()
        .await
        .unwrap();
    let text: Vec<_> = raw.into_inner_stream().try_collect().await.unwrap();
    assert!(
        text.concat()
            .windows(11)
            .any(|window| window == b"event: done")
    );
    // The job has ended. The response to the cancellation is unspecified, but the status does not
    // change.
    let _ = job.cancel().await;
    assert_eq!(job.status().await.unwrap().status, JobStatus::Succeeded);
    let unknown: JobHandle = client.job("job_none");
    let error = unknown.wait().await.unwrap_err();
    assert!(
        error.is_not_found() && error.job_id() == Some("job_none"),
        "{error}"
    );
}

async fn exports_and_deletion(client: &Client, scene_id: &str) {
    let mjcf = format!("{scene_id}.xml");
    for (format, model) in [
        (Format::Mjcf, mjcf.as_str()),
        (Format::Usd, "lab.usda"),
        (Format::Sdf, "model.sdf"),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let download = client
            .export_scene()
            .scene_id(scene_id)
            .format(format.clone())
            .download()
            .await
            .unwrap();
        assert!(download.total().is_some());
        let bundle = download.unpack(dir.path().join("out")).await.unwrap();
        assert_eq!(
            bundle.model().path().unwrap(),
            dir.path().join("out").join(model)
        );
        assert_eq!(bundle.metadata().unwrap(), None, "{format}");
        assert_eq!(bundle.missing_files().unwrap(), [], "{format}");
    }
    let deleted = client
        .delete_scene()
        .scene_id(scene_id)
        .send()
        .await
        .unwrap();
    assert_eq!(deleted.ok, Some(true));
    let error = client
        .get_scene()
        .scene_id(scene_id)
        .send()
        .await
        .unwrap_err();
    assert_eq!(error.code(), Some("scene_not_found"));
}

#[tokio::test]
async fn an_id_may_be_a_number() {
    let server = MockServer::start_async().await;
    for (method, path, body) in [
        ("POST", "/v1/scenes", json!({"job_id": 7, "scene_id": 8})),
        (
            "GET",
            "/v1/jobs/7",
            json!({"job": {"id": 7, "status": "succeeded", "scene_id": 8, "result": {"asset_id": 9}}}),
        ),
        (
            "GET",
            "/v1/scenes/8",
            json!({"scene": {"scene_id": 8, "name": "lab"}}),
        ),
        (
            "GET",
            "/v1/assets",
            json!({"assets": [{"id": 9, "scene_id": 8}]}),
        ),
    ] {
        server.mock(|when, then| {
            when.method(method).path(path);
            then.status(200).json_body(body);
        });
    }
    let client = crate::support::client_without_retries(&server.base_url());
    let job = client
        .generate_scene()
        .prompt("a lab")
        .start()
        .await
        .unwrap();
    assert_eq!((job.id(), job.scene_id()), ("7", Some("8")));
    let status = job.status().await.unwrap();
    assert_eq!(
        (status.id.as_deref(), status.scene_id.as_deref()),
        (Some("7"), Some("8"))
    );
    let scene = client.get_scene().scene_id("8").send().await.unwrap();
    assert_eq!(scene.into_inner().id, "8");
    let assets = client.list_assets().send().await.unwrap().into_inner();
    assert_eq!(assets.items[0].scene_id.as_deref(), Some("8"));
}
