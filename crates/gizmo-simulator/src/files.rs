//! Responses with files, with range and conditional requests.

use std::ops::Range;

use bytes::Bytes;
use http::header::{
    ACCEPT_RANGES, CONTENT_RANGE, CONTENT_TYPE, ETAG, IF_NONE_MATCH, IF_RANGE, RANGE,
};
use http::{HeaderMap, HeaderValue, Response, StatusCode};

use crate::response::{Body, full};

/// Returns a strong entity tag for these bytes.
pub(crate) fn etag(bytes: &[u8]) -> HeaderValue {
    let tag = format!("\"{:08x}-{:x}\"", crc32fast::hash(bytes), bytes.len());
    HeaderValue::from_str(&tag).expect("hexadecimal is ASCII")
}

/// Returns a response with a file, or with the requested range of it.
pub(crate) fn respond(bytes: &Bytes, media: &'static str, request: &HeaderMap) -> Response<Body> {
    let tag = etag(bytes);
    let unchanged = request.get(IF_NONE_MATCH) == Some(&tag);
    let mut response = if unchanged {
        let mut response = Response::new(full(Bytes::new()));
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        response
    } else {
        ranged(bytes.len(), &[&tag], request, |range| {
            full(bytes.slice(range))
        })
    };
    let headers = response.headers_mut();
    headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(media));
    headers.insert(ETAG, tag);
    response
}

/// Returns a response with the part of a file that a request selects, or with the complete file of `total`
/// bytes. `If-Range` permits a part if it equals a validator of the file.
pub(crate) fn ranged(
    total: usize,
    validators: &[&HeaderValue],
    request: &HeaderMap,
    part: impl FnOnce(Range<usize>) -> Body,
) -> Response<Body> {
    let mut response = Response::new(full(Bytes::new()));
    let permitted = request
        .get(IF_RANGE)
        .is_none_or(|value| validators.contains(&value));
    let range = request.get(RANGE).filter(|_| permitted);
    match range.map_or(Selection::All, |range| select(range, total)) {
        Selection::All => *response.body_mut() = part(0..total),
        Selection::Unsatisfiable => {
            *response.status_mut() = StatusCode::RANGE_NOT_SATISFIABLE;
            set_range(&mut response, &format!("bytes */{total}"));
        }
        Selection::Part(from, to) => {
            *response.status_mut() = StatusCode::PARTIAL_CONTENT;
            *response.body_mut() = part(from..to);
            set_range(&mut response, &format!("bytes {from}-{}/{total}", to - 1));
        }
    }
    response
}

fn set_range(response: &mut Response<Body>, range: &str) {
    if let Ok(range) = HeaderValue::from_str(range) {
        response.headers_mut().insert(CONTENT_RANGE, range);
    }
}

/// The part of a file that a `Range` header selects.
enum Selection {
    /// The complete file. Also applies to several ranges and to malformed headers.
    All,
    Part(usize, usize),
    /// A range outside the file.
    Unsatisfiable,
}

fn select(range: &HeaderValue, total: usize) -> Selection {
    let range = range.to_str().unwrap_or_default().strip_prefix("bytes=");
    let Some((first, last)) = range.and_then(|range| range.split_once('-')) else {
        return Selection::All;
    };
    let number = |text: &str| text.trim().parse::<usize>().ok();
    let (from, to) = match (number(first), number(last)) {
        (Some(from), Some(last)) => (from, last.saturating_add(1).min(total)),
        (Some(from), None) if last.is_empty() => (from, total),
        (None, Some(length)) if first.is_empty() => (total.saturating_sub(length), total),
        _ => return Selection::All,
    };
    if from < to {
        Selection::Part(from, to)
    } else {
        Selection::Unsatisfiable
    }
}
