//! The state that a client and its clones share.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{HeaderName, HeaderValue};
use reqwest::Url;
use tokio::sync::{OnceCell, Semaphore};
use tokio::time::Instant;

use super::limiter::{Limiter, OnWait};
use super::operation::Priority;
use super::paid_requests::PaidRequests;
use super::retry::Budget;
use super::retry::RetryPolicy;
use super::stream_slots::Slots;
use crate::ext::drift::report::Reported;
use crate::ext::error::{Baseline, Error, ErrorKind, redact_queries};
#[cfg(feature = "record")]
use crate::ext::record::Recording;
use crate::ext::values::secret::ApiKey;

/// The default URL of the service.
// Assumption: base-url.
pub(crate) const DEFAULT_BASE_URL: &str = "https://api.gizmo.antimlabs.com";

/// The inner value of the generated client. Only [`ClientBuilder`](crate::ClientBuilder) creates it.
#[derive(Debug, Clone)]
pub struct Config(pub(crate) Arc<Shared>);

#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) base: Url,
    pub(crate) credential: Credential,
    /// The header with the credential, marked sensitive.
    pub(crate) key_header: (HeaderName, HeaderValue),
    /// The longest silence while a response is awaited or a JSON body is read.
    pub(crate) idle_timeout: Duration,
    /// The permits for requests that await response headers, for each priority. Event streams have
    /// `slots` instead.
    pub(crate) gates: [Semaphore; Priority::ALL.len()],
    /// The client for event streams, with separate connections. `None` if the caller supplied a
    /// client, whose connections are shared.
    pub(crate) streams: Option<reqwest::Client>,
    pub(crate) slots: Slots,
    pub(crate) retry_policy: RetryPolicy,
    pub(crate) retry_budget: Mutex<Budget>,
    /// `None` if pacing is turned off.
    pub(crate) limiter: Option<Limiter>,
    pub(crate) on_wait: OnWait,
    pub(crate) paid_requests: Arc<PaidRequests>,
    pub(crate) baselines: Baselines,
    pub(crate) drift: Reported,
    #[cfg(feature = "record")]
    pub(crate) recording: Option<Recording>,
}

impl Shared {
    pub(crate) fn retry_budget(&self) -> MutexGuard<'_, Budget> {
        self.retry_budget
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the service has listed recently, by list. The first request of a minute fetches it, and the
/// others wait for that.
pub(crate) type Baselines =
    Mutex<HashMap<String, (Instant, Arc<OnceCell<Option<ListedBaseline>>>)>>;

/// A baseline, and the time at which it was listed, by the service's and by this machine's clock.
pub(crate) type ListedBaseline = (Baseline, Option<SystemTime>, Instant);

impl Config {
    pub(crate) fn new(shared: Shared) -> Self {
        Self(Arc::new(shared))
    }
}

/// How the client authenticates.
#[derive(Debug, Clone)]
pub(crate) enum Credential {
    /// `Authorization: Bearer gzm_k1_…`
    ApiKey(ApiKey),
    /// `x-gizmo-service-token`, without `Authorization`.
    ServiceToken(ApiKey),
}

impl Credential {
    /// Returns the header that carries it.
    // Assumptions: auth-bearer, auth-service-token, document-credential-parameters.
    pub(crate) fn header(&self) -> (HeaderName, HeaderValue) {
        match self {
            Self::ApiKey(key) => (http::header::AUTHORIZATION, key.header("Bearer ")),
            Self::ServiceToken(token) => (
                HeaderName::from_static("x-gizmo-service-token"),
                token.header(""),
            ),
        }
    }

    pub(super) fn secret(&self) -> &ApiKey {
        let (Self::ApiKey(secret) | Self::ServiceToken(secret)) = self;
        secret
    }

    /// Tells this credential from others. It reveals nothing: a key has more bits than this.
    pub(crate) fn hash(&self) -> u32 {
        self.secret().hash()
    }

    /// Removes the secret, and the queries of URLs, from text that came from outside.
    pub(crate) fn redact(&self, text: &str) -> String {
        redact_queries(&self.secret().redact(text))
    }

    /// Removes only the secret, from a success that the caller uses. It is decoded text, or JSON with
    /// escapes.
    pub(crate) fn redact_secret<'t>(&self, text: &'t str) -> Cow<'t, str> {
        if self.secret().may_be_in(text.as_bytes()) {
            Cow::Owned(self.secret().redact(text))
        } else {
            Cow::Borrowed(text)
        }
    }

    /// Does the same for a success body.
    pub(crate) fn redact_success(&self, body: Bytes) -> Bytes {
        if !self.secret().may_be_in(&body) {
            return body;
        }
        Bytes::from(self.secret().redact(&String::from_utf8_lossy(&body)))
    }

    /// Removes both from a body. It stays as it is if it contains neither.
    pub(crate) fn redact_body(&self, body: &Bytes) -> Bytes {
        let text = String::from_utf8_lossy(body);
        let redacted = self.redact(&text);
        if redacted == text {
            body.clone()
        } else {
            Bytes::from(redacted)
        }
    }
}

/// Reads a base URL with or without scheme, trailing slash and `/v1`. The document's paths contain
/// `/v1`.
///
/// Plain http is accepted for this machine only.
pub(crate) fn base_url(text: &str) -> Result<Url, Error> {
    let text = text.trim();
    let invalid = |why: &str| {
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
        // `localhost:8080` and `api.example.com/v1`: https, except for this machine.
        with_scheme("http").and_then(|url| {
            if is_loopback(&url) {
                Ok(url)
            } else {
                with_scheme("https")
            }
        })
    };
    // `https:/host` would be read as a host called `https`.
    let lower = text.to_ascii_lowercase();
    let is_misspelt = !text.contains("://")
        && ["http:", "https:"]
            .iter()
            .any(|scheme| lower.starts_with(scheme));
    let Some(mut url) = parsed.ok().filter(|_| !is_misspelt) else {
        return invalid("is not a URL such as `https://api.example.com`");
    };
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return invalid("is neither http nor https");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return invalid(
            "contains a user or a password; pass the API key to the builder or in GIZMO_API_KEY",
        );
    }
    if url.query().is_some() || url.fragment().is_some() {
        return invalid("has a query or a fragment");
    }
    if url.scheme() == "http" && !is_loopback(&url) {
        return invalid(
            "is plain http to another machine, so anyone on the path could read the API key; use https",
        );
    }
    // Assumption: paths-below-v1.
    let path = url.path().trim_end_matches('/');
    let path = path
        .strip_suffix("/v1")
        .unwrap_or(path)
        .trim_end_matches('/')
        .to_owned();
    url.set_path(&path);
    Ok(url)
}

/// Returns a URL for an error: without user and password, on one line, of bounded length.
fn display(text: &str) -> String {
    let (scheme, rest) = match text.find("://") {
        Some(scheme) => text.split_at(scheme + 3),
        None => ("", text),
    };
    let rest = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
    let rest = rest.split(['?', '#']).next().unwrap_or_default();
    crate::ext::error::one_line(&format!("{scheme}{rest}"), 200)
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
    fn a_base_url_is_read_in_every_spelling() {
        for (text, expected) in [
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
            assert_eq!(base_url(text).unwrap().as_str(), expected, "{text}");
        }
    }

    #[test]
    fn a_base_url_that_cannot_work_or_would_leak_the_key_is_refused() {
        for (text, why) in [
            ("", "empty"),
            ("http://", "not a URL"),
            ("https:/api.example.com", "not a URL"),
            ("HTTPS:api.example.com", "not a URL"),
            ("user:canary@api.example.com", "user or a password"),
            ("canary@api.example.com?canary", "user or a password"),
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
