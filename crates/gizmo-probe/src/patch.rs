//! Patches that raise the evidence of what a recording has confirmed.

use serde_json::{Value, json};

use crate::evidence::Evidence;
use crate::report::Report;
use crate::repository::Repository;
use crate::tally::Verdict;

/// A [JSON Patch](https://www.rfc-editor.org/rfc/rfc6902) of `openapi/overlay.json`: the types of responses that
/// were seen and decode completely are observed and no longer a guess.
pub(crate) fn overlay(evidence: &Evidence, report: &Report, repository: &Repository) -> Value {
    let differs = |schema: &str| {
        let place = repository.place(schema);
        let mut undecodable = report.responses.undecodable.iter();
        undecodable.any(|difference| difference.place == place)
    };
    let mut schemas = Vec::new();
    for seen in evidence
        .seen()
        .filter(|seen| seen.is_success() && seen.json().is_some())
    {
        if let Some(body) = repository.body(seen.operation()) {
            schemas.extend(body.inner.map(|(_, inner)| inner));
            schemas.push(body.schema);
        }
    }
    schemas.sort_unstable();
    schemas.dedup();
    let mut actions: Vec<_> = schemas
        .iter()
        .filter(|schema| !differs(schema))
        .filter_map(|schema| repository.action(schema))
        .collect();
    actions.sort_unstable();
    actions.dedup();
    let raised = actions.into_iter().filter_map(|index| {
        let action = &repository.overlay["actions"][index];
        is_guess(&action["x-evidence"]).then(|| raise(&format!("/actions/{index}/x-evidence")))
    });
    Value::Array(raised.flatten().collect())
}

/// A JSON Patch of `openapi/assumptions.json`: the confirmed guesses are observed.
pub(crate) fn assumptions(report: &Report) -> Value {
    let all = report.assumptions.iter().enumerate();
    let raised = all.filter_map(|(index, assessed)| {
        let is_confirmed = assessed.verdict == Verdict::Confirmed;
        let is_guess = assessed.evidence == "guess";
        (is_confirmed && is_guess).then(|| raise(&format!("/assumptions/{index}/evidence")))
    });
    Value::Array(raised.flatten().collect())
}

fn is_guess(evidence: &Value) -> bool {
    evidence == "guess"
}

/// Replaces a guess. The patch does not apply to a file that has changed since.
fn raise(path: &str) -> [Value; 2] {
    [
        json!({"op": "test", "path": path, "value": "guess"}),
        json!({"op": "replace", "path": path, "value": "observed"}),
    ]
}
