//! Simulators that go on where an earlier one ended.

use std::io::{Error, ErrorKind};
use std::path::Path;

use gizmo_simulator::{Fault, Options, Simulator};
use http::Method;
use serde_json::{Value, json};

use crate::support::{Api, complete};

async fn start(history: &Path, speed: f64) -> Api {
    let history = Some(history.to_owned());
    let options = Options {
        history,
        ..Options::instant().with_speed(speed)
    };
    Api::start(options).await
}

/// Stops a simulator, and waits until its port is free.
async fn stop(api: Api) {
    let address = api.simulator.address();
    drop(api);
    while tokio::net::TcpListener::bind(address).await.is_err() {
        tokio::task::yield_now().await;
    }
}

async fn send(api: &Api, method: Method, path: &str, body: &Value) {
    let response = api.request(method, path).json(body).send().await.unwrap();
    let response = complete(response).await.unwrap();
    assert!(response.status.is_success(), "{path}: {response:?}");
}

#[tokio::test]
async fn a_second_simulator_has_the_address_the_data_and_the_jobs_of_the_first() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("new/history.jsonl");
    let first = start(&file, f64::INFINITY).await;
    let (job, kept) = first.generate("a robotics lab").await;
    let (_, deleted) = first.generate("a kitchen").await;
    first.wait(&job).await;
    let edit = format!("/v1/scenes/{kept}/edit");
    send(
        &first,
        Method::POST,
        &edit,
        &json!({ "prompt": "add a lamp" }),
    )
    .await;
    let edited = first.simulator.handle().jobs()[2].id.clone();
    first.wait(&edited).await;
    let asset = json!({ "prompt": "a lamp", "scene_id": kept });
    send(&first, Method::POST, "/v1/assets", &asset).await;
    let made = first.simulator.handle().jobs()[3].id.clone();
    first.wait(&made).await;
    let rename = json!({ "name": "mine" });
    send(
        &first,
        Method::PATCH,
        &format!("/v1/scenes/{kept}"),
        &rename,
    )
    .await;
    send(
        &first,
        Method::DELETE,
        &format!("/v1/scenes/{deleted}"),
        &json!({}),
    )
    .await;
    let address = first.simulator.address();
    let before = contents(&first).await;
    assert_eq!(before["scenes"][0]["name"], "mine");
    stop(first).await;

    let second = start(&file, f64::INFINITY).await;
    assert_eq!(second.simulator.address(), address);
    assert_eq!(contents(&second).await, before);
    let (_, new) = second.generate("a garage").await;
    assert!(new != kept && new != deleted);
}

/// Returns the scenes, the assets and the jobs, without the times.
async fn contents(api: &Api) -> Value {
    let mut contents = json!({ "jobs": format!("{:?}", api.simulator.handle().jobs()) });
    for list in ["scenes", "assets"] {
        contents[list] = api.get(&format!("/v1/{list}")).await.json()[list].clone();
        for item in contents[list].as_array_mut().unwrap() {
            let item = item.as_object_mut().unwrap();
            item.remove("created_at");
            item.remove("updated_at");
        }
    }
    contents
}

#[tokio::test]
async fn a_job_that_was_running_has_succeeded_and_a_cancelled_one_has_not() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("history.jsonl");
    let first = start(&file, 0.0).await;
    let (running, _) = first.generate("a robotics lab").await;
    let (cancelled, _) = first.generate("a kitchen").await;
    first.generate("a garage").await;
    let cancel = format!("/v1/jobs/{cancelled}/cancel");
    send(&first, Method::POST, &cancel, &json!({})).await;
    stop(first).await;

    let second = start(&file, 0.0).await;
    let statuses = second.simulator.handle().jobs();
    let statuses: Vec<_> = statuses.iter().map(|job| job.status.to_string()).collect();
    assert_eq!(statuses, ["succeeded", "cancelled", "succeeded"]);
    let events = second.simulator.handle().job(&running).unwrap().events;
    assert!(events > 100, "{events}");
}

#[tokio::test]
async fn jobs_fail_again_in_the_next_simulator() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("history.jsonl");
    let first = start(&file, f64::INFINITY).await;
    for fault in [Some(Fault::FailJob), Some(Fault::FailAsset), None] {
        if let Some(fault) = fault {
            first.inject(fault);
        }
        first.scene("a robotics lab").await;
    }
    let shown = async |api: &Api| {
        let mut shown = Vec::new();
        for job in api.simulator.handle().jobs() {
            let path = format!("/v1/assets?scene_id={}", job.scene_id);
            let assets = api.get(&path).await.json()["total"].take();
            shown.push((job.status.to_string(), assets));
        }
        shown
    };
    let before = shown(&first).await;
    let expected = [("failed", 5), ("succeeded", 4), ("succeeded", 5)];
    assert_eq!(
        before,
        expected.map(|(status, assets)| (status.to_owned(), json!(assets)))
    );
    stop(first).await;
    let second = start(&file, f64::INFINITY).await;
    assert_eq!(shown(&second).await, before);
}

#[tokio::test]
async fn half_a_line_is_ignored_and_a_damaged_line_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("history.jsonl");
    let first = start(&file, f64::INFINITY).await;
    first.generate("a robotics lab").await;
    stop(first).await;
    let complete = std::fs::read_to_string(&file).unwrap();
    for end in [1, 10, complete.len() / 2] {
        std::fs::write(&file, &complete[..complete.len() - end]).unwrap();
        let second = start(&file, f64::INFINITY).await;
        assert_eq!(second.simulator.handle().job_count(), 0);
        stop(second).await;
    }
    let first_line = complete.lines().next().unwrap();
    std::fs::write(&file, format!("{first_line}\n{{}}\n")).unwrap();
    let error = refused(&file).await;
    assert_eq!(error.kind(), ErrorKind::InvalidData);
    let start = format!("cannot read line 2 of the history {}: ", file.display());
    let message = error.to_string();
    assert!(message.starts_with(&start), "{message}");
    assert_eq!(message.lines().count(), 1);
}

/// Returns the error of a simulator that cannot use its history.
async fn refused(history: &Path) -> Error {
    let options = Options {
        history: Some(history.to_owned()),
        ..Options::instant()
    };
    Simulator::start(options).await.unwrap_err()
}

#[tokio::test]
async fn a_history_that_cannot_be_used_is_named_in_one_line() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    let shown = |name: &str| path(name).display().to_string();
    std::fs::write(path("latin-1"), [0xe9]).unwrap();
    // A directory has the name of the file that is written first.
    std::fs::create_dir(path("history.new")).unwrap();
    // A link leads to nothing, so its directory can be neither found nor created.
    #[cfg(unix)]
    std::os::unix::fs::symlink("nowhere/below", path("link")).unwrap();
    let history = |name: &str| format!("the history {}", shown(name));
    for (name, what) in [
        ("latin-1", format!("cannot read {}", history("latin-1"))),
        ("history", format!("cannot write {}", history("history"))),
        #[cfg(unix)]
        (
            "link/history",
            format!("cannot create the directory {}", shown("link")),
        ),
    ] {
        let message = refused(&path(name)).await.to_string();
        assert!(message.starts_with(&format!("{what}: ")), "{message}");
        assert_eq!(message.lines().count(), 1, "{message}");
    }
}
