//! A service that differs from the simulator: a proxy in front of it, which changes requests and responses.

use std::sync::{Arc, Mutex};
use std::time::Instant;

use axum::body::{Body, to_bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Method, Request, Response, StatusCode};
use futures::StreamExt;
use gizmo_simulator::Simulator;
use serde_json::Value;

/// The longest body that the proxy changes.
const MAX_BODY: usize = 64 * 1024 * 1024;

/// A request, as a plant sees it.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub method: Method,
    pub path: String,
    pub query: String,
    pub body: Value,
    pub headers: HeaderMap,
    /// Seconds since the last paid request for a scene.
    pub since_paid: f64,
}

impl Asked {
    /// Whether the method and the path are these, where `*` is any segment.
    pub(crate) fn is(&self, method: &str, path: &str) -> bool {
        let segments = self.path.split('/');
        let same = path
            .split('/')
            .zip(segments.clone())
            .all(|(expected, found)| expected == "*" || expected == found);
        self.method == method && same && path.split('/').count() == segments.count()
    }
}

/// A response that was read completely.
#[derive(Debug)]
pub(crate) struct Replied {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Replied {
    /// Changes a JSON body.
    pub(crate) fn json(&mut self, change: impl FnOnce(&mut Value)) {
        if let Ok(mut body) = serde_json::from_slice(&self.body) {
            change(&mut body);
            self.body = body.to_string().into_bytes();
        }
    }

    /// Replaces everything by a JSON body.
    pub(crate) fn replace(&mut self, status: u16, body: &Value) {
        self.status = status;
        self.body = body.to_string().into_bytes();
        let json = "application/json".parse().unwrap();
        self.headers.insert("content-type", json);
    }

    pub(crate) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

type OnRequest = Arc<dyn Fn(&mut Asked) + Send + Sync>;
type OnResponse = Arc<dyn Fn(&Asked, &mut Replied) + Send + Sync>;
type OnBlock = Arc<dyn Fn(&mut String) + Send + Sync>;

/// What a stand-in does differently.
#[derive(Clone, Default)]
pub(crate) struct Changes {
    pub requests: Vec<OnRequest>,
    pub responses: Vec<OnResponse>,
    /// Changes of each block of an event stream.
    pub blocks: Vec<OnBlock>,
    /// Changes of the headers of every response.
    pub headers: Vec<OnResponse>,
}

impl Changes {
    pub(crate) fn request(&mut self, change: impl Fn(&mut Asked) + Send + Sync + 'static) {
        self.requests.push(Arc::new(change));
    }

    pub(crate) fn response(
        &mut self,
        change: impl Fn(&Asked, &mut Replied) + Send + Sync + 'static,
    ) {
        self.responses.push(Arc::new(change));
    }

    pub(crate) fn block(&mut self, change: impl Fn(&mut String) + Send + Sync + 'static) {
        self.blocks.push(Arc::new(change));
    }

    pub(crate) fn header(&mut self, change: impl Fn(&Asked, &mut Replied) + Send + Sync + 'static) {
        self.headers.push(Arc::new(change));
    }
}

/// A running stand-in.
pub(crate) struct StandIn {
    pub url: String,
    pub requests: Arc<Mutex<Vec<(Method, String)>>>,
    _simulator: Simulator,
}

struct Shared {
    upstream: String,
    http: reqwest::Client,
    changes: Changes,
    requests: Arc<Mutex<Vec<(Method, String)>>>,
    paid_at: Mutex<Option<Instant>>,
}

impl StandIn {
    /// Starts a stand-in in front of a simulator.
    pub(crate) async fn start(simulator: Simulator, changes: Changes) -> Self {
        let requests = Arc::default();
        let shared = Arc::new(Shared {
            upstream: simulator.url().to_owned(),
            http: reqwest::Client::new(),
            changes,
            requests: Arc::clone(&requests),
            paid_at: Mutex::default(),
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = axum::Router::new().fallback(forward).with_state(shared);
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self {
            url,
            requests,
            _simulator: simulator,
        }
    }

    /// The requests that cost credits.
    pub(crate) fn paid(&self) -> Vec<String> {
        let requests = self.requests.lock().unwrap();
        let is_paid =
            |path: &str| matches!(path, "/v1/scenes" | "/v1/assets") || path.ends_with("/edit");
        let posts = requests.iter().filter(|(method, _)| method == Method::POST);
        let paths = posts.map(|(_, path)| path.trim_end_matches('/').to_owned());
        paths.filter(|path| is_paid(path)).collect()
    }
}

async fn forward(State(shared): State<Arc<Shared>>, request: Request<Body>) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, MAX_BODY).await.unwrap_or_default();
    let path = parts.uri.path().to_owned();
    shared
        .requests
        .lock()
        .unwrap()
        .push((parts.method.clone(), path.clone()));
    let since_paid = {
        let mut paid_at = shared.paid_at.lock().unwrap();
        if parts.method == Method::POST && path == "/v1/scenes" {
            *paid_at = Some(Instant::now());
        }
        paid_at.map_or(f64::INFINITY, |at| at.elapsed().as_secs_f64())
    };
    let mut asked = Asked {
        method: parts.method,
        path,
        query: parts.uri.query().unwrap_or_default().to_owned(),
        body: serde_json::from_slice(&body).unwrap_or_default(),
        headers: parts.headers,
        since_paid,
    };
    for change in &shared.changes.requests {
        change(&mut asked);
    }
    let url = format!("{}{}?{}", shared.upstream, asked.path, asked.query);
    let mut headers = asked.headers.clone();
    headers.remove("host");
    headers.remove("content-length");
    let upstream = shared
        .http
        .request(asked.method.clone(), url.trim_end_matches('?'))
        .headers(headers)
        .body(body.to_vec());
    let Ok(upstream) = upstream.send().await else {
        return Response::builder()
            .status(StatusCode::BAD_GATEWAY)
            .body(Body::empty())
            .unwrap();
    };
    respond(&shared, &asked, upstream).await
}

async fn respond(shared: &Shared, asked: &Asked, upstream: reqwest::Response) -> Response<Body> {
    let mut replied = Replied {
        status: upstream.status().as_u16(),
        headers: upstream.headers().clone(),
        body: Vec::new(),
    };
    let media_type = replied.headers.get("content-type");
    let is_stream = media_type
        .is_some_and(|media_type| media_type.as_bytes().starts_with(b"text/event-stream"));
    for name in ["transfer-encoding", "connection", "content-length"] {
        replied.headers.remove(name);
    }
    let body = if is_stream {
        for change in &shared.changes.headers {
            change(asked, &mut replied);
        }
        Body::from_stream(blocks(upstream, shared.changes.blocks.clone()))
    } else {
        replied.body = upstream.bytes().await.unwrap_or_default().to_vec();
        for change in shared
            .changes
            .responses
            .iter()
            .chain(&shared.changes.headers)
        {
            change(asked, &mut replied);
        }
        Body::from(std::mem::take(&mut replied.body))
    };
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(replied.status).unwrap();
    *response.headers_mut() = replied.headers;
    response
}

/// Passes the blocks of an event stream on, each changed.
fn blocks(
    upstream: reqwest::Response,
    changes: Vec<OnBlock>,
) -> impl futures::Stream<Item = Result<String, reqwest::Error>> {
    let start = (upstream.bytes_stream().boxed(), String::new());
    futures::stream::try_unfold(start, move |(mut chunks, mut buffer)| {
        let changes = changes.clone();
        async move {
            loop {
                if let Some(end) = buffer.find("\n\n") {
                    let rest = buffer.split_off(end + 2);
                    let mut block = std::mem::replace(&mut buffer, rest);
                    for change in &changes {
                        change(&mut block);
                    }
                    return Ok(Some((block, (chunks, buffer))));
                }
                match chunks.next().await {
                    Some(chunk) => buffer.push_str(&String::from_utf8_lossy(&chunk?)),
                    None => return Ok(None),
                }
            }
        }
    })
}

/// Writes a ZIP archive with stored entries.
pub(crate) fn zip(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = Vec::new();
    let mut directory = Vec::new();
    for (name, content) in entries {
        let mut fields = Vec::new();
        // Version 2.0, no flags, stored, 1980-01-01.
        for field in [20_u16, 0, 0, 0, 0x21] {
            fields.extend(field.to_le_bytes());
        }
        let length = u32::try_from(content.len()).unwrap();
        for field in [crc32fast::hash(content), length, length] {
            fields.extend(field.to_le_bytes());
        }
        fields.extend(u16::try_from(name.len()).unwrap().to_le_bytes());
        fields.extend([0, 0]);
        let offset = u32::try_from(archive.len()).unwrap();
        archive.extend(b"PK\x03\x04");
        archive.extend(&fields);
        archive.extend(name.as_bytes());
        archive.extend(*content);
        directory.extend(b"PK\x01\x02\x14\x00");
        directory.extend(&fields);
        directory.extend([0; 10]);
        directory.extend(offset.to_le_bytes());
        directory.extend(name.as_bytes());
    }
    let start = u32::try_from(archive.len()).unwrap();
    let size = u32::try_from(directory.len()).unwrap();
    let count = u16::try_from(entries.len()).unwrap();
    archive.extend(directory);
    archive.extend(b"PK\x05\x06\0\0\0\0");
    archive.extend(count.to_le_bytes());
    archive.extend(count.to_le_bytes());
    archive.extend(size.to_le_bytes());
    archive.extend(start.to_le_bytes());
    archive.extend([0, 0]);
    archive
}
