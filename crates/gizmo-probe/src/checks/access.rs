//! Checks of keys, ids and other things that all operations share.

use serde_json::Value;

use super::{Check, kind};
use crate::evidence::Evidence;
use crate::find;
use crate::note;
use crate::tally::Tally;

pub(super) const CHECKS: &[Check] = &[
    ("paths-below-v1", below_v1),
    ("auth-bearer", bearer),
    ("auth-missing-key", missing_key),
    ("id-characters", id_text),
    ("id-characters", id_characters),
    ("whoami-fields", whoami),
    ("usage-fields", usage),
    ("acknowledgement", acknowledgement),
];

fn below_v1(evidence: &Evidence, tally: &mut Tally) {
    let of_account = evidence
        .noted(note::ACCOUNT)
        .chain(evidence.noted(note::LIST));
    for seen in of_account {
        let is_elsewhere = seen.status() == 404 && seen.segment(0) == Some("v1");
        tally.expect_status(!is_elsewhere, seen);
    }
}

fn bearer(evidence: &Evidence, tally: &mut Tally) {
    for seen in evidence.noted(note::ACCOUNT) {
        let is_refused = matches!(seen.status(), 401 | 403);
        tally.expect_status(!is_refused, seen);
    }
}

fn missing_key(evidence: &Evidence, tally: &mut Tally) {
    for seen in evidence
        .noted(note::NO_KEY)
        .chain(evidence.noted(note::WRONG_KEY))
    {
        if seen.status() != 401 {
            tally.expect_status(false, seen);
            continue;
        }
        let code = seen.json().and_then(|body| body.pointer("/error/code"));
        let holds = code.and_then(Value::as_str) == Some("authentication_required");
        tally.expect(holds, seen, "/error/code", kind(code));
    }
}

/// The members that hold ids of the service.
const IDS: [&str; 4] = ["id", "job_id", "scene_id", "asset_id"];

fn each_id(evidence: &Evidence, mut visit: impl FnMut(crate::evidence::Seen<'_>, &str, &Value)) {
    let typed = [
        "list_scenes",
        "get_scene",
        "list_assets",
        "get_asset",
        "get_job",
    ];
    let paid = ["generate_scene", "edit_scene", "generate_asset"];
    for seen in typed
        .iter()
        .chain(&paid)
        .flat_map(|name| evidence.successes(name))
    {
        let Some(body) = seen.json() else { continue };
        find::each(body, |pointer, value| {
            let name = pointer.rsplit('/').next().unwrap_or_default();
            // The graph of a scene has ids of its own.
            let is_in_graph = pointer.contains("/record/") || pointer.contains("/result/");
            if IDS.contains(&name) && !is_in_graph && !value.is_null() {
                visit(seen, pointer, value);
            }
            false
        });
    }
}

fn id_text(evidence: &Evidence, tally: &mut Tally) {
    each_id(evidence, |seen, pointer, value| {
        tally.expect(value.is_string(), seen, pointer, kind(Some(value)));
    });
}

fn id_characters(evidence: &Evidence, tally: &mut Tally) {
    each_id(evidence, |seen, pointer, value| {
        if let Some(id) = value.as_str() {
            let holds = id
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
            tally.expect(holds, seen, pointer, kind(Some(value)));
        }
    });
}

fn has_members(evidence: &Evidence, operation: &str, names: &[&str], tally: &mut Tally) {
    for seen in evidence.successes(operation) {
        for name in names {
            let value = seen.json().and_then(|body| body.get(*name));
            let place = format!("/{name}");
            tally.expect(value.is_some(), seen, &place, "nothing");
        }
    }
}

fn whoami(evidence: &Evidence, tally: &mut Tally) {
    has_members(evidence, "whoami", &["user_id", "scopes"], tally);
}

fn usage(evidence: &Evidence, tally: &mut Tally) {
    has_members(evidence, "usage", &["keys"], tally);
}

fn acknowledgement(evidence: &Evidence, tally: &mut Tally) {
    for operation in ["update_scene", "delete_scene", "delete_asset", "cancel_job"] {
        for seen in evidence.successes(operation) {
            let holds = match &seen.response.body {
                gizmo_client::record::Content::Empty => true,
                _ => seen.json().is_some_and(|body| body["ok"].is_boolean()),
            };
            let found = kind(seen.json().and_then(|body| body.get("ok")));
            tally.expect(holds, seen, "/ok", found);
        }
    }
}
