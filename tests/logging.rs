//! The spans and events that calls log.
//!
//! These tests have their own binary. If a thread without a subscriber is the first to reach a log
//! statement, `tracing` caches that the statement is disabled.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

#[expect(dead_code, reason = "only other tests use the rest")]
#[path = "api/support.rs"]
mod support;

use std::fmt::Write as _;
use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use gizmo_client::Format;
use gizmo_simulator::{Canned, Fault, On};
use tracing::Level;
use tracing::subscriber::{DefaultGuard, set_default};

use support::Lab;

/// A log writer that keeps everything in memory.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    /// Starts to keep what this thread logs.
    fn start() -> (Self, DefaultGuard) {
        let log = Self::default();
        let writer = log.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(Level::TRACE)
            .with_ansi(false)
            .without_time()
            .with_writer(move || writer.clone())
            .finish();
        (log, set_default(subscriber))
    }

    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }

    /// Returns the lines that gizmo-client logged.
    fn lines(&self) -> Vec<String> {
        let text = self.text();
        let lines = text.lines().filter(|line| line.contains("gizmo_client::"));
        lines.map(|line| line.trim().to_owned()).collect()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn each_call_has_a_span_with_attempt_status_and_request_id() {
    let (log, logging) = Log::start();
    let lab = Lab::instant().await;
    let dir = tempfile::tempdir().unwrap();
    let busy = Canned::error(503, "busy", "come back");
    let busy = busy.retry_after("0");
    lab.handle
        .inject(On::operation("generate_scene"), Fault::Respond(busy));
    let bake = lab.client.bake("a robotics lab").format(Format::Mjcf);
    bake.into_dir(dir.path().join("lab")).await.unwrap();
    drop(logging);
    let job = &lab.handle.jobs()[0];
    let lines_of = |operation: &str| {
        let start = format!("DEBUG call{{otel.kind=\"client\" operation=\"{operation}\" ");
        let lines = log.lines().into_iter();
        let lines = lines.filter(|line| line.starts_with(&start));
        lines.collect::<Vec<_>>()
    };
    let generate = lines_of("generate_scene");
    let host = lab.simulator.url().to_owned();
    let port = host.rsplit(':').next().unwrap().trim_end_matches('/');
    let sent = format!(
        " http.request.method=\"POST\" server.address=\"127.0.0.1\" server.port={port} url.path=\"/v1/scenes\""
    );
    let first = &generate[0];
    assert!(first.contains(&format!("{sent}}}: ")), "{first}");
    assert!(!first.contains("resend"), "{first}");
    // The first request is for what the service lists before.
    let refused =
        " http.response.status_code=503 request_id=\"req_00000002\" error.type=\"503\"}: ";
    assert!(generate[2].contains(refused) && generate[2].contains("503 busy: come back"));
    let resent = &generate[3];
    assert!(
        resent.contains(&format!(" http.request.resend_count=1{sent}}}: ")),
        "{resent}"
    );
    let accepted = " http.response.status_code=202 request_id=\"req_00000003\"}: ";
    assert!(generate.last().unwrap().contains(accepted));
    let job_started = format!("job started job_id=\"{}\"", job.id);
    assert!(log.lines().iter().any(|line| line.ends_with(&job_started)));
    for operation in ["job_events", "get_job"] {
        let expected = format!(" job_id=\"{}\"}}: ", job.id);
        assert!(lines_of(operation)[0].contains(&expected), "{operation}");
    }
    let done = format!(
        "phase=Done job_id=\"{}\" scene_id=\"{}\"",
        job.id, job.scene_id
    );
    assert!(log.lines().last().unwrap().ends_with(&done));
}

#[tokio::test]
async fn the_api_key_is_never_logged() {
    let (log, logging) = Log::start();
    let lab = Lab::instant().await;
    let key = lab.simulator.api_key().to_owned();
    let echo = Canned::error(502, "bad", &format!("no backend for {key}"));
    lab.handle.inject(On::any().times(2), Fault::Respond(echo));
    lab.client.whoami().send().await.unwrap();
    lab.handle.inject(On::any(), Fault::DropBeforeResponse);
    lab.client.whoami().send().await.unwrap();
    drop(logging);
    let text = log.text();
    assert!(text.contains("retry") && text.contains("502 bad: no backend"));
    // The log includes what hyper and other dependencies log at the trace level.
    assert!(text.contains("hyper") && !text.contains(&key), "{text}");
}

/// Everything that an error shows.
fn shown(error: &gizmo_client::Error) -> String {
    let mut shown = format!("{error} {error:#} {error:?} {error:#?}");
    shown.push_str(&String::from_utf8_lossy(error.body()));
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        shown += &[cause.to_string(), format!("{cause:?}")].concat();
        source = cause.source();
    }
    shown
}

/// Responses of every status that repeat the key and a signed URL.
fn responses(key: &str, leak: &str) -> Vec<Canned> {
    let bodies = [
        format!(r#"{{"error":{{"code":"{key}","message":"{leak}"}}}}"#),
        format!(r#"{{"error":"{leak}","code":"{key}","message":"{SIGNED}"}}"#),
        format!(r#"{{"detail":[{{"loc":["body","{SIGNED}"],"msg":"{leak}","type":"x"}}]}}"#),
        format!(r#"{{"detail":"{leak}"}}"#),
        format!("<Error><Code>{key}</Code><Message>{leak}</Message></Error>"),
        leak.to_owned(),
    ];
    // In errors, in successes that cannot be decoded, and in redirects.
    let statuses = [200, 202, 302, 307, 400, 401, 403, 404, 409, 422, 500, 503];
    let responses = statuses.into_iter().flat_map(|status| {
        bodies.iter().map(move |body| {
            Canned::empty(status)
                .header("content-type", "application/json")
                .header("x-request-id", key)
                .header("location", SIGNED)
                .body(body.clone())
        })
    });
    responses.collect()
}

const SIGNED: &str = "https://cdn.example/scene.zip?X-Amz-Signature=canary_signature";

#[tokio::test]
async fn neither_the_key_nor_a_signed_url_is_in_any_output() {
    let (log, logging) = Log::start();
    let lab = Lab::instant().await;
    let key = lab.simulator.api_key().to_owned();
    let escaped = key.replace('_', "\\u005f");
    let leak = format!("{key} {escaped} {SIGNED}");
    let mut output = String::new();
    let leaks = responses(&key, &leak);
    for canned in leaks {
        let canned = Fault::Respond(canned);
        let client = gizmo_client::Client::builder()
            .api_key(&key)
            .base_url(lab.simulator.url())
            .retry_policy(gizmo_client::RetryPolicy::none())
            .build()
            .unwrap();
        lab.handle.inject(On::operation("whoami"), canned.clone());
        if let Err(error) = client.whoami().send().await {
            output.push_str(&shown(&error));
        }
        lab.handle
            .inject(On::operation("export_scene").times(1), canned.clone());
        let export = client.export_scene().scene_id("sc_1").format(Format::Mjcf);
        output.push_str(&shown(&export.download().await.unwrap_err()));
        lab.handle.inject(On::operation("generate_scene"), canned);
        if let Err(error) = client.generate_scene().prompt("a lab").start().await {
            output.push_str(&shown(&error));
            write!(output, "{:?}", error.paid_request()).unwrap();
        }
    }
    // In a signed URL that is refused, and requested.
    let url = format!(
        "{}/scene.zip?X-Amz-Signature=canary_signature",
        lab.simulator.url()
    );
    let signed = move || {
        let url = gizmo_client::SignedUrl::new(url.clone(), None);
        async { Ok(url) }
    };
    output.push_str(&shown(
        &lab.client.download_signed(signed).await.unwrap_err(),
    ));
    // In the status and the events of a job.
    let job = lab.client.generate_scene().prompt("a lab").start().await;
    let job = job.unwrap();
    let failed = format!(
        r#"{{"job":{{"id":"{}","status":"failed","error":{{"message":"{leak}"}},"extra":"{leak}"}}}}"#,
        job.id()
    );
    let failed = Canned::empty(200).body(failed);
    lab.handle
        .inject(On::operation("get_job").always(), Fault::Respond(failed));
    let mut stream = String::new();
    for event in [
        "asset_ready",
        "floorplan_started",
        SIGNED,
        "error",
        "job_failed",
    ] {
        write!(
            stream,
            "event: {event}\ndata: {{\"asset_id\":\"{key}\",\"message\":\"{leak}\"}}\n\n"
        )
        .unwrap();
    }
    let stream = Canned::empty(200)
        .header("content-type", "text/event-stream")
        .body(stream);
    lab.handle
        .inject(On::operation("job_events").always(), Fault::Respond(stream));
    let mut events = job.events();
    while let Some(Ok(event)) = futures::StreamExt::next(&mut events).await {
        write!(output, "{event} {event:?} {event:#?}").unwrap();
    }
    output.push_str(&shown(&job.wait().await.unwrap_err()));
    drop(logging);
    for (place, text) in [("output", &output), ("log", &log.text())] {
        let around = |at: usize| text[at.saturating_sub(300)..at + 30].to_owned();
        assert_eq!(text.find(&key).map(around), None, "{place}");
        assert!(!text.contains("canary_signature"), "{place}: the signature");
        assert!(!text.contains(&escaped), "{place}: the escaped key");
    }
    assert!(output.contains("[redacted]") && log.text().contains("hyper"));
}

#[tokio::test]
async fn each_kind_of_difference_between_a_response_and_its_type_is_reported_once_without_values() {
    let (log, logging) = Log::start();
    let lab = Lab::instant().await;
    let job = serde_json::json!({"ok": true, "job": {
        "id": "job_private", "status": "hibernating", "owner_name": "private person", "created_at": "soon",
    }});
    let list =
        serde_json::json!({"scenes": [{"id": "private", "size": 1}, {"id": "other", "size": 2}]});
    for (operation, body) in [("get_job", &job), ("list_scenes", &list)] {
        let canned = Canned::json(200, body);
        lab.handle
            .inject(On::operation(operation).always(), Fault::Respond(canned));
    }
    for _ in 0..2 {
        lab.client
            .get_job()
            .job_id("job_private")
            .send()
            .await
            .unwrap();
    }
    lab.client.list_scenes().send().await.unwrap();
    drop(logging);

    let lines = log.lines();
    let drift: Vec<_> = lines
        .iter()
        .filter(|line| line.contains("gizmo_client::drift"))
        .collect();
    assert_eq!(drift.len(), 4, "{drift:#?}");
    for (line, (operation, pointer, found)) in drift.iter().zip([
        ("get_job", "/job/created_at", "a string"),
        ("get_job", "/job/status", "another word"),
        ("get_job", "/job/owner_name", "a string"),
        ("list_scenes", "/scenes/0/size", "an integer"),
    ]) {
        assert!(line.contains("WARN"), "{line}");
        for text in [operation, pointer, found] {
            assert!(line.contains(&format!("\"{text}\"")), "{text}: {line}");
        }
        for private in ["private person", "job_private", "hibernating", "soon"] {
            assert!(!line.contains(private), "{private}: {line}");
        }
    }
}
