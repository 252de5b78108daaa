//! The example `relay`, run as a program and called as a browser would.

use gizmo_client::{JobEvent, JobEventKind, types::JobStatus};
use gizmo_simulator::{Canned, Fault, On, Options};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Child;

use crate::support::{Lab, example};

struct Relay {
    url: String,
    _program: Child,
}

impl Relay {
    async fn start(lab: &Lab) -> Self {
        let mut command = example("relay");
        let command = lab
            .environment(&mut command)
            .stdout(std::process::Stdio::piped());
        let mut program = command.spawn().unwrap();
        let mut lines = BufReader::new(program.stdout.take().unwrap()).lines();
        let url = lines.next_line().await.unwrap().unwrap();
        Self {
            url,
            _program: program,
        }
    }

    async fn post(&self, path: &str, body: &str) -> (u16, String) {
        let request = reqwest::Client::new().post(format!("{}{path}", self.url));
        let response = request.body(body.to_owned()).send().await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    }

    /// Returns the events after a position, each with its id.
    async fn events(&self, job: &str, last_event_id: Option<&str>) -> Vec<(String, JobEvent)> {
        let url = format!("{}/jobs/{job}/events", self.url);
        let mut request = reqwest::Client::new().get(url);
        if let Some(id) = last_event_id {
            request = request.header("last-event-id", id);
        }
        let text = request.send().await.unwrap().text().await.unwrap();
        let frames = text.split("\n\n").filter(|frame| !frame.is_empty());
        frames
            .map(|frame| {
                let field = |name: &str| frame.lines().find_map(|line| line.strip_prefix(name));
                let event = serde_json::from_str(field("data: ").unwrap()).unwrap();
                (field("id: ").unwrap().to_owned(), event)
            })
            .collect()
    }
}

#[tokio::test]
async fn a_browser_receives_the_events_and_resumes_after_any_of_them() {
    let lab = Lab::start(Options::instant().documented()).await;
    let relay = Relay::start(&lab).await;
    let (status, job) = relay.post("/jobs", "a robotics lab").await;
    assert_eq!(status, 200, "{job}");
    // Without those that the client adds.
    let numbered = async |last_event_id: Option<&str>| {
        let mut events = relay.events(&job, last_event_id).await;
        events.retain(|(_, event)| event.seq.is_some());
        events
    };
    let all = numbered(None).await;
    assert_eq!(all.len(), lab.handle.job(&job).unwrap().events);
    assert!(all.last().unwrap().1.is_terminal());
    for at in [0, 3, all.len() - 2] {
        let rest = numbered(Some(&all[at].0)).await;
        assert_eq!(rest, all[at + 1..], "after {at}");
    }
}

#[tokio::test]
async fn a_job_is_cancelled_on_request_and_a_refusal_is_passed_on() {
    let lab = Lab::start(Options::instant().with_speed(0.0)).await;
    let relay = Relay::start(&lab).await;
    let (_, job) = relay.post("/jobs", "a robotics lab").await;
    let cancelled = relay.post(&format!("/jobs/{job}/cancel"), "").await;
    assert_eq!(cancelled, (200, "cancelled".to_owned()));
    let (_, last) = relay.events(&job, None).await.pop().unwrap();
    let JobEventKind::Done { status } = last.kind else {
        panic!("{last:?}");
    };
    assert_eq!(status, Some(JobStatus::Cancelled));
    assert_eq!(relay.post("/jobs/job_x/cancel", "").await.0, 404);
    let refused = Canned::error(400, "prompt_refused", "The prompt is not allowed");
    lab.handle
        .inject(On::operation("generate_scene"), Fault::Respond(refused));
    assert_eq!(relay.post("/jobs", "a lab").await.0, 400);
}
