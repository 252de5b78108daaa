//! HTTP/2 with prior knowledge on the port of HTTP/1.1: limits, resets and frozen connections.

use std::time::Duration;

use gizmo_simulator::{At, EventFault, Fault, On, Options};
use reqwest::{Method, Version};

use crate::support::{Api, End, TIMEOUT, client, has_terminal, read, read_until};

/// How long a connection must be silent before a test concludes that nothing more arrives.
const SILENCE: Duration = Duration::from_millis(50);

/// Starts a simulator with an HTTP/2 client.
async fn start(options: Options) -> Api {
    let mut api = Api::start(options).await;
    api.http = client(reqwest::ClientBuilder::http2_prior_knowledge);
    api
}

#[tokio::test]
async fn one_port_serves_both_http_versions() {
    let api = start(Options::instant()).await;
    let (job, _) = api.generate("a lab").await;
    let path = format!("/v1/jobs/{job}/events");
    let response = api.request(Method::GET, &path).send().await.unwrap();
    assert_eq!(response.version(), Version::HTTP_2);
    let over_http2 = read_until(response, TIMEOUT, has_terminal).await;
    let api = Api {
        http: client(|builder| builder),
        ..api
    };
    let response = api.request(Method::GET, &path).send().await.unwrap();
    assert_eq!(response.version(), Version::HTTP_11);
    let over_http1 = read_until(response, TIMEOUT, has_terminal).await;
    assert_eq!(over_http1.events(), over_http2.events());
}

#[tokio::test]
async fn a_connection_has_a_limited_number_of_concurrent_streams() {
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
    assert!(tokio::time::timeout(SILENCE, &mut third).await.is_err());
    drop(first);
    let third = tokio::time::timeout(TIMEOUT, third).await.unwrap().unwrap();
    assert_eq!(third.status(), 200);
    drop(second);
}

#[tokio::test]
async fn a_broken_body_resets_only_its_stream() {
    let api = start(Options::default().with_speed(360.0)).await;
    let handle = api.simulator.handle();
    let (job, _) = api.generate("a lab").await;
    let path = format!("/v1/jobs/{job}/events");
    let unaffected = api.request(Method::GET, &path).send().await.unwrap();
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
    let unaffected = read_until(unaffected, TIMEOUT, has_terminal).await;
    assert_eq!(unaffected.end, End::Reached);
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
        // Data that was already in flight still arrives.
        while tokio::time::timeout(SILENCE, frozen.chunk())
            .await
            .is_ok_and(|chunk| chunk.unwrap().is_some())
        {}
        let after = tokio::time::timeout(SILENCE, frozen.chunk()).await;
        assert!(after.is_err(), "{after:?}");

        api.http = client(with);
        let pings = api.request(Method::GET, &path).send().await.unwrap();
        let pings = read_until(pings, TIMEOUT, |text| {
            text.matches("event: ping").count() >= 2
        })
        .await;
        assert_eq!(pings.end, End::Reached);
        handle.close_connections();
        assert!(frozen.chunk().await.is_err());
    }
}

#[tokio::test]
async fn a_frozen_connection_does_not_acknowledge_pings() {
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
