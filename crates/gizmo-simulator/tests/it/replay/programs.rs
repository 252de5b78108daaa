//! Programs that run against a recording, and recordings that cannot be served.

use std::path::Path;

use gizmo_client::Format;
use gizmo_simulator::Replay;
use serde_json::json;

use super::Recording;

/// Returns the message with which a replay of this directory is refused.
async fn refused(directory: &Path) -> String {
    let error = Replay::start(directory).await.map(|_| ()).unwrap_err();
    error.to_string()
}

#[tokio::test]
async fn a_directory_without_a_readable_recording_is_refused_in_one_line() {
    let written = |files: &[(&str, &str)]| {
        let directory = tempfile::tempdir().unwrap();
        for (name, text) in files {
            std::fs::write(directory.path().join(name), text).unwrap();
        }
        directory
    };
    let about = |version: u32| format!("{{\"version\":{version},\"client\":\"x\",\"began_at\":0}}");
    let status = json!({
        "number": 7, "sent_at": 0,
        "request": { "method": "GET", "target": "/", "headers": [] },
        "response": { "after": 0, "ended_after": 0, "status": 101, "headers": [], "end": "complete" },
    });
    for (files, parts) in [
        (&[][..], &["cannot read", "recording.json"][..]),
        (
            &[("recording.json", "no JSON")],
            &["recording.json: expected"],
        ),
        (
            &[("recording.json", &about(2))],
            &["version 2", "reads version 1"],
        ),
        (
            &[("recording.json", &about(1)), ("0001-get_job.json", "{")],
            &["0001-get_job.json: EOF"],
        ),
        (
            &[
                ("recording.json", &about(1)),
                ("1.json", &status.to_string()),
            ],
            &["exchange 7 has the status 101"],
        ),
    ] {
        let directory = written(files);
        let message = refused(directory.path()).await;
        assert!(message.starts_with("no recording to replay: "), "{message}");
        assert!(
            !message.contains('\n') && parts.iter().all(|part| message.contains(part)),
            "{message}"
        );
    }
    let missing = written(&[]);
    assert!(refused(&missing.path().join("none")).await.contains("none"));
}

/// A job that is followed to its end: its status is requested twice, and its stream stays open.
fn job() -> Recording {
    let block = |after: f64, number: u32, name: &str| {
        let data = json!({ "type": name, "seq": number, "scene_id": "w2" });
        json!({ "after": after, "text": format!("id: {number}\nevent: {name}\ndata: {data}\n\n") })
    };
    let status = |status: &str| json!({ "ok": true, "job": { "id": "w1", "status": status, "mode": "scene", "scene_id": "w2" } });
    let events = json!({
        "headers": [["content-type", "text/event-stream"]],
        "body": { "events": [
            block(0.1, 1, "job_started"), block(30.0, 2, "lighting"), block(90.0, 3, "job_succeeded"),
        ] },
        "end": "dropped",
        "ended_after": 91.0,
    });
    let started = json!({ "ok": true, "job_id": "w1", "scene_id": "w2", "status": "queued" });
    let export = json!({ "body": { "archive": { "size": 1, "entries": [
        { "name": "w2.xml", "size": 1, "compressed": 1, "method": 8 },
    ] } } });
    let none = json!({ "ok": true, "scenes": [], "total": 0, "limit": 100, "offset": 0 });
    Recording::default()
        .json("GET /v1/scenes?limit=100&offset=0", 200, &none)
        .json("POST /v1/scenes", 202, &started)
        .asked_for(&json!({ "prompt": "w3 w4" }))
        .response("GET /v1/jobs/w1/events", &events)
        .json(
            "GET /v1/jobs/w1?include_result=true",
            200,
            &status("succeeded"),
        )
        .response("POST /v1/scenes/w2/export", &export)
        .asked_for(&json!({ "format": "mjcf" }))
}

#[tokio::test]
async fn a_client_follows_a_recorded_job_to_its_end_and_unpacks_its_export() {
    let served = job().serve().await;
    let client = served.client();
    let job = client
        .generate_scene()
        .prompt("a lab")
        .start()
        .await
        .unwrap();
    let scene = job.wait().await.unwrap();
    assert_eq!(scene.scene_id, "w2");
    let directory = tempfile::tempdir().unwrap();
    let export = client
        .export_scene()
        .scene_id(&scene.scene_id)
        .format(Format::Mjcf);
    let bundle = export
        .download()
        .await
        .unwrap()
        .unpack(directory.path().join("lab"))
        .await
        .unwrap();
    assert!(bundle.model().path().unwrap().ends_with("w2.xml"));
    assert_eq!(served.replay.unmatched(), Vec::<String>::new());

    let error = client
        .generate_scene()
        .prompt("a lab")
        .start()
        .await
        .unwrap_err();
    assert_eq!(error.code(), Some("not_recorded"));
}

#[tokio::test]
async fn a_replay_that_is_dropped_no_longer_listens() {
    let served = job().serve().await;
    let request = served.request("GET /v1/jobs/w1/events");
    let mut open = request.try_clone().unwrap().send().await.unwrap();
    drop(served);
    while let Ok(Some(_)) = open.chunk().await {}
    assert!(request.send().await.unwrap_err().is_connect());
}
