//! Error responses: code and message, in each of the documented shapes.

use std::time::SystemTime;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode};

use super::request_id;
use crate::ext::error::{ErrorResponse, one_line};
use crate::ext::http::config::Credential;
use crate::ext::http::headers::{rate_limit, retry_after};

/// Reads an error response of the service, or of a proxy in its place.
pub(super) fn error_response(
    status: StatusCode,
    headers: &HeaderMap,
    body: &Bytes,
    credential: &Credential,
) -> ErrorResponse {
    let body = credential.redact_body(body);
    let text = String::from_utf8_lossy(&body);
    // Assumption: no-redirects.
    let (code, message) = if status.is_redirection() {
        let location = headers
            .get(http::header::LOCATION)
            .and_then(|location| location.to_str().ok());
        let location = location.map_or_else(String::new, |location| {
            format!(" to {}", one_line(&credential.redact(location), 200))
        });
        (
            None,
            format!(
                "the service redirects{location}; redirects are not followed, so set the base URL to the target"
            ),
        )
    } else {
        code_and_message(&text)
    };
    let now = SystemTime::now();
    ErrorResponse {
        status,
        headers: redacted(headers, credential),
        code,
        message,
        request_id: request_id(headers, credential),
        retry_after: retry_after(headers, now),
        is_from_service: is_from_service(status, &text)
            || rate_limit(headers, now).is_some_and(|limit| limit.remaining == 0),
        body,
    }
}

/// The value of a header that is no header's value any more without its secret.
const REDACTED: HeaderValue = HeaderValue::from_static("redacted");

/// Removes the secret and the queries of URLs from the values of headers.
fn redacted(headers: &HeaderMap, credential: &Credential) -> HeaderMap {
    let mut redacted = headers.clone();
    for value in redacted.values_mut() {
        let text = credential.redact_body(&Bytes::copy_from_slice(value.as_bytes()));
        if text != value.as_bytes() {
            *value = HeaderValue::from_maybe_shared(text).unwrap_or(REDACTED);
        }
    }
    redacted
}

/// Whether a body is an error of the service: it has a code in one of the documented places, or it is
/// one of `FastAPI`'s own, which are not used for refusals that are temporary.
// Assumption: error-from-service.
fn is_from_service(status: StatusCode, text: &str) -> bool {
    let json: serde_json::Value = serde_json::from_str(text).unwrap_or_default();
    let is_temporary = matches!(status.as_u16(), 408 | 409 | 425 | 429 | 499..);
    json["error"]["code"].is_string()
        || json["code"].is_string()
        || !is_temporary && (json["detail"].is_string() || json["detail"].is_array())
}

/// `{error:{code,message}}`, `FastAPI`'s `{detail:[{loc,msg}]}` or `{detail:"…"}`, the alpha API's
/// flat `{error,code,message}`; otherwise the start of the body.
fn code_and_message(text: &str) -> (Option<String>, String) {
    let json: serde_json::Value = serde_json::from_str(text).unwrap_or_default();
    let field = |value: &serde_json::Value, name: &str| {
        value[name].as_str().map(|text| one_line(text, 300))
    };
    // Assumptions: error-envelope, alpha-error-flat.
    for holder in [&json["error"], &json] {
        let (code, message) = (field(holder, "code"), field(holder, "message"));
        if code.is_some() || message.is_some() {
            return (code, message.unwrap_or_else(|| "no message".to_owned()));
        }
    }
    // Assumption: error-validation.
    if let Some(details) = json["detail"].as_array() {
        let messages: Vec<String> = details.iter().take(5).map(validation_error).collect();
        return (Some("validation_error".to_owned()), messages.join("; "));
    }
    if let Some(code) = xml_text(text, "Code") {
        // An object store's: `<Error><Code>ExpiredToken</Code><Message>…</Message></Error>`.
        let message = xml_text(text, "Message").unwrap_or("no message");
        return (Some(one_line(code, 300)), one_line(message, 300));
    }
    // Assumption: error-detail-text.
    let message = field(&json, "detail").or_else(|| field(&json, "error"));
    let message = message.unwrap_or_else(|| {
        if looks_like_html(text) {
            html_text(text)
        } else {
            one_line(text, 200)
        }
    });
    (
        None,
        if message.is_empty() {
            "no message".to_owned()
        } else {
            message
        },
    )
}

/// `body.prompt: String should have at least 1 character`
fn validation_error(detail: &serde_json::Value) -> String {
    let parts = detail["loc"].as_array().into_iter().flatten();
    let location: Vec<String> = parts
        .map(|part| {
            part.as_str()
                .map_or_else(|| part.to_string(), str::to_owned)
        })
        .collect();
    let message = detail["msg"]
        .as_str()
        .map_or_else(|| detail.to_string(), str::to_owned);
    let text = if location.is_empty() {
        message
    } else {
        format!("{}: {message}", location.join("."))
    };
    one_line(&text, 200)
}

/// Returns the text of an element without attributes.
fn xml_text<'a>(text: &'a str, element: &str) -> Option<&'a str> {
    let (_, after) = text.split_once(&format!("<{element}>"))?;
    let (inner, _) = after.split_once(&format!("</{element}>"))?;
    (!inner.is_empty()).then_some(inner)
}

fn looks_like_html(text: &str) -> bool {
    text.trim_start().starts_with('<')
}

/// The title of a proxy's error page, or that it is HTML.
fn html_text(text: &str) -> String {
    let lower = text.to_ascii_lowercase();
    let title = lower.find("<title>").and_then(|start| {
        let end = start + lower[start..].find("</title>")?;
        text.get(start + "<title>".len()..end)
    });
    title.map_or_else(
        || "an HTML page".to_owned(),
        |title| format!("an HTML page, `{}`", one_line(title, 100)),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ext::error::Error;

    #[test]
    fn an_error_body_is_read_in_every_shape() {
        for (body, code, message) in [
            (
                r#"{"error":{"code":"scene_not_found","message":"Scene x not found","status":404}}"#,
                Some("scene_not_found"),
                "Scene x not found",
            ),
            (
                r#"{"error":"bad_request","code":"asset_not_ready","message":"Wait"}"#,
                Some("asset_not_ready"),
                "Wait",
            ),
            (r#"{"error":{"message":"only this"}}"#, None, "only this"),
            (r#"{"error":{"code":"c"}}"#, Some("c"), "no message"),
            (r#"{"error":"gone"}"#, None, "gone"),
            (r#"{"detail":"Not Found"}"#, None, "Not Found"),
            (
                r#"{"detail":[{"loc":["body","prompt"],"msg":"too short","type":"t"},{"loc":["query",0],"msg":"b","type":"t"}]}"#,
                Some("validation_error"),
                "body.prompt: too short; query.0: b",
            ),
            (
                "<html><head><TITLE>502 Bad Gateway</TITLE></head></html>",
                None,
                "an HTML page, `502 Bad Gateway`",
            ),
            ("<p>", None, "an HTML page"),
            ("upstream\nconnect error", None, "upstream connect error"),
            ("", None, "no message"),
            ("[1]", None, "[1]"),
            ("null", None, "null"),
        ] {
            assert_eq!(
                code_and_message(body),
                (code.map(str::to_owned), message.to_owned()),
                "{body}"
            );
        }
    }

    #[test]
    fn a_key_that_the_service_echoes_is_redacted() {
        let credential =
            Credential::ApiKey(crate::ext::values::secret::ApiKey::new("gzm_k1_canary").unwrap());
        let body =
            Bytes::from_static(br#"{"error":{"code":"x","message":"bad key gzm_k1_canary"}}"#);
        let error = Error::from_response(error_response(
            StatusCode::UNAUTHORIZED,
            &HeaderMap::new(),
            &body,
            &credential,
        ));
        assert_eq!(error.message(), "bad key [redacted]");
        assert!(
            !format!(
                "{error} {error:?} {}",
                String::from_utf8_lossy(error.body())
            )
            .contains("canary")
        );
    }
}
