//! Event streams: their order, their numbers, their cursors and their ends.

use std::time::Duration;

use gizmo_simulator::{EventFault, Fault, Numbering, On, Options, Vocabulary};
use reqwest::Method;
use serde_json::json;

use crate::support::{
    Api, End, SILENCE, TIMEOUT, has_terminal, read, read_until, read_within, text,
};

#[tokio::test]
async fn a_stream_has_all_events_of_a_job_from_the_first_to_done() {
    let api = Api::start(Options::default().documented().with_speed(720.0)).await;
    let (job, scene) = api.generate("a lab with three stools").await;
    let stream = api.stream(&format!("/v1/jobs/{job}/events")).await;
    assert_eq!(stream.end, End::Clean);
    let events = stream.events();
    assert_eq!(stream.ids(), (1..=events.len() as u64).collect::<Vec<_>>());
    assert!(
        events
            .iter()
            .all(|event| Some(event.data["seq"].to_string()) == event.id)
    );
    let count = |name: &str| stream.names().iter().filter(|other| *other == name).count();
    assert_eq!(
        (
            count("stage_start"),
            count("stage_complete"),
            count("asset_ready"),
            count("done")
        ),
        (5, 5, 8, 1)
    );
    let done = events.last().unwrap();
    assert_eq!(
        (&done.data["status"], &done.data["scene_id"]),
        (&json!("succeeded"), &json!(scene))
    );
    assert!(stream.text.contains("event: ping"));
    let assets = api
        .get(&format!("/v1/assets?scene_id={scene}"))
        .await
        .json();
    let ready = events
        .iter()
        .find(|event| event.name == "asset_ready")
        .unwrap();
    assert!(
        assets["assets"]
            .as_array()
            .unwrap()
            .iter()
            .any(|asset| asset["id"] == ready.data["asset_id"])
    );
}

#[tokio::test]
async fn a_stream_resumes_after_the_cursor() {
    let api = Api::start(Options::instant().documented()).await;
    let (job, _) = api.generate("a lab").await;
    let path = format!("/v1/jobs/{job}/events");
    let all = api.stream(&path).await.ids();
    let after = |cursor: u64| {
        all.iter()
            .copied()
            .filter(|id| *id > cursor)
            .collect::<Vec<_>>()
    };
    assert_eq!(api.stream(&format!("{path}?after=3")).await.ids(), after(3));
    let by_id = api
        .request(Method::GET, &path)
        .header("last-event-id", "5")
        .send()
        .await
        .unwrap();
    assert_eq!(read(by_id).await.ids(), after(5));
    let both = api
        .request(Method::GET, &format!("{path}?after=7"))
        .header("last-event-id", "5")
        .send()
        .await
        .unwrap();
    assert_eq!(read(both).await.ids(), after(7));
    let beyond = api.stream(&format!("{path}?after=999")).await;
    assert_eq!((beyond.end, beyond.ids().len()), (End::Clean, 0));
    assert_eq!(api.get(&format!("{path}?after=x")).await.status, 422);
}

#[tokio::test]
async fn events_are_numbered_as_the_options_require() {
    for (numbering, id, seq) in [
        (Numbering::IdAndSeq, true, true),
        (Numbering::Id, true, false),
        (Numbering::Seq, false, true),
        (Numbering::None, false, false),
    ] {
        let api = Api::start(Options {
            numbering,
            ..Options::instant().documented()
        })
        .await;
        let (job, _) = api.generate("a lab").await;
        let events = api.stream(&format!("/v1/jobs/{job}/events")).await.events();
        assert!(events.len() > 10);
        for event in events {
            assert_eq!(
                (event.id.is_some(), event.data["seq"].is_u64()),
                (id, seq),
                "{numbering:?}"
            );
        }
    }
}

#[tokio::test]
async fn a_failed_asset_does_not_fail_its_job_but_a_failed_job_does() {
    let api = Api::start(Options::instant().documented()).await;
    api.inject(Fault::FailAsset);
    let (job, scene) = api.generate("a lab").await;
    let names = api.stream(&format!("/v1/jobs/{job}/events")).await.names();
    assert!(names.contains(&"error".to_owned()) && names.last().unwrap() == "done");
    assert_eq!(api.wait(&job).await, "succeeded");
    assert_eq!(
        api.post(&format!("/v1/scenes/{scene}/export"), &json!({}))
            .await
            .status,
        200
    );

    api.inject(Fault::FailJob);
    let (job, scene) = api.generate("a lab").await;
    let stream = api.stream(&format!("/v1/jobs/{job}/events")).await;
    assert_eq!(stream.events().last().unwrap().data["status"], "failed");
    let body = api.get(&format!("/v1/jobs/{job}")).await.json();
    assert_eq!(
        (&body["job"]["status"], &body["job"]["error"]["code"]),
        (&json!("failed"), &json!("generation_failed"))
    );
    let status = api.get(&format!("/v1/scenes/{scene}/status")).await.json();
    assert_eq!(
        (&status["pipeline_status"], &status["error"]["code"]),
        (&json!("failed"), &json!("generation_failed"))
    );
}

#[tokio::test]
async fn a_scene_id_can_be_withheld_until_the_job_has_ended() {
    let api = Api::start(Options {
        announce_scene_id: false,
        ..Options::default().with_speed(1800.0)
    })
    .await;
    let accepted = api
        .post("/v1/scenes", &json!({ "prompt": "a lab" }))
        .await
        .json();
    assert!(accepted.get("scene_id").is_none());
    let job = text(&accepted["job_id"]);
    assert!(
        api.get(&format!("/v1/jobs/{job}")).await.json()["job"]
            .get("scene_id")
            .is_none()
    );
    api.wait(&job).await;
    assert!(api.get(&format!("/v1/jobs/{job}")).await.json()["job"]["scene_id"].is_string());
}

/// Reads the stream of an ended job after event 2 with these faults.
async fn faulty(vocabulary: Vocabulary, faults: &[EventFault]) -> crate::support::Stream {
    let api = Api::start(Options {
        vocabulary,
        ..Options::instant().documented()
    })
    .await;
    let (job, _) = api.generate("a lab").await;
    api.wait(&job).await;
    for fault in faults {
        api.simulator
            .handle()
            .inject(On::operation("job_events"), Fault::Events(fault.clone()));
    }
    let stalls = faults
        .iter()
        .any(|fault| matches!(fault, EventFault::StallAfter(_)));
    let path = format!("/v1/jobs/{job}/events?after=2");
    let response = api.request(Method::GET, &path).send().await.unwrap();
    read_within(response, if stalls { SILENCE } else { TIMEOUT }).await
}

#[tokio::test]
async fn streams_have_the_injected_faults() {
    check_faults(Vocabulary::Documented).await;
    check_faults(Vocabulary::Observed).await;
}

async fn check_faults(vocabulary: Vocabulary) {
    let faulty = async |faults: &[EventFault]| faulty(vocabulary, faults).await;
    let unchanged = faulty(&[]).await;
    let (ids, last) = (unchanged.ids(), *unchanged.ids().last().unwrap());
    let without = |number: u64| {
        ids.iter()
            .copied()
            .filter(|id| *id != number)
            .collect::<Vec<_>>()
    };

    for (fault, events, end) in [
        (EventFault::DropAfterEach, 1, End::Broken),
        (EventFault::DropAfter(3), 3, End::Broken),
        (EventFault::DropInside(3), 2, End::Broken),
        (EventFault::StallAfter(3), 3, End::Silent),
        (EventFault::EndAfter(3), 3, End::Clean),
    ] {
        let stream = faulty(std::slice::from_ref(&fault)).await;
        assert_eq!(
            (stream.ids(), stream.end),
            (ids[..events].to_vec(), end),
            "{fault:?}"
        );
    }
    let inside = faulty(&[EventFault::DropInside(1)]).await;
    assert!(
        inside.text.contains("id: 3") && !inside.text.ends_with("\n\n"),
        "{}",
        inside.text
    );

    assert_eq!(faulty(&[EventFault::Skip(5)]).await.ids(), without(5));
    assert_eq!(
        faulty(&[EventFault::Repeat(4)]).await.ids()[..4],
        [3, 4, 4, 5]
    );
    assert_eq!(
        faulty(&[EventFault::RepeatEach]).await.ids()[..4],
        [3, 3, 4, 4]
    );
    assert_eq!(faulty(&[EventFault::IgnoreCursor]).await.ids()[0], 1);
    assert_eq!(
        faulty(&[EventFault::EndWithoutTerminal]).await.ids(),
        without(last)
    );
    assert_eq!(
        faulty(&[EventFault::TerminalTwice]).await.ids()[ids.len() - 1..],
        [last, last]
    );
    assert_eq!(
        faulty(&[EventFault::UnknownType(4)]).await.names()[1],
        "telemetry"
    );
    assert_eq!(
        faulty(&[EventFault::Unnumbered(4)]).await.events()[1].id,
        None
    );

    let big = faulty(&[EventFault::BigTerminal(10 << 20)]).await;
    let done = big.events().pop().unwrap();
    assert_eq!(
        (done.data.to_string().len(), &done.data["status"]),
        (10 << 20, &json!("succeeded"))
    );
    let crlf = faulty(&[EventFault::Crlf]).await;
    assert!(crlf.text.contains("\r\n\r\n") && !crlf.text.replace("\r\n", "").contains('\n'));
    let cr = faulty(&[
        EventFault::Cr,
        EventFault::Preamble(b"\xEF\xBB\xBFretry: 20\r"),
    ])
    .await;
    assert!(
        !cr.text.contains('\n') && cr.text.starts_with("\u{feff}retry: 20\r") && cr.ids() == ids
    );
    assert_eq!(faulty(&[EventFault::Buffered]).await.chunks, 1);
    let split = faulty(&[EventFault::Split(1), EventFault::NoPings]).await;
    assert_eq!(
        (split.ids(), split.text.contains(": connected")),
        (ids.clone(), false)
    );
}

#[tokio::test]
async fn a_buffered_stream_sends_nothing_before_the_job_has_ended() {
    let api = Api::start(Options::default().documented().with_speed(1800.0)).await;
    api.simulator.handle().inject(
        On::operation("job_events"),
        Fault::Events(EventFault::Buffered),
    );
    let (job, _) = api.generate("a lab").await;
    let stream = api.stream(&format!("/v1/jobs/{job}/events")).await;
    assert_eq!((stream.chunks, stream.end), (1, End::Clean));
    assert_eq!(stream.names().last().unwrap(), "done");

    let api = Api::start(Options::default().with_speed(1800.0)).await;
    api.simulator.handle().inject(
        On::operation("job_events"),
        Fault::Events(EventFault::Buffered),
    );
    let (job, _) = api.generate("a lab").await;
    let path = format!("/v1/jobs/{job}/events");
    let mut response = api.request(Method::GET, &path).send().await.unwrap();
    assert!(response.chunk().await.unwrap().is_some());
    assert_eq!(api.simulator.handle().running(), 0);
    let rest = read_until(response, TIMEOUT, has_terminal).await;
    assert_eq!(rest.end, End::Reached);
}

#[tokio::test]
async fn a_refused_cursor_does_not_affect_requests_without_a_cursor() {
    let api = Api::start(Options::instant().documented()).await;
    let (job, _) = api.generate("a lab").await;
    let path = format!("/v1/jobs/{job}/events");
    api.simulator.handle().inject(
        On::operation("job_events").always(),
        Fault::RefuseCursor(410),
    );
    assert_eq!(api.get(&format!("{path}?after=2")).await.status, 410);
    assert_eq!(api.get(&path).await.status, 200);
    assert_eq!(api.get(&format!("{path}?after=0")).await.status, 200);
}

#[tokio::test]
async fn a_thousand_streams_are_served_concurrently() {
    let options = Options::instant().documented();
    let api = Api::start(Options {
        speed: 180.0,
        ..options
    })
    .await;
    let (job, _) = api.generate("a lab").await;
    let path = format!("/v1/jobs/{job}/events");
    let mut open = Vec::new();
    for _ in 0..1000 {
        open.push(api.request(Method::GET, &path).send().await.unwrap());
    }
    let mut ends = Vec::new();
    for response in open {
        ends.push(tokio::spawn(async move { response.text().await.unwrap() }));
    }
    for end in ends {
        assert!(end.await.unwrap().contains("event: done"));
    }
}

/// Starts a job of the observed vocabulary and stops it after this number of events.
///
/// Returns the simulator, the ID of the job and the path of its events.
async fn stopped(events: usize) -> (Api, String, String) {
    let api = Api::start(Options::default().with_speed(0.0)).await;
    let (job, _) = api.generate("a lab").await;
    advance(&api, &job, events - 1).await;
    let path = format!("/v1/jobs/{job}/events");
    (api, job, path)
}

/// Advances a job by this number of events and waits for them.
async fn advance(api: &Api, job: &str, events: usize) {
    let handle = api.simulator.handle();
    let expected = handle.job(job).unwrap().events + events;
    handle.advance(job, events);
    while handle.job(job).unwrap().events < expected {
        tokio::task::yield_now().await;
    }
}

/// Opens an event stream with these faults.
async fn open(api: &Api, path: &str, faults: &[EventFault]) -> reqwest::Response {
    for fault in faults {
        let fault = Fault::Events(fault.clone());
        let handle = api.simulator.handle();
        handle.inject(On::operation("job_events"), fault);
    }
    api.request(Method::GET, path).send().await.unwrap()
}

/// Reads a stream until this number of events has arrived.
async fn read_events(response: reqwest::Response, events: usize) -> crate::support::Stream {
    let stream = read_until(response, TIMEOUT, |text| {
        text.matches("event: ").count() - text.matches("event: ping").count() == events
            && text.ends_with("\n\n")
    })
    .await;
    assert_eq!(stream.end, End::Reached, "{}", stream.text);
    stream
}

#[tokio::test]
async fn a_connection_breaks_after_a_ping() {
    let (api, _, path) = stopped(5).await;
    let often = EventFault::PingEvery(Duration::from_millis(5));
    let response = open(&api, &path, &[EventFault::BreakAfterPing, often]).await;
    let stream = read(response).await;
    assert_eq!(
        (stream.ids(), stream.end),
        (vec![1, 2, 3, 4, 5], End::Broken)
    );
    assert_eq!(stream.text.matches("event: ping").count(), 1);
}

#[tokio::test]
async fn a_live_stream_has_only_new_events() {
    let (api, job, path) = stopped(5).await;
    let path = format!("{path}?after=2");
    let response = open(&api, &path, &[EventFault::LiveOnly]).await;
    advance(&api, &job, 3).await;
    assert_eq!(read_events(response, 3).await.ids(), [6, 7, 8]);
}

#[tokio::test]
async fn adjacent_events_are_swapped_and_the_terminal_event_arrives_last() {
    let (api, job, path) = stopped(5).await;
    let response = open(&api, &path, &[EventFault::OutOfOrder]).await;
    // The fifth event waits for the sixth only for a short time.
    assert_eq!(read_events(response, 5).await.ids(), [2, 1, 4, 3, 5]);
    api.simulator.handle().finish(&job);
    api.wait(&job).await;
    let last = api.simulator.handle().job(&job).unwrap().events as u64;
    let swapped = |from: u64| {
        let pairs = (from..last).step_by(2);
        let mut ids: Vec<_> = pairs.flat_map(|id| [id + 1, id]).collect();
        ids.retain(|id| *id < last);
        ids.push(last);
        ids
    };
    for from in [1, 2] {
        let path = format!("{path}?after={}", from - 1);
        let response = open(&api, &path, &[EventFault::OutOfOrder]).await;
        let stream = read_until(response, TIMEOUT, has_terminal).await;
        assert_eq!(stream.ids(), swapped(from));
    }
}

#[tokio::test]
async fn a_restarted_server_numbers_new_events_from_1() {
    let (api, job, path) = stopped(7).await;
    let response = open(&api, &path, &[EventFault::EndAfter(4)]).await;
    assert_eq!(read(response).await.ids(), [1, 2, 3, 4]);
    let resumed = format!("{path}?after=4");
    let faults = [EventFault::RestartNumbers, EventFault::EndAfter(3)];
    let restarted = read(open(&api, &resumed, &faults).await).await;
    assert_eq!(restarted.ids(), [1, 2, 3]);
    assert_eq!(restarted.events()[2].data["seq"], 3);
    advance(&api, &job, 2).await;
    let response = open(&api, &resumed, &[EventFault::RestartNumbers]).await;
    let again = read_events(response, 2).await;
    assert_eq!(again.ids(), [1, 2]);
    let unchanged = read_events(open(&api, &path, &[]).await, 9).await;
    assert_eq!(unchanged.names()[4..7], restarted.names());
    assert_eq!(unchanged.names()[7..], again.names());
}
