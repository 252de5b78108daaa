//! Requests and changes to requests that no document describes.

use std::time::Duration;

use futures::TryStreamExt;
use gizmo_client::http::Method;
use gizmo_client::{CallOptions, Client, Error, ErrorKind, RetryPolicy};
use gizmo_simulator::{At, Canned, Fault, On};
use serde_json::{Value, json};

use crate::support::{CANARY, Lab, client, quick_retries, steady_clock};

/// What a caller can tell of a call's end.
#[derive(Debug, PartialEq)]
struct End {
    kind: Option<ErrorKind>,
    is_unknown: bool,
    is_retryable: bool,
    attempts: u32,
    requests: u64,
}

fn end<T>(result: Result<T, Error>, requests: u64) -> End {
    let error = result.err();
    End {
        kind: error.as_ref().map(Error::kind),
        is_unknown: error.as_ref().is_some_and(Error::is_outcome_unknown),
        is_retryable: error.as_ref().is_some_and(Error::is_retryable),
        attempts: error.as_ref().map_or(0, Error::attempts),
        requests,
    }
}

#[tokio::test]
async fn a_request_to_an_undocumented_path_has_the_rules_of_a_documented_operation() {
    let faults = [
        Fault::Respond(Canned::rate_limited().retry_after("0")),
        Fault::Respond(Canned::error(503, "busy", "come back").retry_after("0")),
        Fault::Respond(Canned::html(503).retry_after("0")),
        Fault::Respond(Canned::html(429).retry_after("0")),
        Fault::Respond(Canned::error(402, "insufficient_credits", "0 left")),
        Fault::Respond(Canned::empty(500)),
        Fault::Respond(Canned::html(502)),
        Fault::Respond(Canned::html(403)),
        Fault::Respond(Canned::empty(302).header("location", "/v1/elsewhere")),
        Fault::Respond(Canned::json(200, &json!(["not", "an", "object"]))),
        Fault::DropBeforeReading,
        Fault::DropBeforeResponse,
        Fault::CutBody(At::Percent(50.0)),
    ];
    for fault in faults {
        for times in [1, 100] {
            let lab = Lab::instant().await;
            let client = Lab::client_of(&lab.simulator);
            let client = client.retry_policy(quick_retries()).build().unwrap();
            let scene_id = lab.scene().await.scene_id;
            let path = |last: &str| format!("/v1/scenes/{scene_id}/{last}");
            let inject = |operation: &str| {
                lab.handle.clear_faults();
                let on = On::operation(operation).times(times);
                lab.handle.inject(on, fault.clone());
            };
            let count = |operation: &str| lab.handle.count(operation);

            inject("edit_scene");
            let edit = client.edit_scene().scene_id(&scene_id).prompt("a lamp");
            let documented = end(edit.send().await, count("edit_scene"));
            inject("vary_scene");
            let vary = client.request(Method::POST, path("vary"));
            let vary = vary.json(&json!({"prompt": "a lamp"}));
            let result = vary.send::<serde_json::Map<String, Value>>().await;
            assert_eq!(
                end(result, count("vary_scene")),
                documented,
                "POST {fault:?}"
            );

            inject("update_scene");
            let update = client.update_scene().scene_id(&scene_id).name("lab");
            let documented = end(update.send().await, count("update_scene"));
            inject("tag_scene");
            let tag = client.request(Method::PATCH, path("tags")).idempotent();
            let tag = tag.json(&json!({"name": "lab"}));
            let result = tag.send::<serde_json::Map<String, Value>>().await;
            assert_eq!(
                end(result, count("tag_scene")),
                documented,
                "PATCH {fault:?}"
            );

            inject("usage");
            let documented = end(client.usage().send().await, count("usage"));
            inject("limits");
            let limits = client.request(Method::GET, "/v1/limits");
            let result = limits.send::<serde_json::Map<String, Value>>().await;
            assert_eq!(end(result, count("limits")), documented, "GET {fault:?}");
        }
    }
}

#[tokio::test]
async fn an_undocumented_request_waits_for_the_rate_limit_and_is_named_in_errors() {
    let lab = Lab::instant().await;
    let error = lab.client.request(Method::POST, "/v1/new?token=secret");
    let error = error.send::<Value>().await.unwrap_err();
    assert!(
        error.is_not_found() && !error.is_outcome_unknown(),
        "{error}"
    );
    assert!(
        error.to_string().starts_with("POST /v1/new: 404"),
        "{error}"
    );
    assert_eq!(error.operation(), Some("POST /v1/new"));

    let limits = lab.client.request(Method::GET, "/v1/limits");
    let body: Vec<_> = limits
        .stream()
        .await
        .unwrap()
        .into_inner_stream()
        .try_collect()
        .await
        .unwrap();
    let body: Value = serde_json::from_slice(&body.concat()).unwrap();
    assert_eq!(body["ok"], true);
    let received = lab.handle.requests_of("limits");
    assert_eq!(received.len(), 1);
}

#[tokio::test]
async fn a_path_stays_on_the_service() {
    let client = client("http://127.0.0.1:1/proxy");
    for (path, why) in [
        ("v1/scenes", "does not begin with `/`"),
        ("https://evil.example/v1", "does not begin with `/`"),
        ("", "does not begin with `/`"),
        ("/v1/scenes/..", "has a segment `.` or `..`"),
        ("/../v1/scenes", "has a segment `.` or `..`"),
        ("/v1/%2e%2E/x", "has a segment `.` or `..`"),
        ("/v1\\..\\x", "has a segment `.` or `..`"),
        ("/v1/./scenes", "has a segment `.` or `..`"),
    ] {
        let error = client.request(Method::GET, path).send::<Value>().await;
        let error = error.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidRequest, "{path}: {error}");
        assert!(error.to_string().contains(why), "{path}: {error}");
    }
    for path in ["//evil.example/v1", "/v1/a b?x=../..", "/@evil.example"] {
        let error = client.request(Method::GET, path).send::<Value>().await;
        assert_eq!(error.unwrap_err().kind(), ErrorKind::Connect, "{path}");
    }
}

#[tokio::test]
async fn options_change_one_call_of_any_operation() {
    let lab = Lab::instant().await;
    let options = CallOptions::new()
        .header("X-Experiment", "42")
        .header("authorization", "Bearer other")
        .query("trace", "a b&c")
        .query("depth", 2)
        .body_field("seed", 7)
        .body_field("prompt", "a kitchen");
    let scene = lab.client.generate_scene().prompt("a lab");
    let job = scene.options(options).start().await.unwrap();
    let request = &lab.handle.requests_of("generate_scene")[0];
    assert_eq!(request.header("x-experiment"), Some("42"));
    assert_eq!(request.query, "trace=a+b%26c&depth=2");
    let body: Value = serde_json::from_slice(&request.body).unwrap();
    assert_eq!(body, json!({"prompt": "a kitchen", "seed": 7}));

    // Every page, and every part of a download.
    let options = CallOptions::new().header("x-experiment", "43");
    let scenes = lab.client.list_scenes().limit(1).options(options.clone());
    lab.scene().await;
    let scenes: Vec<_> = scenes.items().try_collect().await.unwrap();
    assert_eq!(scenes.len(), 2);
    let export = lab.client.export_scene().scene_id(job.scene_id().unwrap());
    let export = export.format(gizmo_client::Format::Mjcf).options(options);
    let _ = export.download().await.unwrap();
    for operation in ["list_scenes", "export_scene"] {
        let requests = lab.handle.requests_of(operation);
        let with: Vec<_> = requests
            .iter()
            .map(|one| one.header("x-experiment"))
            .collect();
        assert!(with.contains(&Some("43")), "{operation}: {with:?}");
    }
}

#[tokio::test]
async fn invalid_options_are_named_and_nothing_is_sent() {
    let client = client("http://127.0.0.1:1");
    let options = CallOptions::new;
    for (options, why) in [
        (options().header("a b", "x"), "the header `a b`"),
        (
            options().header("x-secret", CANARY.to_owned() + "\n"),
            "the header `x-secret`",
        ),
        (options().body_field("seed", 1), "a JSON object"),
    ] {
        let error = client.whoami().options(options).send().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidRequest);
        let text = format!("{error:?}");
        assert!(text.contains(why) && !text.contains(CANARY), "{text}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_deadline_states_whether_the_request_may_have_been_sent() {
    steady_clock();
    let lab = Lab::instant().await;
    let limit = Duration::from_secs(10);
    let in_time = || CallOptions::new().deadline(limit);
    let generate = |client: &Client| {
        let client = client.clone();
        async move {
            client
                .generate_scene()
                .prompt("a lab")
                .options(in_time())
                .start()
                .await
        }
    };

    // In flight.
    lab.handle
        .inject(On::operation("generate_scene"), Fault::StallBeforeResponse);
    let error = generate(&lab.client).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Deadline);
    assert!(
        error.is_outcome_unknown() && !error.is_retryable(),
        "{error}"
    );
    assert!(
        error.to_string().contains("no response within 10 s"),
        "{error}"
    );

    // Refused, and about to be sent again.
    let busy = Fault::Respond(Canned::rate_limited().retry_after("60"));
    lab.handle.inject(On::operation("generate_scene"), busy);
    let error = generate(&lab.client).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Deadline);
    assert!(
        !error.is_outcome_unknown() && error.is_retryable(),
        "{error}"
    );
    assert!(
        error.to_string().contains("not sent within 10 s"),
        "{error}"
    );

    // The list before the request takes too long: the request is not sent.
    let count = lab.handle.count("generate_scene");
    let other = Lab::client_of(&lab.simulator).build().unwrap();
    lab.handle
        .inject(On::operation("list_scenes"), Fault::StallBeforeResponse);
    let late = CallOptions::new().deadline(Duration::from_secs(2));
    let late = other.generate_scene().prompt("a lab").options(late).start();
    let error = late.await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Deadline);
    assert!(!error.is_outcome_unknown(), "{error}");
    assert_eq!(lab.handle.count("generate_scene"), count);

    // A read.
    lab.handle
        .inject(On::operation("whoami"), Fault::StallBeforeResponse);
    let error = lab
        .client
        .whoami()
        .options(in_time())
        .send()
        .await
        .unwrap_err();
    assert!(
        !error.is_outcome_unknown() && error.is_retryable(),
        "{error}"
    );
    // Further away than any clock counts.
    let forever = CallOptions::new().deadline(Duration::MAX);
    lab.client.whoami().options(forever).send().await.unwrap();
}

#[tokio::test]
async fn a_call_may_have_a_retry_policy_of_its_own() {
    let lab = Lab::instant().await;
    let down = || {
        lab.handle.clear_faults();
        lab.handle.inject(
            On::operation("whoami").always(),
            Fault::Respond(Canned::empty(502)),
        );
    };
    for (policy, attempts) in [(RetryPolicy::none(), 1), (quick_retries(), 5)] {
        down();
        let options = CallOptions::new().retry_policy(policy);
        let error = lab
            .client
            .whoami()
            .options(options)
            .send()
            .await
            .unwrap_err();
        assert_eq!(error.attempts(), attempts);
    }
}
