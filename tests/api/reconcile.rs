//! Reconciliation: finding what a generation created when its response was lost.

use std::convert::Infallible;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use gizmo_client::mock::MockServerExt;
use gizmo_client::{
    CallOptions, Confidence, Error, ErrorKind, OtherRequests, PaidRequest, Reconciled,
};
use gizmo_simulator::{At, Fault, On, Options};
use httpmock::MockServer;
use serde_json::json;

use crate::support::{Lab, client_without_retries, steady_clock};

const PROMPT: &str = "a lab with a robot arm";

/// Generates a scene under a fault that loses its response, and returns the error.
async fn lose(lab: &Lab, fault: Fault) -> Error {
    lab.handle.inject(On::operation("generate_scene"), fault);
    let generate = lab.client.generate_scene().prompt(PROMPT);
    let error = generate.start().await.unwrap_err();
    assert!(error.is_outcome_unknown(), "{error}");
    error
}

/// Returns faults that lose the response after the service has started the job.
fn lost_responses() -> Vec<Fault> {
    vec![
        Fault::DropBeforeResponse,
        Fault::CutHead(40),
        Fault::CutBody(At::Byte(10)),
    ]
}

/// Starts a lab whose jobs end as soon as they start, and whose scenes and assets name their jobs.
async fn naming_jobs() -> Lab {
    Lab::start(Options {
        name_jobs: true,
        ..Options::instant()
    })
    .await
}

#[tokio::test(start_paused = true)]
async fn the_job_of_a_lost_response_is_found_and_not_started_twice() {
    steady_clock();
    for clock_skew in [0, 3_600, -3_600] {
        for fault in lost_responses() {
            let lab = Lab::start(Options {
                clock_skew,
                name_jobs: true,
                ..Options::instant()
            });
            let lab = lab.await;
            lab.scene().await;
            let error = lose(&lab, fault).await;
            let found = lab.client.reconcile(&error).await.unwrap();
            let Reconciled::Found { job, confidence } = found else {
                panic!("{found}")
            };
            assert_eq!(confidence, Confidence::High);
            let jobs = lab.handle.jobs();
            assert_eq!((jobs.len(), jobs[1].id.as_str()), (2, job.id()));
            assert_eq!(job.scene_id(), Some(jobs[1].scene_id.as_str()));
            assert_eq!(job.wait().await.unwrap().scene_id, jobs[1].scene_id);
        }
    }
}

/// Stands in for a process that dies right after its journal is written.
#[tokio::test(start_paused = true)]
async fn a_journaled_request_is_found_by_another_process() {
    steady_clock();
    let lab = naming_jobs().await;
    lab.scene().await;
    lab.handle
        .inject(On::operation("generate_scene"), Fault::DropBeforeResponse);
    let (mut journal, mut jobs_before) = (None, None);
    let generate = lab.client.generate_scene().prompt(PROMPT);
    let started = generate.start_journaled(|request| {
        jobs_before = Some(lab.handle.job_count());
        journal = serde_json::to_string(&request).ok();
        std::future::ready(Ok::<_, std::io::Error>(()))
    });
    assert!(started.await.unwrap_err().is_outcome_unknown());
    assert_eq!((jobs_before, lab.handle.job_count()), (Some(1), 2));

    let request: PaidRequest = serde_json::from_str(&journal.unwrap()).unwrap();
    assert_eq!(request.prompt, PROMPT);
    let other_process = Lab::client_of(&lab.simulator).build().unwrap();
    let found = other_process.reconcile_request(&request).await.unwrap();
    let Reconciled::Found { job, confidence } = found else {
        panic!("{found}")
    };
    assert_eq!(confidence, Confidence::High);
    assert_eq!(job.id(), lab.handle.jobs()[1].id);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_not_in_the_journal_is_not_sent() {
    let lab = naming_jobs().await;
    let scene_id = lab.scene().await.scene_id;
    let full = |_: PaidRequest| std::future::ready(Err("the disk is full"));
    let scene = lab.client.generate_scene().prompt(PROMPT);
    let asset = lab.client.generate_asset().scene_id(&scene_id);
    let edit = lab.client.edit_scene().scene_id(&scene_id);
    for refused in [
        scene.start_journaled(full).await,
        asset.prompt(PROMPT).start_journaled(full).await,
        edit.prompt(PROMPT).start_journaled(full).await,
    ] {
        let error = refused.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Io, "{error}");
        assert!(!error.is_outcome_unknown() && !error.is_retryable());
        assert!(
            format!("{error:#}").contains("the disk is full"),
            "{error:#}"
        );
    }
    assert_eq!(lab.handle.job_count(), 1);
    assert_eq!(lab.client.unresolved_requests(), []);
}

#[tokio::test(start_paused = true)]
async fn a_scene_is_found_when_scenes_do_not_name_their_job() {
    steady_clock();
    for fault in lost_responses() {
        let lab = Lab::instant().await;
        let error = lose(&lab, fault).await;
        let found = lab.client.reconcile(&error).await.unwrap();
        let Reconciled::FoundWithoutJob {
            candidate: scene, ..
        } = found
        else {
            panic!("{found}")
        };
        assert_eq!(scene.scene_id.unwrap(), lab.handle.scenes()[0]);
        assert_eq!(scene.prompt.as_deref(), Some(PROMPT));
        assert_eq!(lab.handle.job_count(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_generation_that_never_started_is_looked_for_twice_and_not_found() {
    steady_clock();
    for fault in [Fault::DropBeforeReading, Fault::DropBeforeHandling] {
        let lab = Lab::instant().await;
        lab.scene().await;
        let error = lose(&lab, fault).await;
        let start = tokio::time::Instant::now();
        let found = lab.client.reconcile(&error).await.unwrap();
        assert!(matches!(found, Reconciled::NotFound), "{found}");
        assert!(start.elapsed() > Duration::from_secs(4));
        assert_eq!(lab.handle.job_count(), 1);
        // Reconciliation never repeats the generation.
        assert_eq!(lab.handle.count("generate_scene"), 2);
    }
}

#[tokio::test(start_paused = true)]
async fn equal_requests_get_one_scene_each() {
    steady_clock();
    let lab = naming_jobs().await;
    let errors = [
        lose(&lab, Fault::DropBeforeResponse).await,
        lose(&lab, Fault::DropBeforeResponse).await,
    ];
    assert_eq!(lab.client.unresolved_requests().len(), 2);
    let mut scenes = Vec::new();
    for error in &errors {
        let found = lab.client.reconcile(error).await.unwrap();
        let Reconciled::Found { job, .. } = found else {
            panic!("{found}")
        };
        scenes.push(job.scene_id().unwrap().to_owned());
        // Looking again finds the same.
        let again = lab.client.reconcile(error).await.unwrap();
        assert!(matches!(again, Reconciled::Found { job: again, .. } if again.id() == job.id()));
    }
    scenes.sort();
    let mut expected = lab.handle.scenes();
    expected.sort();
    assert_eq!(scenes, expected);
    assert!(lab.client.unresolved_requests().is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_belongs_to_a_request_of_another_process_is_not_found() {
    steady_clock();
    let lab = naming_jobs().await;
    lab.scene().await;
    let error = lose(&lab, Fault::DropBeforeResponse).await;
    let request = error.paid_request().unwrap();
    // Another process has requested the same, and has its response.
    let its_scene = lab.handle.start_scene(PROMPT);
    let its_request = PaidRequest::scene(PROMPT, SystemTime::now());
    let reconcile = async |others: &OtherRequests| {
        let journal = || std::future::ready(Ok::<_, Infallible>(others.clone()));
        lab.client.reconcile_among(request, journal).await.unwrap()
    };

    // Its response may still arrive, and name either of the two scenes.
    let mut others = OtherRequests::default();
    others.unresolved.push(its_request);
    let found = reconcile(&others).await;
    assert!(matches!(found, Reconciled::NotFound), "{found}");
    // Without a word of the other process, the scenes cannot be distinguished.
    let found = reconcile(&OtherRequests::default()).await;
    assert!(
        matches!(&found, Reconciled::Several(two) if two.len() == 2),
        "{found}"
    );
    // What the other process has is not found.
    others.unresolved.clear();
    others.found.push(its_scene);
    let found = reconcile(&others).await;
    let Reconciled::Found { job, confidence } = found else {
        panic!("{found}")
    };
    assert_eq!(confidence, Confidence::High);
    assert_eq!(job.id(), lab.handle.jobs()[1].id);
}

#[tokio::test(start_paused = true)]
async fn the_journal_of_others_is_read_only_if_something_similar_is_new() {
    steady_clock();
    let lab = naming_jobs().await;
    lab.handle
        .inject(On::operation("generate_scene"), Fault::DropBeforeHandling);
    let generate = lab.client.generate_scene().prompt(PROMPT);
    let error = generate.start().await.unwrap_err();
    let request = error.paid_request().unwrap();
    lab.scene().await;
    let unreadable = || std::future::ready(Err::<OtherRequests, _>("the journal is gone"));
    let found = lab.client.reconcile_among(request, unreadable).await;
    assert!(matches!(found.unwrap(), Reconciled::NotFound));

    let same = Lab::client_of(&lab.simulator).build().unwrap();
    let _ = same.generate_scene().prompt(PROMPT).start().await.unwrap();
    let error = lab.client.reconcile_among(request, unreadable).await;
    let error = error.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Io, "{error}");
    assert!(
        format!("{error:#}").contains("the journal is gone"),
        "{error:#}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_scene_that_another_user_requested_in_the_same_words_is_not_told_apart() {
    steady_clock();
    let lab = Lab::instant().await;
    // It was listed before, so it is not new.
    let older = lab.handle.start_scene(PROMPT);
    let error = lose(&lab, Fault::DropBeforeResponse).await;
    let newer = lab.handle.start_scene(PROMPT);
    let found = lab.client.reconcile(&error).await.unwrap();
    let Reconciled::Several(candidates) = &found else {
        panic!("{found}")
    };
    let scenes: Vec<_> = candidates
        .iter()
        .flat_map(|candidate| &candidate.scene_id)
        .collect();
    assert!(scenes.len() == 2 && scenes.contains(&&newer) && !scenes.contains(&&older));
}

#[tokio::test(start_paused = true)]
async fn a_request_without_a_baseline_is_found_by_clocks() {
    steady_clock();
    let lab = naming_jobs().await;
    let request = PaidRequest::scene(PROMPT, SystemTime::now());
    let scene_id = lab.handle.start_scene(PROMPT);
    let found = lab.client.reconcile_request(&request).await.unwrap();
    let Reconciled::Found { job, confidence } = found else {
        panic!("{found}")
    };
    assert_eq!(
        (job.scene_id(), confidence),
        (Some(&*scene_id), Confidence::Low)
    );
    let later = PaidRequest::scene(PROMPT, SystemTime::now() + Duration::from_secs(10));
    let found = lab.client.reconcile_request(&later).await.unwrap();
    assert!(matches!(found, Reconciled::NotFound), "{found}");
    let other = PaidRequest::scene("a kitchen", UNIX_EPOCH);
    let found = lab.client.reconcile_request(&other).await.unwrap();
    assert!(matches!(found, Reconciled::NotFound), "{found}");
}

#[tokio::test(start_paused = true)]
async fn a_deadline_or_a_dropped_future_does_not_lose_the_request() {
    steady_clock();
    let lab = naming_jobs().await;
    let stall = || {
        let on = On::operation("generate_scene");
        lab.handle.inject(on, Fault::StallBeforeResponse);
        lab.client.generate_scene().prompt(PROMPT)
    };
    let limit = Duration::from_secs(10);
    let in_time = CallOptions::new().deadline(limit);
    let error = stall().options(in_time).start().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Deadline);
    assert!(error.is_outcome_unknown(), "{error}");
    let found = lab.client.reconcile(&error).await.unwrap();
    assert!(matches!(found, Reconciled::Found { .. }), "{found}");

    let dropped = tokio::time::timeout(limit, stall().start()).await;
    assert!(dropped.is_err());
    let unresolved = lab.client.unresolved_requests();
    assert_eq!(unresolved.len(), 1);
    let found = lab.client.reconcile_request(&unresolved[0]).await.unwrap();
    assert!(matches!(found, Reconciled::Found { .. }), "{found}");
    assert!(lab.client.unresolved_requests().is_empty());
    assert_eq!(lab.handle.job_count(), 2);
}

#[tokio::test(start_paused = true)]
async fn the_job_of_an_asset_or_edit_whose_response_is_lost_is_found() {
    steady_clock();
    for speed in [f64::INFINITY, 0.0] {
        for name_jobs in [true, false] {
            let lab = Lab::start(Options {
                name_jobs,
                ..Options::instant().with_speed(speed)
            });
            let lab = lab.await;
            let job = lab.client.generate_scene().prompt("a lab").start();
            let job = job.await.unwrap();
            lab.handle.finish(job.id());
            let scene_id = job.wait().await.unwrap().scene_id;
            for operation in ["generate_asset", "edit_scene"] {
                lab.handle
                    .inject(On::operation(operation), Fault::DropBeforeResponse);
            }
            let asset = lab.client.generate_asset().scene_id(&scene_id);
            let asset = asset.prompt("a toolbox").start().await.unwrap_err();
            let still_running = speed == 0.0;
            if !still_running {
                lab.handle.finish(&lab.handle.jobs()[1].id);
            }
            let found_asset = lab.client.reconcile(&asset).await.unwrap();
            let edit = lab.client.edit_scene().scene_id(&scene_id);
            let edit = edit.prompt("add a lamp").start().await.unwrap_err();
            if !still_running {
                lab.handle.finish(&lab.handle.jobs()[2].id);
            }
            let found_edit = lab.client.reconcile(&edit).await.unwrap();
            let jobs = lab.handle.jobs();
            assert_eq!(jobs.len(), 3);
            match (found_asset, name_jobs) {
                (Reconciled::Found { job, .. }, true) => assert_eq!(job.id(), jobs[1].id),
                // An asset is listed only once it has been generated.
                (Reconciled::NotFound, false) if still_running => {}
                (Reconciled::FoundWithoutJob { candidate, .. }, false) if !still_running => {
                    assert_eq!(candidate.asset_id, jobs[1].asset_id);
                }
                (other, _) => panic!("{other}"),
            }
            match (found_edit, name_jobs) {
                (Reconciled::Found { job, .. }, true) => assert_eq!(job.id(), jobs[2].id),
                (Reconciled::FoundWithoutJob { candidate, .. }, false) if still_running => {
                    assert_eq!(candidate.scene_id.as_ref(), Some(&scene_id));
                }
                (Reconciled::NotFound, false) if !still_running => {}
                (other, _) => panic!("{other}"),
            }
        }
    }
}

#[tokio::test]
async fn scenes_of_every_shape_are_decoded() {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let created = now.as_millis();
    for (listed, scene, found) in [
        // The list has few fields, and the scene itself has more.
        (
            json!([{"_id": "sc_1", "created_at": created}]),
            json!({"scene": {"_id": "sc_1", "prompt": format!(" {PROMPT}\n"), "job": {"id": "job_1"}}}),
            "job job_1",
        ),
        (
            json!({"items": [{"scene_id": "sc_1", "prompt": PROMPT, "created_at": created}]}),
            json!({"id": "sc_1", "record": {"jobId": "job_2"}}),
            "job job_2",
        ),
        (
            json!({"scenes": [{"id": "sc_1", "prompt": PROMPT, "job_id": "", "created_at": created}]}),
            json!({"id": "sc_1"}),
            "started, by a job that the service does not name",
        ),
        // These may be the scene.
        (
            json!([{"id": "sc_1", "created_at": created}]),
            json!({"id": "sc_1"}),
            "perhaps one of 1",
        ),
        (
            json!([{"id": "sc_1", "prompt": PROMPT}]),
            json!({"id": "sc_1"}),
            "perhaps one of 1",
        ),
        (
            json!([{"id": "sc_1"}]),
            json!({"id": "sc_1"}),
            "not found yet, which does not prove that it was not started",
        ),
    ] {
        let server = MockServer::start_async().await;
        server.list_scenes(|_, then| {
            then.into_inner().status(200).json_body(listed);
        });
        server.get_scene(|_, then| {
            then.into_inner().status(200).json_body(scene);
        });
        let request = PaidRequest::scene(PROMPT, SystemTime::now() - Duration::from_secs(6));
        // Another process would read the request from its journal.
        let request: PaidRequest = serde_json::from_value(json!(request)).unwrap();
        let client = client_without_retries(&server.base_url());
        let reconciled = client.reconcile_request(&request).await.unwrap();
        assert_eq!(reconciled.to_string(), found);
    }
}

#[tokio::test]
async fn an_error_with_a_known_outcome_cannot_be_reconciled() {
    let lab = Lab::instant().await;
    let error = lab.client.get_scene().scene_id("sc_1").send().await;
    let error = error.unwrap_err();
    assert!(error.paid_request().is_none());
    let refused = lab.client.reconcile(&error).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::InvalidRequest);
}
