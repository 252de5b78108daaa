//! What the tests share: a simulator, a plain HTTP client, and event streams read as text.

use std::time::Duration;

use gizmo_simulator::{Options, Simulator};
use reqwest::header::HeaderMap;
use reqwest::{Method, RequestBuilder, Response, StatusCode};
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
        // Built together with gizmo-client, reqwest has rustls, and looks for a provider even for http.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .unwrap();
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
        self.get(&format!("/v1/jobs/{job}/events")).await;
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
    pub(crate) id: Option<u64>,
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
                let id = field("id:").map(|id| id.parse().unwrap());
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
        self.events().iter().filter_map(|event| event.id).collect()
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
pub(crate) async fn read_within(mut response: Response, silence: Duration) -> Stream {
    let (mut bytes, mut chunks) = (Vec::new(), 0);
    let end = loop {
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
