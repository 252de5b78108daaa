//! The settings of a client.

use std::env;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::Semaphore;

use super::config::{Config, Credential, DEFAULT_BASE_URL, Shared, base_url};
use super::limiter::{Limiter, OnWait, Waiting};
use super::operation::Priority;
use super::paid_requests::PaidRequests;
use super::retry::Budget;
use super::retry::RetryPolicy;
use super::stream_slots::Slots;
use crate::ext::drift::report::Reported;
use crate::ext::error::{Error, ErrorKind};
#[cfg(feature = "record")]
use crate::ext::record::Recording;
use crate::ext::values::secret::ApiKey;
use crate::raw::Client;

/// The number of requests of a client and its clones that may await response headers at the same time,
/// for each priority. Event streams and open downloads do not count.
const MAX_REQUESTS_IN_FLIGHT: usize = 64;

/// The settings of a [`Client`], created by [`Client::builder`].
#[derive(Debug, Default)]
#[must_use = "a builder does nothing until `build` is called"]
pub struct ClientBuilder {
    api_key: Option<Result<ApiKey, Error>>,
    service_token: Option<Result<ApiKey, Error>>,
    base_url: Option<String>,
    connect_timeout: Option<Duration>,
    idle_timeout: Option<Duration>,
    http: Option<reqwest::ClientBuilder>,
    retry_policy: RetryPolicy,
    no_pacing: bool,
    on_wait: OnWait,
    #[cfg(feature = "record")]
    recording: Option<Recording>,
}

impl ClientBuilder {
    /// Sets the API key (`gzm_k1_…`, created in Gizmo under Settings, API Keys), sent as
    /// `Authorization: Bearer …`.
    pub fn api_key(mut self, key: impl AsRef<str>) -> Self {
        self.api_key = Some(ApiKey::new(key));
        self
    }

    /// Sets a service token instead of an API key, sent as `x-gizmo-service-token`.
    pub fn service_token(mut self, token: impl AsRef<str>) -> Self {
        self.service_token = Some(ApiKey::new(token));
        self
    }

    /// Sets the URL of the service, with or without scheme, trailing slash and `/v1`. Defaults to
    /// `https://api.gizmo.antimlabs.com`. Plain http is accepted for this machine only, and uses no
    /// proxy.
    pub fn base_url(mut self, url: impl Into<String>) -> Self {
        self.base_url = Some(url.into());
        self
    }

    /// Sets the longest time to open a connection (DNS, TCP and TLS). Defaults to 10 seconds.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = Some(timeout);
        self
    }

    /// Sets the longest silence while response headers or more of a JSON body are awaited. Defaults to
    /// 120 seconds. There is no total timeout: scenes take minutes and exports are large.
    pub fn idle_timeout(mut self, timeout: Duration) -> Self {
        self.idle_timeout = Some(timeout);
        self
    }

    /// Uses a prepared [`reqwest::ClientBuilder`], for example with proxies, certificates or a resolver.
    /// Its TLS settings and connect timeout are kept. Redirects are turned off, because a followed
    /// redirect could carry the key to another machine. Its retries are turned off, because a paid
    /// request must not be sent twice. HTTP/2 keep-alive is turned on.
    ///
    /// Event streams share its connections with other requests. Over HTTP/2 at most 50 are open at
    /// once, so that they leave room on the connection; the jobs beyond that are polled until a
    /// stream is free. Without this setting, event streams have HTTP/1.1 connections of their own.
    pub fn http(mut self, http: reqwest::ClientBuilder) -> Self {
        self.http = Some(http);
        self
    }

    /// Sets how many times and how long requests are retried. Defaults to [`RetryPolicy::default`].
    ///
    /// With any policy, a generation is sent again in two cases only. Either no connection was made, or the
    /// service itself refused it for the moment: with 429, or 503 with `Retry-After`. A response comes from
    /// the service itself if its body has an error code of the service, or if its rate-limit headers
    /// report that no request remains. The same status from an intermediary, such as a proxy or a
    /// gateway, is an unknown outcome.
    pub fn retry_policy(mut self, policy: RetryPolicy) -> Self {
        self.retry_policy = policy;
        self
    }

    /// Sets whether calls wait for the rate limit (`X-RateLimit-*`) instead of exceeding it. Defaults to
    /// yes.
    ///
    /// The client and its clones share the limit. When it is used up, they queue for its reset. Then
    /// one call is sent, and the others follow as its response allows. Cancelling a job goes first, then
    /// paid calls and the status of jobs; four in a hundred requests are reserved for them. A reset further away than
    /// [`RetryPolicy::max_elapsed`] is not waited for: the call is sent, and the service decides.
    pub fn pacing(mut self, pacing: bool) -> Self {
        self.no_pacing = !pacing;
        self
    }

    /// Calls `listener` when a call starts to wait, for the rate limit or before a retry, for example to
    /// show it in a progress bar. The listener must not block.
    pub fn on_wait(mut self, listener: impl Fn(Waiting) + Send + Sync + 'static) -> Self {
        self.on_wait = OnWait(Some(Arc::new(listener)));
        self
    }

    /// Records every request of the client and its clones, with private text replaced; see
    /// [`record`](crate::record).
    ///
    /// One recording may serve several clients. Without this setting nothing is recorded.
    #[cfg(feature = "record")]
    pub fn record(mut self, recording: &Recording) -> Self {
        self.recording = Some(recording.clone());
        self
    }

    /// Builds the client. Nothing is sent.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`]: no key, both a key and a token, a base URL that is invalid or plain http
    /// to another machine, or TLS that could not be set up or is not compiled in.
    pub fn build(self) -> Result<Client, Error> {
        let credential = match (self.api_key, self.service_token) {
            (Some(key), None) => Credential::ApiKey(key?),
            (None, Some(token)) => Credential::ServiceToken(token?),
            (None, None) => {
                return Err(config(
                    "no API key: set GIZMO_API_KEY or pass one to the builder",
                ));
            }
            (Some(_), Some(_)) => {
                return Err(config(
                    "both an API key and a service token: set only one of them",
                ));
            }
        };
        let base = base_url(self.base_url.as_deref().unwrap_or(DEFAULT_BASE_URL))?;
        let built = |http: reqwest::ClientBuilder| {
            let http = http
                // Assumption: no-redirects.
                .redirect(reqwest::redirect::Policy::none())
                .retry(reqwest::retry::never())
                .build();
            http.map_err(|source| config("the HTTP client could not be set up").with_source(source))
        };
        let (http, streams) = match self.http {
            Some(http) => {
                install_crypto_provider();
                (built(with_keep_alive(http))?, None)
            }
            None if base.scheme() == "https" && !HAS_TLS => {
                return Err(config(
                    "https needs one of gizmo-client's features `rustls`, `rustls-ring` and `native-tls`",
                ));
            }
            None => {
                let tls = Tls::new()?;
                let connect_timeout = self.connect_timeout.unwrap_or(Duration::from_secs(10));
                // A proxy would receive the key in clear text.
                let no_proxy = base.scheme() == "http";
                let http = || {
                    let http = reqwest::Client::builder()
                        .connect_timeout(connect_timeout)
                        .user_agent(concat!("gizmo-client/", env!("CARGO_PKG_VERSION")));
                    if no_proxy { http.no_proxy() } else { http }
                };
                let calls = built(with_keep_alive(tls.set(http(), Http::Any)))?;
                // Over HTTP/1.1 each stream has a connection of its own, so no limit on the streams
                // of a connection and no dead connection can concern another request.
                let streams = built(tls.set(http().http1_only(), Http::One))?;
                (calls, Some(streams))
            }
        };
        #[cfg(feature = "record")]
        if let Some(recording) = &self.recording {
            recording.attach(&base, credential.secret());
        }
        let baseurl = base.as_str().trim_end_matches('/').to_owned();
        let idle_timeout = self.idle_timeout.unwrap_or(Duration::from_secs(120));
        Ok(Client::new_with_client(
            &baseurl,
            http,
            Config::new(Shared {
                base,
                key_header: credential.header(),
                paid_requests: PaidRequests::shared(&baseurl, credential.hash()),
                baselines: Mutex::default(),
                drift: Reported::default(),
                credential,
                idle_timeout,
                gates: Priority::ALL.map(|_| Semaphore::new(MAX_REQUESTS_IN_FLIGHT)),
                slots: Slots::new(streams.is_none()),
                streams,
                retry_policy: self.retry_policy,
                retry_budget: Mutex::new(Budget::new()),
                limiter: (!self.no_pacing).then(Limiter::new),
                on_wait: self.on_wait,
                #[cfg(feature = "record")]
                recording: self.recording,
            }),
        ))
    }
}

fn config(message: &'static str) -> Error {
    Error::new(ErrorKind::Config, message)
}

/// Without TLS, only a caller's own `reqwest::ClientBuilder` supports https.
const HAS_TLS: bool = cfg!(any(
    feature = "rustls",
    feature = "rustls-ring",
    feature = "native-tls"
));

/// The time without a frame before a ping, and the time without its response before the connection is
/// closed: a peer that no longer serves a connection is detected within half a minute.
const KEEP_ALIVE: [Duration; 2] = [Duration::from_secs(15), Duration::from_secs(10)];

/// The flow-control window of an HTTP/2 connection: enough for a hundred streams whose bodies are not
/// read (2 MiB each), so that they block no other response.
const CONNECTION_WINDOW: u32 = 256 * 1024 * 1024;

fn with_keep_alive(http: reqwest::ClientBuilder) -> reqwest::ClientBuilder {
    let [interval, timeout] = KEEP_ALIVE;
    http.http2_keep_alive_interval(interval)
        .http2_keep_alive_timeout(timeout)
        .http2_keep_alive_while_idle(true)
        .http2_initial_connection_window_size(CONNECTION_WINDOW)
}

/// The versions of HTTP that TLS offers.
#[derive(Debug, Clone, Copy)]
enum Http {
    Any,
    /// HTTP/1.1 only.
    One,
}

/// rustls with ring, which builds in seconds, unless the process has installed another provider.
#[cfg(feature = "rustls-ring")]
struct Tls(rustls::ClientConfig);

#[cfg(feature = "rustls-ring")]
impl Tls {
    fn new() -> Result<Self, Error> {
        use rustls_platform_verifier::BuilderVerifierExt;

        let tls = rustls::ClientConfig::builder_with_provider(crypto_provider())
            .with_safe_default_protocol_versions()
            .and_then(BuilderVerifierExt::with_platform_verifier)
            .map_err(|source| config("TLS could not be set up").with_source(source))?;
        Ok(Self(tls.with_no_client_auth()))
    }

    fn set(&self, http: reqwest::ClientBuilder, versions: Http) -> reqwest::ClientBuilder {
        let mut tls = self.0.clone();
        tls.alpn_protocols = match versions {
            Http::Any => vec![b"h2".to_vec(), b"http/1.1".to_vec()],
            Http::One => vec![b"http/1.1".to_vec()],
        };
        http.tls_backend_preconfigured(tls)
    }
}

#[cfg(feature = "rustls-ring")]
fn crypto_provider() -> std::sync::Arc<rustls::crypto::CryptoProvider> {
    rustls::crypto::CryptoProvider::get_default()
        .cloned()
        .unwrap_or_else(|| std::sync::Arc::new(rustls::crypto::ring::default_provider()))
}

/// Installs ring for a caller's own builder: without reqwest's default TLS, it panics if the process has no
/// provider.
#[cfg(all(feature = "rustls-ring", not(feature = "rustls")))]
fn install_crypto_provider() {
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        // It fails only if another thread has just installed one, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
    }
}

/// The TLS of reqwest. If the program has its rustls and its `native-tls`, it would take the latter.
#[cfg(not(feature = "rustls-ring"))]
struct Tls;

#[cfg(not(feature = "rustls-ring"))]
#[expect(
    clippy::unnecessary_wraps,
    clippy::unused_self,
    reason = "the same signatures as with ring"
)]
impl Tls {
    fn new() -> Result<Self, Error> {
        Ok(Self)
    }

    #[cfg(feature = "rustls")]
    fn set(&self, http: reqwest::ClientBuilder, _: Http) -> reqwest::ClientBuilder {
        http.tls_backend_rustls()
    }

    #[cfg(not(feature = "rustls"))]
    fn set(&self, http: reqwest::ClientBuilder, _: Http) -> reqwest::ClientBuilder {
        http
    }
}

#[cfg(any(feature = "rustls", not(feature = "rustls-ring")))]
fn install_crypto_provider() {}

impl Client {
    /// Returns the default settings of a client.
    pub fn builder() -> ClientBuilder {
        ClientBuilder::default()
    }

    /// Builds a client from `GIZMO_API_KEY` and, if it is set, `GIZMO_BASE_URL`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`]: `GIZMO_API_KEY` is not set, or one of the values is invalid.
    pub fn from_env() -> Result<Self, Error> {
        let key = env::var("GIZMO_API_KEY")
            .ok()
            .filter(|key| !key.trim().is_empty());
        let key = key.ok_or_else(|| {
            config("GIZMO_API_KEY is not set; create a key in Gizmo under Settings, API Keys")
        })?;
        let mut builder = Self::builder().api_key(key);
        if let Some(url) = env::var("GIZMO_BASE_URL")
            .ok()
            .filter(|url| !url.trim().is_empty())
        {
            builder = builder.base_url(url);
        }
        builder.build()
    }
}
