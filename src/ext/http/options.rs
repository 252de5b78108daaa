//! What a caller changes about one call.

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Body, Request};
use serde_json::{Map, Value};
use tokio::time::{Instant, timeout_at};

use super::operation::Operation;
use super::retry::RetryPolicy;
use crate::ext::error::{Error, ErrorKind};

/// Changes to one call, for what the document does not describe: every builder takes them in its
/// `options`.
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let simulator = gizmo_simulator::Simulator::start(gizmo_simulator::Options::instant()).await?;
/// # let builder = gizmo_client::Client::builder().api_key(simulator.api_key());
/// # let client = builder.base_url(simulator.url()).build()?;
/// use std::time::Duration;
///
/// use gizmo_client::CallOptions;
///
/// let options = CallOptions::new()
///     .header("x-experiment", "42")
///     .body_field("seed", 7)
///     .deadline(Duration::from_secs(60));
/// let job = client.generate_scene().prompt("a robotics lab").options(options).start().await?;
/// # job.wait().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Default)]
#[must_use = "options do nothing until a builder takes them"]
pub struct CallOptions(Option<Box<Changes>>);

#[derive(Debug, Clone, Default)]
struct Changes {
    headers: HeaderMap,
    query: Vec<(String, String)>,
    body: Map<String, Value>,
    deadline: Option<Duration>,
    retry_policy: Option<RetryPolicy>,
    /// Why a request with these options is invalid.
    invalid: Option<String>,
}

impl CallOptions {
    pub(crate) const NONE: &Self = &Self(None);

    /// Returns options that change nothing.
    pub fn new() -> Self {
        Self::default()
    }

    fn change(mut self, change: impl FnOnce(&mut Changes)) -> Self {
        change(self.0.get_or_insert_default());
        self
    }

    /// Sets a header of the request, in place of one with this name. The header with the client's own key
    /// cannot be changed. The header is sent to the service only, not to a place that it redirects to.
    ///
    /// A name or a value that HTTP does not allow is [`ErrorKind::InvalidRequest`] when the request is
    /// sent.
    pub fn header(self, name: impl AsRef<str>, value: impl AsRef<str>) -> Self {
        let name = name.as_ref();
        let parsed = HeaderName::from_bytes(name.as_bytes());
        let value = HeaderValue::from_str(value.as_ref());
        self.change(|changes| match (parsed, value) {
            (Ok(name), Ok(mut value)) => {
                value.set_sensitive(true);
                changes.headers.insert(name, value);
            }
            // The value may be a secret.
            _ => {
                changes.invalid = Some(format!("the header `{name}` has an invalid name or value"));
            }
        })
    }

    /// Adds a parameter to the query, after those of the operation.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "a number is passed without `&`"
    )]
    pub fn query(self, name: impl Into<String>, value: impl ToString) -> Self {
        let pair = (name.into(), value.to_string());
        self.change(|changes| changes.query.push(pair))
    }

    /// Sets a field of the body, which must be a JSON object, in place of one with this name.
    ///
    /// On a request with another body, or none, it is [`ErrorKind::InvalidRequest`] when the request is
    /// sent.
    pub fn body_field(self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.change(|changes| {
            changes.body.insert(name.into(), value.into());
        })
    }

    /// Ends the call with [`ErrorKind::Deadline`] if it is not complete after `limit`: no deadline by
    /// default.
    ///
    /// The time includes waits for the rate limit and retries, on `start` also the list before the
    /// request. It ends with the complete response, or with its headers if the body is streamed. If a
    /// generation may have been sent by then, [`Error::is_outcome_unknown`] is true, and
    /// [`Client::reconcile`](crate::Client::reconcile) accepts the error of `start`. Pages and the
    /// parts of a download that continues have the whole time each.
    pub fn deadline(self, limit: Duration) -> Self {
        self.change(|changes| changes.deadline = Some(limit))
    }

    /// Retries this call by another policy than the [client's](crate::ClientBuilder::retry_policy).
    pub fn retry_policy(self, policy: RetryPolicy) -> Self {
        self.change(|changes| changes.retry_policy = Some(policy))
    }

    /// Changes a request that was built.
    fn apply(&self, request: &mut Request) -> Result<(), Error> {
        let Some(changes) = &self.0 else {
            return Ok(());
        };
        let invalid = |message: &str| Err(Error::new(ErrorKind::InvalidRequest, message));
        if let Some(message) = &changes.invalid {
            return invalid(message);
        }
        for (name, value) in &changes.headers {
            request.headers_mut().insert(name, value.clone());
        }
        if !changes.query.is_empty() {
            request
                .url_mut()
                .query_pairs_mut()
                .extend_pairs(&changes.query);
        }
        if !changes.body.is_empty() {
            let body = request.body().and_then(Body::as_bytes);
            let Ok(Value::Object(mut fields)) = serde_json::from_slice(body.unwrap_or_default())
            else {
                return invalid(
                    "fields can be added to a body that is a JSON object, and this is none",
                );
            };
            fields.extend(changes.body.clone());
            *request.body_mut() = Some(Value::Object(fields).to_string().into());
        }
        Ok(())
    }
}

/// Builds a request from a builder's parameters, once for each attempt.
pub(crate) type Build<'a> = &'a (dyn Fn() -> Result<Request, Error> + Sync);

/// A request that is not built yet.
#[derive(Clone, Copy)]
pub(crate) struct Draft<'a> {
    build: Build<'a>,
    options: &'a CallOptions,
    /// When the caller gives up.
    pub(crate) deadline: Option<Deadline>,
}

impl<'a> Draft<'a> {
    /// The caller's deadline counts from now.
    pub(crate) fn new(build: Build<'a>, options: &'a CallOptions) -> Self {
        let limit = options.0.as_ref().and_then(|changes| changes.deadline);
        Self {
            build,
            options,
            deadline: limit.map(Deadline::after),
        }
    }

    /// A request without options.
    pub(crate) fn of(build: Build<'a>) -> Self {
        Self::new(build, CallOptions::NONE)
    }

    pub(crate) fn request(self) -> Result<Request, Error> {
        let mut request = (self.build)()?;
        self.options.apply(&mut request)?;
        Ok(request)
    }

    pub(crate) fn policy(self) -> Option<RetryPolicy> {
        self.options.0.as_ref()?.retry_policy
    }
}

/// When a caller gives up.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Deadline {
    limit: Duration,
    /// `None` if it is further away than a clock counts.
    at: Option<Instant>,
}

impl Deadline {
    fn after(limit: Duration) -> Self {
        Self {
            limit,
            at: Instant::now().checked_add(limit),
        }
    }

    /// Waits for a future at most until then.
    pub(crate) async fn within<T>(self, future: impl Future<Output = T> + Send) -> Option<T> {
        match self.at {
            Some(at) => timeout_at(at, future).await.ok(),
            None => Some(future.await),
        }
    }

    /// Returns the error of a call that is not complete by then.
    pub(crate) fn error(self, operation: &Operation<'_>, was_sent: bool) -> Error {
        let what = if was_sent { "no response" } else { "not sent" };
        let message = format!("{what} within {} s", self.limit.as_secs_f32());
        Error::new(ErrorKind::Deadline, message)
            .with_operation(operation.id)
            .with_idempotency(operation.idempotency)
            .with_was_sent(was_sent)
    }
}
