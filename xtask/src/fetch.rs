//! Reads the document from a file, or fetches it conditionally over https.

use std::{fs, io::Read, path::Path, time::Duration};

use ureq::{
    Agent,
    http::{Response, header},
};
use url::{Host, Url};

use crate::{Error, Result};

/// The base URL of the live service.
pub const LIVE: &str = "https://api.gizmo.antimlabs.com";

/// The maximum size of a document. It bounds a response that never ends.
const MAX_SIZE: u64 = 16 * 1024 * 1024;

/// The timeout of name resolution and connecting.
const CONNECT: Duration = Duration::from_secs(10);

/// The timeout of a complete fetch, redirects included.
const TOTAL: Duration = Duration::from_secs(60);

/// The maximum number of redirects.
const MAX_REDIRECTS: usize = 5;

/// The result of a fetch.
#[derive(Debug, PartialEq, Eq)]
pub enum Fetched {
    /// A document.
    Document {
        /// The body as served.
        bytes: Vec<u8>,
        /// The `ETag`, for the next conditional fetch.
        etag: Option<String>,
    },
    /// The document with the `ETag` of the request is current.
    NotModified,
}

/// Returns the URL of the document of the service at `base`.
///
/// The base URL may end in `/v1`, in `/`, in both or in neither. Without a scheme it is an https
/// URL, or an http URL if the host is this machine.
///
/// # Errors
/// If it is not an http or https URL.
pub fn document_url(base: &str) -> Result<String> {
    // Assumption: paths-below-v1.
    let base = base.trim().trim_end_matches('/');
    let base = base
        .strip_suffix("/v1")
        .unwrap_or(base)
        .trim_end_matches('/');
    let address = match base.split_once("://") {
        Some(_) => base.to_owned(),
        None => match parse(&format!("http://{base}")) {
            Ok(url) if is_this_machine(&url) => format!("http://{base}"),
            _ => format!("https://{base}"),
        },
    };
    // `https://` without a host: the slashes were trimmed above.
    let has_no_host = base.ends_with(':');
    if has_no_host || parse(&address).is_err() {
        return Err(Error::refused(format!(
            "the base URL `{base}` is not an http or https URL; it must be like \
             `https://api.example.com`"
        )));
    }
    // Assumption: document-location.
    Ok(format!("{address}/v1/openapi.json"))
}

/// Reads a document from a file.
///
/// # Errors
/// If it cannot be read or is too large.
pub fn file(path: &Path) -> Result<Vec<u8>> {
    let refused = |reason: String| Error::refused(format!("{}: {reason}", path.display()));
    let size = fs::metadata(path)
        .map_err(|error| refused(format!("cannot read the file: {error}")))?
        .len();
    if size > MAX_SIZE {
        return Err(refused(too_large()));
    }
    fs::read(path).map_err(|error| refused(format!("cannot read the file: {error}")))
}

/// Fetches a document over https, or over http from this machine. With `etag`, the request is
/// conditional.
///
/// # Errors
/// If the URL is refused, the request fails, the status is not 200, or the body is too large.
pub fn url(address: &str, etag: Option<&str>) -> Result<Fetched> {
    let mut url = parse(address)?;
    if url.scheme() != "https" && !is_this_machine(&url) {
        return Err(Error::refused(format!(
            "{address}: http is accepted for this machine only; use https"
        )));
    }
    let agent = agent(&url);
    for _ in 0..=MAX_REDIRECTS {
        let mut request = agent
            .get(url.as_str())
            .header(header::ACCEPT, "application/json");
        if let Some(etag) = etag {
            request = request.header(header::IF_NONE_MATCH, etag);
        }
        let response = request
            .call()
            .map_err(|error| Error::network(format!("cannot fetch {url}: {error}")))?;
        match response.status().as_u16() {
            200 => return body(&url, response),
            304 if etag.is_some() => return Ok(Fetched::NotModified),
            301 | 302 | 303 | 307 | 308 => url = redirected(&url, &response)?,
            status => {
                return Err(Error::network(format!(
                    "{url} returned {status}{}; check the URL",
                    response
                        .status()
                        .canonical_reason()
                        .map(|reason| format!(" {reason}"))
                        .unwrap_or_default()
                )));
            }
        }
    }
    Err(Error::network(format!(
        "{address} redirects more than {MAX_REDIRECTS} times"
    )))
}

/// Returns an agent that follows no redirects: `url` follows them, because it checks the scheme of
/// each.
fn agent(url: &Url) -> Agent {
    let config = Agent::config_builder()
        .max_redirects(0)
        .http_status_as_error(false)
        .timeout_connect(Some(CONNECT))
        .timeout_global(Some(TOTAL))
        .user_agent("gizmo-client-xtask");
    // A proxy from the environment cannot reach this machine.
    let config = if is_this_machine(url) {
        config.proxy(None)
    } else {
        config
    };
    config.build().into()
}

/// Reads a body. A compressed body is decompressed, and the limit applies to the result.
fn body(url: &Url, mut response: Response<ureq::Body>) -> Result<Fetched> {
    let etag = response
        .headers()
        .get(header::ETAG)
        .and_then(|value| value.to_str().ok())
        .map(str::to_owned);
    let mut bytes = Vec::new();
    response
        .body_mut()
        .as_reader()
        .take(MAX_SIZE + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| Error::network(format!("cannot read the response of {url}: {error}")))?;
    if bytes.len() as u64 > MAX_SIZE {
        return Err(Error::refused(format!("{url}: {}", too_large())));
    }
    Ok(Fetched::Document { bytes, etag })
}

fn too_large() -> String {
    format!(
        "larger than {} MiB, the limit for a document",
        MAX_SIZE / 1024 / 1024
    )
}

/// Returns the target of a redirect, which may be relative to the URL that redirects.
///
/// Plain http is accepted only between addresses of this machine, so no response from elsewhere
/// makes the request leave https or reach a local server.
fn redirected(from: &Url, response: &Response<ureq::Body>) -> Result<Url> {
    let location = response
        .headers()
        .get(header::LOCATION)
        .and_then(|value| value.to_str().ok());
    let target = location
        .and_then(|location| from.join(location).ok())
        .filter(Url::has_host)
        .ok_or_else(|| {
            Error::network(format!(
                "{from} redirects without a valid `Location` header"
            ))
        })?;
    let is_local = from.scheme() == "http" && is_this_machine(from) && is_this_machine(&target);
    if target.scheme() == "https" || (target.scheme() == "http" && is_local) {
        return Ok(target);
    }
    Err(Error::network(format!(
        "{from} redirects to {target}, which is not https"
    )))
}

/// Parses an http or https URL.
fn parse(address: &str) -> Result<Url> {
    Url::parse(address)
        .ok()
        .filter(|url| url.has_host() && matches!(url.scheme(), "http" | "https"))
        .ok_or_else(|| Error::refused(format!("`{address}` is not an http or https URL")))
}

fn is_this_machine(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_url_is_accepted_in_every_form() {
        for base in [
            "https://h.example",
            "https://h.example/",
            "https://h.example/v1",
            "https://h.example/v1/",
            " https://h.example//v1// ",
            "h.example",
            "h.example/v1",
        ] {
            assert_eq!(
                document_url(base).unwrap(),
                "https://h.example/v1/openapi.json",
                "{base}"
            );
        }
        let local = document_url("127.0.0.1:8080/v1").unwrap();
        assert_eq!(local, "http://127.0.0.1:8080/v1/openapi.json");
        for invalid in ["", "https://", "ftp://h.example", "a b"] {
            assert!(document_url(invalid).is_err(), "{invalid}");
        }
    }

    #[test]
    fn plain_http_is_accepted_for_this_machine_only() {
        for (address, expected) in [
            ("http://127.0.0.1:1/x", true),
            ("http://[::1]:1/x", true),
            ("http://localhost/x", true),
            ("http://127.0.0.1.example/x", false),
            ("http://example.com/x", false),
        ] {
            assert_eq!(
                is_this_machine(&parse(address).unwrap()),
                expected,
                "{address}"
            );
        }
    }
}
