//! Carries faults out: before a request is handled, and on its response.

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
use crate::response::{Body, Broken, whole};
use crate::wire::Control;

/// The faults before the request is handled; a response means that it is not handled.
pub(crate) async fn before(
    faults: &[Fault],
    control: &Control,
    clock: &Clock,
    has_cursor: bool,
) -> Result<Option<Response<Body>>, Broken> {
    for fault in faults {
        match fault {
            Fault::Reset => control.reset(),
            Fault::Delay(delay) => tokio::time::sleep(*delay).await,
            Fault::DropBeforeHandling => return Err(Broken),
            Fault::Respond(canned) => return Ok(Some(response(canned, clock))),
            Fault::RefuseCursor(status) if has_cursor => {
                let canned = Canned::error(
                    *status,
                    "cursor_refused",
                    "Events before this cursor are gone",
                );
                return Ok(Some(response(&canned, clock)));
            }
            _ => {}
        }
    }
    Ok(None)
}

fn response(canned: &Canned, clock: &Clock) -> Response<Body> {
    let mut response = Response::new(whole(canned.body.clone()));
    *response.status_mut() =
        StatusCode::from_u16(canned.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in &canned.headers {
        set(response.headers_mut(), name, Some(value));
    }
    if let Some(ahead) = canned.retry_date {
        let date = httpdate::fmt_http_date(SystemTime::UNIX_EPOCH + clock.now() + ahead);
        set(response.headers_mut(), RETRY_AFTER.as_str(), Some(&date));
    }
    response
}

fn set(headers: &mut HeaderMap, name: &'static str, value: Option<&String>) {
    let name = HeaderName::from_static(name);
    match value.and_then(|value| HeaderValue::from_str(value).ok()) {
        Some(value) => headers.insert(name, value),
        None => headers.remove(name),
    };
}

/// The faults of the response.
pub(crate) async fn after(
    faults: &[Fault],
    control: &Arc<Control>,
    response: Response<Body>,
) -> Result<Response<Body>, Broken> {
    let (mut head, mut body) = response.into_parts();
    // The length that the head announces, when it is not hyper's to say.
    let length = body.size_hint().exact();
    let mut announced = length;
    for fault in faults {
        let at = |at: &At| at.bytes(length);
        match fault {
            Fault::DropBeforeResponse => return Err(Broken),
            Fault::StallBeforeResponse => std::future::pending().await,
            Fault::DelayHead(delay) => tokio::time::sleep(*delay).await,
            Fault::CutHead(bytes) => control.break_after(*bytes),
            Fault::CutBody(place) => body = bent(body, at(place), Bend::Break, control),
            Fault::StallBody(place) => body = bent(body, at(place), Bend::Stall, control),
            Fault::Trickle(bytes, pause) => body = trickled(body, *bytes, *pause),
            Fault::CloseAfterResponse => {
                body = Last {
                    body,
                    control: Arc::clone(control),
                }
                .boxed_unsync();
            }
            Fault::LengthOff(off) => {
                announced = announced.map(|length| length.saturating_add_signed(*off));
            }
            Fault::NoLength => announced = None,
            Fault::Header(name, value) => set(&mut head.headers, name, value.as_ref()),
            _ => {}
        }
    }
    if announced != length {
        // hyper takes another length only for a body whose own it does not know; one that is too
        // long it cuts, one that is too short must break the connection.
        let ends = length.filter(|length| announced > Some(*length));
        body = bent(body, ends.unwrap_or(u64::MAX), Bend::Break, control);
    }
    if let Some(announced) = announced {
        head.headers.insert(CONTENT_LENGTH, announced.into());
    }
    Ok(Response::from_parts(head, body))
}

#[derive(Debug, Clone, Copy)]
enum Bend {
    Break,
    Stall,
}

/// The first bytes of a body, and then trouble.
fn bent(body: Body, bytes: u64, bend: Bend, control: &Arc<Control>) -> Body {
    let state = (body, bytes, Arc::clone(control));
    let frames = try_unfold(state, move |(mut body, left, control)| async move {
        if left == 0 {
            control.flush().await;
            match bend {
                Bend::Break => return Err(Broken),
                Bend::Stall => std::future::pending::<()>().await,
            }
        }
        let Some(data) = next_data(&mut body).await? else {
            return Ok(None);
        };
        let length = usize::try_from(left).map_or(data.len(), |left| left.min(data.len()));
        let left = left - length as u64;
        Ok(Some((
            Frame::data(data.slice(..length)),
            (body, left, control),
        )))
    });
    StreamBody::new(frames).boxed_unsync()
}

/// A body in small pieces, with a pause after each.
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

/// The next bytes of a body; ours have no trailers.
async fn next_data(body: &mut Body) -> Result<Option<Bytes>, Broken> {
    let frame = body.frame().await.transpose()?;
    Ok(frame.and_then(|frame| frame.into_data().ok()))
}

/// A body after which the connection ends.
struct Last {
    body: Body,
    control: Arc<Control>,
}

impl Drop for Last {
    fn drop(&mut self) {
        self.control.end();
    }
}

impl http_body::Body for Last {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> http_body::SizeHint {
        self.body.size_hint()
    }
}
