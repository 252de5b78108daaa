//! The derivation: upstream's document and our overlay in, `openapi.json` and its ledger out.

use serde_json::Value;

use crate::{
    Error, Result,
    guard::{self, Generated},
    ledger::Ledger,
    lower, overlay,
};

/// What the inputs derive.
#[derive(Clone, Debug)]
pub struct Derived {
    /// The derived document.
    pub document: Value,
    /// The document with the overlay, translated to 3.0: all that is said of the wire.
    pub wire: Value,
    /// Every rewrite on the way.
    pub ledger: Ledger,
    /// What the generator makes of the derived document.
    pub code: Generated,
    /// What a maintainer should look at: drift between upstream and the overlay.
    pub warnings: Vec<String>,
}

impl Derived {
    /// The text of `openapi.json`.
    pub fn to_text(&self) -> String {
        format!("{:#}\n", self.document)
    }
}

/// Derives from the bytes of `upstream.json` and `overlay.json`.
///
/// # Errors
/// Either is not what it should be, or the result is nothing that the generator takes.
pub fn derive(upstream: &[u8], overlay: &[u8]) -> Result<Derived> {
    let mut document = parse_upstream(upstream)?;
    let warnings = overlay::apply(&mut document, &parse_overlay(overlay)?)?;
    let mut wire = document.clone();
    lower::translate(&mut wire)?;
    let ledger = lower::lower(&mut document)?;
    let code = guard::generate(&document)?;
    Ok(Derived {
        document,
        wire,
        ledger,
        code,
        warnings,
    })
}

/// What a document says on the wire, with as much of the overlay as still fits: the present overlay
/// may be written for the next document already. Null if it is not a document.
pub fn wire(upstream: &[u8], overlay: &[u8]) -> Value {
    let read = || -> Result<Value> {
        let mut document = parse_upstream(upstream)?;
        let overlay = parse_overlay(overlay)?;
        overlay::apply_what_fits(&mut document, &overlay)?;
        lower::translate(&mut document)?;
        Ok(document)
    };
    read().unwrap_or(Value::Null)
}

pub(crate) fn parse_overlay(overlay: &[u8]) -> Result<Value> {
    serde_json::from_slice(overlay)
        .map_err(|error| Error::refused(format!("overlay.json is not JSON: {error}")))
}

/// Reads a document and says plainly what it is when it is not what upstream serves.
pub(crate) fn parse_upstream(bytes: &[u8]) -> Result<Value> {
    let text = String::from_utf8_lossy(bytes);
    let start = text.trim_start_matches('\u{feff}').trim_start();
    if start.is_empty() {
        return Err(Error::refused(
            "the document is empty; check that the URL or file is the service's openapi.json",
        ));
    }
    if start.starts_with('<') {
        return Err(Error::refused(
            "the document is an HTML page; the URL is likely that of a page about the API, not of \
             its openapi.json",
        ));
    }
    let document: Value = serde_json::from_slice(bytes)
        .map_err(|error| Error::refused(format!("the document is not JSON: {error}")))?;
    if let Some(version) = document.get("swagger") {
        return Err(Error::refused(format!(
            "upstream serves OpenAPI 3.1; this document is Swagger {}",
            plain(version)
        )));
    }
    let Some(version) = document.get("openapi") else {
        return Err(Error::refused(
            "the document is JSON but no OpenAPI: it has no `openapi` member",
        ));
    };
    if !version
        .as_str()
        .is_some_and(|text| text == "3.1" || text.starts_with("3.1."))
    {
        return Err(Error::refused(format!(
            "upstream serves OpenAPI 3.1; this document says {}",
            plain(version)
        )));
    }
    Ok(document)
}

fn plain(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}
