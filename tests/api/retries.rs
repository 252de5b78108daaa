//! Which requests are sent again, when, and how often.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use gizmo_client::{Client, RetryPolicy, WaitReason, Waiting};
use gizmo_simulator::{At, Canned, Fault, On, Options, Simulator};
use tokio::time::Instant;

use crate::support::{Lab, quick_retries, steady_clock};

/// Starts a lab whose client retries after a few milliseconds. Also returns the waits that the
/// client reports.
async fn lab() -> (Lab, Arc<Mutex<Vec<Waiting>>>) {
    let simulator = Simulator::start(Options::instant()).await.unwrap();
    let waits = Arc::new(Mutex::new(Vec::new()));
    let listener = Arc::clone(&waits);
    let client = Lab::client_of(&simulator)
        .retry_policy(quick_retries())
        .on_wait(move |waiting| listener.lock().unwrap().push(waiting))
        .build()
        .unwrap();
    let lab = Lab {
        client,
        handle: simulator.handle(),
        simulator,
    };
    (lab, waits)
}

async fn generate(client: &Client) -> Result<gizmo_client::JobHandle, gizmo_client::Error> {
    client.generate_scene().prompt("a lab").start().await
}

#[tokio::test]
async fn a_generation_with_an_unknown_outcome_is_sent_once() {
    for (fault, jobs) in [
        (Fault::DropBeforeReading, 0),
        (Fault::DropBeforeHandling, 0),
        (Fault::DropBeforeResponse, 1),
        (Fault::CutHead(1), 1),
        (Fault::CutHead(120), 1),
        (Fault::CutBody(At::Byte(0)), 1),
        (Fault::CutBody(At::Percent(50.0)), 1),
        (Fault::Respond(Canned::html(502)), 0),
        (Fault::Respond(Canned::html(504)), 0),
        (Fault::Respond(Canned::empty(408)), 0),
        (Fault::Respond(Canned::empty(503)), 0),
        (Fault::Respond(Canned::empty(500).retry_after("0")), 0),
        (Fault::Respond(Canned::json(202, &serde_json::json!([]))), 0),
    ] {
        // Over a new connection and over a reused one.
        for warm in [false, true] {
            let (lab, _) = lab().await;
            if warm {
                lab.client.whoami().send().await.unwrap();
            }
            lab.handle
                .inject(On::operation("generate_scene"), fault.clone());
            let error = generate(&lab.client).await.unwrap_err();
            assert!(error.is_outcome_unknown(), "{fault:?}: {error}");
            assert!(!error.is_retryable() && error.attempts() == 1, "{error}");
            assert_eq!(lab.handle.count("generate_scene"), 1, "{fault:?}");
            assert_eq!(lab.handle.job_count(), jobs, "{fault:?}");
            let request = error.paid_request().unwrap();
            assert_eq!(
                (request.operation.as_str(), request.prompt.as_str()),
                ("generate_scene", "a lab")
            );
            assert!(request.at.elapsed().unwrap() < Duration::from_secs(60));
        }
    }
}

#[tokio::test]
async fn an_unknown_outcome_carries_the_request_and_its_scene() {
    let (lab, _) = lab().await;
    let scene_id = lab.scene().await.scene_id;
    for operation in ["generate_asset", "edit_scene"] {
        lab.handle
            .inject(On::operation(operation), Fault::DropBeforeResponse);
    }
    let asset = lab
        .client
        .generate_asset()
        .prompt("a lamp")
        .scene_id(&scene_id);
    let edit = lab.client.edit_scene().scene_id(&scene_id);
    for error in [
        asset.persist(false).start().await.unwrap_err(),
        edit.prompt("a lamp").start().await.unwrap_err(),
    ] {
        let request = error.paid_request().unwrap();
        assert_eq!(Some(request.operation.as_str()), error.operation());
        assert_eq!(request.prompt, "a lamp");
        assert_eq!(request.scene_id.as_deref(), Some(scene_id.as_str()));
        assert_eq!(request.persist, request.operation == "edit_scene");
    }
}

#[tokio::test]
async fn a_generation_is_retried_after_a_refused_connection() {
    let simulator = Simulator::start(Options::instant()).await.unwrap();
    let handle = simulator.handle();
    handle.listen(false);
    let listening = handle.clone();
    let client = Lab::client_of(&simulator).retry_policy(quick_retries());
    // The port opens while the client waits for its retry.
    let client = client
        .on_wait(move |_| listening.listen(true))
        .build()
        .unwrap();
    tokio::task::yield_now().await;
    drop(generate(&client).await.unwrap());
    assert_eq!((handle.job_count(), handle.count("generate_scene")), (1, 1));
}

/// A refusal by the service itself.
fn busy() -> Canned {
    Canned::error(503, "unavailable", "Busy")
}

#[tokio::test]
async fn a_refusal_by_an_intermediary_is_an_unknown_outcome() {
    for response in [
        Canned::html(429),
        Canned::empty(429).retry_after("1"),
        Canned::json(429, &serde_json::json!({"detail": "Too many requests"})),
        Canned::empty(503).retry_after("1"),
        Canned::html(503).retry_after("1"),
    ] {
        let (lab, _) = lab().await;
        lab.handle.inject(
            On::operation("generate_scene"),
            Fault::Respond(response.clone()),
        );
        let error = generate(&lab.client).await.unwrap_err();
        assert!(error.is_outcome_unknown(), "{response:?}: {error}");
        assert_eq!(lab.handle.count("generate_scene"), 1, "{response:?}");
        assert!(error.paid_request().is_some(), "{response:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_generation_obeys_every_form_of_retry_after() {
    steady_clock();
    let second = Duration::from_secs(1);
    for (response, min_delay) in [
        (Canned::rate_limited().retry_after("2"), second * 2),
        (Canned::rate_limited().retry_after("2.5"), second * 5 / 2),
        (
            Canned::rate_limited().retry_after_date(second * 30),
            second * 29,
        ),
        (busy().retry_after("3"), second * 3),
        (busy().retry_after_date(second * 30), second * 29),
        // It does not state when to return.
        (Canned::rate_limited(), second * 5 / 2),
    ] {
        let (lab, waits) = lab().await;
        lab.handle.inject(
            On::operation("generate_scene"),
            Fault::Respond(response.clone()),
        );
        let start = Instant::now();
        drop(generate(&lab.client).await.unwrap());
        let waited = start.elapsed();
        assert!(
            waited >= min_delay && waited <= min_delay * 5 / 4 + second * 3,
            "{response:?}: {waited:?}"
        );
        assert_eq!(
            (lab.handle.job_count(), lab.handle.count("generate_scene")),
            (1, 2)
        );
        let first = waits.lock().unwrap()[0].clone();
        assert_eq!(first.operation, "generate_scene");
        assert!(first.delay >= min_delay, "{first:?}");
    }
}

#[tokio::test]
async fn a_retry_after_beyond_the_maximum_time_is_an_error_at_once() {
    let (lab, waits) = lab().await;
    let busy = Canned::empty(503).retry_after("3600");
    lab.handle.inject(On::any().always(), Fault::Respond(busy));
    let error = lab.client.whoami().send().await.unwrap_err();
    assert_eq!((error.attempts(), lab.handle.total()), (1, 1));
    assert_eq!(error.retry_after(), Some(Duration::from_secs(3600)));
    assert!(waits.lock().unwrap().is_empty());
}

#[tokio::test]
async fn an_idempotent_request_succeeds_after_two_failed_attempts() {
    for fault in [
        Fault::Respond(Canned::html(502)),
        Fault::Respond(Canned::empty(408)),
        Fault::DropBeforeReading,
        Fault::DropBeforeResponse,
        Fault::CutHead(50),
        Fault::CutBody(At::Byte(3)),
    ] {
        let (lab, waits) = lab().await;
        let scene_id = lab.scene().await.scene_id;
        lab.handle.clear_requests();
        let on = |operation| On::operation(operation).times(2);
        for operation in ["get_scene", "list_scenes", "export_scene", "update_scene"] {
            lab.handle.inject(on(operation), fault.clone());
        }
        let client = &lab.client;
        client.get_scene().scene_id(&scene_id).send().await.unwrap();
        client.list_scenes().send().await.unwrap();
        let rename = client.update_scene().scene_id(&scene_id).name("Lab");
        rename.send().await.unwrap();
        let export = client.export_scene().scene_id(&scene_id);
        let archive = export.download().await.unwrap().bytes(1 << 24).await;
        assert!(archive.unwrap().starts_with(b"PK"));
        for operation in ["get_scene", "list_scenes", "export_scene", "update_scene"] {
            assert_eq!(lab.handle.count(operation), 3, "{operation} {fault:?}");
        }
        let waits = waits.lock().unwrap();
        assert!(waits.len() >= 6 && waits.iter().all(|wait| wait.reason == WaitReason::Retry));
    }
    // A second DELETE may no longer find the scene, but it is sent.
    let (lab, _) = lab().await;
    let scene_id = lab.scene().await.scene_id;
    lab.handle
        .inject(On::operation("delete_scene"), Fault::DropBeforeHandling);
    lab.client
        .delete_scene()
        .scene_id(scene_id)
        .send()
        .await
        .unwrap();
}

#[tokio::test]
async fn a_file_is_requested_again_until_its_response_headers_arrive() {
    let (lab, _) = lab().await;
    let items = lab.client.search_catalog().limit(1).send().await.unwrap();
    let path = items.items[0].glb().unwrap().to_owned();
    let bad = Fault::Respond(Canned::html(502));
    lab.handle
        .inject(On::any().path(path.clone()).times(2), bad);
    let file = lab
        .client
        .download(&path)
        .await
        .unwrap()
        .bytes(1 << 24)
        .await;
    assert!(!file.unwrap().is_empty());
}

#[tokio::test]
async fn attempts_are_bounded_and_counted() {
    let (lab, _) = lab().await;
    let bad = Fault::Respond(Canned::html(502));
    lab.handle.inject(On::any().always(), bad);
    let error = lab.client.whoami().send().await.unwrap_err();
    assert_eq!((error.attempts(), lab.handle.count("whoami")), (5, 5));
    assert!(error.is_retryable());
    assert_eq!(
        error.to_string(),
        "whoami: 502 bad gateway: an HTML page, `502 Bad Gateway` (5 attempts, request req_00000005)"
    );
    // The event stream has its own retries, and a cancellation is never repeated.
    let job = lab.client.job_events().job_id("job_1");
    let cancel = lab.client.cancel_job().job_id("job_1");
    for error in [job.send().await.map(drop), cancel.send().await.map(drop)] {
        assert_eq!(error.unwrap_err().attempts(), 1);
    }
    assert_eq!(
        lab.handle.count("job_events") + lab.handle.count("cancel_job"),
        2
    );
    let client = Lab::client_of(&lab.simulator).retry_policy(RetryPolicy::none());
    let error = client.build().unwrap().whoami().send().await.unwrap_err();
    assert_eq!(error.attempts(), 1);
    assert!(!error.to_string().contains("attempt"), "{error}");
}

#[tokio::test]
async fn retries_of_a_failing_service_are_limited() {
    let (lab, _) = lab().await;
    lab.handle
        .inject(On::any().always(), Fault::DropBeforeHandling);
    let calls = (0..200).map(|_| lab.client.whoami().send());
    let failed = futures::future::join_all(calls).await;
    assert!(failed.iter().all(Result::is_err));
    let sent = lab.handle.total();
    assert!((201..=200 + 40 + 64).contains(&sent), "{sent}");
    // The client recovers together with the service.
    lab.handle.clear_faults();
    lab.client.whoami().send().await.unwrap();
}
