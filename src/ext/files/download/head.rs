//! What the headers of a response state about a file: its version, the part of it, and whether it is a file.

use http::{HeaderMap, HeaderValue, header};

/// What identifies a version of a file (RFC 9110, section 8.8). It is strong: equal validators mean equal
/// bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Validator {
    ETag(HeaderValue),
    LastModified(HeaderValue),
}

impl Validator {
    /// Returns the strong validator of a response. A date is none beside an `ETag` (section 13.1.5), nor
    /// if the file may have changed twice in its second (section 8.8.2.2).
    pub(super) fn of(headers: &HeaderMap) -> Option<Self> {
        if let Some(etag) = headers.get(header::ETAG) {
            let is_weak = etag.as_bytes().starts_with(b"W/");
            return (!is_weak).then(|| Self::ETag(etag.clone()));
        }
        let modified = headers.get(header::LAST_MODIFIED)?;
        let time = |value: &HeaderValue| httpdate::parse_http_date(value.to_str().ok()?).ok();
        let (modified_at, now) = (time(modified)?, time(headers.get(header::DATE)?)?);
        (modified_at < now).then(|| Self::LastModified(modified.clone()))
    }

    /// Returns the value of `If-Range`.
    pub(super) fn value(self) -> HeaderValue {
        match self {
            Self::ETag(value) | Self::LastModified(value) => value,
        }
    }

    /// Whether a response is of this version.
    pub(super) fn is_of(&self, headers: &HeaderMap) -> bool {
        match self {
            Self::ETag(etag) => headers.get(header::ETAG) == Some(etag),
            Self::LastModified(modified) => {
                headers.get(header::LAST_MODIFIED) == Some(modified)
                    && !headers.contains_key(header::ETAG)
            }
        }
    }
}

/// A body that may be a page about the file instead of the file, by its media type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Page {
    /// HTML, or JSON. No file is one of these.
    Always,
    /// XML, which may be a model or the error of an object store.
    IfError,
}

impl Page {
    pub(super) fn of(headers: &HeaderMap) -> Option<Self> {
        let media = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
        let essence = media.split(';').next().unwrap_or_default().trim();
        match essence.to_ascii_lowercase().as_str() {
            "text/html"
            | "application/xhtml+xml"
            | "application/json"
            | "application/problem+json" => Some(Self::Always),
            "text/xml" | "application/xml" | "application/problem+xml" => Some(Self::IfError),
            _ => None,
        }
    }

    pub(super) fn is_shown_by(self, start: &[u8]) -> bool {
        let contains = |tag: &[u8]| memchr::memmem::find(start, tag).is_some();
        match self {
            Self::Always => true,
            Self::IfError => contains(b"<Error") || contains(b"<html") || contains(b"<problem"),
        }
    }
}

/// `Content-Range: bytes 100-199/200`, for a part of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ContentRange {
    pub(super) first: u64,
    pub(super) last: u64,
    /// `None` for `*`.
    pub(super) total: Option<u64>,
}

impl ContentRange {
    pub(super) fn of(headers: &HeaderMap) -> Option<Self> {
        let range = headers.get(header::CONTENT_RANGE)?.to_str().ok()?;
        let (unit, range) = range.trim().split_once(' ')?;
        let (range, total) = range.split_once('/')?;
        let (first, last) = range.split_once('-')?;
        let range = Self {
            first: first.trim().parse().ok()?,
            last: last.trim().parse().ok()?,
            total: match total.trim() {
                "*" => None,
                total => Some(total.parse().ok()?),
            },
        };
        let is_valid = unit.eq_ignore_ascii_case("bytes")
            && range.first <= range.last
            && range.total.is_none_or(|total| range.last < total);
        is_valid.then_some(range)
    }
}
