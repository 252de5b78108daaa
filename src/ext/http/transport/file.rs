//! Files that are fetched from a URL rather than by an operation of the document.

use http::header::ACCEPT_ENCODING;
use http::{HeaderMap, HeaderValue};
use reqwest::{Method, Request, Response, Url};

use super::{Call, unreachable_at, within};
use crate::ext::error::{Error, ErrorKind, Idempotency, one_line};
use crate::ext::http::config::is_loopback;
use crate::ext::http::limiter::Lease;
use crate::ext::http::operation::{Priority, Success};
use crate::raw::Client;

/// The operation that errors and logs name for a file.
pub(crate) const DOWNLOAD: &str = "download";

impl Client {
    /// Requests a file and waits for the response headers.
    pub(crate) async fn get_file(
        &self,
        url: Url,
        headers: HeaderMap,
        key: Key,
    ) -> Result<Response, Error> {
        let call = Call {
            operation: DOWNLOAD,
            idempotency: Idempotency::Safe,
            success: Success::File,
            priority: Priority::Normal,
            to_service: key == Key::ToOwnOrigin && url.origin() == self.inner.0.base.origin(),
        };
        let attempt = |lease| self.attempt_file(url.clone(), headers.clone(), key, lease);
        self.call(call, None, attempt).await
    }

    /// Returns the URL of another origin to which an export redirects, such as an object store's.
    pub(super) fn redirected_elsewhere(&self, response: &Response) -> Option<Result<Url, Error>> {
        if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
            return None;
        }
        let location = response.headers().get(http::header::LOCATION)?;
        let url = file_url(response.url(), location.to_str().ok()?);
        let is_own = |url: &Url| url.origin() == self.inner.0.base.origin();
        (!url.as_ref().is_ok_and(is_own)).then_some(url)
    }

    /// Makes one attempt.
    ///
    /// Each redirect is checked, so reqwest does not follow them.
    pub(super) async fn attempt_file(
        &self,
        mut url: Url,
        headers: HeaderMap,
        key: Key,
        mut lease: Option<Lease<'_>>,
    ) -> Result<Response, Error> {
        let shared = &self.inner.0;
        for _ in 0..=MOST_REDIRECTS {
            let mut request = Request::new(Method::GET, url.clone());
            *request.headers_mut() = headers.clone();
            request.headers_mut().insert(ACCEPT_ENCODING, IDENTITY);
            // Assumption: catalog-file-origin.
            if key == Key::ToOwnOrigin && url.origin() == shared.base.origin() {
                let (name, value) = &shared.key_header;
                request.headers_mut().insert(name, value.clone());
            }
            let sent = self.execute(&self.client, request, DOWNLOAD);
            let response = within(shared.idle_timeout, sent).await?;
            let mut response = response.map_err(|error| unreachable_at(&url, error))?;
            self.observe_response(lease.take(), &response);
            let location = response.headers().get(http::header::LOCATION);
            match location.and_then(|location| location.to_str().ok()) {
                Some(location) if response.status().is_redirection() => {
                    url = file_url(&url, location)?;
                }
                _ if response.status().is_success() => return Ok(response),
                _ => return Err(self.error_from(&mut response).await),
            }
        }
        let message = format!("more than {MOST_REDIRECTS} redirects");
        Err(Error::new(ErrorKind::Status, message))
    }
}

/// A file is stored as it arrives, so it must not be compressed on the way.
pub(super) const IDENTITY: HeaderValue = HeaderValue::from_static("identity");

/// Where the key is sent when a file is fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Key {
    /// To the service's origin only.
    ToOwnOrigin,
    /// Nowhere: the URL is signed.
    ToNone,
}

/// The maximum number of redirects.
const MOST_REDIRECTS: u32 = 5;

/// Resolves a file's URL against another. It must be https, or address this machine.
pub(crate) fn file_url(base: &Url, location: &str) -> Result<Url, Error> {
    let invalid = |why: &str| {
        // A query may hold the signature of a pre-signed URL.
        let shown = one_line(location.split('?').next().unwrap_or_default(), 200);
        Error::new(ErrorKind::InvalidRequest, format!("`{shown}` {why}"))
    };
    let url = base
        .join(location.trim())
        .map_err(|_| invalid("is neither a URL nor a path"))?;
    if !matches!(url.scheme(), "http" | "https")
        || !url.username().is_empty()
        || url.password().is_some()
    {
        return Err(invalid("is not a URL to download from"));
    }
    if url.scheme() == "http" && !is_loopback(&url) {
        return Err(invalid(
            "is plain http to another machine, so anyone on the path could change the file",
        ));
    }
    Ok(url)
}
