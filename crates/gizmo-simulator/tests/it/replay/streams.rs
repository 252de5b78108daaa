//! Event streams: their times, cursors and ends.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{Recording, Served};
use crate::support::{End, SILENCE, Stream, TIMEOUT, read, read_until, read_within};

const EVENTS: &str = "GET /v1/jobs/w1/events";

/// A block of a stream with this number.
fn event(after: f64, number: u64) -> Value {
    let text = format!("id: {number}\nevent: lighting\ndata: {{\"seq\":{number}}}\n\n");
    json!({ "after": after, "text": text })
}

fn ping(after: f64) -> Value {
    json!({ "after": after, "text": ": ping\n\n" })
}

fn stream(blocks: &[Value], end: &str, ended_after: f64) -> Value {
    json!({
        "headers": [["content-type", "text/event-stream"], ["x-mark", "1"]],
        "body": { "events": blocks },
        "end": end,
        "ended_after": ended_after,
    })
}

async fn open(served: &Served, query: &str) -> Stream {
    read_within(
        served
            .request(&format!("{EVENTS}{query}"))
            .send()
            .await
            .unwrap(),
        SILENCE,
    )
    .await
}

#[tokio::test]
async fn a_stream_ends_as_it_was_recorded() {
    for (end, expected) in [("complete", End::Clean), ("broken", End::Broken)] {
        for blocks in [&[event(1.0, 1), event(60.0, 2)][..], &[]] {
            let served = Recording::default()
                .response(EVENTS, &stream(blocks, end, 80.0))
                .serve()
                .await;
            let response = served.request(EVENTS).send().await.unwrap();
            assert_eq!(response.headers()["x-mark"], "1");
            let found = read(response).await;
            assert_eq!((found.ids().len(), found.end), (blocks.len(), expected));
        }
    }
}

#[tokio::test]
async fn a_stream_that_the_program_dropped_stays_open_with_pings() {
    // The recorded distance of 2 s and the usual one of 15 s, each as 100 ms.
    for (blocks, speed) in [
        (&[event(0.0, 1), ping(0.0), ping(2.0)][..], 20.0),
        (&[event(0.0, 1)], 150.0),
    ] {
        let served = Recording::default()
            .response(EVENTS, &stream(blocks, "dropped", 3.0))
            .serve_at(speed)
            .await;
        let response = served.request(EVENTS).send().await.unwrap();
        let begin = Instant::now();
        let pings = blocks.len() + 2;
        let found = read_until(response, TIMEOUT, |text| {
            text.matches(": ping\n\n").count() == pings
        })
        .await;
        assert_eq!((found.ids(), found.end), (vec![1], End::Reached));
        let elapsed = begin.elapsed();
        assert!(elapsed >= Duration::from_millis(300), "{elapsed:?}");
        assert!(elapsed < Duration::from_secs(2), "{elapsed:?}");
    }
}

#[tokio::test]
async fn events_arrive_at_their_recorded_times_divided_by_the_speed() {
    let blocks = [event(0.0, 1), event(2.0, 2), event(4.0, 3)];
    let served = Recording::default()
        .response(EVENTS, &stream(&blocks, "complete", 6.0))
        .serve_at(20.0)
        .await;
    let begin = Instant::now();
    let mut response = served.request(EVENTS).send().await.unwrap();
    let mut times = Vec::new();
    while response.chunk().await.unwrap().is_some() {
        times.push(begin.elapsed());
    }
    times.push(begin.elapsed());
    for (time, least) in times.iter().zip([0, 100, 200, 300]) {
        assert!(*time >= Duration::from_millis(least), "{times:?}");
    }
    assert!(
        times.len() == 4 && times[3] < Duration::from_secs(6),
        "{times:?}"
    );
}

#[tokio::test]
async fn a_cursor_takes_the_recorded_stream_or_the_events_after_it() {
    let first = [event(1.0, 1), event(2.0, 2), ping(2.5), event(3.0, 3)];
    let second = [event(0.1, 3), event(0.2, 4), event(0.3, 5)];
    let served = Recording::default()
        .response(EVENTS, &stream(&first, "broken", 4.0))
        .response(
            &format!("{EVENTS}?after=3"),
            &stream(&second, "complete", 9.0),
        )
        .sent_at(10.0)
        .serve()
        .await;
    let mut found = Vec::new();
    for query in [
        "", "?after=3", "", "?after=0", "?after=1", "?after=4", "?after=9",
    ] {
        let stream = open(&served, query).await;
        found.push((query, stream.ids(), stream.end));
    }
    assert_eq!(
        found,
        [
            ("", vec![1, 2, 3], End::Broken),
            ("?after=3", vec![3, 4, 5], End::Clean),
            ("", vec![1, 2, 3], End::Broken),
            ("?after=0", vec![1, 2, 3, 4, 5], End::Clean),
            ("?after=1", vec![2, 3, 4, 5], End::Clean),
            ("?after=4", vec![5], End::Clean),
            ("?after=9", vec![], End::Clean),
        ]
    );
    let resumed = served
        .request(EVENTS)
        .header("last-event-id", "2")
        .send()
        .await
        .unwrap();
    assert_eq!(
        resumed.headers()["content-type"],
        "text/event-stream; charset=utf-8"
    );
    assert_eq!(read(resumed).await.ids(), [3, 4, 5]);
    assert!(served.replay.unmatched().is_empty());
}

#[tokio::test]
async fn a_cursor_that_is_not_a_number_is_compared_with_the_ids() {
    let block = |id: &str| json!({ "after": 0.0, "text": format!("id: {id}\ndata: {{}}\n\n") });
    let blocks = [block("a"), block("b"), block("c")];
    let served = Recording::default()
        .response(EVENTS, &stream(&blocks, "complete", 0.0))
        .serve()
        .await;
    for (cursor, count) in [("a", 2), ("c", 0), ("unknown", 3)] {
        let stream = open(&served, &format!("?after={cursor}")).await;
        assert_eq!(stream.events().len(), count, "{cursor}");
    }
}

#[tokio::test]
async fn an_event_stream_of_an_unrecorded_job_is_refused() {
    let served = Recording::default()
        .response(EVENTS, &stream(&[], "complete", 0.0))
        .json("GET /v1/jobs/w2/events", 404, &json!({}))
        .serve()
        .await;
    for path in ["/v1/jobs/w3/events", "/v1/jobs/w2/events?after=1"] {
        assert_eq!(served.get(path).await.code(), "not_recorded", "{path}");
    }
}

#[tokio::test]
async fn times_that_no_clock_has_are_no_crash() {
    let blocks = [event(-5.0, 1), event(1e300, 2), event(0.0, 3)];
    let recording = Recording::default().response(EVENTS, &stream(&blocks, "complete", -1.0));
    for speed in [f64::INFINITY, 1e-300, 1.0] {
        let served = recording.serve_at(speed).await;
        assert_eq!(open(&served, "").await.ids()[0], 1);
        assert!(!open(&served, "?after=0").await.ids().is_empty());
    }
}
