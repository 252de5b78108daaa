//! Derives `openapi.json` and its ledger from upstream's document and the overlay.

use serde_json::Value;

use crate::{
    Error, Result,
    guard::{self, Generated},
    json::{self, Parsed},
    ledger::Ledger,
    lower, overlay,
    refusal::{self, LeftOut},
};

/// The result of a derivation.
#[derive(Clone, Debug)]
pub struct Derived {
    /// The derived document.
    pub document: Value,
    /// The document with the overlay, translated to 3.0 but not lowered further. It contains what
    /// only the generator does not support.
    pub wire: Value,
    /// The rewrites of lowering.
    pub ledger: Ledger,
    /// The code that the generator produces from the derived document.
    pub code: Generated,
    /// What no rule could lower and the generator does not support.
    pub left_out: Vec<LeftOut>,
    /// Differences between upstream and the overlay that a maintainer should check.
    pub warnings: Vec<String>,
}

impl Derived {
    /// Returns the text of `openapi.json`.
    pub fn to_text(&self) -> String {
        format!("{:#}\n", self.document)
    }
}

/// Derives the document from the bytes of `upstream.json` and `overlay.json`.
///
/// # Errors
/// If an input is invalid, the generator does not accept the result, or the overlay needs an
/// operation that has to be left out.
pub fn derive(upstream: &[u8], overlay: &[u8]) -> Result<Derived> {
    let (mut document, mut warnings) = parse_upstream(upstream)?;
    let overlay = parse_overlay(overlay)?;
    warnings.extend(overlay::apply(&mut document, &overlay)?);
    let mut wire = document.clone();
    refusal::without_refused(&mut wire, lower::translate)?;
    let ((mut ledger, code), left_out) = refusal::without_refused(&mut document, |document| {
        let ledger = lower::lower(document)?;
        Ok((ledger, guard::generate(document)?))
    })?;
    ledger.leave_out(&left_out);
    if let Some((found, action)) = overlay::first_needed(&overlay, &left_out)? {
        return Err(Error::refused(format!(
            "{found}; overlay action {action} needs this operation"
        )));
    }
    Ok(Derived {
        document,
        wire,
        ledger,
        code,
        left_out,
        warnings,
    })
}

/// Derives [`Derived::wire`] of a previous document. The overlay can already be written for the
/// next one, so actions that match nothing are skipped. Returns null if an input is invalid.
pub fn wire(upstream: &[u8], overlay: &[u8]) -> Value {
    let derive = || -> Result<Value> {
        let (mut document, _) = parse_upstream(upstream)?;
        let overlay = parse_overlay(overlay)?;
        overlay::apply_what_fits(&mut document, &overlay)?;
        refusal::without_refused(&mut document, lower::translate)?;
        Ok(document)
    };
    derive().unwrap_or(Value::Null)
}

pub(crate) fn parse_overlay(overlay: &[u8]) -> Result<Value> {
    serde_json::from_slice(overlay)
        .map_err(|error| Error::refused(format!("overlay.json is not JSON: {error}")))
}

/// Parses the document of upstream, and returns a warning for each duplicate key. The error names
/// the format that was found instead.
pub(crate) fn parse_upstream(bytes: &[u8]) -> Result<(Value, Vec<String>)> {
    let text = String::from_utf8_lossy(bytes);
    let start = text.trim_start_matches('\u{feff}').trim_start();
    if start.is_empty() {
        return Err(Error::refused(
            "the document is empty; check that the URL or file is that of the service's openapi.json",
        ));
    }
    if start.starts_with('<') {
        return Err(Error::refused(
            "the document is an HTML page; use the URL of openapi.json, not that of a page about \
             the API",
        ));
    }
    let Parsed {
        value: document,
        duplicates,
    } = json::parse(bytes)
        .map_err(|error| Error::refused(format!("the document is not JSON: {error}")))?;
    if let Some(version) = document.get("swagger") {
        return Err(Error::refused(format!(
            "expected an OpenAPI 3.1 document, but this is Swagger {}",
            version
                .as_str()
                .map_or_else(|| version.to_string(), str::to_owned)
        )));
    }
    let Some(version) = document.get("openapi") else {
        return Err(Error::refused(
            "the document is JSON, but not an OpenAPI document: it has no `openapi` member",
        ));
    };
    if !version
        .as_str()
        .is_some_and(|text| text == "3.1" || text.starts_with("3.1."))
    {
        return Err(Error::refused(format!(
            "expected an OpenAPI 3.1 document, but its `openapi` member is {version}"
        )));
    }
    let warnings = duplicates
        .iter()
        .map(|at| format!("upstream has {at} more than once; the last value replaces the others"))
        .collect();
    Ok((document, warnings))
}
