//! Files behind a URL: fetched without an operation of the document, hop by hop.

use http::HeaderMap;
use reqwest::{Method, Request, Response, Url};

use super::{Call, unreachable_at, within};
use crate::ext::error::one_line;
use crate::ext::error::{Error, ErrorKind};
use crate::ext::http::config::is_loopback;
use crate::ext::http::limiter::Lease;
use crate::ext::http::operation::Class;
use crate::raw::Client;

/// The name that errors and logs have for the fetching of a file.
pub(crate) const DOWNLOAD: &str = "download";

impl Client {
    /// Fetches a file, up to the head of the answer.
    pub(crate) async fn get_file(
        &self,
        url: Url,
        headers: HeaderMap,
        key: Key,
    ) -> Result<Response, Error> {
        let call = Call {
            operation: DOWNLOAD,
            class: Class::Read,
            to_service: key == Key::ToOwnOrigin && url.origin() == self.inner.0.base.origin(),
        };
        let attempt = |lease| self.attempt_file(url.clone(), headers.clone(), key, lease);
        self.call(call, attempt).await
    }

    /// Fetches a file once.
    ///
    /// Redirects are followed by hand, so that each hop is judged by itself.
    async fn attempt_file(
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
            if key == Key::ToOwnOrigin && url.origin() == shared.base.origin() {
                let (name, value) = &shared.key_header;
                request.headers_mut().insert(name, value.clone());
            }
            let answer = within(shared.idle_timeout, self.client.execute(request)).await?;
            let mut response = answer.map_err(|error| unreachable_at(&url, error))?;
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

/// Who is shown the key when a file is fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Key {
    /// The service's own origin, and no other.
    ToOwnOrigin,
    /// Nobody: the URL is signed.
    ToNobody,
}

/// Hops from a file's first address to its last.
const MOST_REDIRECTS: u32 = 5;

/// A file's address, perhaps relative to another; only over https, or from this machine.
pub(crate) fn file_url(base: &Url, location: &str) -> Result<Url, Error> {
    let refuse = |why: &str| {
        // A query may hold the signature of a pre-signed URL.
        let shown = one_line(location.split('?').next().unwrap_or_default(), 200);
        Error::new(ErrorKind::InvalidRequest, format!("`{shown}` {why}"))
    };
    let url = base
        .join(location.trim())
        .map_err(|_| refuse("is neither a URL nor a path"))?;
    if !matches!(url.scheme(), "http" | "https")
        || !url.username().is_empty()
        || url.password().is_some()
    {
        return Err(refuse("is not a URL to download from"));
    }
    if url.scheme() == "http" && !is_loopback(&url) {
        return Err(refuse(
            "is plain http to another machine, where anybody on the way could change it",
        ));
    }
    Ok(url)
}
