//! What has been asked, for tests to look at.

use std::collections::{HashMap, VecDeque};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use serde_json::Value;
use tokio::time::Instant;

/// A request as it came.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Received {
    /// The operation it asked for, where there is one.
    pub operation: Option<&'static str>,
    /// Its method.
    pub method: Method,
    /// Its path as it was written.
    pub path: String,
    /// Its query as it was written, without the `?`.
    pub query: String,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body, as far as it was read.
    pub body: Bytes,
    /// When it came.
    pub at: Instant,
}

impl Received {
    /// A header's text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The body as JSON; null where it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// The names of the headers that carried a credential.
    pub fn credentials(&self) -> Vec<&'static str> {
        let names = ["authorization", "x-gizmo-service-token"];
        names
            .into_iter()
            .filter(|name| self.headers.contains_key(*name))
            .collect()
    }
}

/// Headers of their own: those of a request keep all of hyper's buffer alive.
pub(crate) fn copied(headers: &HeaderMap) -> HeaderMap {
    let pairs = headers.iter().filter_map(|(name, value)| {
        let name = HeaderName::from_bytes(name.as_ref()).ok()?;
        Some((name, HeaderValue::from_bytes(value.as_bytes()).ok()?))
    });
    let mut copied = HeaderMap::new();
    for (name, value) in pairs {
        copied.append(name, value);
    }
    copied
}

/// All requests, counted, and the last of them.
#[derive(Debug)]
pub(crate) struct Record {
    kept: usize,
    requests: VecDeque<Received>,
    counts: HashMap<&'static str, u64>,
    total: u64,
}

impl Record {
    pub(crate) fn new(kept: usize) -> Self {
        Self {
            kept,
            requests: VecDeque::new(),
            counts: HashMap::new(),
            total: 0,
        }
    }

    /// Takes a request down; returns its number.
    pub(crate) fn add(&mut self, received: Received) -> u64 {
        self.total += 1;
        if let Some(operation) = received.operation {
            *self.counts.entry(operation).or_default() += 1;
        }
        if self.kept > 0 {
            if self.requests.len() >= self.kept {
                self.requests.pop_front();
            }
            self.requests.push_back(received);
        }
        self.total
    }

    pub(crate) fn requests(&self) -> impl Iterator<Item = &Received> {
        self.requests.iter()
    }

    pub(crate) fn count(&self, operation: &str) -> u64 {
        self.counts.get(operation).copied().unwrap_or_default()
    }

    pub(crate) fn total(&self) -> u64 {
        self.total
    }

    pub(crate) fn clear(&mut self) {
        self.requests.clear();
        self.counts.clear();
        self.total = 0;
    }
}
