//! Jobs under every combination of permitted service behaviour, and the requests and time that each
//! fault costs.

use std::time::Duration;

use futures::{StreamExt, TryStreamExt};
use gizmo_client::types::JobStatus;
use gizmo_client::{ErrorKind, JobEvent, JobEventKind, JobHandle, wait_all};
use gizmo_simulator::{
    AfterEnd, AssetIdIn, Canned, EventFault, Fault, Numbering, On, Options, StatusWords, Vocabulary,
};
use tokio::time::{Instant, timeout};

use crate::support::{Lab, steady_clock};

/// Returns every vocabulary combined with every behaviour after the end of the job.
fn services(options: &Options) -> Vec<Options> {
    let mut services = Vec::new();
    for vocabulary in [Vocabulary::Documented, Vocabulary::Observed] {
        for after_end in [AfterEnd::Close, AfterEnd::StayOpen] {
            services.push(Options {
                vocabulary,
                after_end,
                ..options.clone()
            });
        }
    }
    services
}

fn name(options: &Options) -> String {
    format!("{:?} {:?}", options.vocabulary, options.after_end)
}

async fn start(lab: &Lab) -> JobHandle {
    let start = lab.client.generate_scene().prompt("a lab").start();
    start.await.unwrap()
}

/// Returns the names of the events that the service sent, and of each terminal event.
fn names(events: &[JobEvent]) -> Vec<&str> {
    let reported = events.iter().filter(|event| {
        event.is_terminal()
            || !matches!(
                event.kind,
                JobEventKind::Ping
                    | JobEventKind::Snapshot(_)
                    | JobEventKind::Reconnecting { .. }
                    | JobEventKind::Polling { .. }
            )
    });
    reported.map(JobEvent::name).collect()
}

/// The statuses in which a job can end.
const OUTCOMES: [JobStatus; 3] = [
    JobStatus::Succeeded,
    JobStatus::Failed,
    JobStatus::Cancelled,
];

/// Advances a job and then ends it with this status. The simulator makes a job fail that shall fail.
async fn end(lab: &Lab, job: &JobHandle, status: &JobStatus) {
    lab.handle.advance(job.id(), 12);
    tokio::time::sleep(Duration::from_millis(20)).await;
    if *status == JobStatus::Cancelled {
        job.cancel().await.unwrap();
    } else {
        lab.handle.finish(job.id());
    }
}

#[tokio::test]
async fn events_wait_and_wait_all_report_every_outcome_of_every_service() {
    for options in services(&Options::instant().with_speed(0.0)) {
        for status in &OUTCOMES {
            let case = format!("{} {status}", name(&options));
            let lab = Lab::start(options.clone()).await;
            let mut jobs = Vec::new();
            for _ in 0..4 {
                if *status == JobStatus::Failed {
                    lab.fail_job();
                }
                jobs.push(start(&lab).await);
            }
            let (events, waited, id) = (jobs[0].clone(), jobs[1].clone(), jobs[2].id().to_owned());
            let all = wait_all([jobs[3].clone(), lab.client.job(id.clone())]);
            let following = async {
                let events: Vec<_> = events.events().try_collect().await.unwrap();
                (events, waited.wait().await, all.collect::<Vec<_>>().await)
            };
            let ending = async {
                for job in &jobs {
                    end(&lab, job, status).await;
                }
                Instant::now()
            };
            let (followed, ended) =
                tokio::join!(timeout(Duration::from_secs(20), following), ending);
            let (events, waited, all) = followed.expect(&case);
            assert!(
                ended.elapsed() < Duration::from_secs(5),
                "{case}: {:?}",
                ended.elapsed()
            );
            let last = events.last().unwrap();
            let has_status =
                matches!(&last.kind, JobEventKind::Done { status: Some(done) } if done == status);
            assert!(has_status, "{case}: {last:?}");
            assert_eq!(events.iter().filter(|event| event.is_terminal()).count(), 1);
            // Each event is yielded once and in order.
            let numbers: Vec<u64> = events.iter().filter_map(|event| event.seq).collect();
            let count = u64::try_from(lab.handle.job(jobs[0].id()).unwrap().events).unwrap();
            assert_eq!(numbers, (1..=count).collect::<Vec<_>>(), "{case}");
            for outcome in [waited].into_iter().chain(all) {
                let reported = match &outcome {
                    Ok(_) => JobStatus::Succeeded,
                    Err(error) if error.kind() == ErrorKind::JobFailed => JobStatus::Failed,
                    Err(error) if error.kind() == ErrorKind::JobCancelled => JobStatus::Cancelled,
                    Err(error) => panic!("{case}: {error}"),
                };
                assert_eq!(reported, *status, "{case}");
            }
            // A job whose terminal event has been read needs no further request.
            lab.handle.clear_requests();
            assert_eq!(
                jobs[0].wait().await.is_ok(),
                *status == JobStatus::Succeeded
            );
            assert_eq!(lab.handle.total(), 0, "{case}");
        }
    }
}

#[tokio::test]
async fn a_bake_reports_every_outcome_of_every_service() {
    for options in services(&Options::instant()) {
        let lab = Lab::start(options.clone()).await;
        let dir = tempfile::tempdir().unwrap();
        let bake = lab
            .client
            .bake("a lab")
            .into_dir(dir.path().join("succeeded"));
        let baked = timeout(Duration::from_secs(10), IntoFuture::into_future(bake)).await;
        baked.expect("the bake ends in time").unwrap();
        lab.fail_job();
        let bake = lab.client.bake("a lab").into_dir(dir.path().join("failed"));
        let failed = timeout(Duration::from_secs(10), IntoFuture::into_future(bake)).await;
        let error = failed.expect("the bake ends in time").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::JobFailed, "{}", name(&options));

        let lab = Lab::start(Options {
            speed: 0.0,
            ..options
        })
        .await;
        let mut bake = lab
            .client
            .bake("a lab")
            .into_dir(dir.path().join("cancelled"));
        let cancelled = async {
            while lab.handle.job_count() == 0 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            let id = lab.handle.jobs()[0].id.clone();
            lab.client.job(id).cancel().await.unwrap();
        };
        let ended = async {
            loop {
                if let Err(error) = bake.next().await.unwrap() {
                    break error;
                }
            }
        };
        let (error, ()) = tokio::join!(ended, cancelled);
        assert_eq!(error.kind(), ErrorKind::JobCancelled);
    }
}

#[tokio::test(start_paused = true)]
async fn a_job_of_five_minutes_without_faults_costs_at_most_three_requests() {
    steady_clock();
    for mut options in services(&Options::instant().with_speed(1.0)) {
        options.scene_duration = Duration::from_secs(300);
        let lab = Lab::start(options.clone()).await;
        let job = start(&lab).await;
        lab.handle.clear_requests();
        job.wait().await.unwrap();
        assert!(
            lab.handle.total() <= 3,
            "{}: {}",
            name(&options),
            lab.handle.total()
        );
    }
}

/// A fault, and the maximum cost of following a job under it: requests for the stream, requests for
/// the status, and seconds of delay after the end of the job.
type Row = (&'static str, fn(&Lab), u64, u64, u64);

fn inject_event_fault(lab: &Lab, fault: EventFault) {
    lab.handle
        .inject(On::operation("job_events").always(), Fault::Events(fault));
}

const FAULTS: &[Row] = &[
    ("no fault", |_| {}, 1, 1, 1),
    (
        "the terminal event is lost and pings continue",
        |lab| inject_event_fault(lab, EventFault::LoseTerminal),
        3,
        2,
        60,
    ),
    (
        "the connection breaks after each ping",
        |lab| inject_event_fault(lab, EventFault::BreakAfterPing),
        20,
        4,
        60,
    ),
    (
        "`retry: 0`, and the connection breaks after each event",
        |lab| {
            inject_event_fault(lab, EventFault::Preamble(b"retry: 0\n\n"));
            inject_event_fault(lab, EventFault::DropAfterEach);
        },
        230,
        8,
        240,
    ),
    (
        "the stream ends after every second event",
        |lab| inject_event_fault(lab, EventFault::EndAfter(2)),
        120,
        80,
        120,
    ),
    (
        "the stream ends after every second event, and the cursor is ignored",
        |lab| {
            inject_event_fault(lab, EventFault::EndAfter(2));
            inject_event_fault(lab, EventFault::IgnoreCursor);
        },
        16,
        80,
        80,
    ),
    (
        "response headers never arrive",
        |lab| {
            lab.handle.inject(
                On::operation("job_events").always(),
                Fault::StallBeforeResponse,
            );
        },
        2,
        24,
        30,
    ),
    (
        "response headers arrive 15 s late",
        |lab| {
            lab.handle.inject(
                On::operation("job_events").always(),
                Fault::DelayHead(Duration::from_secs(15)),
            );
        },
        2,
        3,
        20,
    ),
    (
        "the terminal event has 20 MiB",
        |lab| inject_event_fault(lab, EventFault::BigTerminal(20 << 20)),
        3,
        3,
        15,
    ),
    (
        "the response is HTML",
        |lab| {
            let html = Canned::html(200).header("content-type", "Text/HTML");
            lab.handle
                .inject(On::operation("job_events").always(), Fault::Respond(html));
        },
        1,
        40,
        10,
    ),
    (
        "every request for the stream gets a 503",
        |lab| {
            lab.handle.inject(
                On::operation("job_events").always(),
                Fault::Respond(Canned::html(503)),
            );
        },
        12,
        30,
        60,
    ),
    (
        "events arrive out of order",
        |lab| inject_event_fault(lab, EventFault::OutOfOrder),
        1,
        3,
        2,
    ),
    (
        "only live events are sent",
        |lab| inject_event_fault(lab, EventFault::LiveOnly),
        3,
        2,
        60,
    ),
];

#[tokio::test(start_paused = true)]
async fn a_job_under_each_fault_ends_within_bounded_time_and_requests() {
    steady_clock();
    let mut options = Options::instant().with_speed(1.0);
    options.scene_duration = Duration::from_secs(120);
    for options in services(&options) {
        for (fault, inject, max_streams, max_checks, max_seconds) in FAULTS {
            let case = format!("{fault}, {}", name(&options));
            let lab = Lab::start(options.clone()).await;
            inject(&lab);
            let job = start(&lab).await;
            let waited = timeout(Duration::from_secs(3_600), job.wait())
                .await
                .expect(&case);
            let after = lab.handle.job(job.id()).unwrap();
            assert!(
                waited.is_ok() && after.status == JobStatus::Succeeded,
                "{case}: {waited:?}"
            );
            let counts = (lab.handle.count("job_events"), lab.handle.count("get_job"));
            assert!(
                counts.0 <= *max_streams && counts.1 <= *max_checks,
                "{case}: {counts:?}"
            );
            let delay = lab.handle.since_end(job.id()).unwrap();
            assert!(
                delay <= Duration::from_secs(*max_seconds),
                "{case}: {delay:?} late"
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn no_event_is_lost_with_any_numbering_when_streams_end_repeatedly() {
    steady_clock();
    for numbering in Numbering::ALL {
        for mut options in services(&Options::instant()) {
            options.numbering = numbering;
            let lab = Lab::start(options.clone()).await;
            let job = start(&lab).await;
            let expected: Vec<_> = job.events().try_collect().await.unwrap();
            inject_event_fault(&lab, EventFault::EndAfter(2));
            let seen: Vec<_> = new_handle(&lab, &job).events().try_collect().await.unwrap();
            assert_eq!(
                names(&seen),
                names(&expected),
                "{numbering:?} {}",
                name(&options)
            );
        }
    }
}

/// Returns another handle to the same job, without a cursor.
fn new_handle(lab: &Lab, job: &JobHandle) -> JobHandle {
    lab.client.job(job.id())
}

#[tokio::test(start_paused = true)]
async fn no_event_is_lost_when_a_restarted_service_counts_from_one_again() {
    steady_clock();
    for options in services(&Options::instant()) {
        let lab = Lab::start(options.clone()).await;
        let job = start(&lab).await;
        let expected: Vec<_> = job.events().try_collect().await.unwrap();
        let lab = Lab::start(options.clone()).await;
        let job = start(&lab).await;
        lab.handle.inject(
            On::operation("job_events"),
            Fault::Events(EventFault::EndAfter(5)),
        );
        let restarted = On::operation("job_events").skip(1).always();
        lab.handle
            .inject(restarted, Fault::Events(EventFault::RestartNumbers));
        let seen: Vec<_> = job.events().try_collect().await.unwrap();
        assert_eq!(names(&seen), names(&expected), "{}", name(&options));
    }
}

#[tokio::test(start_paused = true)]
async fn a_job_that_has_already_ended_is_reported_at_once() {
    steady_clock();
    for options in services(&Options::instant()) {
        let lab = Lab::start(options.clone()).await;
        let job = start(&lab).await;
        let expected: Vec<_> = job.events().try_collect().await.unwrap();
        for fault in [None, Some(EventFault::LiveOnly)] {
            if let Some(fault) = fault.clone() {
                inject_event_fault(&lab, fault);
            }
            let started = Instant::now();
            let seen: Vec<_> = new_handle(&lab, &job).events().try_collect().await.unwrap();
            assert!(started.elapsed() < Duration::from_secs(5), "{fault:?}");
            match fault {
                None => assert_eq!(names(&seen), names(&expected)),
                // The service no longer sends the earlier events.
                Some(_) => assert_eq!(names(&seen), ["done"]),
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_job_that_is_deleted_while_it_is_followed_is_not_found() {
    steady_clock();
    for options in services(&Options::instant().with_speed(0.0)) {
        let lab = Lab::start(options).await;
        let job = start(&lab).await;
        let deleting = async {
            tokio::time::sleep(Duration::from_secs(5)).await;
            lab.handle.delete_job(job.id());
        };
        let (waited, ()) = tokio::join!(timeout(Duration::from_secs(120), job.wait()), deleting);
        let error = waited.expect("the wait ends in time").unwrap_err();
        assert!(
            error.is_not_found() && error.job_id() == Some(job.id()),
            "{error}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_job_that_is_not_visible_at_first_is_followed() {
    steady_clock();
    for operations in [
        &["job_events"][..],
        &["get_job"],
        &["job_events", "get_job"],
    ] {
        for options in services(&Options::instant()) {
            let lab = Lab::start(options).await;
            for operation in operations {
                let missing = Fault::Respond(Canned::error(404, "job_not_found", "No such job"));
                lab.handle
                    .inject(On::operation(operation).times(3), missing);
            }
            let job = start(&lab).await;
            let seen: Vec<_> = job.events().try_collect().await.unwrap();
            let numbers: Vec<_> = seen.iter().filter_map(|event| event.seq).collect();
            assert!(
                numbers.is_sorted_by(|before, next| before < next),
                "{seen:?}"
            );
            assert!(job.wait().await.is_ok());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_job_that_never_becomes_visible_is_not_found_after_half_a_minute() {
    steady_clock();
    let lab = Lab::start(Options::instant().with_speed(0.0)).await;
    let job = start(&lab).await;
    lab.handle.delete_job(job.id());
    let started = tokio::time::Instant::now();
    let error = job.wait().await.unwrap_err();
    assert!(error.is_not_found(), "{error}");
    let waited = started.elapsed();
    assert!(
        waited > Duration::from_secs(25) && waited < Duration::from_secs(45),
        "{waited:?}"
    );
    let requests = lab.handle.requests().len();
    assert!(requests < 40, "{requests}");
}

#[tokio::test(start_paused = true)]
async fn a_terminal_event_that_the_status_contradicts_does_not_end_the_job() {
    steady_clock();
    let server = httpmock::MockServer::start_async().await;
    server.mock(|when, then| {
        when.path("/v1/jobs/job_1/events");
        then.status(200)
            .header("content-type", "text/event-stream")
            .body(
                "id: 1\nevent: job_started\ndata: {}\n\n\
             id: 2\nevent: job_failed\ndata: {\"message\":\"worker lost\"}\n\n\
             id: 3\nevent: job_started\ndata: {}\n\n\
             id: 4\nevent: job_succeeded\ndata: {}\n\n",
            );
    });
    let mut running = server.mock(|when, then| {
        when.path("/v1/jobs/job_1");
        then.status(200)
            .body(r#"{"job":{"status":"IN_PROGRESS","scene_id":"sc_1"}}"#);
    });
    let client = crate::support::client(&server.base_url());
    let mut events = client.job("job_1").events();
    let mut seen = Vec::new();
    while seen.len() < 3 {
        let event = events.try_next().await.unwrap().unwrap();
        if event.seq.is_some() {
            assert!(!event.is_terminal(), "{event}");
            seen.push(event.name().to_owned());
        }
    }
    assert_eq!(seen, ["job_started", "job_failed", "job_started"]);
    running.delete();
    server.mock(|when, then| {
        when.path("/v1/jobs/job_1");
        then.status(200)
            .body(r#"{"job":{"status":"COMPLETED","scene_id":"sc_1"}}"#);
    });
    let rest: Vec<_> = events.try_collect().await.unwrap();
    let last = rest.last().unwrap();
    assert!(
        last.is_terminal() && last.name() == "job_succeeded",
        "{last}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_status_that_lags_or_is_spelled_differently_ends_the_job() {
    steady_clock();
    for status_words in [StatusWords::UpperCase, StatusWords::Synonyms] {
        for mut options in services(&Options::instant()) {
            options.status_words = status_words;
            options.status_lag = Duration::from_secs(3);
            options.speed = 60.0;
            let lab = Lab::start(options).await;
            let job = start(&lab).await;
            assert_eq!(job.wait().await.unwrap().job.status, JobStatus::Succeeded);
            lab.fail_job();
            let error = start(&lab).await.wait().await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::JobFailed);
        }
    }
}

#[tokio::test]
async fn an_asset_id_is_found_in_every_permitted_place() {
    for asset_id_in in [AssetIdIn::Result, AssetIdIn::Event, AssetIdIn::List] {
        for name_jobs in [true, false] {
            let mut options = Options::instant();
            (options.asset_id_in, options.name_jobs) = (asset_id_in, name_jobs);
            let lab = Lab::start(options).await;
            let scene = lab.scene().await.scene_id;
            let asset = lab
                .client
                .generate_asset()
                .prompt("a lamp")
                .scene_id(&scene);
            let finished = asset.start().await.unwrap().wait().await.unwrap();
            let expected = lab.handle.jobs().last().unwrap().asset_id.clone();
            assert_eq!(finished.asset_id, expected, "{asset_id_in:?}");
            assert_eq!(finished.scene_id, scene);
        }
    }
}

#[tokio::test]
async fn a_stream_request_sets_its_headers_and_follows_same_origin_redirects() {
    let lab = Lab::instant().await;
    let job = start(&lab).await;
    let location = format!("/v1/jobs/{}/events", job.id());
    let moved = Canned::empty(307).header("location", location);
    lab.handle
        .inject(On::operation("job_events"), Fault::Respond(moved));
    assert!(job.wait().await.is_ok());
    let requests = lab.handle.requests_of("job_events");
    assert_eq!(requests.len(), 2);
    for request in requests {
        assert_eq!(request.headers["accept"], "text/event-stream");
        assert_eq!(request.headers["cache-control"], "no-store");
        assert!(!request.headers.contains_key("last-event-id"));
    }
}

#[tokio::test(start_paused = true)]
async fn late_response_headers_of_200_jobs_delay_no_other_request() {
    steady_clock();
    let lab = Lab::start(Options::instant().with_speed(6.0)).await;
    let late = Fault::DelayHead(Duration::from_secs(15));
    lab.handle
        .inject(On::operation("job_events").always(), late);
    let mut jobs = Vec::new();
    for _ in 0..200 {
        jobs.push(start(&lab).await);
    }
    let mut waiting = wait_all(jobs);
    let other_request = async {
        tokio::time::sleep(Duration::from_secs(5)).await;
        let started = Instant::now();
        lab.client.whoami().send().await.unwrap();
        started.elapsed()
    };
    let (waited, elapsed) = tokio::join!(
        async {
            let mut count = 0;
            while let Some(job) = waiting.next().await {
                job.unwrap();
                count += 1;
            }
            count
        },
        other_request
    );
    assert_eq!(waited, 200);
    assert!(elapsed < Duration::from_secs(5), "{elapsed:?}");
    assert!(lab.handle.count("job_events") <= 400);
}
