//! Faults as they appear on the wire, and what the service has done when they occur.

use std::time::Duration;

use gizmo_simulator::{At, Canned, Fault, Injected, On, Options};
use reqwest::Method;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::{Api, SILENCE, TIMEOUT};

/// Sends a raw request. Returns the bytes until the connection ends or is silent, and how it ended.
async fn raw(api: &Api, request: &str, silence: Duration) -> (Vec<u8>, &'static str) {
    let mut stream = TcpStream::connect(api.simulator.address()).await.unwrap();
    let request = request.replace("KEY", api.simulator.api_key());
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        match tokio::time::timeout(silence, stream.read(&mut buffer)).await {
            Err(_) => return (bytes, "silent"),
            Ok(Ok(0)) => return (bytes, "closed"),
            Ok(Ok(read)) => bytes.extend_from_slice(&buffer[..read]),
            Ok(Err(_)) => return (bytes, "reset"),
        }
    }
}

const GENERATE: &str = "POST /v1/scenes HTTP/1.1\r\nhost: x\r\nauthorization: Bearer KEY\r\n\
    content-type: application/json\r\ncontent-length: 18\r\n\r\n{\"prompt\":\"a lab\"}";

fn inject(api: &Api, operation: &str, fault: Fault) -> Injected {
    api.simulator
        .handle()
        .inject(On::operation(operation), fault)
}

#[tokio::test]
async fn a_generation_fails_before_inside_and_after_its_response() {
    let status_line = b"HTTP/1.1 202 Accepted\r\n";
    for (faults, bytes, end, jobs) in [
        (vec![], 0..usize::MAX, "silent", 1),
        (vec![Fault::DropBeforeReading], 0..1, "reset", 0),
        (vec![Fault::DropBeforeHandling], 0..1, "closed", 0),
        (
            vec![Fault::Reset, Fault::DropBeforeHandling],
            0..1,
            "reset",
            0,
        ),
        (vec![Fault::DropBeforeResponse], 0..1, "closed", 1),
        (vec![Fault::StallBeforeResponse], 0..1, "silent", 1),
        (vec![Fault::CutHead(9)], 9..10, "closed", 1),
        (vec![Fault::CutBody(At::Byte(0))], 100..400, "closed", 1),
        (vec![Fault::CutBody(At::Byte(10))], 100..400, "closed", 1),
        (vec![Fault::StallBody(At::Byte(10))], 100..400, "silent", 1),
        (vec![Fault::CloseAfterResponse], 300..500, "closed", 1),
    ] {
        let api = Api::instant().await;
        let name = format!("{faults:?}");
        let injected: Vec<_> = faults
            .into_iter()
            .map(|fault| inject(&api, "generate_scene", fault))
            .collect();
        let silence = if end == "silent" { SILENCE } else { TIMEOUT };
        let (response, ended) = raw(&api, GENERATE, silence).await;
        let text = String::from_utf8_lossy(&response);
        assert!(bytes.contains(&response.len()), "{name}: {text}");
        assert!(
            response.is_empty()
                || response.starts_with(&status_line[..response.len().min(status_line.len())]),
            "{name}: {text}"
        );
        assert_eq!(
            (ended, api.simulator.handle().job_count()),
            (end, jobs),
            "{name}: {text}"
        );
        assert!(injected.iter().all(|fault| fault.hits() == 1), "{name}");
        assert_eq!(api.simulator.handle().count("generate_scene"), 1, "{name}");
        assert_eq!(api.get("/v1/whoami").await.status, 200, "{name}");
    }
}

#[tokio::test]
async fn a_body_is_truncated_at_the_exact_byte() {
    let api = Api::start(Options {
        texture_bytes: 3_000_000,
        deflate: false,
        ..Options::instant()
    })
    .await;
    let scene = api.scene("a lab").await;
    let path = format!("/v1/scenes/{scene}/export");
    let complete = api.post(&path, &json!({})).await.body;
    let size = complete.len() as u64;
    for (at, expected) in [
        (At::Percent(0.0), 0),
        (At::Percent(50.0), size / 2),
        (At::Byte(size - 1), size - 1),
        (At::Byte(12_345), 12_345),
    ] {
        for fault in [Fault::CutBody(at), Fault::StallBody(at)] {
            let stalls = matches!(fault, Fault::StallBody(_));
            inject(&api, "export_scene", fault);
            let mut response = api
                .request(Method::POST, &path)
                .json(&json!({}))
                .send()
                .await
                .unwrap();
            assert_eq!(response.content_length(), Some(size));
            let mut received = Vec::new();
            let silence = if stalls { SILENCE } else { TIMEOUT };
            let silent = loop {
                match tokio::time::timeout(silence, response.chunk()).await {
                    Ok(Ok(Some(chunk))) => received.extend_from_slice(&chunk),
                    Ok(Ok(None)) => panic!("the body is complete"),
                    Ok(Err(_)) => break false,
                    Err(_) => break true,
                }
            };
            assert_eq!(
                (received.len() as u64, silent),
                (expected, stalls),
                "{at:?}"
            );
            assert!(complete.starts_with(&received));
        }
    }
    inject(
        &api,
        "export_scene",
        Fault::Trickle(complete.len() / 4, Duration::from_millis(30)),
    );
    let start = std::time::Instant::now();
    assert_eq!(api.post(&path, &json!({})).await.body, complete);
    assert!(start.elapsed() >= Duration::from_millis(90));
}

#[tokio::test]
async fn a_content_length_is_wrong_or_missing() {
    let api = Api::instant().await;
    let complete = api.get("/v1/catalog/categories").await.body;
    inject(&api, "list_categories", Fault::LengthOff(7));
    let longer = api
        .request(Method::GET, "/v1/catalog/categories")
        .send()
        .await
        .unwrap();
    assert_eq!(longer.content_length(), Some(complete.len() as u64 + 7));
    assert!(longer.bytes().await.is_err());
    inject(&api, "list_categories", Fault::LengthOff(-7));
    assert_eq!(
        api.get("/v1/catalog/categories").await.body,
        complete[..complete.len() - 7]
    );
    inject(&api, "list_categories", Fault::NoLength);
    let chunked = api.get("/v1/catalog/categories").await;
    assert_eq!(
        (chunked.header("content-length"), chunked.body == complete),
        ("", true)
    );
    inject(&api, "list_categories", Fault::NoLength);
    inject(&api, "list_categories", Fault::CutBody(At::Byte(5)));
    let truncated = api
        .request(Method::GET, "/v1/catalog/categories")
        .send()
        .await
        .unwrap();
    assert!(truncated.content_length().is_none() && truncated.bytes().await.is_err());
}

#[tokio::test]
async fn canned_responses_replace_the_real_ones() {
    let api = Api::instant().await;
    let post = || async { api.post("/v1/scenes", &json!({ "prompt": "a lab" })).await };
    inject(
        &api,
        "generate_scene",
        Fault::Respond(Canned::rate_limited().retry_after("1.5")),
    );
    let response = post().await;
    assert_eq!(
        (response.status.as_u16(), response.header("retry-after")),
        (429, "1.5")
    );
    inject(
        &api,
        "generate_scene",
        Fault::Respond(Canned::empty(503).retry_after_date(Duration::from_secs(90))),
    );
    let response = post().await;
    assert!(
        response.header("retry-after").ends_with("GMT")
            && response.header("retry-after") != response.header("date")
    );
    inject(&api, "generate_scene", Fault::Respond(Canned::html(502)));
    let response = post().await;
    assert!(response.body.starts_with(b"<html>") && response.header("content-type") == "text/html");
    inject(
        &api,
        "generate_scene",
        Fault::Respond(Canned::flat_error(
            400,
            "bad_request",
            "asset_not_ready",
            "Wait",
        )),
    );
    assert_eq!(post().await.json()["code"], "asset_not_ready");
    assert_eq!(api.simulator.handle().job_count(), 0);
    inject(
        &api,
        "generate_scene",
        Fault::Header("x-ratelimit-limit", None),
    );
    inject(
        &api,
        "generate_scene",
        Fault::Header("x-extra", Some("1".to_owned())),
    );
    let response = post().await;
    assert_eq!(
        (
            response.status.as_u16(),
            response.header("x-ratelimit-limit"),
            response.header("x-extra")
        ),
        (202, "", "1")
    );
    assert_eq!(
        post().await.header("x-ratelimit-limit"),
        u32::MAX.to_string()
    );
}

#[tokio::test]
async fn connections_are_refused_reset_and_closed() {
    let api = Api::start(Options::default().documented().with_speed(1.0)).await;
    let handle = api.simulator.handle();
    let connect = || TcpStream::connect(api.simulator.address());
    handle.listen(false);
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert_eq!(
        connect().await.unwrap_err().kind(),
        std::io::ErrorKind::ConnectionRefused
    );
    handle.listen(true);
    tokio::time::sleep(Duration::from_millis(20)).await;
    handle.reset_connections(1);
    let mut stream = connect().await.unwrap();
    assert!(stream.read(&mut [0; 1]).await.is_err());
    assert_eq!(api.get("/v1/whoami").await.status, 200);
    assert_eq!(handle.total(), 1);

    let (job, _) = api.generate("a lab").await;
    let mut events = api
        .request(Method::GET, &format!("/v1/jobs/{job}/events"))
        .send()
        .await
        .unwrap();
    assert!(events.chunk().await.unwrap().is_some());
    handle.close_connections();
    assert!(events.chunk().await.is_err());
    assert_eq!(api.get("/v1/whoami").await.status, 200);
}

#[tokio::test]
async fn requests_are_recorded_as_received() {
    let api = Api::instant().await;
    api.post("/v1/scenes?x=1", &json!({ "prompt": "a lab" }))
        .await;
    let requests = api.simulator.handle().requests_of("generate_scene");
    let [request] = requests.as_slice() else {
        panic!("{requests:?}")
    };
    assert_eq!(
        (request.path.as_str(), request.query.as_str()),
        ("/v1/scenes", "x=1")
    );
    assert_eq!(
        (
            request.json()["prompt"].as_str(),
            request.header("content-type")
        ),
        (Some("a lab"), Some("application/json"))
    );
    assert_eq!(request.credentials(), ["authorization"]);
    api.simulator.handle().clear_requests();
    assert_eq!(api.simulator.handle().total(), 0);
}

#[tokio::test]
async fn a_dropped_simulator_frees_its_port() {
    let api = Api::start(Options::default().with_speed(1.0)).await;
    api.generate("a lab").await;
    let address = api.simulator.address();
    drop(api);
    tokio::task::yield_now().await;
    assert!(TcpStream::connect(address).await.is_err());
    let again = Api::start(Options {
        address,
        ..Options::instant()
    })
    .await;
    assert_eq!(again.get("/v1/whoami").await.status, 200);
}

#[tokio::test]
async fn response_headers_can_be_delayed_after_the_request_was_handled() {
    let api = Api::instant().await;
    inject(
        &api,
        "generate_scene",
        Fault::DelayHead(Duration::from_secs(3600)),
    );
    let body = json!({ "prompt": "a lab" });
    let request = api.request(Method::POST, "/v1/scenes").json(&body).send();
    let request = tokio::spawn(request);
    while api.simulator.handle().job_count() == 0 {
        tokio::task::yield_now().await;
    }
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert!(!request.is_finished());
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(3601)).await;
    tokio::time::resume();
    assert_eq!(request.await.unwrap().unwrap().status(), 202);
}

#[tokio::test]
async fn a_redirect_can_be_a_canned_response() {
    let api = Api::instant().await;
    let location = "https://elsewhere.example/v1/whoami";
    let redirect = Canned::empty(307).header("location", location);
    inject(&api, "whoami", Fault::Respond(redirect));
    let response = api.get("/v1/whoami").await;
    assert_eq!(
        (response.status.as_u16(), response.header("location")),
        (307, location)
    );
}
