//! The events of a job under every fault and in both vocabularies: each event once and in order,
//! and the correct end.

use std::time::Duration;

use futures::{StreamExt, TryStreamExt};
use gizmo_client::{Cursor, Error, JobEvent, JobEventKind, JobHandle};
use gizmo_simulator::{Canned, EventFault, Fault, Numbering, On, Options};

use crate::support::{Lab, steady_clock};

/// Returns the service as it is documented and as it was observed.
fn services() -> [Options; 2] {
    [Options::instant().documented(), Options::instant()]
}

async fn lab(service: Options, numbering: Numbering) -> (Lab, JobHandle) {
    let mut options = service;
    options.numbering = numbering;
    let lab = Lab::start(options).await;
    lab.handle.inject(On::any(), Fault::FailAsset);
    let job = lab
        .client
        .generate_scene()
        .prompt("a lab")
        .start()
        .await
        .unwrap();
    (lab, job)
}

/// Starts a job of the observed service, which numbers its events in both `id` and `seq`.
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

/// Returns the events that the service sent, without those that the client adds.
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

/// Asserts that a job yields the same events under faults as without them.
///
/// Returns the events that the observed service yields under the faults. `on` selects the
/// connections that have the faults.
async fn assert_unaffected(on: On, faults: &[EventFault], numbering: Numbering) -> Vec<JobEvent> {
    let mut seen = Vec::new();
    for service in services() {
        let vocabulary = service.vocabulary;
        let (lab, job) = lab(service, numbering).await;
        let expected = reported(&follow(&job).await);
        assert!(
            expected.len() > 8 && is_end(expected.last().unwrap()),
            "{expected:?}"
        );
        for fault in faults {
            lab.handle.inject(on.clone(), Fault::Events(fault.clone()));
        }
        seen = follow(&job).await;
        assert_eq!(
            reported(&seen),
            expected,
            "{faults:?} {numbering:?} {vocabulary:?}"
        );
    }
    seen
}

fn on_every_stream() -> On {
    On::operation("job_events").always()
}

fn on_stream() -> On {
    On::operation("job_events")
}

fn count(events: &[JobEvent], predicate: fn(&JobEventKind) -> bool) -> usize {
    events.iter().filter(|event| predicate(&event.kind)).count()
}

#[tokio::test(start_paused = true)]
async fn a_broken_connection_after_every_event_loses_and_repeats_no_event() {
    steady_clock();
    for numbering in Numbering::ALL {
        // Only the event after the last `id` would be sent, again and again.
        if numbering == Numbering::Sparse {
            continue;
        }
        let events =
            assert_unaffected(on_every_stream(), &[EventFault::DropAfterEach], numbering).await;
        assert!(
            count(&events, |kind| matches!(
                kind,
                JobEventKind::Reconnecting { .. }
            )) > 3
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_truncated_event_is_discarded_and_received_again() {
    steady_clock();
    for inside in [1, 2, 5] {
        assert_unaffected(
            on_every_stream(),
            &[EventFault::DropInside(inside + 1)],
            Numbering::IdAndSeq,
        )
        .await;
        assert_unaffected(
            on_stream(),
            &[EventFault::DropInside(inside)],
            Numbering::Id,
        )
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_repeated_event_is_yielded_once() {
    steady_clock();
    for numbering in Numbering::ALL {
        if matches!(
            numbering,
            Numbering::None | Numbering::Sparse | Numbering::PerStage
        ) {
            // A repeated event cannot be distinguished from a second event with the same content.
            continue;
        }
        assert_unaffected(on_every_stream(), &[EventFault::RepeatEach], numbering).await;
        assert_unaffected(on_every_stream(), &[EventFault::Repeat(3)], numbering).await;
    }
}

#[tokio::test(start_paused = true)]
async fn no_event_is_repeated_when_the_service_ignores_the_cursor() {
    steady_clock();
    for numbering in Numbering::ALL {
        let faults = [EventFault::IgnoreCursor, EventFault::DropAfter(4)];
        assert_unaffected(on_stream(), &faults[1..], numbering).await;
        let (lab, job) = lab(Options::instant().documented(), numbering).await;
        let expected = reported(&follow(&job).await);
        lab.handle
            .inject(on_every_stream(), Fault::Events(EventFault::IgnoreCursor));
        for number in 1..4 {
            let on = on_stream().nth(number);
            lab.handle.inject(
                on,
                Fault::Events(EventFault::DropAfter(3 * usize::try_from(number).unwrap())),
            );
        }
        assert_eq!(reported(&follow(&job).await), expected, "{numbering:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_gap_in_the_numbers_yields_a_snapshot() {
    let (lab, job) = numbered().await;
    let mut expected = reported(&follow(&job).await);
    lab.handle
        .inject(on_every_stream(), Fault::Events(EventFault::Skip(3)));
    let events = follow(&job).await;
    expected.remove(2);
    assert_eq!(reported(&events), expected);
    let at = events
        .iter()
        .position(|event| matches!(event.kind, JobEventKind::Snapshot(_)))
        .unwrap();
    assert_eq!(events[at + 1].seq, Some(4));
}

#[tokio::test(start_paused = true)]
async fn line_endings_and_chunk_sizes_do_not_change_the_events() {
    steady_clock();
    for fault in [
        EventFault::Crlf,
        EventFault::Cr,
        EventFault::Split(1),
        EventFault::Split(7),
    ] {
        assert_unaffected(on_every_stream(), &[fault], Numbering::IdAndSeq).await;
    }
}

#[tokio::test(start_paused = true)]
async fn the_status_is_requested_when_a_stream_ends_without_its_terminal_event() {
    steady_clock();
    let (lab, job) = lab(Options::instant().documented(), Numbering::IdAndSeq).await;
    let expected = reported(&follow(&job).await);
    let injected = lab.handle.inject(
        on_every_stream(),
        Fault::Events(EventFault::EndWithoutTerminal),
    );
    lab.handle.clear_requests();
    let events = follow(&job).await;
    assert_eq!(reported(&events), expected);
    assert_eq!(lab.handle.count("get_job"), 1);
    // The terminal event is requested after the cursor, and once more from the start.
    assert_eq!((lab.handle.count("job_events"), injected.hits()), (3, 3));
}

#[tokio::test(start_paused = true)]
async fn the_terminal_event_is_yielded_once_and_last() {
    steady_clock();
    assert_unaffected(
        on_every_stream(),
        &[EventFault::TerminalTwice],
        Numbering::IdAndSeq,
    )
    .await;
    assert_unaffected(
        on_every_stream(),
        &[EventFault::TerminalTwice],
        Numbering::None,
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_terminal_event_of_10_mib_is_yielded() {
    steady_clock();
    let events = assert_unaffected(
        on_every_stream(),
        &[EventFault::BigTerminal(10 << 20)],
        Numbering::IdAndSeq,
    )
    .await;
    assert!(events.last().unwrap().data.to_string().len() > 9 << 20);
}

#[tokio::test(start_paused = true)]
async fn an_event_of_an_unknown_type_keeps_its_data() {
    let (lab, job) = numbered().await;
    lab.handle
        .inject(on_every_stream(), Fault::Events(EventFault::UnknownType(3)));
    let events = follow(&job).await;
    let unknown = events.iter().find(|event| event.seq == Some(3)).unwrap();
    assert!(matches!(&unknown.kind, JobEventKind::Unknown { event } if event == "telemetry"));
    assert_eq!(unknown.data["seq"], 3);
    assert!(events.last().unwrap().is_terminal());
}

#[tokio::test(start_paused = true)]
async fn an_unnumbered_event_among_numbered_ones_is_yielded() {
    let (lab, job) = numbered().await;
    let expected = reported(&follow(&job).await).len();
    lab.handle
        .inject(on_every_stream(), Fault::Events(EventFault::Unnumbered(4)));
    let events = reported(&follow(&job).await);
    assert!(events.contains(&"telemetry".to_owned()), "{events:?}");
    assert_eq!(events.len(), expected + 1);
}

#[tokio::test(start_paused = true)]
async fn a_refused_cursor_restarts_the_stream_without_repeats() {
    steady_clock();
    for status in [400, 410] {
        let (lab, job) = numbered().await;
        let expected = reported(&follow(&job).await);
        lab.handle
            .inject(on_stream(), Fault::Events(EventFault::DropAfter(3)));
        lab.handle
            .inject(on_every_stream(), Fault::RefuseCursor(status));
        assert_eq!(reported(&follow(&job).await), expected, "{status}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_is_requested_again_after_a_retryable_status() {
    steady_clock();
    for canned in [
        Canned::empty(503),
        Canned::empty(503).retry_after("0.01"),
        Canned::rate_limited().retry_after("0.01"),
        Canned::html(502),
    ] {
        let (lab, job) = numbered().await;
        let expected = reported(&follow(&job).await);
        lab.handle
            .inject(on_stream(), Fault::Events(EventFault::DropAfter(3)));
        lab.handle
            .inject(on_stream().skip(1).times(2), Fault::Respond(canned.clone()));
        assert_eq!(reported(&follow(&job).await), expected, "{canned:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_refused_connection_is_retried() {
    let (lab, job) = numbered().await;
    let expected = reported(&follow(&job).await);
    lab.handle
        .inject(on_stream(), Fault::Events(EventFault::DropAfter(3)));
    let handle = lab.handle.clone();
    let mut events = job.events();
    let mut seen = Vec::new();
    while let Some(event) = events.next().await {
        let event = event.unwrap();
        if matches!(event.kind, JobEventKind::Reconnecting { .. }) {
            // The port is closed for the first two attempts.
            let attempts = seen.iter().filter(|event: &&JobEvent| {
                matches!(event.kind, JobEventKind::Reconnecting { .. })
            });
            handle.listen(attempts.count() >= 2);
        }
        seen.push(event);
    }
    assert_eq!(reported(&seen), expected);
}

#[tokio::test(start_paused = true)]
async fn a_silent_stream_is_closed_and_resumed() {
    let (lab, job) = numbered().await;
    let expected = reported(&follow(&job).await);
    let client = Lab::client_of(&lab.simulator)
        .idle_timeout(Duration::from_millis(200))
        .build()
        .unwrap();
    lab.handle.inject(On::any(), Fault::FailAsset);
    let start = client.generate_scene().prompt("a lab").start();
    let job = start.await.unwrap();
    lab.handle
        .inject(on_stream(), Fault::Events(EventFault::StallAfter(3)));
    lab.handle
        .inject(on_stream(), Fault::Events(EventFault::NoPings));
    let events = follow(&job).await;
    assert_eq!(reported(&events).len(), expected.len());
    assert!(
        count(&events, |kind| matches!(
            kind,
            JobEventKind::Reconnecting { .. }
        )) >= 1
    );
}

#[tokio::test(start_paused = true)]
async fn a_job_is_polled_when_a_proxy_buffers_its_stream() {
    let mut options = Options::instant().with_speed(18.0);
    options.numbering = Numbering::IdAndSeq;
    let lab = Lab::start(options).await;
    lab.handle
        .inject(on_every_stream(), Fault::Events(EventFault::Buffered));
    lab.handle
        .inject(on_every_stream(), Fault::Events(EventFault::NoPings));
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
async fn a_job_is_polled_after_its_stream_fails_repeatedly() {
    steady_clock();
    let lab = Lab::start(Options::instant().with_speed(0.0)).await;
    lab.handle
        .inject(on_every_stream(), Fault::Respond(Canned::empty(503)));
    let job = lab
        .client
        .generate_scene()
        .prompt("a lab")
        .start()
        .await
        .unwrap();
    let mut events = job.events();
    let mut attempts = 0;
    loop {
        match events.try_next().await.unwrap().unwrap().kind {
            JobEventKind::Reconnecting { .. } => attempts += 1,
            JobEventKind::Snapshot(job) => assert!(!job.status.is_terminal()),
            JobEventKind::Polling { reason } => {
                assert!(
                    reason.contains(&format!("{} times in a row", attempts + 1)),
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

async fn stream_error(job: &JobHandle) -> Error {
    job.events().try_collect::<Vec<_>>().await.unwrap_err()
}

#[tokio::test(start_paused = true)]
async fn a_permanent_error_of_the_status_ends_the_stream() {
    let (lab, job) = numbered().await;
    // The handle that started the job would retry a 404, so this one is made from the id.
    let job = lab.client.job(job.id());
    for status in [401, 403, 404, 410] {
        for operation in ["job_events", "get_job"] {
            let refusal = Fault::Respond(Canned::error(status, "no", "No"));
            lab.handle.inject(On::operation(operation), refusal);
        }
        let error = stream_error(&job).await;
        assert_eq!(error.status().map(|status| status.as_u16()), Some(status));
        assert_eq!(error.job_id(), Some(job.id()), "{error}");
    }
    let error = stream_error(&lab.client.job("job_none")).await;
    assert!(error.is_not_found(), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_fault_of_only_the_stream_leads_to_polling() {
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
        let injected = lab.handle.inject(on_every_stream(), fault.clone());
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
async fn another_process_resumes_from_a_cursor() {
    steady_clock();
    for numbering in Numbering::ALL {
        // The fifth event has no `id`, so it is received again.
        if numbering == Numbering::Sparse {
            continue;
        }
        let (_lab, job) = lab(Options::instant(), numbering).await;
        let expected = reported(&follow(&job).await);
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
        assert_eq!(reported(&seen), expected, "{numbering:?}");
    }
}
