//! Responds to requests with the exchanges of a recording.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard};

use bytes::Bytes;
use gizmo_client::record::{Content, End, Exchange, RecordedResponse};
use http::header::{
    ACCEPT_RANGES, CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG,
    HeaderMap, LAST_MODIFIED, TE, TRAILER, TRANSFER_ENCODING, UPGRADE,
};
use http::{HeaderName, HeaderValue, Request, Response, StatusCode};
use http_body::Body as _;
use hyper::body::Incoming;
use serde_json::Value;
use tokio::sync::watch;

use super::contents::{self, File};
use super::elsewhere::Elsewhere;
use super::matching::{Asked, Candidate, choose, refusal};
use super::stream::Script;
use crate::clock::Clock;
use crate::connections::{Service, read};
use crate::exports::Cache;
use crate::options::Options;
use crate::response::{Abort, Body, Refusal, full};
use crate::state::lock;
use crate::trouble::{Interruption, interrupted};
use crate::wire::{Control, Network};
use crate::{feed, files};

/// The most requests that are kept because they are not recorded.
const MAX_UNMATCHED: usize = 1_000;

/// The headers that describe the connection, or a body as it was sent then.
const OMITTED: [HeaderName; 7] = [
    CONNECTION,
    CONTENT_ENCODING,
    CONTENT_LENGTH,
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
];

/// Further headers of a connection, which have no constants.
const OMITTED_NAMES: [&str; 2] = ["keep-alive", "proxy-connection"];

/// A recording that is being served.
#[derive(Debug)]
pub(crate) struct Player {
    exchanges: Vec<Exchange>,
    /// What decides about each exchange.
    candidates: Vec<Candidate>,
    elsewhere: Elsewhere,
    clock: Clock,
    network: watch::Sender<Network>,
    progress: Mutex<Progress>,
    archives: Mutex<Cache>,
}

/// What has been requested so far.
#[derive(Debug, Default)]
struct Progress {
    /// Whether each exchange has been served.
    served: Vec<bool>,
    unmatched: Vec<String>,
}

/// What responds to a request.
enum Choice {
    /// The exchange with this index.
    Exchange(usize),
    /// The recorded events after a cursor.
    Events(Script),
}

impl Player {
    pub(crate) fn new(exchanges: Vec<Exchange>, url: &str, speed: f64) -> Self {
        let targets = exchanges
            .iter()
            .map(|exchange| exchange.request.target.as_str());
        Self {
            candidates: exchanges.iter().map(Candidate::new).collect(),
            elsewhere: Elsewhere::new(targets, url),
            clock: Clock::new(speed, 0),
            network: watch::Sender::new(Network::default()),
            progress: Mutex::new(Progress {
                served: vec![false; exchanges.len()],
                unmatched: Vec::new(),
            }),
            archives: Mutex::default(),
            exchanges,
        }
    }

    pub(crate) fn unmatched(&self) -> Vec<String> {
        self.progress().unmatched.clone()
    }

    fn progress(&self) -> MutexGuard<'_, Progress> {
        lock(&self.progress)
    }

    /// Selects what responds to a request, and records that it does.
    fn choose(&self, asked: &Asked) -> Result<Choice, Refusal> {
        let mut progress = self.progress();
        if let Some(index) = choose(&self.candidates, &progress.served, asked) {
            progress.served[index] = true;
            return Ok(Choice::Exchange(index));
        }
        if let Some(script) = self.resumed(asked) {
            return Ok(Choice::Events(script));
        }
        if progress.unmatched.len() < MAX_UNMATCHED {
            progress.unmatched.push(asked.line());
        }
        let message = refusal(&self.candidates, asked);
        Err(Refusal::new(StatusCode::NOT_FOUND, "not_recorded", message))
    }

    /// Returns the events after the cursor of a request, if their stream is recorded with another cursor.
    fn resumed(&self, asked: &Asked) -> Option<Script> {
        let recorded = self.candidates.iter().zip(&self.exchanges);
        let recorded = recorded.filter(|(candidate, _)| {
            let other = &candidate.asked;
            candidate.is_stream && (&other.method, &other.path) == (&asked.method, &asked.path)
        });
        let exchanges = recorded.map(|(_, exchange)| exchange);
        Script::after(asked.cursor().unwrap_or("0"), exchanges, &self.clock)
    }

    /// Returns the response of an exchange, or an error if it had none.
    async fn play(
        &self,
        index: usize,
        headers: &HeaderMap,
        control: &Arc<Control>,
    ) -> Result<Response<Body>, Abort> {
        let exchange = &self.exchanges[index];
        let recorded = exchange.response.as_ref().ok_or(Abort)?;
        let mut response = match &recorded.body {
            Content::Archive { .. } | Content::Bytes(_) => match self.file(index).await {
                Ok(file) => self.send_file(index, recorded, &file, headers),
                Err(refusal) => return Ok(refusal.into_response()),
            },
            Content::Events(_) => {
                let script = Script::of(exchange, &self.clock).ok_or(Abort)?;
                Response::new(script.rewrite(&self.elsewhere).body(Arc::clone(control)))
            }
            Content::Json(value) => self.send_text(value.to_string()),
            Content::Text(text) => self.send_text(text.clone()),
            _ => Response::new(full(Bytes::new())),
        };
        if response.status() == StatusCode::OK && recorded.status != 206 {
            let status = StatusCode::from_u16(recorded.status);
            *response.status_mut() = status.unwrap_or(StatusCode::BAD_GATEWAY);
        }
        copy_headers(recorded, response.headers_mut());
        if recorded.end == End::Broken && !matches!(recorded.body, Content::Events(_)) {
            response = broken(response, recorded, control);
        }
        Ok(response)
    }

    fn send_text(&self, text: String) -> Response<Body> {
        Response::new(full(self.elsewhere.rewrite(text)))
    }

    /// Returns a response with a file, or with the requested part of it if the service sent parts.
    fn send_file(
        &self,
        index: usize,
        recorded: &RecordedResponse,
        file: &File,
        headers: &HeaderMap,
    ) -> Response<Body> {
        let sends_parts = self.versions_of(index).any(|(_, other)| {
            other.status == 206 || header(other, &ACCEPT_RANGES) == Some("bytes")
        });
        let validators = [ETAG, LAST_MODIFIED].map(|name| header(recorded, &name)?.parse().ok());
        let validators: Vec<&HeaderValue> = validators.iter().flatten().collect();
        let none = HeaderMap::new();
        let requested = if sends_parts { headers } else { &none };
        let mut length = 0;
        let mut response = files::ranged(file.len(), &validators, requested, |range| {
            length = range.len();
            file.part(range)
        });
        response.headers_mut().insert(CONTENT_LENGTH, length.into());
        response
    }

    /// Returns the file of an exchange, of which it may have received only a part.
    async fn file(&self, index: usize) -> Result<File, Refusal> {
        let Some(recorded) = &self.exchanges[index].response else {
            return Ok(File::Pattern(0));
        };
        let Content::Bytes(received) = recorded.body else {
            return self.archive(index).await;
        };
        let received = usize::try_from(received).unwrap_or(usize::MAX);
        if recorded.status != 206 && recorded.end == End::Complete {
            return Ok(File::Pattern(received));
        }
        let mut versions = self.versions_of(index);
        let whole = versions.find(|(_, other)| matches!(other.body, Content::Archive { .. }));
        if let Some((whole, _)) = whole {
            return self.archive(whole).await;
        }
        if header(recorded, &CONTENT_TYPE).is_some_and(|media| media.contains("zip")) {
            let built = contents::unknown_archive();
            return built.map(File::Bytes).map_err(|error| unwritable(&error));
        }
        let range = header(recorded, &CONTENT_RANGE).and_then(|range| range.rsplit_once('/'));
        let total = match range {
            Some((_, total)) => total.parse().ok(),
            None => announced(recorded),
        };
        Ok(File::Pattern(total.unwrap_or(received).max(received)))
    }

    /// Returns the archive of an exchange.
    async fn archive(&self, index: usize) -> Result<File, Refusal> {
        let body = self.exchanges[index]
            .response
            .as_ref()
            .map(|response| &response.body);
        let Some(Content::Archive { entries, .. }) = body else {
            return Ok(File::Pattern(0));
        };
        let key = index.to_string();
        let cached = lock(&self.archives).get(&key);
        if let Some(bytes) = cached {
            return Ok(File::Bytes(bytes));
        }
        let entries = entries.clone();
        let built = tokio::task::spawn_blocking(move || contents::archive(&entries)).await;
        let bytes = built
            .unwrap_or_else(|error| Err(error.into()))
            .map_err(|error| unwritable(&error))?;
        lock(&self.archives).put(key, bytes.clone());
        Ok(File::Bytes(bytes))
    }

    /// Returns the responses with the file that an exchange concerns, or with parts of it.
    fn versions_of(&self, index: usize) -> impl Iterator<Item = (usize, &RecordedResponse)> {
        let asked = &self.candidates[index].asked;
        let pairs = self.candidates.iter().zip(&self.exchanges).enumerate();
        pairs.filter_map(|(other, (candidate, exchange))| {
            let response = exchange.response.as_ref()?;
            candidate
                .asked
                .requests_file_of(asked)
                .then_some((other, response))
        })
    }
}

/// Adds the recorded headers that describe neither the connection nor the length of the body.
fn copy_headers(recorded: &RecordedResponse, headers: &mut HeaderMap) {
    let is_file = matches!(recorded.body, Content::Archive { .. } | Content::Bytes(_));
    for (name, value) in &recorded.headers {
        let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), value.parse::<HeaderValue>())
        else {
            continue;
        };
        let omitted = OMITTED.contains(&name) || OMITTED_NAMES.contains(&name.as_str());
        if !(omitted || is_file && name == CONTENT_RANGE) {
            headers.append(name, value);
        }
    }
}

impl Service for Player {
    fn network(&self) -> &watch::Sender<Network> {
        &self.network
    }

    fn max_concurrent_streams(&self) -> Option<u32> {
        Options::default().max_concurrent_streams
    }

    async fn respond(
        self: Arc<Self>,
        control: Arc<Control>,
        request: Request<Incoming>,
    ) -> Result<Response<Body>, Abort> {
        let (parts, body) = request.into_parts();
        let body = read(body).await?;
        let body = (!body.is_empty()).then(|| {
            serde_json::from_slice(&body)
                .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&body).into_owned()))
        });
        let target = parts.uri.path_and_query();
        let target = target.map_or("/", |target| target.as_str());
        let headers = parts.headers.iter();
        let headers =
            headers.filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)));
        let asked = Asked::new(parts.method.as_str(), target, headers, body);
        match self.choose(&asked) {
            Ok(Choice::Exchange(index)) => self.play(index, &parts.headers, &control).await,
            Ok(Choice::Events(script)) => {
                let body = script.rewrite(&self.elsewhere).body(control);
                Ok(feed::event_stream(body))
            }
            Err(refusal) => Ok(refusal.into_response()),
        }
    }
}

/// Returns the value of a recorded header.
fn header<'a>(recorded: &'a RecordedResponse, name: &HeaderName) -> Option<&'a str> {
    let mut headers = recorded.headers.iter();
    let (_, value) = headers.find(|(header, _)| header.eq_ignore_ascii_case(name.as_str()))?;
    Some(value)
}

/// Returns the length that a recorded response announced.
fn announced(recorded: &RecordedResponse) -> Option<usize> {
    header(recorded, &CONTENT_LENGTH)?.parse().ok()
}

fn unwritable(error: &io::Error) -> Refusal {
    let message = format!("the recorded archive cannot be written: {error}");
    Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "not_replayable", message)
}

/// Breaks a response off where the recorded one broke off: after the same part of a file, or after the text.
fn broken(
    response: Response<Body>,
    recorded: &RecordedResponse,
    control: &Arc<Control>,
) -> Response<Body> {
    let (mut parts, body) = response.into_parts();
    let length = parts.headers.remove(CONTENT_LENGTH);
    let length = length.and_then(|length| length.to_str().ok()?.parse().ok());
    let length: u64 = length.or(body.size_hint().exact()).unwrap_or(0);
    let announced = announced(recorded).map(|announced| announced as u64);
    let (cut, announced) = match (&recorded.body, announced) {
        (Content::Bytes(received), Some(announced)) if announced > *received => {
            let part = u128::from(length) * u128::from(*received) / u128::from(announced);
            (u64::try_from(part).unwrap_or(length), Some(length))
        }
        (Content::Bytes(_) | Content::Archive { .. }, _) => (length, None),
        (_, announced) => (length, announced.filter(|announced| *announced > length)),
    };
    if let Some(announced) = announced {
        parts.headers.insert(CONTENT_LENGTH, announced.into());
    }
    let body = interrupted(body, cut, Interruption::Abort, control);
    Response::from_parts(parts, body)
}
