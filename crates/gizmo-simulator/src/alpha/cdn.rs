//! The CDN of the early-access API. A link to an export contains a token, and requests carry no key.

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
use crate::export::{Brief, Export, Language};
use crate::exports::archived;
use crate::files;
use crate::response::{Body, full, json_response};
use crate::shape::Layout;
use crate::state::Shared;

/// The export that a token gives access to.
#[derive(Debug)]
pub(crate) struct Link {
    brief: Brief,
    language: Language,
    /// The time since the Unix epoch.
    expires_at: Duration,
}

/// Creates a link to an export and returns the response with it.
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
    // Assumptions: alpha-export-url, alpha-times-iso.
    let mut body = json!(SignedUrl::new(url, Some(UNIX_EPOCH + expires_at)));
    body["expires_at"] = json!(iso_8601(expires_at.as_secs()));
    json_response(StatusCode::OK, &body)
}

/// Returns the response to a request for a link's file.
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
    let export = {
        let tables = shared.tables();
        let link = tables.alpha.links.get(token);
        let link = link.filter(|link| shared.clock.now() < link.expires_at);
        link.map(|link| (link.brief.clone(), link.language))
    };
    let Some((brief, language)) = export else {
        return refused(StatusCode::FORBIDDEN, "AccessDenied", "Request has expired");
    };
    let mut export = Export::new(&shared.options, brief, language);
    export.shape.layout = Layout::Files;
    match archived(shared, export).await {
        Ok(bytes) => files::respond(&bytes, "application/zip", headers),
        Err(refusal) => refusal.into_response(),
    }
}

/// Returns an error in the XML format of object stores.
fn refused(status: StatusCode, code: &str, message: &str) -> Response<Body> {
    let xml = format!("<Error><Code>{code}</Code><Message>{message}</Message></Error>");
    let mut response = Response::new(full(xml));
    *response.status_mut() = status;
    let media = HeaderValue::from_static("application/xml");
    response.headers_mut().insert(CONTENT_TYPE, media);
    response
}
