//! Programs that call the client without a Tokio runtime, or block on it.

use std::time::Duration;

use futures::executor::block_on;
use futures::{StreamExt, TryStreamExt};
use gizmo_client::http::Method;
use gizmo_client::{CallOptions, Client, Error, ErrorKind, PaidRequest, PollPolicy, archive};
use gizmo_simulator::{Options, Simulator};
use serde_json::Value;

use crate::support::{Lab, client, names};

#[test]
fn outside_of_a_runtime_every_call_is_an_error_and_sends_nothing() {
    let client = client("http://127.0.0.1:1");
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("lab");
    let job = || client.job("job_1");
    let mut policy = PollPolicy::default();
    policy.deadline = Some(Duration::from_secs(1));
    let scene = || client.generate_scene().prompt("a lab");
    let asset = || client.alpha().asset("asset_1");
    let in_time = || CallOptions::new().deadline(Duration::from_secs(1));
    let request = client.request(Method::GET, "/v1/new");
    let lost = PaidRequest::scene("a lab", std::time::SystemTime::now());
    let errors: [(&str, Option<Error>); 17] = [
        ("send", block_on(client.whoami().send()).err()),
        (
            "send with a deadline",
            block_on(client.whoami().options(in_time()).send()).err(),
        ),
        ("request", block_on(request.send::<Value>()).err()),
        ("paid", block_on(scene().send()).err()),
        ("start", block_on(scene().start()).err()),
        (
            "start with a deadline",
            block_on(scene().options(in_time()).start()).err(),
        ),
        (
            "items",
            block_on(client.list_scenes().items().try_next()).err(),
        ),
        ("status", block_on(job().status()).err()),
        ("events", block_on(job().events().try_next()).err()),
        ("wait", block_on(job().wait()).err()),
        (
            "wait with a deadline",
            block_on(job().with_poll_policy(policy.clone()).wait()).err(),
        ),
        ("reconcile", block_on(client.reconcile_request(&lost)).err()),
        ("download", block_on(client.download("/v1/x")).err()),
        ("bake", block_on(client.bake("a lab").into_dir(&path)).err()),
        (
            "unpack",
            block_on(archive::unpack("lab.zip", &path))
                .err()
                .map(Into::into),
        ),
        ("alpha wait", block_on(asset().wait()).err()),
        (
            "alpha wait with a deadline",
            block_on(asset().with_poll_policy(policy).wait()).err(),
        ),
    ];
    for (call, error) in errors {
        let error = error.unwrap();
        let kind = if call == "unpack" {
            ErrorKind::Io
        } else {
            ErrorKind::Config
        };
        assert_eq!(error.kind(), kind, "{call}: {error:#}");
        assert!(
            format!("{error:#}").contains("not called in a Tokio runtime"),
            "{call}: {error:#}"
        );
        assert!(
            !error.is_outcome_unknown() && !error.is_retryable(),
            "{call}"
        );
    }
    let all = client.bake_all(["a lab", "a kitchen"]).into_dir(&path);
    let error = block_on(all).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config, "{error}");
    assert!(client.unresolved_requests().is_empty());
    // `bake_all` failed before anything was written as well.
    assert!(names(dir.path()).is_empty());
}

/// Returns a runtime, a simulator in it, and a client for it.
fn blocking() -> (tokio::runtime::Runtime, Simulator, Client) {
    let runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = { runtime }.enable_all().build().unwrap();
    let simulator = runtime
        .block_on(Simulator::start(Options::instant()))
        .unwrap();
    let client = Lab::client_of(&simulator).build().unwrap();
    (runtime, simulator, client)
}

#[test]
fn a_download_that_leaves_its_runtime_is_an_error_and_leaves_nothing() {
    let (runtime, _simulator, client) = blocking();
    let dir = tempfile::tempdir().unwrap();
    let job = runtime.block_on(client.generate_scene().prompt("a lab").start());
    let scene = runtime.block_on(job.unwrap().wait()).unwrap().scene_id;
    let download = || {
        let export = client.export_scene().scene_id(&scene);
        runtime.block_on(export.download()).unwrap()
    };
    for error in [
        block_on(download().to_file(dir.path().join("lab.zip"))).unwrap_err(),
        block_on(download().unpack(dir.path().join("lab"))).unwrap_err(),
        block_on(download().bytes(1 << 20)).unwrap_err(),
        block_on(download().bytes_stream().next())
            .unwrap()
            .unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::Config, "{error:#}");
    }
    assert!(names(dir.path()).is_empty());
}

#[test]
fn a_blocking_program_bakes() {
    let (runtime, simulator, client) = blocking();
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("lab");
    let bundle = runtime
        .block_on(client.bake("a lab").into_dir(&out))
        .unwrap();
    assert!(bundle.model().path().unwrap().is_file());

    // It is a stream as well, and can be awaited after some of its events.
    let mut bake = client.bake("a lab").into_dir(dir.path().join("other"));
    runtime.block_on(bake.next()).unwrap().unwrap();
    runtime.block_on(bake).unwrap();
    assert_eq!(simulator.handle().job_count(), 2);
}
