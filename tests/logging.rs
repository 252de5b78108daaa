//! The spans and events that calls log.
//!
//! These tests have their own binary. If a thread without a subscriber is the first to reach a log
//! statement, `tracing` caches that the statement is disabled.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

#[expect(dead_code, reason = "only other tests use the rest")]
#[path = "api/support.rs"]
mod support;

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
        let start = format!("DEBUG call{{operation=\"{operation}\" ");
        let lines = log.lines().into_iter();
        let lines = lines.filter(|line| line.starts_with(&start));
        lines.collect::<Vec<_>>()
    };
    let generate = lines_of("generate_scene");
    assert!(generate[0].contains(" attempt=1}: ") && generate[0].contains(" method=POST "));
    // The first request is for what the service lists before.
    let refused = " attempt=1 status=503 request_id=\"req_00000002\"}: ";
    assert!(generate[2].contains(refused) && generate[2].contains("503 busy: come back"));
    let accepted = " attempt=2 status=202 request_id=\"req_00000003\"}: ";
    assert!(generate.last().unwrap().contains(accepted));
    let job_started = format!("job started job_id=\"{}\"", job.id);
    assert!(log.lines().iter().any(|line| line.ends_with(&job_started)));
    for operation in ["job_events", "get_job"] {
        let expected = format!(" attempt=1 job_id=\"{}\"}}: ", job.id);
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
