//! The probe against the simulator, and against services that differ from it.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod differences;
mod paid;
mod private;
mod run;
mod standin;

use gizmo_client::Client;
use gizmo_client::alpha::Pose;
use gizmo_simulator::{Options, Simulator};
use serde_json::Value;

use crate::run::{KEY, PAID, command, probe, probe_account};
use crate::standin::Changes;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_simulator_contradicts_nothing_and_a_recording_reproduces_its_report() {
    let probed = probe(Changes::default(), Options::default(), &PAID).await;
    let report = probed.report();
    let shown = probed.file("report/report.md");
    assert_eq!(probed.output.status.code(), Some(0), "{shown}");
    for list in ["undecodable", "words", "members", "events", "headers"] {
        assert_eq!(report["responses"][list], Value::Array(vec![]), "{list}");
    }
    let verdicts = |verdict: &str| {
        let all = report["assumptions"].as_array().unwrap().iter();
        all.filter(|one| one["verdict"] == verdict).count()
    };
    assert_eq!(verdicts("contradicted"), 0);
    assert!(verdicts("confirmed") >= 75, "{shown}");
    // The patches raise what was seen, and apply to the files as they are.
    for (patch, file) in [
        (
            "overlay-patch.json",
            include_str!("../../../../openapi/overlay.json"),
        ),
        (
            "assumptions-patch.json",
            include_str!("../../../../openapi/assumptions.json"),
        ),
    ] {
        let file: Value = serde_json::from_str(file).unwrap();
        let patch: Value = serde_json::from_str(&probed.file(&format!("report/{patch}"))).unwrap();
        let operations = patch.as_array().unwrap();
        assert!(operations.len() > 40, "{patch}");
        for pair in operations.chunks(2) {
            let pointer = pair[0]["path"].as_str().unwrap();
            assert_eq!(file.pointer(pointer).unwrap(), "guess", "{pointer}");
            assert_eq!(pair[0]["value"], "guess", "{pointer}");
            assert_eq!(pair[1]["path"], pointer);
            assert_eq!(pair[1]["value"], "observed", "{pointer}");
        }
    }

    let again = tempfile::tempdir().unwrap();
    let mut replay = command(again.path());
    let output = replay.arg("--replay").arg(probed.recording()).output();
    assert_eq!(output.await.unwrap().status.code(), Some(0));
    for name in [
        "report.md",
        "report.json",
        "overlay-patch.json",
        "assumptions-patch.json",
    ] {
        let replayed = std::fs::read_to_string(again.path().join("report").join(name)).unwrap();
        assert_eq!(replayed, probed.file(&format!("report/{name}")), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_of_the_early_access_api_confirms_its_assumptions() {
    let options = Options {
        api_key: "gzm_k1_other".to_owned(),
        alpha_api_key: KEY.to_owned(),
        ..Options::instant()
    };
    let simulator = Simulator::start(options).await.unwrap();
    let builder = Client::builder().base_url(simulator.url()).api_key(KEY);
    let alpha = builder.build().unwrap().alpha();
    let create = alpha.create_asset().prompt("a bin for parts").name("bin");
    let asset = create.start().await.unwrap().wait().await.unwrap();
    let scene = alpha.create_scene().name("cell").send().await.unwrap();
    let place = alpha.place_asset().scene_id(&scene.id).asset_id(&asset.id);
    place.pose(Pose::default()).send().await.unwrap();

    let arguments = ["--linger", "0.1", "--poll", "0.1"];
    let probed = probe_account(simulator, Changes::default(), &arguments).await;
    let report = probed.report();
    for id in [
        "alpha-same-paths",
        "alpha-lists",
        "alpha-asset-status-words",
        "alpha-formats-available",
        "alpha-times-iso",
        "alpha-placed-assets",
        "alpha-unit-quaternion",
        "alpha-export-url",
        "alpha-export-formats",
        "alpha-error-flat",
    ] {
        let mut all = report["assumptions"].as_array().unwrap().iter();
        let assessed = all.find(|one| one["id"] == id).unwrap();
        assert_eq!(assessed["verdict"], "confirmed", "{assessed:#}");
    }
    assert_eq!(report["behaviour"][0]["what"], "the API of this key");
}

#[tokio::test]
async fn wrong_usage_is_one_line_and_sends_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let existing = directory.path().join("existing");
    std::fs::create_dir(&existing).unwrap();
    std::fs::write(existing.join("recording.json"), "{}").unwrap();
    let existing = existing.to_str().unwrap();
    for (key, arguments, code, expected) in [
        ("", vec![], 1, "GIZMO_API_KEY is not set"),
        ("gzm_k1_a", vec!["--spend", "1"], 1, "--spend needs --yes"),
        ("gzm_k1_a", vec!["--spend", "5"], 2, "5 is not in 0..=4"),
        ("gzm_k1_a", vec!["--record", existing], 1, "recording"),
        ("gzm_k1_a", vec!["--replay", "no/such"], 1, "no/such"),
        ("gzm_k1_a", vec!["--poll", "0"], 2, "not between"),
        ("gzm_k1_a", vec![], 3, "could not be reached"),
        ("gzm k1", vec![], 1, "key"),
    ] {
        let directory = tempfile::tempdir().unwrap();
        let mut command = command(directory.path());
        if !key.is_empty() {
            command.env("GIZMO_API_KEY", key);
        }
        // Nothing listens on this port.
        let output = command
            .env("GIZMO_BASE_URL", "http://127.0.0.1:9")
            .args(&arguments)
            .output()
            .await
            .unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {stderr}");
        assert!(stderr.contains(expected), "{arguments:?}: {stderr}");
    }
}
