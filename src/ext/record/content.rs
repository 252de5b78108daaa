//! What is kept of a body while it passes.

use http::HeaderMap;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use serde_json::Value;

use super::archive::Tail;
use super::blocks::Blocks;
use super::exchange::{Content, RecordedEvent};
use super::redact::Redactor;

/// The largest JSON or text that is kept, 8 MiB.
const MAX_TEXT: usize = 8 * 1024 * 1024;

/// The largest text other than JSON that is written, 1 MiB. It is an error page, or JSON that broke off.
const MAX_PLAIN: usize = 1024 * 1024;

/// The start of an archive.
const ARCHIVE: &[u8] = b"PK\x03\x04";

/// What is kept of a body so far.
#[derive(Debug)]
pub(super) struct Collector {
    kept: Kept,
    /// The number of bytes that have passed.
    total: u64,
}

#[derive(Debug)]
enum Kept {
    /// JSON or text.
    Text(Vec<u8>),
    Events(Blocks),
    /// An archive, or anything whose first bytes have not all passed.
    Tail(Tail, Vec<u8>),
    Nothing,
}

impl Collector {
    /// Chooses by the headers what to keep.
    pub(super) fn new(headers: &HeaderMap) -> Self {
        let value = |name| {
            headers
                .get(name)
                .and_then(|value: &http::HeaderValue| value.to_str().ok())
        };
        let media_type = value(CONTENT_TYPE)
            .unwrap_or("text/plain")
            .to_ascii_lowercase();
        let is_encoded = value(CONTENT_ENCODING).is_some_and(|encoding| encoding != "identity");
        let kept = if is_encoded {
            Kept::Nothing
        } else if media_type.starts_with("text/event-stream") {
            Kept::Events(Blocks::new())
        } else if ["text/", "json", "xml", "x-www-form-urlencoded"]
            .iter()
            .any(|part| media_type.contains(part))
        {
            Kept::Text(Vec::new())
        } else {
            let known = if media_type.contains("zip") {
                ARCHIVE
            } else {
                &[]
            };
            Kept::Tail(Tail::default(), known.to_vec())
        };
        Self { kept, total: 0 }
    }

    pub(super) fn total(&self) -> u64 {
        self.total
    }

    /// Keeps what has passed, `after` seconds after the request.
    pub(super) fn push(&mut self, data: &[u8], after: f64) {
        self.total += data.len() as u64;
        match &mut self.kept {
            Kept::Text(text) if text.len() + data.len() <= MAX_TEXT => text.extend_from_slice(data),
            Kept::Text(_) => self.kept = Kept::Nothing,
            Kept::Events(blocks) => blocks.push(data, after),
            Kept::Tail(tail, first) => {
                let missing = ARCHIVE.len().saturating_sub(first.len());
                first.extend_from_slice(&data[..data.len().min(missing)]);
                if first.len() == ARCHIVE.len() && first != ARCHIVE {
                    self.kept = Kept::Nothing;
                } else {
                    tail.push(data);
                }
            }
            Kept::Nothing => {}
        }
    }

    /// Returns the body, in which nothing is replaced so far.
    pub(super) fn finish(self, after: f64) -> Content {
        let content = match self.kept {
            Kept::Text(text) => of_text(&text),
            Kept::Events(blocks) => Some(Content::Events(blocks.finish(after))),
            Kept::Tail(tail, _) => tail.entries().map(|entries| Content::Archive {
                size: self.total,
                entries,
            }),
            Kept::Nothing => None,
        };
        match content {
            _ if self.total == 0 => Content::Empty,
            None => Content::Bytes(self.total),
            Some(content) => content,
        }
    }
}

/// JSON or text; `None` if it is neither.
fn of_text(bytes: &[u8]) -> Option<Content> {
    if bytes.starts_with(ARCHIVE) {
        let mut tail = Tail::default();
        tail.push(bytes);
        let size = bytes.len() as u64;
        return tail
            .entries()
            .map(|entries| Content::Archive { size, entries });
    }
    if let Ok(value) = serde_json::from_slice(bytes) {
        return Some(Content::Json(value));
    }
    let text = std::str::from_utf8(bytes).ok()?;
    (text.len() <= MAX_PLAIN).then(|| Content::Text(text.to_owned()))
}

/// The body of a request, in which nothing is replaced so far.
pub(super) fn of_request(body: Option<&reqwest::Body>) -> Content {
    let Some(body) = body else {
        return Content::Empty;
    };
    match body.as_bytes() {
        Some([]) => Content::Empty,
        Some(bytes) if bytes.len() <= MAX_TEXT => {
            of_text(bytes).unwrap_or(Content::Bytes(bytes.len() as u64))
        }
        Some(bytes) => Content::Bytes(bytes.len() as u64),
        // The length of a stream is unknown.
        None => Content::Bytes(0),
    }
}

/// Adds the private words of a body.
pub(super) fn collect(redactor: &mut Redactor, content: &Content, is_request: bool) {
    match content {
        Content::Json(value) => redactor.collect(value, is_request),
        Content::Text(text) if is_request => redactor.add_private(text),
        Content::Events(blocks) => blocks
            .iter()
            .for_each(|block| redactor.collect_block(&block.text)),
        _ => {}
    }
}

/// Replaces what is private in a body. A document of the API is public.
pub(super) fn redact(redactor: &mut Redactor, content: Content, may_be_document: bool) -> Content {
    match content {
        Content::Json(value) if may_be_document && is_document(&value) => {
            Content::Json(redactor.document(value))
        }
        Content::Json(value) => Content::Json(redactor.json(value)),
        Content::Text(text) => Content::Text(redactor.long_text(&text)),
        Content::Events(blocks) => {
            let blocks = blocks.into_iter();
            let blocks = blocks.map(|block| RecordedEvent {
                text: redactor.block(&block.text),
                ..block
            });
            Content::Events(blocks.collect())
        }
        Content::Archive { size, mut entries } => {
            for entry in &mut entries {
                entry.name = redactor.entry(&entry.name);
            }
            Content::Archive { size, entries }
        }
        other => other,
    }
}

fn is_document(value: &Value) -> bool {
    value["openapi"].is_string() && value["paths"].is_object()
}
