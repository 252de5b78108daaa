//! Requests that no document describes.

use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderValue, Method};
use progenitor_client::{ByteStream, ResponseValue};
use reqwest::Url;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::operation::{Operation, Priority, Success};
use super::options::{CallOptions, Draft};
use crate::ext::drift::shape::Shape;
use crate::ext::error::{Error, ErrorKind, Idempotency, one_line};
use crate::raw::Client;

impl Client {
    /// Prepares a request to any path of the service, for what this version of the crate does not know.
    ///
    /// It is sent by the same rules as the operations of the document: with the key, within the rate
    /// limit, with retries, limits of size and time, and a span in the log. `path` begins with `/`, such
    /// as `/v1/scenes`, may have a query, and is relative to the [base URL](Self::base_url), so the
    /// key never reaches another machine. A value that is inserted into it must be percent-encoded.
    ///
    /// The method decides whether the request may be sent again when its response is lost ([RFC 9110,
    /// section 9.2][rfc]): GET, HEAD, OPTIONS, TRACE, PUT and DELETE may. Any other, such as POST, counts as
    /// [paid](Request::paid).
    ///
    /// [rfc]: https://www.rfc-editor.org/rfc/rfc9110#section-9.2
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let simulator = gizmo_simulator::Simulator::start(gizmo_simulator::Options::instant()).await?;
    /// # let builder = gizmo_client::Client::builder().api_key(simulator.api_key());
    /// # let client = builder.base_url(simulator.url()).build()?;
    /// use gizmo_client::http::Method;
    /// use serde_json::{Value, json};
    ///
    /// let account = client.request(Method::GET, "/v1/whoami").send::<Value>().await?;
    /// println!("{}", *account);
    ///
    /// let generate = client.request(Method::POST, "/v1/scenes").json(&json!({"prompt": "a lab"}));
    /// let accepted = generate.send::<Value>().await?;
    /// let job = client.job(accepted["job_id"].as_str().unwrap_or_default());
    /// job.wait().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn request(&self, method: Method, path: impl Into<String>) -> Request<'_> {
        Request {
            client: self,
            idempotency: Idempotency::of(&method),
            method,
            path: path.into(),
            body: None,
            options: CallOptions::new(),
        }
    }
}

/// A request to any path of the service, created by [`Client::request`].
#[derive(Debug, Clone)]
#[must_use = "a request does nothing until it is sent"]
pub struct Request<'a> {
    client: &'a Client,
    method: Method,
    path: String,
    idempotency: Idempotency,
    /// JSON, or why the value has none.
    body: Option<Result<Vec<u8>, String>>,
    options: CallOptions,
}

impl Request<'_> {
    /// Sets the body, as JSON.
    ///
    /// If the value cannot be written as JSON, it is [`ErrorKind::InvalidRequest`] when the request is sent.
    pub fn json(mut self, body: &(impl Serialize + ?Sized)) -> Self {
        self.body = Some(serde_json::to_vec(body).map_err(|error| error.to_string()));
        self
    }

    /// States that the request costs credits, or has another effect when it is repeated. It is not sent
    /// again once it may have arrived; see [`Error::is_outcome_unknown`].
    pub fn paid(mut self) -> Self {
        self.idempotency = Idempotency::Paid;
        self
    }

    /// States that the request costs nothing, and that sending it twice has the effect of sending it once.
    /// It is sent again when its response is lost.
    pub fn idempotent(mut self) -> Self {
        self.idempotency = Idempotency::Idempotent;
        self
    }

    /// Sets headers, parameters of the query, a deadline and the retry policy of this request.
    pub fn options(mut self, options: CallOptions) -> Self {
        self.options = options;
        self
    }

    /// Sends the request and decodes the JSON body of a successful response, such as to a
    /// [`serde_json::Value`]. A response without a body is decoded from `{}`.
    ///
    /// # Errors
    ///
    /// Those of an operation; [`ErrorKind::Decode`] if the body is not a `T`. If
    /// [`Error::is_outcome_unknown`], the request may have taken effect and be paid for. What it made
    /// is unknown here, so [`Client::reconcile`] cannot look for it.
    ///
    /// # Cancel safety
    ///
    /// Not cancel safe unless the request is idempotent: it may take effect. For a deadline, use
    /// [`CallOptions::deadline`].
    pub async fn send<T: DeserializeOwned>(self) -> Result<ResponseValue<T>, Error> {
        let name = self.name();
        let operation = self.operation(&name, Success::Json);
        let build = || self.build(HeaderValue::from_static("application/json"));
        let draft = Draft::new(&build, &self.options);
        self.client.json_of(&operation, draft).await
    }

    /// Sends the request and returns the body of a successful response as a stream of bytes, without a
    /// limit of its size. A redirect to another machine is followed without the key.
    ///
    /// # Errors
    ///
    /// Those of [`send`](Self::send), except for the body.
    ///
    /// # Cancel safety
    ///
    /// As of [`send`](Self::send).
    pub async fn stream(self) -> Result<ResponseValue<ByteStream>, Error> {
        let name = self.name();
        let operation = self.operation(&name, Success::File);
        let build = || self.build(HeaderValue::from_static("*/*"));
        let draft = Draft::new(&build, &self.options);
        self.client.stream_of(&operation, draft).await
    }

    /// `POST /v1/scenes`
    fn name(&self) -> String {
        let path = self.path.split(['?', '#']).next().unwrap_or_default();
        format!("{} {}", self.method, one_line(path, 100))
    }

    fn operation<'n>(&self, name: &'n str, success: Success) -> Operation<'n> {
        Operation {
            id: name,
            path: "",
            idempotency: self.idempotency,
            starts: None,
            success,
            priority: if self.idempotency == Idempotency::Paid {
                Priority::High
            } else {
                Priority::Normal
            },
            shape: &Shape::Any,
        }
    }

    fn build(&self, accept: HeaderValue) -> Result<reqwest::Request, Error> {
        let invalid = |message: String| Error::new(ErrorKind::InvalidRequest, message);
        let mut request = reqwest::Request::new(self.method.clone(), self.url()?);
        request.headers_mut().insert(ACCEPT, accept);
        if let Some(body) = &self.body {
            let body = body.clone();
            let body = body.map_err(|why| invalid(format!("the body is not JSON: {why}")))?;
            let json = HeaderValue::from_static("application/json");
            request.headers_mut().insert(CONTENT_TYPE, json);
            *request.body_mut() = Some(body.into());
        }
        Ok(request)
    }

    /// Resolves the path, which must stay below the base URL.
    fn url(&self) -> Result<Url, Error> {
        let invalid = |why: &str| {
            let message = format!("the path `{}` {why}", one_line(&self.path, 100));
            Err(Error::new(ErrorKind::InvalidRequest, message))
        };
        if !self.path.starts_with('/') {
            return invalid("does not begin with `/`");
        }
        let Ok(url) = Url::parse(&format!("{}{}", self.client.base_url(), self.path)) else {
            return invalid("is not the path of a URL");
        };
        // The URL standard resolves `.` and `..`, also percent-encoded, so that fewer segments are left.
        let given = self.path.split(['?', '#']).next().unwrap_or_default();
        let base = &self.client.inner.0.base;
        let is_below = url.path().strip_prefix(base.path().trim_end_matches('/'));
        let segments = |path: &str| path.split(['/', '\\']).count();
        if url.origin() != base.origin()
            || is_below.is_none_or(|path| segments(path) != segments(given))
        {
            return invalid("has a segment `.` or `..`");
        }
        Ok(url)
    }
}
