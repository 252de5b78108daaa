//! HTTP/2 with prior knowledge on the port that serves HTTP/1.1: limits, resets, frozen connections.

use std::time::Duration;

use gizmo_simulator::{At, EventFault, Fault, On, Options};
use reqwest::{Method, Version};

use crate::support::{Api, End, PATIENCE, client, has_terminal, read, read_until};

/// How long nothing must come, where that is expected.
const SHORTLY: Duration = Duration::from_millis(50);

async fn start(options: Options) -> Api {
    let mut api = Api::start(options).await;
    api.http = client(reqwest::ClientBuilder::http2_prior_knowledge);
    api
}

#[tokio::test]
async fn one_port_serves_both_versions() {
    let api = start(Options::instant()).await;
    let (job, _) = api.generate("a lab").await;
    let path = format!("/v1/jobs/{job}/events");
    let response = api.request(Method::GET, &path).send().await.unwrap();
    assert_eq!(response.version(), Version::HTTP_2);
    let second = read_until(response, PATIENCE, has_terminal).await;
    let api = Api {
        http: client(|builder| builder),
        ..api
    };
    let response = api.request(Method::GET, &path).send().await.unwrap();
    assert_eq!(response.version(), Version::HTTP_11);
    let first = read_until(response, PATIENCE, has_terminal).await;
    assert_eq!(first.events(), second.events());
}

#[tokio::test]
async fn a_connection_has_at_most_so_many_streams() {
    let options = Options::default().with_speed(1.0);
    let api = start(Options {
        max_concurrent_streams: Some(2),
        ..options
    })
    .await;
    let (job, _) = api.generate("a lab").await;
    let path = format!("/v1/jobs/{job}/events");
    let first = api.request(Method::GET, &path).send().await.unwrap();
    let second = api.request(Method::GET, &path).send().await.unwrap();
    let mut third = Box::pin(api.request(Method::GET, "/v1/whoami").send());
    assert!(tokio::time::timeout(SHORTLY, &mut third).await.is_err());
    drop(first);
    let third = tokio::time::timeout(PATIENCE, third)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(third.status(), 200);
    drop(second);
}

#[tokio::test]
async fn a_broken_body_resets_its_stream_alone() {
    let api = start(Options::default().with_speed(360.0)).await;
    let handle = api.simulator.handle();
    let (job, _) = api.generate("a lab").await;
    let path = format!("/v1/jobs/{job}/events");
    let sound = api.request(Method::GET, &path).send().await.unwrap();
    for (fault, events, end) in [
        (EventFault::DropAfter(3), 3, End::Broken),
        (EventFault::DropInside(3), 2, End::Broken),
        (EventFault::EndAfter(3), 3, End::Clean),
    ] {
        handle.inject(On::operation("job_events"), Fault::Events(fault));
        let stream = api.stream(&path).await;
        assert_eq!((stream.ids().len(), stream.end), (events, end));
    }
    for fault in [
        Fault::CutBody(At::Byte(10)),
        Fault::DropBeforeResponse,
        Fault::DropBeforeHandling,
        Fault::Reset,
    ] {
        let reset = matches!(fault, Fault::Reset);
        handle.inject(On::operation("whoami"), fault);
        let response = api.request(Method::GET, "/v1/whoami").send().await;
        let body = match response {
            Ok(response) => response.bytes().await,
            Err(error) => Err(error),
        };
        assert_eq!(body.is_ok(), reset);
    }
    let sound = read_until(sound, PATIENCE, has_terminal).await;
    assert_eq!(sound.end, End::Reached);
}

#[tokio::test]
async fn a_frozen_connection_stays_open_and_silent() {
    for with in [
        reqwest::ClientBuilder::http2_prior_knowledge,
        |builder: reqwest::ClientBuilder| builder.http1_only(),
    ] {
        let mut api = Api::start(Options::default().with_speed(1.0)).await;
        api.http = client(with);
        let handle = api.simulator.handle();
        let (job, _) = api.generate("a lab").await;
        let fault = Fault::Events(EventFault::PingEvery(Duration::from_millis(5)));
        handle.inject(On::operation("job_events").always(), fault);
        let path = format!("/v1/jobs/{job}/events");
        let mut frozen = api.request(Method::GET, &path).send().await.unwrap();
        assert!(frozen.chunk().await.unwrap().is_some());
        handle.freeze_connections();
        // What was on its way still comes.
        while tokio::time::timeout(SHORTLY, frozen.chunk())
            .await
            .is_ok_and(|chunk| chunk.unwrap().is_some())
        {}
        let after = tokio::time::timeout(SHORTLY, frozen.chunk()).await;
        assert!(after.is_err(), "{after:?}");

        api.http = client(with);
        let pings = api.request(Method::GET, &path).send().await.unwrap();
        let pings = read_until(pings, PATIENCE, |text| {
            text.matches("event: ping").count() >= 2
        })
        .await;
        assert_eq!(pings.end, End::Reached);
        handle.close_connections();
        assert!(frozen.chunk().await.is_err());
    }
}

#[tokio::test]
async fn a_frozen_connection_acknowledges_no_ping() {
    let mut api = Api::start(Options::default().with_speed(1.0)).await;
    api.http = client(|builder| {
        builder
            .http2_prior_knowledge()
            .http2_keep_alive_interval(Duration::from_millis(20))
            .http2_keep_alive_timeout(Duration::from_millis(200))
    });
    let (job, _) = api.generate("a lab").await;
    let request = api.request(Method::GET, &format!("/v1/jobs/{job}/events"));
    let frozen = request.send().await.unwrap();
    api.simulator.handle().freeze_connections();
    assert_eq!(read(frozen).await.end, End::Broken);
}
