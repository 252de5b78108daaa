//! The probe against the simulator, and against services that differ from it.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod differences;
mod paid;
mod private;
mod run;
mod standin;

use gizmo_simulator::Options;
use serde_json::Value;

use crate::run::{PAID, command, probe};
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
    // A patch raises what was seen.
    assert!(
        probed
            .file("report/overlay-patch.json")
            .contains("/x-evidence")
    );
    assert!(
        probed
            .file("report/assumptions-patch.json")
            .contains("/evidence")
    );

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
