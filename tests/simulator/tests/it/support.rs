//! What the tests share: a simulator, a plain HTTP client, and event streams read as text.

use std::time::Duration;

use gizmo_simulator::{Options, Simulator};
use reqwest::header::HeaderMap;
use reqwest::{ClientBuilder, Method, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};

/// A simulator and whoever calls it.
pub(crate) struct Api {
    pub(crate) simulator: Simulator,
    pub(crate) http: reqwest::Client,
}

/// An answer that came whole.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

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

    pub(crate) async fn get(&self, path: &str) -> Answer {
        whole(self.request(Method::GET, path).send().await.unwrap())
            .await
            .unwrap()
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        let response = self
            .request(Method::POST, path)
            .json(body)
            .send()
            .await
            .unwrap();
        whole(response).await.unwrap()
    }

    /// Starts a scene's job: its id and the scene's.
    pub(crate) async fn generate(&self, prompt: &str) -> (String, String) {
        let answer = self.post("/v1/scenes", &json!({ "prompt": prompt })).await;
        assert_eq!(answer.status, 202, "{answer:?}");
        let body = answer.json();
        (text(&body["job_id"]), text(&body["scene_id"]))
    }

    /// Makes a scene and waits until it is whole.
    pub(crate) async fn scene(&self, prompt: &str) -> String {
        let (job, scene) = self.generate(prompt).await;
        self.ended(&job).await;
        scene
    }

    /// Follows a job to its end and says how it ended.
    pub(crate) async fn ended(&self, job: &str) -> String {
        self.follow(&format!("/v1/jobs/{job}/events")).await;
        text(
            &self
                .get(&format!("/v1/jobs/{job}?include_result=true"))
                .await
                .json()["job"]["status"],
        )
    }

    /// What comes of a request for events until it ends or nothing has come for a while.
    pub(crate) async fn stream(&self, path: &str) -> Stream {
        read(self.request(Method::GET, path).send().await.unwrap()).await
    }

    /// What comes of a request for events until the terminal event has come.
    pub(crate) async fn follow(&self, path: &str) -> Stream {
        let response = self.request(Method::GET, path).send().await.unwrap();
        read_until(response, PATIENCE, has_terminal).await
    }
}

/// A plain HTTP client that follows no redirects.
pub(crate) fn client(with: fn(ClientBuilder) -> ClientBuilder) -> reqwest::Client {
    // Built together with gizmo-client, reqwest has rustls, and looks for a provider even for http.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let builder = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none());
    with(builder).build().unwrap()
}

/// Whether the text of a stream has its terminal event, whole.
pub(crate) fn has_terminal(text: &str) -> bool {
    let ends = ["done", "job_succeeded", "job_failed", "job_cancelled"];
    let at = ends
        .iter()
        .find_map(|name| text.find(&format!("event: {name}\n")));
    at.is_some_and(|at| text[at..].contains("\n\n"))
}

pub(crate) fn text(value: &Value) -> String {
    value
        .as_str()
        .unwrap_or_else(|| panic!("no text but {value}"))
        .to_owned()
}

async fn whole(response: Response) -> reqwest::Result<Answer> {
    let (status, headers) = (response.status(), response.headers().clone());
    Ok(Answer {
        status,
        headers,
        body: response.bytes().await?.to_vec(),
    })
}

/// How a stream ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Clean,
    Broken,
    Silent,
    /// What was waited for has come.
    Reached,
}

/// An event stream that has been read.
#[derive(Debug)]
pub(crate) struct Stream {
    pub(crate) text: String,
    pub(crate) end: End,
    pub(crate) chunks: usize,
}

/// One event of it, without pings and comments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Event {
    pub(crate) id: Option<String>,
    pub(crate) name: String,
    pub(crate) data: Value,
}

impl Stream {
    /// The whole events, pings left out.
    pub(crate) fn events(&self) -> Vec<Event> {
        let text = self.text.replace("\r\n", "\n").replace('\r', "\n");
        let (whole, _) = text.rsplit_once("\n\n").unwrap_or_default();
        let mut events = Vec::new();
        for block in whole.split("\n\n").filter(|block| !block.is_empty()) {
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

/// What says that nothing will come, where that is expected.
pub(crate) const SILENCE: Duration = Duration::from_millis(400);

/// Long enough for a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// Reads until the end.
pub(crate) async fn read(response: Response) -> Stream {
    read_within(response, PATIENCE).await
}

/// Reads until the end or until nothing has come for so long.
pub(crate) async fn read_within(response: Response, silence: Duration) -> Stream {
    read_until(response, silence, |_| false).await
}

/// Reads until the end, until nothing has come for so long, or until the text is as wanted.
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
