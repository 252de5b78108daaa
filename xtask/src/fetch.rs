//! Reads the document from a file, or fetches it conditionally over https.

use std::{fs, io::Read, path::Path, time::Duration};

use ureq::{
    Agent,
    http::{Response, Uri, header},
};

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
    let base = base.trim().trim_end_matches('/');
    let base = base
        .strip_suffix("/v1")
        .unwrap_or(base)
        .trim_end_matches('/');
    let address = match base.split_once("://") {
        Some(_) => base.to_owned(),
        None => match parse(&format!("http://{base}")) {
            Ok(uri) if is_this_machine(&uri) => format!("http://{base}"),
            _ => format!("https://{base}"),
        },
    };
    let scheme = parse(&address)
        .ok()
        .and_then(|uri| uri.scheme_str().map(str::to_owned));
    // `https://` without a host: the slashes were trimmed above.
    let has_no_host = base.ends_with(':');
    if has_no_host || !matches!(scheme.as_deref(), Some("https" | "http")) {
        return Err(Error::refused(format!(
            "the base URL `{base}` is not an http or https URL; it must be like \
             `https://api.example.com`"
        )));
    }
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
    let mut uri = parse(address)?;
    if uri.scheme_str() != Some("https") && !is_this_machine(&uri) {
        return Err(Error::refused(format!(
            "{address}: http is accepted for this machine only; use https"
        )));
    }
    let agent = agent(&uri);
    for _ in 0..=MAX_REDIRECTS {
        let mut request = agent.get(&uri).header(header::ACCEPT, "application/json");
        if let Some(etag) = etag {
            request = request.header(header::IF_NONE_MATCH, etag);
        }
        let response = request
            .call()
            .map_err(|error| Error::network(format!("cannot fetch {uri}: {error}")))?;
        match response.status().as_u16() {
            200 => return body(&uri, response),
            304 if etag.is_some() => return Ok(Fetched::NotModified),
            301 | 302 | 303 | 307 | 308 => uri = redirected(&uri, &response)?,
            status => {
                return Err(Error::network(format!(
                    "{uri} returned {status}{}; check the URL",
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
fn agent(uri: &Uri) -> Agent {
    let config = Agent::config_builder()
        .max_redirects(0)
        .http_status_as_error(false)
        .timeout_connect(Some(CONNECT))
        .timeout_global(Some(TOTAL))
        .user_agent("gizmo-client-xtask");
    // A proxy from the environment cannot reach this machine.
    let config = if is_this_machine(uri) {
        config.proxy(None)
    } else {
        config
    };
    config.build().into()
}

fn body(uri: &Uri, mut response: Response<ureq::Body>) -> Result<Fetched> {
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
        .map_err(|error| Error::network(format!("cannot read the response of {uri}: {error}")))?;
    if bytes.len() as u64 > MAX_SIZE {
        return Err(Error::refused(format!("{uri}: {}", too_large())));
    }
    Ok(Fetched::Document { bytes, etag })
}

fn too_large() -> String {
    format!(
        "larger than {} MiB, the limit for a document",
        MAX_SIZE / 1024 / 1024
    )
}

fn redirected(from: &Uri, response: &Response<ureq::Body>) -> Result<Uri> {
    let location = response
        .headers()
        .get(header::LOCATION)
        .and_then(|value| value.to_str().ok())
        .ok_or_else(|| {
            Error::network(format!(
                "{from} redirects without a valid `Location` header"
            ))
        })?;
    let target = if location.starts_with('/') && !location.starts_with("//") {
        let origin = format!(
            "{}://{}",
            from.scheme_str().unwrap_or("https"),
            from.authority().map_or("", |authority| authority.as_str())
        );
        format!("{origin}{location}")
    } else {
        location.to_owned()
    };
    let target = parse(&target)?;
    if target.scheme_str() != Some("https") {
        return Err(Error::network(format!(
            "{from} redirects to {target}, which is not https"
        )));
    }
    Ok(target)
}

fn parse(address: &str) -> Result<Uri> {
    address
        .parse::<Uri>()
        .ok()
        .filter(|uri| uri.host().is_some() && uri.scheme().is_some())
        .ok_or_else(|| Error::refused(format!("`{address}` is not a URL")))
}

fn is_this_machine(uri: &Uri) -> bool {
    let host = uri.host().unwrap_or("").trim_matches(['[', ']']);
    host == "localhost"
        || host
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback())
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
