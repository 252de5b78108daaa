//! Responses in the service's formats: resources, lists, errors and validation errors.

use std::error::Error;
use std::fmt;

use bytes::Bytes;
use gizmo_client::types::{ErrorDetail, ErrorResponse};
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use serde::Serialize;
use serde_json::{Value, json};

/// A response body. Its error aborts the connection.
pub(crate) type Body = UnsyncBoxBody<Bytes, Abort>;

/// The result of an operation's handler.
pub(crate) type HandlerResult = Result<Response<Body>, Refusal>;

/// An error that makes hyper abort the connection.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Abort;

impl fmt::Display for Abort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the simulator aborted the connection to inject a fault")
    }
}

impl Error for Abort {}

/// Returns a body of known length.
pub(crate) fn full(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into())
        .map_err(|never| match never {})
        .boxed_unsync()
}

/// Returns a JSON response.
pub(crate) fn json_response(status: StatusCode, value: &impl Serialize) -> Response<Body> {
    let bytes = serde_json::to_vec(value).expect("response types serialize to JSON");
    let mut response = Response::new(full(bytes));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// Returns a 200 response with a resource under its name.
#[expect(
    clippy::unnecessary_wraps,
    reason = "handlers return it as their result"
)]
pub(crate) fn envelope(name: &str, resource: &impl Serialize) -> HandlerResult {
    Ok(json_response(
        StatusCode::OK,
        &json!({ "ok": true, name: resource }),
    ))
}

/// The page of a list that a request selects.
pub(crate) struct Page {
    pub(crate) limit: u64,
    pub(crate) offset: u64,
    /// Whether the page reports the number of all items.
    pub(crate) total: bool,
}

impl Page {
    /// Returns a 200 response with this page of `all` under `name`.
    #[expect(
        clippy::unnecessary_wraps,
        reason = "handlers return it as their result"
    )]
    pub(crate) fn list<T: Serialize>(
        &self,
        name: &str,
        all: impl IntoIterator<Item = T>,
    ) -> HandlerResult {
        let mut fields = self.select(name, all);
        fields["ok"] = json!(true);
        Ok(json_response(StatusCode::OK, &fields))
    }

    /// Like [`list`](Self::list), but without `ok`, which the early-access API omits.
    #[expect(
        clippy::unnecessary_wraps,
        reason = "handlers return it as their result"
    )]
    pub(crate) fn bare_list<T: Serialize>(
        &self,
        name: &str,
        all: impl IntoIterator<Item = T>,
    ) -> HandlerResult {
        Ok(json_response(StatusCode::OK, &self.select(name, all)))
    }

    fn select<T: Serialize>(&self, name: &str, all: impl IntoIterator<Item = T>) -> Value {
        let skip = usize::try_from(self.offset).unwrap_or(usize::MAX);
        let take = usize::try_from(self.limit).unwrap_or(usize::MAX);
        let (mut items, mut total) = (Vec::new(), 0_usize);
        for item in all {
            if total >= skip && items.len() < take {
                items.push(item);
            }
            total += 1;
        }
        // Assumption: list-envelope.
        let mut page = json!({ name: items, "limit": self.limit, "offset": self.offset });
        if self.total {
            page["total"] = json!(total);
        }
        page
    }
}

/// An error response to a request that is refused.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) status: StatusCode,
    pub(crate) body: Value,
    pub(crate) retry_after: Option<u64>,
}

impl Refusal {
    /// Returns an error in the service's own format: a code and a message.
    pub(crate) fn new(status: StatusCode, code: &str, message: impl Into<String>) -> Self {
        // Assumption: error-envelope.
        let detail = ErrorDetail {
            code: code.to_owned(),
            message: message.into(),
            status: status.as_u16().into(),
        };
        let body = serde_json::to_value(ErrorResponse { error: detail })
            .expect("response types serialize to JSON");
        Self {
            status,
            body,
            retry_after: None,
        }
    }

    /// Returns a 404 whose code names the kind of resource, such as `scene_not_found`.
    pub(crate) fn not_found(kind: &str, id: &str) -> Self {
        let mut name = kind.to_owned();
        name[..1].make_ascii_uppercase();
        Self::new(
            StatusCode::NOT_FOUND,
            &format!("{kind}_not_found"),
            format!("{name} {id} not found"),
        )
    }

    /// Returns an error in `FastAPI`'s format for requests that match no route.
    pub(crate) fn detail(status: StatusCode, detail: &str) -> Self {
        Self {
            status,
            // Assumption: error-detail-text.
            body: json!({ "detail": detail }),
            retry_after: None,
        }
    }

    /// Returns a 422 in `FastAPI`'s format for inputs that fail validation.
    pub(crate) fn invalid(errors: &[Value]) -> Self {
        Self {
            status: StatusCode::UNPROCESSABLE_ENTITY,
            // Assumption: error-validation.
            body: json!({ "detail": errors }),
            retry_after: None,
        }
    }

    /// Converts the error to the early-access API's flat format, which uses 400 instead of 422.
    pub(crate) fn flat(self) -> Self {
        let status = match self.status {
            StatusCode::UNPROCESSABLE_ENTITY => StatusCode::BAD_REQUEST,
            status => status,
        };
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let first = &self.body["detail"][0];
        let invalid = text(&first["msg"]).map(|reason| format!("{}: {reason}", first["loc"]));
        let message = text(&self.body["error"]["message"]).or(invalid);
        let category = status.canonical_reason().unwrap_or_default().to_lowercase();
        let category = category.replace(' ', "_");
        // Assumption: alpha-error-flat.
        let body = json!({
            "error": category,
            "code": text(&self.body["error"]["code"]).unwrap_or_else(|| category.clone()),
            "message": message.or_else(|| text(&self.body["detail"])),
        });
        Self {
            status,
            body,
            ..self
        }
    }

    pub(crate) fn into_response(self) -> Response<Body> {
        let mut response = json_response(self.status, &self.body);
        if let Some(seconds) = self.retry_after {
            response
                .headers_mut()
                .insert(http::header::RETRY_AFTER, seconds.into());
        }
        response
    }
}

/// Returns one failed validation as `FastAPI` reports it.
pub(crate) fn validation_error(
    location: &[&str],
    kind: &str,
    message: &str,
    input: &Value,
) -> Value {
    json!({ "type": kind, "loc": location, "msg": message, "input": input })
}
