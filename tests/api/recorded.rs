//! The client against each recording in `tests/recorded`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use gizmo_client::record::{Content, Exchange, read};
use gizmo_client::{Client, Format, drift};
use gizmo_simulator::{Replay, ReplayOptions};
use tokio::time::timeout;

use super::support::client;

/// The longest time for one recording.
const LONGEST: Duration = Duration::from_secs(60);

fn recordings() -> Vec<PathBuf> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recorded");
    let entries = std::fs::read_dir(directory).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    paths.filter(|path| path.is_dir()).collect()
}

#[tokio::test]
async fn the_client_understands_every_recording() {
    let recordings = recordings();
    assert!(recordings.len() >= 2);
    for recording in recordings {
        let (_, exchanges) = read(&recording).unwrap();
        let replay = Replay::start_with(&recording, ReplayOptions::instant());
        let replay = replay.await.unwrap();
        let client = client(replay.url());
        let run = run(&client, &exchanges);
        let calls = timeout(LONGEST, run).await.unwrap();
        let name = recording.display();
        assert!(calls > 10, "{name}: only {calls} calls");
        assert_eq!(replay.unmatched(), Vec::<String>::new(), "{name}");
    }
}

/// Makes each call that a recording has a success of, and returns their number.
async fn run(client: &Client, exchanges: &[Exchange]) -> usize {
    let mut made = BTreeSet::new();
    for exchange in exchanges {
        let response = exchange.response.as_ref();
        let Some(response) = response.filter(|response| (200..300).contains(&response.status))
        else {
            continue;
        };
        let operation = exchange.operation.as_deref().unwrap_or_default();
        let target = exchange.request.target.as_str();
        if let Content::Json(body) = &response.body {
            let differences = drift::differences(operation, body).unwrap_or_default();
            assert_eq!(differences, [], "exchange {}", exchange.number);
        }
        // Parameters are the subject of other tests.
        let id = target.split('/').nth(3).unwrap_or_default();
        let is_plain = !target.contains('?') && exchange.request.body == Content::Empty;
        let is_export = operation == "export_scene";
        if (is_plain || is_export) && made.insert((operation, target, format_of(exchange))) {
            call(client, operation, id, exchange).await;
        }
    }
    made.len()
}

fn format_of(exchange: &Exchange) -> String {
    match &exchange.request.body {
        Content::Json(body) => body.to_string(),
        _ => String::new(),
    }
}

async fn call(client: &Client, operation: &str, id: &str, exchange: &Exchange) {
    let context = format!("exchange {}: {operation}", exchange.number);
    let failed = match operation {
        "whoami" => client.whoami().send().await.err(),
        "usage" => client.usage().send().await.err(),
        "list_scenes" => client.list_scenes().send().await.err(),
        "get_scene" => client.get_scene().scene_id(id).send().await.err(),
        "scene_status" => client.scene_status().scene_id(id).send().await.err(),
        "list_assets" => client.list_assets().send().await.err(),
        "get_asset" => client.get_asset().asset_id(id).send().await.err(),
        "search_catalog" => client.search_catalog().send().await.err(),
        "list_categories" => client.list_categories().send().await.err(),
        "get_catalog_item" => client.get_catalog_item().slug(id).send().await.err(),
        "get_job" => client.get_job().job_id(id).send().await.err(),
        "job_events" => client.job(id).wait().await.err(),
        "export_scene" => export(client, id, exchange).await,
        _ => None,
    };
    assert!(failed.is_none(), "{context}: {failed:?}");
}

/// Downloads and unpacks an export.
async fn export(client: &Client, id: &str, exchange: &Exchange) -> Option<gizmo_client::Error> {
    let Content::Json(body) = &exchange.request.body else {
        return None;
    };
    if body.get("robot_profile").is_some() {
        return None;
    }
    let format = match body["format"].as_str()? {
        "mjcf" => Format::Mjcf,
        "usd" => Format::Usd,
        _ => Format::Sdf,
    };
    let directory = tempfile::tempdir().unwrap();
    let export = client.export_scene().scene_id(id).format(format);
    let download = match export.download().await {
        Ok(download) => download,
        Err(error) => return Some(error),
    };
    let unpacked = download.unpack(directory.path().join("export")).await;
    let Content::Archive { entries, .. } = &exchange.response.as_ref()?.body else {
        return unpacked.err();
    };
    let bundle = match unpacked {
        Ok(bundle) => bundle,
        Err(error) => return Some(error),
    };
    for entry in entries.iter().filter(|entry| !entry.name.ends_with('/')) {
        assert!(bundle.dir().join(&entry.name).exists(), "{}", entry.name);
    }
    None
}
