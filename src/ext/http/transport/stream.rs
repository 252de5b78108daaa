//! The request for an event stream, up to its response headers.

use std::time::Duration;

use http::header::{ACCEPT, ACCEPT_ENCODING, CACHE_CONTROL, LOCATION};
use http::{HeaderValue, Method};
use reqwest::{Request, Response};
use tokio::time::timeout;

use super::{unreachable_at, within};
use crate::ext::error::Error;
use crate::ext::http::limiter::Lease;
use crate::raw::Client;

/// Gizmo pings every 15 s. After three missing pings a connection counts as dead, and so does a
/// request without response headers. A shorter [idle
/// timeout](crate::ClientBuilder::idle_timeout) applies as well.
// Assumption: event-ping-interval.
pub(crate) const SILENCE: Duration = Duration::from_secs(45);

/// Redirects that are followed within the service's origin.
const MOST_REDIRECTS: u32 = 5;

/// After this the service has counted a request, although its response headers may take longer.
const COUNTED: Duration = Duration::from_secs(1);

impl Client {
    /// Sends the request for a stream. Waiting for its headers is bounded like silence in its body.
    ///
    /// Redirects within the origin are followed. The caller rejects any other.
    pub(super) async fn open_stream(
        &self,
        mut request: Request,
        mut lease: Option<Lease<'_>>,
        operation: &str,
    ) -> Result<Response, Error> {
        let shared = &*self.inner.0;
        let client = shared.streams.as_ref().unwrap_or(&self.client);
        let mut turn = shared.slots.turn().await;
        let headers = request.headers_mut();
        // Assumption: event-stream-media-type.
        headers.insert(ACCEPT, HeaderValue::from_static("text/event-stream"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        let (headers, mut url) = (request.headers().clone(), request.url().clone());
        for _ in 0..MOST_REDIRECTS {
            let mut response = std::pin::pin!(self.execute(client, request, operation));
            let waiting = async {
                if let Ok(response) = timeout(COUNTED, &mut response).await {
                    return response;
                }
                turn = None;
                if let Some(lease) = lease.take() {
                    lease.counted();
                }
                response.await
            };
            let response = within(SILENCE.min(shared.idle_timeout), waiting).await?;
            let response = response.map_err(|error| unreachable_at(&url, error))?;
            self.observe_response(lease.take(), &response);
            let location = response
                .headers()
                .get(LOCATION)
                .and_then(|to| to.to_str().ok());
            let next = location.and_then(|to| url.join(to).ok());
            match next.filter(|next| next.origin() == url.origin()) {
                Some(next) if response.status().is_redirection() => url = next,
                _ => return Ok(response),
            }
            request = Request::new(Method::GET, url.clone());
            *request.headers_mut() = headers.clone();
        }
        let message = format!("more than {MOST_REDIRECTS} redirects");
        Err(Error::new(crate::ext::error::ErrorKind::Status, message))
    }
}
