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
    let overlay = parse_overlay(overlay)?;
    let mut lowering = Lowering::new(generator).overlay(&overlay);
    if let Some(previous) = previous {
        lowering = lowering.previous(previous);
    }
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

pub(crate) fn parse_overlay(overlay: &[u8]) -> Result<Value> {
    serde_json::from_slice(overlay)
        .map_err(|error| Error::refused(format!("overlay.json is not JSON: {error}")))
}
