//! Derives `openapi.json` and its ledger from upstream's document and the overlay.

use openapi_lowering::{Document, Lowered, Lowering};
use serde_json::Value;

use crate::{Error, Result, generator::Gizmo};

/// Derives the document from the bytes of `upstream.json` and `overlay.json`, and from the previous
/// `openapi.json`, whose names are kept.
///
/// # Errors
/// If an input is invalid, the generator does not accept the result, or the overlay needs an
/// operation that has to be left out.
pub fn derive(
    generator: &Gizmo,
    upstream: &[u8],
    overlay: &[u8],
    previous: Option<&Value>,
) -> Result<Lowered> {
    // Assumption: document-untyped-successes.
    let overlay = parse_overlay(overlay)?;
    let mut lowering = Lowering::new(generator).overlay(&overlay);
    if let Some(previous) = previous {
        lowering = lowering.previous(previous);
    }
    // Assumption: document-openapi-31.
    Ok(lowering.lower(&Document::parse(upstream)?)?)
}

/// Derives what is compared on the wire. Returns null if an input is invalid.
pub fn wire(upstream: &[u8], overlay: &[u8]) -> Value {
    let derive = || -> Result<Value> {
        let overlay = parse_overlay(overlay)?;
        let generator = Gizmo::default();
        let lowering = Lowering::new(&generator).overlay(&overlay);
        Ok(lowering.wire(&Document::parse(upstream)?)?)
    };
    derive().unwrap_or(Value::Null)
}

/// Parses our overlay, in which each action must name its evidence.
pub(crate) fn parse_overlay(overlay: &[u8]) -> Result<Value> {
    let overlay: Value = serde_json::from_slice(overlay)
        .map_err(|error| Error::refused(format!("overlay.json is not JSON: {error}")))?;
    let actions = overlay["actions"].as_array().into_iter().flatten();
    for (number, action) in actions.enumerate() {
        let evidence = action["x-evidence"].as_str().unwrap_or_default();
        if !EVIDENCE.contains(&evidence) {
            return Err(Error::refused(format!(
                "overlay action {number} ({}) has no valid `x-evidence`; set it to {}",
                action["target"],
                EVIDENCE.join(", ")
            )));
        }
    }
    Ok(overlay)
}

/// What can support a correction.
const EVIDENCE: [&str; 3] = ["documented", "observed", "guess"];

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_action_without_evidence_is_refused() {
        for (evidence, is_valid) in [("guess", true), ("hearsay", false), ("", false)] {
            let action = json!({"target": "$", "update": {}, "x-evidence": evidence});
            let overlay = json!({"overlay": "1.0.0", "actions": [action]}).to_string();
            let error = parse_overlay(overlay.as_bytes())
                .err()
                .map(|error| error.to_string());
            assert_eq!(error.is_none(), is_valid, "{error:?}");
            assert!(error.is_none_or(|error| error.contains("overlay action 0 (\"$\")")));
        }
    }
}
