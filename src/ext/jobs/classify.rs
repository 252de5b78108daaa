//! What a response or an error means for following a job.

use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http::{HeaderMap, StatusCode};

use crate::ext::error::{Error, ErrorKind, one_line};

/// Whether the service will refuse every further request for the status.
pub(super) fn is_final(error: &Error) -> bool {
    match error.status() {
        Some(status) => {
            status.is_client_error() && !matches!(status.as_u16(), 408 | 409 | 425 | 429)
        }
        None => matches!(error.kind(), ErrorKind::InvalidRequest | ErrorKind::Config),
    }
}

/// Returns why a response is not an event stream, or `None` if it is one.
///
/// [WHATWG][whatwg] requires the media type `text/event-stream`. If it is missing or generic, the
/// decoder decides.
///
/// [whatwg]: https://html.spec.whatwg.org/multipage/server-sent-events.html#sse-processing-model
// Assumption: event-stream-media-type.
pub(super) fn not_a_stream(status: StatusCode, headers: &HeaderMap) -> Option<String> {
    if status == StatusCode::NO_CONTENT {
        return Some("204 No Content instead of an event stream".to_owned());
    }
    let text = |name| {
        headers.get(name).map(|value| {
            String::from_utf8_lossy(value.as_bytes())
                .trim()
                .to_ascii_lowercase()
        })
    };
    if let Some(coding) =
        text(CONTENT_ENCODING).filter(|coding| !matches!(coding.as_str(), "" | "identity"))
    {
        return Some(format!(
            "the event stream is encoded as {}",
            one_line(&coding, 50)
        ));
    }
    let media = text(CONTENT_TYPE).unwrap_or_default();
    let essence = media.split(';').next().unwrap_or_default().trim_end();
    let plausible = [
        "",
        "text/event-stream",
        "text/plain",
        "application/octet-stream",
    ];
    let wrong = !plausible.contains(&essence);
    wrong.then(|| format!("{} instead of an event stream", one_line(essence, 100)))
}

/// Whether a connection failed because the process or the system has no file descriptor left.
pub(super) fn is_out_of_descriptors(error: &Error) -> bool {
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        if let Some(io) = inner.downcast_ref::<std::io::Error>() {
            // EMFILE and ENFILE; WSAEMFILE on Windows.
            return matches!(io.raw_os_error(), Some(23 | 24 | 10_024));
        }
        cause = inner.source();
    }
    false
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::ext::error::ErrorResponse;

    #[test]
    fn a_response_is_a_stream_by_its_media_type() {
        for (media, encoding, is_stream) in [
            (Some("text/event-stream"), None, true),
            (Some("Text/Event-Stream; charset=utf-8"), None, true),
            (None, None, true),
            (Some("text/plain"), None, true),
            (Some("text/event-stream"), Some("identity"), true),
            (Some("text/event-stream"), Some("gzip"), false),
            (Some("Text/HTML"), None, false),
            (Some("application/problem+json"), None, false),
            (Some("application/json"), None, false),
            (Some("application/xml"), None, false),
        ] {
            let mut headers = HeaderMap::new();
            if let Some(media) = media {
                headers.insert(CONTENT_TYPE, media.parse().unwrap());
            }
            if let Some(encoding) = encoding {
                headers.insert(CONTENT_ENCODING, encoding.parse().unwrap());
            }
            let reason = not_a_stream(StatusCode::OK, &headers);
            assert_eq!(
                reason.is_none(),
                is_stream,
                "{media:?} {encoding:?} {reason:?}"
            );
        }
        assert!(not_a_stream(StatusCode::NO_CONTENT, &HeaderMap::new()).is_some());
    }

    #[test]
    fn a_refusal_of_the_status_is_final_or_not() {
        let of = |status: u16| {
            let body = Bytes::from_static(b"{}");
            is_final(&Error::from_response(ErrorResponse {
                status: StatusCode::from_u16(status).unwrap(),
                headers: HeaderMap::new(),
                code: None,
                message: String::new(),
                request_id: None,
                retry_after: None,
                is_from_service: true,
                body,
            }))
        };
        let last: Vec<u16> = (400..600).filter(|status| of(*status)).collect();
        let others = [408, 409, 425, 429];
        assert_eq!(
            last,
            (400..500)
                .filter(|status| !others.contains(status))
                .collect::<Vec<_>>()
        );
        assert!(is_final(&Error::new(ErrorKind::Config, "no")));
        assert!(!is_final(&Error::new(ErrorKind::Transport, "no")));
    }
}
