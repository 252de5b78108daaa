//! Which exchange responds to a request.

use serde_json::{Value, json};

use super::{Recording, Served};

fn n(number: u64) -> Value {
    json!({ "n": number })
}

#[tokio::test]
async fn a_request_is_matched_by_method_path_and_query_in_any_order() {
    let served = Recording::default()
        .json("GET /v1/scenes?limit=5&offset=10", 200, &n(1))
        .json("GET /v1/scenes", 200, &n(2))
        .json("DELETE /v1/scenes/w1", 200, &n(3))
        .json("GET /v1/scenes/w1", 200, &n(4))
        .json("GET /v1/catalog?q=w2%20w3&q=a", 200, &n(5))
        .serve()
        .await;
    for (request, expected) in [
        ("GET /v1/scenes?limit=5&offset=10", "1"),
        ("GET /v1/scenes?offset=10&limit=5", "1"),
        ("GET /v1/scenes?offset=10&limit=6", "not_recorded"),
        ("GET /v1/scenes?limit=5", "not_recorded"),
        ("GET /v1/scenes", "2"),
        ("DELETE /v1/scenes/w1", "3"),
        ("GET /v1/scenes/w1", "4"),
        ("GET /v1/scenes/%771", "4"),
        ("PATCH /v1/scenes/w1", "not_recorded"),
        ("GET /v1/catalog?q=a&q=w2+w3", "5"),
        ("GET /v1/catalog?q=a", "not_recorded"),
        ("GET /", "not_recorded"),
    ] {
        let found = served.number(served.request(request)).await;
        assert_eq!(found, expected, "{request}");
    }
    assert_eq!(
        served.replay.unmatched(),
        [
            "GET /v1/scenes?limit=6&offset=10",
            "GET /v1/scenes?limit=5",
            "PATCH /v1/scenes/w1",
            "GET /v1/catalog?q=a",
            "GET /",
        ]
    );
}

#[tokio::test]
async fn a_refusal_names_the_request_and_the_nearest_recorded_ones() {
    let served = Recording::default()
        .json("GET /v1/usage", 200, &n(1))
        .json("GET /v1/jobs/w1/events", 200, &n(1))
        .json("POST /v1/jobs/w1/cancel", 200, &n(1))
        .json("GET /v1/jobs/w1", 200, &n(1))
        .json("GET /v1/jobs/w1", 200, &n(1))
        .serve()
        .await;
    let response = served.get("/v1/jobs/w2").await;
    assert_eq!(
        (response.status.as_u16(), response.code().as_str()),
        (404, "not_recorded")
    );
    assert_eq!(
        response.json()["error"]["message"],
        "GET /v1/jobs/w2 is not recorded; the nearest recorded requests are GET /v1/jobs/w1, \
         GET /v1/jobs/w1/events, POST /v1/jobs/w1/cancel"
    );
    let empty = Recording::default().serve().await;
    assert_eq!(
        empty.get("/v1/usage").await.json()["error"]["message"],
        "GET /v1/usage is not recorded; the recording contains no requests"
    );
}

#[tokio::test]
async fn responses_are_served_in_their_order_and_the_last_complete_one_repeats() {
    let request = "GET /v1/jobs/w1";
    let served = Recording::default()
        .json(request, 200, &n(1))
        .json(request, 503, &n(2))
        .json(request, 200, &n(3))
        .exchange(request, &json!({ "failure": "transport" }))
        .serve()
        .await;
    let mut found = Vec::new();
    for _ in 0..6 {
        let response = served.send(served.request(request)).await;
        found.push(
            response
                .ok()
                .map(|response| (response.status.as_u16(), response.json()["n"].clone())),
        );
    }
    let third = Some((200, json!(3)));
    assert_eq!(
        found,
        [
            Some((200, json!(1))),
            Some((503, json!(2))),
            third.clone(),
            None,
            third.clone(),
            third
        ]
    );
}

#[tokio::test]
async fn a_failure_without_any_response_repeats() {
    let failed = json!({ "failure": "connect" });
    let served = Recording::default()
        .exchange("GET /v1/usage", &failed)
        .serve()
        .await;
    for _ in 0..2 {
        let error = served
            .send(served.request("GET /v1/usage"))
            .await
            .unwrap_err();
        assert!(error.is_request(), "{error}");
    }
    assert!(served.replay.unmatched().is_empty());
}

#[tokio::test]
async fn the_body_decides_and_an_unknown_body_takes_the_next_exchange() {
    let export = "POST /v1/scenes/w1/export";
    let recording = Recording::default()
        .json(export, 200, &n(1))
        .asked_for(&json!({ "format": "mjcf", "robot_profile": null }))
        .json(export, 200, &n(2))
        .asked_for(&json!({ "format": "usd", "robot_profile": null }))
        .json(export, 200, &n(3))
        .asked_for(&json!({ "format": "usd", "robot_profile": "w2" }));
    for (bodies, expected) in [
        (
            &[json!({ "format": "usd", "robot_profile": null })][..],
            &["2"][..],
        ),
        (
            // In another order, and repeated.
            &[
                json!({ "robot_profile": null, "format": "mjcf" }),
                json!({ "robot_profile": null, "format": "mjcf" }),
            ],
            &["1", "1"],
        ),
        (
            // The private text differs, the rest is the same.
            &[json!({ "format": "usd", "robot_profile": "franka" })],
            &["2"],
        ),
        (
            &[json!({}), json!({}), json!({}), json!({})],
            &["1", "2", "3", "3"],
        ),
        (&[json!([1]), json!("text")], &["1", "2"]),
    ] {
        let served = recording.serve().await;
        let mut found = Vec::new();
        for body in bodies {
            found.push(served.number(served.request(export).json(body)).await);
        }
        assert_eq!(found, expected, "{bodies:?}");
    }
}

/// Sends a generation with this prompt.
async fn generate(served: &Served, prompt: &str) -> String {
    let request = served.request("POST /v1/scenes");
    served
        .number(request.json(&json!({ "prompt": prompt })))
        .await
}

#[tokio::test]
async fn a_paid_request_is_served_as_often_as_it_was_recorded() {
    let recording = Recording::default()
        .json("POST /v1/scenes", 202, &n(1))
        .asked_for(&json!({ "prompt": "w1 w2" }))
        .json("POST /v1/scenes", 202, &n(2))
        .asked_for(&json!({ "prompt": "w3" }));
    let served = recording.serve().await;
    for expected in ["1", "2", "not_recorded", "not_recorded"] {
        assert_eq!(generate(&served, "a lab").await, expected);
    }
    let lines = ["POST /v1/scenes", "POST /v1/scenes"];
    assert_eq!(served.replay.unmatched(), lines);
    let request = served.request("POST /v1/scenes").json(&json!({}));
    let refused = served.send(request).await.unwrap();
    assert_eq!(
        refused.json()["error"]["message"],
        "POST /v1/scenes is recorded 2 times and was served as often; a paid request is not repeated"
    );

    // The same prompt is not paid for with the response to another one.
    let served = recording.serve().await;
    for expected in ["2", "not_recorded"] {
        assert_eq!(generate(&served, "w3").await, expected);
    }
}

#[tokio::test]
async fn requests_with_and_without_a_credential_are_told_apart() {
    let recording = Recording::default()
        .json("GET /v1/whoami", 401, &n(1))
        .asked_with(&json!([["accept", "application/json"]]))
        .json("GET /v1/whoami", 200, &n(2))
        .json("GET /v1/whoami", 200, &n(3))
        .asked_with(&json!([["x-gizmo-service-token", ""]]));
    let served = recording.serve().await;
    let without = served
        .http
        .get(format!("{}/v1/whoami", served.replay.url()));
    for (request, expected) in [
        (served.request("GET /v1/whoami"), "2"),
        (without.try_clone().unwrap(), "1"),
        (without.try_clone().unwrap(), "1"),
        (without.header("x-gizmo-service-token", "token"), "3"),
    ] {
        assert_eq!(served.number(request).await, expected);
    }
}

#[tokio::test]
async fn requests_for_parts_are_told_apart() {
    let with = |range: &str| json!([["authorization", "Bearer"], ["range", range]]);
    let recording = Recording::default()
        .json("GET /v1/catalog/files/a", 206, &n(1))
        .asked_with(&with("bytes=5-"))
        .json("GET /v1/catalog/files/a", 206, &n(2))
        .asked_with(&with("bytes=7-"))
        .json("GET /v1/catalog/files/a", 200, &n(3));
    for (range, expected) in [
        (Some("bytes=7-"), "2"),
        (Some("bytes=5-"), "1"),
        (Some("bytes=6-"), "1"),
        (None, "3"),
    ] {
        let served = recording.serve().await;
        let mut request = served.request("GET /v1/catalog/files/a");
        if let Some(range) = range {
            request = request.header("range", range);
        }
        assert_eq!(served.number(request).await, expected, "{range:?}");
    }
}

#[tokio::test]
async fn the_response_has_the_recorded_status_and_headers() {
    let fields = json!({
        "status": 429,
        "headers": [
            ["content-type", "text/html; charset=utf-8"],
            ["content-length", "999"],
            ["content-encoding", "gzip"],
            ["connection", "close"],
            ["transfer-encoding", "chunked"],
            ["keep-alive", "timeout=5"],
            ["date", "Tue, 12 Nov 2024 09:41:00 GMT"],
            ["x-ratelimit-remaining", "0"],
            ["set-cookie", "a=1"],
            ["set-cookie", "b=2"],
            ["not a name", "x"],
        ],
        "body": { "text": "<p>busy" },
    });
    let served = Recording::default()
        .response("GET /v1/usage", &fields)
        .serve()
        .await;
    let response = served.get("/v1/usage").await;
    assert_eq!(
        (response.status.as_u16(), response.body.as_slice()),
        (429, &b"<p>busy"[..])
    );
    let mut found: Vec<(&str, &str)> = response
        .headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.to_str().unwrap()))
        .collect();
    found.sort_unstable();
    assert_eq!(
        found,
        [
            ("content-length", "7"),
            ("content-type", "text/html; charset=utf-8"),
            ("date", "Tue, 12 Nov 2024 09:41:00 GMT"),
            ("set-cookie", "a=1"),
            ("set-cookie", "b=2"),
            ("x-ratelimit-remaining", "0"),
        ]
    );
}

#[tokio::test]
async fn links_to_other_recorded_hosts_lead_to_the_replay() {
    let link = "https://cdn.example/w1.zip?sig=w2";
    let served = Recording::default()
        .json("GET /v1/scenes/w3", 200, &json!({ "url": link }))
        .json(&format!("GET {link}"), 200, &n(7))
        .asked_with(&json!([]))
        .serve()
        .await;
    let url = served.get("/v1/scenes/w3").await.json()["url"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(url.starts_with(served.replay.url()), "{url}");
    assert_eq!(served.number(served.http.get(url)).await, "7");
}
