//! Helpers of all tests: a simulator, a plain HTTP client, and event streams as text.

use std::time::Duration;

use gizmo_simulator::{Fault, Injected, On, Options, Simulator};
use reqwest::header::HeaderMap;
use reqwest::{ClientBuilder, Method, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};

/// A simulator and an HTTP client for it.
pub(crate) struct Api {
    pub(crate) simulator: Simulator,
    pub(crate) http: reqwest::Client,
}

/// A response with its complete body.
#[derive(Debug)]
pub(crate) struct FullResponse {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl FullResponse {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// Returns the value of a header, or an empty string if the response lacks it.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    /// Returns the code of an error response, or an empty string for other responses.
    pub(crate) fn code(&self) -> String {
        self.json()["error"]["code"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    }
}

impl Api {
    pub(crate) async fn start(options: Options) -> Self {
        let simulator = Simulator::start(options).await.unwrap();
        let http = client(|builder| builder);
        Self { simulator, http }
    }

    pub(crate) async fn instant() -> Self {
        Self::start(Options::instant()).await
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let url = format!("{}{path}", self.simulator.url());
        self.http
            .request(method, url)
            .bearer_auth(self.simulator.api_key())
    }

    pub(crate) async fn get(&self, path: &str) -> FullResponse {
        complete(self.request(Method::GET, path).send().await.unwrap())
            .await
            .unwrap()
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> FullResponse {
        let response = self
            .request(Method::POST, path)
            .json(body)
            .send()
            .await
            .unwrap();
        complete(response).await.unwrap()
    }

    /// Starts the job of a new scene and returns the IDs of the job and the scene.
    pub(crate) async fn generate(&self, prompt: &str) -> (String, String) {
        let response = self.post("/v1/scenes", &json!({ "prompt": prompt })).await;
        assert_eq!(response.status, 202, "{response:?}");
        let body = response.json();
        (text(&body["job_id"]), text(&body["scene_id"]))
    }

    /// Injects a fault into the next job.
    pub(crate) fn inject(&self, fault: Fault) -> Injected {
        self.simulator.handle().inject(On::any(), fault)
    }

    /// Generates a scene, waits for the end of its job, and returns its ID.
    pub(crate) async fn scene(&self, prompt: &str) -> String {
        let (job, scene) = self.generate(prompt).await;
        self.wait(&job).await;
        scene
    }

    /// Waits for the end of a job and returns its terminal status.
    pub(crate) async fn wait(&self, job: &str) -> String {
        self.follow(&format!("/v1/jobs/{job}/events")).await;
        text(
            &self
                .get(&format!("/v1/jobs/{job}?include_result=true"))
                .await
                .json()["job"]["status"],
        )
    }

    /// Reads an event stream until it ends or stays silent for [`TIMEOUT`].
    pub(crate) async fn stream(&self, path: &str) -> Stream {
        read(self.request(Method::GET, path).send().await.unwrap()).await
    }

    /// Reads an event stream until its terminal event has arrived.
    pub(crate) async fn follow(&self, path: &str) -> Stream {
        let response = self.request(Method::GET, path).send().await.unwrap();
        read_until(response, TIMEOUT, has_terminal).await
    }
}

/// Exports a scene and returns the archive.
pub(crate) async fn export(api: &Api, scene: &str, format: &str, robot: Value) -> Vec<u8> {
    let body = json!({ "format": format, "robot_profile": robot });
    let response = api.post(&format!("/v1/scenes/{scene}/export"), &body).await;
    assert_eq!(
        (response.status.as_u16(), response.header("content-type")),
        (200, "application/zip")
    );
    assert_eq!(
        response.header("content-length"),
        response.body.len().to_string()
    );
    assert!(
        response.header("etag").starts_with('"')
            && response.header("content-disposition").contains(scene)
    );
    response.body
}

/// Builds a plain HTTP client that follows no redirects.
pub(crate) fn client(with: fn(ClientBuilder) -> ClientBuilder) -> reqwest::Client {
    let builder = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none());
    with(builder).build().unwrap()
}

/// Returns whether the text of a stream contains a complete terminal event.
pub(crate) fn has_terminal(text: &str) -> bool {
    let ends = ["done", "job_succeeded", "job_failed", "job_cancelled"];
    let at = ends
        .iter()
        .find_map(|name| text.find(&format!("event: {name}\n")));
    at.is_some_and(|at| text[at..].contains("\n\n"))
}

/// Returns the string in a JSON value.
pub(crate) fn text(value: &Value) -> String {
    value
        .as_str()
        .unwrap_or_else(|| panic!("expected a string, got {value}"))
        .to_owned()
}

/// Reads a complete response.
pub(crate) async fn complete(response: Response) -> reqwest::Result<FullResponse> {
    let (status, headers) = (response.status(), response.headers().clone());
    Ok(FullResponse {
        status,
        headers,
        body: response.bytes().await?.to_vec(),
    })
}

/// How a stream ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// The body was complete.
    Clean,
    /// The connection failed within the body.
    Broken,
    /// Nothing arrived for too long.
    Silent,
    /// The awaited text has arrived.
    Reached,
}

/// An event stream that has been read.
#[derive(Debug)]
pub(crate) struct Stream {
    pub(crate) text: String,
    pub(crate) end: End,
    pub(crate) chunks: usize,
}

/// An event of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Event {
    pub(crate) id: Option<String>,
    pub(crate) name: String,
    pub(crate) data: Value,
}

impl Stream {
    /// Returns the complete events, without pings.
    pub(crate) fn events(&self) -> Vec<Event> {
        let text = self.text.replace("\r\n", "\n").replace('\r', "\n");
        let (complete, _) = text.rsplit_once("\n\n").unwrap_or_default();
        let mut events = Vec::new();
        for block in complete.split("\n\n").filter(|block| !block.is_empty()) {
            let field = |name: &str| {
                block
                    .lines()
                    .find_map(|line| line.strip_prefix(name))
                    .map(str::trim)
            };
            let Some(data) = field("data:") else { continue };
            let name = field("event:").unwrap_or("message").to_owned();
            if name != "ping" {
                let id = field("id:").map(str::to_owned);
                events.push(Event {
                    id,
                    name,
                    data: serde_json::from_str(data).unwrap(),
                });
            }
        }
        events
    }

    pub(crate) fn ids(&self) -> Vec<u64> {
        let events = self.events().into_iter();
        let ids = events.filter_map(|event| event.id);
        ids.map(|id| id.parse().unwrap()).collect()
    }

    pub(crate) fn names(&self) -> Vec<String> {
        self.events().into_iter().map(|event| event.name).collect()
    }
}

/// How long a connection must be silent before a test concludes that nothing more arrives.
pub(crate) const SILENCE: Duration = Duration::from_millis(400);

/// A timeout that suffices on a busy machine.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(10);

/// Reads a stream until it ends or stays silent for [`TIMEOUT`].
pub(crate) async fn read(response: Response) -> Stream {
    read_within(response, TIMEOUT).await
}

/// Reads a stream until it ends or stays silent for `silence`.
pub(crate) async fn read_within(response: Response, silence: Duration) -> Stream {
    read_until(response, silence, |_| false).await
}

/// Reads a stream until it ends, stays silent for `silence`, or `reached` accepts its text.
pub(crate) async fn read_until(
    mut response: Response,
    silence: Duration,
    reached: impl Fn(&str) -> bool,
) -> Stream {
    let (mut bytes, mut chunks) = (Vec::new(), 0);
    let end = loop {
        if reached(&String::from_utf8_lossy(&bytes)) {
            break End::Reached;
        }
        match tokio::time::timeout(silence, response.chunk()).await {
            Err(_) => break End::Silent,
            Ok(Err(_)) => break End::Broken,
            Ok(Ok(None)) => break End::Clean,
            Ok(Ok(Some(chunk))) => {
                bytes.extend_from_slice(&chunk);
                chunks += 1;
            }
        }
    };
    Stream {
        text: String::from_utf8(bytes).unwrap(),
        end,
        chunks,
    }
}
