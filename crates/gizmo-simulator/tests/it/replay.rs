//! Recordings that are served: which exchange responds, once or repeatedly, and how its body arrives.

mod files;
mod matching;
mod programs;
mod recorded;
mod streams;

use std::path::Path;

use gizmo_client::Client;
use gizmo_simulator::{Replay, ReplayOptions};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{FullResponse, client, complete};

/// A recording that a test writes.
#[derive(Default)]
struct Recording(Vec<Value>);

impl Recording {
    /// Adds an exchange whose response has JSON.
    fn json(self, request: &str, status: u16, body: &Value) -> Self {
        self.response(
            request,
            &json!({ "status": status, "body": { "json": body } }),
        )
    }

    /// Adds an exchange with these fields of its response.
    fn response(self, request: &str, fields: &Value) -> Self {
        let mut response = json!({
            "after": 0.0, "ended_after": 0.0, "status": 200, "headers": [], "end": "complete",
        });
        merge(&mut response, fields);
        self.exchange(request, &json!({ "response": response }))
    }

    /// Adds an exchange with these fields.
    fn exchange(mut self, request: &str, fields: &Value) -> Self {
        let (method, target) = request.split_once(' ').unwrap();
        let number = self.0.len() + 1;
        let mut exchange = json!({
            "number": number,
            "sent_at": 0.0,
            "request": {
                "method": method, "target": target, "headers": [["authorization", "Bearer"]],
            },
        });
        merge(&mut exchange, fields);
        self.0.push(exchange);
        self
    }

    /// Sets the headers of the last request.
    fn asked_with(mut self, headers: &Value) -> Self {
        self.0.last_mut().unwrap()["request"]["headers"] = headers.clone();
        self
    }

    /// Sets the JSON body of the last request.
    fn asked_for(mut self, body: &Value) -> Self {
        self.0.last_mut().unwrap()["request"]["body"] = json!({ "json": body });
        self
    }

    /// Sets when the last request was sent.
    fn sent_at(mut self, seconds: f64) -> Self {
        self.0.last_mut().unwrap()["sent_at"] = seconds.into();
        self
    }

    fn write(&self, directory: &Path) {
        let about = json!({ "version": 1, "client": "gizmo-client 0.1.0", "began_at": 1 });
        std::fs::write(directory.join("recording.json"), about.to_string()).unwrap();
        for exchange in &self.0 {
            let name = format!("{:04}-x.json", exchange["number"].as_u64().unwrap());
            std::fs::write(directory.join(name), exchange.to_string()).unwrap();
        }
    }

    async fn serve(&self) -> Served {
        self.serve_at(f64::INFINITY).await
    }

    async fn serve_at(&self, speed: f64) -> Served {
        let directory = tempfile::tempdir().unwrap();
        self.write(directory.path());
        let mut options = ReplayOptions::default();
        options.speed = speed;
        let replay = Replay::start_with(directory.path(), options).await.unwrap();
        Served {
            replay,
            http: client(|builder| builder),
            _directory: directory,
        }
    }
}

fn merge(value: &mut Value, fields: &Value) {
    for (name, field) in fields.as_object().unwrap() {
        value[name] = field.clone();
    }
}

/// A recording that is being served.
struct Served {
    replay: Replay,
    http: reqwest::Client,
    _directory: TempDir,
}

impl Served {
    fn client(&self) -> Client {
        let builder = Client::builder().base_url(self.replay.url());
        builder.api_key(self.replay.api_key()).build().unwrap()
    }

    /// Returns a request such as `GET /v1/usage`.
    fn request(&self, request: &str) -> RequestBuilder {
        let (method, target) = request.split_once(' ').unwrap();
        let method: Method = method.parse().unwrap();
        let url = format!("{}{target}", self.replay.url());
        self.http
            .request(method, url)
            .bearer_auth(self.replay.api_key())
    }

    async fn send(&self, request: RequestBuilder) -> reqwest::Result<FullResponse> {
        complete(request.send().await?).await
    }

    async fn get(&self, target: &str) -> FullResponse {
        let request = self.request(&format!("GET {target}"));
        self.send(request).await.unwrap()
    }

    /// Returns the field `n` of a response, or its error code.
    async fn number(&self, request: RequestBuilder) -> String {
        let response = self.send(request).await.unwrap();
        match response.json()["n"].as_u64() {
            Some(number) => number.to_string(),
            None => response.code(),
        }
    }
}
