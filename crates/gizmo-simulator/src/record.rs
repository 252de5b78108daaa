//! The requests that were received, for tests to inspect.

use std::collections::{HashMap, VecDeque};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use serde_json::Value;
use tokio::time::Instant;

/// A request that the simulator received.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Received {
    /// The operation that its method and path select, or `None` if there is none.
    pub operation: Option<&'static str>,
    /// The method.
    pub method: Method,
    /// The path as sent, not decoded.
    pub path: String,
    /// The query as sent, not decoded and without the `?`.
    pub query: String,
    /// The headers.
    pub headers: HeaderMap,
    /// The part of the body that was read.
    pub body: Bytes,
    /// The time at which it was received.
    pub at: Instant,
    /// The rate limit as the headers of its response report it, if it was counted.
    pub rate_limit: Option<ReportedLimit>,
}

/// The rate limit that a response reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReportedLimit {
    /// How many requests remain in the window.
    pub remaining: u32,
    /// When the window ends.
    pub resets_at: Instant,
    /// Whether the request was refused with 429, because the window was used up.
    pub is_refused: bool,
}

impl Received {
    /// Returns the value of a header, or `None` if it is missing or not visible ASCII.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Returns the body as JSON, or null if it is not JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// Returns the names of the headers that carry a credential.
    pub fn credentials(&self) -> Vec<&'static str> {
        let names = ["authorization", "x-gizmo-service-token"];
        names
            .into_iter()
            .filter(|name| self.headers.contains_key(*name))
            .collect()
    }
}

/// Copies headers into new buffers. The headers of a request share hyper's read buffer and would keep
/// all of it allocated.
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

/// Counts all requests and keeps the last ones.
#[derive(Debug)]
pub(crate) struct Record {
    /// The number of requests to keep.
    capacity: usize,
    requests: VecDeque<Received>,
    counts: HashMap<&'static str, u64>,
    total: u64,
}

impl Record {
    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            capacity,
            requests: VecDeque::new(),
            counts: HashMap::new(),
            total: 0,
        }
    }

    /// Records a request and returns its number.
    pub(crate) fn add(&mut self, received: Received) -> u64 {
        self.total += 1;
        if let Some(operation) = received.operation {
            *self.counts.entry(operation).or_default() += 1;
        }
        if self.capacity > 0 {
            if self.requests.len() >= self.capacity {
                self.requests.pop_front();
            }
            self.requests.push_back(received);
        }
        self.total
    }

    /// Adds what the response to the request with this number reports.
    pub(crate) fn report(&mut self, number: u64, limit: ReportedLimit) {
        let from_last = usize::try_from(self.total.saturating_sub(number));
        let index = from_last
            .ok()
            .and_then(|back| self.requests.len().checked_sub(back + 1));
        if let Some(request) = index.and_then(|index| self.requests.get_mut(index)) {
            request.rate_limit = Some(limit);
        }
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
