//! The account operations: the owner of an API key, and the usage of the owner's keys.

use gizmo_client::types::{Usage, WhoAmI};
use http::StatusCode;
use serde_json::{Map, json};

use crate::call::Call;
use crate::response::{HandlerResult, json_response};

const SCOPES: &[&str] = &[
    "scenes:read",
    "scenes:write",
    "assets:read",
    "assets:write",
    "jobs:read",
    "jobs:write",
    "catalog:read",
    "export",
];

#[expect(clippy::unnecessary_wraps, reason = "every handler returns a result")]
pub(crate) fn whoami(_: &Call) -> HandlerResult {
    // Assumption: whoami-fields.
    let who = WhoAmI {
        ok: Some(true),
        user_id: Some("user_simulator".to_owned()),
        scopes: Some(json!(SCOPES)),
        extra: Map::new(),
    };
    Ok(json_response(StatusCode::OK, &who))
}

#[expect(clippy::unnecessary_wraps, reason = "every handler returns a result")]
pub(crate) fn usage(call: &Call) -> HandlerResult {
    let requests = call.shared.record().total();
    let tables = call.shared.tables();
    // Assumption: usage-fields.
    let keys = json!([{
        "name": "simulator",
        "requests": requests,
        "jobs": tables.spent,
        "credits_used": tables.spent,
        "credits_left": tables.credits,
    }]);
    Ok(json_response(
        StatusCode::OK,
        &Usage {
            ok: Some(true),
            keys: Some(keys),
            extra: Map::new(),
        },
    ))
}
