//! The other machine that exports are fetched from: whoever has a link may, and no key is wanted.

use std::fmt::Display;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use gizmo_client::SignedUrl;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use serde_json::json;

use super::Tables;
use crate::call::Call;
use crate::clock::iso_8601;
use crate::export::{Brief, Language};
use crate::exports::archived;
use crate::files;
use crate::response::{Body, json_response, whole};
use crate::state::Shared;

/// What a token stands for.
#[derive(Debug)]
pub(crate) struct Link {
    brief: Brief,
    language: Language,
    /// Time since 1970.
    expires_at: Duration,
}

/// Returns a new link.
pub(super) fn link(
    call: &Call,
    tables: &mut Tables,
    brief: Brief,
    format: &impl Display,
    language: Language,
) -> Response<Body> {
    let shared = &call.shared;
    let expires_at = shared.clock.now() + shared.options.link_lifetime;
    let token = tables.links.new_id();
    let url = format!(
        "{}/exports/{}/{format}/export.zip?token={token}",
        shared.cdn_url, brief.id
    );
    let link = Link {
        brief,
        language,
        expires_at,
    };
    tables.links.insert(&token, link);
    let mut response = json!(SignedUrl::new(url, Some(UNIX_EPOCH + expires_at)));
    response["expires_at"] = json!(iso_8601(expires_at.as_secs()));
    json_response(StatusCode::OK, &response)
}

/// Returns the file that a link leads to.
pub(crate) async fn file(
    shared: &Arc<Shared>,
    query: &[(String, String)],
    headers: &HeaderMap,
) -> Response<Body> {
    let names = [AUTHORIZATION.as_str(), "x-gizmo-service-token"];
    if names.iter().any(|name| headers.contains_key(*name)) {
        let message = "Only one auth mechanism allowed: the token in the link";
        return refused(StatusCode::BAD_REQUEST, "InvalidArgument", message);
    }
    let token = query.iter().find(|(name, _)| name == "token");
    let token = token.map_or("", |(_, token)| token);
    let wanted = {
        let tables = shared.tables();
        let link = tables.alpha.links.get(token);
        let link = link.filter(|link| shared.clock.now() < link.expires_at);
        link.map(|link| (link.brief.clone(), link.language))
    };
    let Some((brief, language)) = wanted else {
        return refused(StatusCode::FORBIDDEN, "AccessDenied", "Request has expired");
    };
    match archived(shared, brief, language).await {
        Ok(bytes) => files::response(&bytes, "application/zip", headers),
        Err(refusal) => refusal.into_response(),
    }
}

/// An error as object stores write it.
fn refused(status: StatusCode, code: &str, message: &str) -> Response<Body> {
    let xml = format!("<Error><Code>{code}</Code><Message>{message}</Message></Error>");
    let mut response = Response::new(whole(xml));
    *response.status_mut() = status;
    let media = HeaderValue::from_static("application/xml");
    response.headers_mut().insert(CONTENT_TYPE, media);
    response
}
