//! A job's events under every fault: each once, in order, and the right end; in both vocabularies.

use std::time::Duration;

use futures::{StreamExt, TryStreamExt};
use gizmo_client::{Cursor, Error, JobEvent, JobEventKind, JobHandle};
use gizmo_simulator::{Canned, EventFault, Fault, Numbering, On, Options};

use crate::support::{Lab, steady_clock};

/// The service as its page describes it, and as it was observed.
fn services() -> [Options; 2] {
    [Options::instant().documented(), Options::instant()]
}

async fn lab(service: Options, numbering: Numbering) -> (Lab, JobHandle) {
    let mut options = service;
    options.numbering = numbering;
    let lab = Lab::start(options).await;
    let job = lab
        .client
        .generate_scene()
        .prompt("a flaky lab")
        .start()
        .await
        .unwrap();
    (lab, job)
}

/// The observed service, with numbers in both places.
async fn numbered() -> (Lab, JobHandle) {
    steady_clock();
    lab(Options::instant(), Numbering::IdAndSeq).await
}

fn is_end(line: &str) -> bool {
    matches!(
        line,
        "done succeeded" | "job_succeeded" | "job_succeeded The scene is ready"
    )
}

/// What the service has reported, without what this client adds.
fn reported(events: &[JobEvent]) -> Vec<String> {
    events
        .iter()
        .filter(|event| {
            !matches!(
                event.kind,
                JobEventKind::Ping
                    | JobEventKind::Snapshot(_)
                    | JobEventKind::Reconnecting { .. }
                    | JobEventKind::Polling { .. }
            )
        })
        .map(ToString::to_string)
        .collect()
}

async fn follow(job: &JobHandle) -> Vec<JobEvent> {
    let events = tokio::time::timeout(Duration::from_secs(3_000), job.events().try_collect());
    events.await.expect("the stream ends").unwrap()
}

/// Follows a job undisturbed and then under faults on all its connections, or the first few.
async fn undisturbed_by(on: On, faults: &[EventFault], numbering: Numbering) -> Vec<JobEvent> {
    let mut seen = Vec::new();
    for service in services() {
        let vocabulary = service.vocabulary;
        let (lab, job) = lab(service, numbering).await;
        let wanted = reported(&follow(&job).await);
        assert!(
            wanted.len() > 8 && is_end(wanted.last().unwrap()),
            "{wanted:?}"
        );
        for fault in faults {
            lab.handle.inject(on.clone(), Fault::Events(fault.clone()));
        }
        seen = follow(&job).await;
        assert_eq!(
            reported(&seen),
            wanted,
            "{faults:?} {numbering:?} {vocabulary:?}"
        );
    }
    seen
}

const NUMBERINGS: [Numbering; 9] = [
    Numbering::IdAndSeq,
    Numbering::Id,
    Numbering::Seq,
    Numbering::None,
    Numbering::FromZero,
    Numbering::Text,
    Numbering::Prefixed,
    Numbering::Sparse,
    Numbering::PerStage,
];

fn always() -> On {
    On::operation("job_events").always()
}

fn once() -> On {
    On::operation("job_events")
}

fn count(events: &[JobEvent], wanted: fn(&JobEventKind) -> bool) -> usize {
    events.iter().filter(|event| wanted(&event.kind)).count()
}

#[tokio::test(start_paused = true)]
async fn a_drop_after_every_event_loses_and_repeats_nothing() {
    steady_clock();
    for numbering in NUMBERINGS {
        // The event after the last id would come again and again, and no other.
        if numbering == Numbering::Sparse {
            continue;
        }
        let events = undisturbed_by(always(), &[EventFault::DropAfterEach], numbering).await;
        assert!(
            count(&events, |kind| matches!(
                kind,
                JobEventKind::Reconnecting { .. }
            )) > 3
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_drop_inside_an_event_discards_it_and_gets_it_again() {
    steady_clock();
    for inside in [1, 2, 5] {
        undisturbed_by(
            always(),
            &[EventFault::DropInside(inside + 1)],
            Numbering::IdAndSeq,
        )
        .await;
        undisturbed_by(once(), &[EventFault::DropInside(inside)], Numbering::Id).await;
    }
}

#[tokio::test(start_paused = true)]
async fn events_that_come_twice_are_yielded_once() {
    steady_clock();
    for numbering in NUMBERINGS {
        if matches!(
            numbering,
            Numbering::None | Numbering::Sparse | Numbering::PerStage
        ) {
            // Nothing tells a repeat from a second event that says the same.
            continue;
        }
        undisturbed_by(always(), &[EventFault::RepeatEach], numbering).await;
        undisturbed_by(always(), &[EventFault::Repeat(3)], numbering).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_service_that_ignores_the_cursor_repeats_nothing() {
    steady_clock();
    for numbering in NUMBERINGS {
        let faults = [EventFault::IgnoreCursor, EventFault::DropAfter(4)];
        undisturbed_by(once(), &faults[1..], numbering).await;
        let (lab, job) = lab(Options::instant().documented(), numbering).await;
        let wanted = reported(&follow(&job).await);
        lab.handle
            .inject(always(), Fault::Events(EventFault::IgnoreCursor));
        for number in 1..4 {
            let on = once().nth(number);
            lab.handle.inject(
                on,
                Fault::Events(EventFault::DropAfter(3 * usize::try_from(number).unwrap())),
            );
        }
        assert_eq!(reported(&follow(&job).await), wanted, "{numbering:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_gap_is_answered_by_a_snapshot() {
    let (lab, job) = numbered().await;
    let mut wanted = reported(&follow(&job).await);
    lab.handle
        .inject(always(), Fault::Events(EventFault::Skip(3)));
    let events = follow(&job).await;
    wanted.remove(2);
    assert_eq!(reported(&events), wanted);
    let at = events
        .iter()
        .position(|event| matches!(event.kind, JobEventKind::Snapshot(_)))
        .unwrap();
    assert_eq!(events[at + 1].seq, Some(4));
}

#[tokio::test(start_paused = true)]
async fn line_ends_and_splits_make_no_difference() {
    steady_clock();
    for fault in [
        EventFault::Crlf,
        EventFault::Cr,
        EventFault::Split(1),
        EventFault::Split(7),
    ] {
        undisturbed_by(always(), &[fault], Numbering::IdAndSeq).await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_end_without_the_terminal_event_requests_the_status() {
    steady_clock();
    let (lab, job) = lab(Options::instant().documented(), Numbering::IdAndSeq).await;
    let wanted = reported(&follow(&job).await);
    let ends = lab
        .handle
        .inject(always(), Fault::Events(EventFault::EndWithoutTerminal));
    lab.handle.clear_requests();
    let events = follow(&job).await;
    assert_eq!(reported(&events), wanted);
    assert_eq!(lab.handle.count("get_job"), 1);
    // The terminal event is asked for after the cursor, and once more from the start.
    assert_eq!((lab.handle.count("job_events"), ends.hits()), (3, 3));
}

#[tokio::test(start_paused = true)]
async fn done_is_yielded_once_and_nothing_after_it() {
    steady_clock();
    undisturbed_by(always(), &[EventFault::TerminalTwice], Numbering::IdAndSeq).await;
    undisturbed_by(always(), &[EventFault::TerminalTwice], Numbering::None).await;
}

#[tokio::test(start_paused = true)]
async fn a_done_of_10_mib_gets_through() {
    steady_clock();
    let events = undisturbed_by(
        always(),
        &[EventFault::BigTerminal(10 << 20)],
        Numbering::IdAndSeq,
    )
    .await;
    assert!(events.last().unwrap().data.to_string().len() > 9 << 20);
}

#[tokio::test(start_paused = true)]
async fn an_unknown_type_is_kept_with_its_data() {
    let (lab, job) = numbered().await;
    lab.handle
        .inject(always(), Fault::Events(EventFault::UnknownType(3)));
    let events = follow(&job).await;
    let unknown = events.iter().find(|event| event.seq == Some(3)).unwrap();
    assert!(matches!(&unknown.kind, JobEventKind::Unknown { event } if event == "telemetry"));
    assert_eq!(unknown.data["seq"], 3);
    assert!(events.last().unwrap().is_terminal());
}

#[tokio::test(start_paused = true)]
async fn an_event_without_a_number_among_numbered_ones_is_yielded() {
    let (lab, job) = numbered().await;
    let wanted = reported(&follow(&job).await).len();
    lab.handle
        .inject(always(), Fault::Events(EventFault::Unnumbered(4)));
    let events = reported(&follow(&job).await);
    assert!(events.contains(&"telemetry".to_owned()), "{events:?}");
    assert_eq!(events.len(), wanted + 1);
}

#[tokio::test(start_paused = true)]
async fn a_refused_cursor_starts_over_without_repeats() {
    steady_clock();
    for status in [400, 410] {
        let (lab, job) = numbered().await;
        let wanted = reported(&follow(&job).await);
        lab.handle
            .inject(once(), Fault::Events(EventFault::DropAfter(3)));
        lab.handle.inject(always(), Fault::RefuseCursor(status));
        assert_eq!(reported(&follow(&job).await), wanted, "{status}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_service_that_refuses_for_now_is_asked_again() {
    steady_clock();
    for canned in [
        Canned::empty(503),
        Canned::empty(503).retry_after("0.01"),
        Canned::rate_limited().retry_after("0.01"),
        Canned::html(502),
    ] {
        let (lab, job) = numbered().await;
        let wanted = reported(&follow(&job).await);
        lab.handle
            .inject(once(), Fault::Events(EventFault::DropAfter(3)));
        lab.handle
            .inject(once().skip(1).times(2), Fault::Respond(canned.clone()));
        assert_eq!(reported(&follow(&job).await), wanted, "{canned:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_refused_connection_is_tried_again() {
    let (lab, job) = numbered().await;
    let wanted = reported(&follow(&job).await);
    lab.handle
        .inject(once(), Fault::Events(EventFault::DropAfter(3)));
    let handle = lab.handle.clone();
    let mut events = job.events();
    let mut seen = Vec::new();
    while let Some(event) = events.next().await {
        let event = event.unwrap();
        if matches!(event.kind, JobEventKind::Reconnecting { .. }) {
            // Not listening when the first two tries come.
            let tries = seen.iter().filter(|event: &&JobEvent| {
                matches!(event.kind, JobEventKind::Reconnecting { .. })
            });
            handle.listen(tries.count() >= 2);
        }
        seen.push(event);
    }
    assert_eq!(reported(&seen), wanted);
}

#[tokio::test(start_paused = true)]
async fn a_silent_stream_is_given_up_and_resumed() {
    let (lab, job) = numbered().await;
    let wanted = reported(&follow(&job).await);
    let client = Lab::client_of(&lab.simulator)
        .idle_timeout(Duration::from_millis(200))
        .build()
        .unwrap();
    let start = client.generate_scene().prompt("a flaky lab").start();
    let job = start.await.unwrap();
    lab.handle
        .inject(once(), Fault::Events(EventFault::StallAfter(3)));
    lab.handle
        .inject(once(), Fault::Events(EventFault::NoPings));
    let events = follow(&job).await;
    assert_eq!(reported(&events).len(), wanted.len());
    assert!(
        count(&events, |kind| matches!(
            kind,
            JobEventKind::Reconnecting { .. }
        )) >= 1
    );
}

#[tokio::test(start_paused = true)]
async fn a_proxy_that_buffers_the_stream_makes_way_for_polling() {
    let mut options = Options::instant().with_speed(18.0);
    options.numbering = Numbering::IdAndSeq;
    let lab = Lab::start(options).await;
    lab.handle
        .inject(always(), Fault::Events(EventFault::Buffered));
    lab.handle
        .inject(always(), Fault::Events(EventFault::NoPings));
    let client = Lab::client_of(&lab.simulator)
        .idle_timeout(Duration::from_millis(200))
        .build()
        .unwrap();
    let mut policy = gizmo_client::PollPolicy::default();
    policy.interval = Duration::from_millis(20);
    let job = client
        .generate_scene()
        .prompt("a lab")
        .start()
        .await
        .unwrap();
    let events = follow(&job.with_poll_policy(policy)).await;
    assert_eq!(
        count(&events, |kind| matches!(kind, JobEventKind::Polling { .. })),
        1
    );
    assert!(is_end(&events.last().unwrap().to_string()));
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_breaks_again_and_again_makes_way_for_polling() {
    steady_clock();
    let lab = Lab::start(Options::instant().with_speed(0.0)).await;
    lab.handle
        .inject(always(), Fault::Respond(Canned::empty(503)));
    let job = lab
        .client
        .generate_scene()
        .prompt("a lab")
        .start()
        .await
        .unwrap();
    let mut events = job.events();
    let mut tries = 0;
    loop {
        match events.try_next().await.unwrap().unwrap().kind {
            JobEventKind::Reconnecting { .. } => tries += 1,
            JobEventKind::Snapshot(job) => assert!(!job.status.is_terminal()),
            JobEventKind::Polling { reason } => {
                assert!(
                    reason.contains(&format!("{} times in a row", tries + 1)),
                    "{reason}"
                );
                break;
            }
            other => panic!("{other:?}"),
        }
    }
    lab.handle.finish(job.id());
    let rest: Vec<_> = events.try_collect().await.unwrap();
    assert!(is_end(&rest.last().unwrap().to_string()));
}

async fn error_of(job: &JobHandle) -> Error {
    job.events().try_collect::<Vec<_>>().await.unwrap_err()
}

#[tokio::test(start_paused = true)]
async fn a_final_refusal_of_the_status_ends_the_stream() {
    let (lab, job) = numbered().await;
    // Known by its id alone: a 404 of a job that was just started is retried.
    let job = lab.client.job(job.id());
    for status in [401, 403, 404, 410] {
        for operation in ["job_events", "get_job"] {
            let refusal = Fault::Respond(Canned::error(status, "no", "No"));
            lab.handle.inject(On::operation(operation), refusal);
        }
        let error = error_of(&job).await;
        assert_eq!(error.status().map(|status| status.as_u16()), Some(status));
        assert_eq!(error.job_id(), Some(job.id()), "{error}");
    }
    let error = error_of(&lab.client.job("job_none")).await;
    assert!(error.is_not_found(), "{error}");
}

#[tokio::test(start_paused = true)]
async fn what_is_wrong_with_the_stream_alone_leads_to_polling() {
    let (lab, job) = numbered().await;
    let html = Canned::html(200).header("content-type", "Text/HTML");
    for fault in [
        Fault::Respond(Canned::error(401, "no", "No")),
        Fault::Respond(Canned::error(403, "no", "No")),
        Fault::Respond(Canned::error(404, "no", "No")),
        Fault::Respond(html),
        Fault::Respond(Canned::json(200, &serde_json::json!({"ok": true}))),
        Fault::Respond(Canned::empty(204)),
        Fault::Respond(Canned::empty(302).header("location", "http://127.0.0.1:9/elsewhere")),
        Fault::Header("content-encoding", Some("gzip".to_owned())),
        Fault::Events(EventFault::BigTerminal(20 << 20)),
        Fault::StallBeforeResponse,
    ] {
        let injected = lab.handle.inject(always(), fault.clone());
        let events = follow(&lab.client.job(job.id())).await;
        assert!(
            injected.hits() > 0 && injected.hits() <= 4,
            "{fault:?}: {}",
            injected.hits()
        );
        assert!(events.last().unwrap().is_terminal(), "{fault:?}");
        let finished = lab.client.job(job.id()).wait().await;
        assert!(finished.is_ok(), "{fault:?}");
        lab.handle.clear_faults();
    }
}

#[tokio::test(start_paused = true)]
async fn another_process_goes_on_from_a_cursor() {
    steady_clock();
    for numbering in NUMBERINGS {
        // The fifth event has no id: it comes again.
        if numbering == Numbering::Sparse {
            continue;
        }
        let (_lab, job) = lab(Options::instant(), numbering).await;
        let wanted = reported(&follow(&job).await);
        let mut events = job.events();
        let mut seen = Vec::new();
        while seen.len() < 5 {
            seen.push(events.try_next().await.unwrap().unwrap());
        }
        let cursor = serde_json::to_string(events.cursor()).unwrap();
        drop(events);
        let cursor: Cursor = serde_json::from_str(&cursor).unwrap();
        let rest: Vec<_> = job.events_after(cursor).try_collect().await.unwrap();
        seen.extend(rest);
        assert_eq!(reported(&seen), wanted, "{numbering:?}");
    }
}
