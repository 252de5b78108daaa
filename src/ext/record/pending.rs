//! A request that is under way, up to the end of its response's body.

use std::time::Instant;

use http::{HeaderMap, Method};
use reqwest::{Request, Response, ResponseBuilderExt, Url};

use super::Recording;
use super::content::{self, Collector};
use super::exchange::{Content, End, Exchange, RecordedRequest, RecordedResponse, seconds};
use super::redact::Redactor;
use super::tee::Tee;
use super::vocabulary;

/// A request without a response so far. If it is dropped, the recording says so.
pub(super) struct Pending(Option<Open>);

/// What was sent. Nothing is replaced so far: what is private is known best at the end.
struct Open {
    recording: Recording,
    number: u32,
    note: Option<String>,
    sent_at: f64,
    started: Instant,
    hint: String,
    method: Method,
    url: Url,
    headers: HeaderMap,
    body: Content,
}

/// A response whose body is being read.
struct Responded {
    open: Open,
    after: f64,
    status: u16,
    headers: HeaderMap,
}

impl Pending {
    /// Notes a request; `hint` is the operation, if the caller knows it.
    pub(super) fn new(recording: &Recording, request: &Request, hint: &str) -> Self {
        let body = content::of_request(request.body());
        let open = recording.number().map(|(number, note)| {
            {
                let mut redactor = recording.redactor();
                redactor.collect_headers(request.headers());
                redactor.collect_url(request.url());
                content::collect(&mut redactor, &body, true);
            }
            Open {
                recording: recording.clone(),
                number,
                note,
                sent_at: seconds(recording.began().elapsed()),
                started: Instant::now(),
                hint: hint.to_owned(),
                method: request.method().clone(),
                url: request.url().clone(),
                headers: request.headers().clone(),
                body,
            }
        });
        Self(open)
    }

    /// Returns the response with a body that is recorded while it is read.
    pub(super) fn respond(mut self, response: Response) -> Response {
        let Some(open) = self.0.take() else {
            return response;
        };
        let url = response.url().clone();
        let (parts, body) = http::Response::<reqwest::Body>::from(response).into_parts();
        let is_stream = parts.status.is_success() && open.operation() == Some("job_events");
        let (started, collector) = (open.started, Collector::new(&parts.headers, is_stream));
        let responded = Responded {
            after: seconds(open.started.elapsed()),
            open,
            status: parts.status.as_u16(),
            headers: parts.headers.clone(),
        };
        let at_end = Box::new(|collector, end| responded.write(collector, end));
        let body = reqwest::Body::wrap(Tee::new(body, started, collector, at_end));
        let built = http::Response::builder().url(url).body(body);
        let mut recorded = built.expect("a URL cannot make a response invalid");
        *recorded.status_mut() = parts.status;
        *recorded.version_mut() = parts.version;
        *recorded.headers_mut() = parts.headers;
        recorded.extensions_mut().extend(parts.extensions);
        recorded.into()
    }

    /// Writes that there was no response.
    pub(super) fn fail(mut self, error: &reqwest::Error) {
        let failure = if error.is_connect() {
            "connect"
        } else if error.is_timeout() {
            "timeout"
        } else {
            "transport"
        };
        if let Some(open) = self.0.take() {
            open.write_failure(failure);
        }
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        if let Some(open) = self.0.take() {
            open.write_failure("dropped");
        }
    }
}

impl Open {
    fn write_failure(self, failure: &str) {
        let recording = self.recording.clone();
        let exchange = {
            let mut redactor = recording.redactor();
            let mut exchange = self.exchange(&mut redactor);
            exchange.failure = Some(failure.to_owned());
            exchange
        };
        recording.write(&exchange);
    }

    /// The operation that is requested.
    fn operation(&self) -> Option<&'static str> {
        let redactor = self.recording.redactor();
        let path = redactor.own_path(&self.url)?;
        vocabulary::operation(self.method.as_str(), path, &self.hint)
    }

    fn exchange(self, redactor: &mut Redactor) -> Exchange {
        let path = redactor.own_path(&self.url);
        let operation =
            path.and_then(|path| vocabulary::operation(self.method.as_str(), path, &self.hint));
        Exchange {
            number: self.number,
            operation: operation.map(str::to_owned),
            note: self.note,
            sent_at: self.sent_at,
            request: RecordedRequest {
                method: redactor.method(&self.method),
                target: redactor.url(&self.url),
                headers: redactor.request_headers(&self.headers),
                body: content::redact(redactor, self.body, false),
            },
            response: None,
            failure: None,
        }
    }
}

impl Responded {
    /// Writes the exchange.
    fn write(self, collector: Collector, end: End) {
        let ended_after = self.open.started.elapsed();
        let body = collector.finish(ended_after);
        let ended_after = seconds(ended_after);
        let recording = self.open.recording.clone();
        let exchange = {
            let mut redactor = recording.redactor();
            let path = redactor.own_path(&self.open.url);
            let is_document = path == Some("/v1/openapi.json") && content::is_document(&body);
            if !is_document {
                content::collect(&mut redactor, &body, false);
            }
            let mut exchange = self.open.exchange(&mut redactor);
            exchange.response = Some(RecordedResponse {
                after: self.after,
                ended_after,
                status: self.status,
                headers: redactor.response_headers(&self.headers),
                body: content::redact(&mut redactor, body, is_document),
                end,
            });
            exchange
        };
        recording.write(&exchange);
    }
}
