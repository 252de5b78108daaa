//! What every call of a client and its clones shares.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::{HeaderName, HeaderValue};
use reqwest::Url;
use tokio::sync::Semaphore;

use super::limiter::{Limiter, OnWait};
use super::retry::Budget;
use super::retry::RetryPolicy;
use super::stream_slots::Slots;
use crate::ext::error::{Error, ErrorKind};
use crate::ext::values::secret::ApiKey;

/// Where the service lives when nobody says otherwise.
pub(crate) const DEFAULT_BASE_URL: &str = "https://api.gizmo.antimlabs.com";

/// The generated client's inner value: only [`ClientBuilder`](crate::ClientBuilder) can make one.
#[derive(Debug, Clone)]
pub struct Config(pub(crate) Arc<Shared>);

#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) base: Url,
    pub(crate) credential: Credential,
    /// The credential's header, ready to be sent; marked sensitive.
    pub(crate) key_header: (HeaderName, HeaderValue),
    /// Longest silence while an answer is awaited or a JSON body is read.
    pub(crate) idle_timeout: Duration,
    /// Held while response headers are awaited, so that many jobs are no storm of requests. Event
    /// streams have `slots` instead.
    pub(crate) gate: Semaphore,
    /// Sends the requests for event streams, over connections of their own; none where the caller
    /// has brought a client, whose connections are shared.
    pub(crate) streams: Option<reqwest::Client>,
    pub(crate) slots: Slots,
    pub(crate) retry_policy: RetryPolicy,
    pub(crate) retry_budget: Mutex<Budget>,
    /// None where pacing is turned off.
    pub(crate) limiter: Option<Limiter>,
    pub(crate) on_wait: OnWait,
}

impl Shared {
    pub(crate) fn retry_budget(&self) -> MutexGuard<'_, Budget> {
        self.retry_budget
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Config {
    pub(crate) fn new(shared: Shared) -> Self {
        Self(Arc::new(shared))
    }
}

/// How the client shows who it is.
#[derive(Debug, Clone)]
pub(crate) enum Credential {
    /// `Authorization: Bearer gzm_k1_…`
    ApiKey(ApiKey),
    /// `x-gizmo-service-token`, alone.
    ServiceToken(ApiKey),
}

impl Credential {
    /// The one header that carries it.
    pub(crate) fn header(&self) -> (HeaderName, HeaderValue) {
        match self {
            Self::ApiKey(key) => (http::header::AUTHORIZATION, key.header("Bearer ")),
            Self::ServiceToken(token) => (
                HeaderName::from_static("x-gizmo-service-token"),
                token.header(""),
            ),
        }
    }

    /// Takes the secret out of text that came from outside.
    pub(crate) fn redact(&self, text: &str) -> String {
        match self {
            Self::ApiKey(secret) | Self::ServiceToken(secret) => secret.redact(text),
        }
    }
}

/// Reads a base URL in any of the spellings people use: with or without scheme, trailing slash
/// and `/v1`; the document's paths carry their own `/v1`.
///
/// Over plain http the key goes to this machine only.
pub(crate) fn base_url(text: &str) -> Result<Url, Error> {
    let text = text.trim();
    let refuse = |why: &str| {
        Err(Error::new(
            ErrorKind::Config,
            format!("the base URL `{}` {why}", display(text)),
        ))
    };
    if text.is_empty() {
        return Err(Error::new(ErrorKind::Config, "the base URL is empty"));
    }
    let with_scheme = |scheme: &str| Url::parse(&format!("{scheme}://{text}"));
    let parsed = if text.contains("://") {
        Url::parse(text)
    } else {
        // `localhost:8080` and `api.example.com/v1`: https, but for this machine.
        with_scheme("http").and_then(|url| {
            if is_loopback(&url) {
                Ok(url)
            } else {
                with_scheme("https")
            }
        })
    };
    let Ok(mut url) = parsed else {
        return refuse("is not a URL; it reads like `https://api.example.com`");
    };
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return refuse("is neither http nor https");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return refuse(
            "holds a user or a password; give the API key to the builder or in GIZMO_API_KEY",
        );
    }
    if url.query().is_some() || url.fragment().is_some() {
        return refuse("has a query or a fragment");
    }
    if url.scheme() == "http" && !is_loopback(&url) {
        return refuse(
            "is plain http to another machine, where anybody on the way could read the API key; use https",
        );
    }
    let path = url.path().trim_end_matches('/');
    let path = path
        .strip_suffix("/v1")
        .unwrap_or(path)
        .trim_end_matches('/')
        .to_owned();
    url.set_path(&path);
    Ok(url)
}

/// A URL as an error may show it: without user and password, on one line, of bounded length.
fn display(text: &str) -> String {
    let shown = match (text.find("://"), text.rfind('@')) {
        (Some(scheme), Some(at)) if at > scheme => {
            format!("{}{}", &text[..scheme + 3], &text[at + 1..])
        }
        _ => text.to_owned(),
    };
    crate::ext::error::one_line(&shown, 200)
}

/// Whether a URL's host is this machine (RFC 6761, RFC 5735, RFC 4291).
pub(crate) fn is_loopback(url: &Url) -> bool {
    let Some(host) = url.host_str() else {
        return false;
    };
    let name = host.trim_end_matches('.');
    if name == "localhost" || name.ends_with(".localhost") {
        return true;
    }
    let address = host
        .trim_start_matches('[')
        .trim_end_matches(']')
        .parse::<std::net::IpAddr>();
    address.is_ok_and(|address| address.to_canonical().is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_url_is_understood_in_every_spelling() {
        for (text, wanted) in [
            ("https://api.example.com", "https://api.example.com/"),
            ("https://api.example.com/", "https://api.example.com/"),
            ("https://api.example.com/v1", "https://api.example.com/"),
            (
                " https://api.example.com/v1/ \n",
                "https://api.example.com/",
            ),
            ("HTTPS://API.example.com//", "https://api.example.com/"),
            ("api.example.com/v1", "https://api.example.com/"),
            (
                "https://api.example.com/gizmo/v1/",
                "https://api.example.com/gizmo",
            ),
            (
                "https://api.example.com/dev1",
                "https://api.example.com/dev1",
            ),
            ("http://127.0.0.1:8080/v1", "http://127.0.0.1:8080/"),
            ("localhost:8080", "http://localhost:8080/"),
            ("http://[::1]:80", "http://[::1]/"),
            ("127.0.0.1:9", "http://127.0.0.1:9/"),
            ("api.example.com:8443", "https://api.example.com:8443/"),
        ] {
            assert_eq!(base_url(text).unwrap().as_str(), wanted, "{text}");
        }
    }

    #[test]
    fn a_base_url_that_cannot_work_or_would_leak_the_key_is_refused() {
        for (text, why) in [
            ("", "empty"),
            ("http://", "not a URL"),
            ("ftp://api.example.com", "neither http nor https"),
            ("https://api.example.com?x=1", "query"),
            ("https://user:canary@api.example.com", "user or a password"),
            ("http://api.example.com", "plain http"),
            ("http://192.168.0.1", "plain http"),
            ("http://localhost.example.com", "plain http"),
            ("http://127.0.0.1.example.com", "plain http"),
        ] {
            let error = base_url(text).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config);
            assert!(error.to_string().contains(why), "{text}: {error}");
            assert!(!error.to_string().contains("canary"), "{error}");
        }
    }
}
