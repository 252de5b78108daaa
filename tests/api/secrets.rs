//! The API key is never printed, and never sent to another machine over plain HTTP.

use std::fmt::Write;

use gizmo_client::Client;
use httpmock::MockServer;

use crate::support::{CANARY, client};

#[tokio::test]
async fn no_printed_value_shows_the_key() {
    let server = MockServer::start_async().await;
    server.mock(|when, then| {
        when.any_request();
        // The service repeats the key in its message.
        then.status(401)
            .header("content-type", "application/json")
            .body(format!(
                r#"{{"error":{{"code":"x","message":"bad key {CANARY}"}}}}"#
            ));
    });
    let client = client(&server.base_url());
    let error = client.whoami().send().await.unwrap_err();
    let job = client.job("job_1");
    let events = job.events();
    let scene = client.generate_scene().prompt("x");
    let mut shown =
        format!("{client:?} {client:#?} {error} {error:?} {error:#?} {job:?} {events:?} {scene:?}");
    shown.push_str(&String::from_utf8_lossy(error.body()));
    let mut source = std::error::Error::source(&error);
    while let Some(cause) = source {
        write!(shown, "{cause} {cause:?}").unwrap();
        source = cause.source();
    }
    let builder = Client::builder().api_key(CANARY).service_token(CANARY);
    write!(shown, "{builder:?}").unwrap();
    write!(shown, "{:?}", builder.build().unwrap_err()).unwrap();
    write!(shown, "{:?}", gizmo_client::ApiKey::new(CANARY).unwrap()).unwrap();
    assert!(shown.contains("job_1"));
    assert!(!shown.contains("canary"), "{shown}");
}

#[test]
fn the_key_is_not_sent_to_another_machine_over_plain_http() {
    let builder = Client::builder()
        .api_key(CANARY)
        .base_url("http://gizmo.example");
    let error = builder.build().unwrap_err();
    assert!(error.to_string().contains("plain http"), "{error}");
    assert!(!format!("{error:?}").contains("canary"));
}
