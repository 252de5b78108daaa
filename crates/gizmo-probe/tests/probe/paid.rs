//! Nothing is paid for without a permit.

use axum::http::Method;
use futures::StreamExt;
use gizmo_simulator::Options;
use serde_json::{Value, json};

use crate::run::probe;
use crate::standin::Changes;

/// A run that takes as little time as possible.
const QUICK: [&str; 6] = ["--linger", "0.05", "--poll", "0.05", "--longest", "0.3"];

/// Every operation of the document, with `*` for a parameter.
fn operations() -> Vec<(Method, String)> {
    let document: Value =
        serde_json::from_str(include_str!("../../../../openapi/openapi.json")).unwrap();
    let mut operations = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        let segments = path.split('/').map(|segment| {
            if segment.starts_with('{') {
                "*"
            } else {
                segment
            }
        });
        let path = segments.collect::<Vec<_>>().join("/");
        for method in methods.as_object().unwrap().keys() {
            let method = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
            operations.push((method, path.clone()));
        }
    }
    operations
}

/// Responses that could lead a careless program to a paid request.
fn responses() -> Vec<(u16, Option<&'static str>, Value)> {
    let hostile = json!("../scenes?x=");
    vec![
        (307, Some("/v1/scenes"), json!({})),
        (
            200,
            None,
            json!({
                "scenes": [{"id": "..", "job_id": "../../scenes"}, {"id": "a/edit", "job_id": "."}],
                "assets": [{"id": hostile, "asset_id": "..%2fscenes"}], "items": [{"slug": "../scenes"}],
                "job_id": "job_1", "scene_id": "sc_1/edit?", "job": {"id": "job_1", "status": "queued"},
                "glb": "/v1/scenes", "glb_path": "/v1/scenes/x.glb",
            }),
        ),
        (
            503,
            None,
            json!({"error": {"code": "busy", "message": "again", "status": 503}}),
        ),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_response_of_any_operation_leads_to_a_paid_request() {
    let operations = operations();
    assert_eq!(operations.len(), 21);
    let cases = operations.into_iter().flat_map(|operation| {
        let responses = responses().into_iter();
        responses.map(move |response| (operation.clone(), response))
    });
    let runs =
        futures::stream::iter(cases).map(|((method, path), (status, location, body))| async move {
            let mut changes = Changes::default();
            let (name, pattern) = (method.to_string(), path.clone());
            changes.response(move |asked, replied| {
                if asked.is(&name, &pattern) {
                    replied.replace(status, &body);
                    if let Some(location) = location {
                        replied
                            .headers
                            .insert("location", location.parse().unwrap());
                    }
                }
            });
            let probed = probe(changes, Options::instant(), &QUICK).await;
            assert!(
                probed.paid.is_empty(),
                "{method} {path} {status}: {:?}",
                probed.paid
            );
            assert!(
                probed.requests.len() > 40,
                "{method} {path} {status}: {}",
                probed.stderr()
            );
        });
    runs.buffer_unordered(6).collect::<Vec<()>>().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_permit_sends_one_request_also_if_it_is_refused() {
    for (status, body) in [
        (0, json!({})),
        (
            429,
            json!({"error": {"code": "rate_limit_exceeded", "message": "m", "status": 429}}),
        ),
        (
            503,
            json!({"error": {"code": "busy", "message": "m", "status": 503}}),
        ),
        (202, json!({"nothing": "known"})),
    ] {
        let mut changes = Changes::default();
        changes.response(move |asked, replied| {
            if status > 0 && asked.is("POST", "/v1/scenes") {
                replied.replace(status, &body);
                replied.headers.insert("retry-after", "0".parse().unwrap());
            }
        });
        let arguments: Vec<_> = ["--spend", "1", "--yes"].into_iter().chain(QUICK).collect();
        let probed = probe(changes, Options::instant(), &arguments).await;
        assert_eq!(probed.paid, ["/v1/scenes"], "{status}: {}", probed.stderr());
    }
}
