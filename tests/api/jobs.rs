//! Waiting for jobs with every outcome.

use std::time::Duration;

use futures::{StreamExt, TryStreamExt};
use gizmo_client::types::JobStatus;
use gizmo_client::{ErrorKind, JobEventKind, JobHandle, PollPolicy, wait_all};
use gizmo_simulator::{Canned, Fault, On, Options};

use crate::support::{Lab, steady_clock};

async fn start(lab: &Lab) -> JobHandle {
    lab.client
        .generate_scene()
        .prompt("a lab")
        .start()
        .await
        .unwrap()
}

#[tokio::test]
async fn a_failed_job_is_an_error_with_the_job_and_the_reason() {
    let lab = Lab::instant().await;
    lab.fail_job();
    let job = start(&lab).await;
    let error = job.wait().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::JobFailed);
    assert_eq!(error.job_id(), Some(job.id()));
    assert_eq!(error.job().unwrap().status, JobStatus::Failed);
    let line = error.to_string();
    assert!(
        line.starts_with("the job failed: ") && line.ends_with(&format!("(job {})", job.id())),
        "{line}"
    );
}

#[tokio::test]
async fn an_error_event_of_one_asset_does_not_end_the_job() {
    let lab = Lab::start(Options::instant().documented()).await;
    lab.handle.inject(On::any(), Fault::FailAsset);
    let job = start(&lab).await;
    let events: Vec<_> = job.events().try_collect().await.unwrap();
    assert!(
        events
            .iter()
            .any(|event| matches!(event.kind, JobEventKind::Error { .. }))
    );
    assert!(events.last().unwrap().is_terminal());
    assert_eq!(job.await.unwrap().job.status, JobStatus::Succeeded);
}

#[tokio::test]
async fn a_cancelled_job_is_an_error_of_its_own_kind() {
    let lab = Lab::start(Options::instant().with_speed(1.0)).await;
    let job = start(&lab).await;
    let waiting = tokio::spawn({
        let job = job.clone();
        async move { job.wait().await }
    });
    assert_eq!(job.cancel().await.unwrap().ok, Some(true));
    let error = waiting.await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::JobCancelled);
    assert_eq!(error.job().unwrap().status, JobStatus::Cancelled);
}

#[tokio::test]
async fn a_deadline_error_carries_the_status_of_the_job_which_keeps_running() {
    let lab = Lab::start(Options::instant().with_speed(1.0)).await;
    let mut policy = PollPolicy::default();
    policy.deadline = Some(Duration::from_millis(40));
    let job = start(&lab).await.with_poll_policy(policy);
    let error = job.wait().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Deadline);
    assert!(error.is_timeout());
    assert_eq!(error.job_id(), Some(job.id()));
    assert!(!error.job().unwrap().status.is_terminal());
    assert_eq!(lab.handle.running(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_job_is_polled_when_its_event_stream_is_unavailable() {
    steady_clock();
    for (canned, expected) in [
        (Canned::empty(404), "404"),
        (Canned::empty(405), "405"),
        (Canned::html(501), "501"),
        (Canned::html(200), "text/html"),
        (
            Canned::html(200).header("content-type", "Text/HTML"),
            "text/html",
        ),
    ] {
        let lab = Lab::start(Options::instant().with_speed(900.0)).await;
        lab.handle
            .inject(On::operation("job_events").always(), Fault::Respond(canned));
        let mut policy = PollPolicy::default();
        policy.interval = Duration::from_millis(20);
        let job = start(&lab).await.with_poll_policy(policy);
        let events: Vec<_> = job.events().try_collect().await.unwrap();
        let reason = events.iter().find_map(|event| match &event.kind {
            JobEventKind::Polling { reason } => Some(reason.as_str()),
            _ => None,
        });
        assert!(
            reason.is_some_and(|reason| reason.contains(expected)),
            "{events:?}"
        );
        assert!(
            events
                .iter()
                .any(|event| matches!(event.kind, JobEventKind::Snapshot(_)))
        );
        assert!(events.last().unwrap().is_terminal());
        assert!(job.wait().await.is_ok());
    }
}

#[tokio::test]
async fn a_failed_poll_does_not_fail_the_job() {
    let lab = Lab::instant().await;
    lab.handle.inject(
        On::operation("get_job").times(2),
        Fault::Respond(Canned::html(502)),
    );
    lab.handle
        .inject(On::operation("get_job").nth(3), Fault::DropBeforeResponse);
    let job = start(&lab).await;
    assert!(job.wait().await.is_ok());
}

#[tokio::test]
async fn a_scene_is_waited_for_without_its_job() {
    let lab = Lab::instant().await;
    let scene_id = lab.handle.start_scene("a lab");
    lab.client.wait_for_scene(&scene_id).await.unwrap();
    let job = lab.handle.jobs();
    assert!(job.iter().all(|job| job.status.is_terminal()), "{job:?}");
    lab.fail_job();
    let failing = start(&lab).await;
    let scene_id = failing.scene_id().unwrap();
    let error = lab.client.wait_for_scene(scene_id).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::JobFailed);
}

#[tokio::test]
async fn the_scene_of_a_job_of_another_process_is_stated() {
    let mut options = Options::instant();
    options.announce_scene_id = false;
    let lab = Lab::start(options).await;
    let job = start(&lab).await;
    let job = lab.client.job(job.id()).in_scene(Some("sc_1".to_owned()));
    assert_eq!(job.scene_id(), Some("sc_1"));
}

#[tokio::test]
async fn a_scene_id_that_is_announced_only_at_the_end_is_returned() {
    let mut options = Options::instant();
    options.announce_scene_id = false;
    let lab = Lab::start(options).await;
    let job = start(&lab).await;
    assert_eq!(job.scene_id(), None);
    let finished = job.wait().await.unwrap();
    assert_eq!(lab.handle.scenes(), [finished.scene_id]);
}

#[tokio::test]
async fn wait_all_yields_every_job_although_one_fails() {
    let lab = Lab::instant().await;
    lab.handle.inject(On::any().nth(8), Fault::FailJob);
    let mut jobs = Vec::new();
    for _ in 0..20 {
        jobs.push(start(&lab).await);
    }
    let ended: Vec<_> = wait_all(jobs.clone()).collect().await;
    assert_eq!(ended.len(), 20);
    let failed: Vec<_> = ended.iter().filter_map(|job| job.as_ref().err()).collect();
    assert_eq!(failed.len(), 1);
    assert_eq!(failed[0].job_id(), Some(jobs[7].id()));
}

#[tokio::test(start_paused = true)]
async fn the_done_event_decides_when_the_status_never_becomes_terminal() {
    steady_clock();
    let server = httpmock::MockServer::start_async().await;
    for (id, done) in [
        ("job_1", r#"{"status":"succeeded"}"#),
        ("job_2", r#"{"status":"failed"}"#),
        ("job_3", "{}"),
    ] {
        server.mock(|when, then| {
            when.path(format!("/v1/jobs/{id}/events"));
            then.status(200)
                .header("content-type", "text/event-stream")
                .body(format!("event: done\ndata: {done}\n\n"));
        });
    }
    server.mock(|when, then| {
        when.path_matches(regex::Regex::new("^/v1/jobs/[^/]+$").unwrap());
        then.status(200)
            .body(r#"{"job":{"status":"completing","scene_id":"sc_1"}}"#);
    });
    let client = crate::support::client(&server.base_url());
    let mut policy = PollPolicy::default();
    policy.interval = Duration::from_millis(1);
    let job = |id: &str| client.job(id).with_poll_policy(policy.clone());
    assert_eq!(job("job_1").wait().await.unwrap().scene_id, "sc_1");
    assert_eq!(
        job("job_2").wait().await.unwrap_err().kind(),
        ErrorKind::JobFailed
    );
    let error = job("job_3").wait().await.unwrap_err();
    assert!(error.to_string().contains("still `completing`"), "{error}");
}
