//! The requests of the probe: all of them are sent and recorded here, and only `pay` sends one that costs credits.

use std::sync::Mutex;
use std::time::Duration;

use gizmo_client::http::{HeaderMap, Method, header};
use gizmo_client::record::Recording;
use gizmo_client::{Client, Error};
use reqwest::{Request, Response, Url};
use serde_json::Value;
use tokio::time::{Instant, sleep, sleep_until, timeout, timeout_at};

/// The longest body that is read, 2 GiB. Exports are tens of megabytes, seldom some hundred.
const MAX_BODY: u64 = 2 * 1024 * 1024 * 1024;

/// The longest JSON body that is decoded.
const MAX_JSON: usize = 64 * 1024 * 1024;

/// The longest silence before a request is given up.
const IDLE: Duration = Duration::from_secs(60);

/// The longest time for one body: an export of a gigabyte at 1 MB/s.
const LONGEST: Duration = Duration::from_secs(20 * 60);

/// The longest wait for a window of the rate limit. Windows last a minute.
const MAX_PAUSE: Duration = Duration::from_secs(70);

/// How often a read is sent again after a failure or 429.
const MAX_RETRIES: u32 = 2;

/// The right to send one request that costs credits.
#[derive(Debug)]
pub(crate) struct Permit(());

impl Permit {
    /// The only source of permits: as many as the user has allowed.
    pub(crate) fn all(spend: u32) -> Vec<Self> {
        (0..spend).map(|_| Self(())).collect()
    }
}

/// The credential of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Credential {
    Own,
    None,
    Wrong,
}

/// A request before it is sent.
#[derive(Debug, Clone)]
pub(crate) struct Ask {
    method: Method,
    segments: Vec<String>,
    query: Vec<(&'static str, String)>,
    headers: Vec<(&'static str, String)>,
    body: Option<Value>,
    credential: Credential,
    note: &'static str,
}

impl Ask {
    /// A request for a path such as `["v1", "scenes", id]`. A segment is percent-encoded, so an id of the service
    /// cannot change the route.
    pub(crate) fn new(note: &'static str, method: Method, segments: &[&str]) -> Self {
        Self {
            method,
            segments: segments.iter().map(|one| (*one).to_owned()).collect(),
            query: Vec::new(),
            headers: Vec::new(),
            body: None,
            credential: Credential::Own,
            note,
        }
    }

    pub(crate) fn get(note: &'static str, segments: &[&str]) -> Self {
        Self::new(note, Method::GET, segments)
    }

    pub(crate) fn query(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.query.push((name, value.into()));
        self
    }

    pub(crate) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub(crate) fn json(mut self, body: Value) -> Self {
        self.body = Some(body);
        self
    }

    pub(crate) fn credential(mut self, credential: Credential) -> Self {
        self.credential = credential;
        self
    }
}

/// A response that was read completely.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    /// Null if it is not JSON.
    pub(crate) body: Value,
}

impl Reply {
    pub(crate) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

/// Sends the requests of the probe, and records them.
#[derive(Debug)]
pub(crate) struct Sender {
    http: reqwest::Client,
    base: Url,
    key: String,
    recording: Recording,
    /// The time before a read is sent again.
    retry_pause: Duration,
    /// When the window of the rate limit ends, if it is used up.
    resumes_at: Mutex<Option<Instant>>,
}

impl Sender {
    /// Creates a sender with a key for a base URL, which the client's own rules check. Only then the recording is
    /// created.
    pub(crate) fn new(
        key: &str,
        base: Option<&str>,
        retry_pause: Duration,
        recording: impl FnOnce() -> Result<Recording, Error>,
    ) -> Result<Self, Error> {
        let builder = || {
            let builder = Client::builder().api_key(key);
            match base {
                Some(base) => builder.base_url(base),
                None => builder,
            }
        };
        builder().build()?;
        let recording = recording()?;
        let client = builder().record(&recording).build()?;
        let base = Url::parse(client.base_url()).expect("the client has parsed it");
        let mut http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .connect_timeout(Duration::from_secs(10))
            .read_timeout(IDLE)
            .user_agent(concat!("gizmo-probe/", env!("CARGO_PKG_VERSION")));
        if base.scheme() == "http" {
            // A proxy would receive the key in clear text.
            http = http.no_proxy();
        }
        Ok(Self {
            http: http.build().expect("these settings are valid"),
            base,
            key: key.trim().to_owned(),
            recording,
            retry_pause,
            resumes_at: Mutex::default(),
        })
    }

    /// Returns the first error of writing the recording, if there was one.
    pub(crate) fn check(&self) -> Result<(), Error> {
        self.recording.check()
    }

    /// Sends a request that costs nothing, and reads its response. None if there was no response.
    pub(crate) async fn send(&self, ask: Ask) -> Option<Reply> {
        let is_read = ask.method == Method::GET;
        for retries in 0.. {
            let (response, status) = match self.open(ask.clone()).await {
                Some(response) => {
                    let status = response.status().as_u16();
                    (read(response).await, status)
                }
                None => (None, 0),
            };
            let may_retry = is_read && retries < MAX_RETRIES;
            match response {
                Some(reply) if status != 429 || !may_retry => return Some(reply),
                None if !may_retry => return None,
                _ => sleep(self.retry_pause).await,
            }
        }
        None
    }

    /// Sends a request that costs nothing, and returns its response with the body unread.
    pub(crate) async fn open(&self, ask: Ask) -> Option<Response> {
        let request = self.request(&ask)?;
        if is_paid(&request) {
            return None;
        }
        self.execute(ask.note, request).await
    }

    /// Sends the one request that a permit allows. It is never sent again.
    pub(crate) async fn pay(&self, permit: Permit, ask: Ask) -> Option<Reply> {
        let Permit(()) = permit;
        let request = self.request(&ask)?;
        read(self.execute(ask.note, request).await?).await
    }

    /// Fetches a file of the service or of another host. The key is sent to the service only.
    pub(crate) async fn file(
        &self,
        note: &'static str,
        location: &str,
        range: Option<&str>,
    ) -> Option<Reply> {
        let url = self.base.join(location).ok()?;
        let is_own = url.origin() == self.base.origin();
        if !is_own && url.scheme() != "https" {
            return None;
        }
        let mut request = Request::new(Method::GET, url);
        if let Some(range) = range {
            request
                .headers_mut()
                .insert(header::RANGE, range.parse().ok()?);
        }
        if is_own {
            self.authorize(&mut request, Credential::Own);
        }
        read(self.execute(note, request).await?).await
    }

    async fn execute(&self, note: &'static str, request: Request) -> Option<Response> {
        let resumes_at = self.resumes_at.lock().expect("no panic holds it").take();
        if let Some(resumes_at) = resumes_at {
            sleep_until(resumes_at).await;
        }
        self.recording.note(Some(note));
        let response = self.recording.execute(&self.http, request);
        let response = timeout(IDLE, response).await.ok()?.ok()?;
        if let Some(pause) = pause(response.status().as_u16(), response.headers()) {
            let mut resumes_at = self.resumes_at.lock().expect("no panic holds it");
            *resumes_at = Some(Instant::now() + pause);
        }
        Some(response)
    }

    /// Builds a request. None if a segment cannot be one.
    fn request(&self, ask: &Ask) -> Option<Request> {
        let mut url = self.base.clone();
        let is_segment = |one: &String| {
            !one.is_empty() && one.len() <= 300 && !matches!(one.as_str(), "." | "..")
        };
        if !ask.segments.iter().all(is_segment) {
            return None;
        }
        url.path_segments_mut()
            .ok()?
            .pop_if_empty()
            .extend(&ask.segments);
        if !ask.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&ask.query);
        }
        let mut request = Request::new(ask.method.clone(), url);
        for (name, value) in &ask.headers {
            request.headers_mut().insert(*name, value.parse().ok()?);
        }
        if let Some(body) = &ask.body {
            let json = header::HeaderValue::from_static("application/json");
            request.headers_mut().insert(header::CONTENT_TYPE, json);
            *request.body_mut() = Some(body.to_string().into());
        }
        self.authorize(&mut request, ask.credential);
        Some(request)
    }

    fn authorize(&self, request: &mut Request, credential: Credential) {
        let key = match credential {
            Credential::Own => self.key.as_str(),
            Credential::Wrong => "gzm_k1_unknown",
            Credential::None => return,
        };
        if let Ok(mut value) = header::HeaderValue::try_from(format!("Bearer {key}")) {
            value.set_sensitive(true);
            request.headers_mut().insert(header::AUTHORIZATION, value);
        }
    }
}

/// Whether a request starts a job, by its final URL. Both APIs have these routes.
fn is_paid(request: &Request) -> bool {
    let path = request.url().path().trim_end_matches('/');
    let starts_job = ["/v1/scenes", "/v1/assets", "/edit"]
        .iter()
        .any(|end| path.ends_with(end));
    let places_asset = path.ends_with("/assets");
    request.method() == Method::POST && (starts_job || places_asset)
}

/// Reads a body up to its end or for the longest time, and decodes it if it is JSON of a usual size.
async fn read(mut response: Response) -> Option<Reply> {
    let latest = Instant::now() + LONGEST;
    let status = response.status().as_u16();
    let mut json = Vec::new();
    let mut length = 0;
    while let Ok(Ok(Some(chunk))) = timeout_at(latest, response.chunk()).await {
        length += chunk.len() as u64;
        if json.len() + chunk.len() <= MAX_JSON {
            json.extend_from_slice(&chunk);
        }
        if length > MAX_BODY {
            break;
        }
    }
    let is_whole = json.len() as u64 == length;
    let body = is_whole.then(|| serde_json::from_slice(&json).ok());
    Some(Reply {
        status,
        body: body.flatten().unwrap_or_default(),
    })
}

/// Returns how long to wait after a response before the next request.
fn pause(status: u16, headers: &HeaderMap) -> Option<Duration> {
    let number = |name: &str| -> Option<f64> { headers.get(name)?.to_str().ok()?.parse().ok() };
    let remaining = number("x-ratelimit-remaining").or_else(|| number("ratelimit-remaining"));
    if status != 429 && remaining.is_none_or(|remaining| remaining >= 1.0) {
        return None;
    }
    let now = std::time::UNIX_EPOCH.elapsed().ok()?.as_secs_f64();
    let until = |reset: f64| if reset > 1e9 { reset - now } else { reset };
    let seconds = number("retry-after")
        .or_else(|| number("x-ratelimit-reset").map(until))
        .or_else(|| number("ratelimit-reset").map(until))
        .unwrap_or(5.0);
    Duration::try_from_secs_f64(seconds.max(0.1))
        .ok()
        .map(|pause| pause.min(MAX_PAUSE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_route_that_starts_a_job_is_paid() {
        for (method, url, expected) in [
            (Method::POST, "http://h/v1/scenes", true),
            (Method::POST, "http://h/v1/scenes/", true),
            (Method::POST, "http://h/proxy/v1/scenes", true),
            (Method::POST, "http://h/v1/scenes?x=/export", true),
            (Method::POST, "http://h/v1/assets", true),
            (Method::POST, "http://h/v1/scenes/a/edit", true),
            (Method::POST, "http://h/v1/scenes/a/assets", true),
            (Method::POST, "http://h/v1/scenes/a/export", false),
            (Method::POST, "http://h/v1/jobs/a/cancel", false),
            (Method::GET, "http://h/v1/scenes", false),
        ] {
            let request = Request::new(method.clone(), Url::parse(url).unwrap());
            assert_eq!(is_paid(&request), expected, "{method} {url}");
        }
    }

    #[test]
    fn a_pause_follows_the_headers_and_is_bounded() {
        for (status, headers, expected) in [
            (200, vec![("x-ratelimit-remaining", "5")], None),
            (200, vec![], None),
            (429, vec![], Some(5)),
            (429, vec![("retry-after", "3")], Some(3)),
            (
                200,
                vec![("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "9")],
                Some(9),
            ),
            (429, vec![("retry-after", "100000")], Some(70)),
            (429, vec![("x-ratelimit-reset", "99999999999")], Some(70)),
        ] {
            let mut map = HeaderMap::new();
            for (name, value) in &headers {
                map.insert(*name, value.parse().unwrap());
            }
            let found = pause(status, &map).map(|pause| pause.as_secs());
            assert_eq!(found, expected, "{status} {headers:?}");
        }
    }
}
