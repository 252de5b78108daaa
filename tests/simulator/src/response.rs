//! Responses in the service's shapes: resources, lists, errors and refused inputs.

use std::error::Error;
use std::fmt;

use bytes::Bytes;
use gizmo_client::types::{ErrorDetail, ErrorResponse};
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use serde::Serialize;
use serde_json::{Map, Value, json};

/// A body that may break the connection.
pub(crate) type Body = UnsyncBoxBody<Bytes, Broken>;

/// What a handler makes of a call.
pub(crate) type Handled = Result<Response<Body>, Refusal>;

/// Tells hyper to give the connection up.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Broken;

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the connection is broken on purpose")
    }
}

impl Error for Broken {}

/// A body that is all there.
pub(crate) fn whole(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into())
        .map_err(|never| match never {})
        .boxed_unsync()
}

/// A response in JSON.
pub(crate) fn json_response(status: StatusCode, value: &impl Serialize) -> Response<Body> {
    let bytes = serde_json::to_vec(value).expect("responses are plain data");
    let mut response = Response::new(whole(bytes));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// A resource under its name.
#[expect(clippy::unnecessary_wraps, reason = "it ends handlers")]
pub(crate) fn detail(name: &str, resource: &impl Serialize) -> Handled {
    Ok(json_response(
        StatusCode::OK,
        &json!({ "ok": true, name: resource }),
    ))
}

/// The part of a list that a call asks for, and where it lies in the whole.
pub(crate) struct Window {
    pub(crate) limit: u64,
    pub(crate) offset: u64,
}

impl Window {
    /// Returns this part of a list under its name.
    #[expect(clippy::unnecessary_wraps, reason = "it ends handlers")]
    pub(crate) fn list<T: Serialize>(
        &self,
        name: &str,
        all: impl IntoIterator<Item = T>,
    ) -> Handled {
        let mut fields = self.of(name, all);
        fields["ok"] = json!(true);
        Ok(json_response(StatusCode::OK, &fields))
    }

    /// The same without `ok`, which the early-access API does not say.
    #[expect(clippy::unnecessary_wraps, reason = "it ends handlers")]
    pub(crate) fn bare_list<T: Serialize>(
        &self,
        name: &str,
        all: impl IntoIterator<Item = T>,
    ) -> Handled {
        Ok(json_response(StatusCode::OK, &self.of(name, all)))
    }

    fn of<T: Serialize>(&self, name: &str, all: impl IntoIterator<Item = T>) -> Value {
        let skip = usize::try_from(self.offset).unwrap_or(usize::MAX);
        let take = usize::try_from(self.limit).unwrap_or(usize::MAX);
        let (mut page, mut total) = (Vec::new(), 0_usize);
        for item in all {
            if total >= skip && page.len() < take {
                page.push(item);
            }
            total += 1;
        }
        json!({ name: page, "total": total, "limit": self.limit, "offset": self.offset })
    }
}

/// Why a call is refused.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) status: StatusCode,
    pub(crate) body: Value,
    pub(crate) retry_after: Option<u64>,
}

impl Refusal {
    /// The service's own shape: a code and a message.
    pub(crate) fn new(status: StatusCode, code: &str, message: impl Into<String>) -> Self {
        let detail = ErrorDetail {
            code: code.to_owned(),
            message: message.into(),
            status: status.as_u16().into(),
        };
        let body = serde_json::to_value(ErrorResponse { error: detail })
            .expect("responses are plain data");
        Self {
            status,
            body,
            retry_after: None,
        }
    }

    /// `scene_not_found` and its like.
    pub(crate) fn not_found(what: &str, id: &str) -> Self {
        let mut name = what.to_owned();
        name[..1].make_ascii_uppercase();
        Self::new(
            StatusCode::NOT_FOUND,
            &format!("{what}_not_found"),
            format!("{name} {id} not found"),
        )
    }

    /// `FastAPI`'s shape for what no route takes.
    pub(crate) fn detail(status: StatusCode, detail: &str) -> Self {
        Self {
            status,
            body: json!({ "detail": detail }),
            retry_after: None,
        }
    }

    /// `FastAPI`'s shape for an input that breaks a rule.
    pub(crate) fn invalid(faults: &[Value]) -> Self {
        Self {
            status: StatusCode::UNPROCESSABLE_ENTITY,
            body: json!({ "detail": faults }),
            retry_after: None,
        }
    }

    /// The same in the early-access API's flat shape, which has 400 for 422.
    pub(crate) fn flat(self) -> Self {
        let status = match self.status {
            StatusCode::UNPROCESSABLE_ENTITY => StatusCode::BAD_REQUEST,
            status => status,
        };
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let first = &self.body["detail"][0];
        let broken = text(&first["msg"]).map(|said| format!("{}: {said}", first["loc"]));
        let message = text(&self.body["error"]["message"]).or(broken);
        let category = status.canonical_reason().unwrap_or_default().to_lowercase();
        let category = category.replace(' ', "_");
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

/// One broken rule, as `FastAPI` reports it.
pub(crate) fn fault(location: &[&str], kind: &str, message: &str, input: &Value) -> Value {
    json!({ "type": kind, "loc": location, "msg": message, "input": input })
}

/// The fields of an object literal, for a resource's `extra`.
pub(crate) fn fields(object: Value) -> Map<String, Value> {
    match object {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}
