//! Applies faults: before a request is handled, and to its response.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use futures_util::stream::try_unfold;
use http::header::{CONTENT_LENGTH, RETRY_AFTER};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use http_body::{Body as _, Frame};
use http_body_util::{BodyExt, StreamBody};

use crate::clock::Clock;
use crate::fault::{At, Canned, Fault};
use crate::response::{Abort, Body, full};
use crate::wire::Control;

/// Applies the faults that occur before a request is handled. If it returns a response, the request is
/// not handled.
pub(crate) async fn before_handling(
    faults: &[Fault],
    control: &Control,
    clock: &Clock,
    has_cursor: bool,
) -> Result<Option<Response<Body>>, Abort> {
    for fault in faults {
        match fault {
            Fault::Reset => control.reset(),
            Fault::Delay(delay) => tokio::time::sleep(*delay).await,
            Fault::DropBeforeHandling => return Err(Abort),
            Fault::Respond(canned) => return Ok(Some(canned_response(canned, clock))),
            Fault::RefuseCursor(status) if has_cursor => {
                let canned = Canned::error(
                    *status,
                    "cursor_refused",
                    "The events before this cursor have been deleted",
                );
                return Ok(Some(canned_response(&canned, clock)));
            }
            _ => {}
        }
    }
    Ok(None)
}

/// Whether all links expire before the request is handled.
pub(crate) fn expires_links(faults: &[Fault]) -> bool {
    faults
        .iter()
        .any(|fault| matches!(fault, Fault::ExpireLinks))
}

/// Returns the delay after which a request is handled, and the response that is sent before.
pub(crate) fn handled_later(faults: &[Fault]) -> Option<(Duration, &Canned)> {
    faults.iter().find_map(|fault| match fault {
        Fault::HandleLater(delay, canned) => Some((*delay, canned)),
        _ => None,
    })
}

pub(crate) fn canned_response(canned: &Canned, clock: &Clock) -> Response<Body> {
    let mut response = Response::new(full(canned.body.clone()));
    *response.status_mut() =
        StatusCode::from_u16(canned.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in &canned.headers {
        set_header(response.headers_mut(), name, Some(value));
    }
    if let Some(ahead) = canned.retry_date {
        let date = httpdate::fmt_http_date(SystemTime::UNIX_EPOCH + clock.now() + ahead);
        set_header(response.headers_mut(), RETRY_AFTER.as_str(), Some(&date));
    }
    response
}

/// Sets a header, or removes it if the value is `None` or invalid.
fn set_header(headers: &mut HeaderMap, name: &'static str, value: Option<&String>) {
    let name = HeaderName::from_static(name);
    match value.and_then(|value| HeaderValue::from_str(value).ok()) {
        Some(value) => headers.insert(name, value),
        None => headers.remove(name),
    };
}

/// Applies the faults that affect the response.
pub(crate) async fn after_handling(
    faults: &[Fault],
    control: &Arc<Control>,
    clock: &Clock,
    response: Response<Body>,
) -> Result<Response<Body>, Abort> {
    let replaced = faults.iter().find_map(|fault| match fault {
        Fault::RespondAfterHandling(canned) => Some(canned_response(canned, clock)),
        _ => None,
    });
    let (mut parts, mut body) = replaced.unwrap_or(response).into_parts();
    let length = body.size_hint().exact();
    // If this differs from `length`, it is announced in `Content-Length`.
    let mut announced = length;
    for fault in faults {
        let at = |at: &At| at.bytes(length);
        match fault {
            Fault::DropBeforeResponse => return Err(Abort),
            Fault::StallBeforeResponse => std::future::pending().await,
            Fault::DelayHead(delay) => tokio::time::sleep(*delay).await,
            Fault::CutHead(bytes) => control.break_after(*bytes),
            Fault::CutBody(place) => {
                body = interrupted(body, at(place), Interruption::Abort, control);
            }
            Fault::StallBody(place) => {
                body = interrupted(body, at(place), Interruption::Stall, control);
            }
            Fault::Trickle(bytes, pause) => body = trickled(body, *bytes, *pause),
            Fault::CloseAfterResponse => {
                body = ClosingBody {
                    body,
                    control: Arc::clone(control),
                }
                .boxed_unsync();
            }
            Fault::LengthOff(difference) => {
                announced = announced.map(|length| length.saturating_add_signed(*difference));
            }
            Fault::NoLength => announced = None,
            Fault::Header(name, value) => set_header(&mut parts.headers, name, value.as_ref()),
            _ => {}
        }
    }
    if announced != length {
        // hyper accepts a different `Content-Length` only for a body of unknown length. It truncates a
        // longer body itself. After a shorter body the connection must be aborted.
        let end = length.filter(|length| announced > Some(*length));
        body = interrupted(body, end.unwrap_or(u64::MAX), Interruption::Abort, control);
    }
    if let Some(announced) = announced {
        parts.headers.insert(CONTENT_LENGTH, announced.into());
    }
    Ok(Response::from_parts(parts, body))
}

/// What happens where a body is interrupted.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Interruption {
    Abort,
    Stall,
}

/// Returns a body that is interrupted after this many bytes.
pub(crate) fn interrupted(
    body: Body,
    bytes: u64,
    interruption: Interruption,
    control: &Arc<Control>,
) -> Body {
    let state = (body, bytes, Arc::clone(control));
    let frames = try_unfold(state, move |(mut body, remaining, control)| async move {
        if remaining == 0 {
            control.flush().await;
            match interruption {
                Interruption::Abort => return Err(Abort),
                Interruption::Stall => std::future::pending::<()>().await,
            }
        }
        let Some(data) = next_data(&mut body).await? else {
            return Ok(None);
        };
        let length = usize::try_from(remaining).map_or(data.len(), |bytes| bytes.min(data.len()));
        let remaining = remaining - length as u64;
        Ok(Some((
            Frame::data(data.slice(..length)),
            (body, remaining, control),
        )))
    });
    StreamBody::new(frames).boxed_unsync()
}

/// Returns a body in chunks of this size, with a pause after each.
fn trickled(body: Body, size: usize, pause: Duration) -> Body {
    let state = (body, Bytes::new(), true);
    let frames = try_unfold(state, move |(mut body, mut rest, first)| async move {
        if !first {
            tokio::time::sleep(pause).await;
        }
        while rest.is_empty() {
            match next_data(&mut body).await? {
                Some(data) => rest = data,
                None => return Ok(None),
            }
        }
        let piece = rest.split_to(size.max(1).min(rest.len()));
        Ok(Some((Frame::data(piece), (body, rest, false))))
    });
    StreamBody::new(frames).boxed_unsync()
}

/// Returns the next chunk of a body. The simulator's bodies have no trailers.
async fn next_data(body: &mut Body) -> Result<Option<Bytes>, Abort> {
    let frame = body.frame().await.transpose()?;
    Ok(frame.and_then(|frame| frame.into_data().ok()))
}

/// A body that closes the connection after its end.
struct ClosingBody {
    body: Body,
    control: Arc<Control>,
}

impl Drop for ClosingBody {
    fn drop(&mut self) {
        self.control.end();
    }
}

impl http_body::Body for ClosingBody {
    type Data = Bytes;
    type Error = Abort;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Abort>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> http_body::SizeHint {
        self.body.size_hint()
    }
}
