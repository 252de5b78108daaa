//! What is kept of a body while it passes.

use std::time::Duration;

use http::HeaderMap;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};

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
    /// Chooses by the headers what to keep. A stream of events is one also under another media type than its own,
    /// except that of an error.
    pub(super) fn new(headers: &HeaderMap, is_stream: bool) -> Self {
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
        } else if media_type.starts_with("text/event-stream")
            || is_stream && !media_type.contains("json")
        {
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

    /// Keeps what has passed, `after` a time since the request.
    pub(super) fn push(&mut self, data: &[u8], after: Duration) {
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
    pub(super) fn finish(self, after: Duration) -> Content {
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
pub(super) fn redact(redactor: &mut Redactor, content: Content, is_document: bool) -> Content {
    match content {
        Content::Json(value) if is_document => Content::Json(redactor.document(value)),
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

/// Whether a body is a document of an API.
pub(super) fn is_document(content: &Content) -> bool {
    let Content::Json(value) = content else {
        return false;
    };
    value["openapi"].is_string() && value["paths"].is_object()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ext::record::archive::tests::archive;

    /// What is kept of a body that arrives in pieces.
    fn kept(media_type: &str, body: &[u8], piece: usize) -> Content {
        let mut headers = HeaderMap::new();
        if !media_type.is_empty() {
            headers.insert(CONTENT_TYPE, media_type.parse().unwrap());
        }
        let mut collector = Collector::new(&headers, false);
        for piece in body.chunks(piece) {
            collector.push(piece, Duration::ZERO);
        }
        assert_eq!(collector.total(), body.len() as u64);
        collector.finish(Duration::ZERO)
    }

    #[test]
    fn a_body_is_kept_by_its_media_type_and_its_start() {
        let zip = archive("lab.xml", 10);
        let is_archive = |content: &Content| matches!(content, Content::Archive { size, entries } if *size == zip.len() as u64 && entries.len() == 1);
        for piece in [1, 3, 1000] {
            for media_type in [
                "application/zip",
                "application/octet-stream",
                "model/x",
                "application/json",
                "",
            ] {
                let content = kept(media_type, &zip, piece);
                assert!(is_archive(&content), "{media_type}: {content:?}");
            }
            let json = Content::Json(serde_json::json!({"a": 1}));
            for media_type in [
                "application/json",
                "application/problem+json; charset=utf-8",
                "text/plain",
                "",
            ] {
                assert_eq!(kept(media_type, b"{\"a\": 1}", piece), json);
            }
            assert_eq!(
                kept("text/html", b"<p>", piece),
                Content::Text("<p>".to_owned())
            );
            assert_eq!(
                kept("application/json", b"{\"a\": ", piece),
                Content::Text("{\"a\": ".to_owned())
            );
            assert_eq!(kept("text/plain", b"\xff\xfe", piece), Content::Bytes(2));
            assert_eq!(
                kept("model/gltf-binary", b"glTF....", piece),
                Content::Bytes(8)
            );
            assert_eq!(
                kept("application/zip", &zip[..20], piece),
                Content::Bytes(20)
            );
            assert_eq!(
                kept("application/octet-stream", b"PK", piece),
                Content::Bytes(2)
            );
            assert!(
                matches!(kept("text/event-stream", b"a\n\n", piece), Content::Events(all) if all.len() == 1)
            );
        }
        assert_eq!(kept("application/json", b"", 1), Content::Empty);
        assert_eq!(kept("application/zip", b"", 1), Content::Empty);
    }

    #[test]
    fn a_large_body_is_only_counted() {
        let large = vec![b' '; MAX_TEXT + 1];
        assert_eq!(
            kept("application/json", &large, 65_536),
            Content::Bytes(large.len() as u64)
        );
        let text = vec![b'a'; MAX_PLAIN + 1];
        assert_eq!(
            kept("text/plain", &text, 65_536),
            Content::Bytes(text.len() as u64)
        );
        let binary = vec![0; 100 * 1024];
        assert_eq!(
            kept("application/octet-stream", &binary, 1000),
            Content::Bytes(binary.len() as u64)
        );
    }

    #[test]
    fn an_encoded_body_is_only_counted() {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, "application/json".parse().unwrap());
        headers.insert(CONTENT_ENCODING, "gzip".parse().unwrap());
        let mut collector = Collector::new(&headers, false);
        collector.push(b"{}", Duration::ZERO);
        assert_eq!(collector.finish(Duration::ZERO), Content::Bytes(2));
    }
}
