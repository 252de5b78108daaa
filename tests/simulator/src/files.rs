//! Files that are fetched by GET: whole, by range, or not again.

use bytes::Bytes;
use http::header::{
    ACCEPT_RANGES, CONTENT_RANGE, CONTENT_TYPE, ETAG, IF_NONE_MATCH, IF_RANGE, RANGE,
};
use http::{HeaderMap, HeaderValue, Response, StatusCode};

use crate::response::{Body, whole};

/// A name for these bytes and no others.
pub(crate) fn etag(bytes: &[u8]) -> HeaderValue {
    let tag = format!("\"{:08x}-{:x}\"", crc32fast::hash(bytes), bytes.len());
    HeaderValue::from_str(&tag).expect("hexadecimal is ASCII")
}

/// Returns a file, or the part of it that is asked for.
pub(crate) fn response(bytes: &Bytes, media: &'static str, request: &HeaderMap) -> Response<Body> {
    let tag = etag(bytes);
    let total = bytes.len();
    let is_present = |name| request.get(name).is_some_and(|value| *value == tag);
    let mut response = Response::new(whole(Bytes::new()));
    response
        .headers_mut()
        .insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(media));
    if is_present(IF_NONE_MATCH) {
        response.headers_mut().insert(ETAG, tag);
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        return response;
    }
    let range = request
        .get(RANGE)
        .filter(|_| !request.contains_key(IF_RANGE) || is_present(IF_RANGE));
    match range.map_or(Wanted::All, |range| wanted(range, total)) {
        Wanted::All => *response.body_mut() = whole(bytes.clone()),
        Wanted::Nothing => {
            *response.status_mut() = StatusCode::RANGE_NOT_SATISFIABLE;
            set_range(&mut response, &format!("bytes */{total}"));
        }
        Wanted::Part(from, to) => {
            *response.status_mut() = StatusCode::PARTIAL_CONTENT;
            *response.body_mut() = whole(bytes.slice(from..to));
            set_range(&mut response, &format!("bytes {from}-{}/{total}", to - 1));
        }
    }
    response.headers_mut().insert(ETAG, tag);
    response
}

fn set_range(response: &mut Response<Body>, range: &str) {
    if let Ok(range) = HeaderValue::from_str(range) {
        response.headers_mut().insert(CONTENT_RANGE, range);
    }
}

/// What a `Range` asks for.
enum Wanted {
    /// All of it; several ranges and malformed ranges count as all.
    All,
    Part(usize, usize),
    /// A part that lies outside.
    Nothing,
}

fn wanted(range: &HeaderValue, total: usize) -> Wanted {
    let range = range.to_str().unwrap_or_default().strip_prefix("bytes=");
    let Some((first, last)) = range.and_then(|range| range.split_once('-')) else {
        return Wanted::All;
    };
    let number = |text: &str| text.trim().parse::<usize>().ok();
    let (from, to) = match (number(first), number(last)) {
        (Some(from), Some(last)) => (from, last.saturating_add(1).min(total)),
        (Some(from), None) if last.is_empty() => (from, total),
        (None, Some(length)) if first.is_empty() => (total.saturating_sub(length), total),
        _ => return Wanted::All,
    };
    if from < to {
        Wanted::Part(from, to)
    } else {
        Wanted::Nothing
    }
}
