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
    actions.extend(of_responses(evidence, report, repository));
    actions.sort_unstable();
    actions.dedup();
    let raised = actions.into_iter().filter_map(|index| {
        let action = &repository.overlay["actions"][index];
        is_guess(&action["x-evidence"]).then(|| raise(&format!("/actions/{index}/x-evidence")))
    });
    Value::Array(raised.flatten().collect())
}

/// The actions that give the response of an operation its type, if it was seen and decodes completely.
fn of_responses(evidence: &Evidence, report: &Report, repository: &Repository) -> Vec<usize> {
    let decodes = |operation: &str| {
        let mut undecodable = report.responses.undecodable.iter();
        let mut seen = evidence.successes(operation);
        seen.any(|seen| seen.json().is_some())
            && !undecodable.any(|difference| difference.operation == operation)
    };
    let actions = repository.overlay["actions"].as_array();
    let actions = actions.into_iter().flatten().enumerate();
    let of_responses = actions.filter(|(_, action)| {
        let target = action["target"].as_str().unwrap_or_default();
        let operation = target
            .strip_prefix("$.paths['")
            .and_then(|rest| rest.split_once("']."))
            .and_then(|(path, rest)| {
                let (method, _) = rest.split_once(".responses[")?;
                repository.document["paths"][path][method]["operationId"].as_str()
            });
        action.get("update").is_some() && operation.is_some_and(decodes)
    });
    of_responses.map(|(index, _)| index).collect()
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
